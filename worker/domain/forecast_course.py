"""One case carried forward on values: what the engine decides, as if every charge is declined.

Nothing is asked, written or charged. A charge counts as declined at once for the reason of the
last failure, a letter as accepted as soon as the customer's hours are open, an ending as done.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from worker.domain.access import OWN_NAME
from worker.domain.case import (
    INVOICE_ENDS,
    SUBSCRIPTION_ENDS,
    AttemptKind,
    CaseLetter,
    CaseState,
    LetterState,
    Outcome,
)
from worker.domain.decisions import (
    Charge,
    Close,
    Decision,
    End,
    GoOn,
    Hold,
    Refuse,
    Release,
    Resend,
    Review,
    SetAccess,
    SettleAttempt,
    Wait,
    Write,
)
from worker.domain.engine import decide
from worker.domain.engine_charging import plan_charge, settle_owner
from worker.domain.engine_ending import own_time, plan_ending
from worker.domain.engine_offers import coupon_given, open_offer
from worker.domain.engine_person import RULE
from worker.domain.engine_situation import Situation
from worker.domain.forecast_outcomes import (
    declined,
    ended,
    method_called,
    new_attempt,
    recorded,
    settled_by,
    with_around,
    with_case,
    with_done,
    with_letter,
)
from worker.domain.forecast_values import (
    Condition,
    Planned,
    PlannedKind,
    Start,
    Ways,
    foreseen,
)
from worker.domain.offers import Given
from worker.domain.timetable import ending_due_at, step_due_at

CLOSING_STEP = "closing"
"""Step name of the one letter that follows a case's end."""

MOVED = timedelta(hours=1)
"""What happens this much later than its own time is told with the reason."""

LOOKS_MAX = 2_000
"""More looks than any policy asks for in a year; a course that needs more is cut."""

ORDINARY = frozenset(("not_yet", "owner_unconfirmed"))
"""Waits for the case's own next step; any other waits for somebody or something else."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A letter that waits for the customer's hours."""

    letter: CaseLetter
    at: datetime
    decided_at: datetime
    rule: str


