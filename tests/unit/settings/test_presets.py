"""Each preset runs, gives its reasons, and keeps the schedule that its system documents."""

import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from worker.domain.policy import (
    DeclineClass,
    DunningRules,
    EndingAct,
    InvoiceEnd,
    PersonDecides,
    Policy,
    RetriesBy,
)
from worker.settings.load import load_rules
from worker.settings.read_back import rules_lines

ROOT = Path(__file__).parents[3]
PRESETS = ROOT / "config" / "presets"
LETTERS = frozenset(path.stem for path in (ROOT / "templates" / "en").glob("*.md"))
OTHERS = ["chargebee", "chargify", "kill-bill", "paddle", "recurly", "stripe"]
OURS = ["annual", "b2b-invoices", "bank-debit", "high-value", "none", "recommended"]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def preset(name: str) -> DunningRules:
    """Return a preset, checked as any dunning.yaml."""
    return load_rules(PRESETS / f"{name}.yaml", LETTERS)


def tries(policy: Policy) -> list[float]:
    """Return the days of its charges."""
    return [step.after / DAY for step in policy.steps if step.charge]


def letters(policy: Policy) -> list[timedelta]:
    """Return the moments of its letters."""
    return [step.after for step in policy.steps if step.letter]


def only(name: str) -> Policy:
    """Return the one policy of another system's preset."""
    [policy] = preset(name).policies
    return policy


def test_these_are_all() -> None:
    assert sorted(path.stem for path in PRESETS.glob("*.yaml")) == sorted(OTHERS + OURS)


@pytest.mark.parametrize("name", OTHERS + OURS)
def test_a_preset_is_ready_to_run_and_says_why(name: str) -> None:
    rules = preset(name)
    for policy in rules.policies:
        given = {reason.of for reason in rules.reasons[policy.name]}
        assert {"", "ending"} <= given
        assert len(tries(policy)) <= policy.retries_max
        assert all(later - before >= 1 for before, later in pairwise([0.0, *tries(policy)]))
        if not policy.for_sent_invoices:
            assert policy.when_declined[DeclineClass.CONSENT_WITHDRAWN].count_as_voluntary
    assert rules.policies[-1].name not in rules.matches
    assert len(rules_lines(rules)) > len(rules.policies)
    first_line = (PRESETS / f"{name}.yaml").read_text().splitlines()[0]
    assert first_line == "# yaml-language-server: $schema=../dunning.schema.json"


@pytest.mark.parametrize("name", OTHERS)
def test_another_systems_schedule_names_its_source(name: str) -> None:
    [reason, *_] = preset(name).reasons[name]
    assert re.search(r"\((?:[a-z-]+\.)+[a-z]{2,}/\S+", reason.because)


def test_stripe_eight_tries_in_two_weeks_and_a_letter_for_each_failure() -> None:
    policy = only("stripe")
    assert len(tries(policy)) == 8
    assert max(tries(policy)) < 14
    failures = [timedelta(0), *(day * DAY for day in tries(policy))]
    assert letters(policy) == [failed + 2 * HOUR for failed in failures]
    assert policy.ending.after == 14 * DAY
    assert "the days are ours" in preset("stripe").reasons["stripe"][0].because


def test_chargify_every_day_as_long_as_the_worker_may() -> None:
    policy = only("chargify")
    assert tries(policy) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {day * DAY + 2 * HOUR for day in tries(policy)} <= set(letters(policy))
    assert policy.ending.after == 14 * DAY
    assert policy.ending.do is EndingAct.CANCEL
    assert "at most 8" in preset("chargify").reasons["chargify"][0].because


def test_recurly_every_two_days_until_the_seventh_decline() -> None:
    policy = only("recurly")
    assert tries(policy) == [2, 4, 6, 8, 10, 12]
    assert 1 + len(tries(policy)) == 7
    assert policy.when_declined[DeclineClass.TECHNICAL].within == 8 * HOUR
    assert policy.ending.after >= 27 * DAY
    assert policy.charge_new_card_at_once


