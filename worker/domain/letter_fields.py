"""The notices that can be written to customers and the closed list of merge fields of each.

Templates, the lint, the preview and the service that fills a letter all read this one table, so a
field that is not here cannot be used and one that is here has a meaning and a sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

FieldKind = Literal["text", "name", "link", "list", "record"]


@dataclass(frozen=True, slots=True)
class Field:
    """One merge field: what it means, and a sample as a customer would see it.

    Kinds: `text` is ours; `name` was typed by somebody else, so it is defused before it is shown;
    `link` is an https address, the only kind allowed as the target of a link; `list` holds records
    with the fields in `items`; `record` (only `brand` and its like) has parts with a dot.
    An `optional` field may be the empty string, so templates ask `{% if field %}` first.
    """

    kind: FieldKind
    meaning: str
    sample: str = ""
    optional: bool = False
    items: Mapping[str, "Field"] = field(default_factory=dict)


_INVOICE_ITEMS = {
    "number": Field("text", "the invoice's number", "ACME-0042"),
    "amount": Field("text", "what is still open on it", "€20.00"),
    "failed_on": Field("text", "day of its first failed payment", "Friday 27 November"),
    "due_on": Field("text", "day on which it is due, if paid by hand", "Friday 27 November", True),
    "pay_url": Field("link", "its hosted page at Stripe", "https://invoice.stripe.com/i/acct_1/1"),
}

FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "brand": Field(
            "record",
            "the company, from notices.yaml",
            items={
                "name": Field("text", "its name", "Acme"),
                "support": Field("text", "where customers get help", "help@acme.example"),
                "support_url": Field("link", "the same as a link", "mailto:help@acme.example"),
            },
        ),
        "customer_name": Field("name", "the customer's name at Stripe", "Ada Lovelace", True),
        "plan_name": Field("name", "what is subscribed", "Team plan", True),
        "amount": Field("text", "the amount this letter is about", "€20.00"),
        "card": Field(
            "text", "the payment method, as a phrase", "your Visa card ending in 4242", True
        ),
        "pay_url": Field(
            "link", "the invoice's hosted page", "https://invoice.stripe.com/i/acct_1/1"
        ),
        "update_url": Field(
            "link",
            "page where the customer changes the payment method",
            "https://billing.stripe.com/p/session/1",
            True,
        ),
        "manage_url": Field(
            "link",
            "page where the customer sees and cancels the subscription",
            "https://billing.stripe.com/p/session/2",
            True,
        ),
        "invoice_number": Field("text", "the invoice's number", "ACME-0042", True),
        "failed_on": Field("text", "day of the first failed payment", "Friday 27 November"),
        "due_on": Field("text", "day on which the invoice is due", "Friday 27 November"),
        "days_overdue": Field("text", "how many days it is overdue; empty until then", "3", True),
        "paid_so_far": Field("text", "what was paid of it already, if not all", "€5.00", True),
        "next_try_on": Field("text", "day of the next try", "Tuesday 1 December", True),
        "ends_on": Field(
            "text",
            "day on which the subscription ends if nothing is paid; empty if it goes on",
            "Friday 11 December",
            True,
        ),
        "pauses_on": Field(
            "text",
            "day on which the subscription is paused if nothing is paid; empty if it is not",
            "Friday 11 December",
            True,
        ),
        "downgrades_on": Field(
            "text",
            "day on which it moves to a smaller plan if nothing is paid; empty if it does not",
            "Friday 11 December",
            True,
        ),
        "undecided": Field(
            "text",
            "`ends`, `pauses` or `downgrades`: what may become of the subscription if nothing is"
            " paid, where a person decides about it and no day can be promised; else empty",
            "ends",
            True,
        ),
        "offer_coupon": Field(
            "text",
            "the coupon that is now on the subscription, if this letter's step offers one",
            "SAVE20",
            True,
        ),
        "offer_days": Field(
            "text",
            "how many more days the customer has, if this letter's step offers any",
            "7",
            True,
        ),
        "reason_for_customer": Field(
            "text",
            "one sentence on why the payment failed; empty where it must not be told",
            "Your bank told us that it could not cover the payment this time.",
            True,
        ),
        "invoices": Field(
            "list", "every invoice this letter is about, oldest first", items=_INVOICE_ITEMS
        ),
        "paid_on": Field("text", "day of the payment", "Tuesday 1 December"),
        "goes_on": Field(
            "text",
            "`yes` where the subscription goes on as before; empty where it has ended, is going to,"
            " is paused, or has moved to a smaller plan",
            "yes",
            True,
        ),
        "expires": Field("text", "month and year in which the card expires", "12/2026"),
        "renews_on": Field("text", "day of the next payment", "Friday 1 January 2027"),
        "renews_until": Field(
            "text", "last day of the period that is paid then", "Friday 31 December 2027", True
        ),
        "trial_ends_on": Field("text", "day on which the trial ends", "Tuesday 8 December"),
        "ended_on": Field(
            "text",
            "day on which the subscription ended, or was cancelled where it runs on",
            "Friday 11 December",
        ),
        "runs_until": Field(
            "text",
            "day on which it ends, where that is still to come, as with a paid period; else empty",
            "Thursday 31 December",
            True,
        ),
        "paused_on": Field("text", "day on which it was paused", "Friday 11 December"),
        "held_on": Field(
            "text",
            "the same day, where only its new invoices are held back; else empty",
            "Friday 11 December",
            True,
        ),
        "downgraded_on": Field(
            "text", "day on which it moved to a smaller plan", "Friday 11 December"
        ),
    }
)

_ALWAYS = ("brand", "customer_name", "plan_name", "manage_url", "update_url")
_FAILED = (
    *_ALWAYS,
    *("amount", "card", "pay_url", "invoice_number", "failed_on", "next_try_on", "ends_on"),
    *(
        "pauses_on",
        "downgrades_on",
        "undecided",
        "offer_coupon",
        "offer_days",
        "reason_for_customer",
        "invoices",
    ),
)
_DUE = (
    *_ALWAYS,
    *("amount", "pay_url", "invoice_number", "due_on", "days_overdue", "paid_so_far", "ends_on"),
    *("pauses_on", "downgrades_on", "undecided", "offer_coupon", "offer_days", "invoices"),
)
_OWN = (*_FAILED, *(name for name in _DUE if name not in _FAILED))
_ENDED = ("amount", "pay_url", "invoice_number", "invoices")

NOTICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "payment_failed_1": _FAILED,
        "payment_failed_2": _FAILED,
        "payment_failed_3": _FAILED,
        "payment_failed_final": _FAILED,
        "action_required": _FAILED,
        "invoice_due_soon": _DUE,
        "invoice_due_today": _DUE,
        "invoice_overdue_1": _DUE,
        "invoice_overdue_2": _DUE,
        "invoice_overdue_final": _DUE,
        "payment_recovered": (
            *_ALWAYS,
            *("amount", "card", "pay_url", "invoice_number", "paid_on", "goes_on", "renews_on"),
            "invoices",
        ),
        "card_expiring": (*_ALWAYS, "amount", "card", "expires", "renews_on"),
        "renewal_upcoming": (*_ALWAYS, "amount", "card", "renews_on", "renews_until"),
        "trial_ending": (*_ALWAYS, "amount", "card", "trial_ends_on"),
        "subscription_ended": (*_ALWAYS, *_ENDED, "ended_on", "runs_until"),
        "subscription_paused": (*_ALWAYS, *_ENDED, "paused_on", "held_on"),
        "subscription_downgraded": (*_ALWAYS, *_ENDED, "downgraded_on"),
    }
)

FAILED_NOTICES = frozenset(name for name, fields in NOTICES.items() if fields is _FAILED)
"""Notices about a payment that failed; nonsense about an invoice that is paid by hand."""
DUE_NOTICES = frozenset(name for name, fields in NOTICES.items() if fields is _DUE)
"""Notices about an invoice that is paid by hand; nonsense where a payment failed."""
_EITHER = frozenset({"failed_on", "due_on"})
"""Of an operator's own letter one of these is empty, by what its policy serves."""

