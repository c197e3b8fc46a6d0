"""The shape of `limits` in dunning.yaml: ceilings of the whole service and of the networks."""

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from worker.domain.policy import AmountLimit, BreakerLimits, Limits, NetworkLimits
from worker.settings.fields import (
    Form,
    PerDay,
    Section,
    WeekdaysOnly,
    Window,
    like,
    one_or_list,
)
from worker.settings.written_limits import (
    WrittenRates,
    parse_amounts_per_time,
    parse_counts,
    parse_percent,
)
from worker.settings.written_reactions import parse_authorised, times_up_to

TIMES = like(r"\d{1,4} +times?")
LIMITS = Limits()
NETWORKS = LIMITS.networks
BREAKER = LIMITS.breaker

VISA_MAX = 20
"""Tries in 30 days with one card and amount; Visa's own limit since 19 May 2025 (domain.md 2)."""
MASTERCARD_DAY_MAX, MASTERCARD_MONTH_MAX = 10, 35
"""Tries in 24 hours and in 30 days; Mastercard's own limits (domain.md 2)."""
OTHER_CARDS_MAX = NETWORKS.other_cards_in_30_days
"""Networks that publish no count: ours is the most."""

VisaTimes = Annotated[
    int,
    BeforeValidator(times_up_to(VISA_MAX, f"Visa allows {VISA_MAX} tries in 30 days")),
    Form(f"N times, at most {VISA_MAX}", TIMES),
]
MastercardDayTimes = Annotated[
    int,
    BeforeValidator(
        times_up_to(MASTERCARD_DAY_MAX, f"Mastercard allows {MASTERCARD_DAY_MAX} tries in 24 hours")
    ),
    Form(f"N times, at most {MASTERCARD_DAY_MAX}", TIMES),
]
MastercardMonthTimes = Annotated[
    int,
    BeforeValidator(
        times_up_to(
            MASTERCARD_MONTH_MAX, f"Mastercard allows {MASTERCARD_MONTH_MAX} tries in 30 days"
        )
    ),
    Form(f"N times, at most {MASTERCARD_MONTH_MAX}", TIMES),
]
OtherCardTimes = Annotated[
    int,
    BeforeValidator(
        times_up_to(
            OTHER_CARDS_MAX, f"{OTHER_CARDS_MAX} tries in 30 days is the most for other cards"
        )
    ),
    Form(f"N times, at most {OTHER_CARDS_MAX}", TIMES),
]
RATE = r"\d{1,12}(?:\.\d{1,3})? +per +(?:hour|day)"
Counts = Annotated[
    WrittenRates,
    BeforeValidator(parse_counts),
    Form("N per hour, N per day, or a list of both", one_or_list(like(RATE))),
]
AmountsPerTime = Annotated[
    tuple[AmountLimit, ...],
    BeforeValidator(parse_amounts_per_time),
    Form(
        "currency: N per hour, N per day, or a list of both, in major units",
        {"type": "object", "additionalProperties": one_or_list(like(RATE)), "minProperties": 1},
    ),
]
Percent = Annotated[
    int, BeforeValidator(parse_percent), Form("N percent", like(r"\d{1,2} *(?:%|percent)"))
]
Authorised = Annotated[
    bool,
    BeforeValidator(parse_authorised),
    Form("`authorised` or `not_authorised`", {"enum": ["authorised", "not_authorised"]}),
]


class EndingLimitsSection(Section):
    """How many subscriptions may be ended, and in which office hours."""

    at_most: PerDay = Field(default=LIMITS.endings_per_day, examples=["20 per day"])
    """Endings in one office day."""
    between: Window = Field(default=LIMITS.endings_between, examples=["09:00 and 16:00"])
    """Office hours in which endings happen, so that somebody is there."""
    on: WeekdaysOnly = Field(default=LIMITS.endings_on_weekdays_only, examples=["weekdays"])
    """Office days on which endings happen."""


