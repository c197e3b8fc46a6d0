"""A person makes another configuration the current one, with who and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from worker.domain.facts import Fact
from worker.domain.policy import Configuration
from worker.errors import UsageError
from worker.ports import Clock, Ledger, NewVersion
from worker.services.keep_configuration import keep_policies
from worker.services.operate import require_who_and_why


@dataclass(frozen=True, slots=True)
class Candidate:
    """A configuration that is to be the current one, with its files as written."""

    files: Mapping[str, str]
    configuration: Configuration


def apply_configuration(
    candidate: Candidate,
    *,
    after: int,
    ledger: Ledger,
    clock: Clock,
    now: datetime,
    by: str,
    reason: str,
) -> int:
    """Store *candidate* as the version that follows number *after* and return its number.

    Every process takes it at its next run. Open cases keep the policy they began with. Raises:
    UsageError: no who or why, or somebody else has applied another version meanwhile.
    """
    require_who_and_why(by, reason)
    configuration = candidate.configuration
    new = NewVersion(configuration.digest, candidate.files, by=by, reason=reason)
    with ledger.begin() as tx:
        no = tx.versions.store(new, after=after, now=now)
        if no is None:
            raise UsageError(
                f"Nothing was applied: version {after} is no longer the current one. Look again: "
                "dunning policy diff DIR."
            )
        wall_now = clock.wall_now()
        keep_policies(tx, configuration, wall_now=wall_now)
        data = {"config_version": no, "digest": configuration.digest, "by": by, "reason": reason}
        fact = Fact("configuration.applied", "account", now, str(no), data)
        tx.facts.append([fact], wall_now=wall_now)
    return no
