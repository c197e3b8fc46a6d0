"""The closed table from Stripe's answers to our outcomes (architecture.md 5 and D7).

Two kinds of answer exist: an object (2xx), which must show the wanted state before anything counts
as done, and an error. Whatever the table does not settle is UNKNOWN, because a charge that perhaps
happened must never be followed by another one.
"""

import re
from dataclasses import dataclass

from worker.domain.decline_table import RETRYABLE, Family, decline_table
from worker.domain.readings import Answer, AnswerKind
from worker.errors import GatewayRejected, GatewayUnavailable
from worker.gateway.payment_readers import read_payment, read_payment_method, read_signals
from worker.gateway.raw_fields import child, children, flag, reference, text, whole
from worker.ports import Json

REQUIRES_ACTION = frozenset(
    {"invoice_payment_intent_requires_action", "subscription_payment_intent_requires_action"}
)
# Codes that say "declined" although Stripe may send them with a status other than 402.
DECLINES = frozenset(
    code
    for (family, code), row in decline_table().items()
    if family is Family.ERROR and row.decline_class not in RETRYABLE and code not in REQUIRES_ACTION
)
NOT_NOW = frozenset({"rate_limit", "lock_timeout", "idempotency_key_in_use"})


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer of Stripe's, or none at all (status 0)."""

    status: int
    body: Json
    request_id: str = ""
    replayed: bool = False
    limited_reason: str = ""
    """`Stripe-Rate-Limited-Reason` of a 429."""
    failure: str = ""
    """Why there is no answer: `timeout` or `connection`."""

    @property
    def error(self) -> Json:
        """The `error` object, empty for an answer that is none."""
        return child(self.body, "error")

    @property
    def code(self) -> str:
        """Stripe's error code, else its type for a reused key, or our word for no answer."""
        reused = "idempotency_error" if text(self.error, "type") == "idempotency_error" else ""
        return text(self.error, "code") or reused or self.failure

    @property
    def good(self) -> bool:
        """Whether Stripe answered with an object."""
        return 200 <= self.status < 300 and "object" in self.body


def of_error(reply: Reply) -> AnswerKind | None:
    """Return what an error answer to a writing request means; None for a refused key."""
    status, code = reply.status, reply.code
    if status in {401, 403}:
        return None
    if not 400 <= status < 500 or status in {409, 429} or code in NOT_NOW:
        return AnswerKind.UNKNOWN
    if text(reply.error, "type") == "idempotency_error":
        return AnswerKind.REFUSED
    intent_status = text(child(reply.error, "payment_intent"), "status")
    if code in REQUIRES_ACTION or intent_status == "requires_action":
        return AnswerKind.ACTION_REQUIRED
    if status == 402 or text(reply.error, "type") == "card_error" or code in DECLINES:
        return AnswerKind.DECLINED
    return AnswerKind.REFUSED


def of_paid_invoice(invoice: Json) -> AnswerKind:
    """Return what a 200 answer to `pay` means: by the invoice, then by its payment."""
    if text(invoice, "status") == "paid":
        return AnswerKind.DONE
    intent = child(_default_payment(invoice), "payment", "payment_intent")
    return {
        "processing": AnswerKind.PROCESSING,
        "requires_action": AnswerKind.ACTION_REQUIRED,
        "requires_payment_method": AnswerKind.DECLINED,
    }.get(text(intent, "status"), AnswerKind.UNKNOWN)


def answer_to_pay(reply: Reply) -> Answer:
    """Return the outcome of a charge. Raises: GatewayRejected: the key was refused."""
    if not reply.good:
        return _answer_of_error(reply)
    payment = _default_payment(reply.body)
    reading = read_payment(child(payment, "payment", "payment_intent"))
    return Answer(
        kind=of_paid_invoice(reply.body),
        status=reply.status,
        replayed=reply.replayed,
        request_id=reply.request_id,
        charge_id=reading.latest_charge_id,
        payment_method_id=reading.payment_method_id,
        payment_method=reading.payment_method,
        signals=reading.signals,
        amount_paid_minor=whole(payment, "amount_paid"),
    )


def answer_to_ending(reply: Reply, *, done: bool) -> Answer:
    """Return the outcome of an ending; *done* says whether the object shows the wanted state.

    Raises: GatewayRejected: the key was refused.
    """
    if not reply.good:
        return _answer_of_error(reply)
    return Answer(
        kind=AnswerKind.DONE if done else AnswerKind.UNKNOWN,
        status=reply.status,
        replayed=reply.replayed,
        request_id=reply.request_id,
    )


def object_of(reply: Reply, what: str) -> Json:
    """Return the object that a read answered with.

    Raises: GatewayUnavailable: no answer, 409, 429 or 5xx; GatewayRejected: any other 4xx.
    """
    if reply.good:
        return reply.body
    rejected = 400 <= reply.status < 500 and reply.status not in {409, 429}
    if rejected and reply.code not in NOT_NOW:
        raise refusal(reply, what)
    said = f"answered {reply.status}" if reply.status else f"did not answer ({reply.failure})"
    raise GatewayUnavailable(f"Stripe {said} to {what}; it is asked again at the next run.")


def refusal(reply: Reply, what: str) -> GatewayRejected:
    """Return the error for a 4xx: one sentence that says who must do what.

    Stripe's own message is left out: it may quote the key, an address or an amount.
    """
    message = text(reply.error, "message")
    if reply.status == 401:
        sentence = (
            "Stripe does not know STRIPE_API_KEY (401): put in the key from the Dashboard, "
            "Developers, API keys, whole and not revoked."
        )
    elif reply.status == 403:
        rights = sorted(set(re.findall(r"\brak_\w+", message)))
        wanted = f": give it {', '.join(rights)}" if rights else ""
        sentence = (
            f"The key in STRIPE_API_KEY has no right to {what} (403){wanted} in the Dashboard, "
            "Developers, API keys, edit restricted key."
        )
    else:
        code = f", {reply.code}" if reply.code else ""
        request = f"; request {reply.request_id}" if reply.request_id else ""
        sentence = f"Stripe refused to {what} ({reply.status}{code}{request})."
    return GatewayRejected(sentence, status=reply.status, code=reply.code)


def _answer_of_error(reply: Reply) -> Answer:
    kind = of_error(reply)
    if kind is None:
        raise refusal(reply, "charge invoices and end subscriptions")
    error = reply.error
    intent = child(error, "payment_intent")
    method = child(error, "payment_method")
    failed = kind in {AnswerKind.DECLINED, AnswerKind.ACTION_REQUIRED}
    return Answer(
        kind=kind,
        status=reply.status,
        code=reply.code,
        replayed=reply.replayed,
        request_id=reply.request_id,
        charge_id=reference(error, "charge") or reference(intent, "latest_charge"),
        payment_method_id=text(method, "id") or reference(intent, "payment_method"),
        payment_method=read_payment_method(method),
        signals=read_signals(error) if failed else None,
    )


def _default_payment(invoice: Json) -> Json:
    """The default InvoicePayment, else the newest, else nothing."""
    payments = children(invoice, "payments")
    payments.sort(key=lambda one: (flag(one, "is_default"), whole(one, "created")))
    return payments[-1] if payments else {}
