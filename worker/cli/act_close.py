"""`dunning close ID`: what would stay owed, then the wish that the worker closes the case."""

import typer

from worker.cli.data_dir import View
from worker.cli.look_cases import choose_case
from worker.cli.tables import is_terminal, print_json
from worker.domain.case import CaseState
from worker.domain.identifiers import case_name
from worker.domain.money import Money
from worker.errors import UsageError
from worker.office.words import json_money, money_words
from worker.services.ask_close import ask_close
from worker.store.reading import snapshot
from worker.store.reading_case import CaseRecord, read_case


def close(
    view: View, wanted: str, *, by: str, reason: str, yes: bool = False, as_json: bool = False
) -> bool:
    """Show what closing leaves behind, ask where a person looks on, and have the case closed.

    Returns False where *wanted* names several cases, which are listed, or the person said no.
    Raises: UsageError: there is no such case, it is closed, or nobody is there to be asked.
    """
    number = choose_case(view, wanted, as_json=as_json)
    if number is None:
        return False
    with snapshot(view.ledger) as connection:
        record = read_case(
            connection, view.ledger.account_id, number, now=view.now, wall_now=view.wall_now
        )
    name = case_name(number)
    if record.case.state is CaseState.CLOSED:
        raise UsageError(f"Refused: {name} is closed.")
    if not as_json:
        for line in preview(record):
            print(line)
    if not (yes or as_json):
        if not is_terminal():
            raise UsageError(f"Nothing was done. Close {name} with --yes.")
        if not typer.confirm(f"Close {name}?"):
            return False
    ask_close(number, ledger=view.ledger, now=view.now, by=by, reason=reason)
    if as_json:
        print_json({"case": name, "still_owed": json_money(_owed(record))})
    else:
        print(f"{name} will be closed within seconds.")
    return True


def preview(record: CaseRecord) -> list[str]:
    """Return what is waived, what stays owed, and how Stripe is left."""
    subscription, invoice = record.invoice.subscription, record.invoice
    name, owed = case_name(record.case.id), money_words(_owed(record))
    lines = [
        f"{name}: {owed} stay owed; no more try, letter or ending.",
        f"The invoice {invoice.number or invoice.id} stays {invoice.status} at Stripe.",
        "Is the amount waived? Then void the invoice there, or mark it uncollectible.",
    ]
    if subscription is not None:
        lines.append(f"The subscription stays {subscription.status}: Stripe goes on invoicing.")
    return lines


def _owed(record: CaseRecord) -> Money:
    return Money(record.invoice.amount_remaining_minor, record.invoice.currency)
