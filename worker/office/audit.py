"""The proof that no sealed fact was altered, removed or added since; nothing is written."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from worker.domain.fact_chain import GENESIS, Flaw, Head, Link, walk
from worker.store.ledger import PostgresLedger
from worker.store.reading import snapshot
from worker.store.reading_chain import count_unsealed, first_outside, read_links


@dataclass(frozen=True, slots=True)
class Audit:
    """What a walk along the whole chain found."""

    head: Head
    """The last position that holds."""
    waiting: int
    """Facts that are not sealed yet."""
    flaw: Flaw | None


def audit_chain(ledger: PostgresLedger, expected: Head | None = None) -> Audit:
    """Return what the chain proves, of one moment.

    Args: expected: a head that was written down earlier; a chain that was made anew from some
    position on, by whoever may do anything in the database, holds in itself but misses it.
    """
    with snapshot(ledger) as connection:
        met = _Met(expected.position) if expected is not None else None
        with closing(read_links(connection, ledger.account_id)) as links:
            head, flaw = walk(links if met is None else met.watch(links))
        waiting = count_unsealed(connection, ledger.account_id)
        outside = first_outside(connection, ledger.account_id) if flaw is None else ""
    if outside:
        flaw = Flaw(
            head.position + 1,
            f"fact {outside} has no place: the chain's end was removed, or the fact was added",
        )
    if flaw is None and expected is not None and met is not None and met.hash != expected.hash:
        flaw = Flaw(expected.position, _unmet(head, expected))
    return Audit(head, waiting, flaw)


class _Met:
    """Keeps the hash of one position while a chain passes by."""

    def __init__(self, position: int) -> None:
        self._position = position
        self.hash = GENESIS if position == 0 else ""

    def watch(self, links: Iterable[Link]) -> Iterator[Link]:
        """Yield *links* as they are."""
        for link in links:
            if link.position == self._position:
                self.hash = link.hash
            yield link


def _unmet(head: Head, expected: Head) -> str:
    if head.position < expected.position:
        return f"the chain ends at position {head.position}: its end was removed"
    return "its hash is another than the one expected: the chain up to here was made anew"
