"""What staff is told at once, and the mail that tells it: one for each occurrence."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from worker.domain.case import CaseState, Question, question_from
from worker.domain.identifiers import case_name, parse_case_name
from worker.domain.money import Money
from worker.domain.staff import AlertKind
from worker.domain.step_names import readable
from worker.office.staff_document import Document, Item, Section
from worker.office.words import OfficeWords, count_words, money_words
from worker.store.ledger import PostgresLedger
from worker.store.reading import CaseLine, list_cases, snapshot
from worker.store.reading_day import Told, read_limits_reached, read_told_facts

LOOK_BACK = timedelta(days=1)
"""What is older is told no more: it was told, or nobody was to be told of it then."""

TOGETHER: dict[AlertKind, timedelta] = {AlertKind.REVIEW: timedelta(minutes=15)}
"""Kinds that come in numbers: at most one mail in that time, with all that came together."""

_FACTS = {
    AlertKind.REVIEW: "case.in_review",
    AlertKind.PERSON_DECIDES: "case.person_decides",
}


def read_occurrences(
    ledger: PostgresLedger, kinds: Iterable[AlertKind], *, now: datetime
) -> dict[AlertKind, list[Told]]:
    """Return what happened lately of each kind, told or not, the first first."""
    since, account = now - LOOK_BACK, ledger.account_id
    found: dict[AlertKind, list[Told]] = {}
    with snapshot(ledger) as connection:
        for kind in kinds:
            if kind in _FACTS:
                found[kind] = read_told_facts(connection, account, _FACTS[kind], since=since)
            elif kind is AlertKind.LIMIT_REACHED:
                found[kind] = read_limits_reached(connection, account, since=since)
    return found


def read_lines(ledger: PostgresLedger, told: Sequence[Told]) -> dict[int, CaseLine]:
    """Return the cases that *told* is about, by number."""
    ids = [number for each in told if (number := parse_case_name(each.subject)) is not None]
    with snapshot(ledger) as connection:
        return {line.id: line for line in list_cases(connection, ledger.account_id, ids=ids)}


def alert_mail(
    kind: AlertKind, told: Sequence[Told], lines: dict[int, CaseLine], words: OfficeWords
) -> Document | None:
    """Return the mail about *told*, or None where nothing of it holds any more."""
    match kind:
        case AlertKind.CHARGING_STOPPED:
            return None  # told apart, since an end belongs to it: jobs.tell_of_stops
        case AlertKind.REVIEW:
            return _reviews(list(_in_review(told, lines)))
        case AlertKind.LIMIT_REACHED:
            return _limits(told, words)
        case AlertKind.PERSON_DECIDES:
            return _questions(told, lines)


def _in_review(told: Iterable[Told], lines: dict[int, CaseLine]) -> Iterator[CaseLine]:
    """Yield each case that waits for a person still."""
    numbers = dict.fromkeys(parse_case_name(each.subject) for each in told)
    for number in numbers:
        line = lines.get(number) if number is not None else None
        if line is not None and line.state == CaseState.IN_REVIEW.value:
            yield line


def _reviews(lines: Sequence[CaseLine]) -> Document | None:
    if not lines:
        return None
    items = [
        Item(
            f"{case_name(line.id)} {line.customer_name or line.customer_id}"
            f" {money_words(line.owed)}: {readable(line.reason).rstrip('.')}",
            f"dunning case {case_name(line.id)}",
        )
        for line in lines
    ]
    count = count_words(len(lines), "case waits", "cases wait")
    subject = f"Dunning: {count} for a person"
    first = f"{count} for a person; nothing happens to {'it' if len(lines) == 1 else 'them'} alone."
    return Document(subject, first, True, (Section("Cases", tuple(items)),))


def _questions(told: Sequence[Told], lines: dict[int, CaseLine]) -> Document | None:
    asked = {parse_case_name(each.subject): each for each in told}  # of each case the last
    items = tuple(
        question_item(line, question_from(each.data))
        for number, each in asked.items()
        if number is not None
        and (line := lines.get(number)) is not None
        and line.state == CaseState.OPEN.value
    )
    if not items:
        return None
    count = count_words(len(items), "act waits", "acts wait")
    first = f"{count} for your approval; without one nothing is done, for ever."
    return Document(f"Dunning: {count} for you", first, True, (Section("Approve?", items),))


def question_item(line: CaseLine, question: Question) -> Item:
    """Return what one case asks, with the command that says yes."""
    name, money = case_name(line.id), Money(question.amount_minor, question.currency)
    who = line.customer_name or line.customer_id
    return Item(
        f"{name} {who} {money_words(money)}: {readable(question.step)}",
        f"dunning approve {name} --by NAME --reason WHY",
    )


def _limits(told: Sequence[Told], words: OfficeWords) -> Document:
    items = [
        Item(f"{words.near(each.at)}: the limit of {each.subject} is reached.") for each in told
    ]
    items.append(Item("See what waits and until when", "dunning status"))
    names = ", ".join(dict.fromkeys(each.subject for each in told))
    first = f"The limit of {names} is reached: the rest waits, nothing is dropped."
    section = Section("Limits", tuple(items))
    return Document(f"Dunning: the limit of {names} is reached", first, True, (section,))
