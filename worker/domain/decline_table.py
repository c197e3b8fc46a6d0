"""The closed table of decline codes, `decline_codes.csv`, as values.

One row per code of Stripe, a card network or a debit scheme: class, who can cure it, earliest next
try, whether it needs a new payment method, whether its reason is masked, and its source. The waits
are our own assumptions except those of Mastercard's advice codes 24 to 30, which state them.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files

from worker.domain.policy import DeclineClass

RETRYABLE = frozenset({DeclineClass.FUNDS, DeclineClass.UNCLEAR, DeclineClass.TECHNICAL})
"""Classes that time alone may cure; every other class needs somebody to act first."""


class CuredBy(StrEnum):
    """Who can make the payment succeed."""

    TIME = "time"
    CUSTOMER = "customer"
    OPERATOR = "operator"
    NOBODY = "nobody"


class Family(StrEnum):
    """Whose code it is; the same two characters mean different things to different networks."""

    STRIPE_CODE = "stripe_code"
    LOCAL_METHOD = "local_method"
    ADVICE = "advice"
    OUTCOME = "outcome"
    ERROR = "error"
    VISA = "visa"
    MASTERCARD = "mastercard"
    MASTERCARD_ADVICE = "mastercard_advice"
    ACH = "ach"
    SEPA = "sepa"
    BACS = "bacs"


@dataclass(frozen=True, slots=True)
class DeclineRow:
    """What one code means for the next try."""

    family: Family
    code: str
    decline_class: DeclineClass
    cured_by: CuredBy
    wait: timedelta
    """Earliest next try, counted from the failure; zero where the class forbids a try anyway."""
    needs_new_method: bool
    masked: bool
    """True: the customer is told no reason (domain.md 1.4)."""
    advice: str
    """What to do, for staff."""
    customer_action: str = ""
    source: str = ""

    @property
    def may_retry(self) -> bool:
        """Whether the same method may be tried again unattended, after `wait`."""
        return (
            self.decline_class in RETRYABLE
            and self.cured_by is CuredBy.TIME
            and not self.needs_new_method
        )


@cache
def decline_table() -> Mapping[tuple[Family, str], DeclineRow]:
    """Return every row by family and code; the file is read once per process."""
    text = files("worker.domain").joinpath("decline_codes.csv").read_text(encoding="utf-8")
    rows = (_row(record) for record in csv.DictReader(text.splitlines()))
    return {(row.family, row.code): row for row in rows}


def find_row(family: Family, code: str) -> DeclineRow | None:
    """Return the row of *code* within *family*, or None where the table does not know it."""
    return decline_table().get((family, code))


def row_of(family: Family, code: str) -> DeclineRow:
    """Return the row of *code*, which this program itself names. Raises: KeyError."""
    return decline_table()[family, code]


def _row(record: Mapping[str, str]) -> DeclineRow:
    return DeclineRow(
        family=Family(record["family"]),
        code=record["code"],
        decline_class=DeclineClass(record["decline_class"]),
        cured_by=CuredBy(record["cured_by"]),
        wait=timedelta(hours=int(record["wait_hours"])),
        needs_new_method=record["needs_new_method"] == "yes",
        masked=record["masked"] == "yes",
        advice=record["advice"],
        customer_action=record["customer_action"],
        source=record["source"],
    )
