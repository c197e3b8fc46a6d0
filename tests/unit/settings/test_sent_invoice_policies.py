"""Policies for invoices paid by hand: what they say, what they may not, how they are read back."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.settings.test_broken_files import LETTERS, MINIMAL, broken_lines
from worker.domain.letter_fields import DUE_NOTICES, FAILED_NOTICES
from worker.domain.policy import DunningRules, RetriesBy
from worker.domain.policy_text import from_plain, to_plain
from worker.errors import ConfigError
from worker.settings.load import load_rules
from worker.settings.read_back import rules_lines

DAY = timedelta(days=1)
SENT = """\
  - name: sent
    match: { collection_method: send_invoice }
    steps:
      - { name: soon, before: 7 days, letter: invoice_due_soon }
      - { name: today, after: 0 days, letter: invoice_due_today }
      - { name: late, after: 3 days, letter: invoice_overdue_1 }
      - { name: last, after: 10 days, letter: invoice_overdue_final }
    ending: { after: 30 days, do: leave }
"""
BOTH = MINIMAL.replace("policies:\n", f"policies:\n{SENT}")
"""The policy for sent invoices begins in line 4, its steps in line 7; the other in line 12."""


def rules_of(tmp_path: Path, text: str) -> DunningRules:
    """Return a dunning.yaml as read."""
    path = tmp_path / "dunning.yaml"
    path.write_text(text)
    return load_rules(path, LETTERS | DUE_NOTICES)


def told(tmp_path: Path, *changes: tuple[str, str]) -> list[str]:
    """Return what is said about `BOTH` with each (old, new) applied once."""
    text = BOTH
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    try:
        rules_of(tmp_path, text)
    except ConfigError as error:
        return list(error.problems)
    return []


def test_it_counts_from_the_due_date_and_never_retries(tmp_path: Path) -> None:
    sent, rest = rules_of(tmp_path, BOTH).policies
    assert [step.after for step in sent.steps] == [-7 * DAY, 0 * DAY, 3 * DAY, 10 * DAY]
    assert not any(step.charge for step in sent.steps)
    assert sent.retries_by is RetriesBy.NOBODY
    assert not sent.charge_new_card_at_once
    assert sent.for_sent_invoices
    assert not rest.for_sent_invoices


def test_its_text_is_kept_and_no_other_policy_s_changes(tmp_path: Path) -> None:
    sent, rest = rules_of(tmp_path, BOTH).policies
    assert from_plain(to_plain(sent)) == sent
    assert "collection_method" not in to_plain(rest)


def test_it_is_read_back_by_its_due_date(tmp_path: Path) -> None:
    [first, second] = rules_lines(rules_of(tmp_path, BOTH))
    assert first == (
        "sent: reminders 7 days before, on and 3, 10 days after the due date; left as it is after"
        " 30 days. The invoice stays open. Serves everybody who is sent invoices to pay."
    )
    assert second.endswith("Serves everybody else.")


def test_another_takes_it_over_and_moves_a_step_to_the_other_side(tmp_path: Path) -> None:
    vip = """\
  - name: vip
    match: { collection_method: send_invoice, metadata: { tier: vip } }
    like: sent
    change: { steps: { late: leave_out, today: { before: 1 day }, soon: { after: 1 day } } }
"""
    text = MINIMAL.replace("policies:\n", f"policies:\n{vip}{SENT}")
    first, sent, _ = rules_of(tmp_path, text).policies
    assert [(step.name, step.after) for step in first.steps] == [
        ("today", -1 * DAY),
        ("soon", DAY),
        ("last", 10 * DAY),
    ]
    assert first.ending == sent.ending


def test_a_policy_for_everybody_leaves_them_to_a_later_one(tmp_path: Path) -> None:
    """A policy that does not name sent invoices serves none: it is in nobody's way."""
    business = (
        "  - { name: business, match: { metadata: { segment: business } }, like: all }\n"
        "  - { name: charged, match: { collection_method: charge_automatically }, like: all }\n"
    )
    text = MINIMAL.replace("policies:\n", f"policies:\n{business}{SENT}")
    assert [each.name for each in rules_of(tmp_path, text).policies] == [
        "business",
        "charged",
        "sent",
        "all",
    ]


def test_notices_are_about_one_or_the_other() -> None:
    assert {"payment_failed_1", "payment_failed_final", "action_required"} <= FAILED_NOTICES
    assert {"invoice_due_soon", "invoice_overdue_final"} <= DUE_NOTICES
    assert not FAILED_NOTICES & DUE_NOTICES


@pytest.mark.parametrize(("old", "new", "sentence"), broken_lines("broken_sent_invoices.txt"))
def test_what_does_not_fit_is_told(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert sentence in told(tmp_path, (old, new))


def test_a_policy_of_charges_needs_its_reactions(tmp_path: Path) -> None:
    start = BOTH.index("    when_declined:")
    reactions = BOTH[start : BOTH.index("    steps:", start)]
    assert told(tmp_path, (reactions, "")) == [
        (
            "dunning.yaml line 12, policies → all: `when_declined` is missing; write"
            " `when_declined: { funds: { do: retry }, ... }`."
        )
    ]


def test_one_that_takes_charges_over_is_told_at_its_like(tmp_path: Path) -> None:
    found = told(tmp_path, ("    ending: { after: 30 days, do: leave }\n", "    like: all\n"))
    assert found
    assert all(
        sentence.startswith("dunning.yaml line 11, policies → sent → like: ") for sentence in found
    )
    assert any("`new_card`" not in sentence and "`when_declined`" in sentence for sentence in found)
