"""What `--since` takes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from worker.cli.look_since import parse_since
from worker.errors import UsageError

NOW = datetime(2026, 12, 5, 11, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2 hours", NOW - timedelta(hours=2)),
        ("1 hour ago", NOW - timedelta(hours=1)),
        ("30 min", NOW - timedelta(minutes=30)),
        ("3d", NOW - timedelta(days=3)),
        ("2 Weeks", NOW - timedelta(weeks=2)),
        ("today", datetime(2026, 12, 4, 23, tzinfo=UTC)),
        ("yesterday", datetime(2026, 12, 3, 23, tzinfo=UTC)),
        ("02:00", datetime(2026, 12, 5, 1, tzinfo=UTC)),
        ("2026-12-02", datetime(2026, 12, 1, 23, tzinfo=UTC)),
        ("2026-12-02T08:00", datetime(2026, 12, 2, 7, tzinfo=UTC)),
        ("2026-12-02T08:00:00Z", datetime(2026, 12, 2, 8, tzinfo=UTC)),
    ],
)
def test_instants_as_people_type_them(text: str, at: datetime) -> None:
    assert parse_since(text, now=NOW, zone=BERLIN) == at


def test_nothing_means_always() -> None:
    assert parse_since(" ", now=NOW, zone=BERLIN) is None


@pytest.mark.parametrize("text", ["soon", "25:00", "2026-13-01", "3 parsecs", "99999", "-1 day"])
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="is no time; write `2 hours`"):
        parse_since(text, now=NOW, zone=BERLIN)
