"""Each check fires on a made-up log in which its promise is broken, and only then."""

from tests.unit.rehearsal.evidence import NOON, attempt, letter, request
from worker.rehearsal.checks import (
    Evidence,
    charges_after_end,
    check_evidence,
    invoices_charged_twice,
    letters_twice,
)

INVOICE = {"in_1": {"parent": {"subscription_details": {"subscription": "sub_1"}}}}


def test_clean_evidence_breaks_nothing() -> None:
    evidence = Evidence(
        requests=[request(1, "/v1/invoices/in_1/pay", idempotency_key="dun:v1:in_1:1")],
        tries=[attempt(1, status="succeeded")],
        invoices=INVOICE,
        letters=[letter(1)],
    )
    checks = check_evidence(evidence, invariants_broken=0)
    assert not checks.broken
    assert set(checks.counts().values()) == {0}
    assert checks.found == ()


def test_an_invoice_paid_by_two_charges_is_counted_once() -> None:
    tries = [attempt(n, status="succeeded") for n in (1, 2, 3)]
    assert len(invoices_charged_twice(Evidence(tries=tries))) == 1


def test_a_debit_that_settles_is_no_second_charge() -> None:
    tries = [
        attempt(1, status="pending"),
        attempt(2, status="succeeded", settles=True, by="stripe", charge="ch_1"),
    ]
    assert invoices_charged_twice(Evidence(tries=tries)) == []


def test_a_charge_after_payment_is_found() -> None:
    tries = [attempt(1, status="succeeded", by="customer"), attempt(2)]
    requests = [
        request(1, "/_sandbox/pay/in_1", by="customer"),
        request(2, "/v1/invoices/in_1/pay"),
    ]
    assert len(charges_after_end(Evidence(tries=tries, requests=requests))) == 1


def test_a_charge_after_a_void_is_found() -> None:
    requests = [
        request(1, "/v1/invoices/in_1/void"),
        request(2, "/v1/invoices/in_1/pay", charges=["ch_2"]),
    ]
    evidence = Evidence(tries=[attempt(2)], requests=requests)
    assert charges_after_end(evidence) == ["in_1 was charged after its end"]


def test_a_charge_after_a_payment_elsewhere_is_found() -> None:
    elsewhere = request(1, "/v1/invoices/in_1/pay", params={"paid_out_of_band": "true"})
    requests = [elsewhere, request(2, "/v1/invoices/in_1/pay", charges=["ch_2"])]
    assert charges_after_end(Evidence(tries=[attempt(2)], requests=requests))
    assert charges_after_end(Evidence(requests=[elsewhere])) == []


def test_a_charge_after_our_own_cancel_is_found() -> None:
    requests = [
        request(1, "/v1/subscriptions/sub_1", method="DELETE"),
        request(2, "/v1/invoices/in_1/pay", charges=["ch_2"]),
    ]
    evidence = Evidence(tries=[attempt(2)], requests=requests, invoices=INVOICE)
    assert len(charges_after_end(evidence)) == 1


def test_a_charge_after_the_customer_cancelled_is_found() -> None:
    form = {"action": "cancel", "subscription": "sub_1", "when": "now"}
    requests = [
        request(1, "/_sandbox/portal/cus_1", by="customer", params=form),
        request(2, "/v1/invoices/in_1/pay", charges=["ch_2"]),
    ]
    evidence = Evidence(tries=[attempt(2)], requests=requests, invoices=INVOICE)
    assert len(charges_after_end(evidence)) == 1


def test_a_cancel_to_the_periods_end_ends_nothing_yet() -> None:
    form = {"action": "cancel", "subscription": "sub_1", "when": "period_end"}
    requests = [
        request(1, "/_sandbox/portal/cus_1", by="customer", params=form),
        request(2, "/v1/invoices/in_1/pay", charges=["ch_2"]),
    ]
    evidence = Evidence(tries=[attempt(2)], requests=requests, invoices=INVOICE)
    assert charges_after_end(evidence) == []


def test_a_charge_after_stripe_ended_the_subscription_is_found() -> None:
    ended = {"sub_1": {"ended_at": NOON - 10}}
    evidence = Evidence(
        tries=[attempt(2)],
        requests=[request(2, "/v1/invoices/in_1/pay", charges=["ch_2"])],
        invoices=INVOICE,
        subscriptions=ended,
    )
    assert len(charges_after_end(evidence)) == 1


def test_a_charge_that_stripe_had_to_refuse_counts_as_well() -> None:
    refused = request(
        2,
        "/v1/invoices/in_1/pay",
        idempotency_key="dun:v1:in_1:2",
        status=400,
        code="invoice_already_paid",
    )
    assert len(charges_after_end(Evidence(requests=[refused]))) == 1
    replayed = {**refused, "replayed": True}
    assert charges_after_end(Evidence(requests=[replayed])) == []


def test_a_charge_before_the_end_is_fine() -> None:
    requests = [
        request(1, "/v1/invoices/in_1/pay", charges=["ch_1"]),
        request(2, "/v1/invoices/in_1/mark_uncollectible"),
    ]
    assert charges_after_end(Evidence(tries=[attempt(1)], requests=requests)) == []


def test_the_same_mail_twice_is_found() -> None:
    same = [letter(1), letter(2, message_id="<1@dunning.invalid>")]
    assert len(letters_twice(Evidence(letters=same))) == 1


def test_the_same_step_twice_is_found_even_under_another_message_id() -> None:
    twice = [letter(1), letter(2, subject="We couldn’t take your payment of €14.50")]
    assert len(letters_twice(Evidence(letters=twice))) == 1


def test_the_same_subject_about_the_same_invoice_is_found() -> None:
    receipts = [
        letter(n, notice="payment_recovered", subject="Thank you, your payment of €29.00 arrived")
        for n in (1, 2)
    ]
    assert len(letters_twice(Evidence(letters=receipts))) == 1


def test_letters_about_other_invoices_steps_and_people_are_fine() -> None:
    letters = [
        letter(1),
        letter(2, notice="payment_failed_2", subject="Your payment of €29.00 is still open"),
        letter(3, invoices=("in_2",)),
        letter(4, recipient="b@customers.example"),
    ]
    assert letters_twice(Evidence(letters=letters)) == []


def test_a_card_may_be_written_about_once_for_each_lead_time() -> None:
    values = {"notice": "card_expiring", "subject": "Your card expires", "invoices": ()}
    assert letters_twice(Evidence(letters=[letter(1, **values), letter(2, **values)])) == []
    same = [letter(1, **values), letter(2, **values, message_id="<1@dunning.invalid>")]
    assert len(letters_twice(Evidence(letters=same))) == 1


def test_a_broken_invariant_breaks_the_whole() -> None:
    checks = check_evidence(Evidence(), invariants_broken=1)
    assert checks.broken
    assert checks.counts()["invariants_broken"] == 1
