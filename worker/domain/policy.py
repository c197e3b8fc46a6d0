"""What the operator decided, as values: policies, notices and schedule (operator.md 1).

`worker.settings` reads config/*.yaml into these; the engine only ever sees these. A policy is
kept by a case under its digest, so what `domain.policy_text` writes must stay readable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum

from worker.domain.calendar_letters import CalendarLetter
from worker.domain.confirmations import Confirmation
from worker.domain.job_times import JobTiming
from worker.domain.metrics_rules import MetricsRules
from worker.domain.offers import Offer
from worker.domain.staff import StaffRules


class DeclineClass(StrEnum):
    """What kind of failure a decline is, by who can cure it (domain.md 1.4)."""

    FUNDS = "funds"
    UNCLEAR = "unclear"
    TECHNICAL = "technical"
    CARD_DATA = "card_data"
    NOT_ALLOWED = "not_allowed"
    FRAUD = "fraud"
    AUTHENTICATION = "authentication"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    SETUP = "setup"


class Reaction(StrEnum):
    """What a policy does about a class of decline."""

    RETRY = "retry"
    RETRY_SOON = "retry_soon"
    WAIT_FOR_NEW_CARD = "wait_for_new_card"
    ASK_CUSTOMER = "ask_customer"
    STOP = "stop"
    ASK_OPERATOR = "ask_operator"


class Mode(StrEnum):
    """How far the worker may go: plan only, write letters, or charge as well."""

    WATCH = "watch"
    LETTERS = "letters"
    LIVE = "live"


class RetriesBy(StrEnum):
    """Who owns the retries of an invoice (architecture.md D10)."""

    WORKER = "worker"
    STRIPE = "stripe"
    NOBODY = "nobody"


class EndingAct(StrEnum):
    """What happens to the subscription after the last step."""

    CANCEL = "cancel"
    PAUSE = "pause"
    HOLD_INVOICES = "hold_invoices"
    DOWNGRADE = "downgrade"
    LEAVE = "leave"


class PersonDecides(StrEnum):
    """What a policy leaves to a person."""

    ENDING = "ending"
    CHARGES = "charges"


class CancelWhen(StrEnum):
    """When a cancelling ending takes effect at Stripe."""

    NOW = "now"
    PERIOD_END = "period_end"


class InvoiceEnd(StrEnum):
    """What happens to the open invoice at the ending."""

    LEAVE = "leave"
    UNCOLLECTIBLE = "uncollectible"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class ClassRule:
    """The reaction to one class of decline."""

    do: Reaction
    at_most: int | None = None
    """Retries of ours for this class in one case; None is the overall limit alone."""
    within: timedelta | None = None
    """For `retry_soon`: how long after the failure quick tries may go on."""
    count_as_voluntary: bool = False
    """For `stop`: the churn that follows counts as the customer's own decision, not as unpaid."""
    paydays: tuple[int, ...] = ()
    """For `retry`: days of the month that due charges move on to; 31 is the month's last day."""
    payday_key: str = ""
    """For `retry`: the customer's metadata key that names a day of the month they chose."""
    ask_again: tuple[timedelta, ...] = ()
    """For `ask_customer`: when links go out, from the failure that asked; empty: with letters."""


