"""The shape of config/notices.yaml: letters that a date asks for, their look and their hours."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from worker.domain.policy import Brand, CalendarLetter, NoticeRules, Quiet, Sender
from worker.settings.fields import (
    Address,
    BareAddress,
    Colour,
    Duration,
    Fraction,
    HttpsUrl,
    LeadTimes,
    Line,
    Section,
    WeekdaysOnly,
    Window,
)

QUIET = Quiet()
COLOUR = "#0b6b50"
SEND_WITHIN = timedelta(days=5)


class BrandSection(Section):
    """How letters look."""

    name: Line = Field(examples=["Acme"])
    """The company's name as customers know it."""
    support: BareAddress = Field(examples=["help@acme.example"])
    """Where customers may ask."""
    colour: Colour = Field(default=COLOUR, examples=['"#0b6b50"'])
    """Colour of the button and the line under the heading."""
    logo: HttpsUrl | None = Field(default=None, examples=["https://acme.example/logo.png"])
    """Picture above the letter."""


class SenderSection(Section):
    """Who letters come from."""

    from_: Address = Field(alias="from", examples=["Acme Billing <billing@acme.example>"])
    """The From line."""
    reply_to: Address | None = Field(default=None, examples=["help@acme.example"])
    """Where answers go; left out, to the sender."""


class QuietSection(Section):
    """When letters may go out, in each customer's own time zone."""

    send_between: Window = Field(default=QUIET.send_between, examples=["08:00 and 18:00"])
    """Hours of the day."""
    on: WeekdaysOnly = Field(default=QUIET.weekdays_only, examples=["weekdays"])
    """Days of the week."""


class CapsSection(Section):
    """Ceilings for letters."""

    send_within: Duration = Field(default=SEND_WITHIN, examples=["5 days"])
    """A letter that waited longer is dropped, with that reason; a final letter never is."""


class AudienceSection(Section):
    """Which subscriptions a letter is for."""

    interval: Literal["year", "month", "week", "day"] | None = Field(
        default=None, examples=["year"]
    )
    """Only subscriptions billed once in this interval; left out, all."""


class LetterSection(Section):
    """A letter that a date asks for; one that is not listed is not sent."""

    letter: Literal["renewal_upcoming", "trial_ending", "card_expiring"] = Field(
        examples=["renewal_upcoming"]
    )
    """Which letter: a renewal, the end of a trial, or the expiry of a card."""
    for_: AudienceSection = Field(
        alias="for", default=AudienceSection(), examples=["{ interval: year }"]
    )
    """For `renewal_upcoming`: which subscriptions."""
    before: LeadTimes = Field(examples=["[30 days, 7 days]"])
    """How long before the date; one letter for each duration."""
    shorter_trial: Fraction | None = Field(default=None, examples=["a third"])
    """For `trial_ending`: a trial not longer than `before` gets it this part of itself before."""
    only_if: Literal["card_dies_before_next_charge"] | None = Field(
        default=None, examples=["card_dies_before_next_charge"]
    )
    """For `card_expiring`: not where the card is charged once more before it expires."""

    def calendar_letter(self) -> CalendarLetter:
        """Return the value the calendar scan uses."""
        return CalendarLetter(
            letter=self.letter,
            before=self.before,
            interval=self.for_.interval,
            shorter_trial_fraction=self.shorter_trial,
            only_if_card_dies_before_next_charge=self.only_if is not None,
        )


class NoticesFile(Section):
    """All of notices.yaml."""

    brand: BrandSection = Field(examples=["{ name: Acme, support: help@acme.example }"])
    """How letters look."""
    sender: SenderSection = Field(examples=["{ from: Acme Billing <billing@acme.example> }"])
    """Who letters come from."""
    quiet: QuietSection = Field(
        default=QuietSection(), examples=["{ send_between: 08:00 and 18:00, on: weekdays }"]
    )
    """When letters may go out."""
    caps: CapsSection = Field(default=CapsSection(), examples=["{ send_within: 5 days }"])
    """Ceilings for letters."""
    letters: list[LetterSection] = Field(
        default=[], examples=["[{ letter: renewal_upcoming, before: 30 days }]"]
    )
    """The letters that a date asks for."""

    def rules(self) -> NoticeRules:
        """Return the value the services use."""
        return NoticeRules(
            brand=Brand(
                name=self.brand.name,
                support=self.brand.support,
                colour=self.brand.colour,
                logo_url=self.brand.logo,
            ),
            sender=Sender(from_address=self.sender.from_, reply_to=self.sender.reply_to),
            quiet=Quiet(self.quiet.send_between, weekdays_only=self.quiet.on),
            letters=tuple(each.calendar_letter() for each in self.letters),
            send_within=self.caps.send_within,
        )
