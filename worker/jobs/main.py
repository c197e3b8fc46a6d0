"""The dramatiq entry: `dramatiq worker.jobs.main:broker`, one App per worker process."""

import os

import dramatiq

from worker.bootstrap import WORKER_NEEDS, build_app
from worker.joblog import capture_libraries
from worker.jobs.table import prepare, run_job
from worker.queue.broker import QUEUE
from worker.queue.doorbell import ADVANCE_CASE, DELIVER_LETTER, RUN_JOB, TICK
from worker.services.advance_case import advance_case
from worker.services.business_time import business_now
from worker.services.deliver_letter import deliver_letter
from worker.services.run_schedule import start_due_jobs

_app = build_app(os.environ, process="worker", needed=WORKER_NEEDS)
capture_libraries(_app.log)
broker = _app.broker
prepare(_app)
_app.log.info("boot", config=_app.configuration.digest, mode=_app.configuration.dunning.mode)
_app.beat_every_minute()

LOOKS_MAX = 10
"""How often one message looks at its case while each look leaves it due again."""

STAYS_DUE = frozenset(
    ("charge_due", "letter_due", "ending", "ending_invoice", "attempt_settled", "released")
)
"""Rules after which the case is due at once, so that the same message looks again."""


@dramatiq.actor(broker=broker, actor_name=TICK, queue_name=QUEUE, priority=0)
def tick() -> None:
    """Start the jobs that are due."""
    start_due_jobs(
        ledger=_app.ledger,
        doorbell=_app.doorbell,
        clock=_app.clock,
        configuration=_app.configuration,
        now=business_now(ledger=_app.ledger, clock=_app.clock),
    )


@dramatiq.actor(broker=broker, actor_name=RUN_JOB, queue_name=QUEUE, priority=10)
def job(name: str) -> None:
    """Run a scheduled job."""
    run_job(_app, name)


@dramatiq.actor(broker=broker, actor_name=ADVANCE_CASE, queue_name=QUEUE, priority=20)
def advance(case_id: int) -> None:
    """Look at a case, again while each look leaves it due."""
    now = business_now(ledger=_app.ledger, clock=_app.clock)
    for _ in range(LOOKS_MAX):
        if advance_case(case_id, ports=_app.case_ports, now=now) not in STAYS_DUE:
            return


@dramatiq.actor(broker=broker, actor_name=DELIVER_LETTER, queue_name=QUEUE, priority=30)
def deliver(letter_id: int) -> None:
    """Deliver a letter."""
    now = business_now(ledger=_app.ledger, clock=_app.clock)
    deliver_letter(letter_id, ports=_app.case_ports, now=now)
