"""Charge an invoice: intent, request, outcome, in three short commits (architecture.md D6)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from worker.domain.case import Attempt, AttemptKind, AttemptState, Case
from worker.domain.decisions import Charge, Decision, Resend
from worker.domain.engine_situation import Obstacle
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name, idempotency_key
from worker.domain.readings import Answer, AnswerKind, method_in_use
from worker.errors import GatewayRejected, GatewayUnavailable
from worker.ports import Tx
from worker.services.approvals import use_approval
from worker.services.case_turn import Later, Turn, window_is_over
from worker.services.foreign_keys import report_foreign_keys, stop_for_foreign_keys
from worker.services.learn_charges import learn_of_others
from worker.services.permission import Verdict, may_begin, may_resend
from worker.services.send_ending import send_ending
from worker.services.settle_attempt import settle_charge

LOOK_AT_INVOICE = timedelta(hours=1)
"""How soon the invoice is read again while a request waits for room to be sent again."""
RATE_PAUSE = timedelta(minutes=1)
"""How soon a case looks again whose charge found no slot, or came second."""
UNREAD_PAUSE = timedelta(minutes=5)
"""How soon a case looks again whose customer's other invoice Stripe did not show."""


def charge_invoice(
    turn: Turn, decision: Decision, charge: Charge, *, news: Sequence[Fact]
) -> Obstacle | None:
    """Make one new attempt on the invoice, or return what keeps it from starting now.

    Then nothing was written and the lease is still ours: the caller decides anew.
    """
    ports = turn.ports
    unread = _unread_of_others(turn)
    if unread is not None:
        return unread
    if not ports.stripe.take_charge_slot():
        ports.log.info("rate.limited", case=case_name(turn.case.id), waiting=1)
        why = "Stripe's limit of requests is used up"
        return Obstacle(why, turn.now + RATE_PAUSE, passes_soon=True)
    attempt = Attempt(
        no=turn.case.next_no,
        kind=AttemptKind.CHARGE,
        step=charge.step,
        key=idempotency_key(turn.case.invoice_id, turn.case.next_no),
        state=AttemptState.SENDING,
        amount_minor=turn.invoice.amount_remaining_minor,
        currency=turn.invoice.currency,
        payment_method_id=charge.payment_method_id,
        sent_at=turn.now,
        first_sent_at=ports.clock.wall_now(),
    )
    committed_at = ports.clock.monotonic_seconds()
    started = start_attempt(turn, decision, attempt, news=news)
    if isinstance(started, Obstacle):
        return started
    if started is not None:
        _send(turn.with_case(started), decision, attempt, committed_at, first=True)
    return None


def _unread_of_others(turn: Turn) -> Obstacle | None:
    """Return what keeps the charge back for the customer's other invoices, or None."""
    try:
        learnt = learn_of_others(turn)
    except GatewayUnavailable:  # letters go out all the same
        why = "another invoice of the customer could not be read"
        return Obstacle(why, turn.now + UNREAD_PAUSE, passes_soon=True)
    why = "another payment of the customer has failed meanwhile"
    return Obstacle(why, turn.now + RATE_PAUSE, passes_soon=True) if learnt else None


def start_attempt(
    turn: Turn, decision: Decision, attempt: Attempt, *, news: Sequence[Fact]
) -> Case | Obstacle | None:
    """Commit the intent (T2) if the fence, the switch and the caps allow it.

    Returns the case with the attempt in flight; or what keeps it from starting, with nothing
    written and the lease still ours; or None where the case was given back. Raises: LeaseLostError.
    """
    ports = turn.ports
    wall_now, asked_at = ports.clock.wall_now(), turn.by_now
    with ports.ledger.begin() as tx:
        held = turn.fence(tx)
        permission = may_begin(tx, turn, held, attempt, asked_at=asked_at)
        started = permission.granted and held.in_flight is None
        started = started and _network_allows(tx, turn, attempt)
        started = started and tx.attempts.start(held, attempt, asked_at=asked_at)
        if started:
            tx.cases.record_skips(held.id, decision.skips, at=turn.now)
            tx.cases.record_decision(held.id, decision, at=turn.now)
            tx.facts.append(news, wall_now=wall_now)
            request = turn.around.retry_request
            if request is not None and attempt.step == f"by hand {request.id}":
                tx.acts.answer(request.id, answer=f"attempt {attempt.no}", now=turn.now)
            use_approval(tx, turn, attempt)
            tx.canaries.join(held.id, now=turn.now)
    if started:
        # A letter may have gone to the mail server since the look began; from here on none does.
        attempts = (*turn.case.attempts, attempt)
        return replace(turn.case, letters=held.letters, attempts=attempts)
    if permission.verdict is Verdict.HAND_BACK:
        turn.hand_back()
        return None
    if permission.verdict is Verdict.WAIT:
        return Obstacle(permission.why, permission.until, passes_soon=True, limit=permission.limit)
    why = "another payment of this customer or card came first"
    return Obstacle(why, turn.now + RATE_PAUSE, passes_soon=True)


