"""Every kind of case, played through by the real processes: what became of each character."""

from collections import Counter
from pathlib import Path

import pytest

from tests.scenarios.demo.plan_and_deed import Held, hold_plans_against_deeds
from tests.scenarios.demo.runs import network_proof, rehearsal, see
from worker.cli.report_network import NetworkReport
from worker.domain.network_rules import MadeBy
from worker.rehearsal.checks import Evidence, check_evidence, collect_evidence
from worker.rehearsal.checks_windows import fullest_windows, tries_by_network
from worker.rehearsal.population_cast import CAST
from worker.rehearsal.rehearsal import end_of

pytestmark = pytest.mark.timeout(600)
"""Weeks of real processes take minutes, more on a busy machine."""

DAYS = 38
RETRY, NEW_CARD, BY_HAND = (
    ("recovered", "retry"),
    ("recovered", "new_card"),
    ("recovered", "customer"),
)
ENDED, CANCELLED, HELD = ("ended", ""), ("customer_cancelled", ""), ("held", "")

FIRST_CASES: dict[str, list[tuple[str, str]]] = {
    "cured-by-time": [RETRY],
    "new-card": [NEW_CARD],
    "expired-replaced": [NEW_CARD],
    "disputes": [RETRY],
    "ignores": [ENDED],
    "pays-by-hand": [BY_HAND],
    "pays-elsewhere": [("recovered", "out_of_band")],
    "cancels": [CANCELLED],
    "cancels-later": [CANCELLED],
    "lost-card": [NEW_CARD],
    "stolen-card": [ENDED],
    "expired-ignored": [ENDED],
    "card-updated": [NEW_CARD],
    "authenticates": [BY_HAND],
    "walks-away": [BY_HAND],
    "debit-fails": [RETRY],
    "debit-returned": [("in_review", "")],
    "mastercard-waits": [RETRY],
    "mastercard-stops": [NEW_CARD],
    "technical": [RETRY],
    "unknown-code": [RETRY],
    "consent-withdrawn": [ENDED],
    "voided": [("voided", "")],
    "written-off": [("written_off", "")],
    "second-invoice": [RETRY, RETRY],
    "three-at-once": [NEW_CARD, NEW_CARD, NEW_CARD],
    "two-plans": [RETRY, RETRY],
    "two-good": [],
    "paused": [RETRY],
    "no-email": [RETRY],
    "deleted": [CANCELLED],
    "credited": [RETRY],
    "credited-in-full": [("voided", "")],
    "india": [BY_HAND],
    "trial-fails": [RETRY],
    "short-trial": [],
    "yearly": [],
    "yearly-fails": [RETRY],
    "blocked": [BY_HAND],
    "set-up-wrong": [("in_review", "")],
    "confirm-card-data": [NEW_CARD],
    "advised-to-stop": [NEW_CARD],
    "visa-category-1": [BY_HAND],
    "not-allowed": [NEW_CARD],
    "never-confirms": [ENDED],
    "waits-24": [RETRY],
    "waits-25": [RETRY],
    "waits-26": [RETRY],
    "waits-28": [RETRY],
    "waits-29": [RETRY],
    "waits-30": [RETRY],
    "waits-past-the-end": [ENDED],
    "unknown-network": [RETRY],
    "ach-poor": [BY_HAND],
    "ach-closed": [NEW_CARD],
    "debit-fails-thrice": [ENDED],
    "bacs-refers": [RETRY],
    "bacs-revoked": [NEW_CARD],
    "becs-refers": [BY_HAND],
    "shares-card": [RETRY],
    "shares-card-too": [RETRY],
    "back-to-first": [NEW_CARD],
    "wrong-level": [NEW_CARD],
    "has-backup": [BY_HAND],
    "renewal-moved": [RETRY],
    "fraud-warning": [HELD],
}
"""What the first failures of each character come to."""

