"""The world reaches the webhook endpoint alone; figures are for those inside, without any id."""

from datetime import timedelta

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.store.building import NOW, open_case
from tests.integration.web.posting import Web, failed
from worker.domain.case import CaseState
from worker.domain.facts import Fact
from worker.services.seal_facts import seal_facts


def test_the_world_reaches_webhooks_alone(web: Web) -> None:
    for path in ("/metrics", "/healthz", "/readyz", "/"):
        assert requests.get(f"{web.url}{path}", timeout=20).status_code == 404
    assert requests.get(f"{web.url}/webhooks/stripe", timeout=20).status_code == 405
    assert requests.post(f"{web.inner_url}/webhooks/stripe", timeout=20).status_code == 404


def figures(web: Web) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return /metrics as (name, label values) -> value."""
    text = web.inside("/metrics").text
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_figures_are_the_ledgers(web: Web) -> None:
    ledger = web.app.ledger
    with ledger.begin() as tx:
        tx.control.set_business_time(NOW, wall_now=web.clock.wall_now())
        tx.jobs.beat("worker-1", wall_now=web.clock.wall_now(), config_digest="")
        tx.jobs.beat("scheduler-1", wall_now=web.clock.wall_now(), config_digest="")
        tx.control.set_cursor("events", NOW)
        tx.facts.append([Fact("case.opened", "C-9", NOW, "")], wall_now=NOW)
        tx.sinks.claim("crm", token="t", wall_now=NOW, lease=timedelta(minutes=1))
        tx.sinks.fail("crm", token="t", error="answered 500", retry_at=NOW)
    seal_facts(ledger=ledger, clock=web.clock)
    open_case(ledger, 1, due_at=NOW - timedelta(minutes=3), failed_at=NOW)
    open_case(ledger, 2, due_at=NOW + timedelta(minutes=3), failed_at=NOW)
    web.deliver(failed())
    web.deliver(failed())
    web.post(b"", "t=1,v1=x")
    found = figures(web)
    assert found["dunning_ledger_up", ()] == 1
    assert {key[1][0] for key in found if key[0] == "dunning_cases"} == set(CaseState)
    assert found["dunning_cases", ("open",)] == 2
    assert found["dunning_oldest_late_seconds", ()] == 180
    assert found["dunning_feed_lag_seconds", ()] == 0
    assert found["dunning_charging", ()] == 1
    assert found["dunning_processes", ("worker",)] == 1
    assert found["dunning_events_waiting", ()] == 1
    assert found["dunning_sink_position", ("crm",)] == 0
    assert found["dunning_sink_waiting", ("crm",)] == 1
    assert found["dunning_sink_failures", ("crm",)] == 1
    assert found["dunning_webhooks_total", ("stored",)] == 1
    assert found["dunning_webhooks_total", ("duplicate",)] == 1
    assert found["dunning_webhooks_total", ("forged",)] == 1
    assert found["dunning_webhook_seconds_count", ()] == 3


def test_a_stop_is_told_with_its_cause(web: Web) -> None:
    with web.app.ledger.begin() as tx:
        tx.control.stop(cause="switch", detail="for cus_1", by="jo", now=NOW)
    text = web.inside("/metrics").text
    assert 'dunning_charging_stopped{cause="switch"} 1.0' in text
    assert "dunning_charging 0.0" in text
    assert not [word for word in ("cus_", "in_1", "evt_", "jo") if f'"{word}' in text]
