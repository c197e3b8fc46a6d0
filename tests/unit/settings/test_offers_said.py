"""A step's offer: read from the file, said back, refused in a sentence."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.settings.test_broken_files import LETTERS, changed, problems_of
from worker.domain.offers import Offer
from worker.domain.policy import Policy
from worker.domain.policy_text import digest_of, from_plain, to_plain
from worker.mail.offer_lint import unoffered_fields, untold_offers
from worker.settings.load import load_configuration
from worker.settings.read_back import policy_sentence

ROOT = Path(__file__).parents[3]
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


def letter(templates: Path, words: str) -> None:
    """Write a first letter with these words into a folder of templates."""
    source = (ROOT / "templates/en/payment_failed_1.md").read_text()
    (templates / "en/payment_failed_1.md").write_text(f"{source}\n{words}\n")


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """Give a copy of the shipped templates."""
    return Path(shutil.copytree(ROOT / "templates", tmp_path / "templates"))


def test_a_field_of_an_offer_that_no_step_makes_is_refused(tmp_path: Path, templates: Path) -> None:
    policies = [read(tmp_path, written("{ coupon: SAVE20 }"))]
    line = len((templates / "en/payment_failed_1.md").read_text().splitlines()) + 2
    letter(templates, "{% if offer_days %}You have {{ offer_days }} more days.{% endif %}")
    assert unoffered_fields(templates, policies) == [
        (
            f"templates/en/payment_failed_1.md line {line}, offer_days: no step with"
            " `letter: payment_failed_1` offers it; add `offer: { extra_days: 7 days }` to the step"
            " in dunning.yaml, or leave the field out."
        )
    ]
    assert untold_offers(templates, policies) == [
        (
            "step `first letter` offers coupon SAVE20, and templates/en/payment_failed_1.md does"
            " not tell of it; write `{{ offer_coupon }}` there."
        )
    ]


def test_a_letter_that_tells_what_its_step_offers_is_in_order(
    tmp_path: Path, templates: Path
) -> None:
    policies = [read(tmp_path, written("{ extra_days: 7 days }"))]
    letter(templates, "{% if offer_days %}You have {{ offer_days }} more days.{% endif %}")
    assert unoffered_fields(templates, policies) == untold_offers(templates, policies) == []
