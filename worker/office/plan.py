"""The plan as a value: every planned act with its case, totals, caps, and what stands still."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from worker.domain.case import CaseState
from worker.domain.engine_situation import Situation, obstacle_of, policy_in
from worker.domain.forecast import Forecast, forecast_all
from worker.domain.forecast_values import Planned, PlannedKind, Start, Ways
from worker.domain.money import Money
from worker.domain.policy import DunningRules, Mode, Policy, Quiet
from worker.domain.policy_match import choose_policy, traits_of
from worker.domain.readings import CustomerReading
from worker.domain.timetable import next_open
from worker.mail.post_office import ZONE_KEY
from worker.mail.zones import zone_for
from worker.office.charging import Charging
from worker.office.plan_caps import CapReached, caps_reached
from worker.office.ways import Office
from worker.store.ledger import PostgresLedger
from worker.store.reading import CaseLine, snapshot
from worker.store.reading_plan import (
    OpenCase,
    WaitingLetter,
    read_closing_letters,
    read_open_cases,
)

ENDS = frozenset((PlannedKind.ENDING, PlannedKind.INVOICE_END, PlannedKind.CLOSE))


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One planned act and its case."""

    planned: Planned
    line: CaseLine
    customer: CustomerReading | None


@dataclass(frozen=True, slots=True)
class Still:
    """A case of which nothing is planned, and why."""

    line: CaseLine
    reason: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts and money of some rows. An invoice's money counts once, sure where one try is."""

    charges: int
    sure_charges: int
    letters: int
    sure_letters: int
    endings: int
    sure_endings: int
    sure: tuple[Money, ...]
    """What is asked for in any case, one amount per currency."""
    possible: tuple[Money, ...]
    """What more is asked for on a condition, invoices that are in `sure` apart."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to come until a date, as if every charge fails and nobody acts."""

    made_at: datetime
    until: datetime
    office: Office
    charging: Charging
    rows: tuple[PlanRow, ...]
    held: tuple[Still, ...]
    review: tuple[Still, ...]
    unlooked: tuple[Still, ...]
    """Open, but Stripe was not asked yet why the payment failed."""
    standing: tuple[Still, ...]
    """Open, and waiting for something else than their own next step."""
    caps: tuple[CapReached, ...]
    previewed: str = ""
    """The folder whose policies are used instead of the cases' own; empty for none."""
    kept: tuple[int, ...] = ()
    """Cases that no policy of the folder serves: they keep their own."""

    def days(self) -> Iterator[tuple[date, list[PlanRow]]]:
        """Yield each office day with its rows."""
        by_day: dict[date, list[PlanRow]] = defaultdict(list)
        for row in self.rows:
            by_day[row.planned.at.astimezone(self.office.zone).date()].append(row)
        yield from by_day.items()


def read_plan_of(
    ledger: PostgresLedger,
    office: Office,
    charging: Charging,
    *,
    now: datetime,
    wall_now: datetime,
    until: datetime,
    instead: DunningRules | None = None,
    previewed: str = "",
) -> Plan:
    """Return the plan of the ledger's cases; see `make_plan`."""
    with snapshot(ledger) as connection:
        account = ledger.account_id
        found = read_open_cases(connection, account, now=now, wall_now=wall_now)
        closing = read_closing_letters(connection, account)
    return make_plan(
        found,
        office,
        charging,
        now=now,
        until=until,
        closing=closing,
        instead=instead,
        previewed=previewed,
    )


def make_plan(
    found: Sequence[OpenCase],
    office: Office,
    charging: Charging,
    *,
    now: datetime,
    until: datetime,
    closing: Sequence[WaitingLetter] = (),
    instead: DunningRules | None = None,
    previewed: str = "",
) -> Plan:
    """Return the plan of *found*, every case that is not closed.

    Args: closing: letters of closed cases that are still to go out; instead: rules by which each
    case is served as if it opened now; it is then looked at once at *now*, as after a move.
    """
    chosen = {each.case.id: _chosen(each, instead, now) for each in found}
    starts = [
        start
        for each in found
        if (start := _start(each, office, now, chosen[each.case.id])) is not None
    ]
    by_case = {each.case_id: each for each in forecast_all(starts, until, ways=ways_of(office))}
    cases = {each.case.id: each for each in found}
    rows = [
        PlanRow(planned, cases[told.case_id].line, cases[told.case_id].invoice.customer)
        for told in by_case.values()
        for planned in told.planned
    ]
    rows += (_closing_row(each, now) for each in closing if each.send_at < until)
    rows.sort(key=lambda row: (row.planned.at, row.line.id))
    return Plan(
        made_at=now,
        until=until,
        office=office,
        charging=charging,
        rows=tuple(rows),
        held=_in_state(found, CaseState.HELD),
        review=_in_state(found, CaseState.IN_REVIEW),
        unlooked=tuple(Still(each.line, _UNLOOKED) for each in found if _unlooked(each)),
        standing=tuple(_standing(found, by_case)),
        caps=tuple(caps_reached([row.planned for row in rows], office.limits, zone=office.zone)),
        previewed=previewed,
        kept=tuple(number for number in sorted(chosen) if instead and chosen[number] is None),
    )


