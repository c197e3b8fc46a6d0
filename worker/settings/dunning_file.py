"""The shape of config/dunning.yaml: what follows a failed payment (operator.md 1).

Only what the engine honours is here; any other key is refused, so that nobody relies on a field
that does nothing. `inheritance` has written `like` and `change` out before a file is read into
these; what fields mean together is checked in `cross_checks`.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from worker.domain.policy import (
    ClassRule,
    DeclineClass,
    DunningRules,
    Mode,
    Policy,
    Reaction,
    Reason,
    RetriesBy,
    Step,
)
from worker.domain.readings import SEND_INVOICE
from worker.settings.confirmed_section import ConfirmedSection
from worker.settings.ending_section import EndingSection, SmallBalanceSection
from worker.settings.fields import (
    AccessWord,
    Changes,
    ChargeHours,
    DecidedByPerson,
    Duration,
    GoLive,
    Ladder,
    Line,
    MetadataKey,
    MethodTypes,
    MonthDays,
    Section,
    Times,
    Zone,
)
from worker.settings.limits_section import LimitsSection
from worker.settings.match_section import MatchSection
from worker.settings.metrics_section import MetricsSection
from worker.settings.offer_section import OfferSection


class ClassSection(Section):
    """What to do about one class of decline."""

    do: Reaction = Field(examples=["retry"])
    """The reaction. Which ones a class allows is decided by the card networks' rules."""
    at_most: Times | None = Field(default=None, examples=["8 times"])
    """For `retry`: how many charges of ours one case gets for this class."""
    within: Duration | None = Field(default=None, examples=["6 hours"])
    """For `retry_soon`: how long after the failure quick tries may go on; they cost no step."""
    count_as: Literal["voluntary"] | None = Field(default=None, examples=["voluntary"])
    """For `stop`: the churn that follows counts as the customer's own decision; left out, as a
    payment that failed. Its reason is `consent_withdrawn` either way."""
    on_days: MonthDays | None = Field(default=None, examples=["[1, 15, last]"])
    """For `funds`: due charges move on to the next of these days of the month, if one comes before
    the ending. A day that a month lacks is its last."""
    customer_day: MetadataKey | None = Field(default=None, examples=["metadata.payday"])
    """For `funds`: the customer's metadata at Stripe may name a day of the month, which then counts
    instead of `on_days`."""
    ask_again: Ladder | None = Field(default=None, examples=["[4 hours, 2 days, 5 days, 9 days]"])
    """For `ask_customer`: when the link to confirm goes out, counted from the failure that asked
    for it; left out, with the letters of the steps."""

    def rule(self) -> ClassRule:
        """Return the engine's value."""
        return ClassRule(
            do=self.do,
            at_most=self.at_most,
            within=self.within,
            count_as_voluntary=self.count_as == "voluntary",
            paydays=self.on_days or (),
            payday_key=self.customer_day or "",
            ask_again=self.ask_again or (),
        )


class WhenDeclined(Section):
    """The reaction to each class of decline; every class is stated once."""

    funds: ClassSection = Field(examples=["{ do: retry, at_most: 8 times }"])
    """Not enough money now; time may cure it."""
    unclear: ClassSection = Field(examples=["{ do: retry, at_most: 3 times }"])
    """The bank gave no reason."""
    technical: ClassSection = Field(examples=["{ do: retry_soon, within: 6 hours }"])
    """Somebody's system was out of order."""
    card_data: ClassSection = Field(examples=["{ do: wait_for_new_card }"])
    """The card expired or its number is wrong; only another card helps."""
    not_allowed: ClassSection = Field(examples=["{ do: wait_for_new_card }"])
    """The bank does not allow this kind of payment with this card."""
    fraud: ClassSection = Field(examples=["{ do: wait_for_new_card }"])
    """Lost, stolen or blocked; letters never say why."""
    authentication: ClassSection = Field(examples=["{ do: ask_customer }"])
    """The customer must confirm (3-D Secure); never tried unattended."""
    consent_withdrawn: ClassSection = Field(examples=["{ do: stop, count_as: voluntary }"])
    """The customer told the bank to stop these payments."""
    setup: ClassSection = Field(examples=["{ do: ask_operator }"])
    """Currency, amount or account set-up; nothing the customer could cure."""


