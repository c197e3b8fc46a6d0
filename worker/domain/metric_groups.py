"""What metrics may be grouped by: `--by plan|product|country|method|metadata.KEY`."""

import re
from dataclasses import dataclass

COLUMNS = ("plan", "product", "country", "method")
_METADATA = re.compile(r"metadata\.(\S{1,40})")


@dataclass(frozen=True, slots=True)
class GroupBy:
    """A column of `metrics.subscription_facts`, or a key of its metadata."""

    name: str
    """As it was asked for."""
    column: str
    key: str = ""
    """The key of `metadata`; empty for the other columns."""


def parse_group_by(text: str) -> GroupBy:
    """Return what *text* groups by. Raises: ValueError: with what may be written instead."""
    given = text.strip()
    if given in COLUMNS:
        return GroupBy(given, given)
    found = _METADATA.fullmatch(given)
    if found is None:
        raise ValueError(f"`{given}` is no way to group; write {', '.join(COLUMNS)}, metadata.KEY.")
    return GroupBy(given, "metadata", found[1])
