"""The server itself: port, stop, control, speed of an empty hour."""

import multiprocessing
import os
import signal
from multiprocessing.queues import Queue
from typing import Any

import pytest
import requests

from tests.contract.sandbox.driving import HOUR, START, Driver
from worker.clock import monotonic_seconds
from worker.rehearsal.sandbox.app import Sandbox
from worker.rehearsal.sandbox.main import PortTaken, Running, serve, start_thread


def test_a_taken_port_is_one_sentence(server: Running) -> None:
    port = int(server.base_url.rsplit(":", 1)[1])
    with pytest.raises(PortTaken, match=rf"^Port {port} on 127.0.0.1 cannot be used .*free one\.$"):
        serve(port)


def _serve(ports: "Queue[int]") -> None:
    serve(0, ready=ports.put)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_of_its_own_stops_clean_on_a_signal(number: signal.Signals) -> None:
    context = multiprocessing.get_context("spawn")
    ports: Queue[int] = context.Queue()
    process = context.Process(target=_serve, args=(ports,))
    process.start()
    port = ports.get(timeout=30)
    headers = {"Authorization": "Bearer sk_test_x"}
    answer = requests.get(f"http://127.0.0.1:{port}/v1/account", headers=headers, timeout=10)
    assert answer.json()["id"] == "acct_1Sandbox"
    assert process.pid is not None
    os.kill(process.pid, number)
    process.join(15)
    assert process.exitcode == 0


def test_headers(box: Driver) -> None:
    answer = box.raw("GET", "/v1/account")
    assert answer.headers["Stripe-Version"] == "2026-10-28.endive"
    assert answer.headers["Request-Id"].startswith("req_")
    assert box.read("requests")["requests"][-1]["request_id"] == answer.headers["Request-Id"]


def test_population_is_a_hook() -> None:
    seen: list[dict[str, Any]] = []

    def populate(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
        seen.append(body)
        return {"customers": len(sandbox.world.tables["customer"].rows)}

    with start_thread(population=populate) as running:
        url = f"{running.base_url}/_sandbox/population"
        answer = requests.post(url, json={"subscribers": 3}, timeout=10)
    assert (answer.json(), seen) == ({"customers": 0}, [{"subscribers": 3}])


def test_without_a_population_the_route_says_so(box: Driver) -> None:
    answer = requests.post(f"{box.base_url}/_sandbox/population", json={}, timeout=10)
    assert answer.status_code == 400
    assert "without a population" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("act", {"act": "fly"}),
        ("act", {"act": "dispute"}),
        ("cards", {"outcomes": ["approve"]}),
        ("cards", {"payment_method": "pm_none", "outcomes": ["approve"]}),
        ("settings", {"retries": "often"}),
        ("webhooks", {"endpoints": [{"url": "https://example.com"}]}),
        ("faults", {"kind": "cut", "colour": "red"}),
    ],
)
def test_control_routes_refuse_nonsense(box: Driver, route: str, body: dict[str, Any]) -> None:
    answer = requests.post(f"{box.base_url}/_sandbox/{route}", json=body, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_an_hour_with_nothing_due_takes_no_time(box: Driver, server: Running) -> None:
    clock = box.clock()
    for _ in range(3):
        box.customer(clock)
    before = monotonic_seconds()
    for hour in range(1, 21):
        box.advance(clock, START + hour * HOUR)
    per_hour = (monotonic_seconds() - before) / 20
    assert box.now(clock) == START + 20 * HOUR
    assert per_hour < 0.1  # two SDK calls and more on a busy machine; the server's part is < 1 ms
