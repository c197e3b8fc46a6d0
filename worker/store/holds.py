"""Holds: what is kept still on purpose, until when, and who took it away (ports.HoldBook)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    String,
    Table,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.case import Case, CaseState
from worker.domain.holds import HeldBy, HoldKind, HoldScope, strongest
from worker.domain.identifiers import case_name, parse_case_name
from worker.ports import LetterTask, NewHold
from worker.store.mirror_tables import customers, disputes, subscriptions
from worker.store.tables import cases, holds

STRIPE = "Stripe"
"""Who puts a hold for a fraud warning, and who takes it away again."""

_ACCOUNT = bindparam("account", type_=String())
_CUSTOMER = bindparam("customer", type_=String())


def _on(scope: HoldScope, name: str) -> ColumnElement[bool]:
    target = bindparam(name, type_=String())
    return and_(holds.c.scope == scope.value, holds.c.target == target, holds.c.target != "")


def _has_metadata(owner: Table, name: str) -> ColumnElement[bool]:
    """Whether the object of that name has the metadata that the hold's target says."""
    key = func.split_part(holds.c.target, "=", 1)
    value = func.substr(holds.c.target, func.strpos(holds.c.target, "=") + 1)
    return exists().where(
        owner.c.account_id == holds.c.account_id,
        owner.c.id == bindparam(name, type_=String()),
        owner.c.metadata.op("->>", return_type=String())(key) == value,
    )


_METADATA_OWNERS = ((customers, "customer"), (subscriptions, "subscription"))
_ON_THE_CUSTOMERS_CHARGE = and_(
    holds.c.scope == HoldScope.CHARGE.value,
    exists().where(
        disputes.c.account_id == holds.c.account_id,
        disputes.c.charge_id == holds.c.target,
        disputes.c.customer_id == _CUSTOMER,
    ),
)
_METADATA = and_(
    holds.c.scope == HoldScope.METADATA.value,
    or_(*(_has_metadata(owner, named) for owner, named in _METADATA_OWNERS)),
)
_CONCERNS = and_(
    holds.c.account_id == _ACCOUNT,
    or_(
        _on(HoldScope.CASE, "case_name"),
        _on(HoldScope.CUSTOMER, "customer"),
        _on(HoldScope.SUBSCRIPTION, "subscription"),
        _on(HoldScope.INVOICE, "invoice"),
        _ON_THE_CUSTOMERS_CHARGE,
        _METADATA,
    ),
)
_OF_CASE = select(holds).where(_CONCERNS).order_by(holds.c.id)
_IN_FORCE = and_(
    holds.c.released_at.is_(None),
    or_(holds.c.until.is_(None), holds.c.until > bindparam("now", type_=holds.c.until.type)),
)
_KEEPS_LETTER = select(
    or_(
        exists().where(_CONCERNS, _IN_FORCE),
        exists().where(
            cases.c.id == bindparam("case", type_=cases.c.id.type),
            cases.c.state == CaseState.HELD.value,
        ),
    )
)


def holds_around() -> ScalarSelect[Any]:
    """Return the holds of a case as one JSON array, for a query that asks more (or null).

    Its parameters are `account`, `case_name`, `customer`, `subscription` and `invoice`.
    """
    found = func.jsonb_agg(func.to_jsonb(holds.table_valued()), type_=JSONB)
    return select(found).where(_CONCERNS).scalar_subquery()


def holds_from_json(rows: object) -> tuple[HeldBy, ...]:
    """Return what `holds_around` found, oldest first."""
    found = cast(Sequence[Mapping[str, Any]], rows or ())
    return tuple(sorted(map(held_by, found), key=lambda hold: hold.id))


def held_by(row: Mapping[str, Any]) -> HeldBy:
    """Return one hold of a row, or of a row as JSON."""
    return HeldBy(
        id=row["id"],
        scope=HoldScope(row["scope"]),
        target=row["target"],
        kind=HoldKind(row["kind"]),
        owner=row["owner"],
        reason=row["reason"],
        by=row["by"],
        at=cast(datetime, _instant(row["at"])),
        until=_instant(row["until"]),
        released_at=_instant(row["released_at"]),
        released_by=row["released_by"],
        release_reason=row["release_reason"],
    )