class StepSection(Section):
    """A named point on the timeline."""

    name: Line = Field(examples=["try 1"])
    """What people call it; unique within the policy, and the same for ever in open cases."""
    after: Duration | None = Field(default=None, examples=["3 days"])
    """Time since the first failure, never since the previous step; of invoices that are paid by
    hand, since the due date. Each step has `after` or `before`."""
    before: Duration | None = Field(default=None, examples=["7 days"])
    """Time until the due date, for invoices that are paid by hand alone."""
    charge: ChargeHours | None = Field(default=None, examples=["any time"])
    """Charge what remains, in these office hours."""
    letter: Line | None = Field(default=None, examples=["payment_failed_1"])
    """Write this letter: the name of a file under templates/, without locale and `.md`."""
    access: AccessWord | None = Field(default=None, examples=["read_only"])
    """What the customer may use from then on, in your application's words; it is told as the fact
    `access.changed` and by `dunning access`. Alone, or beside a charge or a letter."""
    offer: OfferSection | None = Field(default=None, examples=["{ coupon: SAVE20 }"])
    """What the step's letter offers, once per customer and year; who had an offer within a year
    gets the letter without one."""
    because: Line | None = Field(default=None, examples=["salaries have arrived by then"])
    """Why, in your words; said again when the policy is read back."""

    @property
    def offset(self) -> timedelta:
        """The step's time as written; before a due date it is negative."""
        return self.after if self.after is not None else -(self.before or timedelta())

    def step(self) -> Step:
        """Return the engine's value."""
        return Step(
            name=self.name,
            after=self.offset,
            charge=self.charge is not None,
            charge_window=self.charge.window if self.charge else None,
            letter=self.letter,
            access=self.access,
            offer=self.offer.offer() if self.offer else None,
        )


class PolicySection(Section):
    """How the customers whom the policy serves are treated."""

    name: Line = Field(examples=["monthly-cards"])
    """What people call the policy; each has its own."""
    match: MatchSection | None = Field(default=None, examples=["{ interval: year }"])
    """Whom it serves, of those whom no policy before it serves. The last policy has none."""
    like: Line | None = Field(default=None, examples=["monthly-cards"])
    """Another policy of the file, whose fields it takes over where it has none of its own."""
    change: Changes | None = Field(
        default=None, examples=["{ ending: { after: 30 days }, steps: { try 2: leave_out } }"]
    )
    """Beside `like`: single fields that differ, written as in a policy. Steps are named by their
    keys, `leave_out` takes a step or field away."""
    because: Line | None = Field(default=None, examples=["a year's price is often not at hand"])
    """Why, in your words; said again when the policy is read back."""
    retries_by: RetriesBy = Field(default=RetriesBy.WORKER, examples=["worker"])
    """Who retries: this worker, Stripe's own retries, or nobody."""
    when_declined: WhenDeclined | None = Field(
        default=None, examples=["{ funds: { do: retry }, ... }"]
    )
    """The reaction to each class of decline; every policy has it but those for invoices that are
    paid by hand."""
    new_card: Literal["charge_at_once", "wait"] = Field(
        default="charge_at_once", examples=["charge_at_once"]
    )
    """What a changed payment method does: a charge at once, or at the next step."""
    backup_methods: MethodTypes | None = Field(default=None, examples=["[card, sepa_debit]"])
    """Types of the customer's other payment methods that may be charged after a hard decline, in
    this order; left out, none."""
    person_decides: DecidedByPerson | None = Field(default=None, examples=["ending"])
    """What waits for a person's `dunning approve` instead of being done; it waits for ever and is
    said once a day. Letters and changes of access go on. Left out, nothing waits."""
    steps: list[StepSection] = Field(
        default=[], examples=["[{ name: first letter, after: 4 hours, letter: payment_failed_1 }]"]
    )
    """The timeline, counted from the first failure, or from the due date of an invoice that is paid
    by hand; left out, the policy is an ending alone."""
    ending: EndingSection = Field(examples=["{ after: 14 days, do: leave }"])
    """What follows the last step."""
    small_balance: SmallBalanceSection | None = Field(
        default=None, examples=["{ below: { eur: 2.00, usd: 2.00 }, invoice: uncollectible }"]
    )
    """Debts too small to be dunned; left out, every debt is."""

    def policy(self) -> Policy:
        """Return the engine's value, steps in order of time, without its digest."""
        classes, sends = self.when_declined, self.for_sent_invoices
        return Policy(
            name=self.name,
            retries_by=RetriesBy.NOBODY if sends else self.retries_by,
            when_declined={
                DeclineClass(name): getattr(classes, name).rule()
                for name in (WhenDeclined.model_fields if classes is not None else ())
            },
            charge_new_card_at_once=self.new_card == "charge_at_once" and not sends,
            steps=tuple(sorted((each.step() for each in self.steps), key=lambda step: step.after)),
            ending=self.ending.ending(),
            backup_methods=self.backup_methods or (),
            collection_method=SEND_INVOICE if sends else "",
            small_balance=self.small_balance.small_balance() if self.small_balance else None,
            person_decides=self.person_decides or (),
        )

    @property
    def for_sent_invoices(self) -> bool:
        """Whether it serves invoices that customers pay by hand."""
        return self.match is not None and self.match.collection_method == SEND_INVOICE

    def reasons(self) -> tuple[Reason, ...]:
        """Return why the policy is as it is: as a whole, its steps, its ending."""
        given = [("", self.because)]
        given += [(step.name, step.because) for step in self.steps]
        given.append(("ending", self.ending.because))
        return tuple(Reason(of, because) for of, because in given if because)


