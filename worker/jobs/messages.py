"""What a worker does with each message: all but the queue, so that a rehearsed one does the same.

A message says "look" and nothing else; what is done is read from the rows (architecture.md D1).
"""

from worker.bootstrap import App
from worker.jobs.table import ring_lost_jobs
from worker.services.advance_case import advance_case
from worker.services.deliver_letter import deliver_letter
from worker.services.run_schedule import start_due_jobs

LOOKS_MAX = 10
"""How often one message looks at its case while each look leaves it due again."""

STAYS_DUE = frozenset(
    ("charge_due", "letter_due", "ending", "ending_invoice", "attempt_settled", "released")
)
"""Rules after which the case is due at once, so that the same message looks again."""


def start_jobs(app: App) -> None:
    """Start the jobs that are due, and those whose start was lost."""
    now = app.begin_run()
    start_due_jobs(
        ledger=app.ledger,
        doorbell=app.doorbell,
        clock=app.clock,
        configuration=app.configuration,
        now=now,
    )
    ring_lost_jobs(app)


def look_at(app: App, case_id: int) -> None:
    """Look at a case, again while each look leaves it due."""
    now = app.begin_run()
    for _ in range(LOOKS_MAX):
        if advance_case(case_id, ports=app.case_ports, now=now) not in STAYS_DUE:
            return


def deliver(app: App, letter_id: int) -> None:
    """Deliver a letter."""
    now = app.begin_run()
    deliver_letter(letter_id, ports=app.case_ports, now=now)
