"""The shipped files say what issue and README promise, and their page lists every field."""

import itertools
from dataclasses import fields
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from worker.domain.job_times import JobTiming
from worker.domain.policy import (
    CancelWhen,
    Configuration,
    DayWindow,
    DeclineClass,
    EndingAct,
    InvoiceEnd,
    Limits,
    Mode,
    NetworkLimits,
    Policy,
    Reaction,
)
from worker.settings.cross_checks import GAP_MIN, POSSIBLE, RETRIES_MAX
from worker.settings.documentation import fields_tables
from worker.settings.dunning_file import WhenDeclined
from worker.settings.duration_words import duration_words
from worker.settings.load import load_configuration
from worker.settings.notices_file import SEND_WITHIN
from worker.settings.read_back import read_back

ROOT = Path(__file__).parents[3]
CONFIG = ROOT / "config"
LETTERS = frozenset(path.stem for path in (ROOT / "templates" / "en").glob("*.md"))


@pytest.fixture(scope="module")
def shipped() -> Configuration:
    return load_configuration(CONFIG, LETTERS)


def test_shipped_policy(shipped: Configuration) -> None:
    [policy] = shipped.dunning.policies
    charges = [step.after for step in policy.steps if step.charge]
    gaps = [later - earlier for earlier, later in itertools.pairwise(charges)]
    letters = [(step.after, step.letter) for step in policy.steps if step.letter]

    assert shipped.dunning.mode is Mode.LIVE
    assert shipped.dunning.go_live is None
    assert len(charges) <= policy.retries_max
    assert charges[-1] < timedelta(days=14)
    assert min(gaps) >= policy.retry_gap
    assert gaps == sorted(gaps)
    assert letters == [
        (timedelta(hours=4), "payment_failed_1"),
        (timedelta(days=3), "payment_failed_2"),
        (timedelta(days=7), "payment_failed_3"),
        (timedelta(days=11), "payment_failed_final"),
    ]
    assert policy.ending.after == timedelta(days=14)
    assert policy.ending.do is EndingAct.CANCEL
    assert policy.ending.when is CancelWhen.NOW
    assert policy.ending.invoice is InvoiceEnd.UNCOLLECTIBLE
    assert policy.ending.final_letter_step == "final letter"
    assert policy.ending.final_letter_gap == timedelta(hours=48)
    assert policy.when_declined[DeclineClass.FUNDS].at_most == 8
    assert policy.when_declined[DeclineClass.TECHNICAL].within == timedelta(hours=6)
    assert policy.when_declined[DeclineClass.CONSENT_WITHDRAWN].count_as_voluntary
    assert policy.when_declined[DeclineClass.AUTHENTICATION].ask_again == (
        timedelta(hours=4),
        timedelta(days=2),
        timedelta(days=5),
        timedelta(days=9),
    )
    assert policy.when_declined[DeclineClass.FUNDS].paydays == ()
    assert policy.backup_methods == ()
    assert shipped.dunning.limits == Limits()


def test_every_new_field_reaches_the_engine(tmp_path: Path) -> None:
    for path in CONFIG.glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text())
    dunning = tmp_path / "dunning.yaml"
    text = dunning.read_text()
    for old, new in (
        (
            "do: retry, at_most: 8 times",
            "do: retry, on_days: [last, 15, 1], customer_day: metadata.payday",
        ),
        ("retries_by: worker", "backup_methods: [sepa_debit, card]"),
        ("limits:", "limits:\n  networks: { visa_in_30_days: 9 times, ach_retries: authorised }"),
    ):
        text = text.replace(old, new, 1)
    dunning.write_text(text)
    rules = load_configuration(tmp_path, LETTERS).dunning
    funds = rules.policies[0].when_declined[DeclineClass.FUNDS]
    assert funds.paydays == (1, 15, 31)
    assert funds.payday_key == "payday"
    assert rules.policies[0].backup_methods == ("sepa_debit", "card")
    assert rules.limits.networks == NetworkLimits(visa_in_30_days=9, ach_retries_authorised=True)


