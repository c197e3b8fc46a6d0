"""Webhooks that are doubled, swapped, late, lost or forged: the end is that of polling (I13)."""

import re
from typing import Any

from tests.integration.cli_run.service import wait_until
from tests.integration.web.posting import NEW, OLD, Web, web_process
from tests.scenarios.servers import MakeWorld, empty
from tests.scenarios.world import World
from worker.clock import SystemClock

FAULTS = {
    "duplicate": 0.4,
    "reorder": 0.4,
    "late": 0.2,
    "late_seconds": 0.5,
    "lost": 0.2,
    "forged": 0.4,
    "replayed": 0.4,
}
FINAL_ROWS = (
    "SELECT invoice_id, state, outcome, failed_at, amount_minor, recovered_by FROM cases",
    "SELECT invoice_id, no, kind, step, key, state, amount_minor FROM attempts",
    "SELECT notice, step, state, customer_id FROM letters",
    "SELECT type, subject, data FROM events",
    "SELECT event_id, error, waiting FROM inbox",
    "SELECT id, status, amount_remaining_minor, failed_at FROM invoices",
    "SELECT id, status FROM subscriptions",
    "SELECT subscription_id, told, no FROM revenue_chains",
)


def live(world: World) -> list[list[str]]:
    """Let three weeks of three customers pass and return the final rows.

    Cases are called by their invoices: which of them is opened first is left to the webhooks.
    """
    world.customer("recovers", cards=["insufficient_funds", "insufficient_funds", "approve"])
    changes = world.customer("changes", cards=["expired_card"])
    world.customer("leaves", cards=["insufficient_funds"])
    world.advance(days=4)
    world.stripe.save_card(changes, world.stripe.card("approve"))
    world.advance(days=17)
    cases = world.rows("SELECT id, invoice_id FROM cases")
    invoices = {f"C-{case['id']}": case["invoice_id"] for case in cases}
    return [sorted(_renamed(row, invoices) for row in world.rows(query)) for query in FINAL_ROWS]


def _renamed(row: dict[str, Any], names: dict[str, str]) -> str:
    return re.sub(r"C-\d+", lambda found: names[found[0]], str(row))


def deliveries(world: World) -> list[dict[str, Any]]:
    """Return what the sandbox has delivered, or not."""
    found: list[dict[str, Any]] = world.stripe.client.get("/_sandbox/webhooks")["deliveries"]
    return found


def register(world: World, web: Web) -> None:
    """Let Stripe deliver to the web process while its secret is rotated."""
    endpoint = {"url": f"{web.url}/webhooks/stripe", "secrets": [OLD, NEW]}
    world.stripe.client.control("/_sandbox/webhooks", {"endpoints": [endpoint], "faults": FAULTS})


def test_three_weeks_with_troubled_webhooks_end_as_three_weeks_of_polling(
    make_world: MakeWorld, story_database_url: str, redis_url: str
) -> None:
    calm = live(make_world())
    empty(story_database_url)
    world = make_world()
    address = story_database_url.replace("postgresql+psycopg://", "postgresql://")
    variables = {"STRIPE_TEST_CLOCK": world.stripe.clock, "STRIPE_WEBHOOK_SECRET": f"{NEW},{OLD}"}
    with web_process(address, redis_url, clock=SystemClock(), **variables) as web:
        register(world, web)
        troubled = live(world)
        wait_until(lambda: len(deliveries(world)) > 100, "much was delivered")
        stored = web.said("webhook")
        made = deliveries(world)
    under_way = ("sent", None)
    told = {(each["result"], each["status"]) for each in made} - {under_way}
    assert told <= {("sent", 200), ("lost", None), ("forged", 400), ("replayed", 400)}
    assert ("forged", 400) in told
    assert ("replayed", 400) in told
    assert [line for line in stored if line["outcome"] == "stored"]
    assert troubled == calm
