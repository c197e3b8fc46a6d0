"""The field types of the files under config/: how a value is written and what it becomes.

Each type carries a Form, the sentence that config/README.md prints as its unit.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from worker.domain.policy import DayWindow
from worker.settings import written_reactions
from worker.settings import written_values as written
from worker.settings.written_values import ChargeTime, NotBefore


@dataclass(frozen=True, slots=True)
class Form:
    """How a value is written, for people."""

    text: str


class Section(BaseModel):
    """A mapping in a file: unknown keys are refused, attribute docstrings say what fields mean."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Line = Annotated[str, BeforeValidator(written.parse_line), Form("one line of text")]
Duration = Annotated[
    timedelta,
    BeforeValidator(written.parse_duration),
    Form("N seconds, minutes, hours, days or weeks"),
]
LeadTimes = Annotated[
    tuple[timedelta, ...],
    BeforeValidator(written.parse_lead_times),
    Form("a duration or a list of durations"),
]
Window = Annotated[
    DayWindow, BeforeValidator(written.parse_window), Form("HH:MM and HH:MM, of one day")
]
ChargeHours = Annotated[
    ChargeTime,
    BeforeValidator(written.parse_charge_time),
    Form("`any time` or `between HH:MM and HH:MM`"),
]
PerHour = Annotated[int, BeforeValidator(written.parse_hourly), Form("N per hour")]
PerDay = Annotated[int, BeforeValidator(written.parse_daily), Form("N per day")]
Times = Annotated[int, BeforeValidator(written.parse_times), Form("N times")]
Ladder = Annotated[
    tuple[timedelta, ...],
    BeforeValidator(written_reactions.parse_ladder),
    Form("a duration or a list of durations"),
]
MonthDays = Annotated[
    tuple[int, ...],
    BeforeValidator(written_reactions.parse_month_days),
    Form("a list of days, 1 to 31 or `last`"),
]
MetadataKey = Annotated[
    str, BeforeValidator(written_reactions.parse_metadata_key), Form("metadata.KEY")
]
MethodTypes = Annotated[
    tuple[str, ...],
    BeforeValidator(written_reactions.parse_method_types),
    Form("a list of Stripe's types of payment methods"),
]
Changes = Annotated[dict[str, object], Form("a mapping of fields, steps by their names")]
AfterStep = Annotated[
    NotBefore, BeforeValidator(written.parse_not_before), Form("a duration after a step's name")
]
Fraction = Annotated[
    tuple[int, int],
    BeforeValidator(written.parse_fraction),
    Form("`a half`, `a third` or `a quarter`"),
]
WeekdaysOnly = Annotated[
    bool, BeforeValidator(written.parse_weekdays), Form("`weekdays` or `every day`")
]
Every = Annotated[timedelta, BeforeValidator(written.parse_every), Form("every N units")]
DailyAt = Annotated[
    time, BeforeValidator(written.parse_daily_at), Form("daily at HH:MM, office time")
]
Zone = Annotated[str, BeforeValidator(written.parse_zone), Form("a time zone's IANA name")]
GoLive = Annotated[
    date | datetime,
    BeforeValidator(written.parse_go_live),
    Form("a date (its office midnight) or an instant with offset"),
]
Address = Annotated[
    str, BeforeValidator(written.parse_address), Form("an e-mail address, with a name if wished")
]
BareAddress = Annotated[str, BeforeValidator(written.parse_bare_address), Form("an e-mail address")]
Colour = Annotated[str, BeforeValidator(written.parse_colour), Form('"#rrggbb", in quotes')]
HttpsUrl = Annotated[str, BeforeValidator(written.parse_https_url), Form("an https address")]
