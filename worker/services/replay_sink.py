"""Send facts to a sink again, from a position on."""

from datetime import datetime

from worker.domain.redaction import redact
from worker.errors import UsageError
from worker.ports import Ledger
from worker.services.operate import require_who_and_why

REPLAY = "sink.replay"


def replay_sink(
    name: str, *, begin: int, ledger: Ledger, now: datetime, by: str, reason: str
) -> int:
    """Let the sink begin at position *begin* again; return how many facts that are.

    What is under way ends first. Raises: UsageError: no who or no why, no such sink, no such place.
    """
    require_who_and_why(by, reason)
    with ledger.begin() as tx:
        head = tx.chain.head().position
        if not 1 <= begin <= head + 1:
            raise UsageError(
                f"Refused: positions go from 1 to {head}; dunning sinks tells how far each came."
            )
        if not tx.sinks.replay(name, position=begin - 1):
            raise UsageError(f"Refused: no sink {redact(name)} ever ran; dunning sinks lists them.")
        detail = {"sink": name, "from": begin}
        tx.acts.record(None, REPLAY, by=by, reason=reason, detail=detail, now=now)
    return head - begin + 1