FACTS = {
    "disputes": {"case.held", "case.released"},
    "expired-replaced": {"payment_method.expiring"},
    "card-updated": {"payment_method.updated"},
    "paused": {"subscription.paused", "subscription.resumed"},
    "ignores": {"subscription.churned"},
    "short-trial": {"subscription.trial_ending", "subscription.started"},
    "yearly": {"subscription.renewal_upcoming", "subscription.renewed"},
    "debit-returned": {"case.in_review"},
}
LETTERS = {
    "ignores": [
        "payment_failed_1", "payment_failed_2", "payment_failed_3", "payment_failed_final",
        "subscription_ended",
    ],
    "cancels": ["payment_failed_1"],
    "authenticates": ["action_required", "payment_recovered"],
    "new-card": ["payment_failed_1", "payment_recovered"],
    "no-email": [],
    "set-up-wrong": [],
    "short-trial": ["trial_ending"],
    "yearly": ["renewal_upcoming"],
}  # fmt: skip
NEVER_CHARGED_AGAIN = (
    "stolen-card", "blocked", "india", "walks-away", "never-confirms",
    "visa-category-1", "ach-poor", "has-backup",
)  # fmt: skip
CHARGED_ONCE_MORE = (
    "mastercard-stops", "confirm-card-data", "advised-to-stop", "not-allowed", "ach-closed",
)  # fmt: skip
"""After a stop signal: nothing until the new card, and that once."""


def test_every_character_comes_to_its_end(tmp_path: Path) -> None:
    with rehearsal(tmp_path, subscribers=len(CAST)) as running:
        running.driver.drive(end_of(running, DAYS), lambda _now: None)
        seen = see(running)
        evidence = collect_evidence(running.client, running.test_clock, running.customers.letters)
        acts = running.customers.acts
        proof = network_proof(running)
        held = hold_plans_against_deeds(running)
    assert {character.name for character in CAST} == set(FIRST_CASES)
    first = {
        name: seen.cases.get(name, [])[: max(len(wanted), 1)]
        for name, wanted in FIRST_CASES.items()
    }
    assert first == FIRST_CASES
    assert {n: seen.facts.get(n, set()) & wanted for n, wanted in FACTS.items()} == FACTS
    assert {name: seen.letters.get(name, []) for name in LETTERS} == LETTERS
    assert [act for act in acts if not act[3]] == []
    assert check_evidence(evidence, invariants_broken=0).found == ()
    tried = {entry["customer"] for entry in evidence.tries if entry["by"] == "api"}
    spared = {str(running.people[name]["customer"]) for name in NEVER_CHARGED_AGAIN}
    assert tried & spared == set()
    ours = Counter(entry["customer"] for entry in evidence.tries if entry["by"] == "api")
    stopped = [str(running.people[name]["customer"]) for name in CHARGED_ONCE_MORE]
    assert [ours[customer] for customer in stopped] == [1] * len(stopped)
    assert seen.unknown_letters == 0
    _the_report_agrees(proof, evidence)
    _plan_and_deed_agree(held)


def _the_report_agrees(proof: NetworkReport, evidence: Evidence) -> None:
    """Compare the worker's own proof with what the sandbox's log tells of cards."""
    assert proof.violations == ()
    told = {line.network: line for line in proof.lines}
    seen = tries_by_network(evidence.tries)
    ours = tries_by_network(evidence.tries, only_ours=True)
    cards = sorted({full.network for full in fullest_windows(evidence.tries)})
    assert {"amex", "mastercard", "unknown", "visa"} <= set(cards)
    assert {name: told[name].tries for name in cards} == {name: seen[name] for name in cards}
    assert {name: told[name].made_by(MadeBy.WORKER) for name in cards} == {
        name: ours[name] for name in cards
    }
    for full in fullest_windows(evidence.tries):
        same = [
            found.window.highest
            for found in told[full.network].fullest
            if found.window.span.total_seconds() == full.window_seconds
            and found.window.limit == full.most
        ]
        assert full.highest <= full.most
        assert full.highest in same


def _plan_and_deed_agree(held: Held) -> None:
    """Every deed was in that morning's plan, every sure act was done, or news of the case say why.

    What the plan cannot know is what others do: a new failure, a payment, another card.
    """
    assert held.unexplained == []
    assert held.plans > DAYS * 3 // 4, "a rehearsal does not stop on every morning"
    assert min(held.planned, held.deeds) > 150
    assert held.explained.total() < held.deeds / 2, "most deeds were in the plan"
