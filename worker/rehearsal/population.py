"""The people of a rehearsal: who they are, what they pay and what will go wrong, from a seed.

A plan is pure: the same (seed, subscribers, start) gives the same people. `population_settling`
makes them customers of the sandbox; `customers` lets them act.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from worker.domain.money import Money
from worker.rehearsal.draws import Draws
from worker.rehearsal.population_cards import (
    BRANDS,
    CAUSES,
    Method,
    Scripted,
    bank_account,
    card_number,
    failing_from,
    unix,
)
from worker.rehearsal.population_cast import CAST
from worker.rehearsal.population_character import Character
from worker.rehearsal.population_habits import USES_A_CARD, Cue, Do, Habit
from worker.rehearsal.population_outage import CROWD
from worker.rehearsal.population_people import (
    AWKWARD_NAMES,
    BY_CODE,
    COUNTRIES,
    PLANS,
    Country,
    full_name,
    price_of,
)

START = datetime(2026, 10, 19, 6, tzinfo=UTC)
"""A Monday; 45 days hold two changes of daylight-saving time and two ends of a month."""
SIGNED_UP_BEFORE = timedelta(days=3, hours=1)
"""How long before the start all but those on trial signed up: longer than what is listed again."""
SIGN_UP_HOURS = (7, 8)
"""UTC hours at which periods end: few, so that a simulated day has few busy hours."""
DRAFT = timedelta(hours=1)
"""Stripe finalises and charges a renewal's invoice this long after the period's end."""
STORIES = CAST + CROWD
FAILING = 0.005
"""Share of the people without a story whose card fails; the stories show the rest."""
ACTS_ON_LETTER = (0.13, 0.07, 0.05, 0.04)
"""Probability to act after the first, second, ... letter (domain.md 3.4)."""
_ACTS_MORE = {
    "nsf": 0.6, "generic": 0.8, "card_changed": 1.6, "limit": 0.5, "technical": 0.2,
    "auth": 1.6, "dead": 1.2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription: its first charge follows `anchor_at`, or the trial that ends then."""

    plan: str
    interval: str
    price: Money
    anchor_at: datetime
    trial: bool = False


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One customer; `name` is stable, `story` empty for people without one."""

    name: str
    full_name: str
    email: str
    country: Country
    zone: str
    method: Method
    subscriptions: tuple[Subscription, ...]
    habits: tuple[Habit, ...] = ()
    story: str = ""
    on_subscription: bool = False
    """Whether the subscriptions name the method themselves."""
    backup: Method | None = None
    """A second method on file, which nothing names."""

    @property
    def trial(self) -> bool:
        """Whether this customer begins with a trial."""
        return any(one.trial for one in self.subscriptions)


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody, in the order in which they sign up."""

    seed: str
    start_at: datetime
    subscribers: tuple[Subscriber, ...]


def plan_population(seed: str, subscribers: int, start_at: datetime = START) -> Population:
    """Return *subscribers* people: first those with a story, then people by chance."""
    people = [_character(seed, cast, start_at) for cast in STORIES[:subscribers]]
    people += [_by_chance(seed, no, start_at) for no in range(len(people), subscribers)]
    return Population(seed, start_at, tuple(people))


def _anchor(start_at: datetime, days: int, draws: Draws) -> datetime:
    day: date = (start_at + timedelta(days=days)).date()
    return datetime.combine(day, time(draws.one_of(SIGN_UP_HOURS)), UTC)


def _address(name: str) -> str:
    return f"{name}@customers.example"


def _zone(country: Country, draws: Draws) -> str:
    return draws.one_of(country.zones) if country.zones else ""


def _character(seed: str, cast: Character, start_at: datetime) -> Subscriber:
    draws = Draws(seed, f"cast:{cast.name}")
    country = BY_CODE[cast.country] if cast.country else _country(draws, without="IN")
    anchor_at = _anchor(start_at, cast.first_charge_day, draws)
    if cast.ends_at is not None:
        anchor_at = datetime.combine(anchor_at.date(), cast.ends_at, UTC)
    plans = [cast.plan, *(plan for plan in PLANS if plan != cast.plan)][: cast.subscriptions]
    return Subscriber(
        name=cast.name,
        full_name=full_name(country, draws),
        email=_address(cast.name) if cast.email else "",
        country=country,
        zone=_zone(country, draws),
        method=_method(seed, cast, anchor_at, country),
        subscriptions=tuple(
            Subscription(
                plan,
                cast.interval,
                price_of(plan, cast.interval, country.currency),
                anchor_at,
                cast.trial,
            )
            for plan in plans
        ),
        habits=tuple(_with_card(habit, draws, _number(seed, cast)) for habit in cast.habits),
        story=cast.story,
        on_subscription=cast.on_subscription,
        backup=Method(card_number(cast.backup_brand, draws)) if cast.backup_brand else None,
    )


