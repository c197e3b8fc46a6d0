"""The field types of the files under config/: how a value is written and what it becomes.

Each type carries a Form: the words that config/README.md prints as its unit, and the same as JSON
Schema, by which an editor completes and checks while somebody types.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from worker.domain.policy import DayWindow, PersonDecides
from worker.settings import written_reactions
from worker.settings import written_values as written
from worker.settings.written_values import ChargeTime, NotBefore

TEXT: Mapping[str, object] = {"type": ["string", "number", "boolean"]}
"""Any one value: what an editor takes for a number is text to us until its field is known."""
DURATION = r"\d{1,9} +(?:second|minute|hour|day|week)s?"
CLOCK = r"\d{1,2}:\d{2}"
WINDOW = rf"(?:between )?{CLOCK} and {CLOCK}"


@dataclass(frozen=True)
class Form:
    """How a value is written, for people and for editors."""

    text: str
    schema: Mapping[str, object] = field(hash=False)

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the form as JSON Schema, whatever type the value becomes."""
        return dict(self.schema)


def like(pattern: str) -> dict[str, object]:
    """Return the schema of one value that *pattern* describes whole."""
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


def one_or_list(schema: Mapping[str, object]) -> dict[str, object]:
    """Return the schema of one value or a list of such values."""
    return {"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1}]}


class Section(BaseModel):
    """A mapping in a file: unknown keys are refused, attribute docstrings say what fields mean."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Line = Annotated[str, BeforeValidator(written.parse_line), Form("one line of text", TEXT)]
Duration = Annotated[
    timedelta,
    BeforeValidator(written.parse_duration),
    Form("N seconds, minutes, hours, days or weeks", like(DURATION)),
]
LeadTimes = Annotated[
    tuple[timedelta, ...],
    BeforeValidator(written.parse_lead_times),
    Form("a duration or a list of durations", one_or_list(like(DURATION))),
]
Window = Annotated[
    DayWindow,
    BeforeValidator(written.parse_window),
    Form("HH:MM and HH:MM, of one day", like(WINDOW)),
]
ChargeHours = Annotated[
    ChargeTime,
    BeforeValidator(written.parse_charge_time),
    Form("`any time` or `between HH:MM and HH:MM`", like(f"any time|{WINDOW}")),
]
PerHour = Annotated[
    int, BeforeValidator(written.parse_hourly), Form("N per hour", like(r"\d+ +per +hour"))
]
PerDay = Annotated[
    int, BeforeValidator(written.parse_daily), Form("N per day", like(r"\d+ +per +day"))
]
Times = Annotated[
    int, BeforeValidator(written.parse_times), Form("N times", like(r"\d{1,4} +times?"))
]
Ladder = Annotated[
    tuple[timedelta, ...],
    BeforeValidator(written_reactions.parse_ladder),
    Form("a duration or a list of durations", one_or_list(like(DURATION))),
]
MonthDays = Annotated[
    tuple[int, ...],
    BeforeValidator(written_reactions.parse_month_days),
    Form(
        "a list of days, 1 to 31 or `last`",
        one_or_list(
            {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 31}, {"const": "last"}]}
        ),
    ),
]
AccessWord = Annotated[
    str,
    BeforeValidator(written_reactions.parse_access),
    Form("a word of a-z, 0-9 and `_`", like("[a-z0-9_]{1,40}")),
]
DecidedByPerson = Annotated[
    tuple[PersonDecides, ...],
    BeforeValidator(written_reactions.parse_person_decides),
    Form("`ending`, `charges` or both in a list", one_or_list({"enum": ["ending", "charges"]})),
]
MetadataKey = Annotated[
    str,
    BeforeValidator(written_reactions.parse_metadata_key),
    Form("metadata.KEY", like(r"metadata\..{1,40}")),
]
MethodTypes = Annotated[
    tuple[str, ...],
    BeforeValidator(written_reactions.parse_method_types),
    Form("a list of Stripe's types of payment methods", one_or_list(like("[a-z][a-z0-9_]*"))),
]
Changes = Annotated[
    dict[str, object],
    Form("a mapping of fields, steps by their names", {"type": "object"}),
]
AfterStep = Annotated[
    NotBefore,
    BeforeValidator(written.parse_not_before),
    Form("a duration after a step's name", like(f"{DURATION} after .+")),
]
Fraction = Annotated[
    tuple[int, int],
    BeforeValidator(written.parse_fraction),
    Form("`a half`, `a third` or `a quarter`", {"enum": ["a half", "a third", "a quarter"]}),
]
WeekdaysOnly = Annotated[
    bool,
    BeforeValidator(written.parse_weekdays),
    Form("`weekdays` or `every day`", {"enum": ["weekdays", "every day"]}),
]
Every = Annotated[
    timedelta,
    BeforeValidator(written.parse_every),
    Form("every N units", like(f"every {DURATION}")),
]
DailyAt = Annotated[
    time,
    BeforeValidator(written.parse_daily_at),
    Form("daily at HH:MM, office time", like(f"daily at {CLOCK}")),
]
Zone = Annotated[
    str, BeforeValidator(written.parse_zone), Form("a time zone's IANA name", {"type": "string"})
]
GoLive = Annotated[
    date | datetime,
    BeforeValidator(written.parse_go_live),
    Form("a date (its office midnight) or an instant with offset", like(r"\d{4}-\d{2}-\d{2}.*")),
]
Address = Annotated[
    str,
    BeforeValidator(written.parse_address),
    Form("an e-mail address, with a name if wished", like(".+@.+")),
]
BareAddress = Annotated[
    str,
    BeforeValidator(written.parse_bare_address),
    Form("an e-mail address", like(r"[^\s@]+@[^\s@]+")),
]
Addresses = Annotated[
    tuple[str, ...],
    BeforeValidator(written.parse_addresses),
    Form("an e-mail address or a list of them", one_or_list(like(r"[^\s@]+@[^\s@]+"))),
]
Clock = Annotated[time, BeforeValidator(written.parse_clock), Form("HH:MM", like(r"\d{1,2}:\d{2}"))]
Colour = Annotated[
    str,
    BeforeValidator(written.parse_colour),
    Form('"#rrggbb", in quotes', like("#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?")),
]
HttpsUrl = Annotated[
    str, BeforeValidator(written.parse_https_url), Form("an https address", like(r"https://\S+"))
]
