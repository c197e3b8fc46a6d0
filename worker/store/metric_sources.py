"""Where the metrics read the views of schema `metrics`: from kept rows, and from the facts alone
for whom there are facts that the kept rows do not cover yet.

What a customer, a subscription or a case has in a view depends on facts of that one alone, so the
two together are exactly the view.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Table, select, text

from worker.store.kept_tables import (
    kept_case_spans,
    kept_failures,
    kept_movements,
    kept_paid_renewals,
    kept_progress,
    kept_recoveries,
    kept_renewals,
    kept_terms,
)

CUSTOMER, SUBSCRIPTION, CASE = "customer_id", "subscription_id", "case_name"
"""By whom rows are computed anew: the column of a view that names them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A view and the table that keeps rows of it."""

    view: str
    table: Table
    key: str
    function: str = ""
    """Gives the rows of some keys, where the view itself would compute all rows first."""

    @property
    def columns(self) -> str:
        """The columns that are kept."""
        return ", ".join(column.name for column in self.table.columns)

    def of_keys(self) -> str:
        """Return a query of the view's rows of the keys bound as `behind_` and the key's name."""
        keys = f"CAST(:behind_{self.key} AS text[])"
        if self.function:
            source = f"metrics.{self.function}({keys}) WHERE account_id = :account"
        else:
            source = f"metrics.{self.view} WHERE account_id = :account AND {self.key} = ANY({keys})"
        return f"SELECT {self.columns} FROM {source}"


KEPT = {
    each.view: each
    for each in (
        Kept("movements", kept_movements, CUSTOMER, "movements_of"),
        Kept("subscription_facts", kept_terms, SUBSCRIPTION),
        Kept("paid_renewals", kept_paid_renewals, SUBSCRIPTION),
        Kept("renewals", kept_renewals, SUBSCRIPTION, "renewals_of"),
        Kept("case_spans", kept_case_spans, CASE),
        Kept("failures", kept_failures, CASE),
        Kept("recoveries", kept_recoveries, CASE, "recoveries_of"),
    )
}

CONCERNED = """
  behind AS MATERIALIZED (
    SELECT events.type, events.subject, events.data ->> 'customer_id' AS customer_id
      FROM (SELECT seq FROM event_chain
             WHERE account_id = :account AND position > :since
               AND position <= COALESCE(CAST(:until AS bigint), position)
             UNION ALL
            SELECT seq FROM unsealed_facts
             WHERE account_id = :account AND CAST(:until AS bigint) IS NULL) AS numbers
      JOIN events USING (seq)
  ), concerned AS MATERIALIZED (
    SELECT DISTINCT 'customer_id' AS key, customer_id AS name
      FROM behind
     WHERE type LIKE 'subscription.%' AND type <> 'subscription.renewed'
     UNION
    SELECT 'subscription_id', subject
      FROM behind
     WHERE type LIKE 'subscription.%'
     UNION
    SELECT 'case_name', subject
      FROM behind
     WHERE type IN ('case.opened', 'case.closed', 'payment.recovered', 'payment.retried',
                    'notice.sent')
     UNION
    SELECT 'case_name', opened.subject
      FROM behind
      JOIN events AS opened
        ON opened.account_id = :account AND opened.type = 'case.opened'
       AND opened.data ->> 'customer_id' = behind.customer_id
     WHERE behind.type = 'payment_method.updated'
  )"""
"""Part of WITH: whom facts behind the place `since` concern, as (key, name).

Up to the place `until`; where that is null, those too that have no place yet.
"""

_FIRST_ATTEMPTS = """
    (SELECT account_id, invoice_id, subscription_id, currency, failed_at AS attempted_at,
            true AS failed
       FROM {failures} AS failed
      WHERE billing_reason = 'subscription_cycle'
      UNION ALL
     SELECT paid.account_id, paid.invoice_id, paid.subscription_id, paid.currency,
            CASE WHEN paid.on_time THEN paid.paid_at
                 ELSE COALESCE(paid.period_start_at, paid.paid_at) END,
            NOT paid.on_time
       FROM {paid} AS paid
       LEFT JOIN {failures} AS failures USING (account_id, invoice_id)
      WHERE failures.case_name IS NULL AND paid.amount_minor > 0)"""
"""As the view `metrics.first_attempts`, of what is kept."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to read each view within one snapshot."""

    behind: Mapping[str, list[str]] | None = None
    """Key -> whom to compute from facts; None: nothing is kept, all comes from the views."""

    def of(self, view: str) -> str:
        """Return what stands after FROM for a view; give it an alias, and bind `bound`."""
        if self.behind is None:
            return f"metrics.{view}"
        if view == "first_attempts":
            return _FIRST_ATTEMPTS.format(
                failures=self.of("failures"), paid=self.of("paid_renewals")
            )
        kept = KEPT[view]
        rows = f"SELECT {kept.columns} FROM {kept.table.name} WHERE account_id = :account"
        if not self.behind.get(kept.key):
            return f"({rows})"
        covered = f"{kept.key} <> ALL(CAST(:behind_{kept.key} AS text[]))"
        return f"({rows} AND {covered} UNION ALL {kept.of_keys()})"

    def bound(self) -> dict[str, object]:
        """Return what the sources bind beside the account."""
        return {f"behind_{key}": names for key, names in (self.behind or {}).items()}


VIEWS = Sources()
"""The full computation, from all facts."""


def read_sources(connection: Connection, account_id: str) -> Sources:
    """Return where to read the views; *connection* must see one moment (`snapshot`)."""
    query = select(kept_progress.c.position).where(kept_progress.c.account_id == account_id)
    since = connection.execute(query).scalar_one_or_none()
    if since is None:
        return VIEWS
    return Sources(concerned(connection, account_id, since=since, until=None))


def concerned(
    connection: Connection, account_id: str, *, since: int, until: int | None
) -> dict[str, list[str]]:
    """Return key -> whom facts behind place *since* concern, up to *until* or all there are."""
    bound = {"account": account_id, "since": since, "until": until}
    found: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(text(f"WITH {CONCERNED} SELECT * FROM concerned"), bound):
        if row.name is not None:
            found[row.key].append(row.name)
    return {key: found[key] for key in (CUSTOMER, SUBSCRIPTION, CASE)}
