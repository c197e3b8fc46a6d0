"""Subscriptions that Stripe would refuse to pause, where a policy's ending is a pause."""

from collections.abc import Iterator
from typing import Any, cast

from worker.cli.doctor_findings import Finding, Verdict, ok
from worker.cli.doctor_stripe import doctors_transport
from worker.domain.policy import DunningRules, EndingAct
from worker.errors import GatewayRejected, GatewayUnavailable
from worker.gateway.limits import Endpoint
from worker.office.words import count_words
from worker.settings.environment import Environment

NAME = "Pauses"
PAGE = 100
PAGES_MAX = 5
"""So many of the newest subscriptions are looked at: enough to see a habit."""


def pause_findings(environment: Environment, rules: DunningRules) -> Iterator[Finding]:
    """Yield how many active subscriptions cannot be paused, and what a policy does then.

    Stripe pauses only subscriptions with flexible billing and without a schedule
    (docs.stripe.com/api/subscriptions/pause).
    """
    pausing = [each for each in rules.policies if each.ending.do is EndingAct.PAUSE]
    if not pausing or not environment.stripe_api_key:
        return
    try:
        found = list(_newest(environment))
    except (GatewayUnavailable, GatewayRejected):  # the key's own findings say so
        return
    seen = count_words(len(found), "active subscription")
    cannot = [each for each in found if not _can_be_paused(each)]
    if not cannot:
        yield ok(NAME, f"{seen}, all can be paused")
        return
    why = f"classic billing or a schedule ({cannot[0]['id']})"
    said = f"{len(cannot)} of {seen} cannot be paused: {why}"
    instead = "; ".join(
        f"{each.name} does `{each.ending.if_refused.value}` then"
        for each in pausing
        if each.ending.if_refused is not None
    )
    yield Finding(NAME, Verdict.LOOK, said, instead)


def _newest(environment: Environment) -> Iterator[dict[str, Any]]:
    transport = doctors_transport(environment)
    asked: dict[str, object] = {"status": "active", "limit": PAGE}
    if environment.stripe_test_clock:
        asked["test_clock"] = environment.stripe_test_clock
    for _ in range(PAGES_MAX):
        page = transport.read(
            Endpoint.SUBSCRIPTIONS_LIST, "/v1/subscriptions", asked, what="list subscriptions"
        )
        rows = cast(list[dict[str, Any]], page["data"])
        yield from rows
        if not rows or not page.get("has_more"):
            return
        asked["starting_after"] = rows[-1]["id"]


def _can_be_paused(subscription: dict[str, Any]) -> bool:
    billing = subscription.get("billing_mode") or {}
    return billing.get("type") == "flexible" and subscription.get("schedule") is None