def _method(seed: str, cast: Character, anchor_at: datetime, country: Country) -> Method:
    """Return the method that the character signs up with."""
    year, month = cast.expires or (2034, 12)
    bank = cast.kind != "card"
    return Method(
        number="" if bank else _number(seed, cast),
        exp_month=month,
        exp_year=year,
        account=bank_account(cast.kind, Draws(seed, f"account:{cast.name}")) if bank else {},
        country="" if bank else cast.card_country or country.code,
        outcomes=tuple(_dated(outcome, anchor_at + DRAFT) for outcome in cast.outcomes),
        then=cast.then,
        kind=cast.kind,
    )


def _number(seed: str, cast: Character) -> str:
    """Return the number of the card that the character, or whoever shares it, signs up with."""
    return card_number(cast.brand, Draws(seed, f"card:{cast.card_of or cast.name}"))


def _dated(outcome: Scripted, charge_at: datetime) -> Scripted:
    """Return *outcome* with `until` as an instant."""
    if not isinstance(outcome, Mapping) or "until_days" not in outcome:
        return outcome
    said: dict[str, Any] = {k: v for k, v in outcome.items() if k != "until_days"}
    return {**said, "until": unix(charge_at + timedelta(days=outcome["until_days"]))}


def _with_card(habit: Habit, draws: Draws, first: str = "") -> Habit:
    """Return *habit* with the card it uses, if any: a new one, or the *first* one again."""
    if habit.do not in USES_A_CARD:
        return habit
    again = habit.do is Do.FIRST_CARD_AGAIN
    number = first if again else card_number(draws.weighted(BRANDS), draws)
    return replace(habit, card=Method(number, then=habit.then))


def _country(draws: Draws, *, without: str = "") -> Country:
    return draws.weighted({c: c.weight for c in COUNTRIES if c.code != without})


def _by_chance(seed: str, no: int, start_at: datetime) -> Subscriber:
    name = f"s{no:04d}"
    draws = Draws(seed, name)
    country = _country(draws, without="IN")
    interval = draws.weighted({"month": 0.74, "week": 0.08, "year": 0.18})
    trial = draws.happens(0.08)
    if trial:
        days = draws.one_of((3, 5, 14, 14, 30))
    else:
        days = 1 + draws.below({"week": 3, "month": 27, "year": 75}[interval])
    anchor_at = _anchor(start_at, days, draws)
    plan = draws.weighted({"Basic": 4, "Pro": 4, "Team": 2, "Business": 1})
    price = price_of(plan, interval, country.currency)
    subscription = Subscription(plan, interval, price, anchor_at, trial)
    fails = draws.happens(FAILING)
    if fails:
        method, habits = _failing(subscription, draws)
    else:
        method, habits = _good_card(start_at, draws)
    awkward = no % 12 == 0
    return Subscriber(
        name=name,
        full_name=draws.one_of(AWKWARD_NAMES) if awkward else full_name(country, draws),
        email=f"kontakt@{name}.bücher.example" if no % 40 == 1 else _address(name),
        country=country,
        zone=_zone(country, draws),
        method=method,
        subscriptions=(subscription,),
        habits=habits,
    )


def _good_card(start_at: datetime, draws: Draws) -> tuple[Method, tuple[Habit, ...]]:
    """Return a card that pays; some run out soon, and the network renews most of those."""
    number = card_number(draws.weighted(BRANDS), draws)
    if not draws.happens(0.06):
        return Method(number=number, exp_month=1 + draws.below(12), exp_year=2030), ()
    last = (start_at.replace(day=1) + timedelta(days=31 * draws.below(3))).date()
    method = Method(number=number, exp_month=last.month, exp_year=last.year)
    if not draws.happens(0.70):
        return method, ()
    hours = 24 * (1 + draws.below(12))
    return method, (Habit(Cue.START, Do.UPDATE_CARD, 1, hours),)


def _failing(subscription: Subscription, draws: Draws) -> tuple[Method, tuple[Habit, ...]]:
    """Return a card that fails at some renewal, and what its owner does after letters."""
    cause, brand = draws.weighted(CAUSES), draws.weighted(BRANDS)
    before = draws.below(4) if subscription.interval == "week" else 0
    charge_at = subscription.anchor_at + DRAFT + timedelta(weeks=before)
    outcomes, then = failing_from(charge_at, before, cause, brand, draws)
    method = Method(number=card_number(brand, draws), outcomes=outcomes, then=then)
    for nth, probability in enumerate(ACTS_ON_LETTER, 1):
        if draws.happens(probability * _ACTS_MORE[cause]):
            hours = int(draws.exponential(24.0)) + 1
            return method, (_with_card(_acts(cause, nth, hours, draws), draws),)
    return method, ()


def _acts(cause: str, nth: int, hours: int, draws: Draws) -> Habit:
    if cause == "auth":
        return Habit(Cue.LETTER, Do.AUTHENTICATE, nth, hours)
    do = draws.weighted({Do.NEW_CARD: 0.5, Do.PAY_NEW_CARD: 0.4, Do.CANCEL_NOW: 0.1})
    return Habit(Cue.LETTER, do, nth, hours)
