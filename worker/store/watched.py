"""Acts that `mode: watch` only watched; each is written once (ports.WatchBook)."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.case import Case
from worker.domain.identifiers import step_occasion
from worker.domain.readings import InvoiceReading
from worker.domain.watching import WatchedAct, WatchedKind
from worker.store.watched_tables import watched_acts


class Watched:
    """What was watched on one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def of_case(self, case_id: int) -> tuple[WatchedAct, ...]:
        """Return the acts of a case, oldest first."""
        return watched_of(self._connection, case_id)

    def put(self, found: Case, act: WatchedAct, invoice: InvoiceReading) -> bool:
        """Write an act of a case; False where the same step is written already."""
        return self._put(
            step_occasion(found.id, act.step),
            act,
            case_id=found.id,
            subscription_id=found.subscription_id,
            amount_minor=invoice.amount_remaining_minor,
            currency=invoice.currency,
        )

    def put_letter(self, occasion: str, notice: str, subscription_id: str, *, at: datetime) -> bool:
        """Write a letter that a date asked for; False where it is written already."""
        act = WatchedAct(WatchedKind.LETTER, "", at, notice)
        return self._put(occasion, act, subscription_id=subscription_id)

    def _put(self, occasion: str, act: WatchedAct, **of_case: object) -> bool:
        statement = (
            upsert(watched_acts)
            .values(
                account_id=self._account,
                occasion=occasion,
                act=act.kind.value,
                step=act.step,
                notice=act.notice,
                at=act.at,
                reason=act.reason,
                beside=act.beside,
                **of_case,
            )
            .on_conflict_do_nothing()
            .returning(watched_acts.c.occasion)
        )
        return self._connection.execute(statement).first() is not None


def watched_of(connection: Connection, case_id: int) -> tuple[WatchedAct, ...]:
    """Return the acts of a case, oldest first."""
    query = (
        select(watched_acts)
        .where(watched_acts.c.case_id == case_id)
        .order_by(watched_acts.c.at, watched_acts.c.occasion)
    )
    return tuple(_act_of(row) for row in connection.execute(query).mappings())


def _act_of(row: RowMapping) -> WatchedAct:
    return WatchedAct(
        kind=WatchedKind(row["act"]),
        step=row["step"],
        at=row["at"],
        notice=row["notice"],
        reason=row["reason"],
        beside=row["beside"],
    )