class NetworksSection(Section):
    """Most tries with one card, whoever made them; the networks' own limits cannot be passed."""

    visa_in_30_days: VisaTimes = Field(default=NETWORKS.visa_in_30_days, examples=["15 times"])
    """Tries of a Visa card and amount in any 30 days; the margin below Visa's own limit is for
    tries that we cannot see."""
    mastercard_in_24_hours: MastercardDayTimes = Field(
        default=NETWORKS.mastercard_in_24_hours, examples=["10 times"]
    )
    """Tries of a Mastercard in any 24 hours."""
    mastercard_in_30_days: MastercardMonthTimes = Field(
        default=NETWORKS.mastercard_in_30_days, examples=["35 times"]
    )
    """Tries of a Mastercard and amount in any 30 days."""
    other_cards_in_30_days: OtherCardTimes = Field(
        default=NETWORKS.other_cards_in_30_days, examples=["15 times"]
    )
    """Tries of any other card and amount in any 30 days; their networks publish no count."""
    ach_retries: Authorised = Field(
        default=NETWORKS.ach_retries_authorised, examples=["not_authorised"]
    )
    """Whether your customers authorised you to present a returned ACH debit again, as Nacha asks;
    without it none is."""

    def limits(self) -> NetworkLimits:
        """Return the engine's value."""
        return NetworkLimits(
            visa_in_30_days=self.visa_in_30_days,
            mastercard_in_24_hours=self.mastercard_in_24_hours,
            mastercard_in_30_days=self.mastercard_in_30_days,
            other_cards_in_30_days=self.other_cards_in_30_days,
            ach_retries_authorised=self.ach_retries,
        )


class BreakerSection(Section):
    """When the charges of ten minutes look so wrong that charging stops; 20 are the least."""

    unknown: Percent = Field(default=BREAKER.unknown_percent_max, examples=["5 percent"])
    """More charges than this without an answer from Stripe stop charging."""
    new_codes: Percent = Field(default=BREAKER.new_codes_percent_max, examples=["10 percent"])
    """More charges than this declined by codes not seen for 30 days stop charging; compared from 30
    days and 200 charges of history on, like `successes`."""
    successes: Percent = Field(default=BREAKER.success_percent_min, examples=["33 percent"])
    """A smaller part than this of the last 7 days' share of successes stops charging."""

    def limits(self) -> BreakerLimits:
        """Return the breaker's value."""
        return BreakerLimits(
            unknown_percent_max=self.unknown,
            new_codes_percent_max=self.new_codes,
            success_percent_min=self.successes,
        )


def _whole(count: Decimal | None) -> int | None:
    return None if count is None else int(count)


class LimitsSection(Section):
    """Ceilings of the whole service: when one is reached the rest waits, nothing is dropped."""

    charges: Counts = Field(
        default=WrittenRates(per_hour=Decimal(LIMITS.charges_per_hour)),
        examples=["[500 per hour, 4000 per day]"],
    )
    """Charges that may be sent in any hour, and if wished in an office day; one that is sent again,
    since its answer was lost, waits for room like a new one, counts at its last sending alone, and
    keeps its place for two hours.
    The hour's ceiling stands also where only a day's is written."""
    charged_amount: AmountsPerTime | None = Field(
        default=None, examples=["{ eur: 50000 per day, usd: [10000 per hour, 50000 per day] }"]
    )
    """Money that may be charged; a declined try does not count, one without an answer does. A
    currency that is not listed has no ceiling; a charge that is over it alone goes to a person."""
    letters: Counts = Field(
        default=WrittenRates(per_hour=Decimal(LIMITS.letters_per_hour)),
        examples=["2000 per hour"],
    )
    """Letters that may go out, those of renewals, trials and cards as well."""
    endings: EndingLimitsSection = Field(
        default=EndingLimitsSection(),
        examples=["{ at_most: 20 per day, between: 09:00 and 16:00, on: weekdays }"],
    )
    """Ceiling and hours of endings."""
    breaker: BreakerSection = Field(default=BreakerSection(), examples=["{ unknown: 8 percent }"])
    """The circuit breaker: charging stops by itself, until `dunning go`; Stripe is read on."""
    networks: NetworksSection = Field(
        default=NetworksSection(), examples=["{ visa_in_30_days: 10 times }"]
    )
    """Ceilings of tries with one card; they can only be made stricter than the networks' own."""

    def limits(self) -> Limits:
        """Return the engine's value."""
        return Limits(
            charges_per_hour=_whole(self.charges.per_hour) or LIMITS.charges_per_hour,
            charges_per_day=_whole(self.charges.per_day),
            charged_amounts=self.charged_amount or (),
            letters_per_hour=_whole(self.letters.per_hour) or LIMITS.letters_per_hour,
            letters_per_day=_whole(self.letters.per_day),
            endings_per_day=self.endings.at_most,
            endings_between=self.endings.between,
            endings_on_weekdays_only=self.endings.on,
            networks=self.networks.limits(),
            breaker=self.breaker.limits(),
        )
