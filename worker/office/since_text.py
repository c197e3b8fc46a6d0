"""How a plan differs from yesterday's, in one line and as data."""

from collections import Counter
from collections.abc import Iterator

from worker.domain.forecast_values import PlannedKind
from worker.domain.identifiers import case_name
from worker.domain.kept_plan import Change, ChangeKind
from worker.domain.money import Money
from worker.office.plan_text import EARLIEST
from worker.office.since import Since
from worker.office.words import OfficeWords, count_words, json_instant, json_money

NOUNS = {
    PlannedKind.CHARGE: "charge",
    PlannedKind.LETTER: "letter",
    PlannedKind.ENDING: "ending",
    PlannedKind.INVOICE_END: "invoice's end",
    PlannedKind.CLOSE: "case's end",
    PlannedKind.REVIEW: "review",
    PlannedKind.PERSON: "question",
    PlannedKind.ACCESS: "access change",
}
SIGNS = {ChangeKind.NEW: "+", ChangeKind.GONE: "-", ChangeKind.MOVED: ""}
NETWORK_WAIT, UNEXPLAINED = "network wait", "no news explains it"
SHOWN = 8
"""Kinds of change in the line; `--json` has every one."""


def since_line(since: Since | None, words: OfficeWords) -> str:
    """Return `Since yesterday's plan: 14 done, +2 charges (new failure), -1 charge (…), …`."""
    if since is None:
        return ""
    parts = [f"{since.done} done", *_counted(since)]
    more = len(parts) - SHOWN
    if more > 0:
        parts = [*parts[:SHOWN], f"and {count_words(more, 'kind')} of change more"]
    when = "yesterday's plan" if since.yesterday else f"the plan of {words.day(since.made_at)}"
    return f"Since {when}: {', '.join(parts)}."


def _counted(since: Since) -> Iterator[str]:
    groups = Counter((each.change, each.act.kind, because_words(each)) for each in since.changes)
    order = {kind: place for place, kind in enumerate(ChangeKind)}
    for (change, kind, because), count in sorted(
        groups.items(), key=lambda group: (order[group[0][0]], -group[1], group[0][1], group[0][2])
    ):
        noun = count_words(count, NOUNS[kind])
        moved = " moved" if change is ChangeKind.MOVED else ""
        yield f"{SIGNS[change]}{noun}{moved} ({because})"


def because_words(change: Change) -> str:
    """Return the reason in a few words."""
    if change.because.startswith(EARLIEST):
        return NETWORK_WAIT
    return change.because.rstrip(".") or UNEXPLAINED


def since_json(since: Since | None) -> dict[str, object] | None:
    """Return the same as data, every change a row; None where no plan was kept."""
    if since is None:
        return None
    return {
        "plan_of": since.plan_day.isoformat(),
        "made_at": json_instant(since.made_at),
        "done": since.done,
        "changes": [_row(each) for each in since.changes],
    }


def _row(change: Change) -> dict[str, object]:
    act = change.act
    return {
        "change": change.change.value,
        "case": case_name(act.case_id),
        "kind": act.kind.value,
        "step": act.step or None,
        "at": json_instant(act.at),
        "was_at": json_instant(change.was_at),
        "amount": json_money(Money(act.amount_minor, act.currency)),
        "because": change.because or None,
    }
