"""Timers, scripts, parameters, keys and limits, each for itself."""

from typing import Any

import pytest

from worker.rehearsal.sandbox.access import Access
from worker.rehearsal.sandbox.cards import APPROVE, Scripts, brand_of, check_number, declined
from worker.rehearsal.sandbox.errors import ApiError
from worker.rehearsal.sandbox.faults import Faults
from worker.rehearsal.sandbox.idempotency import KEPT_SECONDS, Keys
from worker.rehearsal.sandbox.params import check, decode, flag, many, nested, span, text, whole
from worker.rehearsal.sandbox.settings import Settings
from worker.rehearsal.sandbox.timers import Timers
from worker.rehearsal.sandbox.webhooks import signature


def test_timers_come_in_order_and_move() -> None:
    timers = Timers()
    timers.set("c", 20, "a", "x")
    timers.set("c", 10, "b", "x")
    timers.set("c", 10, "a", "y")
    timers.set("c", 5, "a", "x")
    timers.set("", 1, "a", "wall")
    timers.clear("b", "x")
    found = []
    while (timer := timers.pop_due("c", 100)) is not None:
        found.append((timer.at, timer.object_id))
    assert found == [(5, "x"), (10, "y")]
    assert timers.peek("c") is None
    assert timers.at("a", "wall") == 1
    timers.drop_clock("")
    assert timers.at("a", "wall") is None


def test_a_timer_that_is_not_due_stays() -> None:
    timers = Timers()
    timers.set("c", 20, "a", "x")
    assert timers.pop_due("c", 19) is None
    assert timers.at("a", "x") == 20


def outcomes(entries: list[Any], then: Any = None, tries: int = 4) -> list[str]:
    scripts = Scripts()
    scripts.put("pm", entries, then)
    return [scripts.outcome(["pm"], APPROVE, now).decline_code or "ok" for now in range(tries)]


def test_the_last_outcome_repeats_unless_told_otherwise() -> None:
    assert outcomes(["lost_card", "approve"]) == ["lost_card", "ok", "ok", "ok"]
    assert outcomes(["approve", "lost_card"]) == ["ok", "lost_card", "lost_card", "lost_card"]
    assert outcomes(["lost_card"], "approve") == ["lost_card", "ok", "ok", "ok"]
    assert outcomes([]) == ["ok"] * 4


def test_an_outcome_with_an_end_holds_until_then() -> None:
    poor = {"decline_code": "insufficient_funds", "until": 2}
    assert outcomes([poor, "lost_card"])[1:] == ["insufficient_funds", "lost_card", "lost_card"]
    assert outcomes([poor]) == ["insufficient_funds", "insufficient_funds", "ok", "ok"]


def test_the_first_named_script_wins() -> None:
    scripts = Scripts()
    scripts.put("pm", ["approve"])
    scripts.put("print", ["lost_card"])
    assert scripts.outcome(["pm", "print"], APPROVE, 0).approved
    assert scripts.outcome(["other", "print"], APPROVE, 0).decline_code == "lost_card"


@pytest.mark.parametrize("entry", [{"colour": "red"}, 7, ["approve"]])
def test_a_script_entry_that_means_nothing_is_refused(entry: Any) -> None:
    with pytest.raises(ApiError):
        Scripts().put("pm", [entry])


def test_masked_reasons_and_hard_codes() -> None:
    stolen = declined("stolen_card")
    assert (stolen.code, stolen.hard, stolen.message) == (
        "card_declined",
        True,
        "Your card was declined.",
    )
    assert declined("expired_card").code == "expired_card"
    assert not declined("expired_card").hard


def test_numbers() -> None:
    assert check_number("4242 4242-4242 4242") == "4242424242424242"
    assert [brand_of(n) for n in ("37", "51", "62", "99")] == [
        "amex",
        "mastercard",
        "unionpay",
        "unknown",
    ]
    for wrong in ("4242424242424241", "42", "card"):
        with pytest.raises(ApiError, match="number is incorrect"):
            check_number(wrong)


