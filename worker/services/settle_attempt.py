"""Write what an attempt came to, and what follows for its case (T3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from worker.domain.case import (
    Attempt,
    AttemptKind,
    AttemptState,
    Case,
    CaseState,
    Failure,
    Outcome,
)
from worker.domain.decisions import Close, Decision, SettleAttempt, Wait
from worker.domain.declined_try import declined_try
from worker.domain.engine_outcomes import KEY_REFUSED, abandoned, not_ours_after_all
from worker.domain.engine_truth import recovered_by_step, was_written_to
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.domain.policy import DeclineClass, RetriesBy
from worker.domain.readings import (
    Answer,
    AnswerKind,
    DeclineSignals,
    PaymentMethodReading,
    method_in_use,
)
from worker.errors import GatewayRejected, ServiceUnavailable
from worker.ports import CaseChange, Tx
from worker.services.approvals import asked_facts, report_question
from worker.services.case_facts import (
    late_failed_fact,
    moved_fact,
    retried_fact,
    scheduled_facts,
)
from worker.services.case_turn import Turn, ask_again_at, report_review
from worker.services.close_case import close_case
from worker.services.give_offer import coupon_settled
from worker.services.understand_failure import failure_of_answer

DEBIT_LOOK = timedelta(days=1)
"""How often a bank debit under way is looked at, beside the event that ends it."""

OVER = frozenset(("paid", "void", "uncollectible"))
"""Statuses of an invoice that tell what became of a charge; of others we know nothing."""

REFUSED_MAX = 3
"""After this many refused charges a person looks at the case."""


def settle_charge(
    turn: Turn, attempt: Attempt, answer: Answer, *, took_ms: int, owner: RetriesBy | None
) -> None:
    """Commit the outcome of one charge request and the case's next move."""
    match answer.kind:
        case AnswerKind.DONE:
            _won(turn, attempt, answer)
        case AnswerKind.DECLINED | AnswerKind.ACTION_REQUIRED:
            _declined(turn, attempt, answer, owner)
        case AnswerKind.PROCESSING:
            _waits_for_bank(turn, attempt, answer)
        case AnswerKind.REFUSED:
            _refused(turn, attempt, answer)
        case _:
            _unanswered(turn, attempt, answer, owner)
    _log(turn, attempt, answer, took_ms)


def _unanswered(turn: Turn, attempt: Attempt, answer: Answer, owner: RetriesBy | None) -> None:
    def remember(tx: Tx) -> Sequence[Fact]:
        if not 400 <= answer.status < 500:  # a 429 or 409 is an answer: not now
            tx.attempts.unanswered(turn.case, attempt.no, now=turn.now)
        return []

    change = CaseChange(owner=owner, next_action_at=ask_again_at(attempt, turn.now))
    turn.finish(change, also=remember)


def _log(turn: Turn, attempt: Attempt, answer: Answer, took_ms: int) -> None:
    signals = answer.signals or DeclineSignals()
    turn.ports.log.info(
        "attempt",
        case=case_name(turn.case.id),
        invoice=turn.case.invoice_id,
        step=attempt.step,
        no=attempt.no,
        outcome=answer.kind.value,
        code=signals.decline_code or signals.code or answer.code,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        ms=took_ms,
        request_id=answer.request_id,
        config=turn.case.policy_digest,
        business_at=turn.now,
    )


def with_attempt(case: Case, settled: Attempt) -> Case:
    """Return *case* with one attempt replaced."""
    rest = tuple(a for a in case.attempts if a.no != settled.no)
    return replace(case, attempts=tuple(sorted((*rest, settled), key=lambda a: a.no)))


def _won(turn: Turn, attempt: Attempt, answer: Answer) -> None:
    # What was credited since the intent was not paid: Stripe takes what remains at the sending.
    paid_minor = answer.amount_paid_minor or attempt.amount_minor
    attempt = replace(attempt, state=AttemptState.SUCCEEDED, amount_minor=paid_minor)
    case, by = with_attempt(turn.case, attempt), recovered_by_step(attempt.step)
    decision = Decision(
        Close(
            Outcome.RECOVERED,
            f"paid: {by.value.replace('_', ' ')}",
            by,
            letter="payment_recovered" if was_written_to(case, turn.around) else "",
        ),
        "paid",
        f"{attempt.step} went through.",
    )

    def settle(tx: Tx) -> Sequence[Fact]:
        _settle_row(tx, turn, attempt, AttemptState.SUCCEEDED, answer)
        tx.cases.record_step(turn.case.id, attempt.step, done=True, at=turn.now, reason="paid")
        return [*_others_failure(turn, answer), _told(turn, attempt, "succeeded")]

    close = decision.act
    if isinstance(close, Close):
        close_case(turn.with_case(case), decision, close, also=settle, charge_is_over=True)


