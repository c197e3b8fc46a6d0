"""`dunning doctor`: every service, right, file and clock that the work needs, one line each."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from worker.cli.doctor_findings import Finding, Verdict, exit_code, ok
from worker.cli.doctor_stripe import StripeVisit, skew_finding, stripe_time
from worker.cli.tables import columns, print_json
from worker.clock import wall_now
from worker.errors import ConfigError, ServiceUnavailable
from worker.mail.lint import lint_templates
from worker.mail.smtp import SmtpMailer
from worker.queue.health import redis_health
from worker.queue.limiter import UTILISATION, stripe_rates
from worker.settings.environment import Environment, read_environment
from worker.settings.load import load_configuration
from worker.store.reading_health import DatabaseHealth, database_health


@dataclass(frozen=True, slots=True)
class Seen:
    """The database as it was seen between two instants of this host's clock."""

    health: DatabaseHealth
    asked_at: datetime
    answered_at: datetime


def examine(data: Path | None, *, threads: int, as_json: bool) -> int:
    """Examine everything, print it and return the exit code: 0, 2 (wrong), 4 (away)."""
    with ExitStack() as open_parts:
        environ = dict(os.environ)
        if data is not None:
            environ |= _urls_in(data, open_parts)
        findings = list(_findings(environ, threads=threads))
    if as_json:
        print_json(
            {
                "ok": exit_code(findings) == 0,
                "checks": [
                    {"name": f.name, "verdict": f.verdict.value, "said": f.said, "do": f.do}
                    for f in findings
                ],
            }
        )
    else:
        columns(
            (f.verdict.value, f.name, f"{f.said} -> {f.do}" if f.do else f.said) for f in findings
        )
    return exit_code(findings)


def _urls_in(data: Path, open_parts: ExitStack) -> dict[str, str]:
    """Return where the embedded parts of *data* are reached while *open_parts* is open."""
    from worker.cli.data_dir import embedded_urls

    return open_parts.enter_context(embedded_urls(data))


def _findings(environ: dict[str, str], *, threads: int) -> Iterator[Finding]:
    try:
        environment = read_environment(environ, frozenset())
    except ConfigError as error:
        for problem in error.problems:
            yield Finding("Variables", Verdict.WRONG, problem, "see .env.example")
        return
    yield from _files(environment)
    database = None
    try:
        database = _database(environment)
    except ServiceUnavailable as away:
        yield Finding("Database", Verdict.AWAY, str(away), "check DATABASE_URL and the server")
    else:
        yield from _of_database(database)
    yield from _redis(environment)
    visit = StripeVisit(environment)
    yield from visit.findings()
    yield from _one_account(database, visit)
    yield from _stripe_clock(environment)
    yield from _smtp(environment)
    yield _threads(environment, visit, threads)


def _files(environment: Environment) -> Iterator[Finding]:
    letters = frozenset(path.stem for path in environment.templates_dir.glob("*/*.md"))
    try:
        configuration = load_configuration(environment.config_dir, letters)
    except ConfigError as error:
        for problem in error.problems:
            yield Finding("Configuration", Verdict.WRONG, problem, "correct the file")
    else:
        mode = configuration.dunning.mode.value
        yield ok("Configuration", f"{configuration.digest}, mode {mode}")
    problems = lint_templates(environment.templates_dir)
    for problem in problems:
        yield Finding("Letters", Verdict.WRONG, problem, "correct the file")
    if not problems:
        yield ok("Letters", f"{len(letters)} kinds, all can be rendered")


def _database(environment: Environment) -> Seen | None:
    if environment.sqlalchemy_url is None:
        return None
    asked_at = wall_now()
    return Seen(database_health(environment.sqlalchemy_url), asked_at, wall_now())


