"""Sealing: each committed fact gets one place, whatever commits late, twice or at once."""

from sqlalchemy import Connection, text

from tests.integration.store.building import DAY, NOW, WALL, at_once
from worker.clock import SystemClock
from worker.domain.fact_chain import Flaw, Head
from worker.domain.facts import Fact
from worker.office.audit import audit_chain
from worker.services.seal_facts import seal_facts
from worker.store.ledger import PostgresLedger
from worker.store.reading import snapshot
from worker.store.reading_chain import read_links


def fact(number: int) -> Fact:
    """Return a fact with an amount of its own."""
    data = {"customer_id": f"cus_{number}", "amount_minor": number, "at": NOW.isoformat()}
    return Fact("case.opened", f"C-{number}", NOW + number * DAY, "", data)


def append(ledger: PostgresLedger, *numbers: int) -> None:
    """Write facts in one commit."""
    with ledger.begin() as tx:
        tx.facts.append([fact(number) for number in numbers], wall_now=WALL)


def seal(ledger: PostgresLedger) -> int:
    """Run the sealer."""
    return seal_facts(ledger=ledger, clock=SystemClock())


def places(ledger: PostgresLedger) -> list[tuple[int, str]]:
    """Return (position, subject) of every sealed fact."""
    with snapshot(ledger) as connection:
        links = list(read_links(connection, ledger.account_id))
    return [(link.position, link.fact.subject if link.fact else "gone") for link in links]


def change(ledger: PostgresLedger, statement: str) -> None:
    """Do what only the database's owner can do."""
    with ledger.connection() as connection:
        assert connection.execute(text(statement)).rowcount > 0


def test_facts_get_their_places_in_order_of_commit_and_keep_them(ledger: PostgresLedger) -> None:
    append(ledger, 3, 1)
    assert seal(ledger) == 2
    append(ledger, 2)
    assert (seal(ledger), seal(ledger)) == (1, 0)
    assert places(ledger) == [(1, "C-3"), (2, "C-1"), (3, "C-2")]
    assert audit_chain(ledger).flaw is None


def test_a_fact_that_commits_after_a_later_number_is_not_passed_over(
    ledger: PostgresLedger,
) -> None:
    with ledger.begin() as slow:
        slow.facts.append([fact(1)], wall_now=WALL)
        append(ledger, 2)
        assert seal(ledger) == 1
    assert seal(ledger) == 1
    assert places(ledger) == [(1, "C-2"), (2, "C-1")]


def test_what_is_rolled_back_leaves_no_hole(ledger: PostgresLedger) -> None:
    append(ledger, 1)
    with ledger.engine.connect() as dropped:
        ledger.books(dropped).facts.append([fact(2)], wall_now=WALL)
        dropped.rollback()
    append(ledger, 3)
    seal(ledger)
    assert places(ledger) == [(1, "C-1"), (2, "C-3")]


def test_a_fact_told_twice_has_one_place(ledger: PostgresLedger) -> None:
    append(ledger, 1)
    append(ledger, 1, 2)
    seal(ledger)
    append(ledger, 1)
    assert seal(ledger) == 0
    assert places(ledger) == [(1, "C-1"), (2, "C-2")]


def test_four_sealers_while_four_write_leave_one_chain(ledger: PostgresLedger) -> None:
    def work(number: int) -> int:
        if number % 2:
            return seal(ledger) + seal(ledger)
        for one in range(20):
            append(ledger, number * 100 + one)
        return 0

    sealed = sum(at_once(8, work)) + seal(ledger)
    assert sealed == 80
    found = audit_chain(ledger)
    assert (found.head.position, found.waiting, found.flaw) == (80, 0, None)
    assert [position for position, _ in places(ledger)] == list(range(1, 81))


def test_accounts_have_chains_of_their_own(ledger: PostgresLedger) -> None:
    other = PostgresLedger(ledger.engine, "acct_2")
    append(ledger, 1, 2)
    append(other, 1)
    assert (seal(other), seal(ledger)) == (1, 2)
    assert (places(ledger), places(other)) == ([(1, "C-1"), (2, "C-2")], [(1, "C-1")])


