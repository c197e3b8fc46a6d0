"""The jobs that keep facts provable and people's data short-lived: seal, audit, retention."""

from datetime import datetime

from worker.bootstrap import App
from worker.office.audit import audit_chain
from worker.services.retire_old import retire_old
from worker.services.seal_facts import seal_facts
from worker.services.stop_charging import stop_charging

CHAIN = "the chain over the facts"


def seal(app: App, now: datetime) -> None:
    """Seal what was committed since the last run."""
    sealed = seal_facts(ledger=app.ledger, clock=app.clock)
    app.log.debug("seal", events=sealed, business_at=now)


def audit(app: App, now: datetime) -> None:
    """Walk the whole chain and write its head to the log; one that does not hold stops charging.

    What was altered cannot be healed, so each place stops charging once; it is said every night.
    The head belongs outside the database: whoever may do anything there can make the chain anew.
    """
    began = app.clock.monotonic_seconds()
    seal_facts(ledger=app.ledger, clock=app.clock)
    found = audit_chain(app.ledger)
    if found.flaw is None:
        app.log.info(
            "audit.head",
            position=found.head.position,
            hash=found.head.hash,
            waiting=found.waiting,
            ms=int((app.clock.monotonic_seconds() - began) * 1000),
            business_at=now,
        )
        return
    app.log.error(
        "audit.broken",
        position=found.flaw.position,
        reason=found.flaw.what,
        business_at=now,
        do="dunning audit verify; do not dunning go before it is known who changed the ledger",
    )
    place = f"{found.flaw.position} {found.flaw.what}"
    with app.ledger.begin() as tx:
        if not tx.jobs.once("audit.broken", place, now=now):
            return
        stop_charging(tx, cause="invariant", detail=CHAIN, now=now, wall_now=app.clock.wall_now())


def retention(app: App, now: datetime) -> None:
    """Drop what is not kept for ever."""
    began = app.clock.monotonic_seconds()
    retired = retire_old(
        ledger=app.ledger,
        clock=app.clock,
        letters_kept_for=app.configuration.notices.keep_letters,
        now=now,
    )
    app.log.info(
        "retention",
        payloads=retired.payloads,
        rendered=retired.rendered,
        people=retired.people,
        ms=int((app.clock.monotonic_seconds() - began) * 1000),
        business_at=now,
    )
