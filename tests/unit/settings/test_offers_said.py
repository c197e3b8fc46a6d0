"""A step's offer: read from the file, said back, refused in a sentence."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.settings.test_broken_files import LETTERS, changed, problems_of
from worker.domain.offers import Offer
from worker.domain.policy import Policy
from worker.domain.policy_text import digest_of, from_plain, to_plain
from worker.settings.load import load_configuration
from worker.settings.read_back import policy_sentence

LETTER = "letter: payment_failed_1"


def written(offer: str) -> str:
    """Return the file whose first letter has that offer."""
    return changed((LETTER, f"{LETTER}, offer: {offer}"))


def read(tmp_path: Path, text: str) -> Policy:
    assert problems_of(tmp_path, dunning=text) == []
    return load_configuration(tmp_path, LETTERS).dunning.policies[0]


@pytest.mark.parametrize(
    ("offer", "value", "said"),
    [
        ("{ coupon: SAVE20 }", Offer("SAVE20"), "offers coupon SAVE20;"),
        ("{ extra_days: 7 days }", Offer(extra=timedelta(days=7)), "offers 7 more days;"),
        ("{ extra_days: 1 day }", Offer(extra=timedelta(days=1)), "offers 1 more day;"),
    ],
)
def test_an_offer_is_read_said_back_and_kept(
    tmp_path: Path, offer: str, value: Offer, said: str
) -> None:
    policy = read(tmp_path, written(offer))
    assert [step.offer for step in policy.steps if step.offer] == [value]
    assert said in policy_sentence(policy)
    kept = from_plain(to_plain(policy))
    assert (kept.steps, kept.digest) == (policy.steps, policy.digest)


def test_a_policy_without_an_offer_keeps_its_text(tmp_path: Path) -> None:
    policy = read(tmp_path, changed())
    assert "offer" not in str(to_plain(policy))
    assert policy.digest == digest_of(policy)


@pytest.mark.parametrize(
    ("offer", "sentence"),
    [
        ("{}", "offers nothing; write `{ coupon: SAVE20 }` or `{ extra_days: 7 days }`."),
        (
            "{ coupon: A, extra_days: 7 days }",
            "offers two things; leave `coupon` or `extra_days` out.",
        ),
        ("{ extra_days: 36 hours }", "must be whole days, from 1 to 90; write `7 days`."),
        ("{ extra_days: 91 days }", "must be whole days, from 1 to 90; write `7 days`."),
        ("{ coupon: SAVE 20 }", "is no coupon's id; write it as Stripe shows it: `SAVE20`."),
    ],
)
def test_a_wrong_offer_is_refused(tmp_path: Path, offer: str, sentence: str) -> None:
    (problem,) = problems_of(tmp_path, dunning=written(offer))
    assert problem.endswith(sentence)
