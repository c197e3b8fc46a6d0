"""A morning on which the banks of one country are away: many cards fail within one hour."""

from datetime import time

from worker.rehearsal.population_character import Character, declined

OUTAGE_DAY = 10
OUTAGE_CARDS = 15
OUTAGE_BRAND, OUTAGE_COUNTRY = "visa", "GB"
OUTAGE_DAYS = 5 / 24
"""How long the banks stay away: longer than the first letter waits."""
MINUTES_APART = 4
_CODES = (("issuer_not_available", "91"), ("processing_error", "96"))


def _caught(no: int) -> Character:
    code, network_code = _CODES[no % 3 == 0]
    return Character(
        f"outage-{no:02d}", "one of many whose bank was away for a morning", OUTAGE_DAY,
        (declined(code, network_code, until_days=OUTAGE_DAYS),), brand=OUTAGE_BRAND,
        country=OUTAGE_COUNTRY, plan="Basic", ends_at=time(7, MINUTES_APART * (no - 1)),
    )  # fmt: skip


CROWD = tuple(_caught(no) for no in range(1, OUTAGE_CARDS + 1))
"""Customers of one brand, one country and one hour of renewal."""
