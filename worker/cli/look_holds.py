"""`dunning holds`: what people and fraud warnings keep still at present."""

import sys

from worker.cli.act_hold_names import what_is_held
from worker.cli.data_dir import View
from worker.cli.tables import columns, print_json_lines
from worker.domain.identifiers import case_name
from worker.office.words import count_words, json_instant
from worker.store.reading import snapshot
from worker.store.reading_holds import HoldLine, holds_in_force

HEADING = ("held", "kind", "owner", "since", "until", "cases", "why")


def show_holds(view: View, *, as_json: bool) -> None:
    """Print the holds in force: what, whose, since when and until when, which cases, why."""
    with snapshot(view.ledger) as connection:
        lines = list(holds_in_force(connection, view.ledger.account_id, now=view.now))
    if as_json:
        print_json_lines(_json(line) for line in lines)
        return
    if not lines:
        print("Nothing is held.", file=sys.stderr)
        return
    columns([_row(line, view) for line in lines], heading=HEADING, cut=[2, 5])
    print(count_words(len(lines), "hold"), file=sys.stderr)


def _row(line: HoldLine, view: View) -> tuple[str, ...]:
    hold, words = line.hold, view.words
    return (
        what_is_held(hold.scope, hold.target),
        hold.kind.value.replace("_", " "),
        hold.owner,
        words.day(hold.at),
        words.moment(hold.until) if hold.until is not None else "released",
        ", ".join(map(case_name, line.case_ids)) or "none yet",
        hold.reason,
    )


def _json(line: HoldLine) -> dict[str, object]:
    hold = line.hold
    return {
        "hold": hold.id,
        "scope": hold.scope.value,
        "target": hold.target,
        "kind": hold.kind.value,
        "owner": hold.owner,
        "by": hold.by,
        "reason": hold.reason,
        "at": json_instant(hold.at),
        "until": json_instant(hold.until),
        "cases": [case_name(case_id) for case_id in line.case_ids],
    }
