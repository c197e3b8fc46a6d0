"""What happened and what did not: the timeline of a case, from the rows that recorded it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from worker.cli.look_story_decided import asked, decided
from worker.cli.look_story_holds import by_whom, holds_told
from worker.cli.look_story_lines import Item
from worker.cli.look_story_plan import is_access, is_charge_step
from worker.domain.case import Attempt, AttemptKind, AttemptState, Case, LetterState
from worker.domain.declines import classify
from worker.domain.money import Money
from worker.domain.policy import DeclineClass
from worker.domain.readings import ChargeReading
from worker.domain.step_names import charges_another_method, readable
from worker.office.words import brand_words, method_words
from worker.store.reading_case import AnswerLine, CaseRecord, LetterLine
from worker.store.reading_facts import StoredFact

WAITED = timedelta(minutes=10)
"""A letter that goes out this long after it was queued has waited."""

SAME_CHARGE = timedelta(minutes=2)
"""How far the time of a failure and of its charge may lie apart."""

_NAMES = {
    AttemptKind.CANCEL: "subscription cancelled",
    AttemptKind.CANCEL_AT_PERIOD_END: "cancelled at period end",
    AttemptKind.PAUSE: "subscription paused",
    AttemptKind.HOLD_INVOICES: "new invoices held back",
    AttemptKind.DOWNGRADE: "moved to another price",
    AttemptKind.UNCOLLECTIBLE: "invoice uncollectible",
    AttemptKind.VOID: "invoice voided",
    AttemptKind.COUPON: "coupon given",
}
_PAID = {
    "retry": "by a try of ours",
    "new card": "with a new card",
    "backup": "with another method on file",
    "by hand": "by a try that a person asked for",
    "customer": "by the customer",
    "out of band": "outside of Stripe",
    "stripe": "by a try of Stripe's",
}
_NOT_SENT = {
    LetterState.SUPPRESSED.value: ("not sent", "notice.suppressed"),
    LetterState.REFUSED.value: ("refused", "notice.failed"),
    LetterState.UNKNOWN.value: ("perhaps sent", "notice.unknown"),
}


def timeline(record: CaseRecord, *, office_zone: str, quiet: str, now: datetime) -> list[Item]:
    """Return everything that happened, oldest first.

    Args: quiet: the hours in which letters go out, such as `08:00-18:00 on weekdays`.
    """
    holds, told = holds_told(record, office_zone=office_zone)
    record = replace(record, facts=tuple(fact for fact in record.facts if fact.id not in told))
    # In the order in which things follow each other where they happen at one instant.
    items = [
        *asked(record),
        *_resumptions(record),
        *(_failures(record) if record.case.due_at is None else _due(record.case, now)),
        *_skips(record),
        *_attempts(record),
        *holds,
        *_states(record),
        *_approvals(record),
        *decided(record, office_zone=office_zone, now=now),
        *_letters(record, quiet),
    ]
    return sorted(items, key=lambda item: item.at)


def _failures(record: CaseRecord) -> Iterator[Item]:
    ours = {answer.charge_id for answer in record.answers.values() if answer.charge_id}
    told = [fact for fact in record.facts if fact.type == "payment.failed"]
    if not any(fact.time == record.case.failed_at for fact in told):
        yield Item(record.case.failed_at, "payment failed")
    for fact in told:
        charge = _charge_near(record, fact.time)
        if charge is not None and charge.id in ours:
            continue
        code, kind = str(fact.data.get("decline_code")), str(fact.data.get("decline_class"))
        yield _declined(fact.time, "payment failed", code, kind, charge)


def _due(case: Case, now: datetime) -> Iterator[Item]:
    """Tell of an invoice that is paid by hand: when it was taken up, and that its day has come."""
    yield Item(case.opened_at, "invoice sent", "paid by hand, due {until}", case.due_at)
    if case.unpaid_from_at is not None and case.unpaid_from_at <= now:
        yield Item(case.unpaid_from_at, "invoice due", "not paid yet")


def _charge_near(record: CaseRecord, at: datetime) -> ChargeReading | None:
    near = [
        charge
        for charge in record.charges
        if charge.status == "failed" and abs(charge.created_at - at) <= SAME_CHARGE
    ]
    return min(near, key=lambda charge: abs(charge.created_at - at), default=None)


def _declined(
    at: datetime,
    what: str,
    code: str,
    kind: str,
    charge: ChargeReading | None,
    *,
    method: str = "",
) -> Item:
    """Tell one decline: of which method, its code, its class, and what it allows."""
    said = " -> ".join(part for part in (code, kind.replace("_", " ")) if part)
    said = f"{method}: {said}" if method else said
    if charge is None:
        return Item(at, what, said)
    decline = classify(
        charge.signals, brand=charge.brand, payment_method_type=charge.payment_method_type
    )
    advice = charge.signals.network_advice_code
    named = f", {brand_words(charge.brand)} advice {advice}" if advice else ""
    if decline.may_retry and decline.earliest_wait:
        return Item(at, what, f"{said}{named}: not before {{until}}", at + decline.earliest_wait)
    if decline.may_retry:
        return Item(at, what, f"{said}{named}: retry allowed")
    needs = "needs a new payment method" if decline.needs_new_method else "no further try of it"
    if decline.decline_class is DeclineClass.SETUP:
        needs = "only a change of our set-up helps"
    return Item(at, what, f"{said}{named}: {needs}")


def _attempts(record: CaseRecord) -> Iterator[Item]:
    for attempt in record.case.attempts:
        answer = record.answers[attempt.no]
        if attempt.kind is AttemptKind.CHARGE:
            yield from _charge_items(record, attempt, answer)
        else:
            yield _ending_item(attempt, answer)


def _charge_items(record: CaseRecord, attempt: Attempt, answer: AnswerLine) -> Iterator[Item]:
    name = readable(attempt.step)
    money = Money(attempt.amount_minor, attempt.currency)
    settled_at = attempt.settled_at or attempt.sent_at
    again = f"asked {attempt.sends} times with one key" if attempt.sends > 1 else ""
    if settled_at - attempt.sent_at > WAITED:
        yield Item(attempt.sent_at, f"{name} sent", again or "the bank takes its time", money=money)
    match attempt.state:
        case AttemptState.SUCCEEDED:
            said = "; ".join(each for each in (_other_method(record, attempt), again) if each)
            yield Item(settled_at, f"{name} paid", said, money=money)
        case AttemptState.DECLINED:
            charge = next((c for c in record.charges if c.id == answer.charge_id), None)
            yield _declined(
                settled_at,
                f"{name} declined",
                answer.decline_code,
                answer.decline_class,
                charge,
                method=_other_method(record, attempt),
            )
        case AttemptState.ABANDONED:
            code = answer.answer_code or "the invoice shows no payment of ours"
            yield Item(settled_at, f"{name} came to nothing", code)
        case AttemptState.PROCESSING:
            yield Item(attempt.sent_at, f"{name} under way", "a bank debit takes days", money=money)
        case _:
            yield Item(
                attempt.sent_at, f"{name} sent", again or "Stripe's answer is unknown", money=money
            )


def _other_method(record: CaseRecord, attempt: Attempt) -> str:
    """Return which method it was where it was not the one that had failed: `Visa ..4242`."""
    if not charges_another_method(attempt.step):
        return ""
    known = (each for each in record.around.methods if each.id == attempt.payment_method_id)
    return method_words(next(known, None))


def _ending_item(attempt: Attempt, answer: AnswerLine) -> Item:
    at, name = attempt.settled_at or attempt.sent_at, _NAMES[attempt.kind]
    if attempt.state is AttemptState.SUCCEEDED:
        return Item(at, name, "the last step is over and nobody paid")
    if attempt.state is AttemptState.ABANDONED:
        return Item(at, f"not {name}", answer.answer_code or "Stripe shows that it did not happen")
    return Item(at, f"{name}?", "asked; Stripe's answer is unknown")


def _letters(record: CaseRecord, quiet: str) -> Iterator[Item]:
    for letter in record.letters:
        name = (
            "closing letter" if letter.step.startswith("closing") else letter.step or letter.notice
        )
        name = readable(name)
        waits_until = _send_at(record, letter)
        if waits_until is not None and waits_until - letter.queued_at > WAITED:
            detail = f"letters go {quiet} there: until {{until}}"
            yield Item(letter.queued_at, f"{name} waits", detail, waits_until, there=True)
        if letter.sent_at is not None:
            parts = [letter.notice, letter.locale, "accepted by the mail server"]
            detail = ", ".join(part for part in parts if part)
            yield Item(letter.sent_at, f"{name} sent", detail)
        elif letter.state in _NOT_SENT:
            word, kind = _NOT_SENT[letter.state]
            fact = _notice_fact(record, kind, letter)
            at = fact.time if fact is not None else letter.queued_at
            yield Item(at, f"{name} {word}", _why_not_sent(letter))


def _why_not_sent(letter: LetterLine) -> str:
    kind, colon, closing = letter.reason.partition("case closed: ")
    return f"the case closed: {paid_words(closing)}" if colon and not kind else letter.reason


def _send_at(record: CaseRecord, letter: LetterLine) -> datetime | None:
    """Return when the letter was allowed to go out, as it was planned when it was queued."""
    queued = _notice_fact(record, "notice.queued", letter)
    planned = str(queued.data.get("next_action_at") or "") if queued is not None else ""
    return datetime.fromisoformat(planned) if planned else letter.next_action_at


def _notice_fact(record: CaseRecord, kind: str, letter: LetterLine) -> StoredFact | None:
    return next(
        (
            fact
            for fact in record.facts
            if fact.type == kind
            and fact.data.get("step") == letter.step
            and fact.data.get("notice") == letter.notice
        ),
        None,
    )


def _skips(record: CaseRecord) -> Iterator[Item]:
    for step in record.case.steps:
        if not step.done:
            word = "made" if is_charge_step(record.policy, step.step) else "written"
            word = "changed" if is_access(record.policy, step.step) else word
            yield Item(step.at, f"{readable(step.step)} not {word}", step.reason)


def _resumptions(record: CaseRecord) -> Iterator[Item]:
    for fact in record.facts:
        reason = str(fact.data.get("reason", ""))
        if fact.type == "case.released":
            yield Item(fact.time, "goes on", reason)
        elif fact.type == "case.opened" and reason:
            yield Item(fact.time, "opened again", reason)


def _states(record: CaseRecord) -> Iterator[Item]:
    recovered_at = {fact.time for fact in record.facts if fact.type == "payment.recovered"}
    for fact in record.facts:
        reason = str(fact.data.get("reason", ""))
        match fact.type:
            case "case.held":
                yield Item(fact.time, "held", by_whom(reason))
            case "access.changed":
                said = f"from {fact.data.get('from')}, {fact.data.get('because')}"
                yield Item(fact.time, f"access: {fact.data.get('to')}", said)
            case "offer.given" if fact.data.get("days"):
                yield Item(fact.time, "more time offered", f"{fact.data['days']} days")
            case "case.adopted":
                yield Item(fact.time, "taken over", reason)
            case "case.extended":
                yield Item(fact.time, "more time", reason)
            case "case.policy_changed":
                yield Item(fact.time, "other policy", reason)
            case "case.in_review":
                yield Item(fact.time, "waits for a person", reason)
            case "case.closed":
                outcome = str(fact.data.get("outcome", "")).replace("_", " ")
                money = _money_of(fact) if fact.time in recovered_at else None
                yield Item(fact.time, f"closed: {outcome}", paid_words(reason), money=money)
            case "subscription.churned":
                kind = str(fact.data.get("kind", ""))
                detail = f"{kind} churn, {reason.replace('_', ' ')}"
                stands = int(str(fact.data.get("sign", 1))) > 0
                what = "subscription over" if stands else "not over after all"
                yield Item(fact.time, what, detail)
            case "payment_method.updated":
                yield Item(fact.time, "card updated", "by its network, without the customer")
            case _:
                pass


def _approvals(record: CaseRecord) -> Iterator[Item]:
    """Yield what the policy asked of people, what they approved, and what came to nothing."""
    for fact in record.facts:
        reason = readable(str(fact.data.get("reason", "")))
        match fact.type:
            case "case.person_decides":
                yield Item(fact.time, "waits for you", reason.rstrip("."), money=_money_of(fact))
            case "case.approved":
                step = readable(str(fact.data.get("step")))
                said = f"{step}, by {fact.data.get('by')}: {reason}"
                yield Item(fact.time, "approved", said, money=_money_of(fact))
            case "case.approval_over":
                yield Item(fact.time, "approval is over", reason.rstrip("."))
            case _:
                pass


def paid_words(reason: str) -> str:
    """Return a closing reason in words: `paid: retry` becomes `paid by a try of ours`."""
    kind, _, by = reason.partition(": ")
    return f"paid {_PAID[by]}" if kind == "paid" and by in _PAID else reason


def _money_of(fact: StoredFact) -> Money | None:
    amount, currency = fact.data.get("amount_minor"), fact.data.get("currency")
    if isinstance(amount, int) and isinstance(currency, str):
        return Money(amount, currency)
    return None
