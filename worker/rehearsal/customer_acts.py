"""How each act is done: on the pages, as the bank or the network would, or by the staff."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from worker.domain.money import wire_decimals
from worker.rehearsal.driver_sandbox import Refused, SandboxClient
from worker.rehearsal.population_cards import Method
from worker.rehearsal.population_habits import Do, Habit

MOVED_TO = timedelta(days=12)


@dataclass(slots=True)
class Person:
    """One customer at Stripe, and what was seen of the payments."""

    customer_id: str
    method_id: str
    subscription_ids: tuple[str, ...]
    paid_charges: list[str] = field(default_factory=list)
    dispute_id: str = ""


def perform(habit: Habit, person: Person, client: SandboxClient) -> bool:
    """Do what the habit says; False where there was nothing (left) to do it to.

    Raises: ServiceUnavailable: the sandbox gave no answer.
    """
    act = _ACTS[habit.do]
    try:
        return act(person, client, habit)
    except Refused:
        return False


def _open_invoices(person: Person, client: SandboxClient) -> list[dict[str, Any]]:
    found = list(client.every("/v1/invoices", customer=person.customer_id, status="open"))
    found.reverse()
    return found


def _card_form(card: Method | None) -> dict[str, Any]:
    if card is None:
        return {}
    return {"number": card.number, "exp_month": card.exp_month, "exp_year": card.exp_year}


def _answers(card: Method | None, client: SandboxClient) -> None:
    """Tell the sandbox what a new card will answer, where that is not to pay."""
    if card is not None and card.then != "approve":
        client.control("/_sandbox/cards", {"number": card.number, "outcomes": [card.then]})


def _save_card(person: Person, client: SandboxClient, habit: Habit) -> bool:
    _answers(habit.card, client)
    client.post(f"/_sandbox/portal/{person.customer_id}", _card_form(habit.card))
    return True


def _new_default(person: Person, client: SandboxClient, habit: Habit) -> bool:
    """Put a card on the customer alone: what the subscriptions name stays above it."""
    made = client.post("/v1/payment_methods", {"type": "card", "card": _card_form(habit.card)})
    client.post(f"/v1/payment_methods/{made['id']}/attach", {"customer": person.customer_id})
    settings = {"invoice_settings": {"default_payment_method": made["id"]}}
    client.post(f"/v1/customers/{person.customer_id}", settings)
    return True


def _pay(person: Person, client: SandboxClient, habit: Habit) -> bool:
    owed = _open_invoices(person, client)
    for invoice in owed:
        client.post(f"/_sandbox/pay/{invoice['id']}", _card_form(habit.card))
    return bool(owed)


def _on_oldest(act: str) -> Callable[[Person, SandboxClient, Habit], bool]:
    """Return an act of the customer towards the bank, about the oldest open invoice."""

    def run(person: Person, client: SandboxClient, _habit: Habit) -> bool:
        owed = _open_invoices(person, client)
        if owed:
            client.control("/_sandbox/act", {"act": act, "invoice": owed[0]["id"]})
        return bool(owed)

    return run


def _cancel(when: str) -> Callable[[Person, SandboxClient, Habit], bool]:
    def run(person: Person, client: SandboxClient, _habit: Habit) -> bool:
        for subscription_id in person.subscription_ids:
            form = {"action": "cancel", "subscription": subscription_id, "when": when}
            client.post(f"/_sandbox/portal/{person.customer_id}", form)
        return True

    return run


def _dispute(person: Person, client: SandboxClient, _habit: Habit) -> bool:
    if not person.paid_charges:
        return False
    body = {"act": "dispute", "charge": person.paid_charges[-1]}
    person.dispute_id = str(client.control("/_sandbox/act", body)["id"])
    return True


def _close_dispute(status: str) -> Callable[[Person, SandboxClient, Habit], bool]:
    def run(person: Person, client: SandboxClient, _habit: Habit) -> bool:
        body = {"act": "close_dispute", "dispute": person.dispute_id, "status": status}
        client.control("/_sandbox/act", body)
        return True

    return run


def _fraud_warning(person: Person, client: SandboxClient, _habit: Habit) -> bool:
    if not person.paid_charges:
        return False
    body = {"act": "early_fraud_warning", "charge": person.paid_charges[-1]}
    client.control("/_sandbox/act", body)
    return True


def _return_debit(person: Person, client: SandboxClient, _habit: Habit) -> bool:
    if not person.paid_charges:
        return False
    body = {"act": "return_debit", "charge": person.paid_charges[-1]}
    client.control("/_sandbox/act", body)
    return True


def _update_card(person: Person, client: SandboxClient, _habit: Habit) -> bool:
    client.control("/_sandbox/act", {"act": "auto_update_card", "payment_method": person.method_id})
    return True


def _revoke_mandate(person: Person, client: SandboxClient, _habit: Habit) -> bool:
    client.control("/_sandbox/act", {"act": "revoke_mandate", "payment_method": person.method_id})
    return True


def _move_renewal(person: Person, client: SandboxClient, _habit: Habit) -> bool:
    """Let the staff end each running period `MOVED_TO` after it began, with a trial until then."""
    for subscription_id in person.subscription_ids:
        path = f"/v1/subscriptions/{subscription_id}"
        began_at = int(client.get(path)["items"]["data"][0]["current_period_start"])
        until = began_at + int(MOVED_TO.total_seconds())
        client.post(path, {"trial_end": until, "proration_behavior": "none"})
    return True


def _staff_on_oldest(
    verb: str, params: Mapping[str, Any]
) -> Callable[[Person, SandboxClient, Habit], bool]:
    """Return what the staff does to the oldest open invoice through Stripe's API."""

    def run(person: Person, client: SandboxClient, _habit: Habit) -> bool:
        owed = _open_invoices(person, client)
        if owed:
            client.post(f"/v1/invoices/{owed[0]['id']}/{verb}", params)
        return bool(owed)

    return run


