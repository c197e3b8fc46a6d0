"""`dunning approve ID`: the one charge or ending that a case asked a person about may happen."""

from worker.cli.data_dir import View
from worker.cli.look_cases import choose_case
from worker.cli.tables import print_json
from worker.clock import SystemClock
from worker.domain.identifiers import case_name
from worker.domain.money import Money
from worker.domain.step_names import readable
from worker.office.words import json_money, money_words
from worker.services.approvals import approve_act


def approve(view: View, wanted: str, *, by: str, reason: str, as_json: bool = False) -> bool:
    """Record the approval and say what follows; False where *wanted* names several cases.

    Raises: UsageError: there is no such case, nothing of it waits, or it is approved already.
    """
    number = choose_case(view, wanted, as_json=as_json)
    if number is None:
        return False
    question = approve_act(
        number, ledger=view.ledger, clock=SystemClock(), now=view.now, by=by, reason=reason
    )
    name, money = case_name(number), Money(question.amount_minor, question.currency)
    if as_json:
        print_json({"case": name, "step": question.step, "amount": json_money(money)})
        return True
    print(f"{name}: {readable(question.step)} of {money_words(money)} is approved.")
    print(f"The worker does it now if every other rule allows it: dunning case {name}")
    return True