def _network_allows(tx: Tx, turn: Turn, attempt: Attempt) -> bool:
    """Ask the network ledger again: since the decision another customer's charge may have been
    made with the same card, or the customer been charged for another invoice. Callers wait for each
    other at the hourly count before this."""
    if attempt.kind is not AttemptKind.CHARGE:
        return True
    around = tx.cases.surroundings(
        turn.case, turn.invoice, now=turn.by_now, wall_now=turn.ports.clock.wall_now()
    )
    if around.other_try_at != turn.around.other_try_at:
        return False
    if set(around.unread_others) - set(turn.around.unread_others):
        return False
    at = replace(turn, around=around).situation()
    methods = [*around.methods, *([at.method] if at.method is not None else [])]
    method = next((each for each in methods if each.id == attempt.payment_method_id), None)
    if method is None:
        return False
    outage, in_use = around.outage, method_in_use(turn.invoice)
    if outage is not None and not outage.may_try and in_use is not None and in_use.id == method.id:
        return False  # another case's try feels for the outage's end
    allowed = at.allowance(method).at
    return allowed is not None and allowed <= turn.now


def resend_attempt(turn: Turn, decision: Decision, resend: Resend, *, news: Sequence[Fact]) -> None:
    """Ask Stripe again about an attempt whose outcome is unknown: same key, same parameters."""
    ports = turn.ports
    attempt = next(a for a in turn.case.attempts if a.no == resend.no)
    if attempt.kind is AttemptKind.CHARGE and not ports.stripe.take_charge_slot():
        turn.hand_back()
        return
    committed_at = ports.clock.monotonic_seconds()
    wall_now, asked_at = ports.clock.wall_now(), turn.by_now
    with ports.ledger.begin() as tx:
        held = turn.fence(tx)
        permission = may_resend(tx, turn, held, attempt, asked_at=asked_at)
        if permission.granted:
            tx.attempts.resend(held, attempt.no, asked_at=asked_at, wall_now=wall_now)
            tx.cases.record_decision(held.id, decision, at=turn.now)
            tx.facts.append(news, wall_now=wall_now)
    if not permission.granted:
        turn.hand_back(_by_the_hour(permission.later(turn.now), turn.now))
        return
    again = replace(attempt, sends=attempt.sends + 1)
    if attempt.kind is AttemptKind.CHARGE:
        _send(turn, decision, again, committed_at, first=False)
    else:
        send_ending(turn, again, committed_at=committed_at, first=False)


def _by_the_hour(later: Later | None, now: datetime) -> Later | None:
    """Return *later*, but at most an hour away: meanwhile the invoice may show what came of it."""
    return later and replace(later, at=min(later.at, now + LOOK_AT_INVOICE))


def _send(
    turn: Turn, decision: Decision, attempt: Attempt, committed_at: float, *, first: bool
) -> None:
    """Send the request (P) inside its window and settle what came back (T3)."""
    ports = turn.ports
    if window_is_over(ports, committed_at):
        turn.hand_back()
        return
    started_at = ports.clock.monotonic_seconds()
    answer = _pay(turn, attempt)
    took_ms = int((ports.clock.monotonic_seconds() - started_at) * 1000)
    if first and answer.replayed:
        report_foreign_key(turn, attempt, answer)
    answered = replace(attempt, reached_at=turn.by_now)
    settle_charge(turn, answered, answer, took_ms=took_ms, owner=decision.owner)


def _pay(turn: Turn, attempt: Attempt) -> Answer:
    try:
        return turn.ports.stripe.pay_invoice(
            turn.case.invoice_id, payment_method_id=attempt.payment_method_id, key=attempt.key
        )
    except GatewayRejected as refused:  # the key is wrong or lacks a right: nothing was charged
        turn.ports.log.error(
            "stripe.rejected", case=case_name(turn.case.id), error=refused, do="dunning doctor"
        )
        return Answer(AnswerKind.REFUSED, refused.status, refused.code)


def report_foreign_key(turn: Turn, attempt: Attempt, answer: Answer) -> None:
    """Stop charging: Stripe had already seen a key that this ledger used for the first time.

    A second worker runs on this account, or this ledger was restored from a backup (D6).
    """
    ports, keys = turn.ports, [attempt.key]
    with ports.ledger.begin() as tx:
        stop_for_foreign_keys(tx, keys, now=turn.now, wall_now=ports.clock.wall_now())
    report_foreign_keys(ports.log, keys, now=turn.now, request_id=answer.request_id)