def test_chargebee_three_more_tries_and_four_letters() -> None:
    policy = only("chargebee")
    assert len(tries(policy)) == 3
    assert len(letters(policy)) == 4
    assert policy.ending.invoice is InvoiceEnd.LEAVE
    assert "these are ours" in preset("chargebee").reasons["chargebee"][0].because


def test_paddle_seven_tries_in_thirty_days_and_its_letters() -> None:
    policy = only("paddle")
    assert len(tries(policy)) == 7
    assert max(tries(policy)) < 30
    gaps = [2 * HOUR, 3 * DAY, 2 * DAY, 2 * DAY]
    assert letters(policy) == [sum(gaps[: at + 1], timedelta(0)) for at in range(4)]
    assert policy.ending.after == 30 * DAY
    assert "their days are ours" in preset("paddle").reasons["paddle"][0].because


def test_kill_bill_three_times_eight_days_and_nothing_else() -> None:
    policy = only("kill-bill")
    assert tries(policy) == [8, 16, 24]
    assert letters(policy) == []
    assert policy.ending.do is EndingAct.LEAVE
    assert policy.when_declined[DeclineClass.TECHNICAL].within == 21 * HOUR


def test_recommended_is_what_is_shipped() -> None:
    shipped = load_rules(ROOT / "config" / "dunning.yaml", LETTERS)
    assert preset("recommended").policies == shipped.policies
    for name in OURS:
        assert name == "none" or preset(name).policies[-1] == shipped.policies[-1]


def test_annual_has_a_month_and_paydays() -> None:
    annual, monthly = preset("annual").policies
    assert annual.ending.after == 30 * DAY > monthly.ending.after
    assert annual.when_declined[DeclineClass.FUNDS].paydays == (1, 15, 31)
    assert annual.ending.do is monthly.ending.do


def test_a_large_amount_ends_only_when_a_person_says_so() -> None:
    high, monthly = preset("high-value").policies
    assert high.person_decides == (PersonDecides.ENDING,)
    assert (high.ending.do, high.ending.after) == (EndingAct.CANCEL, 30 * DAY)
    assert monthly.person_decides == ()
    assert "not possible" not in (PRESETS / "high-value.yaml").read_text()


def test_bank_debits_are_presented_as_often_as_their_rules_allow() -> None:
    rules = preset("bank-debit")
    once, twice, _ = rules.policies
    assert rules.matches[once.name].method_types == ("acss_debit", "nz_bank_account")
    assert [len(tries(once)), len(tries(twice))] == [1, 2]


def test_sent_invoices_are_reminded_around_their_due_date_and_never_charged() -> None:
    sent, _ = preset("b2b-invoices").policies
    assert sent.for_sent_invoices
    assert [moment / DAY for moment in letters(sent)] == [-7, 0, 3, 10, 21]
    assert tries(sent) == []
    assert (sent.ending.do, sent.ending.invoice) == (EndingAct.LEAVE, InvoiceEnd.LEAVE)


def test_none_does_nothing() -> None:
    policy = only("none")
    assert policy.retries_by is RetriesBy.NOBODY
    assert policy.steps == ()
    assert policy.ending.do is EndingAct.LEAVE
    assert policy.ending.invoice is InvoiceEnd.LEAVE


def test_the_page_s_example_of_several_policies_works(tmp_path: Path) -> None:
    """The example of config/README.md, with the shipped policy where it says `...`."""
    page = (ROOT / "config" / "README.md").read_text()
    example = page.split("```yaml\n")[1].split("```")[0]
    shipped = (ROOT / "config" / "dunning.yaml").read_text()
    before, policies = shipped.split("policies:\n")
    own = example.removeprefix("policies:\n").split("  - name: monthly-cards")[0]
    path = tmp_path / "dunning.yaml"
    path.write_text(f"{before}policies:\n{own}{policies}")
    big, monthly = load_rules(path, LETTERS).policies
    assert big.name == "annual-over-500"
    assert big.ending.after == 30 * DAY
    assert len(tries(big)) == len(tries(monthly)) + 1
