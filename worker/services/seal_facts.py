"""Give committed facts their places in the chain, in order; sinks and the audit read by place."""

from worker.domain.fact_chain import Head, Link, link_hash
from worker.ports import Clock, Ledger

BATCH = 1000


def seal_facts(*, ledger: Ledger, clock: Clock) -> int:
    """Seal every fact that is committed by now and return how many were sealed.

    Of two sealers at once one does nothing. A fact that commits later, with whatever number, gets
    a later place: no place is ever given twice or left empty.
    """
    sealed = 0
    while True:
        with ledger.begin() as tx:
            if not tx.chain.begin():
                return sealed
            head = tx.chain.head()
            links: list[tuple[int, Link]] = []
            for seq, fact in tx.chain.unsealed(limit=BATCH):
                position = head.position + 1
                digest = link_hash(head.hash, position, fact)
                links.append((seq, Link(position, fact.id, digest, head.hash, fact)))
                head = Head(position, digest)
            tx.chain.add(links, wall_now=clock.wall_now())
        sealed += len(links)
        if len(links) < BATCH:
            return sealed
