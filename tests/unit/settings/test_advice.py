"""What is allowed but looks like a slip is said, and Stripe's own words are known."""

import re
from dataclasses import replace
from pathlib import Path

import stripe

from worker.domain.policy import Configuration, Match
from worker.settings.advice import advice
from worker.settings.load import load_configuration
from worker.settings.stripe_words import METHOD_TYPES

ROOT = Path(__file__).parents[3]
LETTERS = frozenset(path.stem for path in (ROOT / "templates" / "en").glob("*.md"))


def shipped_with(*backup_methods: str) -> Configuration:
    """Return the shipped configuration, its first policy with these backup methods."""
    shipped = load_configuration(ROOT / "config", LETTERS)
    policy = replace(shipped.dunning.policies[0], backup_methods=backup_methods)
    return replace(shipped, dunning=replace(shipped.dunning, policies=(policy,)))


def test_shipped_files_need_no_advice() -> None:
    assert advice(load_configuration(ROOT / "config", LETTERS)) == []


def test_an_unknown_type_is_named_with_the_nearest() -> None:
    assert advice(shipped_with("card", "sepa_debt", "teleport")) == [
        (
            "monthly-cards: `backup_methods` names `sepa_debt`, which Stripe did not have at this"
            " release; did you mean `sepa_debit`?"
        ),
        (
            "monthly-cards: `backup_methods` names `teleport`, which Stripe did not have at this"
            " release."
        ),
    ]


def test_unknown_words_of_a_match_are_named() -> None:
    shipped = shipped_with()
    match = Match(method_types=("card", "sepa"), brands=("visa", "mastercards"))
    rules = replace(shipped.dunning, matches={"monthly-cards": match})
    assert advice(replace(shipped, dunning=rules)) == [
        (
            "monthly-cards: `match → payment_method` names `sepa`, which Stripe did not have at"
            " this release; did you mean `sepa_debit`?"
        ),
        (
            "monthly-cards: `match → brand` names `mastercards`, which Stripe did not have at this"
            " release; did you mean `mastercard`?"
        ),
    ]


def test_the_types_are_those_of_the_sdk() -> None:
    source = (Path(stripe.__file__).parent / "_payment_method.py").read_text()
    listed = re.search(r"\n    type: Union\[\s+Literal\[(.*?)\]", source, re.DOTALL)
    assert listed is not None
    assert set(METHOD_TYPES) == set(re.findall(r'"(\w+)"', listed[1]))
