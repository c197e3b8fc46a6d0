"""`dunning forget CUSTOMER`: what tells of a person goes; ids, amounts and facts stay."""

from worker.cli.data_dir import View
from worker.cli.look_access import one_customer
from worker.cli.tables import print_json
from worker.clock import SystemClock
from worker.services.forget_customer import forget_customer


def forget(view: View, wanted: str, *, by: str, reason: str, as_json: bool) -> None:
    """Erase a person and say what was erased.

    Raises: UsageError: *wanted* names nobody or several, or a case of theirs is not closed.
    """
    customer_id = one_customer(view, wanted)
    erased = forget_customer(
        customer_id,
        ledger=view.ledger,
        clock=SystemClock(),
        now=view.now,
        by=by,
        reason=reason,
    )
    if as_json:
        print_json({"customer": customer_id, "erased": erased})
        return
    told = ", ".join(f"{table} {count}" for table, count in sorted(erased.items()))
    print(f"{customer_id} is forgotten. Rows changed: {told or 'none'}.")
    print("Ids, amounts and facts stay, and nothing that comes later brings the person back.")
    print("Stripe keeps its own data: delete the customer there too. Old backups still hold it.")
