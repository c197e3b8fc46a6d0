"""Look at one case: claim it, read Stripe again, decide, act (architecture.md 5)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from worker.domain.case import Case, CaseState, Failure
from worker.domain.decisions import (
    Charge,
    Close,
    Decision,
    End,
    GoOn,
    Hold,
    Refuse,
    Release,
    Reopen,
    Resend,
    Review,
    SetAccess,
    SettleAttempt,
    Wait,
    Write,
)
from worker.domain.due_dates import with_due_date
from worker.domain.engine_in_flight import UNKNOWN_LOOK
from worker.domain.engine_outcomes import failed_as_ours, not_ours_after_all, settles_by_another
from worker.domain.engine_situation import Obstacle
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.domain.outages import Outage
from worker.domain.policy import Mode
from worker.domain.policy_text import from_plain
from worker.errors import GatewayRejected, ServiceUnavailable
from worker.ports import CaseChange, Control, Tx
from worker.services.apply_ending import apply_ending
from worker.services.approvals import asked_facts, over_facts, report_question
from worker.services.away import away_pause
from worker.services.case_facts import failed_fact, late_failed_fact, moved_fact, scheduled_facts
from worker.services.case_turn import (
    FEED_LAG_MAX,
    LEASE,
    CasePorts,
    LeaseLostError,
    Turn,
    by_now,
    report_review,
)
from worker.services.change_access import change_access
from worker.services.charge_invoice import charge_invoice, resend_attempt
from worker.services.close_case import close_case
from worker.services.queue_letter import queue_case_letter
from worker.services.settle_attempt import settle_shown_outcome
from worker.services.to_review import refund_first, to_review
from worker.services.understand_failure import understand_failure
from worker.services.watch_act import due_act, watch_act, without_traces

OUTWARD = (Charge, Resend, Write, SetAccess, End)
MONEY = (Charge, Resend, End)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A leased case and the control row as they were at the claim."""

    case: Case
    token: str
    control: Control
    feed_read_at: datetime | None


def advance_case(case_id: int, *, ports: CasePorts, now: datetime) -> str:
    """Do the one next thing about a case and return its rule; empty where there was nothing to do.

    A case that is not due, or that somebody else has, is left alone: messages are only hints.
    Args: now: business time of this run. Raises: ServiceUnavailable: a neighbour is away; nobody
    acts, the case was given back and is rung for again.
    """
    claimed = _claim(case_id, ports=ports, now=now)
    if claimed is None:
        return ""
    try:
        return _look(claimed, ports, now)
    except LeaseLostError:
        return "lease_lost"
    except ServiceUnavailable:
        _hand_back(claimed, ports, now)
        raise


def _claim(case_id: int, *, ports: CasePorts, now: datetime) -> Claimed | None:
    """Take the case, then read the switch: who turns it wakes the case before letting go of it."""
    token, wall_now = ports.new_token(), ports.clock.wall_now()
    with ports.ledger.begin() as tx:
        case = tx.cases.claim(case_id, now=now, wall_now=wall_now, token=token, lease=LEASE)
        control, feed_read_at = tx.control.read(), tx.control.cursor("events")
    if case is None or control is None:
        return None
    return Claimed(case, token, control, feed_read_at)


def _hand_back(claimed: Claimed, ports: CasePorts, now: datetime) -> None:
    """Leave the case due, but let no scan ring for it again and again while all have to wait."""
    paused_until = ports.clock.wall_now() + away_pause(claimed.control)
    with ports.ledger.begin() as tx:
        tx.cases.hand_back(
            claimed.case.id, token=claimed.token, retry_at=now, paused_until=paused_until
        )


def _look(claimed: Claimed, ports: CasePorts, now: datetime) -> str:
    behind = claimed.feed_read_at is None or now - claimed.feed_read_at > FEED_LAG_MAX
    if behind:
        _hand_back(claimed, ports, now)
        return "feed_behind"
    try:
        turn = _read(claimed, ports, now)
    except GatewayRejected as error:
        return _unreadable(claimed, ports, now, error)
    if ports.stopping():
        turn.hand_back()
        return "stopping"
    decision = _decide(turn, claimed.control)
    if turn.around.outage is not None and decision.rule == "outage":
        _say_outage(ports, turn.around.outage, now)
    obstacle = _act(turn, decision, known=claimed.case.failure)
    if obstacle is None:
        return decision.rule
    return _look_past(obstacle, turn, claimed)


