"""What a rehearsal says came in: the money of the facts, not what was owed at first."""

import psycopg

from tests.integration.cli.seeding import NOW, Seeding
from tests.integration.rehearsal.test_report import recover
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.rehearsal.recovered_money import recovered_money
from worker.store.ledger import PostgresLedger


def told(ledger: PostgresLedger, case_id: int, occasion: str, amount_minor: int) -> None:
    """Write that a case's money came in."""
    data: dict[str, object] = {"amount_minor": amount_minor, "currency": "eur"}
    with ledger.begin() as tx:
        fact = Fact("payment.recovered", case_name(case_id), NOW, occasion, data)
        tx.facts.append([fact], wall_now=NOW)


def test_a_case_is_worth_what_came_in(
    ledger: PostgresLedger, seeding: Seeding, migrated_database_url: str
) -> None:
    seeding.customer(44, name="Paid Up", email="p@example.com", country="DE")
    credited = seeding.case(44, amount_minor=5000, currency="eur", invoice=100)
    whole = seeding.case(44, amount_minor=700, currency="eur", invoice=101)
    seeding.case(44, amount_minor=900, currency="eur", invoice=102)
    for case_id, amount_minor in ((credited, 3500), (whole, 700)):
        recover(seeding, case_id)
        told(ledger, case_id, "paid", amount_minor)
    with psycopg.connect(migrated_database_url) as connection:
        assert recovered_money(connection) == [("retry", "eur", 2, 4200)]
