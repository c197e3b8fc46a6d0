"""What happened to cases since a moment, in the few words that explain a plan's change. Read only.

Facts tell most of it; what a case waited for stands in its decisions, what people asked for in
their acts.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, or_, select

from worker.domain.case import SUBSCRIPTION_ENDS, AttemptKind, LetterState, Outcome, RecoveredBy
from worker.domain.forecast_values import PlannedKind
from worker.domain.identifiers import parse_case_name
from worker.domain.kept_plan import Deed, News, NewsItem
from worker.store.tables import attempts, cases, decisions, events, letters, operator_acts

AS_PLANNED = frozenset(
    (
        "not_yet",
        "owner_unconfirmed",
        "charge_due",
        "letter_due",
        "ending",
        "ending_invoice",
        "ended",
        "attempt_settled",
        "closed",
    )
)
"""Rules that follow the plan; every other one tells of something that a plan does not foresee."""

_PAID = {
    RecoveredBy.RETRY.value: "paid by a try",
    RecoveredBy.CUSTOMER.value: "customer paid",
    RecoveredBy.NEW_CARD.value: "paid with a new card",
    RecoveredBy.OUT_OF_BAND.value: "paid elsewhere",
}
_CLOSED = {
    Outcome.RECOVERED.value: "paid",
    Outcome.RECOVERED_LATE.value: "paid late",
    Outcome.CUSTOMER_CANCELLED.value: "customer cancelled",
    Outcome.WRITTEN_OFF.value: "written off",
    Outcome.CLOSED_BY_HAND.value: "given up by a person",
}
_OF_CASE: Mapping[str, tuple[str, int]] = {
    "case.opened": ("new failure", 90),
    "payment.recovered": ("paid", 85),
    "case.closed": ("closed", 80),
    "case.in_review": ("waits for a person", 75),
    "case.held": ("held", 70),
    "case.released": ("released", 70),
    "case.extended": ("given more time", 65),
    "payment.failed": ("declined", 40),
    "payment.retried": ("declined", 40),
    "notice.suppressed": ("a letter was not needed", 30),
    "notice.failed": ("a letter was refused", 30),
    "notice.unknown": ("a letter may be lost", 30),
}
_OF_CUSTOMER = {"payment_method": ("new card", 50), "subscription": ("subscription changed", 45)}
ACT, WAITED, NEIGHBOUR, SERVICE = 60, 20, 10, 15
"""Weights of a person's act, a wait, news of another case of the customer, and of the service."""


def read_news(connection: Connection, account_id: str, *, since: datetime) -> News:
    """Return what happened from *since* on, in business time."""
    of_cases: dict[int, list[NewsItem]] = defaultdict(list)
    of_service: list[NewsItem] = []
    by_customer: dict[str, list[tuple[int | None, NewsItem]]] = defaultdict(list)
    for fact in _facts(connection, account_id, since):
        family, data = fact["type"].partition(".")[0], fact["data"]
        case_id = parse_case_name(fact["subject"])
        if family == "charging":
            of_service.append(NewsItem(fact["time"], "charging was stopped", SERVICE))
        elif fact["type"] in _OF_CASE and case_id is not None:
            word, weight = _OF_CASE[fact["type"]]
            item = NewsItem(fact["time"], _word(fact["type"], word, data), weight)
            of_cases[case_id].append(item)
            by_customer[data.get("customer_id", "")].append((case_id, item))
        elif family in _OF_CUSTOMER:
            item = NewsItem(fact["time"], *_OF_CUSTOMER[family])
            by_customer[data.get("customer_id", "")].append((None, item))
    for case_id, customer_id in _cases_of(connection, account_id, by_customer):
        of_cases[case_id] += _from_customer(case_id, by_customer[customer_id])
    for case_id, item in (
        *_waits(connection, account_id, since),
        *_acts(connection, account_id, since),
    ):
        of_cases[case_id].append(item)
    return News(dict(of_cases), tuple(of_service))


