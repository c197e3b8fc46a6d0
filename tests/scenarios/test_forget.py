"""A person is forgotten: no table keeps a word of them, and nothing brings it back."""

from typing import Any

import pytest

from tests.scenarios.stripe_side import Customer
from tests.scenarios.test_retry_by_hand import view_of
from tests.scenarios.world import World
from worker.cli.act_forget import forget
from worker.cli.act_hold import WishedHold, hold, release
from worker.domain.case import Outcome
from worker.errors import UsageError
from worker.office.audit import audit_chain
from worker.store.columns import metadata

PERSONAL = ("wilhelmina", "17 elm row", "kirkcaldy", "ap@blue.example", "496 0000")


def everything(world: World) -> dict[str, str]:
    """Return all that the database holds, by table, as lower-case text."""
    found = {}
    for table in metadata.tables:
        rows = world.rows(f"SELECT * FROM {table}")
        found[table] = "\n".join(_text(value) for row in rows for value in row.values()).lower()
    return found


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def places(world: World, word: str) -> list[str]:
    """Return the tables in which a word stands."""
    return sorted(table for table, text in everything(world).items() if word in text)


def wilhelmina(world: World) -> Customer:
    """Return somebody of whom Stripe knows much, whose recovered case people wrote about."""
    mina = world.customer(
        "wilhelmina",
        ["insufficient_funds", "insufficient_funds", "approve"],
        metadata={"team": "Kirkcaldy", "ap_email": "ap@blue.example"},
    )
    tell_stripe(world, mina)
    world.advance(days=1)
    wish, said = WishedHold("promise_to_pay"), "Wilhelmina pays, wilhelmina@customers.example"
    hold(view_of(world), mina.id, wish, by="jo", reason=said)
    world.advance(hours=2)
    release(view_of(world), mina.id, by="jo", reason=f"{said} of 17 Elm Row")
    world.advance(days=6)
    assert world.case_of(mina).outcome is Outcome.RECOVERED
    return mina


def tell_stripe(world: World, customer: Customer) -> None:
    """Let the customer's data be changed in the Dashboard, so that events tell of them."""
    world.stripe.staff(
        f"customers/{customer.id}",
        name="Wilhelmina Blue",
        phone="+44 131 496 0000",
        **{"address[line1]": "17 Elm Row", "address[country]": "GB"},
        **{"metadata[team]": "Kirkcaldy"},
    )


def test_no_table_keeps_a_word_and_the_facts_stay(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another customer's hold quotes her, a mail to staff names her; her facts and amounts stay."""
    mina = wilhelmina(world)
    otto = world.customer("otto", ["insufficient_funds"])
    world.advance(days=1)
    hold(view_of(world), otto.id, WishedHold("legal"), by="jo", reason="is Wilhelmina Blue's son")
    world.advance(hours=1)
    for name in ("daily_mail", "summary", "seal"):
        world.job(name)
    before = everything(world)
    assert [word for word in PERSONAL if not any(word in text for text in before.values())] == []
    money = world.rows("SELECT id, subject, data FROM events ORDER BY seq")
    head = audit_chain(world.app.ledger).head
    forget(
        view_of(world),
        "wilhelmina@customers.example",
        by="jo",
        reason="Wilhelmina asked for it",
        as_json=False,
    )
    said = capsys.readouterr().out
    assert f"{mina.id} is forgotten." in said
    assert {word: places(world, word) for word in PERSONAL} == {word: [] for word in PERSONAL}
    assert world.rows("SELECT id, subject, data FROM events ORDER BY seq")[: len(money)] == money
    world.job("seal")
    audit = audit_chain(world.app.ledger, head)
    assert (audit.flaw, audit.head.position) == (None, head.position + 1)
    (told,) = world.facts("customer.forgotten")
    assert (told["customer_id"], told["by"]) == (mina.id, "jo")
    assert told["reason"] == "[forgotten] asked for it"
    assert world.case_of(otto).reason == "held by jo (legal): is [forgotten]'s son"


def test_nothing_that_comes_later_brings_it_back(world: World) -> None:
    """An update, a renewal that fails, its letters, the nightly comparison and the calendar."""
    mina = wilhelmina(world)
    forget(view_of(world), mina.id, by="jo", reason="asked for it", as_json=False)
    tell_stripe(world, mina)
    sent = len(world.letters_to(mina))
    world.stripe.script(mina.method, "insufficient_funds", "approve")
    world.advance(days=40)
    for name in ("reconcile", "renewals_cards_trials", "daily_mail", "retention"):
        world.job(name)
    assert len(world.letters_to(mina)) > sent
    assert {word: places(world, word) for word in PERSONAL} == {word: [] for word in PERSONAL}


def test_while_a_case_is_open_it_is_refused(world: World) -> None:
    otto = world.customer("otto", ["insufficient_funds"])
    world.advance(days=1)
    view, before = view_of(world), everything(world)
    with pytest.raises(
        UsageError, match=r"C-1001 of cus_\w+ is not closed, .* dunning close C-1001"
    ):
        forget(view, otto.id, by="jo", reason="asked for it", as_json=False)
    assert everything(world) == before


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("cus_nobody", "Refused: the ledger knows no customer cus_nobody"),
        ("nobody@x.example", "No customer is called nobody@x.example"),
    ],
)
def test_somebody_unknown_is_refused(world: World, wanted: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        forget(view_of(world), wanted, by="jo", reason="asked for it", as_json=False)
