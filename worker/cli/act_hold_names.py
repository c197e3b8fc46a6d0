"""What a person may hold and under which name: cases, customers, subscriptions, metadata.

A customer, subscription or invoice needs no case to be held, but the mirror must know it: a hold
on a mistyped id would keep nobody still and say nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from worker.cli.data_dir import View
from worker.domain.case_filter import METADATA
from worker.domain.holds import HoldScope
from worker.domain.identifiers import case_name, parse_case_name
from worker.errors import UsageError
from worker.office.words import count_words
from worker.store.reading import CaseLine, find_cases, list_cases, snapshot
from worker.store.reading_holds import Mirrored, mirrored

_BY_METADATA = re.compile(rf"{re.escape(METADATA)}([^=]+)=(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Named:
    """One thing that a name stands for, under every id that it may be held by."""

    customer_id: str = ""
    subscription_id: str = ""
    invoice_id: str = ""
    metadata: str = ""
    """`key=value`."""
    case_id: int | None = None
    state: str = ""
    reason: str = ""
    closed_as: str = ""
    """The outcome of a closed case."""

    @property
    def case(self) -> str:
        """Its case's name, or the empty string."""
        return case_name(self.case_id) if self.case_id is not None else ""

    def under(self, scope: HoldScope) -> str:
        """Return the id that a hold of *scope* has as its target; empty: it has none."""
        return {
            HoldScope.CASE: self.case,
            HoldScope.CUSTOMER: self.customer_id,
            HoldScope.SUBSCRIPTION: self.subscription_id,
            HoldScope.INVOICE: self.invoice_id,
            HoldScope.METADATA: self.metadata,
        }[scope]


def names_of(view: View, wanted: str) -> list[Named]:
    """Return what *wanted* stands for, cases first. Raises: UsageError: nothing is called so."""
    by_metadata = _BY_METADATA.fullmatch(wanted.strip())
    if by_metadata is not None:
        return [Named(metadata=f"{by_metadata[1]}={by_metadata[2]}")]
    with snapshot(view.ledger) as connection:
        account = view.ledger.account_id
        found = find_cases(connection, account, wanted)
        lines = list(list_cases(connection, account, ids=found)) if found else []
        others = mirrored(connection, account, wanted)
    named = [*map(_of_case, lines), *map(_of_mirror, others)]
    if named:
        return named
    if wanted.startswith(METADATA):
        raise UsageError(f"`{wanted}` names no value; write `{METADATA}team=key-accounts`.")
    if parse_case_name(wanted) is None and ("@" in wanted or "_" in wanted):
        raise UsageError(
            f"Neither a case nor Stripe's mirrored objects have the name {wanted}; it must be"
            " known here before it is held."
        )
    raise UsageError(
        f"No case is called {wanted}; write a case number, an id (in_, sub_, cus_), an invoice"
        f" number, an e-mail address or {METADATA}KEY=VALUE."
    )


def _of_case(line: CaseLine) -> Named:
    return Named(
        customer_id=line.customer_id,
        subscription_id=line.subscription_id,
        invoice_id=line.invoice_id,
        case_id=line.id,
        state=line.state,
        reason=line.reason,
        closed_as=line.outcome if line.closed_at is not None else "",
    )


def _of_mirror(found: Mirrored) -> Named:
    return Named(found.customer_id, found.subscription_id, found.invoice_id)


def scope_of(wanted: str, asked: HoldScope | None) -> HoldScope:
    """Return what is to be held: as asked for, else what *wanted* is the name of.

    Raises: UsageError: metadata is held as such and in no other way.
    """
    if wanted.startswith(METADATA):
        if asked is not None:
            raise UsageError(f"{wanted} has no --scope: every customer and subscription with it.")
        return HoldScope.METADATA
    if asked is not None:
        return asked
    if wanted.startswith("cus_") or "@" in wanted:
        return HoldScope.CUSTOMER
    if wanted.startswith("sub_"):
        return HoldScope.SUBSCRIPTION
    return HoldScope.INVOICE if wanted.startswith("in_") else HoldScope.CASE


def target_of(named: Sequence[Named], scope: HoldScope, wanted: str) -> str:
    """Return the one thing to hold. Raises: UsageError: *wanted* names several, or none."""
    found = {each.under(scope) for each in named} - {""}
    if len(found) != 1:
        number = count_words(len(found), scope.value)
        raise UsageError(f"Refused: {wanted} names {number}; write the one to hold.")
    return found.pop()


def what_is_held(scope: HoldScope, target: str) -> str:
    """Return a hold's target as people write it."""
    if scope is HoldScope.CHARGE:
        return "the customer"
    return f"{METADATA}{target}" if scope is HoldScope.METADATA else target
