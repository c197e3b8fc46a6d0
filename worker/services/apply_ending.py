"""Begin one request of an ending: intent first, like a charge (architecture.md D6)."""

from collections.abc import Sequence
from dataclasses import replace

from worker.domain.case import Attempt, AttemptKind, AttemptState
from worker.domain.decisions import Decision, End, Wait
from worker.domain.facts import Fact
from worker.domain.identifiers import idempotency_key
from worker.ports import CaseChange
from worker.services.approvals import use_approval
from worker.services.case_turn import Turn
from worker.services.give_offer import take_offer
from worker.services.permission import Permission, Verdict, may_begin
from worker.services.send_ending import send_ending


def apply_ending(turn: Turn, decision: Decision, end: End, *, news: Sequence[Fact]) -> None:
    """Write the intent, then send it, unless what T2 asks says otherwise."""
    ports = turn.ports
    wall_now, asked_at = ports.clock.wall_now(), turn.by_now
    no = turn.case.next_no
    attempt = Attempt(
        no=no,
        kind=end.kind,
        step=end.step,
        key=idempotency_key(turn.case.invoice_id, no),
        state=AttemptState.SENDING,
        amount_minor=turn.invoice.amount_remaining_minor,
        currency=turn.invoice.currency,
        payment_method_id="",
        sent_at=turn.now,
        first_sent_at=wall_now,
    )
    committed_at = ports.clock.monotonic_seconds()
    with ports.ledger.begin() as tx:
        held = turn.fence(tx)
        permission = may_begin(tx, turn, held, attempt, asked_at=asked_at)
        started = permission.granted and held.in_flight is None
        started = started and take_offer(tx, turn, attempt)
        started = started and tx.attempts.start(held, attempt, asked_at=asked_at)
        if started:
            tx.cases.record_skips(held.id, decision.skips, at=turn.now)
            tx.cases.record_decision(held.id, decision, at=turn.now)
            tx.facts.append(news, wall_now=wall_now)
            use_approval(tx, turn, attempt)
            tx.canaries.join(held.id, now=turn.now)
    if started:
        with_intent = replace(turn.case, attempts=(*turn.case.attempts, attempt))
        send_ending(turn.with_case(with_intent), attempt, committed_at=committed_at, first=True)
    elif permission.verdict is Verdict.WAIT:
        _wait(turn, decision, end, permission, news)
    else:
        turn.hand_back()


def _wait(
    turn: Turn, decision: Decision, end: End, permission: Permission, news: Sequence[Fact]
) -> None:
    coupon = end.kind is AttemptKind.COUPON
    what = "the coupon" if coupon else "the ending"
    waiting = replace(
        decision,
        act=Wait(),
        rule="limit_reached",
        reason=f"{permission.why[:1].upper()}{permission.why[1:]}; {what} waits.",
        next_at=permission.until,
        skips=(),
    )
    change = CaseChange(
        next_action_at=permission.until,
        next_step=end.of if coupon else "ending",
        waits_for=permission.limit,
    )
    turn.finish(change, decision=waiting, facts=news)
