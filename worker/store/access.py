"""What customers may use: one row for each subscription whose access was ever changed."""

from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.access import FULL
from worker.store.tables import access


class AccessWords:
    """The access of one account's customers, within one transaction (ports.AccessBook)."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def known(self, *, customer_id: str, subscription_id: str) -> str:
        """Return the word for a subscription, locked; `full` where nothing changed it."""
        query = (
            select(access.c.access)
            .where(
                access.c.account_id == self._account,
                access.c.customer_id == customer_id,
                access.c.subscription_id == subscription_id,
            )
            .with_for_update()
        )
        return self._connection.execute(query).scalar_one_or_none() or FULL

    def put(
        self,
        word: str,
        *,
        customer_id: str,
        subscription_id: str,
        case_id: int | None,
        at: datetime,
        because: str,
    ) -> None:
        """Write what the customer may use from *at* on."""
        changed = {"access": word, "since_at": at, "case_id": case_id, "because": because}
        statement = upsert(access).values(
            account_id=self._account,
            customer_id=customer_id,
            subscription_id=subscription_id,
            **changed,
        )
        key = ["account_id", "customer_id", "subscription_id"]
        self._connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))
