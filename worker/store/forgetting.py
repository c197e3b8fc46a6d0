"""Erasing a person from every table (ports.ForgettingBook); facts and their chain stay as they are.

What is known to be theirs is emptied; where others may have quoted them, in words that people
typed, their names and addresses are replaced.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.case import Outcome
from worker.domain.forgetting import (
    FORGOTTEN,
    QUOTED_MIN,
    person_words,
    without_person,
)
from worker.store.erasable_tables import forgotten_customers
from worker.store.tables import inbox

BY_HAND = "closed by hand"
"""What stays of the reason of a case that a person closed."""

_CASES = "SELECT id FROM cases WHERE account_id = :account AND customer_id = :customer"
_KNOWN = text("""
    SELECT EXISTS (SELECT FROM customers WHERE account_id = :account AND id = :customer)
        OR EXISTS (SELECT FROM cases WHERE account_id = :account AND customer_id = :customer)
        OR EXISTS (SELECT FROM subscriptions
                   WHERE account_id = :account AND customer_id = :customer)
        OR EXISTS (SELECT FROM invoices WHERE account_id = :account AND customer_id = :customer)
""")
_OPEN = text(f"{_CASES} AND state <> 'closed' ORDER BY id")
_MIRROR = text("""
    SELECT email, name, metadata FROM customers WHERE account_id = :account AND id = :customer
""")
_THEIRS = text("""
    SELECT event_id, payload FROM inbox
    WHERE account_id = :account AND payload::text LIKE ANY (
        SELECT '%"' || replace(needle, '_', '\\_') || '"%' FROM (
            SELECT CAST(:customer AS text) AS needle
            UNION SELECT charge_id FROM network_attempts
                WHERE account_id = :account AND customer_id = :customer
            UNION SELECT payment_intent_id FROM network_attempts
                WHERE account_id = :account AND customer_id = :customer
                  AND payment_intent_id <> '') AS needles)
    ORDER BY event_id
""")

_EMPTIED: Mapping[str, str] = {
    "customers": """
        UPDATE customers SET email = '', name = '', metadata = '{}'
        WHERE account_id = :account AND id = :customer
          AND (email <> '' OR name <> '' OR metadata <> '{}')
    """,
    "subscriptions": """
        UPDATE subscriptions SET metadata = '{}'
        WHERE account_id = :account AND customer_id = :customer AND metadata <> '{}'
    """,
    "letters": """
        UPDATE letters SET rendered = NULL, context = '{}', recipient_hash = '',
            reason = CASE WHEN case_id IN (SELECT id FROM cases WHERE outcome = :by_hand)
                     THEN '' ELSE reason END
        WHERE account_id = :account AND customer_id = :customer AND state <> 'queued'
    """,
    "cases": f"""
        UPDATE cases SET reason = '{BY_HAND}'
        WHERE account_id = :account AND customer_id = :customer AND outcome = :by_hand
    """,
    "decisions": f"""
        UPDATE decisions SET reason = ''
        WHERE case_id IN ({_CASES}) AND rule IN ('on_hold', 'released', 'closed_by_hand')
    """,
    "access": """
        UPDATE access SET because = ''
        WHERE account_id = :account AND customer_id = :customer AND case_id IN
            (SELECT id FROM cases WHERE outcome = :by_hand)
    """,
    "operator_acts": f"""
        UPDATE operator_acts SET reason = '', answer = CASE WHEN answer = '' THEN '' ELSE 'done' END
        WHERE case_id IN ({_CASES})
    """,
    "holds": f"""
        UPDATE holds SET reason = '', release_reason = ''
        WHERE account_id = :account AND target IN (
            SELECT CAST(:customer AS text) UNION SELECT 'C-' || id FROM ({_CASES}) AS theirs
            UNION SELECT id FROM subscriptions
                WHERE account_id = :account AND customer_id = :customer
            UNION SELECT id FROM invoices WHERE account_id = :account AND customer_id = :customer)
    """,
    "imported_rows": """
        UPDATE imported_rows SET words = ''
        WHERE account_id = :account AND customer_id = :customer AND words <> ''
    """,
    "fact_words": f"""
        UPDATE fact_words SET words = '{{}}'
        WHERE account_id = :account AND fact_id IN (
            SELECT id FROM events WHERE account_id = :account AND subject IN (
                SELECT 'C-' || id FROM ({_CASES}) AS theirs UNION SELECT CAST(:customer AS text)))
    """,
}
"""Table -> statement that takes out what is this customer's own."""

