"""The ledger keeps every configuration that was ever current, and the policies in it."""

from collections.abc import Mapping
from datetime import datetime

from worker.domain.policy import Configuration
from worker.domain.policy_text import digest_of, to_plain
from worker.ports import Ledger, NewVersion, Tx

FIRST = 1
"""Number of the first version."""
FIRST_BY = "first start"
FIRST_REASON = "CONFIG_DIR of the first process"


def keep_first(
    files: Mapping[str, str], configuration: Configuration, *, ledger: Ledger, now: datetime
) -> bool:
    """Store *files* as version 1 where the ledger has no configuration yet; else return False.

    Whoever begins on a ledger first decides; later differences wait for `dunning apply`.
    """
    new = NewVersion(configuration.digest, files, by=FIRST_BY, reason=FIRST_REASON)
    with ledger.begin() as tx:
        return tx.versions.store(new, after=0, now=now) is not None


def keep_policies(
    tx: Tx, configuration: Configuration, *, wall_now: datetime
) -> list[tuple[str, str]]:
    """Keep each policy's text under its digest, so that cases can begin with it.

    Returns digest and name of those that the ledger did not know.
    """
    return [
        (digest_of(policy), policy.name)
        for policy in configuration.dunning.policies
        if tx.control.put_policy(digest_of(policy), to_plain(policy), wall_now=wall_now)
    ]
