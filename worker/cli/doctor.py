"""`dunning doctor`: every service, right, file and clock that the work needs, one line each."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from worker.bootstrap import notices_in, reading_ledger
from worker.cli.doctor_confirmed import LOOKED_BACK, confirmed_findings
from worker.cli.doctor_findings import Finding, Verdict, exit_code, ok, stripes_reminders
from worker.cli.doctor_first_time import walk
from worker.cli.doctor_pause import pause_findings
from worker.cli.doctor_services import (
    Seen,
    look_at_database,
    mail_findings,
    redis_findings,
    seen_findings,
    stripe_clock_findings,
)
from worker.cli.doctor_stripe import StripeVisit
from worker.cli.tables import columns, print_json
from worker.clock import SystemClock
from worker.domain.confirmations import StripeHabits
from worker.domain.policy import Configuration
from worker.errors import ConfigError, ServiceUnavailable
from worker.mail.lint import lint_templates
from worker.queue.limiter import UTILISATION, stripe_rates
from worker.services.business_time import business_now
from worker.settings.environment import Environment, read_environment
from worker.settings.load import load_configuration
from worker.store.reading import snapshot
from worker.store.reading_habits import stripe_habits


def examine(data: Path | None, *, threads: int, first_time: bool, as_json: bool) -> int:
    """Examine everything, print it and return the exit code: 0, 2 (wrong), 4 (away).

    Args: first_time: go through the variables one by one instead.
    """
    with ExitStack() as open_parts:
        environ = dict(os.environ)
        if data is not None:
            environ |= _urls_in(data, open_parts)
        if first_time:
            return walk(environ, as_json=as_json)
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
    configuration, found = _files(environment)
    yield from found
    database, away = look_at_database(environment)
    yield from seen_findings(database, away)
    yield from redis_findings(environment)
    visit = StripeVisit(environment)
    yield from visit.findings()
    yield from _one_account(database, visit)
    yield from stripe_clock_findings(environment)
    yield from _stripe_settings(configuration, database, environment)
    yield from mail_findings(environment)
    yield _threads(environment, visit, threads)


def _files(environment: Environment) -> tuple[Configuration | None, list[Finding]]:
    """Return the configuration where it can be read, and what is to be said of the files."""
    found, configuration = [], None
    letters = notices_in(environment.templates_dir)
    try:
        configuration = load_configuration(environment.config_dir, letters)
    except ConfigError as error:
        found += [
            Finding("Configuration", Verdict.WRONG, problem, "correct the file")
            for problem in error.problems
        ]
    else:
        mode = configuration.dunning.mode.value
        found.append(ok("Configuration", f"{configuration.digest}, mode {mode}"))
        found += stripes_reminders(configuration.dunning.policies)
    problems = lint_templates(environment.templates_dir)
    found += [
        Finding("Letters", Verdict.WRONG, problem, "correct the file") for problem in problems
    ]
    if not problems:
        found.append(ok("Letters", f"{len(letters)} kinds, all can be rendered"))
    return configuration, found


def _stripe_settings(
    configuration: Configuration | None, database: Seen | None, environment: Environment
) -> Iterator[Finding]:
    """Yield what no API shows of Stripe's settings, as far as the files can be read."""
    if configuration is None:
        return
    habits = None
    if database is not None and database.health.account_id:
        habits = _habits(environment)
    yield from confirmed_findings(configuration.dunning, habits)
    yield from pause_findings(environment, configuration.dunning)


def _habits(environment: Environment) -> StripeHabits | None:
    """Return what the ledger saw Stripe do, or None where it cannot be asked just now."""
    try:
        with reading_ledger({"DATABASE_URL": environment.database_url or ""}) as ledger:
            now = business_now(ledger=ledger, clock=SystemClock())
            with snapshot(ledger) as connection:
                return stripe_habits(connection, ledger.account_id, since=now - LOOKED_BACK)
    except ServiceUnavailable:  # its own finding says so
        return None


def _one_account(database: Seen | None, visit: StripeVisit) -> Iterator[Finding]:
    known = database.health.account_id if database is not None else ""
    if known.startswith("acct_") and visit.account_id and known != visit.account_id:
        said = f"the database belongs to {known}, the key to {visit.account_id}"
        yield Finding("Account", Verdict.WRONG, said, "correct STRIPE_API_KEY or DATABASE_URL")


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
