"""Which group each subscription, or customer, counts in; read once, then given to every query."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from worker.domain.metric import Period
from worker.domain.metric_groups import GroupBy
from worker.store.metric_sources import Sources

SUBSCRIPTION, CUSTOMER = "subscription_id", "customer_id"

Parameters = dict[str, object]


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of one period: id -> group, as two lists each."""

    of: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    """`subscription_id` and `customer_id` -> (ids, their groups); empty without grouping."""

    def parts(self, key: str = SUBSCRIPTION) -> tuple[str, str, str]:
        """Return a WITH part that holds the groups, the join to it, and the group's column.

        The join is to a table called `x` that has the key. Without grouping, all are empty.
        """
        if not self.of:
            return "", "", "''"
        part = f"""
          grouped AS MATERIALIZED (
            SELECT * FROM unnest(CAST(:{key}s AS text[]), CAST(:{key}_groups AS text[]))
                     AS listed ({key}, grp)),"""
        return part, f"LEFT JOIN grouped USING ({key})", "COALESCE(grouped.grp, '')"

    def bound(self, key: str = SUBSCRIPTION) -> Parameters:
        """Return what that WITH part binds."""
        if not self.of:
            return {}
        ids, groups = self.of[key]
        return {f"{key}s": ids, f"{key}_groups": groups}


def read_groups(
    connection: Connection,
    account_id: str,
    period: Period,
    by: GroupBy | None,
    sources: Sources,
) -> Groups:
    """Return the groups of everybody whom a fact before the period's end names.

    A subscription counts in one group for the whole period: the one it had at the beginning, or at
    its first fact within; so opening MRR and movements tie out in every group as well. Its facts
    are written in the order of their booking, so `seq` tells which is last. A customer counts
    where the subscription does that told last before the beginning, else first.
    """
    if by is None:
        return Groups()
    shown = "metadata ->> :group_key" if by.key else by.column
    bound = parameters(account_id, period) | sources.bound()
    bound |= {"group_key": by.key} if by.key else {}
    found: dict[str, tuple[list[str], list[str]]] = {}
    for key in (SUBSCRIPTION, CUSTOMER):
        query = f"""
        WITH chosen AS MATERIALIZED (
          SELECT {key}, COALESCE(MAX(seq) FILTER (WHERE booked_at < :from_at), MIN(seq)) AS seq
            FROM {sources.of("subscription_facts")} AS x
           WHERE account_id = :account AND booked_at < :to_at
           GROUP BY 1
        )
        SELECT chosen.{key}, COALESCE({shown}, '')
          FROM chosen
          JOIN metrics.subscription_facts AS told ON told.seq = chosen.seq
        """
        rows = connection.execute(text(query), bound).all()
        found[key] = ([row[0] for row in rows], [row[1] for row in rows])
    return Groups(found)


def parameters(account_id: str, period: Period, **further: object) -> Parameters:
    """Return what the readings bind."""
    return {
        "account": account_id,
        "from_at": period.from_at,
        "to_at": period.to_at,
        **further,
    }


def everything(
    account_id: str, period: Period, groups: Groups, sources: Sources, **further: object
) -> Parameters:
    """Return what readings bind that group by subscription."""
    return parameters(account_id, period, **further) | groups.bound() | sources.bound()
