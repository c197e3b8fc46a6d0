"""Several policies in one file: what they take over, whom they serve, what is read back."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.settings.test_broken_files import LETTERS, MINIMAL, TWO, changed
from worker.domain.policy import (
    AmountRange,
    BillingInterval,
    ClassRule,
    DeclineClass,
    DunningRules,
    EndingAct,
    Match,
    Reaction,
    Reason,
    Step,
)
from worker.settings.load import load_rules
from worker.settings.read_back import rules_lines

DAY = timedelta(days=1)
CHANGE = "{ ending: { after: 30 days } }"


def rules_of(tmp_path: Path, text: str) -> DunningRules:
    """Return a dunning.yaml as read."""
    path = tmp_path / "dunning.yaml"
    path.write_text(text)
    return load_rules(path, LETTERS)


def test_a_change_overrides_single_fields(tmp_path: Path) -> None:
    annual, base = rules_of(tmp_path, TWO).policies
    changed_ending = replace(base.ending, after=30 * DAY)
    assert annual == replace(base, name="annual", ending=changed_ending, digest=annual.digest)
    assert annual.digest != base.digest


def test_steps_are_changed_added_and_left_out_by_name(tmp_path: Path) -> None:
    change = """{ steps: { try 1: leave_out, try 2: { after: 5 days },
      first letter: { letter: payment_failed_2 }, try 3: { after: 7 days, charge: any time } } }"""
    annual, base = rules_of(tmp_path, changed((CHANGE, change), base=TWO)).policies
    assert [(step.name, step.after, step.letter) for step in annual.steps] == [
        ("first letter", timedelta(hours=4), "payment_failed_2"),
        ("try 2", 5 * DAY, None),
        ("try 3", 7 * DAY, None),
        ("final letter", 11 * DAY, "payment_failed_final"),
    ]
    assert [step.name for step in base.steps] == ["first letter", "try 1", "try 2", "final letter"]


def test_a_new_reaction_begins_a_class_afresh(tmp_path: Path) -> None:
    change = """{ when_declined: { technical: { do: retry }, unclear: { at_most: 2 times } },
      backup_methods: [sepa_debit] }"""
    annual, base = rules_of(tmp_path, changed((CHANGE, change), base=TWO)).policies
    assert annual.when_declined[DeclineClass.TECHNICAL] == ClassRule(Reaction.RETRY)
    assert annual.when_declined[DeclineClass.UNCLEAR] == ClassRule(Reaction.RETRY, at_most=2)
    assert annual.when_declined[DeclineClass.FUNDS] == base.when_declined[DeclineClass.FUNDS]
    assert annual.backup_methods == ("sepa_debit",)


def test_fields_can_be_left_out_and_replaced_whole(tmp_path: Path) -> None:
    own = "{ ending: { do: leave, not_before: leave_out } }\n    steps: []"
    annual, base = rules_of(tmp_path, changed((CHANGE, own), base=TWO)).policies
    assert annual.steps == ()
    assert annual.ending.do is EndingAct.LEAVE
    assert annual.ending.final_letter_step is None
    assert annual.ending.after == base.ending.after


def test_like_goes_over_several_policies_in_any_order(tmp_path: Path) -> None:
    first = (
        "policies:\n  - { name: big, match: { amount: { eur: 500 and more } }, like: annual,"
        " change: { new_card: wait } }\n"
    )
    big, annual, base = rules_of(tmp_path, TWO.replace("policies:\n", first)).policies
    assert big.ending == annual.ending != base.ending
    assert not big.charge_new_card_at_once
    assert annual.charge_new_card_at_once


def test_a_match_is_read_into_minor_units(tmp_path: Path) -> None:
    match = """{ plan: price_1, product: [prod_1, prod_2], interval: [12 months, 2 weeks],
      amount: { eur: 500 and more, usd: 10 to 99.99, JPY: less than 500 }, country: [de, AT],
      currency: [EUR, usd, jpy], payment_method: card, brand: Visa, customer_age: less than 90 days,
      metadata: { tier: [vip, gold] }, collection_method: charge_automatically }"""
    rules = rules_of(tmp_path, changed(("{ interval: year }", match), base=TWO))
    assert rules.matches == {
        "annual": Match(
            price_ids=("price_1",),
            product_ids=("prod_1", "prod_2"),
            intervals=(BillingInterval("year"), BillingInterval("week", 2)),
            amounts=(
                AmountRange("eur", 50_000),
                AmountRange("usd", 1_000, 9_999),
                AmountRange("jpy", 0, 499),
            ),
            countries=("DE", "AT"),
            currencies=("eur", "usd", "jpy"),
            method_types=("card",),
            brands=("visa",),
            customer_age_below=90 * DAY,
            metadata={"tier": ("vip", "gold")},
            collection_method="charge_automatically",
        )
    }
    assert rules_lines(rules)[0].partition(" Serves ")[2] == (
        "everybody who has the price price_1, has the product prod_1 or prod_2, is billed every"
        " year or 2 weeks, owes 500.00 EUR or more, 10.00 to 99.99 USD or up to 499 JPY, is in"
        " Germany or Austria, is billed in EUR, USD or JPY, pays by card, pays with a card of visa,"
        " has the metadata tier vip or gold, has been a customer for less than 90 days and is"
        " charged automatically."
    )


@pytest.mark.parametrize(
    ("text", "served"),
    [
        (MINIMAL, ["Serves everybody."]),
        (TWO, ["Serves everybody who is billed every year.", "Serves everybody else."]),
    ],
)
def test_whom_a_policy_serves_is_read_back(tmp_path: Path, text: str, served: list[str]) -> None:
    lines = rules_lines(rules_of(tmp_path, text))
    assert [f"Serves{line.partition(' Serves')[2]}" for line in lines] == served


def test_another_audience_is_no_other_policy(tmp_path: Path) -> None:
    """Open cases hold the digest of what is done to them, not of who else it is done to."""
    year, week = (
        rules_of(tmp_path, TWO.replace("interval: year", f"interval: {unit}"))
        for unit in ("year", "week")
    )
    assert [policy.digest for policy in year.policies] == [
        policy.digest for policy in week.policies
    ]
    assert year.matches != week.matches


def test_reasons_are_kept_beside_and_read_back(tmp_path: Path) -> None:
    text = changed(
        ("- name: all", "- name: all\n    because: this is the usual way"),
        ("try 2, after: 3 days", "try 2, because: money comes late, after: 3 days"),
        ("do: cancel,", "do: cancel, because: nobody pays later,"),
    )
    rules, plain = rules_of(tmp_path, text), rules_of(tmp_path, MINIMAL)
    assert rules.policies == plain.policies
    assert rules.reasons == {
        "all": (
            Reason("", "this is the usual way"),
            Reason("try 2", "money comes late"),
            Reason("ending", "nobody pays later"),
        )
    }
    assert rules_lines(rules)[1:] == [
        "  Why: this is the usual way",
        "  Why `try 2`: money comes late",
        "  Why this ending: nobody pays later",
    ]


def test_access_and_what_a_person_decides_are_read_back(tmp_path: Path) -> None:
    text = changed(
        ("name: try 2, after: 3 days, charge: any time", "name: slow, after: 3 days, access: slow"),
        ("    steps:\n", "    person_decides: [ending, charges]\n    steps:\n"),
    )
    rules = rules_of(tmp_path, text)
    (policy,) = rules.policies
    assert policy.step("slow") == Step("slow", timedelta(days=3), access="slow")
    said = rules_lines(rules)[0]
    assert "a person approves each charge and the ending first" in said
    assert "access `slow` on day 3" in said


def test_paydays_and_backups_are_read_back(tmp_path: Path) -> None:
    text = changed(
        (
            "funds: { do: retry }",
            "funds: { do: retry, on_days: [last, 1], customer_day: metadata.d }",
        ),
        ("- name: all", "- name: all\n    backup_methods: [card, link]"),
    )
    [line] = rules_lines(rules_of(tmp_path, text))
    assert (
        "; without funds, tries wait for day 1 or the last of a month or the day in metadata `d`;"
        " after a hard decline, card and link may be charged; cancelled after 14 days."
    ) in line


def test_a_policy_may_be_an_ending_alone(tmp_path: Path) -> None:
    steps = MINIMAL[MINIMAL.index("    steps:") : MINIMAL.index("    ending:")]
    text = changed((steps, ""), ("do: cancel, not_before: 2 days after final letter", "do: leave"))
    [policy] = rules_of(tmp_path, text).policies
    assert policy.steps == ()
    assert policy.ending.do is EndingAct.LEAVE
