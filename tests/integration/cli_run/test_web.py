"""`dunning web` as a real process: it starts, is seen, takes an event and ends in time."""

import json
import re
from typing import Any

import requests
import stripe

from tests.integration.cli_run.service import Program, Service, wait_until
from tests.integration.web.posting import signed
from worker import clock

SECRET = "whsec_process"
WEB = {"STRIPE_WEBHOOK_SECRET": SECRET, "METRICS_BIND": "127.0.0.1:0"}


def start_web(service: Service) -> tuple[Program, str, str]:
    """Start a web process and return it with its two addresses."""
    program = service.start("web", "--port", "0", environ=service.environ | WEB)
    program.until_said("boot")
    wait_until(lambda: "/metrics" in program.err.read_text(), "it says where it listens")
    urls = re.findall(r"http://[0-9.:]+", program.err.read_text())
    return program, urls[0], urls[1]


def an_event(service: Service) -> dict[str, Any]:
    """Let something happen at Stripe and return its event."""
    service.client.v1.customers.create({"name": "Web", "test_clock": service.clock_id})
    listed: Any = service.client.v1.events.list({"limit": 1})
    found: dict[str, Any] = json.loads(json.dumps(listed.to_dict()))["data"][0]
    return found


def test_an_event_goes_through_the_door_to_the_feed_and_the_process_ends_in_time(
    service: Service,
) -> None:
    service.work()
    program, url, inner_url = start_web(service)
    wait_until(lambda: service.run("alive", "web")[0] == 0, "it is heard of")
    body = json.dumps(an_event(service)).encode()
    header = {
        "Stripe-Signature": signed(body, at=int(clock.wall_now().timestamp()), secrets=(SECRET,))
    }
    answer = requests.post(f"{url}/webhooks/stripe", body, headers=header, timeout=20)
    assert (answer.status_code, answer.text) == (200, "stored\n")
    # No scheduler runs, so it is the bell that makes the feed apply it.
    service.until("SELECT count(*) FROM customers WHERE name = 'Web'", 1)
    service.until("SELECT bool_or(waiting) FROM inbox", False)
    assert "web " in service.run("status")[1]
    assert requests.get(f"{inner_url}/readyz", timeout=20).json()["ready"]
    assert program.terminate() == 0
    assert [line["event"] for line in program.lines][-1] == "exit"
    assert stripe.api_key is None


def test_without_a_secret_it_says_so(service: Service) -> None:
    code, _, told = service.run("web", STRIPE_WEBHOOK_SECRET="")
    assert code == 2
    assert told == ("STRIPE_WEBHOOK_SECRET is not set; set it to something like whsec_***\n")