def _facts(connection: Connection, account_id: str, since: datetime) -> Iterator[RowMapping]:
    query = (
        select(events.c.type, events.c.subject, events.c.time, events.c.data)
        .where(events.c.account_id == account_id, events.c.time >= since)
        .order_by(events.c.time, events.c.seq)
    )
    yield from connection.execute(query).mappings()


def _word(kind: str, word: str, data: Mapping[str, Any]) -> str:
    if kind == "payment.recovered":
        return _PAID.get(str(data.get("recovered_by", "")), word)
    if kind == "case.closed":
        outcome = str(data.get("outcome", ""))
        return _CLOSED.get(outcome, outcome.replace("_", " ") or word)
    return word


def _cases_of(
    connection: Connection, account_id: str, by_customer: Mapping[str, object]
) -> Iterator[tuple[int, str]]:
    wanted = sorted(set(by_customer) - {""})
    query = select(cases.c.id, cases.c.customer_id).where(
        cases.c.account_id == account_id, cases.c.customer_id.in_(wanted)
    )
    for row in connection.execute(query):
        yield row.id, row.customer_id


def _from_customer(case_id: int, told: list[tuple[int | None, NewsItem]]) -> Iterator[NewsItem]:
    """Yield what news of the customer are to one case: a customer's cases wait for each other."""
    for of_case, item in told:
        if of_case is None:
            yield item
        elif of_case != case_id:
            yield NewsItem(item.at, "another invoice of the customer", NEIGHBOUR)


def _waits(
    connection: Connection, account_id: str, since: datetime
) -> Iterator[tuple[int, NewsItem]]:
    query = (
        select(decisions.c.case_id, decisions.c.at, decisions.c.rule)
        .join(cases, cases.c.id == decisions.c.case_id)
        .where(
            cases.c.account_id == account_id,
            decisions.c.at >= since,
            decisions.c.rule.not_in(AS_PLANNED),
        )
    )
    for case_id, at, rule in connection.execute(query):
        yield case_id, NewsItem(at, rule.replace("_", " "), WAITED)


def _acts(
    connection: Connection, account_id: str, since: datetime
) -> Iterator[tuple[int, NewsItem]]:
    query = select(operator_acts.c.case_id, operator_acts.c.at, operator_acts.c.act).where(
        operator_acts.c.account_id == account_id,
        operator_acts.c.at >= since,
        operator_acts.c.case_id.is_not(None),
    )
    for case_id, at, act in connection.execute(query):
        yield case_id, NewsItem(at, f"{act.replace('_', ' ')} by a person", ACT)


def read_deeds(connection: Connection, account_id: str, *, since: datetime) -> list[Deed]:
    """Return every charge, letter of a case and ending from *since* on, in business time."""
    tried = select(attempts.c.case_id, attempts.c.kind, attempts.c.step, attempts.c.sent_at).where(
        attempts.c.account_id == account_id,
        attempts.c.sent_at >= since,
        attempts.c.kind != AttemptKind.COUPON.value,  # the letter that offers it is the deed
    )
    columns = (letters.c.case_id, letters.c.step, letters.c.sent_at, letters.c.queued_at)
    written = select(*columns).where(
        letters.c.account_id == account_id,
        letters.c.case_id.is_not(None),
        or_(
            letters.c.sent_at >= since,
            and_(letters.c.state == LetterState.UNKNOWN.value, letters.c.queued_at >= since),
        ),
    )
    deeds = [
        _attempt_deed(row.case_id, AttemptKind(row.kind), row.step, row.sent_at)
        for row in connection.execute(tried)
    ]
    deeds += [
        Deed(row.case_id, PlannedKind.LETTER, row.step, row.sent_at or row.queued_at)
        for row in connection.execute(written)
    ]
    return deeds


def _attempt_deed(case_id: int, kind: AttemptKind, step: str, at: datetime) -> Deed:
    if kind is AttemptKind.CHARGE:
        return Deed(case_id, PlannedKind.CHARGE, step, at)
    what = PlannedKind.ENDING if kind in SUBSCRIPTION_ENDS else PlannedKind.INVOICE_END
    return Deed(case_id, what, step, at)
