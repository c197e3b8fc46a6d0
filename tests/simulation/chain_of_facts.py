"""The chain over the facts at a run's end (I7): whole, each fact once, in the order of commits."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from worker.office.audit import audit_chain
from worker.services.seal_facts import seal_facts

if TYPE_CHECKING:
    from tests.simulation.ground import Ground
    from tests.simulation.simulation import Simulation

SEALER = "seal"

_PLACES = """
SELECT e.id, e.seq, e.xmin::text::bigint AS told_in, c.position, c.xmin::text::bigint AS sealed_in
FROM events e LEFT JOIN event_chain c ON c.seq = e.seq ORDER BY c.position, e.seq
"""
"""The transactions that told and sealed each fact. From its first write to its commit a
transaction of a simulation is alone, so their numbers are the order of the commits."""

_SEALED_NOTHING = """
SELECT name FROM jobs
WHERE name = 'seal' AND last_outcome = 'ok' AND NOT EXISTS (SELECT FROM event_chain)
AND last_started_at > (SELECT min(recorded_at) FROM events)
"""
"""Its last run went well, with facts to seal: in half a day faults may keep it from every run."""


def chain_flaws(sim: "Simulation") -> Iterator[str]:
    """Yield what is wrong with the chain once everything is sealed, in runs that seal."""
    if SEALER not in sim.configuration.schedule:
        return
    app = next(iter(sim.apps.values()))
    if sim.ground.rows(_SEALED_NOTHING):
        yield "the job had facts to seal and sealed nothing"
    seal_facts(ledger=app.ledger, clock=app.clock)
    found = audit_chain(app.ledger)
    if found.flaw is not None:
        yield f"the chain breaks at {found.flaw.position}: {found.flaw.what}"
    if found.waiting:
        yield f"{found.waiting} facts are not sealed"
    yield from misplaced(places(sim.ground))


def places(ground: "Ground") -> list[dict[str, Any]]:
    """Return each fact with its place, and the transactions that told and sealed it."""
    return ground.rows(_PLACES)


def misplaced(facts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the facts whose place does not agree with the order of the commits.

    A sealing takes whatever is committed by then, by number: it leaves nothing behind, takes
    nothing that is not committed, and its places are behind those of every earlier one.
    """
    facts = list(facts)
    placed = [one for one in facts if one["position"] is not None]
    for one in facts:
        if one["position"] is None:
            yield f"fact {one['id']} has no place"
    if [one["position"] for one in placed] != list(range(1, len(placed) + 1)):
        yield "the places are not 1, 2, 3 and so on"
    in_order = sorted(placed, key=lambda one: (one["sealed_in"], one["seq"]))
    yield from (
        f"fact {one['id']} has place {one['position']}, that of {due['id']}"
        for one, due in zip(placed, in_order, strict=True)
        if one["id"] != due["id"]
    )
    sealings = sorted({one["sealed_in"] for one in placed})
    for one in placed:
        if one["told_in"] >= one["sealed_in"]:
            yield f"fact {one['id']} was sealed before it was committed"
        if any(one["told_in"] < sealing < one["sealed_in"] for sealing in sealings):
            yield f"fact {one['id']} was left behind by a sealing after its commit"