def _decide(turn: Turn, control: Control) -> Decision:
    if turn.ports.watches_only:
        return without_traces(turn.decide(), now=turn.now)
    return _gated(turn.decide(), control, turn.ports.configuration.dunning.mode, turn.now)


def _look_past(obstacle: Obstacle, turn: Turn, claimed: Claimed) -> str:
    """Decide anew, knowing that no charge may start just now: a letter may be due all the same."""
    wall_now = turn.ports.clock.wall_now()
    with turn.ports.ledger.begin() as tx:
        around = tx.cases.surroundings(turn.case, turn.invoice, now=turn.now, wall_now=wall_now)
    turn = replace(turn, around=around, obstacle=obstacle)
    decision = _decide(turn, claimed.control)
    _act(turn, decision, known=claimed.case.failure)
    return decision.rule


def _say_outage(ports: CasePorts, outage: Outage, now: datetime) -> None:
    """Tell the people on call once an hour: nothing is wrong here, and nothing is lost."""
    with ports.ledger.begin() as tx:
        first = tx.jobs.once(f"outage {outage.group}", f"{now:%Y-%m-%dT%H}", now=now)
    if first:
        ports.log.warning(
            "outage",
            group=outage.group,
            failed=outage.failed,
            of=outage.of,
            do="nothing: tries and letters of these cards wait and go on by themselves",
        )


def _read(claimed: Claimed, ports: CasePorts, now: datetime) -> Turn:
    case = claimed.case
    invoice_read_s = ports.clock.monotonic_seconds()
    invoice = ports.stripe.read_invoice(case.invoice_id)
    with ports.ledger.begin() as tx:
        around = tx.cases.surroundings(case, invoice, now=now, wall_now=ports.clock.wall_now())
        text = tx.control.policy(case.policy_digest)
        watched = tx.watched.of_case(case.id) if ports.watches_only else ()
    policy = from_plain(text) if text is not None else ports.configuration.dunning.policies[-1]
    stands = claimed.control.business_at is not None
    case = understand_failure(
        case,
        invoice,
        around,
        ledger=ports.ledger,
        stripe=ports.stripe,
        log=ports.log,
        now=now,
        read_at=by_now(ports.clock, now, clock_stands=stands),
    )
    case = with_due_date(case, invoice)
    return Turn(
        ports,
        case,
        claimed.token,
        now,
        policy,
        invoice,
        around,
        invoice_read_s,
        watched=watched,
        clock_stands=stands,
    )


def _unreadable(claimed: Claimed, ports: CasePorts, now: datetime, error: GatewayRejected) -> str:
    """The invoice is gone, or our key may not read it: a person must look; other cases go on."""
    case = claimed.case
    if error.status != 404:
        ports.log.error(
            "stripe.rejected",
            case=case_name(case.id),
            error=str(error),
            do="dunning doctor",
        )
        with ports.ledger.begin() as tx:
            later = now + timedelta(minutes=15)
            tx.cases.hand_back(case.id, token=claimed.token, retry_at=later, wake_seq=case.wake_seq)
        return "stripe_rejected"
    reason = "the invoice is gone at Stripe"
    at_rest = case.state in {CaseState.CLOSED, CaseState.IN_REVIEW}
    change = CaseChange(
        state=None if at_rest else CaseState.IN_REVIEW, reason=None if at_rest else reason
    )
    with ports.ledger.begin() as tx:
        if not tx.cases.finish(case, change, token=claimed.token, now=now):
            raise LeaseLostError
        if not at_rest:
            fact = moved_fact(case, "case.in_review", at=now, reason=reason)
            tx.facts.append([fact], wall_now=ports.clock.wall_now())
    if not at_rest:
        report_review(ports, case, reason)
    return "invoice_gone"


def _gated(decision: Decision, control: Control, mode: Mode, now: datetime) -> Decision:
    """Turn an outward act into a wait while the switch or the mode forbids it."""
    if not isinstance(decision.act, OUTWARD):
        return decision
    # What became of a request is looked for all the same, and its key grows old meanwhile.
    look_at = now + UNKNOWN_LOOK if isinstance(decision.act, Resend) else None
    if not control.charging:
        return replace(
            decision,
            act=Wait(),
            rule="stopped",
            reason=f"Stopped ({control.stop_cause}): nothing is charged, written or ended.",
            next_at=look_at,
            skips=(),
        )
    if mode is Mode.LETTERS and isinstance(decision.act, MONEY):
        return replace(
            decision,
            act=Wait(),
            rule=f"mode_{mode.value}",
            reason=f"Mode {mode.value}: {decision.reason}",
            next_at=look_at or now + timedelta(days=1),
            skips=(),
        )
    return decision


