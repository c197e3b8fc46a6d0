"""Scheduler and worker as real processes: they do the job, and outlive what happens to them."""

import signal

import pytest
import requests

from tests.integration.cli_run.service import DAY, HOUR, Program, Service, wait_until
from tests.integration.embedded.processes import is_alive
from worker.joblog.dictionary import EVENTS
from worker.joblog.fields import FIELDS
from worker.rehearsal.embedded.inbox import Inbox
from worker.rehearsal.sandbox.main import Running

CHARGES = "SELECT count(*) FROM attempts WHERE kind = 'charge' AND state = '{}'"
DUE = "SELECT count(*) FROM cases WHERE next_action_at <= (SELECT business_at FROM control)"
RUNG = "SELECT count(*) FROM cases WHERE dispatched_until IS NOT NULL"
RECOVERED = "SELECT count(*) FROM cases WHERE outcome = 'recovered'"


def script(box: Running, method_id: str, *outcomes: str) -> None:
    """Say what a card answers from now on."""
    body = {"payment_method": method_id, "outcomes": list(outcomes)}
    requests.post(f"{box.base_url}/_sandbox/cards", json=body, timeout=10).raise_for_status()


def our_charges(box: Running) -> list[tuple[str, str]]:
    """Return (idempotency key, status) of every charge that was ours, as Stripe saw it."""
    seen = requests.get(f"{box.base_url}/_sandbox/charges", timeout=10).json()["charges"]
    return [
        (one["idempotency_key"], one["status"])
        for one in seen
        if one["by"] == "api" and (one["idempotency_key"] or "").startswith("dun:")
    ]


def sign_up(service: Service, box: Running, count: int = 1) -> None:
    """Make customers whose cards decline their next two charges, and go to the day before."""
    for number in range(count):
        method = service.subscribe(f"customer{number}", amount_minor=4900 + number)
        script(box, method, "insufficient_funds", "insufficient_funds", "approve")
    service.advance(30 * DAY, followed=False)


def begin(service: Service, box: Running, count: int) -> Program:
    """Start worker and scheduler, let the renewals fail and return the worker."""
    sign_up(service, box, count)
    worker = service.work()
    service.schedule()
    service.until_settled()
    service.advance(DAY + 2 * HOUR)
    service.until("SELECT count(*) FROM cases", count)
    return worker


def test_a_failed_invoice_is_collected_without_anybody_ringing(
    service: Service, box: Running, smtp_inbox: Inbox
) -> None:
    worker = begin(service, box, 1)
    scheduler = service.programs[-1]
    service.advance(4 * HOUR)
    service.until("SELECT count(*) FROM letters WHERE state = 'sent'", 1)
    service.advance(DAY)
    service.until(CHARGES.format("declined"), 1)
    service.advance(DAY)
    service.until(RECOVERED, 1)
    assert [status for _, status in our_charges(box)] == ["failed", "succeeded"]
    assert len({key for key, _ in our_charges(box)}) == 2
    assert len(smtp_inbox.mails) >= 1
    for kind in ("worker", "scheduler"):
        code, out, _ = service.run("alive", kind)
        assert (code, out.startswith(f"1 {kind}: {kind}-")) == (0, True)
    assert (scheduler.terminate(), worker.terminate()) == (0, 0)
    for program in (worker, scheduler):
        assert program.err.read_text() == ""
        assert [line["event"] for line in program.lines if line["level"] in ("warn", "error")] == []
        assert {line["event"] for line in program.lines} <= EVENTS.keys()
        assert {name for line in program.lines for name in line} <= FIELDS.keys()
        assert (program.lines[0]["event"], program.lines[-1]["event"]) == ("boot", "exit")
    text = worker.out.read_text() + scheduler.out.read_text()
    assert "blue-studio" not in text
    assert "customer0" not in text


@pytest.mark.parametrize("how", ["killed", "its starter killed", "asked to end"])
def test_a_worker_that_ends_in_the_middle_loses_nothing(
    service: Service, box: Running, how: str
) -> None:
    first = begin(service, box, 6)
    children = first.children()
    service.advance(DAY + 4 * HOUR)
    if how == "killed":
        first.kill()
    elif how == "its starter killed":
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
    else:
        assert first.terminate() == 0
        assert service.value("SELECT count(*) FROM cases WHERE lease_until > now()") == 0
    wait_until(lambda: not any(is_alive(pid) for pid in children), "its processes end too")
    service.work()
    if how == "killed":
        service.let_leases_end()
    service.until(CHARGES.format("declined"), 6)
    service.advance(DAY)
    service.until(RECOVERED, 6)
    succeeded = [key for key, status in our_charges(box) if status == "succeeded"]
    assert len(succeeded) == len(set(succeeded)) == 6


def test_losing_all_of_redis_loses_nothing(service: Service, box: Running) -> None:
    begin(service, box, 6)
    with service.redis() as redis:
        for hours in (4, 24, 24):
            redis.flushall()
            service.advance(hours * HOUR)
            service.until(f"SELECT ({RUNG}) > 0 OR ({DUE}) = 0")  # or the worker was quicker
            redis.flushall()
            service.let_leases_end()
            service.until(DUE, 0)
    service.until(RECOVERED, 6)
    assert len([status for _, status in our_charges(box) if status == "succeeded"]) == 6


def test_two_schedulers_and_two_workers_double_nothing(
    service: Service, box: Running, smtp_inbox: Inbox
) -> None:
    begin(service, box, 4)
    service.work()
    service.schedule()
    for hours in (4, 24, 24):
        service.advance(hours * HOUR)
        service.until(DUE, 0)
        service.until(DUE.replace("cases", "letters"), 0)
        service.until("SELECT count(*) FROM letters WHERE state = 'sending'", 0)
    service.until(RECOVERED, 4)
    keys = [key for key, _ in our_charges(box)]
    assert len(keys) == len(set(keys)) == 8
    ids = [mail.message["Message-ID"] for mail in smtp_inbox.mails]
    assert len(ids) == len(set(ids)) >= 4
