"""What `mode: watch` would have done, in the ledger."""

from datetime import datetime
from typing import Protocol

from worker.domain.case import Case
from worker.domain.readings import InvoiceReading
from worker.domain.watching import WatchedAct


class WatchBook(Protocol):
    """Acts that were only watched; each is written once."""

    def of_case(self, case_id: int) -> tuple[WatchedAct, ...]:
        """Return the acts of a case, oldest first."""

    def put(self, case: Case, act: WatchedAct, invoice: InvoiceReading) -> bool:
        """Write an act of a case; False where the same step is written already."""

    def put_letter(self, occasion: str, notice: str, subscription_id: str, *, at: datetime) -> bool:
        """Write a letter that a date asked for; False where it is written already."""
