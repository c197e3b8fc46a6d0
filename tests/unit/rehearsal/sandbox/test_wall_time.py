"""Objects without a test clock live by wall time, which a test may make itself."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.rehearsal.sandbox.app import Sandbox
from worker.rehearsal.sandbox.billing import life
from worker.rehearsal.sandbox.params import check, decode
from worker.rehearsal.sandbox.routes import all_routes
from worker.rehearsal.sandbox.routing import Call


@dataclass
class Wall:
    """A wall clock that stands until it is moved."""

    at: datetime = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """Return where it stands."""
        return self.at


def call(sandbox: Sandbox, method: str, path: str, body: str = "") -> dict[str, Any]:
    route, ids = all_routes().find(method, path)
    return route.handler(Call(sandbox.world, ids, check(decode(body), route.spec)))


def run(sandbox: Sandbox) -> None:
    for _ in life.run_until(sandbox.world, "", sandbox.world.wall()):
        pass


def test_a_subscription_renews_as_the_days_pass() -> None:
    wall = Wall()
    sandbox = Sandbox(wall=wall.now)
    customer = call(
        sandbox, "POST", "/v1/customers", "invoice_settings[default_payment_method]=pm_card_visa"
    )
    price = call(
        sandbox,
        "POST",
        "/v1/prices",
        "unit_amount=500&currency=jpy&recurring[interval]=week&product_data[name]=Gold",
    )
    made = call(
        sandbox,
        "POST",
        "/v1/subscriptions",
        f"customer={customer['id']}&items[0][price]={price['id']}",
    )
    assert made["status"] == "active"
    wall.at += timedelta(days=7)
    run(sandbox)
    latest = call(sandbox, "GET", f"/v1/invoices/{made['latest_invoice']}")
    assert (latest["status"], latest["created"]) == ("draft", sandbox.world.wall())
    wall.at += timedelta(hours=1)
    run(sandbox)
    assert (latest["status"], latest["amount_paid"]) == ("paid", 500)


def test_ids_are_a_function_of_the_seed() -> None:
    def first(seed: str) -> str:
        return str(call(Sandbox(seed=seed), "POST", "/v1/customers")["id"])

    assert first("1") == first("1") != first("2")
    assert first("1").startswith("cus_")
