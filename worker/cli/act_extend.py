"""`dunning extend ID --days N`: undone steps and the ending move later."""

from worker.cli.data_dir import View
from worker.cli.look_cases import choose_case
from worker.cli.look_story_plan import plan_ahead
from worker.cli.tables import print_json
from worker.clock import SystemClock
from worker.domain.identifiers import case_name
from worker.office.words import count_words, json_instant
from worker.services.extend_case import extend_case
from worker.store.reading import snapshot
from worker.store.reading_case import read_case


def extend(
    view: View, wanted: str, days: int, *, by: str, reason: str, as_json: bool = False
) -> bool:
    """Give the case that *wanted* names more time and say what comes now, and when it ends.

    Returns False where *wanted* names several cases: they are listed. Raises: UsageError: there
    is no such case, it is closed, or the days are out of range.
    """
    number = choose_case(view, wanted, as_json=as_json)
    if number is None:
        return False
    extend_case(
        number,
        days,
        ledger=view.ledger,
        clock=SystemClock(),
        now=view.now,
        by=by,
        reason=reason,
    )
    with snapshot(view.ledger) as connection:
        record = read_case(
            connection, view.ledger.account_id, number, now=view.now, wall_now=view.wall_now
        )
    ends = plan_ahead(record, view.office, view.now).ends
    if as_json:
        ends_at = json_instant(ends.at) if ends is not None else None
        print_json({"case": case_name(number), "days": days, "ends_at": ends_at})
        return True
    name, more = case_name(number), count_words(days, "day")
    print(f"{name} has {more} more: undone steps and the ending move.")
    if ends is not None:
        print(f"Ends now: {view.words.moment(ends.at)} {ends.act}, if nobody pays before.")
    return True
