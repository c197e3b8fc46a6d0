"""`dunning access CUSTOMER`: what the customer may use now, until when, and why."""

from collections.abc import Sequence

from worker.cli.data_dir import View
from worker.cli.tables import print_json
from worker.domain.access import FULL, NONE
from worker.domain.identifiers import case_name
from worker.errors import UsageError
from worker.office.words import OfficeWords, json_instant
from worker.store.reading import snapshot
from worker.store.reading_access import Access, customers_named, read_access

SEVERAL = "by_subscription"
"""The one word for a customer whose subscriptions differ."""


def show_access(view: View, wanted: str, *, as_json: bool) -> None:
    """Print what a customer may use; a customer whom the ledger does not know may use everything.

    Raises: UsageError: *wanted* is no customer's id and nobody is called so.
    """
    with snapshot(view.ledger) as connection:
        account_id = view.ledger.account_id
        found = customers_named(connection, account_id, wanted)
        chosen = _one(wanted, found)
        accesses = read_access(
            connection, account_id, chosen, office_zone=view.office.zone.key, now=view.now
        )
    if as_json:
        print_json(access_json(chosen, accesses, known=bool(found)))
        return
    if not accesses:
        print(f"{chosen}  {FULL}; no subscription of theirs is known here")
    for each in accesses:
        print(access_line(each, view.words))


def one_customer(view: View, wanted: str) -> str:
    """Return the id of the one customer that *wanted* names; a `cus_` id need not be known.

    Raises: UsageError: it names nobody or several.
    """
    with snapshot(view.ledger) as connection:
        return _one(wanted, customers_named(connection, view.ledger.account_id, wanted))


def _one(wanted: str, found: set[str]) -> str:
    if len(found) > 1:
        names = ", ".join(sorted(found))
        raise UsageError(f"{wanted} names several customers; write one of {names}.")
    if not found and not wanted.startswith("cus_"):
        raise UsageError(
            f"No customer is called {wanted}; write an id (cus_, sub_, in_), a case number, an"
            " invoice number or an e-mail address."
        )
    return next(iter(found), wanted)


def access_line(each: Access, words: OfficeWords) -> str:
    """Return `sub_1  full until Tue 8 Dec 09:00, then read_only (step restrict)`, and why."""
    said = each.access
    if each.next is not None:
        step = "the ending" if each.next.step == "ending" else f"step {each.next.step}"
        said += f" until {words.moment(each.next.at)}, then {each.next.access} ({step})"
    parts = [f"{each.subscription_id}  {said}"]
    if each.because:
        since = f"since {words.moment(each.since_at)}: " if each.since_at is not None else ""
        parts.append(f"{since}{each.because}")
    if each.case_id is not None and case_name(each.case_id) not in each.because:
        parts.append(case_name(each.case_id))
    return "; ".join(parts)


def access_json(customer_id: str, accesses: Sequence[Access], *, known: bool) -> dict[str, object]:
    """Return the same as data; `access` is one word for all that is not over."""
    living = {each.access for each in accesses if not each.over}
    one = NONE if accesses else FULL
    if living:
        one = living.pop() if len(living) == 1 else SEVERAL
    return {
        "customer_id": customer_id,
        "known": known,
        "access": one,
        "subscriptions": [
            {
                "subscription_id": each.subscription_id,
                "access": each.access,
                "since": json_instant(each.since_at),
                "until": json_instant(each.next.at) if each.next is not None else None,
                "then": each.next.access if each.next is not None else None,
                "step": each.next.step if each.next is not None else None,
                "because": each.because or None,
                "case": case_name(each.case_id) if each.case_id is not None else None,
            }
            for each in accesses
        ],
    }
