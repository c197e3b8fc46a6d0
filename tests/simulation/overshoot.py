"""Caps, counted from outside (I14): what Stripe and the mail server took within any hour or day.

A charge or an ending counts at the sending that Stripe carried out, or at the last one before,
where it did so late; its cap is asked before each. A request that Stripe never carried out counts
for nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tests.simulation.seen import Mail, Send
from worker.domain.policy import Limits

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

HOUR = timedelta(hours=1)
SLACK = timedelta(seconds=61 + 150)
"""Between the instant a look began, by which the cap counts, and its request: a lease, and the
time that I2 leaves. Nearer together, or nearer to midnight, two acts may be of either window."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that went out."""

    at: datetime
    amount_minor: int = 1
    """What it adds to the window: 1 where acts are counted."""


def overshoots(sim: "Simulation") -> Iterator[str]:
    """Yield the hours and days in which more went out than the run's limits allow."""
    rules = sim.configuration.dunning
    limits, zone = rules.limits, ZoneInfo(rules.office_zone)
    yield from of_charges(sim.seen.sends, sim.sandbox.world.tries, limits, zone)
    events = sim.sandbox.world.tables["event"].rows.values()
    yield from of_endings(sim.seen.sends, sim.sandbox.log.entries, events, limits, zone)
    yield from of_letters(sim.seen.mails, limits, zone)


def of_charges(
    sends: Iterable[Send], tries: Iterable[Mapping[str, Any]], limits: Limits, zone: ZoneInfo
) -> Iterator[str]:
    """Yield windows with too many charges, or too much charged. Args: tries: Stripe's own log."""
    sent: dict[str, list[datetime]] = defaultdict(list)
    for send in sends:
        if send.is_charge:
            sent[send.key].append(send.at)
    made = {one["idempotency_key"]: one for one in tries if one["idempotency_key"] in sent}
    asked = {key: _last_until(one["at"], sent[key]) for key, one in made.items()}
    charges = [Act(at) for at in asked.values()]
    yield from in_an_hour("charges", charges, limits.charges_per_hour)
    yield from in_a_day("charges", charges, limits.charges_per_day, zone)
    for cap in limits.charged_amounts:
        paid = [
            Act(asked[key], one["amount"])
            for key, one in made.items()
            if one["currency"] == cap.currency and one["status"] == "succeeded"
        ]
        yield from in_an_hour(cap.currency, paid, cap.per_hour_minor)
        yield from in_a_day(cap.currency, paid, cap.per_day_minor, zone)


def _last_until(unix_seconds: int, sent: Sequence[datetime]) -> datetime:
    """Return the last of *sent* up to a whole second of Stripe's."""
    return max(at for at in sent if int(at.timestamp()) <= unix_seconds)


def of_endings(
    sends: Iterable[Send],
    requests: Iterable[Mapping[str, Any]],
    events: Iterable[Mapping[str, Any]],
    limits: Limits,
    zone: ZoneInfo,
) -> Iterator[str]:
    """Yield days with too many endings; those of a run are cancels at once.

    Args: requests: Stripe's log. events: what it told.
    """
    sent: dict[str, list[datetime]] = defaultdict(list)
    for send in sends:
        if send.method == "DELETE" and send.parts[1:2] == ["subscriptions"]:
            sent[send.parts[2].partition("?")[0]].append(send.at)
    ours = {
        one["request_id"] for one in requests if (one["by"], one["method"]) == ("api", "DELETE")
    }
    endings = [
        Act(_last_until(event["created"], sent[event["data"]["object"]["id"]]))
        for event in events
        if event["type"] == "customer.subscription.deleted"
        and event["request"]["id"] in ours
        and event["data"]["object"]["id"] in sent
    ]
    yield from in_a_day("endings", endings, limits.endings_per_day, zone)


def of_letters(mails: Iterable[Mail], limits: Limits, zone: ZoneInfo) -> Iterator[str]:
    """Yield windows with too many letters."""
    letters = [Act(mail.at) for mail in mails]
    yield from in_an_hour("letters", letters, limits.letters_per_hour)
    yield from in_a_day("letters", letters, limits.letters_per_day, zone)


def in_an_hour(what: str, acts: Iterable[Act], most: int | None) -> Iterator[str]:
    """Yield the hours, from each act on, with more than *most*."""
    ordered = sorted(acts, key=lambda act: act.at)
    for first in ordered:
        within = [one for one in ordered if first.at <= one.at < first.at + HOUR - SLACK]
        yield from _over(what, within, most, f"the hour from {first.at}")


def in_a_day(what: str, acts: Iterable[Act], most: int | None, zone: ZoneInfo) -> Iterator[str]:
    """Yield the office's days with more than *most*."""
    days: dict[date, list[Act]] = {}
    for act in acts:
        local = act.at.astimezone(zone)
        if (act.at - SLACK).astimezone(zone).date() == local.date():
            days.setdefault(local.date(), []).append(act)
    for day, within in days.items():
        yield from _over(what, within, most, str(day))


def _over(what: str, within: list[Act], most: int | None, window: str) -> Iterator[str]:
    total = sum(act.amount_minor for act in within)
    if most is not None and total > most:
        yield f"{total} {what} within {window}, at most {most}"