def test_form_bodies_become_trees() -> None:
    body = "a=1&b[c]=2&b[d][]=3&b[d][]=4&e[0][f]=5&e[1][f]=6&g="
    assert decode(body) == {
        "a": "1",
        "b": {"c": "2", "d": {"0": "3", "1": "4"}},
        "e": {"0": {"f": "5"}, "1": {"f": "6"}},
        "g": "",
    }


SPEC = {
    "name": text,
    "count": whole,
    "on": flag,
    "rows": many(nested({"id": text})),
    "when": span,
}


def test_parameters_are_coerced() -> None:
    values = decode("name=x&count=3&on=true&rows[0][id]=a&when[gt]=4&when[lte]=9")
    assert check(values, SPEC) == {
        "name": "x",
        "count": 3,
        "on": True,
        "rows": [{"id": "a"}],
        "when": (5, 9),
    }
    assert check(decode("rows="), SPEC) == {"rows": []}


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ("nome=x", "nome", "parameter_unknown"),
        ("rows[0][nome]=x", "rows[0][nome]", "parameter_unknown"),
        ("name=", "name", "parameter_invalid_empty"),
        ("count=x", "count", "parameter_invalid_integer"),
        ("on=maybe", "on", "parameter_invalid_boolean"),
        ("rows=x", "rows", None),
        ("name[a]=x", "name", "parameter_invalid_string"),
    ],
)
def test_wrong_parameters(body: str, param: str, code: str | None) -> None:
    with pytest.raises(ApiError) as refusal:
        check(decode(body), SPEC)
    assert (refusal.value.body["param"], refusal.value.body.get("code")) == (param, code)


def test_keys_are_kept_for_a_day() -> None:
    keys = Keys()
    assert keys.begin("k", "print", "req_1", 0) is None
    keys.finish("k", 200, b"{}")
    replay = keys.begin("k", "print", "req_2", KEPT_SECONDS - 1)
    assert replay is not None
    assert (replay.request_id, replay.body) == ("req_1", b"{}")
    assert keys.begin("k", "other", "req_3", KEPT_SECONDS) is None


@pytest.mark.parametrize(
    ("status", "kept"), [(200, True), (402, True), (500, True), (400, False), (429, False)]
)
def test_what_is_stored(status: int, *, kept: bool) -> None:
    keys = Keys()
    keys.begin("k", "print", "req_1", 0)
    keys.finish("k", status, b"{}")
    assert (keys.begin("k", "print", "req_2", 1) is not None) is kept


def test_the_limit_is_per_second() -> None:
    access = Access()
    for _ in range(3):
        access.limit(3, 10.0)
    with pytest.raises(ApiError):
        access.limit(3, 10.9)
    access.limit(3, 11.0)
    access.limit(0, 11.0)
    assert access.key_of("Basic c2tfdGVzdF94Og==") == "sk_test_x"


def test_faults_skip_and_run_out() -> None:
    faults = Faults()
    faults.set([{"kind": "cut", "skip": 1, "times": 2, "path": "/pay"}])
    hits = [faults.pick("POST", "/v1/invoices/in_1/pay") is not None for _ in range(5)]
    assert hits == [False, True, True, False, False]
    assert faults.pick("GET", "/v1/customers") is None


def test_settings_refuse_what_they_do_not_know() -> None:
    settings = Settings()
    assert settings.change({"retries": [3, 5]})["retries"] == [3.0, 5.0]
    assert settings.change({"retries": "none"})["retries"] == []
    for wrong in ({"colour": 1}, {"retries": [0]}, {"after_last_retry": "x"}, {"latency_ms": "1"}):
        with pytest.raises(ApiError):
            settings.change(wrong)


def test_two_secrets_sign_twice() -> None:
    marks = signature(["a", "b"], b"{}", 12).split(",")
    assert marks[0] == "t=12"
    assert [mark[:3] for mark in marks[1:]] == ["v1=", "v1="]
    assert marks[1] != marks[2]