_QUOTING = {
    "access": ("because",),
    "cases": ("reason",),
    "config_versions": ("reason",),
    "control": ("stop_detail",),
    "decisions": ("reason",),
    "fact_words": ("words",),
    "holds": ("reason", "release_reason"),
    "imported_rows": ("words",),
    "imports": ("reason",),
    "letters": ("reason",),
    "operator_acts": ("answer", "reason"),
    "staff_mails": ("content",),
    "steps": ("reason",),
    "watched_acts": ("reason",),
}
"""Columns in which somebody's words may stand, in rows of whomever."""
_AS_JSON = frozenset((("fact_words", "words"), ("staff_mails", "content")))
"""Which of them hold JSON; the others are plain text."""


class Forgetting:
    """The forgotten customers of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def knows(self, customer_id: str) -> bool:
        """Return whether the ledger has anything of this customer."""
        return bool(self._connection.execute(_KNOWN, self._asked(customer_id)).scalar_one())

    def open_cases(self, customer_id: str) -> list[int]:
        """Return the customer's cases that are not closed, lowest number first."""
        return list(self._connection.execute(_OPEN, self._asked(customer_id)).scalars())

    def forget(self, customer_id: str, *, now: datetime) -> bool:
        """Remember that nothing that tells of the person is kept any more; False where it was."""
        statement = (
            upsert(forgotten_customers)
            .values(account_id=self._account, customer_id=customer_id, forgotten_at=now)
            .on_conflict_do_nothing()
            .returning(forgotten_customers.c.customer_id)
        )
        return self._connection.execute(statement).first() is not None

    def names(self, customer_id: str) -> set[str]:
        """Return the names and e-mail addresses of the person that the ledger has."""
        found: set[str] = set()
        mirrored = self._connection.execute(_MIRROR, self._asked(customer_id)).mappings()
        for row in mirrored:
            found |= {row["email"], row["name"]} - {""}
        for row in self._connection.execute(_THEIRS, self._asked(customer_id)).mappings():
            found |= person_words(row["payload"])
        return found

    def erase(self, customer_id: str, names: set[str]) -> dict[str, int]:
        """Take out what tells of the person, wherever it is; return rows changed by table."""
        changed = {"inbox": self._scrub_events(customer_id)}
        asked = self._asked(customer_id) | {"by_hand": Outcome.CLOSED_BY_HAND.value}
        for table, statement in _EMPTIED.items():
            changed[table] = self._connection.execute(text(statement), asked).rowcount
        quoted = {name for name in names if len(name) >= QUOTED_MIN}
        for name in sorted(quoted, key=len, reverse=True):
            for table, columns in _QUOTING.items():
                for column in columns:
                    changed[table] = changed.get(table, 0) + self._replace(table, column, name)
        return {table: count for table, count in changed.items() if count}

    def forgotten_since(self, since: datetime) -> list[str]:
        """Return who was forgotten since an instant."""
        query = (
            select(forgotten_customers.c.customer_id)
            .where(
                forgotten_customers.c.account_id == self._account,
                forgotten_customers.c.forgotten_at >= since,
            )
            .order_by(forgotten_customers.c.customer_id)
        )
        return list(self._connection.execute(query).scalars())

    def _asked(self, customer_id: str) -> dict[str, Any]:
        return {"account": self._account, "customer": customer_id}

    def _scrub_events(self, customer_id: str) -> int:
        count = 0
        found = self._connection.execute(_THEIRS, self._asked(customer_id)).mappings().all()
        for row in found:
            without = without_person(row["payload"])
            if without != row["payload"]:
                self._connection.execute(
                    inbox.update()
                    .where(inbox.c.account_id == self._account, inbox.c.event_id == row["event_id"])
                    .values(payload=without)
                )
                count += 1
        return count

    def _replace(self, table: str, column: str, name: str) -> int:
        """Replace *name* in a column, as text or within JSON, whatever its case."""
        whole = f"{column}::text"
        written = f"regexp_replace({whole}, :pattern, :instead, 'gi')"
        as_json = (table, column) in _AS_JSON
        if as_json:
            written = f"({written})::jsonb"
        statement = text(f"UPDATE {table} SET {column} = {written} WHERE {whole} ~* :pattern")
        said = _in_json(name) if as_json else name
        values = {"pattern": _literal(said), "instead": FORGOTTEN}
        return self._connection.execute(statement, values).rowcount


def _literal(words: str) -> str:
    """Return PostgreSQL's regular expression for exactly these words, whatever their case.

    Both cases are written out: a database of locale C folds those of ASCII alone.
    """
    return "".join(_either_case(each) for each in words)


def _either_case(letter: str) -> str:
    if not letter.isalnum() and not letter.isspace():
        return f"\\{letter}"
    cases = "".join(sorted({letter, letter.lower(), letter.upper()}))
    return f"[{cases}]" if len(cases) == 2 and not letter.isascii() else letter


def _in_json(words: str) -> str:
    return words.replace("\\", "\\\\").replace('"', '\\"')
