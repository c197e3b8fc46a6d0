"""The network-rule ledger's one question: when may this method be tried for this debt?

Limits, stop signals and waits of card networks and debit schemes in one answer (domain.md 2).
It says when at the earliest, never that somebody should: that is the policy's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from worker.domain.debit_rules import ACH, ach_bars, debit_window, scheme_of
from worker.domain.network_stops import Bar, authentication_bars, card_bars, stop_bars
from worker.domain.network_tries import (
    CARD_TYPES,
    MadeBy,
    NetworkTry,
    Target,
    in_order,
    index_cards,
)
from worker.domain.network_windows import Window, WindowUse, card_windows
from worker.domain.policy import NetworkLimits

__all__ = [
    "Allowance",
    "MadeBy",
    "NetworkTry",
    "Ruling",
    "Target",
    "WindowUse",
    "allowance",
    "ruling",
]


@dataclass(frozen=True, slots=True)
class Allowance:
    """When a method may be tried, and what limits it."""

    at: datetime | None
    """Earliest instant, aware UTC, never before now; None is never, as the method is now."""
    rule: str
    """Name of the rule that decided; empty where nothing limits."""
    reason: str
    """Part of a sentence for staff, never for a customer: it may name a masked decline. Empty
    where nothing limits."""
    uses: tuple[WindowUse, ...]
    """Each window of the method's network; empty where it has none."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """Everything that may limit one method: lasting bars and waits, and windows with a count."""

    bars: tuple[Bar, ...]
    windows: tuple[Window, ...]

    def broken_at(self, at: datetime) -> list[Bar | Window]:
        """Return what forbids a try at *at*, the lasting first."""
        holding = [bar for bar in self.bars if bar.holds_at(at)]
        return [*holding, *(window for window in self.windows if not window.has_room_at(at))]

    def turns_at(self) -> set[datetime]:
        """Return every instant at which something may stop forbidding."""
        freed = {at for window in self.windows for at in window.frees_at()}
        return freed | {bar.until for bar in self.bars if bar.until is not None}


def allowance(
    tries: Sequence[NetworkTry], target: Target, limits: NetworkLimits, *, now: datetime
) -> Allowance:
    """Return the first instant from *now* on at which one more try breaks no network's rule.

    *tries* is every known try of the target's card and of its debt, whoever made it, in any order;
    others among them do no harm. A try at the returned instant keeps every window within its
    limit, follows no stop signal and cuts no wait, as far as *tries* tells. Tries that never
    reached a network count in no window.

    Payment method types that are neither cards nor listed debits (`paypal`, `cashapp`, `klarna`,
    ...) are never allowed: no limit of theirs is published, so they are left to the customer.
    """
    now = now.astimezone(UTC)
    rules = ruling(tries, target, limits, now=now)
    uses = tuple(window.use(now) for window in rules.windows)
    forever = next((bar for bar in rules.bars if bar.until is None), None)
    if forever is not None:
        return Allowance(None, forever.rule, forever.reason, uses)
    before = now
    for at in sorted({now} | {turn for turn in rules.turns_at() if turn > now}):
        broken = rules.broken_at(at)
        if not broken:
            rule, reason = _said(rules.broken_at(before), before) if at > now else ("", "")
            return Allowance(at, rule, reason, uses)
        before = at
    return Allowance(None, *_said(rules.broken_at(before), before), uses)


def ruling(
    tries: Sequence[NetworkTry], target: Target, limits: NetworkLimits, *, now: datetime
) -> Ruling:
    """Return every bar and window for *target* over *tries*, with the tries behind each."""
    ordered = in_order(tries)
    cards = index_cards(ordered, [target.method])
    names = cards.names(target.method.id, target.method.fingerprint)
    same_method = [tried for tried in ordered if cards.same(tried, names)]
    same_debt = [tried for tried in ordered if tried.debt == target.debt]
    if target.method.type in CARD_TYPES:
        counted = [tried for tried in same_method if tried.counted]
        return Ruling(
            tuple(card_bars(same_method, same_debt, target)),
            card_windows(counted, target, limits),
        )
    scheme = scheme_of(target.method.type)
    if scheme is None:
        reason = f"{target.method.type}: no limit is published, so it is never charged unattended"
        return Ruling((Bar("unlisted_method", reason),), ())
    bars = stop_bars(same_method, target) + authentication_bars(same_method, target)
    if scheme is ACH:
        bars += ach_bars(same_debt, same_method, limits, now=now)
    return Ruling(tuple(bars), (debit_window(scheme, same_debt),))


def _said(broken: list[Bar | Window], at: datetime) -> tuple[str, str]:
    """Return rule and reason of the first thing that forbids a try at *at*."""
    first = broken[0]
    return first.rule, first.reason if isinstance(first, Bar) else first.reason(at)
