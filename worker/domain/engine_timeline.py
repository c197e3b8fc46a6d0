"""The policy's timeline: the charge or letter that is due, else until when to wait, and why."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from worker.domain.access import pending_access, record_name
from worker.domain.case import AttemptKind
from worker.domain.decisions import (
    Charge,
    Decision,
    End,
    Refuse,
    Review,
    SetAccess,
    Skip,
    Wait,
    Write,
)
from worker.domain.engine_access import plan_access
from worker.domain.engine_charging import (
    Plan,
    by_hand_refusal,
    earliest_charge,
    no_charge_because,
    pending_charges,
    plan_charge,
    settle_owner,
)
from worker.domain.engine_ending import ending_due, plan_ending
from worker.domain.engine_letters import pending_letters, plan_letter
from worker.domain.engine_offers import coupon_to_give
from worker.domain.engine_person import ENDING, ask, must_ask
from worker.domain.engine_situation import Situation, over_alone
from worker.domain.engine_small_balance import small_balance_due
from worker.domain.engine_standing import LOOK_AGAIN
from worker.domain.policy import DeclineClass, PersonDecides, Reaction, RetriesBy
from worker.domain.readings import method_in_use
from worker.domain.timetable import OWNER_CONFIRMED_AFTER, ending_due_at

NEW_CARD_PATIENCE = timedelta(days=2)
"""A letter waits so long at most for the try of a card that the customer has just given."""

NOBODYS_FAULT = frozenset((DeclineClass.TECHNICAL, DeclineClass.UNCLEAR))
"""Classes of decline that an outage of the bank or network explains."""


OUTAGE_LOOK = timedelta(minutes=15)
"""How soon a letter that an outage keeps back is looked at again while a try feels for its end."""


WISH_LIFE = timedelta(days=1)
"""A wish for a charge that could not be granted by then (held, paused, stopped) is over."""


def timeline(at: Situation) -> Decision:
    """Return the next act of the policy, or a wait until the nearest one."""
    owner = settle_owner(at)
    if not at.never_charged and at.now < at.case.failed_at + OWNER_CONFIRMED_AFTER:
        return Decision(
            Wait(),
            "owner_unconfirmed",
            "Who retries this invoice is confirmed 15 minutes after the failure.",
            at.case.failed_at + OWNER_CONFIRMED_AFTER,
        )
    decision = _by_hand(at, owner) or small_balance_due(at) or _set_up(at) or _next_act(at, owner)
    window = (
        None if no_charge_because(at, owner) else earliest_charge(at).at,
        ending_due_at(at.case, at.policy),
    )
    return replace(
        decision,
        owner=owner,
        inputs={**_inputs(at), **decision.inputs},
        allowed_from=window[0],
        allowed_until=window[1],
    )


def _by_hand(at: Situation, owner: RetriesBy) -> Decision | None:
    """A person wishes a charge: it obeys the same rules, and is refused where they forbid it."""
    request = at.around.retry_request
    if request is None:
        return None
    refusal, allowed_at = by_hand_refusal(at, owner)
    if request.asked_at is not None and at.now - request.asked_at > WISH_LIFE:
        refusal, allowed_at = "it was asked for more than a day ago", None
    if refusal or at.method is None:
        return Decision(
            Refuse(request.id),
            "by_hand_refused",
            f"{request.by} asked for a charge; it is refused: {refusal}.",
            at.now,
            inputs={"allowed_at": allowed_at.isoformat() if allowed_at else "never"},
        )
    obstacle = at.charge_obstacle
    if obstacle is not None:
        return Decision(
            Wait(),
            "by_hand_waits",
            f"{request.by} asked for a charge; it waits: {obstacle.why}.",
            obstacle.until,
        )
    return Decision(
        Charge(f"by hand {request.id}", at.method.id),
        "by_hand",
        f"{request.by} asked for a charge: {request.reason}.",
    )


def _set_up(at: Situation) -> Decision | None:
    if at.reaction.do is not Reaction.ASK_OPERATOR:
        return None
    code = at.case.failure.code if at.case.failure else ""
    return Decision(
        Review(f"{code}: only a change of set-up can cure this"),
        "ask_operator",
        f"The decline {code} says that the set-up is wrong; no letter goes out.",
    )


def _next_act(at: Situation, owner: RetriesBy) -> Decision:
    charge = plan_charge(at, owner)
    letter = _after_a_new_card(at, plan_letter(at), charge)
    access = _after_a_new_card(at, plan_access(at), charge)
    skips = charge.skips + letter.skips + access.skips
    charge_due = charge.at is not None and charge.at <= at.now and charge.method is not None
    told = [each for each in (access, letter) if each.at is not None and each.at <= at.now]
    asks = charge_due and must_ask(at, PersonDecides.CHARGES, charge.step)
    if asks:  # what a person may still decide about is not given up
        skips = letter.skips + access.skips
    waits = _outage(at, charge if charge_due else None, told)
    if waits is not None:
        return waits
    if charge_due and charge.method is not None and not asks:
        too_much = over_alone(at)
        if too_much:
            return Decision(
                Review(too_much),
                "over_limit",
                f"{charge.step} is due; {too_much}.",
                stands_down=True,
            )
        return Decision(
            Charge(charge.step, charge.method.id),
            "charge_due",
            f"{charge.step} is due{_with_what(at, charge)}.",
            skips=skips,
        )
    if told:
        return _tell(told[0], at, skips)
    # A try that is due and cannot start comes before the ending all the same (D16).
    coming = min((p.at for p in (access, letter) if p.at is not None), default=None)
    if asks:
        return ask(at, charge.step, skips, look_at=coming)
    ending = None if charge.held_back else ending_due(at)
    if ending is not None:
        review = isinstance(ending.act, Review)
        if not review and must_ask(at, PersonDecides.ENDING, ENDING):
            return ask(at, ENDING, skips, look_at=coming)
        return replace(ending, skips=skips)
    return _wait(at, charge, letter, access)


def _tell(plan: Plan, at: Situation, skips: tuple[Skip, ...]) -> Decision:
    """Return the change of access, the letter, or before it the coupon that it offers, now due; of
    one step the access comes first."""
    if plan.access:
        return Decision(
            SetAccess(plan.step, plan.access),
            "access_due",
            f"{plan.step} is due: {plan.access} from now on.",
            at.now,
            skips=skips,
        )
    coupon = coupon_to_give(at, plan.step, plan.notice)
    if coupon:
        return Decision(
            End(AttemptKind.COUPON, of=plan.step),
            "coupon_due",
            f"{plan.step} is due and offers coupon {coupon}, which comes first.",
            at.now,
            skips=skips,
        )
    return Decision(
        Write(plan.step, plan.notice), "letter_due", f"{plan.step} is due.", at.now, skips=skips
    )


def _after_a_new_card(at: Situation, letter: Plan, charge: Plan) -> Plan:
    """Return *letter*, after the try of a new card that comes soon: nobody who has just given one
    is asked for one, or loses access."""
    if letter.at is None or charge.at is None or charge.held_back or not at.new_card_step:
        return letter
    soon = charge.step == at.new_card_step and charge.at <= at.now + NEW_CARD_PATIENCE
    if not soon or letter.at >= charge.at:
        return letter
    return replace(letter, at=charge.at, skips=(), why="the new card is tried first")


def _with_what(at: Situation, charge: Plan) -> str:
    """Return what is unusual about the method of a charge."""
    if at.on_wrong_level and charge.method == at.method:
        return "; the customer's new card is used, though the subscription still names its old one"
    return ""


def _outage(at: Situation, charge: Plan | None, told: Sequence[Plan]) -> Decision | None:
    """While many cards of the same kind fail, tries wait, and so does what the customer is told."""
    outage, failure, in_use = at.around.outage, at.case.failure, method_in_use(at.invoice)
    if outage is None or in_use is None:
        return None
    tries = charge is not None and charge.method is not None and charge.method.id == in_use.id
    if tries and outage.may_try:
        return None
    fault = (
        failure is not None
        and failure.decline_class in NOBODYS_FAULT
        and failure.failed_at >= outage.since
    )
    if not tries and not (told and fault):
        return None
    return Decision(
        Wait(),
        "outage",
        f"{outage.failed} of {outage.of} tries with {outage.group} failed within an hour: that is "
        "no customer's fault, so tries and letters wait.",
        outage.until if outage.until > at.now else at.now + OUTAGE_LOOK,
    )


def _wait(at: Situation, charge: Plan, letter: Plan, access: Plan) -> Decision:
    ending = plan_ending(at)
    plans = [p for p in (charge, letter, access) if p.at is not None]
    coming = [(p.at, "" if p.held_back else p.step, p.why) for p in plans if p.at is not None]
    if ending.at is not None and not charge.held_back:
        coming.append((ending.at, "ending", ending.reason))
    last = (at.now + LOOK_AGAIN, "", ending.reason)
    next_at, step, why = min(coming, default=last, key=lambda each: each[0])
    no_charge = charge.why if charge.at is None or charge.held_back else ""
    said = why or no_charge or "nothing is due before then"
    return Decision(
        Wait(),
        "not_yet",
        f"Waits for {step}: {said}." if step else f"{said[:1].upper()}{said[1:]}.",
        max(next_at, at.now + timedelta(minutes=1)),
        skips=charge.skips + letter.skips + access.skips,
        next_step=step,
    )


def _inputs(at: Situation) -> dict[str, object]:
    """Return what the rules looked at, for `case --why`."""
    failure, method = at.case.failure, at.method
    allowed = at.allowance(method) if method is not None else None
    tried_at, other_at = at.around.last_try_at, at.around.other_try_at
    found: dict[str, object] = {
        "class": failure.decline_class.value if failure else "",
        "code": failure.code if failure else "",
        "method": method.id if method else "",
        "charges": len(at.case.charges),
        "last_try_at": tried_at.isoformat() if tried_at else "",
        "other_invoice_tried_at": other_at.isoformat() if other_at else "",
        "network_rule": allowed.rule if allowed else "",
    }
    for use in allowed.uses if allowed else ():
        hours = int(use.window.total_seconds() // 3600)
        found[f"{use.network}_in_{hours}_hours"] = f"{use.count} of {use.limit}"
    return found


def planned_steps(at: Situation) -> list[tuple[datetime, str]]:
    """Return what is still to come, for a person: (instant, step name), in order of time."""
    coming = [(due, step.name) for due, step in (*pending_charges(at), *pending_letters(at))]
    changes = pending_access(at.case, at.policy, at.office_zone) if at.case.subscription_id else []
    coming += [(due, record_name(step)) for due, step in changes]
    ending = plan_ending(at)
    if ending.at is not None:
        coming.append((ending.at, f"ending: {at.policy.ending.do.value}"))
    return sorted(coming)
