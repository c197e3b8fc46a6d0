"""People who are forgotten: what tells of them is erased, and does not come back."""

from datetime import datetime
from typing import Protocol


class ForgettingBook(Protocol):
    """Who is forgotten. Ids, amounts and facts stay."""

    def knows(self, customer_id: str) -> bool:
        """Return whether the ledger has anything of this customer."""

    def open_cases(self, customer_id: str) -> list[int]:
        """Return the customer's cases that are not closed, lowest number first."""

    def forget(self, customer_id: str, *, now: datetime) -> bool:
        """Remember that nothing that tells of the person is kept any more; False where it was."""

    def names(self, customer_id: str) -> set[str]:
        """Return the names and e-mail addresses of the person that the ledger has."""

    def erase(self, customer_id: str, names: set[str]) -> dict[str, int]:
        """Take out what tells of the person, wherever it is; return rows changed by table."""

    def forgotten_since(self, since: datetime) -> list[str]:
        """Return who was forgotten since an instant."""