def test_shipped_notices_and_schedule(shipped: Configuration) -> None:
    by_name = {letter.letter: letter for letter in shipped.notices.letters}
    assert by_name["renewal_upcoming"].interval == "year"
    assert by_name["renewal_upcoming"].before == (timedelta(days=30),)
    assert by_name["trial_ending"].shorter_trial_fraction == (1, 3)
    assert by_name["card_expiring"].before == (timedelta(days=30), timedelta(days=7))
    assert by_name["card_expiring"].only_if_card_dies_before_next_charge
    assert shipped.notices.quiet.weekdays_only
    assert shipped.notices.quiet.send_between == DayWindow(time(8), time(18))
    assert shipped.schedule["due_cases"] == JobTiming(every=timedelta(seconds=2))
    assert shipped.schedule["reconcile"] == JobTiming(daily_at=time(3))
    assert set(shipped.schedule) == {
        "read_stripe",
        "due_cases",
        "deliver_letters",
        "sweep",
        "heartbeat",
        "renewals_cards_trials",
        "invariants",
        "reconcile",
        "summary",
        "plan",
        "daily_mail",
        "staff_mail",
        "seal",
        "sinks",
        "audit",
        "retention",
        "tie_out",
        "figures",
    }


def test_read_back_is_what_the_page_shows(shipped: Configuration) -> None:
    [sentence] = read_back(shipped)
    assert sentence == (
        "monthly-cards: letter after 4 hours; tries on days 1, 2, 4, 6, 9 and 13; letters on days"
        " 3, 7 and 11; confirmation asked for after 4 hours and on days 2, 5 and 9; cancelled after"
        " 14 days. The invoice is then marked uncollectible; nothing ends sooner than 2 days after"
        " `final letter`. Serves everybody."
    )
    page = (CONFIG / "README.md").read_text().replace("\n> ", " ")
    assert sentence in page


def test_digests_name_the_content(shipped: Configuration, tmp_path: Path) -> None:
    """A remark changes no digest, a value changes the whole and what it belongs to."""
    for path in CONFIG.glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text() + "# a remark\n")
    assert load_configuration(tmp_path, LETTERS) == shipped

    notices = tmp_path / "notices.yaml"
    notices.write_text(notices.read_text().replace("name: Acme", "name: Other"))
    changed = load_configuration(tmp_path, LETTERS)
    assert changed.digest != shipped.digest
    assert changed.dunning == shipped.dunning

    dunning = tmp_path / "dunning.yaml"
    dunning.write_text(dunning.read_text().replace("after: 9 days", "after: 10 days"))
    assert (
        load_configuration(tmp_path, LETTERS).dunning.policies[0].digest
        != shipped.dunning.policies[0].digest
    )


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-12-01", datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ("2026-07-01", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-12-01T08:00+01:00", datetime(2026, 12, 1, 7, tzinfo=UTC)),
        ("2026-12-01T08:00Z", datetime(2026, 12, 1, 8, tzinfo=UTC)),
    ],
)
def test_go_live_is_office_time(tmp_path: Path, written: str, at: datetime) -> None:
    for path in CONFIG.glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text())
    with (tmp_path / "dunning.yaml").open("a") as file:
        file.write(f"go_live: {written}\n")
    assert load_configuration(tmp_path, LETTERS).dunning.go_live == at


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(days=1), "1 day"),
        (timedelta(weeks=2), "14 days"),
        (timedelta(hours=60), "60 hours"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(0), "0 hours"),
    ],
)
def test_duration_words(duration: timedelta, words: str) -> None:
    assert duration_words(duration) == words


@pytest.mark.parametrize("file", ["dunning.yaml", "notices.yaml", "schedule.yaml"])
def test_page_lists_every_field(file: str) -> None:
    """On failure: paste what `worker.settings.documentation.fields_tables` returns."""
    assert fields_tables()[file] in (CONFIG / "README.md").read_text()


@pytest.mark.parametrize("file", ["dunning.yaml", "notices.yaml", "schedule.yaml"])
def test_every_field_has_meaning_form_and_example(file: str) -> None:
    rows = fields_tables()[file].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    assert all(len(row) == 5 and all(row) and "None" not in row for row in cells)


def test_constants_that_stand_in_two_places() -> None:
    defaults = {each.name: each.default for each in fields(Policy)}
    assert defaults["retries_max"] == RETRIES_MAX
    assert defaults["retry_gap"] == GAP_MIN
    assert set(POSSIBLE) == set(DeclineClass) == set(WhenDeclined.model_fields)
    assert all(isinstance(each, Reaction) for each in POSSIBLE[DeclineClass.FUNDS])
    assert Limits().charges_per_hour == 500
    assert timedelta(days=5) == SEND_WITHIN
