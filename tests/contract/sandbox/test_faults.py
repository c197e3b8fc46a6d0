"""What the sandbox breaks on request, and what is left of the request afterwards."""

from typing import Any

import pytest
import requests
import stripe

from tests.contract.sandbox.driving import Driver

BEFORE = [
    ("rate_limit", 429),
    ("lock_timeout", 429),
    ("conflict", 409),
    ("error_500", 500),
    ("html_502", 502),
]
NAME = {"name": "Ann"}


def create(box: Driver, key: str = "k") -> requests.Response:
    return box.raw("POST", "/v1/customers", data=NAME, headers={"Idempotency-Key": key})


def names(box: Driver) -> list[str | None]:
    return [row.name for row in box.client.v1.customers.list().data]


@pytest.mark.parametrize(("kind", "status"), BEFORE)
def test_faults_before_leave_nothing(box: Driver, kind: str, status: int) -> None:
    box.control("faults", faults=[{"kind": kind, "method": "POST", "times": 1}])
    assert create(box).status_code == status
    assert names(box) == []
    assert create(box).status_code == 200


@pytest.mark.parametrize(("kind", "status"), [("error_500_after", 500), ("html_502_after", 502)])
def test_faults_after_leave_the_change(box: Driver, kind: str, status: int) -> None:
    box.control("faults", faults=[{"kind": kind, "method": "POST", "times": 1}])
    assert create(box).status_code == status
    assert names(box) == ["Ann"]
    again = create(box)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.status_code == (500 if kind == "error_500_after" else 200)
    assert names(box) == ["Ann"]


@pytest.mark.parametrize(("kind", "left"), [("cut", []), ("cut_after", ["Ann"])])
def test_cut_connections(box: Driver, kind: str, left: list[str]) -> None:
    box.control("faults", faults=[{"kind": kind, "method": "POST", "times": 1}])
    with pytest.raises(requests.ConnectionError):
        create(box)
    assert names(box) == left
    entry = next(e for e in box.read("requests")["requests"] if e["method"] == "POST")
    assert (entry["fault"], entry["status"]) == (kind, None)
    replayed = create(box)
    assert (replayed.status_code, names(box)) == (200, ["Ann"])


@pytest.mark.parametrize(("kind", "left"), [("hang", []), ("hang_after", ["Ann"])])
def test_hanging(box: Driver, kind: str, left: list[str]) -> None:
    box.control("faults", faults=[{"kind": kind, "method": "POST", "times": 1, "seconds": 0.2}])
    with pytest.raises(requests.ConnectionError):
        create(box)
    assert names(box) == left


def test_headers_of_a_rate_limit_answer(box: Driver) -> None:
    fault = {"kind": "rate_limit", "should_retry": True, "retry_after": 7}
    box.control("faults", faults=[fault])
    answer = create(box)
    assert (answer.headers["Stripe-Should-Retry"], answer.headers["Retry-After"]) == ("true", "7")
    with pytest.raises(stripe.RateLimitError):
        box.client.v1.customers.list()
    box.control("faults", faults=[])
    assert names(box) == []


def test_shares_are_seeded(box: Driver) -> None:
    def run(seed: str) -> list[int]:
        box.control("faults", faults=[{"kind": "error_500", "share": 0.5, "seed": seed}])
        return [box.raw("GET", "/v1/account").status_code for _ in range(24)]

    first = run("a")
    assert first == run("a") != run("b")
    assert {200, 500} == set(first)


def test_faults_hit_only_what_they_name(box: Driver) -> None:
    box.control("faults", faults=[{"kind": "error_500", "path": "/pay", "skip": 1}])
    assert create(box).status_code == 200
    wrong: Any = requests.post(
        f"{box.base_url}/_sandbox/faults", json={"kind": "earthquake"}, timeout=10
    )
    assert wrong.status_code == 400
    assert "earthquake" in wrong.json()["error"]["message"]
