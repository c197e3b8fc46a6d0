"""The hash chain over sealed facts: what each link covers, and the first place that is wrong.

Position N's hash is SHA-256 over the hash of position N - 1, the position and the fact. Whoever
alters, removes or adds a fact later has to alter every hash behind it; a head that was written
down elsewhere (the log line `audit.head`) then tells.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

GENESIS = "0" * 64
"""What stands in the place of a hash before the first position."""


@dataclass(frozen=True, slots=True)
class SealedFact:
    """A fact as the ledger holds it; the chain covers every part but nothing besides.

    It has ids, amounts and words of ours only, so that erasing a person changes no hash.
    """

    account_id: str
    id: str
    type: str
    subject: str
    time: datetime
    recorded_at: datetime
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Link:
    """One position of the chain, and the fact it names as it is found now."""

    position: int
    fact_id: str
    hash: str
    previous_hash: str
    fact: SealedFact | None
    """None where the fact is not there any more."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: position 0 and GENESIS where nothing is sealed yet."""

    position: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class Flaw:
    """The first position at which the chain does not hold, and what is wrong with it."""

    position: int
    what: str


def link_hash(previous_hash: str, position: int, fact: SealedFact) -> str:
    """Return the hash of *fact* at *position*, as 64 hex digits."""
    parts = [
        previous_hash,
        position,
        fact.account_id,
        fact.id,
        fact.type,
        fact.subject,
        _instant(fact.time),
        _instant(fact.recorded_at),
        fact.data,
    ]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def walk(links: Iterable[Link]) -> tuple[Head, Flaw | None]:
    """Return the last good position and the first that is wrong, or None where all hold.

    Args: links: of one account, in order of position.
    """
    head = Head()
    for link in links:
        expected = head.position + 1
        if link.position != expected:
            return head, Flaw(expected, f"position {expected} of the chain was removed")
        what = _wrong_with(link, head)
        if what:
            return head, Flaw(expected, what)
        head = Head(link.position, link.hash)
    return head, None


def _wrong_with(link: Link, before: Head) -> str:
    if link.previous_hash != before.hash:
        return "it does not follow the position before it: one of the two was added or altered"
    if link.fact is None:
        return f"its fact {link.fact_id} was removed"
    if link_hash(before.hash, link.position, link.fact) != link.hash:
        return f"its fact {link.fact_id} was altered"
    return ""


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
