"""What a customer may use now: one query, cheap enough to be asked at every login. Read only.

It reads the ledger alone, through indexes on the customer and on each subscription's cases.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, String, and_, bindparam, func, select, true

from worker.domain.access import FULL, NONE, AccessChange, next_change
from worker.domain.case import Case, CaseState, StepRecord
from worker.domain.engine_situation import SUBSCRIPTION_OVER
from worker.domain.policy_text import from_plain
from worker.store.config_tables import policies
from worker.store.mirror_tables import customers, subscriptions
from worker.store.reading import find_cases, list_cases
from worker.store.rows import case_of
from worker.store.tables import access, cases, steps

OVER = "the subscription is over"


@dataclass(frozen=True, slots=True)
class Access:
    """What the customer may use of one subscription."""

    subscription_id: str
    access: str
    since_at: datetime | None
    """None where dunning never changed it."""
    because: str
    """Why it is not, or no longer, as it was; empty where nothing ever changed it."""
    case_id: int | None
    """The case in dunning now, else the one that changed the access last."""
    next: AccessChange | None
    """What is planned next if nobody pays; None where nothing is, or the case stands still."""
    over: bool
    """Whether the subscription itself has ended."""


def _of_customer() -> Select[tuple[Any, ...]]:
    """Return each subscription of a customer with its access and the case that leads."""
    account = bindparam("account", type_=String())
    case = (
        select(cases)
        .where(
            cases.c.account_id == account,
            cases.c.subscription_id == subscriptions.c.id,
            cases.c.state != CaseState.CLOSED.value,
        )
        .order_by(cases.c.failed_at, cases.c.id)
        .limit(1)
        .lateral("leading")
    )
    done = (
        select(func.jsonb_object_agg(steps.c.step, steps.c.at))
        .where(steps.c.case_id == case.c.id)
        .scalar_subquery()
    )
    return (
        select(
            case,
            subscriptions.c.id.label("whose"),
            subscriptions.c.status.label("status"),
            access.c.access,
            access.c.since_at,
            access.c.because,
            access.c.case_id.label("changed_by"),
            policies.c.text.label("policy"),
            done.label("done"),
        )
        .select_from(subscriptions)
        .outerjoin(
            access,
            and_(
                access.c.account_id == account,
                access.c.customer_id == subscriptions.c.customer_id,
                access.c.subscription_id == subscriptions.c.id,
            ),
        )
        .outerjoin(case, true())
        .outerjoin(
            policies,
            and_(policies.c.account_id == account, policies.c.digest == case.c.policy_digest),
        )
        .where(
            subscriptions.c.account_id == account,
            subscriptions.c.customer_id == bindparam("customer", type_=String()),
        )
        .order_by(subscriptions.c.id)
    )


# Built once: an application may ask it at every login.
_QUERY = _of_customer()


def find_customers(connection: Connection, account_id: str, wanted: str) -> set[str]:
    """Return the ids of the customers known here that *wanted* is the id or e-mail address of."""
    people = select(customers.c.id).where(
        customers.c.account_id == account_id,
        (customers.c.id == wanted) | (func.lower(customers.c.email) == wanted.lower()),
    )
    return set(connection.execute(people).scalars())


def customers_named(connection: Connection, account_id: str, wanted: str) -> set[str]:
    """Return the ids of the customers whom *wanted* names: themselves, or any of their cases."""
    found = find_customers(connection, account_id, wanted)
    if not found and not wanted.startswith("cus_"):
        numbers = find_cases(connection, account_id, wanted)
        return {line.customer_id for line in list_cases(connection, account_id, ids=numbers)}
    return found


def read_access(
    connection: Connection, account_id: str, customer_id: str, *, office_zone: str, now: datetime
) -> list[Access]:
    """Return the access to each subscription of a customer, by the subscription's id.

    Empty where the ledger knows no subscription of theirs: nothing was ever taken from them.
    Args: office_zone: IANA zone of the policy's hours; now: business time.
    """
    asked = {"account": account_id, "customer": customer_id}
    rows = connection.execute(_QUERY, asked).mappings()
    return [_access_of(row, office_zone, now) for row in rows]


def _access_of(row: RowMapping, office_zone: str, now: datetime) -> Access:
    over, case = row["status"] in SUBSCRIPTION_OVER, _case_of(row)
    planned = None
    if case is not None and row["policy"] is not None and not over:
        planned = next_change(case, from_plain(row["policy"]), office_zone, now=now)
    known = row["access"] or FULL
    taken = over and known != NONE  # before the event that ended it was folded
    return Access(
        subscription_id=row["whose"],
        access=NONE if over else known,
        since_at=None if taken else row["since_at"],
        because=OVER if taken else row["because"] or "",
        case_id=case.id if case is not None else row["changed_by"],
        next=planned,
        over=over,
    )


def _case_of(row: RowMapping) -> Case | None:
    if row["id"] is None:
        return None
    done: Mapping[str, str] = row["done"] or {}
    records = (
        StepRecord(step, done=True, at=datetime.fromisoformat(at)) for step, at in done.items()
    )
    return case_of(row, attempts=(), steps=tuple(records), letters=())
