"""Looks for what must be nowhere: secrets, card numbers, addresses outside the contact tables."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import psycopg

from tests.chaos.installation import SECRETS
from tests.scenarios.stripe_side import WORKER_KEY

CONTACT_TABLES = frozenset(("customers", "inbox", "letters", "staff_mails"))
"""Where addresses have to be: contacts, Stripe's own words, what was written and to whom; all of
them are emptied of them by age or by `dunning forget`."""

SECRET = re.compile(
    "|".join(re.escape(secret) for secret in (WORKER_KEY, *SECRETS))
    + r"|whsec_\w+|\b[sr]k_(?:test|live)_\w+"
)
CARD = re.compile(r"(?<![\w.])(?:4711|5411)\d{12}(?!\w)")
"""The numbers of all cards in these stories begin like this."""
ADDRESS = re.compile(r"[\w.+-]+@customers\.example")


def found_in(where: str, texts: Iterable[str], *, contacts: bool = False) -> Iterator[str]:
    """Yield a sentence for each kind of leak in *texts*; *contacts* lets addresses be there."""
    kinds = {"a secret": SECRET, "a card number": CARD}
    if not contacts:
        kinds["an address"] = ADDRESS
    whole = "\n".join(texts)
    for kind, pattern in kinds.items():
        count = len(pattern.findall(whole))
        if count:
            yield f"{where} holds {kind}, {count} times"


def found_in_database(database_url: str) -> Iterator[str]:
    """Yield a sentence for each table that holds what it must not."""
    with psycopg.connect(database_url) as connection:
        named = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        ).fetchall()
        for (table,) in named:
            rows = connection.execute(f'SELECT t::text FROM "{table}" t'.encode()).fetchall()
            texts = (_readable(row[0]) for row in rows)
            yield from found_in(f"table {table}", texts, contacts=table in CONTACT_TABLES)


def found_in_files(paths: Iterable[Path]) -> Iterator[str]:
    """Yield a sentence for each file that holds what it must not."""
    for path in paths:
        yield from found_in(path.name, [path.read_text(errors="replace")])


def _readable(row: str) -> str:
    """Return a row's text with its binary columns, which print as hex, as what they say."""
    parts = re.findall(r"\\x([0-9a-f]{8,})", row)
    return row + "".join(bytes.fromhex(part).decode(errors="replace") for part in parts)
