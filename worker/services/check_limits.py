"""The promises about limits (I6, I14), which need the policy beside the ledger."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from worker.domain.caps import Cap, cap_of_ending, caps_of_charge, caps_of_letter
from worker.domain.case import SUBSCRIPTION_ENDS, AttemptKind
from worker.domain.network_stops import STOP_SIGNAL
from worker.domain.network_tries import MadeBy, NetworkTry
from worker.domain.network_usage import Violation, violations
from worker.domain.network_windows import CARD_LIMITS
from worker.domain.policy import Configuration, DunningRules, Mode, NetworkLimits
from worker.ports import Tx
from worker.services.case_turn import FEED_LAG_MAX

TAKEN_BY_ALL = timedelta(minutes=10)
"""By then every process works with a configuration that was applied."""
BY_WHAT_IT_SAID = frozenset((STOP_SIGNAL, "authentication", "mastercard_wait"))
"""Rules that follow from what a try came to, not from its having been made."""
ANSWER_WRITTEN_IN = timedelta(minutes=1)
"""How long Stripe's answer may be on its way to the ledger."""
LOOK_BACK = timedelta(days=4)
"""How far back everything is looked at where the whole ledger is: events come that late."""


def broken_limits(
    tx: Tx, configuration: Configuration, *, since: datetime | None, now: datetime
) -> dict[str, list[str]]:
    """Return promise -> what breaks it, of those that a query alone cannot check.

    Limits hold from the moment they were applied; what went out before obeyed others.
    """
    begin = since or now - LOOK_BACK
    version = tx.versions.current()
    applied_at = version.stored_at + TAKEN_BY_ALL if version is not None else begin
    return {
        "network_limits_kept": _networks(tx, configuration.dunning.limits.networks, since=begin),
        "caps_hold": _caps(tx, configuration.dunning, since=max(begin, applied_at)),
        "mode_is_obeyed": _mode(tx, configuration.dunning.mode, since=max(begin, applied_at)),
    }


def _caps(tx: Tx, rules: DunningRules, *, since: datetime) -> list[str]:
    found: dict[str, None] = {}  # a set that keeps its order
    for cap, kinds in _bounded(rules):
        over = tx.promises.over_cap(cap, kinds, since=since, zone=rules.office_zone)
        found.update(dict.fromkeys(over))
    return list(found)


def _bounded(rules: DunningRules) -> Iterator[tuple[Cap, list[str]]]:
    """Yield each cap with the kinds of attempts that it bounds; none where it bounds letters."""
    limits, charges = rules.limits, [AttemptKind.CHARGE.value]
    currencies = ["", *(each.currency for each in limits.charged_amounts)]
    caps = {cap: charges for each in currencies for cap in caps_of_charge(limits, each)}
    yield from caps.items()
    yield cap_of_ending(limits), [kind.value for kind in SUBSCRIPTION_ENDS]
    for cap in caps_of_letter(limits):
        yield cap, []


def _mode(tx: Tx, mode: Mode, *, since: datetime) -> list[str]:
    if mode is Mode.LIVE:
        return []
    letters = tx.promises.begun_since(since, letters=True) if mode is Mode.WATCH else []
    return [*tx.promises.begun_since(since, letters=False), *letters]


def _networks(tx: Tx, limits: NetworkLimits, *, since: datetime) -> list[str]:
    """Judge by the most that may be configured: who lowers a limit broke none before."""
    highest: dict[str, Any] = {limit.setting: limit.highest for limit in CARD_LIMITS}
    own = replace(limits, **highest)
    known = tx.promises.tried_since(since)
    found = violations(known.tries, own, known.changes, since=since)
    return sorted({tx.promises.case_of_try(each.tried) for each in found if _was_known(each)})


def _was_known(found: Violation) -> bool:
    """Return whether we could know of the tries behind it when the charge was made."""
    said = found.rule in BY_WHAT_IT_SAID
    return all(_is_known(each, said=said, at=found.tried.at) for each in found.behind)


def _is_known(tried: NetworkTry, *, said: bool, at: datetime) -> bool:
    """Return whether we could know at *at* that a try was made, or what it *said*.

    Of a charge of ours we know from its sending that it was made, and from its answer or its event
    what it said; of others' from an event or a read, which may come hours later. What was just
    learnt may have missed a charge under way.
    """
    if tried.made_by is MadeBy.WORKER and not said:
        return True
    answered_at = tried.answered_at
    if answered_at is not None and answered_at <= at - ANSWER_WRITTEN_IN:
        return True
    learnt_at = tried.said_at if said else tried.learnt_at
    if learnt_at is None and answered_at is None:  # heard by an older release
        learnt_at = tried.at
    return learnt_at is not None and learnt_at <= at - FEED_LAG_MAX