def _instant(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else cast(datetime, value)


def names_of(found: Case) -> dict[str, object]:
    """Return under which names a case may be held."""
    return {
        "case_name": case_name(found.id),
        "customer": found.customer_id,
        "subscription": found.subscription_id,
        "invoice": found.invoice_id,
    }


def _kept_still(scope: HoldScope, target: str) -> ColumnElement[bool]:
    """Return which cases a hold of *target* is on."""
    match scope:
        case HoldScope.CASE:
            return cases.c.id == parse_case_name(target)
        case HoldScope.CUSTOMER:
            return cases.c.customer_id == target
        case HoldScope.SUBSCRIPTION:
            return cases.c.subscription_id == target
        case HoldScope.INVOICE:
            return cases.c.invoice_id == target
        case HoldScope.CHARGE:
            whose = select(disputes.c.customer_id).where(
                disputes.c.account_id == cases.c.account_id, disputes.c.charge_id == target
            )
            return cases.c.customer_id.in_(whose)
        case HoldScope.METADATA:
            key, _, value = target.partition("=")
            owners = ((customers, cases.c.customer_id), (subscriptions, cases.c.subscription_id))
            return or_(
                *(
                    named.in_(
                        select(owner.c.id).where(
                            owner.c.account_id == cases.c.account_id,
                            owner.c.metadata[key].astext == value,
                        )
                    )
                    for owner, named in owners
                )
            )


class Holds:
    """The holds of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def put(self, new: NewHold, *, now: datetime) -> int | None:
        """Put a hold and return its number; None where one of its kind is in force there."""
        same = select(holds.c.id).where(
            holds.c.account_id == self._account,
            holds.c.scope == new.scope.value,
            holds.c.target == new.target,
            holds.c.kind == new.kind.value,
            _IN_FORCE,
        )
        if self._connection.execute(same, {"now": now}).first() is not None:
            return None
        number: int = self._connection.execute(
            insert(holds)
            .values(
                account_id=self._account,
                scope=new.scope.value,
                target=new.target,
                kind=new.kind.value,
                owner=new.owner,
                reason=new.reason,
                by=new.by,
                at=now,
                until=new.until,
            )
            .returning(holds.c.id)
        ).scalar_one()
        return number

    def of_case(self, found: Case) -> tuple[HeldBy, ...]:
        """Return every hold that keeps or kept a case still, oldest first."""
        asked = {"account": self._account, **names_of(found)}
        rows = self._connection.execute(_OF_CASE, asked).mappings()
        return tuple(held_by(dict(row)) for row in rows)

    def on_case(self, found: Case, *, now: datetime) -> HeldBy | None:
        """Return the hold that keeps a case still, or None."""
        return strongest(self.of_case(found), now)

    def on_target(self, scope: HoldScope, target: str, *, now: datetime) -> tuple[HeldBy, ...]:
        """Return the holds in force on exactly that target, oldest first."""
        query = select(holds).where(
            holds.c.account_id == self._account,
            holds.c.scope == scope.value,
            holds.c.target == target,
            _IN_FORCE,
        )
        rows = self._connection.execute(query.order_by(holds.c.id), {"now": now}).mappings()
        return tuple(held_by(dict(row)) for row in rows)

    def concerned(self, scope: HoldScope, target: str) -> list[int]:
        """Return the cases that a hold of a target keeps still and that are not closed, by id."""
        query = select(cases.c.id).where(
            cases.c.account_id == self._account,
            cases.c.state != CaseState.CLOSED.value,
            _kept_still(scope, target),
        )
        return list(self._connection.execute(query.order_by(cases.c.id)).scalars())

    def on_letter(self, letter: LetterTask, *, now: datetime) -> bool:
        """Return whether a case's letter must wait for a hold's end; others are no dunning."""
        if letter.case_id is None:
            return False
        asked = {
            "account": self._account,
            "case": letter.case_id,
            "case_name": case_name(letter.case_id),
            "customer": letter.customer_id,
            "subscription": letter.subscription_id,
            "invoice": letter.invoice_id,
            "now": now,
        }
        return bool(self._connection.execute(_KEEPS_LETTER, asked).scalar_one())

    def release(self, hold_ids: Sequence[int], *, by: str, reason: str, now: datetime) -> int:
        """Release those of the holds that are in force still and return how many."""
        statement = (
            update(holds)
            .where(holds.c.account_id == self._account, holds.c.id.in_(hold_ids), _IN_FORCE)
            .values(released_at=now, released_by=by, release_reason=reason)
        )
        return self._connection.execute(statement, {"now": now}).rowcount

    def warned(self, warning_id: str, *, charge_id: str, actionable: bool, now: datetime) -> None:
        """Put or end the hold of one fraud warning; what a person released stays released.

        A warning is kept also where it is over, so that an older event cannot begin it again.
        """
        over = {"released_at": now, "released_by": STRIPE, "release_reason": "it was settled"}
        self._connection.execute(
            upsert(holds)
            .values(
                account_id=self._account,
                scope=HoldScope.CHARGE.value,
                target=charge_id,
                kind=HoldKind.FRAUD_WARNING.value,
                owner=STRIPE,
                reason="the issuer warns of fraud",
                source=warning_id,
                by=STRIPE,
                at=now,
                **({} if actionable else over),
            )
            .on_conflict_do_nothing()
        )
        if not actionable:
            self._connection.execute(
                update(holds)
                .where(
                    holds.c.account_id == self._account,
                    holds.c.source == warning_id,
                    holds.c.released_at.is_(None),
                )
                .values(**over)
            )
