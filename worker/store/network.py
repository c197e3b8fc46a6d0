"""The network ledger: every try of a card or bank account that we know of, whoever made it.

Charges come from Stripe's event list, and failed ones also from reading them; our own attempts that
nothing has told of yet, or whose outcome nobody knows, are counted from the moment they were sent
(domain.md 0.4).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    ScalarSelect,
    Select,
    String,
    and_,
    any_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from worker.domain.case import AttemptKind, AttemptState
from worker.domain.network_rules import MadeBy, NetworkTry
from worker.domain.outages import LASTS_AT_MOST
from worker.domain.readings import DeclineSignals, PaymentMethodReading
from worker.store.mirror_tables import payment_methods
from worker.store.tables import attempts, network_attempts, never_made

_ACCOUNT = bindparam("account", type_=String())
# A debit that is under way was answered, but not with its end.
_ANSWERED_AT = case(
    (
        attempts.c.settled_at.isnot(None),
        func.greatest(attempts.c.settled_at, attempts.c.reached_at),
    )
).label("answered_at")

OUTAGE_ROWS_MAX = 600
"""Most tries that an outage is looked for in: those of the same brand and country come first."""


def tries_of(
    connection: Connection,
    account_id: str,
    *,
    fingerprints: Iterable[str],
    customer_id: str,
) -> tuple[NetworkTry, ...]:
    """Return the tries of a customer, and of the same cards in other hands, oldest first.

    However old: a stop signal lasts until the card changes, and a debt stays the same one.
    """
    asked = {
        "account": account_id,
        "customer": customer_id,
        "fingerprints": sorted(set(fingerprints) - {""}),
    }
    return _tries(connection, _OF_CUSTOMER, asked)


def all_tries(
    connection: Connection, account_id: str, *, to_at: datetime
) -> tuple[NetworkTry, ...]:
    """Return every try known before *to_at*, oldest first, each once."""
    seen = _charges().where(network_attempts.c.at < to_at)
    ours = _untold().where(attempts.c.sent_at < to_at)
    query = union_all(seen, ours).subquery().select()
    found = _tries(connection, query, {"account": account_id})
    return tuple(each for each in found if not each.may_be_of)


def tries_around(
    connection: Connection, account_id: str, *, since: datetime
) -> tuple[NetworkTry, ...]:
    """Return the tries of all cards and customers that we charged since an instant, however old."""
    return _tries(connection, _AROUND, {"account": account_id, "since": since})


def recent_tries(
    connection: Connection, account_id: str, method: PaymentMethodReading, *, now: datetime
) -> tuple[NetworkTry, ...]:
    """Return the last day's tries of the same brand or country, all customers'."""
    asked = {
        "account": account_id,
        "since": now - LASTS_AT_MOST,
        "brand": method.brand,
        "country": method.country,
    }
    return _tries(connection, _RECENT, asked)


class RecentTries:
    """`recent_tries` for a reader of many cases: each brand and country is asked for once."""

    def __init__(self, connection: Connection, account_id: str, *, now: datetime) -> None:
        """Ask on *connection*, as things stand at *now*."""
        self._connection = connection
        self._account = account_id
        self._now = now
        self._known: dict[tuple[str, str], tuple[NetworkTry, ...]] = {}

    def of(self, method: PaymentMethodReading) -> tuple[NetworkTry, ...]:
        """Return the last day's tries of the same brand or country, all customers'."""
        group = (method.brand, method.country)
        if group not in self._known:
            found = recent_tries(self._connection, self._account, method, now=self._now)
            self._known[group] = found
        return self._known[group]


def _charges() -> Select[tuple[object, ...]]:
    """Charges that an event or a read told of; one of ours counts from when we sent it."""
    ours = and_(
        attempts.c.account_id == network_attempts.c.account_id,
        attempts.c.charge_id == network_attempts.c.charge_id,
        attempts.c.charge_id != "",
    )
    made_by = case(
        (attempts.c.no.isnot(None), MadeBy.WORKER.value),
        else_=func.coalesce(func.nullif(network_attempts.c.made_by, ""), MadeBy.CUSTOMER.value),
    )
    return (
        select(
            func.coalesce(attempts.c.sent_at, network_attempts.c.at).label("at"),
            made_by.label("made_by"),
            network_attempts.c.payment_method_id,
            network_attempts.c.fingerprint,
            network_attempts.c.brand,
            network_attempts.c.payment_method_type,
            network_attempts.c.country,
            network_attempts.c.amount_minor,
            network_attempts.c.currency,
            func.coalesce(
                func.nullif(network_attempts.c.payment_intent_id, ""), attempts.c.invoice_id, ""
            ).label("debt"),
            (network_attempts.c.status != "succeeded").label("failed"),
            network_attempts.c.signals,
            network_attempts.c.charge_id,
            network_attempts.c.request_key.label("key"),
            (network_attempts.c.made_by == MadeBy.CUSTOMER.value).label("asked_for"),
            _ANSWERED_AT,
            _learnt_at().label("learnt_at"),
            network_attempts.c.said_at,
            _may_be_of().label("may_be_of"),
        )
        .outerjoin(attempts, ours)
        .where(network_attempts.c.account_id == _ACCOUNT)
    )


def _may_be_of() -> ColumnElement[str]:
    """The attempt that a charge may be which was only read; empty once either's outcome tells."""
    asked = attempts.alias("asked")
    untold = _asked_under(asked, asked.c.key, asked.c.charge_id == "")
    return case((_unnamed(), func.coalesce(untold, "")), else_="")


