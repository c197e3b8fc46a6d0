"""Copy sealed facts to a sink, by their positions: at least once, with ids that never change.

The position moves only after the sink has them for certain. Who dies between the two sends them
again; who takes over, or a replay, begins at the position.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from worker.domain.fact_chain import SealedFact
from worker.domain.facts import cloud_event
from worker.domain.sinks import SinkState, is_told, retry_at
from worker.ports import Clock, JobLog, Ledger, Sink, SinkFailed

BATCH = 200
LEASE = timedelta(minutes=2)
"""Above what one batch may take; a sender that is slower than this sends what another sends too."""
RUN_SECONDS = 30.0
"""How long one run goes on where much is waiting; the next one begins where it ended."""
BEHIND = timedelta(minutes=15)


def publish_facts(
    sink: Sink,
    *,
    ledger: Ledger,
    clock: Clock,
    log: JobLog,
    new_token: Callable[[], str],
    stopping: Callable[[], bool],
) -> int:
    """Send what the sink has not yet, and return how many facts it took.

    One sender at a time has the sink; one that failed is tried again after a growing pause.
    """
    token, began = new_token(), clock.monotonic_seconds()
    with ledger.begin() as tx:
        state = tx.sinks.claim(sink.name, token=token, wall_now=clock.wall_now(), lease=LEASE)
    if state is None:
        return 0
    position, sent = state.position, 0
    while not stopping() and clock.monotonic_seconds() - began < RUN_SECONDS:
        with ledger.begin() as tx:
            facts = tx.chain.after(position, limit=BATCH)
        if not facts:
            break
        try:
            sink.send([_event(place, fact) for place, fact in facts])
        except SinkFailed as failed:
            _record_failure(state, failed, token, ledger=ledger, clock=clock, log=log)
            return sent
        reached = facts[-1][0]
        with ledger.begin() as tx:
            ours = tx.sinks.advance(
                sink.name,
                token=token,
                was=position,
                becomes=reached,
                wall_now=clock.wall_now(),
                lease=LEASE,
            )
        if not ours:  # it took too long, or somebody asked for a replay: the next run goes on
            break
        position, sent, state = reached, sent + len(facts), SinkState(sink.name, reached)
    with ledger.begin() as tx:
        tx.sinks.release(sink.name, token=token)
    return sent


def warn_of_lag(name: str, *, ledger: Ledger, clock: Clock, log: JobLog) -> None:
    """Write one line an hour while a fact waits for a sink for more than a quarter of an hour."""
    wall_now = clock.wall_now()
    with ledger.begin() as tx:
        state = next((each for each in tx.sinks.states() if each.name == name), SinkState(name))
        since = tx.chain.sealed_at(state.position + 1)
        if since is None or wall_now - since < BEHIND:
            return
        hour = _hour(wall_now)
        first = tx.jobs.once(f"sink {name} is behind", hour, now=wall_now)
        count = tx.chain.head().position - state.position
    if first:
        log.warning(
            "sink.behind",
            sink=name,
            position=state.position,
            waiting=count,
            since=since,
            do="dunning sinks; nothing is lost, it goes on where it stopped",
        )


def _hour(wall_now: datetime) -> str:
    return wall_now.isoformat(timespec="hours")


def _event(position: int, fact: SealedFact) -> dict[str, object]:
    return cloud_event(
        fact_id=fact.id,
        fact_type=fact.type,
        subject=fact.subject,
        time=fact.time,
        data=fact.data,
        position=position,
    )


def _record_failure(
    state: SinkState,
    failed: SinkFailed,
    token: str,
    *,
    ledger: Ledger,
    clock: Clock,
    log: JobLog,
) -> None:
    failures = state.failures + 1
    again = retry_at(state.name, failures, wall_now=clock.wall_now(), asked_for=failed.retry_after)
    with ledger.begin() as tx:
        tx.sinks.fail(state.name, token=token, error=str(failed), retry_at=again)
    if is_told(failures):
        log.warning(
            "sink.failed",
            sink=state.name,
            position=state.position,
            failed=failures,
            error=str(failed),
            next_at=again,
            do="look at the sink; nothing is lost, it is tried again by itself",
        )
