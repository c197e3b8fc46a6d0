"""The decisions of a case: what was decided, by which rule, on which grounds, and why."""

from datetime import datetime

from sqlalchemy import Connection, Insert, bindparam, exists, insert, or_, select

from worker.domain.decisions import Decision
from worker.domain.engine_person import RULE as PERSON_DECIDES
from worker.store.tables import decisions


def _new_decision() -> Insert:
    """Return what writes a decision that does not say what the case's last one said."""
    last = (
        select(decisions.c.rule, decisions.c.reason, decisions.c.inputs)
        .where(decisions.c.case_id == bindparam("case_id"))
        .order_by(decisions.c.id.desc())
        .limit(1)
        .subquery()
    )
    repeats = exists().where(
        last.c.rule == bindparam("rule"),
        last.c.reason == bindparam("reason"),
        # What a person is asked is kept in the inputs: another amount is another question.
        or_(
            last.c.rule != PERSON_DECIDES,
            last.c.inputs == bindparam("inputs", type_=decisions.c.inputs.type),
        ),
    )
    columns = [column for column in decisions.c if column.name != "id"]
    given = [bindparam(column.name, type_=column.type) for column in columns]
    return insert(decisions).from_select(columns, select(*given).where(~repeats))


# Asked at every look, so it is built once.
_DECISION = _new_decision()


def write_decision(
    connection: Connection, case_id: int, decision: Decision, *, at: datetime
) -> None:
    """Keep the decision, unless it says what the last one said."""
    row = {
        "case_id": case_id,
        "at": at,
        "act": type(decision.act).__name__,
        "rule": decision.rule,
        "reason": decision.reason,
        "inputs": dict(decision.inputs),
        "next_at": decision.next_at,
        "next_step": decision.next_step,
        "allowed_from": decision.allowed_from,
        "allowed_until": decision.allowed_until,
    }
    connection.execute(_DECISION, row)