@dataclass
class Course:
    """One case on its way; `step` does what is next."""

    at: Situation
    ways: Ways
    look_at: datetime | None
    waiting: list[Waiting] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    condition: Condition | None = None
    """What must come first for all that follows."""
    standing: str = ""
    """Why the case does not simply go on; empty where it does."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Step -> why it is later than its own time, as known while it was waited for."""
    offered: dict[str, str] = field(default_factory=dict)
    """Step -> what its letter offers."""
    looks: int = 0

    @classmethod
    def begin(cls, start: Start, ways: Ways) -> "Course":
        """Return the course of a case from the moment of its situation on."""
        at, case = foreseen(start.situation), start.situation.case
        course = cls(at, ways, max(start.look_at, at.now))
        for letter in case.letters:
            if letter.state in {LetterState.QUEUED, LetterState.SENDING}:
                send_at = max(start.queued.get(letter.id, at.now), at.now)
                record = case.record(letter.step)
                queued_at = record.at if record is not None else send_at
                course.waiting.append(Waiting(letter, send_at, queued_at, "letter_due"))
        if case.state is CaseState.OPEN and case.in_flight is None:
            course._remember_why(at)
        return course

    @property
    def next_at(self) -> datetime | None:
        """When something happens next, or None where only news can change anything."""
        coming = [each.at for each in self.waiting]
        return min([*coming, *([self.look_at] if self.look_at is not None else [])], default=None)

    @property
    def closed(self) -> bool:
        """Whether the case is over."""
        return self.at.case.state is CaseState.CLOSED

    def wake(self, now: datetime) -> None:
        """Let the case be looked at now, unless it is over."""
        if not self.closed:
            self.look_at = now

    def step(self, now: datetime) -> None:
        """Let the letters go that may go at *now*, then look at the case if it is due."""
        self.at = replace(self.at, now=now)
        for waiting in [each for each in self.waiting if each.at <= now]:
            self._send(waiting)
        if self.look_at is not None and self.look_at <= now:
            self.look_at = None
            self._look()

    def _send(self, waiting: Waiting) -> None:
        """Let one letter be accepted, unless its case does not want it any more."""
        self.waiting.remove(waiting)
        case, letter = self.at.case, waiting.letter
        if case.state is not CaseState.OPEN and letter.step != CLOSING_STEP:
            return
        late = waiting.at > waiting.decided_at
        due_at = self._own_time(letter.step)
        self._offer(letter.step, letter.notice)
        self._plan(
            PlannedKind.LETTER,
            letter.step,
            waiting.rule,
            decided_at=waiting.decided_at,
            due_at=due_at,
            why="waits for the customer's hours" if late else "",
            notice=letter.notice,
            offer=self.offered.get(letter.step, ""),
        )
        sent = replace(letter, state=LetterState.SENT, sent_at=self.at.now)
        self.at = with_letter(self.at, sent)
        if letter.step == self.at.policy.ending.final_letter_step:
            self.wake(self.at.now)

    def _look(self) -> None:
        self.looks += 1
        if self.looks > LOOKS_MAX:
            self.standing = "This plan is cut: the case is looked at too often."
            return
        outage = self.at.around.outage
        if outage is not None and outage.until <= self.at.now:
            self.at = with_around(self.at, outage=None)
        before = self.at
        decision = decide(before)
        self.at = recorded(before, decision)
        match decision.act:
            case Wait():
                self._wait(before, decision)
            case Charge(step, method_id):
                self._charge(decision, step, method_id)
            case Resend() | SettleAttempt():
                self._settle(decision.act)
            case Write(step, notice):
                self._write(decision, step, notice)
            case SetAccess(step, access):
                self._change_access(decision, step, access)
            case End():
                self._end(decision, decision.act)
            case Close():
                self._close(decision, decision.act)
            case _:
                self._stand(decision)

    def _wait(self, before: Situation, decision: Decision) -> None:
        self.look_at = decision.next_at
        if decision.rule == RULE:
            self._ask(decision)
            return
        ordinary, other = decision.rule in ORDINARY, before.around.charge_in_flight_in
        self.standing = waits_for = "" if ordinary else decision.reason
        if ordinary and other is not None:
            waits_for = f"The charge of C-{other} has no outcome yet."
            self.at = with_around(self.at, charge_in_flight_in=None)
        if waits_for and self.condition is None:
            self.condition = Condition(before.case.id, waits_for=waits_for)
        if ordinary and decision.next_step not in {"", "ending"}:
            self._remember_why(before)
        if before.case.in_flight is not None and decision.next_at is not None:
            age = before.around.key_age + (decision.next_at - before.now)
            self.at = with_around(self.at, key_age=age)

    def _ask(self, decision: Decision) -> None:
        """Nobody acts, so nobody approves: it is told once and waits; letters go on."""
        step, self.standing = decision.next_step, decision.reason
        asked = (each for each in self.planned if each.kind is PlannedKind.PERSON)
        if all(each.step != step for each in asked):
            self._plan(PlannedKind.PERSON, step, decision.rule, due_at=self._own_time(step))

    def _remember_why(self, at: Situation) -> None:
        plan = plan_charge(at, settle_owner(at))
        if plan.step and plan.at is not None and plan.at > at.now and not plan.held_back:
            self.reasons[plan.step] = plan.why

    def _charge(self, decision: Decision, step: str, method_id: str) -> None:
        at, due_at = self.at, self._own_time(step)
        late = due_at is None or at.now - due_at > MOVED
        self._plan(
            PlannedKind.CHARGE,
            step,
            decision.rule,
            due_at=due_at,
            why=self.reasons.get(step, "") if late else "",
            method=method_called(at, method_id),
        )
        self.at = declined(at, new_attempt(at, AttemptKind.CHARGE, step, method_id))
        self.condition = Condition(at.case.id, step, at.now)
        self.look_at = at.now

    def _settle(self, act: Resend | SettleAttempt) -> None:
        attempt = next(each for each in self.at.case.attempts if each.no == act.no)
        self.at = settled_by(self.at, act)
        if isinstance(act, Resend) and self.condition is None:
            self.condition = Condition(self.at.case.id, attempt.step)
        self.look_at = self.at.now

    def _write(self, decision: Decision, step: str, notice: str) -> None:
        for old in [each for each in self.waiting if each.letter.state is LetterState.QUEUED]:
            self.waiting.remove(old)
            self.at = with_letter(self.at, replace(old.letter, state=LetterState.SUPPRESSED))
        self._queue(step, notice, decision.rule)
        self.at = with_done(self.at, step)
        self.look_at = self.at.now

    def _offer(self, step: str, notice: str) -> None:
        """Let the letter that goes out give its offer: more days move what is left."""
        at, offer = self.at, open_offer(self.at, step, notice)
        if offer is None or (offer.coupon and not coupon_given(at, step)):
            return
        last = at.around.last_offer
        given = last is not None and (last.case_id, last.step) == (at.case.id, step)
        self.at = with_around(at, last_offer=Given(at.case.id, step, at.now, offer))
        if offer.extra is not None and not given:
            self.at = with_case(self.at, shift=at.case.shift + offer.extra)
            self.wake(at.now)
        self.offered[step] = offer.said

    def _change_access(self, decision: Decision, step: str, access: str) -> None:
        due_at = self._own_time(step.removeprefix(OWN_NAME))
        self._plan(PlannedKind.ACCESS, step, decision.rule, due_at=due_at, access=access)
        self.at = with_done(self.at, step)
        self.look_at = self.at.now

    def _queue(self, step: str, notice: str, rule: str) -> None:
        now = self.at.now
        number = max((letter.id for letter in self.at.case.letters), default=0) + 1
        letter = CaseLetter(number, step, notice, LetterState.QUEUED)
        send_at = self.ways.letters_open_at(self.at.invoice.customer, now)
        self.waiting.append(Waiting(letter, send_at, now, rule))
        self.at = with_letter(self.at, letter)

    def _end(self, decision: Decision, end: End) -> None:
        at, kind = self.at, end.kind
        if kind is AttemptKind.COUPON:  # its letter tells of it
            self.at = ended(at, new_attempt(at, kind, end.step))
            self.look_at = at.now
            return
        if not self.ways.ends:
            self.standing = "The mode lets the worker write only, so nothing is ended."
            return
        follows = at.case.did(SUBSCRIPTION_ENDS) or at.ended_by_us or end.of != "ending"
        due_at = None if follows else ending_due_at(at.case, at.policy)
        self._plan(
            PlannedKind.ENDING if kind in SUBSCRIPTION_ENDS else PlannedKind.INVOICE_END,
            end.step,
            decision.rule,
            due_at=due_at,
            why=self._why_ending() if due_at is not None and at.now - due_at > MOVED else "",
            act=kind,
        )
        self.at = ended(at, new_attempt(at, kind, end.step))
        self.look_at = at.now

    def _why_ending(self) -> str:
        reason = plan_ending(self.at).reason
        return "office hours" if reason == own_time(self.at) else reason

    def _close(self, decision: Decision, close: Close) -> None:
        case = self.at.case
        asked = case.did(SUBSCRIPTION_ENDS | INVOICE_ENDS)
        if decision.rule == "ended" and close.outcome is Outcome.ENDED and not asked:
            due_at = ending_due_at(case, self.at.policy)
            self._plan(PlannedKind.CLOSE, "", decision.rule, due_at=due_at, why=close.reason)
        self.waiting.clear()
        self.standing = ""
        self.at = with_case(
            self.at, state=CaseState.CLOSED, outcome=close.outcome, closed_at=self.at.now
        )
        if close.letter:
            self._queue(CLOSING_STEP, close.letter, decision.rule)

    def _stand(self, decision: Decision) -> None:
        """Do what changes the case alone: hold, release, go on, refuse, review."""
        case, now = self.at.case, self.at.now
        self.look_at = decision.next_at
        match decision.act:
            case Hold(reason):
                self.at = with_case(self.at, state=CaseState.HELD, reason=reason)
            case Review(reason):
                self._plan(PlannedKind.REVIEW, "", decision.rule, why=reason)
                self.at = with_case(self.at, state=CaseState.IN_REVIEW, reason=reason)
            case Release() | GoOn():
                stood = now - (case.stood_down_at or now)
                state = CaseState.OPEN if isinstance(decision.act, Release) else case.state
                self.at = with_case(
                    self.at, state=state, shift=case.shift + stood, stood_down_at=None
                )
            case Refuse():
                self.at = with_around(self.at, retry_request=None)

    def _own_time(self, step: str) -> datetime | None:
        found = self.at.policy.step(step)
        return step_due_at(self.at.case, found, self.at.office_zone) if found is not None else None

    def _plan(self, kind: PlannedKind, step: str, rule: str, **more: object) -> None:
        given: dict[str, object] = {"decided_at": self.at.now, **more}
        self.planned.append(
            Planned(
                self.at.case.id,
                kind,
                self.at.now,
                step=step,
                rule=rule,
                amount_minor=self.at.invoice.amount_remaining_minor,
                currency=self.at.invoice.currency,
                condition=self.condition,
                **given,  # type: ignore[arg-type]
            )
        )
