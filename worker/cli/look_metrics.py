"""`dunning metrics`: every figure of a period with its formula, numerator and denominator."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.cli.data_dir import View
from worker.cli.look_since import parse_since
from worker.cli.metrics_daily_text import day_json, days_csv, print_days
from worker.cli.metrics_files import metrics_csv, metrics_json
from worker.cli.metrics_measured import Measured
from worker.cli.metrics_text import print_metrics
from worker.cli.tables import print_json, print_json_lines
from worker.domain.comments import group_comments
from worker.domain.metric import Period
from worker.domain.metric_groups import GroupBy, parse_group_by
from worker.domain.metrics import metrics_of
from worker.errors import UsageError
from worker.office.ways import UTC
from worker.store.metrics_counts import read_counts
from worker.store.metrics_daily import read_days
from worker.store.metrics_imported import read_comments
from worker.store.reading import Snapshot, snapshot


def show_metrics(view: View, *, begin: str, end: str, by: str, as_json: bool, as_csv: bool) -> None:
    """Print the metrics of a period. Raises: UsageError: no such period or grouping."""
    if as_json and as_csv:
        raise UsageError("Write --json or --csv, not both.")
    measured = measure(view, period_of(view, begin, end), _group_by(by))
    if as_json:
        print_json(metrics_json(measured))
    elif as_csv:
        print(metrics_csv(measured), end="")
    else:
        print_metrics(measured)


def show_days(view: View, *, begin: str, end: str, by: str, as_json: bool, as_csv: bool) -> None:
    """Print what each UTC day of a period brought. Raises: UsageError: no such period."""
    if as_json and as_csv:
        raise UsageError("Write --json or --csv, not both.")
    if by:
        raise UsageError("--daily has no groups; leave --by out.")
    period = period_of(view, begin, end)
    first = period.from_at.astimezone(UTC).date()
    last = (period.to_at - timedelta(microseconds=1)).astimezone(UTC).date()
    with snapshot(view.ledger) as connection:
        days = list(read_days(connection, view.ledger.account_id, first=first, last=last))
    if as_json:
        print_json_lines(day_json(day) for day in days)
    elif as_csv:
        print(days_csv(days), end="")
    else:
        print_days(days)


def measure(view: View, period: Period, by: GroupBy | None) -> Measured:
    """Return every figure of the period as of now, all of one moment of the ledger."""
    with snapshot(view.ledger) as connection:
        return measure_on(connection, view, period, by)


def measure_on(connection: Snapshot, view: View, period: Period, by: GroupBy | None) -> Measured:
    """Return every figure of the period as of now, as *connection* sees the ledger."""
    account = view.ledger.account_id
    counts = read_counts(connection, account, period, by=by, now=view.now)
    comments = [] if by is not None else list(read_comments(connection, account, period))
    tags = view.office.metrics.comment_tags
    return Measured(
        period, by, view.now, metrics_of(counts, period), tuple(group_comments(comments, tags))
    )


def period_of(view: View, begin: str, end: str) -> Period:
    """Return the half-open period; the day after `--to` no longer counts, nor does that day.

    Without a wish it is the month before the current one. Raises: UsageError.
    """
    zone = view.office.metrics_zone
    today = view.now.astimezone(zone).date()
    this_month = today.replace(day=1)
    to_at = parse_since(end, now=view.now, zone=zone, option="--to") or _midnight(this_month, zone)
    from_at = parse_since(begin, now=view.now, zone=zone, option="--from")
    if from_at is None:
        last = to_at.astimezone(zone).date()
        before = date(last.year - (last.month == 1), (last.month - 2) % 12 + 1, 1)
        from_at = _midnight(before, zone)
    if from_at >= to_at:
        raise UsageError(
            "The period is empty: --from must be before --to, which is the first day that no"
            " longer counts; November is --from 2026-11-01 --to 2026-12-01."
        )
    return Period(from_at, to_at, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _group_by(by: str) -> GroupBy | None:
    if not by:
        return None
    try:
        return parse_group_by(by)
    except ValueError as error:
        raise UsageError(f"--by: {error}") from None
