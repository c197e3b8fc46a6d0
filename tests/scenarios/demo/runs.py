"""Short rehearsals with the real processes, and what is read of them afterwards."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import create_engine, text

from worker.cli.report_network import NetworkReport, network_report
from worker.domain.policy import NetworkLimits
from worker.rehearsal.rehearsal import Rehearsal, rehearsing
from worker.store.reading_network import read_network

_ID = re.compile(r"\b(?:in|sub|cus|pm|ch|pi|evt|du|re|cn)_[A-Za-z0-9]+\b")
_CASES = """
SELECT customer_id, CASE WHEN state = 'closed' THEN outcome ELSE state END,
       coalesce(recovered_by, '')
FROM cases ORDER BY id
"""
_FACTS = "SELECT data->>'customer_id', type FROM events WHERE data ? 'customer_id'"
_LETTERS = "SELECT customer_id, notice FROM letters WHERE state = 'sent' ORDER BY sent_at, id"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rehearsal left in the ledger, by the stable names of the people."""

    cases: dict[str, list[tuple[str, str]]]
    """(outcome or state, recovered by) of each case."""
    facts: dict[str, set[str]]
    letters: dict[str, list[str]]
    """Notices that went out, in order."""
    unknown_letters: int


@contextmanager
def rehearsal(out: Path, *, subscribers: int, seed: str = "1") -> Iterator[Rehearsal]:
    """Give a rehearsal that has just started."""
    with rehearsing(out, subscribers=subscribers, seed=seed, tell=_quietly) as running:
        yield running


def _quietly(_sentence: str) -> None:
    """Nobody watches."""


def see(running: Rehearsal) -> Seen:
    """Return what is in the ledger now."""
    name_of = {str(told["customer"]): name for name, told in running.people.items()}
    cases: dict[str, list[tuple[str, str]]] = {}
    facts: dict[str, set[str]] = {}
    letters: dict[str, list[str]] = {}
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        for customer, outcome, by in connection.execute(_CASES):
            cases.setdefault(name_of[customer], []).append((outcome, by))
        for customer, kind in connection.execute(_FACTS):
            facts.setdefault(name_of.get(customer, ""), set()).add(kind)
        for customer, notice in connection.execute(_LETTERS):
            letters.setdefault(name_of[customer], []).append(notice)
        unknown = connection.execute(
            "SELECT count(*) FROM letters WHERE state = 'unknown'"
        ).fetchone()
    return Seen(cases, facts, letters, unknown[0] if unknown else 0)


def events_without_ids(path: Path) -> list[str]:
    """Return the events of a file in a form in which ids are counted in order of appearance."""
    names: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        kind = found[0].partition("_")[0]
        return names.setdefault(found[0], f"{kind}#{len(names)}")

    lines = []
    for line in path.read_text().splitlines():
        event: dict[str, Any] = json.loads(line)
        del event["id"]
        lines.append(_ID.sub(name, json.dumps(event, sort_keys=True)))
    return lines


def network_proof(running: Rehearsal) -> NetworkReport:
    """Return the report that `dunning report network` makes of everything up to now."""
    engine = create_engine("postgresql+psycopg://" + running.database_url.split("://", 1)[1])
    to_at = running.driver.now + timedelta(seconds=1)
    with engine.connect() as connection:
        account = str(connection.execute(text("SELECT max(account_id) FROM cases")).scalar_one())
        record = read_network(connection, account, to_at=to_at)
    engine.dispose()
    return network_report(
        record,
        NetworkLimits(),
        account=account,
        live=False,
        from_at=running.start_at,
        to_at=to_at,
    )
