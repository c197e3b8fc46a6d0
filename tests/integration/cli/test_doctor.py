"""`dunning doctor` on real services, and on services that are away or refuse."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests
import stripe
from redis import Redis

from tests.contract.sandbox.driving import Driver
from tests.integration.cli.conftest import ROOT, Command
from tests.integration.cli.seeding import NOW, Seeding
from worker.domain.confirmations import StripeSetting
from worker.domain.decisions import Decision, Wait
from worker.domain.policy import RetriesBy
from worker.ports import CaseChange
from worker.rehearsal.embedded.inbox import Inbox
from worker.rehearsal.sandbox.main import Running, start_thread
from worker.settings.variables import VARIABLES
from worker.store.ledger import PostgresLedger

KEY = "rk_test_doctor"
SETTINGS = ("Stripe's retries", "Stripe's last step", "Stripe's e-mails")


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
    assert {name for name, (verdict, _) in found.items() if verdict != "ok"} == {"Redis", *SETTINGS}
    for name in SETTINGS:
        assert found[name][0] == "look"
        assert found[name][1].startswith("nobody has confirmed that")
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
        *SETTINGS,
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
        (
            "the key lacks PaymentIntents: read, PaymentMethods: read, Products: read,"
            " Prices: read, "
            "Coupons: read, Invoices: write"
        ),
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


@pytest.fixture
def confirmed_config(tmp_path: Path) -> str:
    """Give a CONFIG_DIR in which Ann has confirmed everything on 20 November."""
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    file = folder / "dunning.yaml"
    looked = "".join(f"  {each.value}: 2026-11-20 by Ann\n" for each in StripeSetting)
    file.write_text(f"{file.read_text()}\nconfirmed:\n{looked}", encoding="utf-8")
    return str(folder)


def test_what_stripe_was_seen_doing_contradicts_what_was_confirmed(
    dunning: Command,
    variables: dict[str, str | None],
    seeding: Seeding,
    ledger: PostgresLedger,
    confirmed_config: str,
) -> None:
    variables = variables | {"CONFIG_DIR": confirmed_config}
    found = examined(dunning, variables)
    assert {found[name][0] for name in SETTINGS} == {"ok"}
    assert "STRIPE " not in dunning.run("status", **variables).stdout

    case_id = seeding.case(42)
    planned = CaseChange(owner=RetriesBy.STRIPE)
    seeding.decide(case_id, Decision(Wait(), "owner", "Stripe retries."), NOW, change=planned)
    ended = {"id": "sub_9", "cancellation_details": {"reason": "payment_failed"}}
    by_us = {"id": "sub_8", "cancellation_details": {"reason": "cancellation_requested"}}
    with ledger.begin() as tx:
        tx.inbox.add([deleted("evt_1", ended), deleted("evt_2", by_us)], wall_now=NOW)
    found = examined(dunning, variables)
    assert found["Stripe's retries"][0] == "wrong"
    assert (
        "Stripe planned retries of 1 failed invoice itself (in_42)" in found["Stripe's retries"][1]
    )
    assert found["Stripe's last step"][0] == "wrong"
    assert (
        "Stripe cancelled 1 subscription after a failure (sub_9)" in found["Stripe's last step"][1]
    )
    assert found["Stripe's e-mails"][0] == "ok"
    lines = dunning.run("status", **variables).stdout.splitlines()
    assert len([line for line in lines if line.startswith("STRIPE    Ann on 2026-11-20")]) == 2


def deleted(event_id: str, subscription: Mapping[str, object]) -> dict[str, object]:
    """Return Stripe's event that a subscription is over."""
    return {
        "id": event_id,
        "object": "event",
        "type": "customer.subscription.deleted",
        "created": int(NOW.timestamp()),
        "api_version": "2026-10-28.endive",
        "data": {"object": {"object": "subscription", **subscription}},
    }


def test_who_cannot_be_paused_is_counted_where_a_policy_pauses(
    dunning: Command, variables: dict[str, str | None], sandbox: Running, confirmed_config: str
) -> None:
    client = stripe.StripeClient("sk_test_x", base_addresses={"api": sandbox.base_url})
    box = Driver(sandbox.base_url, client)
    classic = box.subscriber(billing_mode={"type": "classic"})
    variables = variables | {"STRIPE_TEST_CLOCK": classic.clock}
    assert "Pauses" not in examined(dunning, variables)
    file = Path(confirmed_config, "dunning.yaml")
    pausing = re.sub(r"do: cancel .*", "do: pause\n      if_refused: leave", file.read_text())
    file.write_text(pausing, encoding="utf-8")
    found = examined(dunning, variables | {"CONFIG_DIR": confirmed_config})
    assert found["Pauses"] == (
        "look",
        (
            "1 of 1 active subscription cannot be paused: classic billing or a schedule"
            f" ({classic.subscription})"
        ),
    )


def test_redis_that_evicts_or_forgets_is_told_twice(
    dunning: Command, variables: dict[str, str | None], redis_url: str
) -> None:
    client = Redis.from_url(redis_url)
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        result = dunning.run("doctor", "--json", **variables)
    finally:
        client.config_set("maxmemory-policy", "noeviction")
        client.close()
    checks = json.loads(result.stdout)["checks"]
    assert [check["do"] for check in checks if check["name"] == "Redis"] == [
        "maxmemory-policy noeviction",
        "appendonly yes",
    ]


def test_the_variables_are_gone_through_one_by_one(
    dunning: Command, variables: dict[str, str | None]
) -> None:
    given = variables | {"SMTP_URL": "smtp://127.0.0.1:1", "STRIPE_TEST_CLOCK": "tuesday"}
    result = dunning.run("doctor", "--first-time", "--json", **given)
    states = {each["name"]: each for each in json.loads(result.stdout)["variables"]}
    assert list(states) == [variable.name for variable in VARIABLES]
    assert result.exit_code == 4
    assert (states["DATABASE_URL"]["verdict"], states["STRIPE_API_KEY"]["verdict"]) == ("ok", "ok")
    assert states["SMTP_URL"]["verdict"] == "NO"
    assert states["STRIPE_TEST_CLOCK"]["verdict"] == "wrong"
    assert states["CUSTOMER_PORTAL_URL"]["set"] is False

    told = dunning.run("doctor", "--first-time", **variables | {"STRIPE_API_KEY": ""})
    assert told.exit_code == 2
    assert "not set -> write STRIPE_API_KEY=rk_test_51Example in .env" in told.stdout
    assert "from    Dashboard → Developers → API keys" in told.stdout
    assert KEY not in result.stdout + told.stdout


def test_check_counts_whom_the_policies_serve(dunning: Command, seeding: Seeding) -> None:
    seeding.customer(1, name="One", email="1@a.example", country="DE")
    seeding.customer(2, name="Two", email="2@a.example", country="DE")
    said = "monthly-cards serves 2 of 2 active subscriptions; nobody is unserved."
    assert dunning.run("check").stdout.splitlines()[-1] == said
    away = dunning.run("check", DATABASE_URL="postgresql://127.0.0.1:1/nowhere")
    assert away.exit_code == 0
    assert "active subscriptions" not in away.stdout
