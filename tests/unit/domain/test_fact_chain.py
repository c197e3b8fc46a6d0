"""The chain over facts: whatever is done to one of them is found at its position."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.fact_chain import GENESIS, Head, Link, SealedFact, link_hash, walk

AT = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def fact(number: int) -> SealedFact:
    """Return a fact of its own."""
    data: dict[str, object] = {"customer_id": f"cus_{number}", "amount_minor": 1200 + number}
    return SealedFact("acct_1", f"f{number}", "payment.failed", f"C-{number}", AT, AT, data)


def chain(count: int) -> list[Link]:
    """Return a chain over that many facts."""
    links: list[Link] = []
    previous = GENESIS
    for position in range(1, count + 1):
        digest = link_hash(previous, position, fact(position))
        links.append(Link(position, f"f{position}", digest, previous, fact(position)))
        previous = digest
    return links


def test_a_chain_holds_to_its_head() -> None:
    links = chain(5)
    assert walk(links) == (Head(5, links[-1].hash), None)
    assert walk([]) == (Head(0, GENESIS), None)


def test_the_hash_is_the_same_for_ever() -> None:
    """Chains of all ledgers hang on it: on failure, keep the old form beside the new."""
    sealed = SealedFact("acct_1", "f1", "case.held", "C-1", AT, AT, {"b": "ü", "a": [1, None]})
    told = "6ce879f2"
    assert link_hash(GENESIS, 1, sealed)[:8] == told


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("account_id", "acct_2"),
        ("id", "f9"),
        ("type", "payment.retried"),
        ("subject", "C-9"),
        ("time", AT + timedelta(microseconds=1)),
        ("recorded_at", AT + timedelta(microseconds=1)),
        ("data", {"customer_id": "cus_3", "amount_minor": 1204}),
        ("data", {"customer_id": "cus_3"}),
        ("data", {"customer_id": "cus_3", "amount_minor": "1203"}),
    ],
)
def test_every_part_of_a_fact_is_covered(part: str, value: object) -> None:
    links = chain(5)
    altered = replace(fact(3), **{part: value})  # type: ignore[arg-type]
    links[2] = replace(links[2], fact=altered)
    head, flaw = walk(links)
    assert head == Head(2, links[1].hash)
    assert flaw is not None
    assert (flaw.position, flaw.what) == (3, "its fact f3 was altered")


def test_the_same_instant_in_another_zone_is_the_same_fact() -> None:
    links = chain(3)
    there = AT.astimezone(timezone(timedelta(hours=7)))
    links[1] = replace(links[1], fact=replace(fact(2), time=there))
    assert walk(links)[1] is None


def test_a_fact_that_is_gone_is_named() -> None:
    links = chain(5)
    links[3] = replace(links[3], fact=None)
    flaw = walk(links)[1]
    assert flaw is not None
    assert (flaw.position, flaw.what) == (4, "its fact f4 was removed")


@given(cut=st.integers(1, 5), to=st.integers(1, 5))
def test_positions_taken_out_are_found_where_they_were(cut: int, to: int) -> None:
    first, last = min(cut, to), max(cut, to)
    links = [link for link in chain(6) if not first <= link.position <= last]
    head, flaw = walk(links)
    assert flaw is not None
    assert (head.position, flaw.position) == (first - 1, first)


@given(at=st.integers(1, 5))
def test_a_fact_slipped_in_between_is_found_even_renumbered(at: int) -> None:
    links = chain(5)
    before = links[at - 1].previous_hash
    slipped = Link(at, "f99", link_hash(before, at, fact(99)), before, fact(99))
    behind = [replace(link, position=link.position + 1) for link in links[at - 1 :]]
    flaw = walk([*links[: at - 1], slipped, *behind])[1]
    assert flaw is not None
    assert flaw.position == at + 1
    assert "was added or altered" in flaw.what


@given(st.permutations(range(5)))
def test_no_other_order_holds(order: list[int]) -> None:
    links = chain(5)
    shuffled = [replace(links[old], position=new + 1) for new, old in enumerate(order)]
    assert (walk(shuffled)[1] is None) == (order == sorted(order))