def broken(ledger: PostgresLedger, *statements: str) -> Flaw | None:
    """Return what the audit finds once the owner has done this to five sealed facts."""
    append(ledger, 1, 2, 3, 4, 5)
    seal(ledger)
    assert audit_chain(ledger).flaw is None
    for statement in statements:
        change(ledger, statement)
    return audit_chain(ledger).flaw


def test_an_altered_fact_is_found(ledger: PostgresLedger) -> None:
    amount = """UPDATE events SET data = jsonb_set(data, '{amount_minor}', '9') WHERE seq =
        (SELECT seq FROM event_chain WHERE position = 3)"""
    flaw = broken(ledger, amount)
    assert flaw is not None
    assert flaw.position == 3
    assert flaw.what.endswith("was altered")


def test_a_removed_fact_is_found(ledger: PostgresLedger) -> None:
    flaw = broken(ledger, "DELETE FROM events WHERE subject = 'C-4'")
    assert flaw is not None
    assert flaw.position == 4
    assert flaw.what.endswith("was removed")


def test_a_removed_end_is_found(ledger: PostgresLedger) -> None:
    flaw = broken(ledger, "DELETE FROM event_chain WHERE position > 3")
    assert flaw is not None
    assert flaw.position == 4
    assert "has no place: the chain's end was removed, or the fact was added" in flaw.what


def test_an_added_fact_without_a_place_is_found(ledger: PostgresLedger) -> None:
    flaw = broken(
        ledger,
        """INSERT INTO events (account_id, id, type, subject, time, recorded_at, data)
           VALUES ('acct_1', 'mine', 'case.closed', 'C-9', now(), now(), '{}')""",
        "DELETE FROM unsealed_facts",
    )
    assert flaw is not None
    assert (flaw.position, "fact mine has no place" in flaw.what) == (6, True)


def test_an_end_removed_with_its_facts_misses_the_head_of_the_log(ledger: PostgresLedger) -> None:
    append(ledger, 1, 2, 3)
    seal(ledger)
    head = audit_chain(ledger).head
    assert audit_chain(ledger, head).flaw is None
    change(ledger, "DELETE FROM event_chain WHERE position = 3")
    change(ledger, "DELETE FROM events WHERE subject = 'C-3'")
    assert audit_chain(ledger).flaw is None
    flaw = audit_chain(ledger, head).flaw
    assert flaw == Flaw(3, "the chain ends at position 2: its end was removed")


def test_a_chain_made_anew_misses_the_head_of_the_log(ledger: PostgresLedger) -> None:
    append(ledger, 1, 2, 3)
    seal(ledger)
    head = audit_chain(ledger).head
    change(ledger, "UPDATE events SET subject = 'C-8' WHERE subject = 'C-1'")
    change(ledger, "DELETE FROM event_chain")
    change(
        ledger, "INSERT INTO unsealed_facts (account_id, seq) SELECT account_id, seq FROM events"
    )
    seal(ledger)
    append(ledger, 4)
    seal(ledger)
    assert audit_chain(ledger).flaw is None
    flaw = audit_chain(ledger, head).flaw
    assert flaw is not None
    assert (flaw.position, "was made anew" in flaw.what) == (3, True)


def test_facts_of_before_the_chain_wait_for_their_places(ledger: PostgresLedger) -> None:
    """The migration notes what is there already; here the trigger stands for it."""
    append(ledger, 1, 2)
    with snapshot(ledger) as connection:
        assert _noted(connection) == 2
    assert audit_chain(ledger).head == Head()
    assert audit_chain(ledger).waiting == 2


def _noted(connection: Connection) -> int:
    query = text("SELECT count(*) FROM unsealed_facts JOIN events USING (account_id, seq)")
    return int(connection.execute(query).scalar_one())
