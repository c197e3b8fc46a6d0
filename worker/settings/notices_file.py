"""The shape of config/notices.yaml: letters that a date asks for, their look and their hours."""

from datetime import time, timedelta
from typing import Literal

from pydantic import Field

from worker.domain.calendar_letters import CalendarLetter
from worker.domain.job_times import JobTiming
from worker.domain.policy import Brand, NoticeRules, Quiet, Sender
from worker.domain.staff import AlertKind, AtOnce, DailyMail, StaffRules
from worker.settings.fields import (
    Address,
    Addresses,
    BareAddress,
    Clock,
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
MAIL_AT = time(7, 30)


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


class DailyPlanSection(Section):
    """The mail of every morning: yesterday's result, today's plan, what waits for a person."""

    to: Addresses = Field(examples=["finance@acme.example"])
    """Who gets it."""
    at: Clock = Field(default=MAIL_AT, examples=['"07:30"'])
    """When, office time."""
    on: WeekdaysOnly = Field(default=True, examples=["weekdays"])
    """On which days; the one after a weekend tells of all days since the last."""


class AtOnceSection(Section):
    """Mails that come within a minute or two, at any hour and on every day."""

    to: Addresses = Field(examples=["[oncall@acme.example, lead@acme.example]"])
    """Who gets them."""
    for_: list[AlertKind] = Field(
        alias="for", default=list(AlertKind), examples=["[charging_stopped, review]"]
    )
    """Of what; left out, of all of it."""


class StaffSection(Section):
    """Mails to staff. Customers may be named in them; they go also while charging is stopped."""

    daily_plan: DailyPlanSection | None = Field(
        default=None, examples=['{ to: finance@acme.example, at: "07:30" }']
    )
    """The mail of every morning; left out, there is none."""
    at_once: AtOnceSection | None = Field(
        default=None, examples=["{ to: oncall@acme.example, for: [charging_stopped] }"]
    )
    """What is told at once; left out, nothing is."""

    def rules(self) -> StaffRules | None:
        """Return the value the jobs use, or None where staff gets no mail."""
        daily, at_once = self.daily_plan, self.at_once
        if daily is None and at_once is None:
            return None
        return StaffRules(
            daily_plan=DailyMail(daily.to, daily.at, weekdays_only=daily.on) if daily else None,
            at_once=AtOnce(at_once.to, tuple(at_once.for_)) if at_once else None,
        )


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
    staff: StaffSection = Field(
        default=StaffSection(), examples=["{ daily_plan: { to: finance@acme.example } }"]
    )
    """Mails to staff; left out, none."""
    keep_letters: Duration = Field(default=timedelta(days=180), examples=["180 days"])
    """How long the text of a letter that was sent is kept; that it was sent stays known."""
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
            staff=self.staff.rules(),
            keep_letters=self.keep_letters,
        )

    def timings(self) -> dict[str, JobTiming]:
        """Return job name -> when it runs, for the jobs whose hour stands in this file."""
        daily = self.staff.daily_plan  # without one the job runs all the same and does nothing
        return {"daily_mail": JobTiming(daily_at=daily.at if daily is not None else MAIL_AT)}