def _declined(turn: Turn, attempt: Attempt, answer: Answer, owner: RetriesBy | None) -> None:
    method = _charged_method(turn, attempt, answer)
    signals = answer.signals or DeclineSignals()
    if answer.kind is AnswerKind.ACTION_REQUIRED:
        signals = replace(signals, decline_code="authentication_required")
    case = failure_of_answer(
        turn.case,
        signals,
        attempt.payment_method_id,
        answer.charge_id,
        turn.around,
        brand=method.brand if method is not None else "",
        method_type=method.type if method is not None else "",
        now=turn.now,
        ledger=turn.ports.ledger,
        log=turn.ports.log,
    )
    failure = case.failure
    decline_class = failure.decline_class if failure is not None else DeclineClass.UNCLEAR
    if answer.kind is AnswerKind.ACTION_REQUIRED:
        case = replace(case, action_required_at=turn.now)
    state, debt = AttemptState.DECLINED, turn.invoice.debt
    settled = replace(attempt, state=state, settled_at=turn.now, decline_class=decline_class)
    tried = declined_try(attempt, method, debt=debt, signals=signals, charge_id=answer.charge_id)
    after = replace(
        turn,
        case=with_attempt(case, settled),
        around=replace(
            turn.around,
            last_try_at=attempt.reached_at or turn.now,
            tries=(*turn.around.tries, tried),
            retry_request=None,
            approval=None,
        ),
    )
    planned = after.decide()
    waits = isinstance(planned.act, Wait)

    def settle(tx: Tx) -> Sequence[Fact]:
        _settle_row(tx, turn, attempt, AttemptState.DECLINED, answer, failure=failure)
        tx.cases.record_step(
            case.id, attempt.step, done=True, at=turn.now, reason=failure.code if failure else ""
        )
        plan = scheduled_facts(case, turn.policy, planned, at=turn.now) if waits else []
        plan += asked_facts(after, planned)
        code = failure.code if failure is not None else ""
        told = _told(turn, attempt, "declined", (code, decline_class.value))
        return [*_others_failure(turn, answer), told, *plan]

    after.finish(
        CaseChange(
            owner=owner,
            next_action_at=planned.next_at if waits else turn.now,
            next_step=planned.next_step if waits else "",
            charge_is_over=True,
        ),
        decision=planned if waits else None,
        also=settle,
    )
    report_question(after, planned)


def _charged_method(turn: Turn, attempt: Attempt, answer: Answer) -> PaymentMethodReading | None:
    """Return the method that was charged: a backup is not the one in use."""
    known = (answer.payment_method, method_in_use(turn.invoice), *turn.around.methods)
    wanted = attempt.payment_method_id
    return next((each for each in known if each is not None and each.id == wanted), None)


def _waits_for_bank(turn: Turn, attempt: Attempt, answer: Answer) -> None:
    def settle(tx: Tx) -> Sequence[Fact]:
        _settle_row(tx, turn, attempt, AttemptState.PROCESSING, answer)
        tx.cases.record_step(
            turn.case.id, attempt.step, done=True, at=turn.now, reason="bank debit under way"
        )
        return [*_others_failure(turn, answer), _told(turn, attempt, "processing")]

    turn.finish(CaseChange(next_action_at=turn.now + DEBIT_LOOK), also=settle)


def _refused(turn: Turn, attempt: Attempt, answer: Answer) -> None:
    """Stripe refused the request itself: read the invoice before anything else may follow."""
    payment_before = turn.invoice.payment
    charge_before = payment_before.latest_charge_id if payment_before is not None else ""
    by_status = f"http_{answer.status}"
    by_key, again = by_status in KEY_REFUSED, attempt.sends > 1
    try:
        fresh = turn.ports.stripe.read_invoice(turn.case.invoice_id)
    except (ServiceUnavailable, GatewayRejected):
        turn.finish(CaseChange(next_action_at=ask_again_at(attempt, turn.now)))
        return
    if again and (by_key or fresh.status != "open" or fresh.payment_under_way):
        # It says nothing of the first sending; what Stripe shows does, or the next answer.
        look_at = turn.now if fresh.status in OVER else ask_again_at(attempt, turn.now)
        turn.finish(CaseChange(next_action_at=look_at))
        return
    charge_now = fresh.payment.latest_charge_id if fresh.payment is not None else ""
    unclear = again and charge_now != charge_before
    stuck = unclear or (not by_key and 1 + abandoned(turn.case) >= REFUSED_MAX)
    code = answer.code if answer.code and not by_key else by_status
    reason = f"Stripe refused the charge: {code}"

    def settle(tx: Tx) -> Sequence[Fact]:
        moved = [moved_fact(turn.case, "case.in_review", at=turn.now, reason=reason)]
        if unclear:
            return moved
        _settle_row(tx, turn, attempt, AttemptState.ABANDONED, replace(answer, code=code))
        return [_told(turn, attempt, "refused"), *(moved if stuck else [])]

    turn.finish(
        CaseChange(
            state=CaseState.IN_REVIEW if stuck else None,
            reason=reason if stuck else None,
            next_action_at=turn.now if fresh.status != "open" else turn.now + timedelta(hours=1),
            charge_is_over=not unclear,
        ),
        also=settle,
    )
    if stuck:
        report_review(turn.ports, turn.case, reason)


