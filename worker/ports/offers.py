"""Offers: what customers got, as the services need it of the ledger."""

from datetime import datetime
from typing import Protocol

from worker.domain.case import Case
from worker.domain.offers import Given, Offer


class OfferBook(Protocol):
    """What steps offered to customers; at most one per customer within a year."""

    def take(self, case: Case, step: str, offer: Offer, *, now: datetime) -> bool:
        """Note that a step offers something; False where the customer had another offer within a
        year. Callers for one customer wait for each other."""

    def give_back(self, case_id: int, step: str) -> None:
        """Forget an offer that came to nothing."""

    def of_step(self, case_id: int, step: str) -> Given | None:
        """Return what a step offered, or None."""