# What must be there for most notices may be missing for one of them.
_ALSO_OPTIONAL = MappingProxyType(
    {
        "payment_recovered": frozenset({"renews_on", "pay_url", "invoices"}),
        "card_expiring": frozenset({"amount"}),
        "renewal_upcoming": frozenset({"amount"}),
        "trial_ending": frozenset({"amount"}),
        "subscription_ended": frozenset({"amount", "pay_url", "invoices"}),
        "subscription_paused": frozenset({"amount", "pay_url", "invoices"}),
        "subscription_downgraded": frozenset({"amount", "pay_url", "invoices"}),
    }
)
_ALSO_REQUIRED = MappingProxyType({"card_expiring": frozenset({"card"})})


def fields_of(notice: str) -> dict[str, Field]:
    """Return the merge fields of *notice* by name, in the order in which a list shows them.

    A notice that is not shipped is an operator's own letter: it is sent from a step of the
    timeline, so it gets the fields of the letters about failed payments and about due invoices.
    """
    result = {}
    own = notice not in NOTICES
    for name in NOTICES.get(notice, _OWN):
        declared = FIELDS[name]
        optional = declared.optional or name in _ALSO_OPTIONAL.get(notice, ())
        optional = optional or (own and name in _EITHER)
        if name in _ALSO_REQUIRED.get(notice, ()):
            optional = False
        result[name] = Field(
            declared.kind, declared.meaning, declared.sample, optional, declared.items
        )
    return result


def sample_fields(notice: str) -> dict[str, object]:
    """Return a full set of values for *notice*, for previews and the lint; two invoices are named.

    `brand` is not among them: the renderer adds its own.
    """
    samples: dict[str, object] = {}
    for name, declared in fields_of(notice).items():
        if declared.kind == "list":
            first = _sample_record(declared)
            samples[name] = [first, {**first, "number": "ACME-0043", "amount": "€8.50"}]
        elif declared.kind != "record":
            samples[name] = declared.sample
    return samples


def bare_fields(notice: str) -> dict[str, object]:
    """Return the samples of *notice* with every optional field empty and one invoice only.

    A template that reads well with these and with `sample_fields` reads well in between.
    """
    samples = sample_fields(notice)
    for name, declared in fields_of(notice).items():
        if declared.kind == "list":
            samples[name] = [] if declared.optional else [_sample_record(declared)]
        elif declared.optional:
            samples[name] = ""
    return samples


def _sample_record(declared: Field) -> dict[str, str]:
    return {key: item.sample for key, item in declared.items.items()}