@dataclass(frozen=True, slots=True)
class DayWindow:
    """Hours of a day, local time of whoever it is applied to; start < end."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Step:
    """A named point on the timeline, a charge or a letter; unique by name in its policy (D5)."""

    name: str
    after: timedelta
    """From the first failure; from the due date of sent invoices, negative before it."""
    charge: bool = False
    charge_window: DayWindow | None = None
    """Office hours in which the charge may start; None is any time."""
    letter: str | None = None
    """The notice to send, a file name under templates/<locale>/ without `.md`."""
    access: str | None = None
    """What the customer may use from then on, in the application's words; None: no change."""
    offer: Offer | None = None
    """What its letter offers; None: nothing."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What follows the last step, for the subscription and for the invoice."""

    after: timedelta
    do: EndingAct
    when: CancelWhen = CancelWhen.NOW
    invoice: InvoiceEnd = InvoiceEnd.LEAVE
    final_letter_step: str | None = None
    """The step whose letter must have been accepted before; None for `leave`."""
    final_letter_gap: timedelta = timedelta(hours=48)
    """How long before the ending that letter must have been accepted by the mail server."""
    if_refused: EndingAct | None = None
    """For `pause`: what is done where Stripe refuses it; None for every other ending."""
    to_price_id: str = ""
    """For `downgrade`: the price the subscription moves to."""

    @property
    def worst(self) -> EndingAct:
        """What the customer must be told to expect: the cancel, where a refusal may lead to it."""
        return EndingAct.CANCEL if self.if_refused is EndingAct.CANCEL else self.do


@dataclass(frozen=True, slots=True)
class SmallBalance:
    """Which debts are too small to be dunned, and what happens to their invoices instead."""

    below_minor: Mapping[str, int]
    """Currency -> the amount that must remain for an invoice to be dunned; others always are."""
    invoice: InvoiceEnd
    """`uncollectible` or `void`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How the failed payments of the customers it serves are treated."""

    name: str
    retries_by: RetriesBy
    when_declined: Mapping[DeclineClass, ClassRule]
    charge_new_card_at_once: bool
    steps: tuple[Step, ...]
    ending: Ending
    retries_max: int = 8
    """Charges of ours per case, quick technical ones apart (domain.md 2, suggested cap)."""
    retry_gap: timedelta = timedelta(hours=20)
    """Least time between two charges of one customer, whoever made the first (domain.md 2)."""
    backup_methods: tuple[str, ...] = ()
    """Types of the customer's other methods to charge after a hard decline, in order; or none."""
    collection_method: str = ""
    """`send_invoice`: for invoices paid by hand, by their due dates; empty: for all others."""
    small_balance: SmallBalance | None = None
    """None: every debt is dunned, however small."""
    person_decides: tuple[PersonDecides, ...] = ()
    """What waits for a person's approval instead of being done; empty is nothing."""
    digest: str = ""
    """First 12 hex digits of the SHA-256 of the canonical form; set by settings."""

    @property
    def for_sent_invoices(self) -> bool:
        """Whether it serves invoices that customers pay by hand."""
        return self.collection_method != ""

    def step(self, name: str) -> Step | None:
        """Return the step called *name*, or None."""
        return next((step for step in self.steps if step.name == name), None)


@dataclass(frozen=True, slots=True)
class AmountRange:
    """Amounts of one currency in its minor units, both ends included; no `most` is no end."""

    currency: str
    least_minor: int = 0
    most_minor: int | None = None


@dataclass(frozen=True, slots=True)
class BillingInterval:
    """How often a subscription is billed, in Stripe's words; 12 months are written as 1 year."""

    unit: str
    """`day`, `week`, `month` or `year`."""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Match:
    """Whom a policy serves: all conditions that are given must hold, of each one value is enough.

    What is not known of a customer fulfils no condition. Kept beside the policy, so that another
    audience does not change the digest of what open cases hold.
    """

    price_ids: tuple[str, ...] = ()
    product_ids: tuple[str, ...] = ()
    intervals: tuple[BillingInterval, ...] = ()
    amounts: tuple[AmountRange, ...] = ()
    """What remains of the failed invoice; a currency that is not listed does not match."""
    countries: tuple[str, ...] = ()
    """ISO 3166 codes in capitals, of the customer's address."""
    currencies: tuple[str, ...] = ()
    method_types: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    customer_age_min: timedelta | None = None
    """Since the customer was made at Stripe, at least."""
    customer_age_below: timedelta | None = None
    metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Key -> values, of the customer or the subscription."""
    collection_method: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the operator chose something, in their words."""

    of: str
    """A step's name, `ending`, or empty for the policy as a whole."""
    because: str


