"""What the ledger knows of a subscription's dunning when it ends: by whom, why, how it counts."""

from datetime import datetime

from worker.domain.engine_situation import is_ending
from worker.domain.policy import DeclineClass
from worker.domain.policy_text import from_plain
from worker.domain.readings import SubscriptionReading
from worker.domain.subscription_story import Context
from worker.ports import Tx


def context_of(
    tx: Tx, subscription_id: str, *, at: datetime, shown: SubscriptionReading | None
) -> Context:
    """Return what its cases say of a loss at *at*; each counts by the policy that it keeps.

    Args: shown: the subscription as it was then, None where nobody knows. A cancel of ours that was
    undone says nothing of what it is lost by later.
    """
    ends = shown is None or is_ending(shown)
    canceled_at = shown.canceled_at if shown is not None else None
    found = tx.facts.dunned(subscription_id, at=at, canceled_at=canceled_at)
    dunned = [each for each in found if each.is_open or ends]
    return Context(
        ended_by_us=ends and any(each.ended_by_us for each in dunned),
        in_dunning=any(each.is_open for each in dunned),
        consent_withdrawn=any(
            each.decline_class is DeclineClass.CONSENT_WITHDRAWN for each in dunned
        ),
        counts_as_voluntary=any(
            _counts_as_voluntary(tx, each.policy_digest, each.decline_class) for each in dunned
        ),
    )


def _counts_as_voluntary(tx: Tx, digest: str, decline_class: DeclineClass) -> bool:
    text = tx.control.policy(digest)
    if text is None:
        return False
    rule = from_plain(text).when_declined.get(decline_class)
    return rule is not None and rule.count_as_voluntary
