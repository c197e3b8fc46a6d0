"""`dunning cases`, and the list that answers an ID which names several cases."""

import sys
from collections.abc import Iterable, Sequence

from worker.cli.data_dir import View
from worker.cli.tables import columns, is_terminal, print_json_lines
from worker.domain.case import CaseState, Outcome
from worker.domain.identifiers import case_name
from worker.domain.step_names import readable
from worker.errors import UsageError
from worker.office.words import OfficeWords, count_words, json_instant, json_money, money_words
from worker.store.reading import CaseLine, find_cases, list_cases, snapshot

WORDS = tuple(word.value for kind in (CaseState, Outcome) for word in kind)
"""What `--state` takes: states, and outcomes of closed cases."""

HEADING = ("case", "state", "amount", "customer", "invoice", "why", "next")


def show_cases(view: View, *, state: str, as_json: bool) -> None:
    """Print the list of cases. Raises: UsageError: there is no such state."""
    if state and state not in WORDS:
        raise UsageError(f"`{state}` is no state of a case; write one of {', '.join(WORDS)}.")
    with snapshot(view.ledger) as connection:
        lines = list_cases(connection, view.ledger.account_id, words=[state] if state else None)
        print_cases(lines, view.words, as_json=as_json)


def print_cases(lines: Iterable[CaseLine], words: OfficeWords, *, as_json: bool) -> None:
    """Print *lines* as a table, or as JSON lines without personal data."""
    if as_json:
        print_json_lines(case_json(line) for line in lines)
        return
    listed = list(lines)
    if not listed:
        print("No cases.", file=sys.stderr)
        return
    named = is_terminal()
    rows = [_row(line, words, named=named) for line in listed]
    columns(rows, heading=HEADING, right=[2], cut=[3, 4, 5])
    print(count_words(len(listed), "case"), file=sys.stderr)


def _row(line: CaseLine, words: OfficeWords, *, named: bool) -> tuple[str, ...]:
    who = line.customer_name if named and line.customer_name else line.customer_id
    return (
        case_name(line.id),
        state_words(line),
        money_words(line.owed),
        who,
        line.invoice_number or line.invoice_id,
        _why(line),
        _next(line, words),
    )


def _why(line: CaseLine) -> str:
    """Return the code where it is a word; where it is a network's figures, its class as well."""
    code, kind = line.decline_code, line.decline_class.replace("_", " ")
    if not kind:
        return "not known yet"
    return code if "_" in code else f"{kind} ({code})"


def state_words(line: CaseLine) -> str:
    """Return the state as people say it: `waiting`, `in review`, `recovered`."""
    if line.outcome:
        return line.outcome.replace("_", " ")
    return "waiting" if line.state == CaseState.OPEN.value else line.state.replace("_", " ")


def _next(line: CaseLine, words: OfficeWords) -> str:
    if line.closed_at is not None:
        return f"closed {words.day(line.closed_at)}"
    if line.state == CaseState.IN_REVIEW.value:
        return f"waits for you: {readable(line.reason)}"
    if line.state == CaseState.HELD.value:
        return line.reason
    if line.next_action_at is None:
        return "waits for news"
    if line.next_action_at <= words.now:
        return "due now"
    return f"{readable(line.next_step) or 'a look'}, {words.moment(line.next_action_at)}"


def case_json(line: CaseLine) -> dict[str, object]:
    """Return one case of a list as data."""
    return {
        "case": case_name(line.id),
        "state": line.state,
        "outcome": line.outcome or None,
        "reason": line.reason,
        "amount": json_money(line.owed),
        "customer_id": line.customer_id,
        "subscription_id": line.subscription_id,
        "invoice_id": line.invoice_id,
        "invoice_number": line.invoice_number,
        "decline_class": line.decline_class,
        "decline_code": line.decline_code,
        "failed_at": json_instant(line.failed_at) if line.due_at is None else None,
        "due_at": json_instant(line.due_at),
        "next_step": line.next_step,
        "next_action_at": json_instant(line.next_action_at),
        "closed_at": json_instant(line.closed_at),
    }


def choose_case(view: View, wanted: str, *, as_json: bool) -> int | None:
    """Return the number of the one case that *wanted* names; several are listed, then None.

    Raises: UsageError: no case has that name.
    """
    with snapshot(view.ledger) as connection:
        found = find_cases(connection, view.ledger.account_id, wanted)
        if len(found) > 1:
            several: Sequence[CaseLine] = list(
                list_cases(connection, view.ledger.account_id, ids=found)
            )
    if not found:
        raise UsageError(
            f"No case is called {wanted}; write a case number, an id (in_, sub_, cus_), an invoice"
            " number or an e-mail address."
        )
    if len(found) == 1:
        return found[0]
    print(f"{wanted} has {len(found)} cases; take one by its number:", file=sys.stderr)
    print_cases(several, view.words, as_json=as_json)
    return None
