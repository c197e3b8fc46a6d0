"""SQL shared by the readings of metrics: which group each subscription counts in."""

from worker.domain.metric import Period
from worker.domain.metric_groups import GroupBy

Parameters = dict[str, object]


def group_parts(by: GroupBy | None, key: str = "subscription_id") -> tuple[str, str, str]:
    """Return a WITH part that names each subscription's group, the join to it, and its column.

    A subscription counts in one group for the whole period: the one it had at the beginning, or at
    its first fact within; so opening MRR and movements tie out in every group as well. The join
    is to a table called `x` that has the key. Without grouping, all are empty.
    Args: key: `customer_id` names each customer's group instead, by the same rule.
    """
    if by is None:
        return "", "", "''"
    shown = "metadata ->> :group_key" if by.key else by.column
    part = f"""
      grouped AS (
        SELECT DISTINCT ON ({key}) {key}, COALESCE({shown}, '') AS grp
          FROM metrics.subscription_facts
         WHERE account_id = :account AND booked_at < :to_at
         ORDER BY {key}, (booked_at < :from_at) DESC,
                  CASE WHEN booked_at < :from_at THEN booked_at END DESC NULLS LAST,
                  CASE WHEN booked_at < :from_at THEN seq END DESC NULLS LAST, booked_at, seq),"""
    return part, f"LEFT JOIN grouped USING ({key})", "COALESCE(grouped.grp, '')"


def parameters(
    account_id: str, period: Period, by: GroupBy | None, **further: object
) -> Parameters:
    """Return what the readings bind."""
    bound: Parameters = {
        "account": account_id,
        "from_at": period.from_at,
        "to_at": period.to_at,
        **further,
    }
    return bound | ({"group_key": by.key} if by is not None and by.key else {})