def _credit(share: float) -> Callable[[Person, SandboxClient, Habit], bool]:
    def run(person: Person, client: SandboxClient, _habit: Habit) -> bool:
        owed = _open_invoices(person, client)
        if not owed:
            return False
        left = int(owed[0]["amount_remaining"])
        amount = left if share == 1.0 else int(left * share)
        if wire_decimals(owed[0]["currency"]) == 3:
            amount -= amount % 10  # Stripe takes three-decimal amounts only with a last 0
        client.post("/v1/credit_notes", {"invoice": owed[0]["id"], "amount": amount})
        return True

    return run


def _pause(value: Any) -> Callable[[Person, SandboxClient, Habit], bool]:
    def run(person: Person, client: SandboxClient, _habit: Habit) -> bool:
        for subscription_id in person.subscription_ids:
            client.post(f"/v1/subscriptions/{subscription_id}", {"pause_collection": value})
        return True

    return run


def _delete(person: Person, client: SandboxClient, _habit: Habit) -> bool:
    client.delete(f"/v1/customers/{person.customer_id}")
    return True


_ACTS: Mapping[Do, Callable[[Person, SandboxClient, Habit], bool]] = {
    Do.NEW_CARD: _save_card,
    Do.PAY_NEW_CARD: _pay,
    Do.PAY_ON_FILE: _pay,
    Do.FIRST_CARD_AGAIN: _save_card,
    Do.NEW_DEFAULT_CARD: _new_default,
    Do.AUTHENTICATE: _on_oldest("authenticate"),
    Do.ABANDON: _on_oldest("abandon"),
    Do.CANCEL_NOW: _cancel("now"),
    Do.CANCEL_AT_PERIOD_END: _cancel("period_end"),
    Do.DISPUTE: _dispute,
    Do.WIN_DISPUTE: _close_dispute("won"),
    Do.LOSE_DISPUTE: _close_dispute("lost"),
    Do.RETURN_DEBIT: _return_debit,
    Do.UPDATE_CARD: _update_card,
    Do.FRAUD_WARNING: _fraud_warning,
    Do.REVOKE_MANDATE: _revoke_mandate,
    Do.MOVE_RENEWAL: _move_renewal,
    Do.PAID_ELSEWHERE: _staff_on_oldest("pay", {"paid_out_of_band": True}),
    Do.VOID: _staff_on_oldest("void", {}),
    Do.UNCOLLECTIBLE: _staff_on_oldest("mark_uncollectible", {}),
    Do.CREDIT_PART: _credit(0.5),
    Do.CREDIT_ALL: _credit(1.0),
    Do.PAUSE: _pause({"behavior": "keep_as_draft"}),
    Do.RESUME: _pause(""),
    Do.DELETE: _delete,
}