def _learnt_at() -> ColumnElement[datetime]:
    """Since when it counts: not before the attempt that it might have been came to another."""
    asked = attempts.alias("asked")
    released_at = _asked_under(asked, asked.c.settled_at, asked.c.charge_id != "")
    learnt_at = network_attempts.c.learnt_at
    return case((_unnamed(), func.greatest(learnt_at, released_at)), else_=learnt_at)


def _unnamed() -> ColumnElement[bool]:
    was_held = and_(network_attempts.c.may_be_of != "", network_attempts.c.made_by == "")
    return and_(was_held, attempts.c.no.is_(None))


def _asked_under(
    asked: FromClause, told: ColumnElement[Any], condition: ColumnElement[bool]
) -> ScalarSelect[Any]:
    """What is *told* of the attempt that a charge may be, where it fulfils a condition."""
    return (
        select(told)
        .where(
            asked.c.account_id == network_attempts.c.account_id,
            asked.c.key == network_attempts.c.may_be_of,
            condition,
        )
        .limit(1)  # by its key for each such charge, not all attempts at once
        .correlate(network_attempts)
        .scalar_subquery()
    )


def _untold() -> Select[tuple[object, ...]]:
    """Charges of ours that no event has told of: in flight, just answered, or never answered.

    Why one was declined its answer told: the event may come hours later, and a stopped card binds
    also a person's wish and other cases. One whose answer is unknown its event names by its key.
    """
    told = exists().where(
        network_attempts.c.account_id == attempts.c.account_id,
        network_attempts.c.charge_id == attempts.c.charge_id,
        attempts.c.charge_id != "",
    )
    named = exists().where(
        network_attempts.c.account_id == attempts.c.account_id,
        network_attempts.c.customer_id == attempts.c.customer_id,
        network_attempts.c.request_key == attempts.c.key,
    )
    return (
        select(
            attempts.c.sent_at.label("at"),
            literal(MadeBy.WORKER.value).label("made_by"),
            attempts.c.payment_method_id,
            func.coalesce(payment_methods.c.fingerprint, "").label("fingerprint"),
            func.coalesce(payment_methods.c.brand, "").label("brand"),
            func.coalesce(payment_methods.c.type, "").label("payment_method_type"),
            func.coalesce(payment_methods.c.country, "").label("country"),
            attempts.c.amount_minor,
            attempts.c.currency,
            func.coalesce(_intent_of_invoice(), attempts.c.invoice_id).label("debt"),
            (attempts.c.state != AttemptState.SUCCEEDED.value).label("failed"),
            attempts.c.signals,
            attempts.c.charge_id,
            literal("").label("key"),
            false().label("asked_for"),
            _ANSWERED_AT,
            null().label("learnt_at"),
            null().label("said_at"),
            literal("").label("may_be_of"),
        )
        .outerjoin(
            payment_methods,
            and_(
                payment_methods.c.account_id == attempts.c.account_id,
                payment_methods.c.id == attempts.c.payment_method_id,
            ),
        )
        .where(
            attempts.c.account_id == _ACCOUNT,
            attempts.c.kind == AttemptKind.CHARGE.value,
            ~told,
            ~named,
            ~never_made,
        )
    )


