"""`dunning doctor` on real services, and on services that are away or refuse."""

import json
from collections.abc import Iterator

import pytest
import requests

from tests.integration.cli.conftest import Command
from worker.rehearsal.embedded.inbox import Inbox
from worker.rehearsal.sandbox.main import Running, start_thread

KEY = "rk_test_doctor"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    """Give a sandbox."""
    with start_thread(seed="doctor") as running:
        yield running


@pytest.fixture
def variables(sandbox: Running, redis_url: str, smtp_inbox: Inbox) -> dict[str, str | None]:
    """Give the variables of services that all work."""
    return {
        "REDIS_URL": redis_url,
        "SMTP_URL": smtp_inbox.url,
        "STRIPE_API_BASE": sandbox.base_url,
        "STRIPE_API_KEY": KEY,
    }


def examined(dunning: Command, variables: dict[str, str | None]) -> dict[str, tuple[str, str]]:
    """Return (verdict, what was said) by name."""
    result = dunning.run("doctor", "--json", "--threads", "1000", **variables)
    told = json.loads(result.stdout)
    return {check["name"]: (check["verdict"], check["said"]) for check in told["checks"]}


def test_services_that_work_are_all_said_to(
    dunning: Command, variables: dict[str, str | None]
) -> None:
    found = examined(dunning, variables)
    assert found["Redis"] == ("look", found["Redis"][1])  # the tests' own Valkey keeps no file
    assert {verdict for name, (verdict, _) in found.items() if name != "Redis"} == {"ok"}
    assert set(found) == {
        "Configuration",
        "Letters",
        "Database",
        "Database's clock",
        "Redis",
        "Stripe key",
        "Stripe rights",
        "Stripe account",
        "Stripe's clock",
        "Mail server",
        "Threads",
    }


def test_a_right_that_the_key_lacks_is_named(
    dunning: Command, variables: dict[str, str | None], sandbox: Running
) -> None:
    url = f"{sandbox.base_url}/_sandbox/keys"
    rights = ["event_read", "customer_read", "subscription_write", "invoice_read", "charge_read"]
    limited = "rk_test_limited"
    assert requests.post(url, json={"key": limited, "rights": rights}, timeout=5).ok
    found = examined(dunning, variables | {"STRIPE_API_KEY": limited})
    assert found["Stripe rights"] == (
        "wrong",
        "the key lacks PaymentIntents: read, PaymentMethods: read, Invoices: write",
    )


def test_nothing_at_stripe_is_changed(
    dunning: Command, variables: dict[str, str | None], sandbox: Running
) -> None:
    before = len(
        requests.get(f"{sandbox.base_url}/_sandbox/requests", timeout=5).json()["requests"]
    )
    examined(dunning, variables)
    asked = requests.get(f"{sandbox.base_url}/_sandbox/requests", timeout=5).json()["requests"]
    writes = [one for one in asked[before:] if one["method"] != "GET" and one["path"] != "/v1"]
    assert {one["status"] for one in writes if one["path"].startswith("/v1")} == {404}


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("Redis", "REDIS_URL", "redis://127.0.0.1:1/0"),
        ("Stripe", "STRIPE_API_BASE", "http://127.0.0.1:1"),
        ("Mail server", "SMTP_URL", "smtp://127.0.0.1:1"),
        ("Database", "DATABASE_URL", "postgresql://127.0.0.1:1/nowhere"),
    ],
)
def test_a_service_that_is_away_is_named_and_the_others_are_examined(
    dunning: Command, variables: dict[str, str | None], name: str, variable: str, value: str
) -> None:
    result = dunning.run("doctor", "--json", **variables | {variable: value})
    verdicts = {check["name"]: check["verdict"] for check in json.loads(result.stdout)["checks"]}
    assert verdicts[name] == "NO"
    assert result.exit_code == 4
    assert set(verdicts.values()) - {"look"} == {"ok", "NO"}


def test_an_unmigrated_database_is_told_from_one_that_is_away(
    database_url: str, variables: dict[str, str | None]
) -> None:
    verdict, said = examined(Command(database_url), variables)["Database"]
    assert verdict == "wrong"
    assert "has no tables yet" in said


def test_a_key_that_is_no_key_stops_the_examination(
    dunning: Command, variables: dict[str, str | None]
) -> None:
    result = dunning.run("doctor", **variables | {"STRIPE_API_KEY": "pk_test_1"})
    assert result.exit_code == 2
    assert "that is a publishable key" in result.stdout
