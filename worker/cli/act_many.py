"""`--filter`: one act on many cases. Shows first what it would do; does it only with `--yes`."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import typer

from worker.cli.data_dir import View
from worker.cli.look_cases import print_cases
from worker.cli.tables import print_json
from worker.domain.case_filter import fits
from worker.domain.identifiers import case_name
from worker.domain.money import Money
from worker.errors import UsageError
from worker.office.words import count_words, json_instant, json_money, money_words
from worker.services.bulk_run import ManyWish, RunResult, interrupted_run, run_many
from worker.settings.written_filter import parse_filter
from worker.store.reading import CaseLine, list_cases, snapshot
from worker.store.reading_audience import open_candidates

NEEDS_YES = 2
"""Exit code of a preview: nothing was done, as where `close` and `apply` lack their yes."""
SHOWN = 10
"""Cases that are shown one by one; the others are counted."""


class ManyAct(Protocol):
    """An act that can be done to many cases."""

    name: str
    done: str
    """What the cases then are, such as `held`."""
    words: tuple[str, ...]
    """Its options as typed."""
    note: str
    """What else a person should know before, or nothing."""

    def refusals(self, lines: Sequence[CaseLine]) -> Iterator[tuple[int, str]]:
        """Yield (case, why) where it would be refused; parts of sentences."""

    def act(self, case_id: int, run: int) -> str:
        """Do it to one case and commit; return why it is refused, or nothing."""


@dataclass(frozen=True, slots=True)
class Many:
    """What was typed beside the act itself."""

    terms: str
    by: str
    reason: str
    yes: bool = False
    limit: int = 50
    """More cases are refused: a filter that says less than was meant does little harm."""
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What the act would do."""

    accepted: tuple[CaseLine, ...]
    refused: tuple[tuple[int, str], ...]
    done_before: int = 0
    """Of a run that was interrupted: cases that it came to."""
    began: str = ""


def many(view: View, act: ManyAct, asked: Many) -> bool:
    """Show what *act* would do to the cases of the filter and, with `--yes`, do it.

    Returns False where nothing was left to do. Raises: UsageError: the filter is wrong, no case
    fits, or more than the limit do; Exit: a preview, which needs a yes; ServiceUnavailable: it
    broke off, and how many are done.
    """
    wish = ManyWish(act.name, (asked.terms, *act.words), asked.by, asked.reason)
    preview = _preview(view, act, asked, wish)
    if not asked.as_json:
        _show(view, act, asked, preview)
    if not asked.yes or not (preview.accepted or preview.done_before):
        if asked.as_json:
            print_json(_json(act, asked, preview, None))
        elif asked.yes:
            print("Nothing is left to do.")
        if not asked.yes:
            raise typer.Exit(NEEDS_YES)
        return False
    ids = [line.id for line in preview.accepted]
    try:
        result = run_many(wish, ids, act.act, ledger=view.ledger, now=view.now)
    except KeyboardInterrupt:
        print("Interrupted: the same command goes on with the rest.", file=sys.stderr)
        raise
    if asked.as_json:
        print_json(_json(act, asked, preview, result))
        return True
    count = len(result.done) + len(result.before)
    print(f"Done: {count_words(count, 'case')} {act.done}.")
    _show_refused(result.refused, "Refused meanwhile")
    return True


def _preview(view: View, act: ManyAct, asked: Many, wish: ManyWish) -> Preview:
    going_on = interrupted_run(wish, ledger=view.ledger, now=view.now)
    chosen = going_on.case_ids if going_on is not None else tuple(_matching(view, asked.terms))
    if not chosen:
        raise UsageError("No case fits the filter. `dunning cases` lists them all.")
    if len(chosen) > asked.limit:
        raise UsageError(
            f"Refused: {len(chosen)} cases fit the filter, more than --limit {asked.limit}. Nothing"
            f" was done; say more in the filter, or write --limit {len(chosen)}."
        )
    done = going_on.done if going_on is not None else frozenset()
    with snapshot(view.ledger) as connection:
        left = [case_id for case_id in chosen if case_id not in done]
        lines = list(list_cases(connection, view.ledger.account_id, ids=left)) if left else []
    refused = dict(act.refusals(lines))
    return Preview(
        accepted=tuple(line for line in lines if line.id not in refused),
        refused=tuple(refused.items()),
        done_before=len(done),
        began=view.words.moment(going_on.begun_at) if going_on is not None else "",
    )


def _matching(view: View, terms: str) -> Iterator[int]:
    """Yield the cases that fit, by number."""
    wanted = parse_filter(terms)
    with snapshot(view.ledger) as connection:
        for candidate in open_candidates(connection, view.ledger.account_id, now=view.now):
            if fits(wanted, candidate, view.office.zone):
                yield candidate.case_id


def _show(view: View, act: ManyAct, asked: Many, preview: Preview) -> None:
    if preview.began:
        whole = preview.done_before + len(preview.accepted) + len(preview.refused)
        print(
            f"Goes on with what began {preview.began}: {preview.done_before} of {whole} are done."
        )
    accepted = preview.accepted
    amounts = " ".join(money_words(amount) for amount in _amounts(accepted))
    print(f"{act.name}: {count_words(len(accepted), 'case')} {amounts}".rstrip())
    if accepted:
        print_cases(accepted[:SHOWN], view.words, as_json=False)
    if len(accepted) > SHOWN:
        print(f"... and {len(accepted) - SHOWN} more")
    _show_refused(preview.refused, "Refused")
    if act.note:
        print(act.note)
    if not asked.yes:
        print("Nothing was done. The same command with --yes does it.")


def _show_refused(refused: Iterable[tuple[int, str]], heading: str) -> None:
    """Print why, once for all cases of the same reason."""
    by_reason: dict[str, list[str]] = {}
    for case_id, why in refused:
        by_reason.setdefault(why, []).append(case_name(case_id))
    for why, names in by_reason.items():
        shown = ", ".join(names[:SHOWN])
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        print(f"{heading}, {count_words(len(names), 'case')}: {why} ({shown}{more})")


def _amounts(lines: Iterable[CaseLine]) -> list[Money]:
    """Return what is owed, per currency."""
    totals: dict[str, Money] = {}
    for line in lines:
        known = totals.get(line.owed.currency, Money(0, line.owed.currency))
        totals[line.owed.currency] = known + line.owed
    return [totals[currency] for currency in sorted(totals)]


def _json(
    act: ManyAct, asked: Many, preview: Preview, result: RunResult | None
) -> dict[str, object]:
    return {
        "act": act.name,
        "filter": asked.terms,
        "done": result is not None,
        "amounts": [json_money(amount) for amount in _amounts(preview.accepted)],
        "cases": [
            {
                "case": case_name(line.id),
                "amount": json_money(line.owed),
                "failed_at": json_instant(line.failed_at),
            }
            for line in preview.accepted
        ],
        "done_before": preview.done_before,
        "refused": [
            {"case": case_name(case_id), "because": why}
            for case_id, why in (*preview.refused, *(result.refused if result else ()))
        ],
        "done_cases": [case_name(case_id) for case_id in (*result.before, *result.done)]
        if result is not None
        else [],
    }