def _closing_row(letter: WaitingLetter, now: datetime) -> PlanRow:
    """Return the row of a letter that no case has to decide about any more."""
    owed = letter.line.owed
    planned = Planned(
        letter.line.id,
        PlannedKind.LETTER,
        max(letter.send_at, now),
        decided_at=letter.queued_at,
        step=letter.step,
        amount_minor=owed.amount_minor,
        currency=owed.currency,
        rule="letter_due",
        why="waits for the customer's hours",
        notice=letter.notice,
    )
    return PlanRow(planned, letter.line, letter.customer)


_UNLOOKED = "Stripe is asked first who retries and why it failed."


def ways_of(office: Office) -> Ways:
    """Return the office's ways with letters, and whether its mode ends anything."""
    quiet, zone = office.quiet, office.zone.key
    return Ways(
        lambda customer, at: _letters_open_at(customer, at, quiet, zone),
        ends=office.mode is not Mode.LETTERS,
    )


def _letters_open_at(
    customer: CustomerReading | None, at: datetime, quiet: Quiet, office_zone: str
) -> datetime:
    """Return when a letter may go, as `services.queue_letter` and the post office say it."""
    zone = office_zone
    if customer is not None:
        zone = zone_for(customer.country, customer.metadata.get(ZONE_KEY), office_zone).key
    return next_open(at, zone, quiet.send_between, weekdays_only=quiet.weekdays_only)


def _unlooked(found: OpenCase) -> bool:
    case = found.case
    return case.state is CaseState.OPEN and case.failure is None and case.due_at is None


def _start(found: OpenCase, office: Office, now: datetime, chosen: Policy | None) -> Start | None:
    """Return where the case's course begins, or None where nothing can be foreseen yet."""
    return start_of(found, office, now, chosen or found.policy, moved=chosen is not None)


def _chosen(found: OpenCase, rules: DunningRules | None, now: datetime) -> Policy | None:
    """Return the policy that would serve a case which opened now, or None."""
    invoice = found.invoice
    if rules is None:
        return None
    traits = traits_of(
        invoice, subscription=invoice.subscription, customer=invoice.customer, now=now
    )
    return choose_policy(rules, traits)


def start_of(
    found: OpenCase, office: Office, now: datetime, policy: Policy | None, *, moved: bool = False
) -> Start | None:
    """Return where the course of a case begins under *policy*, or None where nobody can foresee it.

    Args: moved: the case is looked at at once, as after a move to that policy.
    """
    if policy is None or _unlooked(found):
        return None
    at = Situation(
        found.case,
        found.invoice,
        found.around,
        policy_in(office.mode, policy),
        office.limits,
        office.zone.key,
        now,
        obstacle_of(office.mode),
    )
    look_at = None if moved else found.line.next_action_at
    return Start(at, look_at or now, found.queued)


def _in_state(found: Iterable[OpenCase], state: CaseState) -> tuple[Still, ...]:
    chosen = (each.line for each in found if each.case.state is state)
    return tuple(Still(line, line.reason) for line in chosen)


def _standing(found: Iterable[OpenCase], told: Mapping[int, Forecast]) -> Iterator[Still]:
    for each in found:
        if each.case.state is not CaseState.OPEN or _unlooked(each):
            continue
        if each.case.id not in told:
            yield Still(each.line, "Its policy is not kept in this ledger.")
        elif told[each.case.id].standing and not told[each.case.id].planned:
            yield Still(each.line, told[each.case.id].standing)


def totals_of(rows: Iterable[PlanRow]) -> Totals:
    """Return counts and money of *rows*."""
    planned = [row.planned for row in rows]
    charges = [each for each in planned if each.kind is PlannedKind.CHARGE]
    letters = [each for each in planned if each.kind is PlannedKind.LETTER]
    endings = [each for each in planned if each.kind is PlannedKind.ENDING]
    sure = {each.case_id: each for each in charges if each.sure}
    possible = {each.case_id: each for each in charges if each.case_id not in sure}
    return Totals(
        len(charges),
        sum(each.sure for each in charges),
        len(letters),
        sum(each.sure for each in letters),
        len(endings),
        sum(each.sure for each in endings),
        money_of(Money(each.amount_minor, each.currency) for each in sure.values()),
        money_of(Money(each.amount_minor, each.currency) for each in possible.values()),
    )


def money_of(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Return one amount per currency, by currency."""
    sums: dict[str, int] = defaultdict(int)
    for amount in amounts:
        sums[amount.currency] += amount.amount_minor
    return tuple(Money(sums[currency], currency) for currency in sorted(sums))
