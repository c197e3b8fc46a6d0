"""A letter waits for the morning, and the night changes everything: what must not go out does not.

The letter is due and its case has not looked yet, so all that keeps it back is its own last look.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import DAY, HOUR, Customer
from tests.scenarios.world import World, shipped_configuration
from worker.domain.case import CaseLetter, CaseState, LetterState
from worker.domain.policy import Configuration
from worker.ports import Ledger, Tx
from worker.services.deliver_letter import deliver_letter

POOR = "insufficient_funds"
MORNING = 7 * HOUR
SLOW = {"processing_days": 3}


def without_nights(configuration: Configuration) -> Configuration:
    """Return it with letters on weekends too, so that days can be counted."""
    quiet = replace(configuration.notices.quiet, weekdays_only=False)
    return replace(configuration, notices=replace(configuration.notices, quiet=quiet))


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Give a world in which letters go out every morning."""
    return make_world(configuration=without_nights(shipped_configuration()))


def at_night(world: World, name: str, **about: object) -> Customer:
    """Return a customer, paid a week ago and failed now, whose first letter waits for morning."""
    customer = world.customer(
        name, ["approve", POOR], interval="week", charged_in=14 * HOUR, **about
    )
    world.advance(days=7)
    while not world.cases_of(customer) or not world.case_of(customer).letters:
        world.advance(hours=1)
    assert letter_of(world, customer).state is LetterState.QUEUED
    return customer


def letter_of(world: World, customer: Customer) -> CaseLetter:
    """Return the customer's only letter, as the ledger knows it."""
    (letter,) = world.case_of(customer).letters
    return letter


def try_to_send(world: World, customer: Customer) -> str:
    """Let the letter alone be looked at, before its case is."""
    letter = letter_of(world, customer)
    return deliver_letter(letter.id, ports=world.app.case_ports, now=world.now)


class Between:
    """A ledger that lets something happen after the first transaction."""

    def __init__(self, ledger: Ledger, then: Callable[[], None]) -> None:
        """Work on *ledger*."""
        self._ledger, self._then = ledger, [then]
        self.account_id = ledger.account_id

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """Start a transaction."""
        with self._ledger.begin() as tx:
            yield tx
        while self._then:
            self._then.pop()()


def into_the_morning(world: World) -> None:
    """Let the night pass without any look at cases, the events being read."""
    world.pass_time_to(world.now + MORNING)
    world.job("read_stripe")


def cancel_at_period_end(world: World, customer: Customer) -> None:
    """Let the customer cancel."""
    world.stripe.cancel(customer, when="period_end")


def cancel_on_a_day(world: World, customer: Customer) -> None:
    """Let the staff agree on a last day with the customer."""
    last = int((world.now + 20 * DAY).timestamp())
    world.stripe.staff(f"subscriptions/{customer.subscription}", cancel_at=last)


def pay(world: World, customer: Customer) -> None:
    """Let the customer pay with another card."""
    world.stripe.pay_by_hand(world.stripe.invoice(customer)["id"], world.stripe.card("approve"))


Night = Callable[[World, Customer], None]


@pytest.mark.parametrize("night", [cancel_at_period_end, cancel_on_a_day, pay])
def test_a_letter_that_is_needed_no_more_is_dropped(world: World, night: Night) -> None:
    anna = at_night(world, "anna")
    into_the_morning(world)
    night(world, anna)
    assert try_to_send(world, anna) == "suppressed"
    assert world.letters_to(anna) == []
    (told,) = world.facts("notice.suppressed", anna)
    assert "cancelled" in told["reason"] or told["reason"] == "the invoice is paid"
    world.advance(days=3)
    assert world.letters_to(anna) == [], "nobody who cancelled or paid is dunned or thanked"


def dispute(world: World, customer: Customer) -> None:
    """Let the customer dispute last week's payment; the event is read, no case has looked."""
    (paid,) = [c for c in world.stripe.charges(customer) if c["status"] == "succeeded"]
    world.stripe.act("dispute", charge=paid["charge"])
    world.job("read_stripe")


def begin_a_debit(world: World, customer: Customer) -> None:
    """Let the customer pay from a bank account, which takes days."""
    account = world.stripe.bank_account(SLOW)
    world.stripe.pay_by_hand(world.stripe.invoice(customer)["id"], account)


def pause_collection(world: World, customer: Customer) -> None:
    """Let the staff pause collection."""
    path = f"subscriptions/{customer.subscription}"
    world.stripe.staff(path, pause_collection={"behavior": "keep_as_draft"})


