"""Endings that set a subscription aside: read from the file, said back, and never guessed."""

from pathlib import Path

import pytest

from tests.unit.settings.test_broken_files import LETTERS, changed, problems_of
from worker.domain.policy import EndingAct, InvoiceEnd, Policy
from worker.settings.load import load_configuration
from worker.settings.read_back import policy_sentence

ENDING = "do: cancel, not"


def read(tmp_path: Path, *changes: tuple[str, str]) -> Policy:
    assert problems_of(tmp_path, dunning=changed(*changes)) == []
    return load_configuration(tmp_path, LETTERS).dunning.policies[0]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "do: pause, if_refused: hold_invoices",
            "paused after 14 days (where Stripe refuses: new invoices held back).",
        ),
        (
            "do: pause, if_refused: cancel, when: period_end",
            "paused after 14 days (where Stripe refuses: cancelled at the end of its period).",
        ),
        (
            "do: pause, if_refused: leave",
            "paused after 14 days (where Stripe refuses: left as it is).",
        ),
        ("do: hold_invoices", "new invoices held back as drafts after 14 days."),
        ("do: downgrade, to_price: price_small", "moved to price_small after 14 days."),
    ],
)
def test_an_ending_is_said_back(tmp_path: Path, written: str, said: str) -> None:
    policy = read(tmp_path, (ENDING, f"{written}, not"))
    assert said in policy_sentence(policy)
    assert f"do: {policy.ending.do}" in written
    assert (policy.ending.do is EndingAct.DOWNGRADE) == (policy.ending.to_price_id != "")
    assert (policy.ending.do is EndingAct.PAUSE) == (policy.ending.if_refused is not None)


def test_a_small_balance_is_read_in_minor_units_and_said_back(tmp_path: Path) -> None:
    written = "    small_balance: { below: { EUR: 2.00, jpy: 150, kwd: 0.5 }, invoice: void }\n"
    policy = read(tmp_path, ("    ending: {", f"{written}    ending: {{"))
    assert policy.small_balance is not None
    assert policy.small_balance.below_minor == {"eur": 200, "jpy": 150, "kwd": 500}
    assert policy.small_balance.invoice is InvoiceEnd.VOID
    assert policy_sentence(policy).endswith(
        " An invoice with less than 2.00 EUR, 150 JPY or 0.500 KWD left is voided at once, not"
        " dunned."
    )


def test_what_a_policy_does_not_use_leaves_its_digest(tmp_path: Path) -> None:
    """Open cases hold the digest: a release that can do more must not orphan them."""
    plain = read(tmp_path)
    other = read(tmp_path, (ENDING, "do: hold_invoices, not"))
    assert (plain.ending.if_refused, plain.ending.to_price_id, plain.small_balance) == (
        None,
        "",
        None,
    )
    assert plain.digest != other.digest
