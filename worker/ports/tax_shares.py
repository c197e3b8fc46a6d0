"""Taxes that Stripe computes into prices, as invoices show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from worker.domain.tax_shares import TaxesShown, TaxHistory


@dataclass(frozen=True, slots=True)
class ChangedTax:
    """Something that was learnt of a subscription's taxes and that facts do not tell yet."""

    subscription_id: str
    changed_from: datetime
    """From when on the subscription may be worth something else."""


class TaxBook(Protocol):
    """The mirror of what invoices show of taxes inside prices."""

    def put(self, shown: Sequence[TaxesShown]) -> None:
        """Keep what invoices show, in whatever order it is learnt; also that one shows nothing."""

    def of(self, subscription_id: str) -> TaxHistory:
        """Return all that is known of a subscription's taxes."""

    def histories(self) -> Mapping[str, TaxHistory]:
        """Return subscription -> all that is known of its taxes, where anything is."""

    def unknown_on(self) -> list[str]:
        """Return subscriptions that unfolded events show to count, with taxes that Stripe may
        compute into their prices, and of which no invoice was seen."""

    def changing(self, *, after: datetime, until: datetime) -> list[str]:
        """Return the subscriptions of which an invoice of (after, until] may tell a change, and
        whose story has not been told beyond it."""

    def changed(self) -> list[ChangedTax]:
        """Return what was learnt since facts were last told."""

    def told(self, changed: Sequence[ChangedTax]) -> None:
        """Remember that facts tell of these; what was learnt meanwhile stays untold."""
