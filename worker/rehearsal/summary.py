"""What a rehearsal came to: summary.json, events.jsonl and the cases worth a look."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import psycopg

from worker.domain.facts import cloud_event
from worker.rehearsal.checks import Checks
from worker.rehearsal.recovered_money import recovered_money

_COUNTS = """
SELECT (SELECT count(*) FROM cases WHERE due_at IS NULL OR due_at < coalesce(
            CASE WHEN outcome = 'paid_on_time' THEN due_at ELSE closed_at END,
            (SELECT max(business_at) FROM control), now())),
       count(*) FILTER (WHERE type = 'payment.retried' AND data->>'kind' = 'charge'
                        AND data->>'outcome' <> 'processing'),
       count(*) FILTER (WHERE type = 'subscription.renewed'),
       count(*) FILTER (WHERE type = 'subscription.started'),
       count(DISTINCT subject) FILTER (WHERE type = 'payment_method.expiring')
FROM events
"""
_LETTERS = "SELECT notice, count(*) FROM letters WHERE state = 'sent' GROUP BY 1 ORDER BY 1"
_CHURNED = """
SELECT data->>'kind', sum((data->>'sign')::int)::int FROM events
WHERE type = 'subscription.churned' GROUP BY 1
"""
_CASES = """
SELECT CASE WHEN state = 'closed' THEN coalesce(outcome, 'closed') ELSE state END, count(*)
FROM cases GROUP BY 1 ORDER BY 1
"""
_EVENTS = """
SELECT id, type, subject, time, data FROM events
ORDER BY time, subject COLLATE "C", type COLLATE "C", id
"""


@dataclass(frozen=True, slots=True)
class Course:
    """How a rehearsal was run."""

    simulated_days: int
    subscribers: int
    seed: int
    wall_seconds: float


def summarise_rehearsal(database_url: str, course: Course, checks: Checks) -> dict[str, Any]:
    """Return the content of summary.json, with the keys of the interface."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        counts = connection.execute(_COUNTS).fetchone() or (0,) * 5
        recovered = recovered_money(connection)
        letters = connection.execute(_LETTERS).fetchall()
        churned: dict[str, int] = dict(connection.execute(_CHURNED).fetchall())
        cases = connection.execute(_CASES).fetchall()
    by: dict[str, int] = {}
    amounts: dict[str, int] = {}
    by_amounts: dict[str, list[dict[str, Any]]] = {}
    for name, currency, count, amount_minor in recovered:
        by[name] = by.get(name, 0) + count
        amounts[currency] = amounts.get(currency, 0) + amount_minor
        amount = {"amount_minor": amount_minor, "currency": currency}
        by_amounts.setdefault(name, []).append(amount)
    return {
        "simulated_days": course.simulated_days,
        "subscribers": course.subscribers,
        "seed": course.seed,
        "wall_seconds": round(course.wall_seconds, 1),
        "failures_found": counts[0],
        "retries": counts[1],
        "recovered": {
            "count": sum(by.values()),
            "by": by,
            "by_amounts": by_amounts,
            "amounts": [
                {"amount_minor": amount, "currency": currency}
                for currency, amount in sorted(amounts.items())
            ],
        },
        "letters": dict(letters),
        "renewals": counts[2],
        "trials_ended": counts[3],
        "cards_expiring": counts[4],
        "churned": {
            "voluntary": churned.get("voluntary", 0),
            "involuntary": churned.get("involuntary", 0),
        },
        "cases": dict(cases),
        "checks": checks.counts(),
    }


def write_summary(summary: Mapping[str, Any], out: Path) -> Path:
    """Write summary.json into *out* and return its path."""
    path = out / "summary.json"
    path.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    return path


def write_events(database_url: str, out: Path) -> int:
    """Write every fact to events.jsonl as CloudEvents, by time, subject and type; return how many.

    The file is a function of the seed but for ids: nothing of it depends on wall time.
    """
    count = 0
    with (
        psycopg.connect(database_url, autocommit=True) as connection,
        (out / "events.jsonl").open("w") as lines,
    ):
        for fact_id, kind, subject, time, data in connection.execute(_EVENTS):
            event = cloud_event(
                fact_id=fact_id,
                fact_type=kind,
                subject=subject,
                time=time.astimezone(UTC),
                data=data,
            )
            lines.write(json.dumps(event, ensure_ascii=False, sort_keys=True) + "\n")
            count += 1
    return count


def case_of_customer(database_url: str, customer_id: str) -> str:
    """Return the name of a customer's first case, or the empty string."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT id FROM cases WHERE customer_id = %s ORDER BY id LIMIT 1", (customer_id,)
        ).fetchone()
    return f"C-{row[0]}" if row else ""


def invariants_broken_in(log: Path) -> int:
    """Return how often the job log told of a broken invariant."""
    if not log.is_file():
        return 0
    with log.open(errors="replace") as lines:
        return sum('"invariant.broken"' in line for line in lines)
