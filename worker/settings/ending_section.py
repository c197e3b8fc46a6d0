"""The shape of a policy's `ending` and `small_balance` in dunning.yaml: how dunning ends.

What their fields mean together is checked in `ending_checks`.
"""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from worker.domain.policy import CancelWhen, Ending, EndingAct, InvoiceEnd, SmallBalance
from worker.settings import written_audience as written
from worker.settings.fields import TEXT, AfterStep, Duration, Form, Line, Section, like
from worker.settings.match_section import NUMBER
from worker.settings.written_audience import WrittenAmounts

PriceId = Annotated[str, BeforeValidator(written.parse_price_id), Form("a price id", TEXT)]
BelowByCurrency = Annotated[
    dict[str, Annotated[WrittenAmounts, BeforeValidator(written.parse_below)]],
    Form(
        "currency: an amount in major units",
        {"type": "object", "additionalProperties": like(NUMBER), "minProperties": 1},
    ),
]


class EndingSection(Section):
    """What happens after the last step."""

    after: Duration = Field(examples=["14 days"])
    """Time since the first failure, or since the due date; later than every step."""
    do: EndingAct = Field(examples=["cancel"])
    """What happens to the subscription. `pause` is Stripe's own: no invoices, no new periods;
    `hold_invoices` keeps new invoices as drafts, which is the effect of Stripe's `unpaid`."""
    when: CancelWhen = Field(default=CancelWhen.NOW, examples=["now"])
    """When a cancel takes effect."""
    if_refused: Literal["hold_invoices", "cancel", "leave"] | None = Field(
        default=None, examples=["hold_invoices"]
    )
    """For `pause`, which needs it: what is done where Stripe refuses to pause (classic billing, a
    schedule). With `cancel`, letters announce the cancel, the worse of the two."""
    to_price: PriceId | None = Field(default=None, examples=["price_1AbC"])
    """For `downgrade`, which needs it: the price the subscription moves to, of the same currency
    and interval; nothing is invoiced or credited for the present period."""
    invoice: InvoiceEnd = Field(default=InvoiceEnd.LEAVE, examples=["uncollectible"])
    """What happens to the open invoice."""
    not_before: AfterStep | None = Field(default=None, examples=["2 days after final letter"])
    """The letter that must have been accepted, and how long before; all but `leave` need one, and
    `leave` waits for it as well where it is written."""
    because: Line | None = Field(default=None, examples=["the card networks' window is over"])
    """Why, in your words."""

    def ending(self) -> Ending:
        """Return the engine's value."""
        ending = Ending(
            after=self.after,
            do=self.do,
            when=self.when,
            invoice=self.invoice,
            if_refused=EndingAct(self.if_refused) if self.if_refused else None,
            to_price_id=self.to_price or "",
        )
        if self.not_before is None:
            return ending
        written_gap, step = self.not_before.gap, self.not_before.step
        return replace(ending, final_letter_step=step, final_letter_gap=written_gap)


class SmallBalanceSection(Section):
    """Debts too small to be dunned."""

    below: BelowByCurrency = Field(examples=["{ eur: 2.00, usd: 2.00 }"])
    """An invoice of which less than this remains is written off 15 minutes after its failure, or
    once its due date is over: no letter, no charge, no ending. A currency that is not listed is
    dunned."""
    invoice: Literal["uncollectible", "void"] = Field(examples=["uncollectible"])
    """How it is written off."""

    def small_balance(self) -> SmallBalance:
        """Return the engine's value; amounts become minor units."""
        below_minor = {
            code.lower(): each.below_in_minor(code.lower()) for code, each in self.below.items()
        }
        return SmallBalance(below_minor, InvoiceEnd(self.invoice))
