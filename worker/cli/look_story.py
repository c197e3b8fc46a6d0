"""The story of one case as a value: what it is, why, what happened, what comes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.cli.look_story_items import timeline
from worker.cli.look_story_lines import Item
from worker.cli.look_story_plan import Ahead, network_use, plan_ahead, situation_of
from worker.domain.case import CaseState
from worker.domain.engine_situation import Situation
from worker.domain.network_rules import Allowance
from worker.domain.policy import DeclineClass, Mode, Quiet
from worker.domain.readings import PaymentMethodReading, method_in_use
from worker.domain.step_names import readable
from worker.mail.post_office import ZONE_KEY
from worker.mail.zones import zone_for
from worker.office.ways import Office
from worker.store.reading_case import CaseRecord, DecisionLine

DAY = timedelta(days=1)

WHY = {
    DeclineClass.FUNDS: ("not enough funds", "time or another card"),
    DeclineClass.UNCLEAR: ("the bank does not say why", "time, perhaps, or another card"),
    DeclineClass.TECHNICAL: ("a technical fault on the way to the bank", "time, within hours"),
    DeclineClass.CARD_DATA: ("the card's data is no longer valid", "another card alone"),
    DeclineClass.NOT_ALLOWED: ("this card may not be used for this", "another card alone"),
    DeclineClass.FRAUD: (
        "the bank suspects fraud, or the card is lost or stolen; letters never say so",
        "another card alone",
    ),
    DeclineClass.AUTHENTICATION: ("the bank wants a confirmation", "the customer alone"),
    DeclineClass.CONSENT_WITHDRAWN: ("the customer withdrew the consent", "nobody"),
    DeclineClass.SETUP: ("our own set-up is wrong", "you"),
}
"""What is wrong and who can cure it, for staff."""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is told of one case."""

    record: CaseRecord
    now: datetime
    office_zone: ZoneInfo
    customer_zone: ZoneInfo
    method: PaymentMethodReading | None
    why: str
    cured_by: str
    ahead: Ahead
    network: Allowance | None
    situation: Situation | None
    """What the engine would look at now; None for a policy that is not kept."""
    watches_only: bool
    """The mode is watch: nothing of the story was or is done."""
    items: tuple[Item, ...]


def tell(record: CaseRecord, office: Office, now: datetime) -> Story:
    """Return the story of a case as it stands at *now*, business time."""
    failure, customer = record.case.failure, record.invoice.customer
    why, cured_by = ("", "")
    if failure is not None:
        why, cured_by = WHY[failure.decline_class]
    zone = office.zone
    if customer is not None:
        zone = zone_for(customer.country, customer.metadata.get(ZONE_KEY), office.zone.key)
    at = situation_of(record, office, now)
    items = timeline(record, office_zone=office.zone.key, quiet=quiet_words(office.quiet), now=now)
    return Story(
        record=record,
        now=now,
        office_zone=office.zone,
        customer_zone=zone,
        method=at.method if at is not None else method_in_use(record.invoice),
        why=why,
        cured_by=cured_by,
        ahead=plan_ahead(record, office, now),
        network=network_use(at),
        situation=at,
        watches_only=office.mode is Mode.WATCH,
        items=tuple(with_quiet_days(items, record, office.zone, now)),
    )


def quiet_words(quiet: Quiet) -> str:
    """Return the hours in which letters go out: `08:00-18:00 on weekdays`."""
    window = quiet.send_between
    days = " on weekdays" if quiet.weekdays_only else ""
    return f"{window.start:%H:%M}-{window.end:%H:%M}{days}"


def with_quiet_days(
    items: list[Item], record: CaseRecord, zone: ZoneInfo, now: datetime
) -> Iterator[Item]:
    """Yield *items* with a line for each run of days on which nothing happened, and why."""
    ends_at = record.case.closed_at if record.case.state is CaseState.CLOSED else now
    days = [item.at.astimezone(zone).date() for item in items]
    for index, item in enumerate(items):
        yield item
        following = days[index + 1] if index + 1 < len(days) else _last_day(ends_at or now, zone)
        between = (following - days[index]).days - 1
        if between > 0:
            yield from _quiet(record, days[index] + DAY, between, zone)


def _last_day(ends_at: datetime, zone: ZoneInfo) -> date:
    return ends_at.astimezone(zone).date() + DAY


def _quiet(record: CaseRecord, first: date, days: int, zone: ZoneInfo) -> Iterator[Item]:
    """Yield the line for *days* without anything, unless the case was closed then."""
    at = datetime.combine(first, time.min, zone)
    what = "nothing today" if days == 1 else f"nothing for {days} days"
    decision = _in_force(record, at)
    if decision is None:
        yield Item(at, what, days=days)
    elif decision.rule != "closed" and decision.act != "Close":
        if not decision.next_step or decision.next_at is None:
            yield Item(at, what, readable(decision.reason).rstrip("."), days=days)
        else:
            step = "the ending" if decision.next_step == "ending" else readable(decision.next_step)
            detail = f"waits for {step}, {{until}}"
            yield Item(at, what, detail, decision.next_at, days=days)


def _in_force(record: CaseRecord, at: datetime) -> DecisionLine | None:
    """Return the last decision before *at*, or None where none was kept."""
    return next((each for each in reversed(record.decisions) if each.at < at), None)
