"""Begin one request of an ending: intent first, like a charge (architecture.md D6)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from worker.domain.case import CANCELS, Attempt, AttemptState
from worker.domain.decisions import Decision, End, Wait
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name, idempotency_key
from worker.ports import CaseChange
from worker.services.case_turn import LeaseLostError, Turn
from worker.services.send_ending import send_ending


def apply_ending(turn: Turn, decision: Decision, end: End, *, news: Sequence[Fact]) -> None:
    """Write the intent, then send it, unless the switch or the day's cap says wait."""
    ports = turn.ports
    wall_now = ports.clock.wall_now()
    no = turn.case.next_no
    attempt = Attempt(
        no=no,
        kind=end.kind,
        step=f"ending: {end.kind.value.replace('_', ' ')}",
        key=idempotency_key(turn.case.invoice_id, no),
        state=AttemptState.SENDING,
        amount_minor=turn.invoice.amount_remaining_minor,
        currency=turn.invoice.currency,
        payment_method_id="",
        sent_at=turn.now,
        first_sent_at=wall_now,
    )
    limits = ports.configuration.dunning.limits
    day_began = start_of_day(turn.now, ports.configuration.dunning.office_zone)
    with ports.ledger.begin() as tx:
        held = tx.cases.hold_lease(turn.case.id, token=turn.token, wall_now=wall_now)
        if held is None:
            raise LeaseLostError
        control = tx.control.read()
        allowed = control is not None and control.charging and held.in_flight is None
        allowed = allowed and held.shift == turn.case.shift  # else somebody gave it more time
        allowed = allowed and tx.holds.on_case(held, now=turn.now) is None
        allowed = allowed and not tx.acts.close_is_asked(held.id)
        capped = False
        if allowed and end.kind in CANCELS:
            kinds = [kind.value for kind in CANCELS]
            capped = tx.attempts.sent_since(kinds, since=day_began) >= limits.endings_per_day
        started = allowed and not capped and tx.attempts.start(held, attempt)
        if started:
            tx.cases.record_skips(held.id, decision.skips, at=turn.now)
            tx.cases.record_decision(held.id, decision, at=turn.now)
            tx.facts.append(news, wall_now=wall_now)
    if started:
        with_intent = replace(turn.case, attempts=(*turn.case.attempts, attempt))
        send_ending(turn.with_case(with_intent), attempt, first=True)
    elif capped:
        _wait_for_tomorrow(turn, decision, day_began + timedelta(days=1), news)
    else:
        turn.hand_back()


def start_of_day(now: datetime, zone: str) -> datetime:
    """Return midnight of *now*'s day on the office's clock, as an aware instant."""
    local = now.astimezone(ZoneInfo(zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.astimezone(now.tzinfo)


def _wait_for_tomorrow(
    turn: Turn, decision: Decision, tomorrow: datetime, news: Sequence[Fact]
) -> None:
    limit = turn.ports.configuration.dunning.limits.endings_per_day
    waiting = replace(
        decision,
        act=Wait(),
        rule="limit_reached",
        reason=f"The limit of {limit} endings a day is reached; the ending waits.",
        next_at=tomorrow,
        skips=(),
    )
    change = CaseChange(next_action_at=tomorrow, next_step="ending")
    turn.finish(change, decision=waiting, facts=news)
    turn.ports.log.warning(
        "limit.reached",
        limit=limit,
        case=case_name(turn.case.id),
        next_at=tomorrow,
        do="dunning status; raise limits → endings in config/dunning.yaml",
    )