def _of_database(seen: Seen | None) -> Iterator[Finding]:
    if seen is None:
        yield Finding("Database", Verdict.WRONG, "DATABASE_URL is not set", "see .env.example")
        return
    health = seen.health
    server = f"PostgreSQL {health.version}"
    if health.revision == health.newest_revision:
        yield ok("Database", f"{server}, revision {health.revision}")
    else:
        at = f"is at revision {health.revision}" if health.revision else "has no tables yet"
        said = f"{server} {at}; this release needs {health.newest_revision}"
        yield Finding("Database", Verdict.WRONG, said, "dunning migrate")
    yield skew_finding("Database's clock", health.now_at, seen.asked_at, seen.answered_at)


def _redis(environment: Environment) -> Iterator[Finding]:
    if environment.redis_url is None:
        yield Finding("Redis", Verdict.WRONG, "REDIS_URL is not set", "see .env.example")
        return
    try:
        health = redis_health(environment.redis_url)
    except ServiceUnavailable as away:
        yield Finding("Redis", Verdict.AWAY, str(away), "check REDIS_URL and the server")
        return
    except ConfigError as wrong:
        yield Finding("Redis", Verdict.WRONG, str(wrong), "correct REDIS_URL")
        return
    evicts = health.memory_max_bytes > 0 and health.eviction_policy != "noeviction"
    if evicts:
        said = f"{health.version} drops messages when it is full ({health.eviction_policy})"
        yield Finding("Redis", Verdict.LOOK, said, "maxmemory-policy noeviction")
    elif health.appends_to_file is False:
        said = f"{health.version} forgets messages when it restarts; they only cost time"
        yield Finding("Redis", Verdict.LOOK, said, "appendonly yes")
    else:
        yield ok("Redis", f"{health.version}, keeps its messages")


def _one_account(database: Seen | None, visit: StripeVisit) -> Iterator[Finding]:
    known = database.health.account_id if database is not None else ""
    if known.startswith("acct_") and visit.account_id and known != visit.account_id:
        said = f"the database belongs to {known}, the key to {visit.account_id}"
        yield Finding("Account", Verdict.WRONG, said, "correct STRIPE_API_KEY or DATABASE_URL")


def _stripe_clock(environment: Environment) -> Iterator[Finding]:
    if not environment.stripe_api_key:
        return
    asked_at = wall_now()
    theirs = stripe_time(environment)
    if theirs is not None:
        yield skew_finding("Stripe's clock", theirs, asked_at, wall_now())


def _smtp(environment: Environment) -> Iterator[Finding]:
    if environment.smtp_url is None:
        yield Finding("Mail server", Verdict.WRONG, "SMTP_URL is not set", "see .env.example")
        return
    try:
        mailer = SmtpMailer(environment.smtp_url, now=wall_now)
        mailer.probe()
    except ServiceUnavailable as away:
        said = str(away).removesuffix("; check SMTP_URL.")
        yield Finding("Mail server", Verdict.AWAY, said, "check SMTP_URL and the server")
    except ConfigError as wrong:
        yield Finding("Mail server", Verdict.WRONG, str(wrong), "correct SMTP_URL")
    else:
        mailer.close()
        yield ok("Mail server", "connects and lets us in")


def _threads(environment: Environment, visit: StripeVisit, threads: int) -> Finding:
    """Little's law: calls per second = threads / seconds of a call (performance, section 5)."""
    rates = stripe_rates(
        live_key=environment.stripe_key_is_live, loopback=environment.stripe_is_sandbox
    )
    wanted = rates.endpoint_per_second * UTILISATION
    seconds = visit.call_milliseconds() / 1000
    if not seconds:
        longest_ms = threads / wanted * 1000
        said = f"{threads} reach Stripe's {wanted:.0f} calls/s while one takes {longest_ms:.0f} ms"
        return ok("Threads", said)
    possible = threads / seconds
    if possible >= wanted:
        return ok("Threads", f"{threads} are enough for {wanted:.0f} calls/s, Stripe's limit")
    said = f"{threads} reach {possible:.0f} of the {wanted:.0f} calls/s that Stripe allows"
    return Finding("Threads", Verdict.LOOK, said, "dunning work --processes --threads: more")
