"""What no API shows: confirmed, not confirmed, contradicted by what the ledger saw."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tests.unit.domain.building import shipped
from worker.cli.check_reach import UNSERVED, served_words
from worker.cli.doctor_confirmed import confirmed_findings, contradictions
from worker.cli.doctor_findings import Verdict
from worker.domain.confirmations import Confirmation, Sighting, StripeHabits, StripeSetting
from worker.domain.policy import RetriesBy

NOTHING = StripeHabits(Sighting(), Sighting(), Sighting())
PLANNED = Sighting(3, datetime(2026, 11, 22, 9, tzinfo=UTC), "in_7")
CANCELLED = Sighting(1, datetime(2026, 11, 21, 9, tzinfo=UTC), "sub_7")
BUSY = StripeHabits(PLANNED, Sighting(1, PLANNED.last_at, "ch_7"), CANCELLED)
RULES = shipped().dunning
ANN = tuple(Confirmation(setting, date(2026, 11, 20), "Ann") for setting in StripeSetting)
LATER = tuple(replace(each, on=date(2026, 11, 22)) for each in ANN)


def told(confirmed: tuple[Confirmation, ...], habits: StripeHabits | None) -> list[Verdict]:
    """Return the verdicts on retries, the last step and e-mails."""
    rules = replace(RULES, confirmed=confirmed)
    return [finding.verdict for finding in confirmed_findings(rules, habits)]


LOOK, OK, WRONG = Verdict.LOOK, Verdict.OK, Verdict.WRONG


@pytest.mark.parametrize(
    ("confirmed", "habits", "verdicts"),
    [
        ((), None, [LOOK, LOOK, LOOK]),
        ((), BUSY, [LOOK, LOOK, LOOK]),
        (ANN, None, [OK, OK, OK]),
        (ANN, NOTHING, [OK, OK, OK]),
        (ANN, BUSY, [WRONG, WRONG, OK]),
        (LATER, BUSY, [OK, OK, OK]),  # what was seen came before the look
        (ANN[:1], NOTHING, [OK, LOOK, LOOK]),
    ],
)
def test_each_setting_is_judged_by_word_and_by_sight(
    confirmed: tuple[Confirmation, ...], habits: StripeHabits | None, verdicts: list[Verdict]
) -> None:
    assert told(confirmed, habits) == verdicts


def test_what_was_seen_is_told_with_counts_and_an_example() -> None:
    retries, last_step, mails = confirmed_findings(RULES, BUSY)
    assert retries.said == (
        "Stripe planned retries of 3 failed invoices itself (in_7); 1 later try not ours, by Stripe"
        " or on its pages (ch_7)"
    )
    assert last_step.said == "Stripe cancelled 1 subscription after a failure (sub_7)"
    for finding, setting in zip((retries, last_step, mails), StripeSetting, strict=True):
        assert finding.do.startswith("Dashboard → Settings → Billing")
        assert f"`confirmed`: {setting.value}: DATE by WHO" in finding.do
    said = contradictions(ANN, BUSY, "Europe/Berlin")
    assert said[0].startswith("Ann on 2026-11-20 confirmed that Stripe's own retries are off, but")


def test_where_stripe_retries_on_purpose_nothing_is_asked_for() -> None:
    policies = tuple(replace(each, retries_by=RetriesBy.STRIPE) for each in RULES.policies)
    findings = list(confirmed_findings(replace(RULES, policies=policies), BUSY))
    assert [finding.verdict for finding in findings] == [OK, OK, LOOK]


def test_whom_the_policies_serve_is_counted() -> None:
    served = {"monthly-cards": 1204, "annual": 86}
    assert served_words(["annual", "monthly-cards"], served) == (
        "monthly-cards serves 1,204 of 1,290 active subscriptions; annual serves 86; nobody is"
        " unserved."
    )
    assert served_words(["a", "b"], {"a": 2, UNSERVED: 3}) == (
        "a serves 2 of 5 active subscriptions; b serves nobody; 3 unserved: they are sent invoices,"
        " and no policy is for those."
    )
    assert served_words(["a"], {}) == ""