def settle_shown_outcome(
    turn: Turn, decision: Decision, settle: SettleAttempt, *, news: Sequence[Fact]
) -> None:
    """Record what the invoice shows an unfinished attempt came to; the case is due again."""
    attempt = next(a for a in turn.case.attempts if a.no == settle.no)
    state, shown = settle.outcome, _charge_behind(turn, settle)
    made = attempt.kind is AttemptKind.CHARGE and state is not AttemptState.ABANDONED

    def write(tx: Tx) -> Sequence[Fact]:
        declined = state is AttemptState.DECLINED
        tx.attempts.settle(
            turn.case,
            attempt.no,
            state,
            now=turn.now,
            decline_class=shown.decline_class if declined else "",
            decline_code=shown.code if declined else "",
            charge_id=shown.charge_id if made else "",
            reached_at=shown.made_at if made else None,
            signals=shown.signals if declined else None,
        )
        if attempt.kind is not AttemptKind.CHARGE:
            return coupon_settled(tx, turn, attempt, state)
        if made:
            why = "paid" if settle.succeeded else shown.code
            tx.cases.record_step(turn.case.id, attempt.step, done=True, at=turn.now, reason=why)
        decline = (shown.code, shown.decline_class) if declined else ("", "")
        return [_told(turn, attempt, state.value, decline)]

    lost = attempt.state is AttemptState.SENDING and not settle.succeeded
    released = turn.case.state is CaseState.IN_REVIEW and lost
    back = moved_fact(turn.case, "case.released", at=turn.now, reason=decision.reason)
    turn.finish(
        CaseChange(
            state=CaseState.OPEN if released else None,
            reason="" if released else None,
            next_action_at=turn.now,
            charge_is_over=attempt.kind is AttemptKind.CHARGE,
        ),
        decision=decision,
        facts=[*news, *([back] if released else [])],
        also=write,
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """A charge of ours as Stripe shows it; of one that went through the code says nothing."""

    charge_id: str
    code: str
    decline_class: str
    made_at: datetime | None
    """Business time; None where it is not told."""
    signals: DeclineSignals | None = None


def _charge_behind(turn: Turn, settle: SettleAttempt) -> _Shown:
    """Return the charge that an event named, else the invoice's last one."""
    told = [each for each in turn.around.tries if each.charge_id == settle.charge_id != ""]
    if told:
        verdict = told[-1].verdict
        return _Shown(settle.charge_id, verdict.code, verdict.decline_class.value, told[-1].at)
    failure, payment = turn.case.failure, turn.invoice.payment
    charge_id = payment.latest_charge_id if payment is not None else ""
    if failure is None:
        return _Shown(charge_id, "", "", None)
    shown = _Shown(charge_id, failure.code, failure.decline_class.value, None)
    if failure.charge_id != charge_id or not charge_id:
        return shown
    return replace(shown, made_at=failure.failed_at, signals=failure.signals)


def _settle_row(
    tx: Tx,
    turn: Turn,
    attempt: Attempt,
    state: AttemptState,
    answer: Answer,
    *,
    failure: Failure | None = None,
) -> None:
    # A wish for authentication without a charge binds the case alone: no event ends it.
    tx.attempts.settle(
        turn.case,
        attempt.no,
        state,
        now=turn.now,
        decline_class=failure.decline_class.value if failure is not None else "",
        decline_code=failure.code if failure is not None else "",
        charge_id=answer.charge_id,
        answer_code=answer.code,
        request_id=answer.request_id,
        reached_at=attempt.reached_at,
        signals=failure.signals if failure is not None and answer.charge_id else None,
    )


def _others_failure(turn: Turn, answer: Answer) -> list[Fact]:
    """Return the fact of a failure that was held for ours, where *answer* names another charge."""
    failure, won = turn.case.failure, answer.kind is AnswerKind.DONE
    if failure is None:
        return []
    another = won or answer.charge_id not in {"", failure.charge_id}
    if not not_ours_after_all(turn.situation(), failure, ours_was_another=another):
        return []
    return [late_failed_fact(turn.case, failure, turn.invoice, turn.around.tries)]


def _told(turn: Turn, attempt: Attempt, outcome: str, decline: tuple[str, str] = ("", "")) -> Fact:
    """Tell the attempt's own amount: where the outcome was read, the invoice may owe nothing."""
    return retried_fact(
        turn.case,
        no=attempt.no,
        kind=attempt.kind,
        step=attempt.step,
        outcome=outcome,
        at=turn.now,
        money={"amount_minor": attempt.amount_minor, "currency": attempt.currency},
        decline=decline,
    )
