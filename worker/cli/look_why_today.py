"""Why nothing is charged today: every rule that binds a case now, and until when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.cli.look_network_words import rule_words
from worker.cli.look_story import Story
from worker.cli.look_story_plan import Coming
from worker.domain.case import CaseState
from worker.domain.engine_charging import Plan, no_charge_because, plan_charge, settle_owner
from worker.domain.engine_situation import Situation
from worker.domain.readings import method_in_use
from worker.domain.step_names import readable
from worker.domain.timetable import OWNER_CONFIRMED_AFTER, next_open, step_due_at
from worker.office.words import OfficeWords, count_words

PAYDAY = "moved to the payday"
"""How the engine says that a charge waits for one."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One rule that forbids a charge now."""

    rule: str
    """A stable word for scripts."""
    name: str
    until: datetime | None
    """The first instant at which it no longer forbids; None: only somebody's act ends it."""
    why: str


def today(story: Story, words: OfficeWords) -> str:
    """Return what happens today, or why nothing does, in one sentence without its stop."""
    case, ahead = story.record.case, story.ahead
    if case.state is CaseState.CLOSED:
        return "nothing: the case is closed"
    if ahead.standing:
        return f"nothing: {readable(ahead.standing).rstrip('.')}"
    if not ahead.coming:
        ends = f", {words.moment(ahead.ends.at)}" if ahead.ends is not None else ""
        return f"nothing: only the ending is left{ends}"
    first = ahead.coming[0]
    step = readable(first.step)
    if happens_today(story, words) is None:
        return f"nothing: next is {step}, {words.moment(first.at)}"
    return f"{step} is due now" if first.at <= story.now else f"{step} at {words.clock(first.at)}"


def happens_today(story: Story, words: OfficeWords) -> Coming | None:
    """Return the next step where it happens on this day of the office's, else None."""
    ahead = story.ahead
    if ahead.standing or not ahead.coming:
        return None
    first = ahead.coming[0]
    due = first.at <= story.now or words.day(first.at) == words.day(story.now)
    return first if due else None


def bindings(story: Story) -> list[Binding]:
    """Return what forbids a charge now, the longest last; empty for a closed case."""
    case, ahead, at = story.record.case, story.ahead, story.situation
    if case.state is CaseState.CLOSED:
        return []
    if ahead.standing:
        return [Binding("stands_still", "standing still", None, readable(ahead.standing))]
    return charge_bindings(at) if at is not None else []


def charge_bindings(at: Situation) -> list[Binding]:
    """Return what forbids the next charge of an open case now, the longest last."""
    confirmed_at = at.case.failed_at + OWNER_CONFIRMED_AFTER
    asked = Binding("owner", "who retries", confirmed_at, "Stripe is asked first, after 15 minutes")
    found = [asked, *_of_the_method(at), *_of_the_plan(at)]
    binding = [each for each in found if each.until is None or each.until > at.now]
    return sorted(binding, key=lambda each: (each.until is None, each.until or at.now))


def _of_the_method(at: Situation) -> Iterator[Binding]:
    """Yield the waits of decline, network, our own gaps and an outage."""
    failure, around, gap = at.case.failure, at.around, at.policy.retry_gap
    hours = count_words(gap // timedelta(hours=1), "hour")
    if failure is not None and failure.retry_not_before is not None:
        why = f"{failure.code} asks for that wait"
        yield Binding("decline", "the decline", failure.retry_not_before, why)
    allowed = at.allowance(at.method) if at.method is not None else None
    if allowed is not None and allowed.rule:
        yield Binding(allowed.rule, rule_words(allowed.rule), allowed.at, allowed.reason)
    if around.last_try_at is not None:
        why = f"{hours} after the last try of this invoice"
        yield Binding("gap", "our own gap", around.last_try_at + gap, why)
    if around.other_try_at is not None:
        why = f"{hours} after the customer's last charge for another invoice"
        yield Binding("other_invoice", "other invoice", around.other_try_at + gap, why)
    outage = around.outage
    if outage is not None and method_in_use(at.invoice) is not None:
        why = f"{outage.failed} of {outage.of} tries with {outage.group} failed within an hour"
        yield Binding("outage", "outage", outage.until, why)


def _of_the_plan(at: Situation) -> Iterator[Binding]:
    """Yield what the policy itself says: its own time, its hours, a payday, or no charge."""
    owner = settle_owner(at)
    plan = plan_charge(at, owner)
    if plan.at is None:
        why = no_charge_because(at, owner) or plan.why
        if at.method is None or at.allowance(at.method).reason != why:
            yield Binding("no_charge", "no charge", None, why)
        return
    step = at.policy.step(plan.step)
    if step is None:
        yield Binding("next_try", "next try", plan.at, readable(plan.step))
        return
    yield Binding(
        "step", "the policy's time", step_due_at(at.case, step, at.office_zone), step.name
    )
    yield from _of_the_clock(at, plan)


def _of_the_clock(at: Situation, plan: Plan) -> Iterator[Binding]:
    step = at.policy.step(plan.step)
    if plan.at is None or step is None:
        return
    if plan.why == PAYDAY:
        yield Binding("payday", "payday", plan.at, "the policy waits for the customer's payday")
    window = step.charge_window
    now_open_at = next_open(at.now, at.office_zone, window)
    if window is not None and now_open_at > at.now:
        hours = f"charges of this step are made {window.start:%H:%M}-{window.end:%H:%M}"
        yield Binding("hours", "charge hours", now_open_at, hours)
