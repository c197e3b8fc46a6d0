"""Customers wait for their cues and act at whole hours."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from worker.rehearsal.customers import Customers
from worker.rehearsal.driver_sandbox import Refused, SandboxClient
from worker.rehearsal.embedded.inbox import Mail
from worker.rehearsal.population import START, Population, Subscriber, plan_population
from worker.rehearsal.population_cards import Method
from worker.rehearsal.population_habits import Cue, Do, Habit
from worker.rehearsal.population_people import BY_CODE

HOUR = timedelta(hours=1)


class Sandbox(SandboxClient):
    """Remembers what it was asked, without any connection."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1")
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.tries: list[dict[str, Any]] = []
        self.refuses = False

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        if path == "/_sandbox/charges":
            return {"charges": self.tries[int(query["since"]) :]}
        if path.startswith("/v1/subscriptions/"):
            began_at = int(START.timestamp())
            return {"items": {"data": [{"current_period_start": began_at}]}}
        return {"data": [{"id": "in_1", "amount_remaining": 2900, "currency": "eur"}],
                "has_more": False}  # fmt: skip

    def control(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.post(path, body) | {"id": "du_1"}

    def post(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        if self.refuses:
            raise Refused("no")
        self.asked.append((path, dict(params)))
        return {"id": "pm_9"}

    def delete(self, path: str) -> dict[str, Any]:
        return self.post(path, {})

    def fails(self, at: datetime, status: str = "failed") -> None:
        """Let a charge of the customer fail, or succeed, at *at*."""
        n = len(self.tries) + 1
        self.tries.append(
            {"n": n, "customer": "cus_1", "status": status, "charge": f"ch_{n}",
             "at": int(at.timestamp())}
        )  # fmt: skip


def one(*habits: Habit, email: str = "a@b.example") -> Subscriber:
    return Subscriber("a", "A", email, BY_CODE["DE"], "", Method(number="4"), (), habits)


def customers(
    sandbox: Sandbox, mails: list[Mail], *habits: Habit, email: str = "a@b.example"
) -> Customers:
    people = {"a": {"customer": "cus_1", "payment_method": "pm_1", "subscriptions": ["sub_1"]}}
    population = Population("1", START, (one(*habits, email=email),))
    return Customers(population, people, client=sandbox, mails=lambda: mails)


def letter(to: str = "a@b.example", subject: str = "We couldn’t take your payment of €1") -> Mail:
    message = EmailMessage()
    message["Subject"] = subject
    message.set_content("http://127.0.0.1:1/_sandbox/pay/in_1")
    return Mail(1, "billing@acme.example", (to,), bytes(message), None)


def test_nothing_happens_without_a_cue() -> None:
    sandbox = Sandbox()
    world = customers(sandbox, [], Habit(Cue.LETTER, Do.NEW_CARD))
    assert world.next_act_at() is None
    assert world.act_until(START + 1000 * HOUR) == 0
    assert sandbox.asked == []


def test_a_letter_leads_to_a_new_card_hours_later() -> None:
    sandbox, mails = Sandbox(), [letter()]
    card = Method(number="4242424242424242")
    world = customers(sandbox, mails, Habit(Cue.LETTER, Do.NEW_CARD, 1, 5, card))
    world.act_until(START)
    assert world.next_act_at() == START + 5 * HOUR
    assert world.act_until(START + 4 * HOUR) == 0
    assert world.act_until(START + 5 * HOUR) == 1
    path, form = sandbox.asked[0]
    assert path == "/_sandbox/portal/cus_1"
    assert form == {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034}
    assert world.acts == [(START + 5 * HOUR, "a", "new_card", True)]


def test_a_habit_waits_for_its_own_letter_and_happens_once() -> None:
    sandbox, mails = Sandbox(), [letter()]
    world = customers(sandbox, mails, Habit(Cue.LETTER, Do.PAY_ON_FILE, 2, 1))
    world.act_until(START)
    assert world.next_act_at() is None
    mails += [letter(), letter()]
    assert world.next_act_at() == START + HOUR
    assert world.act_until(START + 9 * HOUR) == 1
    assert world.act_until(START + 99 * HOUR) == 0


@pytest.mark.parametrize(
    "subject", ["Thank you, your payment of €1 arrived", "Your Pro renews on 1"]
)
def test_other_letters_ask_for_nothing(subject: str) -> None:
    world = customers(Sandbox(), [letter(subject=subject)], Habit(Cue.LETTER, Do.NEW_CARD, 1, 1))
    assert world.next_act_at() is None
    assert len(world.letters) == 1


def test_an_address_is_known_as_a_mail_server_writes_it() -> None:
    mails = [letter(to="Kontakt@xn--bcher-kva.example")]
    habit = Habit(Cue.LETTER, Do.CANCEL_NOW, 1, 1)
    world = customers(Sandbox(), mails, habit, email="kontakt@bücher.example")
    assert world.next_act_at() == START + HOUR


def test_what_is_due_already_happens_in_the_next_hour() -> None:
    sandbox = Sandbox()
    world = customers(sandbox, [], Habit(Cue.FAILURE, Do.VOID, 1, 0))
    world.act_until(START + 8 * HOUR)
    sandbox.fails(START + 8 * HOUR - timedelta(minutes=20))
    assert world.next_act_at() == START + 9 * HOUR


def test_a_dispute_is_about_the_last_charge_that_succeeded() -> None:
    sandbox = Sandbox()
    habits = (Habit(Cue.FAILURE, Do.DISPUTE, 1, 1), Habit(Cue.FAILURE, Do.WIN_DISPUTE, 1, 2))
    world = customers(sandbox, [], *habits)
    sandbox.fails(START, "succeeded")
    sandbox.fails(START)
    world.act_until(START)
    assert world.act_until(START + 5 * HOUR) == 2
    assert [body for _, body in sandbox.asked] == [
        {"act": "dispute", "charge": "ch_1"},
        {"act": "close_dispute", "dispute": "du_1", "status": "won"},
    ]
    assert len(world.tries) == 2


def test_a_new_card_may_be_known_to_fail() -> None:
    sandbox = Sandbox()
    card = Method(number="4242424242424242", then="do_not_honor")
    world = customers(sandbox, [], Habit(Cue.START, Do.FIRST_CARD_AGAIN, 1, 1, card))
    world.act_until(START + HOUR)
    assert [path for path, _ in sandbox.asked] == ["/_sandbox/cards", "/_sandbox/portal/cus_1"]
    assert sandbox.asked[0][1] == {"number": card.number, "outcomes": ["do_not_honor"]}


def test_a_new_default_is_set_on_the_customer_alone() -> None:
    sandbox = Sandbox()
    card = Method(number="4242424242424242")
    world = customers(sandbox, [], Habit(Cue.START, Do.NEW_DEFAULT_CARD, 1, 1, card))
    world.act_until(START + HOUR)
    assert sandbox.asked[1:] == [
        ("/v1/payment_methods/pm_9/attach", {"customer": "cus_1"}),
        ("/v1/customers/cus_1", {"invoice_settings": {"default_payment_method": "pm_9"}}),
    ]


def test_the_staff_moves_a_renewal_by_a_trial() -> None:
    sandbox = Sandbox()
    world = customers(sandbox, [], Habit(Cue.START, Do.MOVE_RENEWAL, 1, 1))
    world.act_until(START + HOUR)
    path, params = sandbox.asked[0]
    assert path == "/v1/subscriptions/sub_1"
    assert params["trial_end"] == int((START + timedelta(days=12)).timestamp())


@pytest.mark.parametrize(
    ("do", "told"),
    [
        (Do.FRAUD_WARNING, {"act": "early_fraud_warning", "charge": "ch_1"}),
        (Do.RETURN_DEBIT, {"act": "return_debit", "charge": "ch_1"}),
        (Do.REVOKE_MANDATE, {"act": "revoke_mandate", "payment_method": "pm_1"}),
        (Do.UPDATE_CARD, {"act": "auto_update_card", "payment_method": "pm_1"}),
    ],
)
def test_banks_and_networks_act_on_what_there_is(do: Do, told: dict[str, str]) -> None:
    sandbox = Sandbox()
    world = customers(sandbox, [], Habit(Cue.FAILURE, do, 1, 1))
    sandbox.fails(START, "succeeded")
    sandbox.fails(START)
    world.act_until(START)
    world.act_until(START + 5 * HOUR)
    assert sandbox.asked == [("/_sandbox/act", told)]


def test_what_cannot_be_done_any_more_is_remembered_as_missed() -> None:
    sandbox = Sandbox()
    sandbox.refuses = True
    world = customers(sandbox, [], Habit(Cue.START, Do.DELETE, 1, 1))
    assert world.act_until(START + HOUR) == 1
    assert world.acts[0][3] is False


def test_everybody_in_the_plan_can_be_played() -> None:
    population = plan_population("1", 90)
    sandbox = Sandbox()
    people = {
        person.name: {"customer": f"cus_{at}", "payment_method": "pm", "subscriptions": ["sub"]}
        for at, person in enumerate(population.subscribers)
    }
    world = Customers(population, people, client=sandbox, mails=list)
    for at, _ in enumerate(population.subscribers):
        for status in ("succeeded", "failed", "requires_action"):
            n = len(sandbox.tries) + 1
            moment = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
            sandbox.tries.append(
                {"n": n, "customer": f"cus_{at}", "status": status, "charge": "ch", "at": moment}
            )
    world.act_until(START)
    done = world.act_until(START + timedelta(days=60))
    assert done >= 16
    assert all(act[3] for act in world.acts)
