"""What an examination comes to as an exit code, and when two clocks agree."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.scenarios.sending import SENT
from tests.scenarios.world import shipped_configuration
from worker.cli.doctor_findings import Finding, Verdict, exit_code, ok, stripes_reminders
from worker.cli.doctor_stripe import skew_finding

NOW = datetime(2026, 12, 5, 11, 0, tzinfo=UTC)
GOOD = ok("Redis", "keeps its messages")


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ((), 0),
        ((Verdict.LOOK,), 0),
        ((Verdict.WRONG, Verdict.LOOK), 2),
        ((Verdict.WRONG, Verdict.AWAY), 4),
    ],
)
def test_the_gravest_finding_rules(verdicts: tuple[Verdict, ...], code: int) -> None:
    assert exit_code([GOOD, *(Finding("x", verdict, "said") for verdict in verdicts)]) == code


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(-6, Verdict.LOOK), (-5, Verdict.OK), (0, Verdict.OK), (8, Verdict.OK), (9, Verdict.LOOK)],
)
def test_an_answer_that_took_three_seconds_widens_what_agrees(
    seconds: int, verdict: Verdict
) -> None:
    theirs, answered_at = NOW + timedelta(seconds=seconds), NOW + timedelta(seconds=3)
    assert skew_finding("clock", theirs, NOW, answered_at).verdict is verdict


def test_stripes_own_reminders_are_asked_about_where_ours_go_out() -> None:
    charges = shipped_configuration().dunning.policies
    assert list(stripes_reminders(charges)) == []
    [finding] = stripes_reminders([SENT, *charges])
    assert finding.verdict is Verdict.LOOK
    assert "reminders off" in finding.do
