"""The services that the work needs, as findings: database, Redis, Stripe, mail server."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from worker.cli.doctor_findings import Finding, Verdict, ok
from worker.cli.doctor_stripe import StripeVisit, skew_finding, stripe_time
from worker.clock import wall_now
from worker.errors import ConfigError, ServiceUnavailable
from worker.mail.smtp import SmtpMailer
from worker.queue.health import RedisHealth, redis_health
from worker.settings.environment import Environment
from worker.store.reading_health import DatabaseHealth, database_health


@dataclass(frozen=True, slots=True)
class Seen:
    """The database as it was seen between two instants of this host's clock."""

    health: DatabaseHealth
    asked_at: datetime
    answered_at: datetime


def database_findings(environment: Environment) -> Iterator[Finding]:
    """Yield whether the database is reached, migrated and on time."""
    yield from seen_findings(*look_at_database(environment))


def look_at_database(environment: Environment) -> tuple[Seen | None, ServiceUnavailable | None]:
    """Return the database as it is; nothing where no URL is set, and why where it is away."""
    if environment.sqlalchemy_url is None:
        return None, None
    asked_at = wall_now()
    try:
        health = database_health(environment.sqlalchemy_url)
    except ServiceUnavailable as away:
        return None, away
    return Seen(health, asked_at, wall_now()), None


def seen_findings(seen: Seen | None, away: ServiceUnavailable | None) -> Iterator[Finding]:
    """Yield the findings of one look at the database."""
    if away is not None:
        yield Finding("Database", Verdict.AWAY, str(away), "check DATABASE_URL and the server")
        return
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


def redis_findings(environment: Environment) -> Iterator[Finding]:
    """Yield whether Redis is reached, and neither evicts nor forgets messages."""
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
    faults = list(_redis_faults(health))
    for said, do in faults:
        yield Finding("Redis", Verdict.LOOK, f"{health.version} {said}", do)
    if not faults:
        yield ok("Redis", f"{health.version}, keeps its messages")


def _redis_faults(health: RedisHealth) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with how Redis is set up, and what to set."""
    policy = health.eviction_policy
    if policy and policy != "noeviction":
        when = "when it is full" if health.memory_max_bytes else "once it has a maxmemory"
        yield f"drops messages {when} ({policy})", "maxmemory-policy noeviction"
    if health.appends_to_file is False:
        yield "forgets messages when it restarts; they only cost time", "appendonly yes"


def stripe_findings(environment: Environment) -> Iterator[Finding]:
    """Yield whether Stripe takes the key, which rights it lacks, and what its clock says."""
    yield from StripeVisit(environment).findings()
    yield from stripe_clock_findings(environment)


def stripe_clock_findings(environment: Environment) -> Iterator[Finding]:
    """Yield how far Stripe's clock and ours are apart, where Stripe is reached."""
    if not environment.stripe_api_key:
        return
    asked_at = wall_now()
    theirs = stripe_time(environment)
    if theirs is not None:
        yield skew_finding("Stripe's clock", theirs, asked_at, wall_now())


def mail_findings(environment: Environment) -> Iterator[Finding]:
    """Yield whether the mail server lets us in; no mail is sent."""
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
