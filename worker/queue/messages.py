"""The messages there are: a frozen name and an id. Nothing else can be sent through Redis.

Whoever can read Redis, a dead letter or a debugger must learn nothing of customers from it.
"""

import re
from collections.abc import Mapping, Sequence

import dramatiq

ADVANCE_CASE = "case.advance"
DELIVER_LETTER = "letter.deliver"
RUN_JOB = "job.run"
TICK = "tick"
CANARY = "process.canary"

_JOB = re.compile(r"[a-z_]{1,40}")
_TAKES: Mapping[str, type | None] = {
    TICK: None,
    RUN_JOB: str,
    ADVANCE_CASE: int,
    DELIVER_LETTER: int,
    CANARY: int,
}
"""Name -> what its one argument is, None where it has none."""
OWN_OPTIONS = frozenset(("redis_message_id",))
"""What dramatiq itself adds."""


def refuse_more_than_ids(message: dramatiq.Message[object], *, delay: int | None) -> None:
    """Raise ValueError (our defect) unless *message* is a known name with its id, sent at once."""
    fits = message.actor_name in _TAKES
    if fits:
        takes = _TAKES[message.actor_name]
        fits = (not message.args) if takes is None else _is_one(message.args, takes)
    if not fits or message.kwargs or set(message.options) - OWN_OPTIONS or delay is not None:
        name = message.actor_name if message.actor_name in _TAKES else "an unknown message"
        raise ValueError(f"{name} may carry its id and nothing else")


def _is_one(args: Sequence[object], takes: type) -> bool:
    if len(args) != 1 or type(args[0]) is not takes:
        return False
    (one,) = args
    return _JOB.fullmatch(one) is not None if isinstance(one, str) else 0 <= one < 2**63  # type: ignore[operator]