@dataclass(frozen=True, slots=True)
class NetworkLimits:
    """Most tries per card and window, whoever made them; an operator may only lower them.

    Source: domain.md 2. Visa's own limit is 20; the margin is for tries that we cannot see. For
    networks that publish no count the limit is our assumption.
    """

    visa_in_30_days: int = 15
    mastercard_in_24_hours: int = 10
    mastercard_in_30_days: int = 35
    other_cards_in_30_days: int = 15
    ach_retries_authorised: bool = False
    """Whether the operator holds the customers' authorisation to present a returned ACH debit
    again, as Nacha asks; without it none is."""


@dataclass(frozen=True, slots=True)
class AmountLimit:
    """The most that may be charged in one currency, in its minor units; None is no ceiling."""

    currency: str
    per_hour_minor: int | None = None
    per_day_minor: int | None = None


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When the charges of ten minutes look so wrong that charging stops (domain/breaker.py)."""

    charges_min: int = 20
    """Fewer are no sample."""
    unknown_percent_max: int = 5
    new_codes_percent_max: int = 10
    success_percent_min: int = 33
    """Of the usual share of successes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings of the whole service; reached means wait and say so, never drop.

    An hour is any 60 minutes, a day the office's.
    """

    charges_per_hour: int = 500
    charges_per_day: int | None = None
    charged_amounts: tuple[AmountLimit, ...] = ()
    """A currency that is not listed has no ceiling."""
    letters_per_hour: int = 2000
    """Four times the charges: letters of renewals come in waves, and a flood is still one."""
    letters_per_day: int | None = None
    endings_per_day: int = 20
    endings_between: DayWindow = DayWindow(time(9), time(16))
    endings_on_weekdays_only: bool = True
    networks: NetworkLimits = NetworkLimits()
    breaker: BreakerLimits = BreakerLimits()


@dataclass(frozen=True, slots=True)
class DunningRules:
    """All of config/dunning.yaml."""

    mode: Mode
    office_zone: str
    """IANA name; the zone of charge windows, limits and everything finance reads."""
    policies: tuple[Policy, ...]
    """In the order in which they are asked; the first that matches serves (choose_policy)."""
    limits: Limits = field(default_factory=Limits)
    go_live: datetime | None = None
    """Failures before this open no case; None is the first start (architecture.md D16)."""
    matches: Mapping[str, Match] = field(default_factory=dict)
    """A policy's name -> whom it serves; a policy that is not here serves everybody."""
    reasons: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)
    """A policy's name -> why it is as it is; for people, never for decisions."""
    confirmed: tuple[Confirmation, ...] = ()
    """What people have looked up in Stripe's Dashboard, at most one of each setting."""
    metrics: MetricsRules | None = None
    """None where nothing is said of it: the defaults."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who letters come from, as written in their headers."""

    from_address: str
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """When letters may go out, in the customer's own zone."""

    send_between: DayWindow = DayWindow(time(8), time(18))
    weekdays_only: bool = False


@dataclass(frozen=True, slots=True)
class Brand:
    """How letters look: name, picture, colour (`#rrggbb`), address for questions."""

    name: str
    support: str
    colour: str = "#0b6b50"
    logo_url: str | None = None


@dataclass(frozen=True, slots=True)
class NoticeRules:
    """All of config/notices.yaml."""

    brand: Brand
    sender: Sender
    quiet: Quiet
    letters: tuple[CalendarLetter, ...]
    send_within: timedelta = timedelta(days=5)
    """A letter that waited longer is dropped with that reason; a final one never is."""
    staff: StaffRules | None = None
    keep_letters: timedelta = timedelta(days=180)
    """How long a letter's rendered text is kept."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything under config/, checked, with the digest that names this version of it."""

    dunning: DunningRules
    notices: NoticeRules
    schedule: Mapping[str, JobTiming]
    """Job name (worker.domain.job_times) -> when it runs."""
    digest: str