def _act(turn: Turn, decision: Decision, *, known: Failure | None) -> Obstacle | None:
    """Do what was decided, or return what keeps a charge from starting."""
    news = _news(turn, decision, known)
    watched = due_act(turn, decision) if turn.ports.watches_only else None
    if watched is not None:
        watch_act(turn, decision, watched, news=news)
        return None
    match decision.act:
        case Charge() as charge:
            return charge_invoice(turn, decision, charge, news=news)
        case Resend() as resend:
            resend_attempt(turn, decision, resend, news=news)
        case End() as end:
            apply_ending(turn, decision, end, news=news)
        case SettleAttempt() as settle:
            settle_shown_outcome(turn, decision, settle, news=news)
        case Close() as close:
            close_case(turn, decision, close, news=news)
        case Write() as write:
            queue_case_letter(turn, decision, write, news=news)
        case SetAccess() as access:
            change_access(turn, decision, access, news=news)
        case _:
            _stand(turn, decision, news)
    return None


def _news(turn: Turn, decision: Decision, known: Failure | None) -> list[Fact]:
    """Return `payment.failed` where this read brought a failure the case did not know.

    What became of a try of ours is told as `payment.retried`, also where its answer was lost. What
    may be one is told once it is known to be none; a fact that was told before stays as it is.
    """
    failure, at = turn.case.failure, turn.situation()
    late: list[Fact] = []
    if known is not None and not_ours_after_all(
        at, known, ours_was_another=settles_by_another(at, decision.act, known)
    ):
        late = [late_failed_fact(turn.case, known, turn.invoice, turn.around.tries)]
    if failure is None or (known is not None and known.charge_id == failure.charge_id):
        return late
    if failed_as_ours(at, decision.act):
        return late
    return [*late, failed_fact(turn.case, failure, turn.invoice)]


def _stand(turn: Turn, decision: Decision, news: list[Fact]) -> None:
    """Commit a decision that does nothing outward: wait, hold, release, reopen, review."""
    act, case = decision.act, turn.case
    change = CaseChange(
        owner=decision.owner, next_action_at=decision.next_at, next_step=decision.next_step
    )
    facts = [*news]
    match act:
        case Hold(reason):
            change = replace(change, state=CaseState.HELD, reason=reason)
            facts.append(moved_fact(case, "case.held", at=turn.now, reason=reason, by=_by(turn)))
        case Release(reason):
            change = replace(change, state=CaseState.OPEN, reason="", goes_on=True)
            by = _by(turn)
            facts.append(moved_fact(case, "case.released", at=turn.now, reason=reason, by=by))
        case GoOn():
            change = replace(change, goes_on=True)
        case Reopen(reason, goes_on):
            change = replace(
                change, state=CaseState.OPEN, reason=reason, reopened=True, goes_on=goes_on
            )
            facts.append(moved_fact(case, "case.opened", at=turn.now, reason=reason))
        case Review():
            act, change = to_review(turn, act, change)
            facts.append(moved_fact(case, "case.in_review", at=turn.now, reason=act.reason))
        case _ if not turn.ports.watches_only:
            facts += scheduled_facts(case, turn.policy, decision, at=turn.now)
            facts += asked_facts(turn, decision)
    also = refund_first(turn, act) if isinstance(act, Review) else _answer(turn, decision)
    turn.finish(change, decision=decision, facts=facts, also=also)
    report_question(turn, decision)
    if isinstance(act, Review):
        report_review(turn.ports, case, act.reason)
    if isinstance(act, Hold):
        turn.ports.log.info("case.held", case=case_name(case.id), by=_by(turn))
    if isinstance(act, Release):
        turn.ports.log.info("case.released", case=case_name(case.id), by=_by(turn))


def _by(turn: Turn) -> str:
    """Return who holds the case, or took the last hold away; empty where it was a dispute."""
    around = turn.around
    if around.dispute_open:
        return ""
    if around.hold is not None:
        return around.hold.by
    return around.hold_over.released_by if around.hold_over is not None else ""


def _answer(turn: Turn, decision: Decision) -> Callable[[Tx], Sequence[Fact]] | None:
    """Return what tells a person that the charge they asked for is refused."""
    act = decision.act
    if not isinstance(act, Refuse):
        return None

    def write(tx: Tx) -> Sequence[Fact]:
        tx.acts.answer(act.request, answer=decision.reason, now=turn.now)
        return over_facts(turn, decision)

    return write
