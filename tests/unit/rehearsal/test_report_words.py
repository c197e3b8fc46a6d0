"""Days, amounts, names and pictures of the rehearsal's pages."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from markupsafe import Markup

from tests.unit.rehearsal.report_mails import put_mail
from worker.domain.money import Money
from worker.domain.policy import DeclineClass
from worker.rehearsal.report_chart import Series, Width, curves
from worker.rehearsal.report_letters import read_letter_files
from worker.rehearsal.report_markup import letter_frame, page_file, table
from worker.rehearsal.report_story import sentence
from worker.rehearsal.report_words import (
    CLASSES,
    NOTICES,
    Words,
    amount_words,
    machine_time,
    notice_words,
    plural,
    state_words,
)

START = datetime(2026, 10, 19, 6, tzinfo=UTC)
BERLIN = Words(ZoneInfo("Europe/Berlin"))


def test_times_are_the_offices_across_a_change_of_clocks() -> None:
    assert BERLIN.moment(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == "Sun 25 Oct 02:30"
    assert BERLIN.moment(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == "Sun 25 Oct 02:30"
    assert BERLIN.date(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)) == "Friday, 1 January 2027"
    assert machine_time(datetime(2026, 12, 6, 7, 19, tzinfo=UTC)) == "2026-12-06T07:19:00Z"


@pytest.mark.parametrize(
    ("money", "words"),
    [
        (Money(4900, "eur"), "€49.00"),
        (Money(2000, "usd"), "US$20.00"),
        (Money(1440, "jpy"), "JP¥1,440"),
        (Money(10000, "kwd"), "KWD10.000"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(money: Money, words: str) -> None:
    assert amount_words(money).replace("\u00a0", "") == words


def test_every_class_of_decline_and_every_shipped_letter_has_words() -> None:
    templates = Path(__file__).parents[3] / "templates" / "en"
    assert set(CLASSES) == {each.value for each in DeclineClass}
    assert set(NOTICES) >= {path.stem for path in templates.glob("*.md")}
    assert notice_words("our_own_letter") == "Our own letter"


def test_small_words() -> None:
    assert [plural(1, "case"), plural(2, "case"), plural(0, "day")] == [
        "1 case",
        "2 cases",
        "0 days",
    ]
    assert state_words("open", "") == "waiting"
    assert state_words("closed", "customer_cancelled") == "cancelled by customer"
    assert sentence("new card pm_1Abc is due") == "New card is due."
    assert sentence("") == ""


def test_a_curve_rises_by_one_at_each_instant_and_says_its_ends_aloud() -> None:
    end = START + timedelta(days=10)
    failed = Series("failed", tuple(START + timedelta(days=day) for day in (2, 2, 7)))
    picture = str(curves([failed, Series("ended", ())], start_at=START, end_at=end, words=BERLIN))
    assert 'aria-label="Counted from the start to Thu 29 Oct: failed 3, ended 0."' in picture
    [path] = re.findall(r'<path class="failed" d="([^"]+)"', picture)
    heights = [float(y) for y in re.findall(r"V([\d.]+)", path)]
    assert len(heights) == 3
    assert heights == sorted(heights, reverse=True)


def test_labels_of_curves_that_end_together_do_not_cover_each_other() -> None:
    end = START + timedelta(days=10)
    series = [Series(name, (START,)) for name in ("failed", "recovered", "ended")]
    picture = str(curves(series, start_at=START, end_at=end, words=BERLIN, width=Width.NARROW))
    found = re.findall(r'<text class="(?:failed|recovered|ended)" x="[\d.]+" y="([\d.]+)"', picture)
    ys = sorted(float(y) for y in found)
    assert len(ys) == 3
    assert all(b - a >= 15 for a, b in pairwise(ys))


def test_cells_are_escaped_unless_they_are_markup() -> None:
    made = table(("A", "B"), [("<i>", Markup("<b>x</b>"))], caption="<caption>")
    assert "&lt;i&gt;" in made
    assert "<b>x</b>" in made
    assert "&lt;caption&gt;" in made


def test_a_letter_is_read_from_its_file_and_keeps_its_quotes_inside_the_frame(
    tmp_path: Path,
) -> None:
    html = '<html><head></head><body>"><script>alert(1)</script>Ünï</body></html>'
    put_mail(tmp_path, 7, message_id="<a@b>", subject="Grüße „x“", to="a@b.example", html=html)
    [letter] = read_letter_files(tmp_path, {"<a@b>": "trial_ending"})
    assert (letter.number, letter.notice, letter.subject) == (7, "trial_ending", "Grüße „x“")
    assert "Hello in plain text" in letter.text
    frame = str(letter_frame(letter))
    assert "<script>" not in frame
    assert 'sandbox=""' in frame
    assert '<base target="_blank">' in letter.html_for_frame


def test_a_folder_that_is_missing_has_no_letters(tmp_path: Path) -> None:
    assert read_letter_files(tmp_path / "nothing", {}) == []


def test_no_page_of_ours_asks_for_anything_from_elsewhere() -> None:
    for name in ("shared.css", "report.css", "report.html", "first_page.css", "first_page.html"):
        text = str(page_file(name))
        assert not re.search(r"https?://|@import|url\(", text), name