def _intent_of_invoice() -> ScalarSelect[str]:
    """The PaymentIntent that another, told, charge of ours for the same invoice belonged to."""
    other = attempts.alias("other")
    return (
        select(network_attempts.c.payment_intent_id)
        .join(
            other,
            and_(
                other.c.account_id == network_attempts.c.account_id,
                other.c.charge_id == network_attempts.c.charge_id,
            ),
        )
        .where(
            other.c.account_id == attempts.c.account_id,
            other.c.invoice_id == attempts.c.invoice_id,
            other.c.charge_id != "",
            network_attempts.c.payment_intent_id != "",
        )
        .limit(1)
        .correlate(attempts)
        .scalar_subquery()
    )


def _of_customer() -> Select[tuple[object, ...]]:
    customer_id = bindparam("customer", type_=String())
    known = any_(bindparam("fingerprints", type_=ARRAY(String)))
    seen = _charges().where(
        or_(network_attempts.c.customer_id == customer_id, network_attempts.c.fingerprint == known)
    )
    # By ids, not across the join: otherwise every attempt of the account is read at every look.
    cards = payment_methods.alias("cards")
    same_cards = select(cards.c.id).where(
        cards.c.account_id == _ACCOUNT, cards.c.fingerprint == known
    )
    ours = _untold().where(
        or_(
            attempts.c.customer_id == customer_id,
            attempts.c.payment_method_id == any_(func.array(same_cards.scalar_subquery())),
        )
    )
    return union_all(seen, ours).subquery().select()


def _around() -> Select[tuple[object, ...]]:
    since = bindparam("since", type_=attempts.c.sent_at.type)
    charged = select(attempts.c.customer_id).where(
        attempts.c.account_id == _ACCOUNT,
        attempts.c.kind == AttemptKind.CHARGE.value,
        attempts.c.sent_at >= since,
    )
    cards = select(payment_methods.c.fingerprint).where(
        payment_methods.c.account_id == _ACCOUNT,
        payment_methods.c.customer_id.in_(charged),
        payment_methods.c.fingerprint != "",
    )
    seen = _charges().where(
        or_(network_attempts.c.customer_id.in_(charged), network_attempts.c.fingerprint.in_(cards))
    )
    ours = _untold().where(
        or_(attempts.c.customer_id.in_(charged), payment_methods.c.fingerprint.in_(cards))
    )
    return union_all(seen, ours).subquery().select()


def _recent() -> Select[tuple[object, ...]]:
    since = bindparam("since", type_=network_attempts.c.at.type)
    told = _charges().where(
        network_attempts.c.at > since, _alike(network_attempts.c.brand, network_attempts.c.country)
    )
    ours = _untold().where(
        attempts.c.sent_at > since, _alike(payment_methods.c.brand, payment_methods.c.country)
    )
    found = union_all(told, ours).subquery()
    same_brand = found.c.brand == bindparam("brand")
    same_country = found.c.country == bindparam("country")
    return (
        found.select()
        .order_by(and_(same_brand, same_country).desc(), found.c.at.desc())
        .limit(OUTAGE_ROWS_MAX)
    )


def _alike(brand: ColumnElement[str], country: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a try was of the same brand, or of the same country; what is not known is neither."""
    return or_(
        and_(brand == bindparam("brand"), brand != ""),
        and_(country == bindparam("country"), country != ""),
    )


# Asked before every decision; building such a statement costs as much as asking it.
_OF_CUSTOMER, _RECENT, _AROUND = _of_customer(), _recent(), _around()


def _tries(
    connection: Connection, query: Select[tuple[object, ...]], asked: Mapping[str, object]
) -> tuple[NetworkTry, ...]:
    found = [
        NetworkTry(
            at=row["at"],
            made_by=MadeBy(row["made_by"]),
            payment_method_id=row["payment_method_id"],
            fingerprint=row["fingerprint"],
            brand=row["brand"],
            payment_method_type=row["payment_method_type"],
            country=row["country"],
            amount_minor=row["amount_minor"],
            currency=row["currency"],
            debt=row["debt"],
            failed=row["failed"],
            signals=DeclineSignals(**row["signals"]),
            charge_id=row["charge_id"],
            key=row["key"],
            asked_for=row["asked_for"],
            answered_at=row["answered_at"],
            learnt_at=row["learnt_at"],
            said_at=row["said_at"],
            may_be_of=row["may_be_of"],
        )
        for row in connection.execute(query, asked).mappings()
    ]
    return tuple(sorted(found, key=lambda each: (each.at, each.charge_id)))


def fingerprints_of(methods: Sequence[PaymentMethodReading]) -> set[str]:
    """Return the fingerprints of *methods*, as far as Stripe gave any."""
    return {method.fingerprint for method in methods if method.fingerprint}
