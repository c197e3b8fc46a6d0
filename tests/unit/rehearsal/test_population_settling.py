"""The planned people as customers of a sandbox, in its own process."""

from collections import Counter

import pytest

from worker.rehearsal.in_process import stripe_form
from worker.rehearsal.population import START
from worker.rehearsal.population_cards import unix
from worker.rehearsal.population_cast import CAST
from worker.rehearsal.population_outage import OUTAGE_CARDS, OUTAGE_DAY
from worker.rehearsal.population_settling import settle_population
from worker.rehearsal.sandbox.app import Sandbox
from worker.rehearsal.sandbox.billing import life
from worker.rehearsal.sandbox.params import decode

DAYS = 45


def settled(subscribers: int, seed: str = "1") -> tuple[Sandbox, dict[str, object], str]:
    sandbox = Sandbox(seed=seed)
    told = settle_population(sandbox, {"seed": seed, "subscribers": subscribers})
    return sandbox, told["customers"], told["test_clock"]


def test_two_hundred_people_settle_before_anybody_tries_to_charge() -> None:
    sandbox, customers, clock = settled(200)
    assert len(customers) == 200
    assert sandbox.world.now(clock) == unix(START)
    assert sandbox.world.tries == []


def test_the_same_seed_gives_the_same_ids() -> None:
    assert settled(60)[1] == settled(60)[1]
    assert settled(60)[1] != settled(60, seed="2")[1]


def test_what_is_listed_again_at_the_start_holds_no_beginnings() -> None:
    sandbox, _, _ = settled(200)
    recent = [
        event
        for event in sandbox.world.tables["event"].rows.values()
        if unix(START) - 3 * 86_400 <= event["created"] <= unix(START)
    ]
    assert len(recent) < 400


def test_without_a_worker_every_kind_of_failure_shows() -> None:
    sandbox, _, clock = settled(200)
    for _ in life.run_until(sandbox.world, clock, unix(START) + DAYS * 86_400):
        pass
    tries = sandbox.world.tries
    reasons = Counter(str((one["outcome"] or {}).get("reason")) for one in tries)
    failed = {one["customer"] for one in tries if one["status"] in {"failed", "requires_action"}}
    assert 70 <= len(failed) <= 90
    assert {
        "insufficient_funds", "do_not_honor", "expired_card", "lost_card", "processing_error",
        "moon_in_retrograde", "revocation_of_authorization", "highest_risk_level",
        "transaction_not_allowed", "bank_account_closed",
    } <= set(reasons)  # fmt: skip
    assert {"succeeded", "failed", "pending", "requires_action"} == {o["status"] for o in tries}


def test_a_card_that_two_customers_share_answers_both() -> None:
    sandbox, customers, clock = settled(len(CAST))
    for _ in life.run_until(sandbox.world, clock, unix(START) + 6 * 86_400):
        pass
    told = [customers[name] for name in ("shares-card", "shares-card-too")]
    ids = [one["customer"] for one in told if isinstance(one, dict)]
    tries = [one for one in sandbox.world.tries if one["customer"] in ids]
    assert {one["customer"] for one in tries} == set(ids)
    assert {one["status"] for one in tries} == {"failed"}
    assert len({one["method"]["fingerprint"] for one in tries}) == 1


def test_a_morning_without_banks_hits_one_brand_of_one_country_within_an_hour() -> None:
    sandbox, _, clock = settled(200)
    for _ in life.run_until(sandbox.world, clock, unix(START) + (OUTAGE_DAY + 1) * 86_400):
        pass
    codes = {"issuer_not_available", "processing_error"}
    away = [
        one
        for one in sandbox.world.tries
        if (one["outcome"] or {}).get("reason") in codes and one["method"]["country"] == "GB"
    ]
    assert len({one["method"]["fingerprint"] for one in away}) == OUTAGE_CARDS >= 15
    assert {one["method"]["brand"] for one in away} == {"visa"}
    assert max(one["at"] for one in away) - min(one["at"] for one in away) < 3600


def test_the_cast_keeps_its_first_charge_day() -> None:
    sandbox, customers, clock = settled(len(CAST))
    for _ in life.run_until(sandbox.world, clock, unix(START) + DAYS * 86_400):
        pass
    first: dict[str, int] = {}
    for one in sandbox.world.tries:
        first.setdefault(one["customer"], one["at"])
    for character in CAST:
        told = customers[character.name]
        assert isinstance(told, dict)
        days = (first[told["customer"]] - unix(START)) / 86_400
        assert character.first_charge_day <= days + 1
        assert days < character.first_charge_day + 1


def test_a_second_population_has_a_clock_of_its_own() -> None:
    sandbox, _, clock = settled(3)
    other = settle_population(sandbox, {"seed": "1", "subscribers": 3})
    assert other["test_clock"] != clock


@pytest.mark.parametrize(
    ("params", "form"),
    [
        ({"a": 1}, "a=1"),
        ({"a": {"b": "x"}}, "a%5Bb%5D=x"),
        ({"a": [{"b": True}]}, "a%5B0%5D%5Bb%5D=true"),
    ],
)
def test_nested_parameters_become_stripes_form(params: dict[str, object], form: str) -> None:
    assert stripe_form(params) == form
    assert stripe_form(decode(form)) == form