@pytest.mark.parametrize("night", [dispute, begin_a_debit, pause_collection])
def test_a_letter_waits_while_its_case_stands_still(world: World, night: Night) -> None:
    bela = at_night(world, "bela")
    into_the_morning(world)
    night(world, bela)
    for _ in range(2):
        assert try_to_send(world, bela) in {"postponed", ""}
        world.run()
        assert world.letters_to(bela) == []
    reads = len(world.stripe.requests("GET", f"/v1/invoices/{world.case_of(bela).invoice_id}"))
    world.advance(days=2)
    assert world.letters_to(bela) == []
    assert letter_of(world, bela).state is LetterState.QUEUED, "it is not lost either"
    again = len(world.stripe.requests("GET", f"/v1/invoices/{world.case_of(bela).invoice_id}"))
    assert again - reads < 20, "Stripe is not read again and again"


def test_after_the_dispute_the_letter_goes_out_once(world: World) -> None:
    cleo = at_night(world, "cleo")
    into_the_morning(world)
    dispute(world, cleo)
    world.advance(days=4)
    assert world.letters_to(cleo) == []
    (disputed,) = [one["id"] for one in world.stripe.get("disputes")["data"]]
    world.stripe.act("close_dispute", dispute=disputed, status="won")
    world.advance(minutes=30)
    assert world.notices_to(cleo) == ["payment_failed_1"], "it is rung for, not waited for"


def test_a_case_that_goes_on_while_its_letter_looks_is_not_missed(world: World) -> None:
    """The letter has seen that its case stands still, and has not written down that it waits."""
    gerd = at_night(world, "gerd")
    into_the_morning(world)
    dispute(world, gerd)
    world.run()
    assert world.case_of(gerd).state is CaseState.HELD
    letter_id = letter_of(world, gerd).id

    def let_it_go_on() -> None:
        (disputed,) = [one["id"] for one in world.stripe.get("disputes")["data"]]
        world.stripe.act("close_dispute", dispute=disputed, status="won")
        world.job("read_stripe")
        world.bell.advance_case(world.case_of(gerd).id)
        assert not world.case_of(gerd).stands_still

    world.pass_time_to(world.now + 2 * DAY)
    world.job("read_stripe")
    ports = world.app.case_ports
    ledger = Between(ports.ledger, let_it_go_on)
    assert (
        deliver_letter(letter_id, ports=replace(ports, ledger=ledger), now=world.now) == "postponed"
    )
    world.run()
    assert world.notices_to(gerd) == ["payment_failed_1"]


def test_no_letter_goes_out_while_events_are_not_read(world: World) -> None:
    """What happened at night is not known before the list of events was read up to now."""
    dora = at_night(world, "dora")
    world.pass_time_to(world.now + MORNING)
    assert try_to_send(world, dora) == "postponed"
    assert world.letters_to(dora) == []
    world.job("read_stripe")
    world.advance(minutes=10)
    assert world.notices_to(dora) == ["payment_failed_1"]


def test_a_thank_you_is_not_sent_once_the_payment_came_back(world: World) -> None:
    emil = at_night(world, "emil")
    world.advance(hours=10)
    assert world.notices_to(emil) == ["payment_failed_1"]
    world.advance(hours=9)  # it is evening again
    pay(world, emil)
    world.run()
    (_, thanks) = world.case_of(emil).letters
    assert thanks.state is LetterState.QUEUED
    world.pass_time_to(world.now + 2 * MORNING)
    world.job("read_stripe")
    charge = [c for c in world.stripe.charges(emil) if c["status"] == "succeeded"][-1]
    lost = world.stripe.act("dispute", charge=charge["charge"])["id"]
    world.stripe.act("close_dispute", dispute=lost, status="lost")
    world.job("read_stripe")
    state = deliver_letter(thanks.id, ports=world.app.case_ports, now=world.now)
    assert state == "suppressed"
    assert world.notices_to(emil) == ["payment_failed_1"]


def test_a_letter_waits_for_the_outcome_of_a_charge(world: World) -> None:
    """A try is on its way to Stripe: whether the customer owes anything is known in a moment."""
    fay = at_night(world, "fay")
    world.pass_time_to(world.now + DAY)
    world.job("read_stripe")
    path = f"/v1/invoices/{world.case_of(fay).invoice_id}/pay"
    world.stripe.faults({"kind": "error_500", "method": "POST", "path": path, "times": 9})
    world.bell.advance_case(world.case_of(fay).id)
    assert world.case_of(fay).in_flight is not None
    assert try_to_send(world, fay) == "postponed"
    assert world.letters_to(fay) == []
