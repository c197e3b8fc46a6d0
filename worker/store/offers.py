"""Offers that customers got: one row each (ports.OfferBook)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, ScalarSelect, and_, bindparam, delete, exists, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.case import Case
from worker.domain.offers import ONCE_IN, Given, Offer
from worker.store.attempts import lock
from worker.store.office_tables import offers


class Offers:
    """The offers of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def take(self, found: Case, step: str, offer: Offer, *, now: datetime) -> bool:
        """Note an offer unless another one of the customer is younger than a year.

        The lock comes in a statement of its own, so the next one sees what was written under it.
        """
        lock(self._connection, f"{self._account}:offer:{found.customer_id}")
        other = exists().where(
            offers.c.account_id == self._account,
            offers.c.customer_id == found.customer_id,
            offers.c.given_at > now - ONCE_IN,
            ~and_(offers.c.case_id == found.id, offers.c.step == step),
        )
        if self._connection.execute(select(other)).scalar_one():
            return False
        noted = {"customer_id": found.customer_id, "given_at": now, **_columns(offer)}
        key = {"account_id": self._account, "case_id": found.id, "step": step}
        statement = upsert(offers).values(**key, **noted)
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=list(key), set_=noted)
        )
        return True

    def give_back(self, case_id: int, step: str) -> None:
        """Forget an offer that came to nothing."""
        self._connection.execute(
            delete(offers).where(
                offers.c.account_id == self._account,
                offers.c.case_id == case_id,
                offers.c.step == step,
            )
        )

    def of_step(self, case_id: int, step: str) -> Given | None:
        """Return what a step offered, or None."""
        query = select(offers).where(
            offers.c.account_id == self._account,
            offers.c.case_id == case_id,
            offers.c.step == step,
        )
        row = self._connection.execute(query).mappings().one_or_none()
        return _given(dict(row)) if row is not None else None


def last_offer() -> ScalarSelect[Any]:
    """Return a customer's last offer as JSON (or null), for a query that asks more.

    Its parameters are `account` and `customer`.
    """
    return (
        select(func.to_jsonb(offers.table_valued(), type_=JSONB))
        .where(
            offers.c.account_id == bindparam("account"),
            offers.c.customer_id == bindparam("customer"),
        )
        .order_by(offers.c.given_at.desc(), offers.c.case_id.desc())
        .limit(1)
        .scalar_subquery()
    )


def offer_from_json(row: Mapping[str, Any] | None) -> Given | None:
    """Return what `last_offer` found."""
    if row is None:
        return None
    return _given({**row, "given_at": datetime.fromisoformat(row["given_at"])})


def _columns(offer: Offer) -> dict[str, object]:
    kind = "coupon" if offer.coupon else "extra_days"
    return {"kind": kind, "coupon": offer.coupon, "days": offer.days}


def _given(row: Mapping[str, Any]) -> Given:
    extra = timedelta(days=row["days"]) if row["kind"] == "extra_days" else None
    offer = Offer(row["coupon"], extra)
    return Given(row["case_id"], row["step"], row["given_at"], offer)
