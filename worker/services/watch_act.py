"""`mode: watch`: each due act is told once, with what Stripe did beside it, and nothing is done."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from worker.domain.decisions import Close, Decision, Resend, Wait
from worker.domain.engine_in_flight import UNKNOWN_LOOK
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.domain.watching import WatchedAct, act_to_watch
from worker.ports import CaseChange, Tx
from worker.services.case_turn import Turn

LOOK_AGAIN = timedelta(days=1)
"""How often a case looks for news after all of its acts were watched."""


def without_traces(decision: Decision, *, now: datetime) -> Decision:
    """Return what is left of a decision where nothing may be done: no steps, no letter."""
    act = decision.act
    if isinstance(act, Close):
        act = replace(act, letter="")
    if isinstance(act, Resend):
        reason, look_at = f"Mode watch: {decision.reason}", now + UNKNOWN_LOOK
        return replace(
            decision, act=Wait(), rule="watched", reason=reason, next_at=look_at, skips=()
        )
    return replace(decision, act=act, skips=())


def watch_act(turn: Turn, decision: Decision, act: WatchedAct, *, news: Sequence[Fact]) -> None:
    """Write down and tell what would have been done; the case goes on to its next act.

    An act that was watched before is not told again: nothing follows it, so the case waits.
    """
    known = act.step in {each.step for each in turn.watched}
    waiting = replace(
        decision,
        act=Wait(),
        rule="watched",
        reason=f"Mode watch, nothing was done: {decision.reason}",
        next_at=turn.now + LOOK_AGAIN,
        skips=(),
        next_step="",
    )
    written: list[bool] = []

    def write(tx: Tx) -> Sequence[Fact]:
        if not known:
            written.append(tx.watched.put(turn.case, act, turn.invoice))
        return []

    change = CaseChange(owner=decision.owner, next_action_at=waiting.next_at if known else turn.now)
    turn.finish(change, decision=waiting, facts=news, also=write)
    if any(written):
        turn.ports.log.info(
            "watched",
            case=case_name(turn.case.id),
            invoice=turn.case.invoice_id,
            subscription=turn.case.subscription_id,
            act=act.kind.value,
            step=act.step,
            notice=act.notice,
            amount_minor=turn.invoice.amount_remaining_minor,
            currency=turn.invoice.currency,
            beside=act.beside,
            business_at=turn.now,
        )


def due_act(turn: Turn, decision: Decision) -> WatchedAct | None:
    """Return the outward act of a decision, or None where it has none."""
    return act_to_watch(turn.situation(), decision)