class DunningFile(Section):
    """All of dunning.yaml."""

    mode: Mode = Field(examples=["live"])
    """How far the worker goes: `watch` plans only, `letters` writes as well, `live` charges too."""
    time_zone: Zone = Field(examples=["Europe/Berlin"])
    """The office's zone: charge windows, limits, daily jobs, everything that finance reads."""
    go_live: GoLive | None = Field(default=None, examples=["2026-12-01"])
    """Failures before it are listed, never touched; left out, it is the worker's first start."""
    policies: list[PolicySection] = Field(
        min_length=1, examples=["[{ name: monthly-cards, steps: [...], ending: {...} }]"]
    )
    """How failed payments are treated; the first policy that matches serves."""
    limits: LimitsSection = Field(default=LimitsSection(), examples=["{ charges: 500 per hour }"])
    """Ceilings of the whole service."""
    confirmed: ConfirmedSection = Field(
        default=ConfirmedSection(), examples=["{ stripe_retries_off: 2026-11-20 by Ann }"]
    )
    """What somebody has looked up in Stripe's Dashboard, since no API shows it; `dunning doctor`
    asks for it and says where it is contradicted."""

    metrics: MetricsSection = Field(
        default=MetricsSection(), examples=["{ churn_at: terminal_state, metadata: [segment] }"]
    )
    """How recurring revenue and its losses are counted. A change counts for later facts only."""

    def rules(self, policies: tuple[Policy, ...]) -> DunningRules:
        """Return the engine's value with *policies*, which already carry their digests."""
        matches = {each.name: each.match.match() for each in self.policies if each.match}
        keys = (key for match in matches.values() for key in match.metadata)
        return DunningRules(
            mode=self.mode,
            office_zone=self.time_zone,
            policies=policies,
            limits=self.limits.limits(),
            metrics=self.metrics.rules(keys),
            go_live=self.go_live_at(),
            matches=matches,
            confirmed=self.confirmed.confirmed(),
            reasons={each.name: each.reasons() for each in self.policies if each.reasons()},
        )

    def go_live_at(self) -> datetime | None:
        """Return the first instant whose failures count, aware UTC; a date is office midnight."""
        if self.go_live is None:
            return None
        if isinstance(self.go_live, datetime):
            return self.go_live.astimezone(UTC)
        midnight = datetime.combine(self.go_live, time(), tzinfo=ZoneInfo(self.time_zone))
        return midnight.astimezone(UTC)
