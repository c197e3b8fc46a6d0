"""`dunning case ID --why`: each decision with its rule, grounds and window, and today's reasons."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from worker.cli.look_network_words import NAMES, network_words, rule_words
from worker.cli.look_story import Story
from worker.cli.look_why_today import Binding, bindings, happens_today, today
from worker.domain.case import CaseState
from worker.domain.step_names import readable
from worker.office.words import OfficeWords, count_words, json_instant, method_words
from worker.store.reading_case import DecisionLine

Row = tuple[str, str, str]

ACTS = {
    "Charge": "charge",
    "Write": "write",
    "End": "end",
    "Close": "close the case",
    "Reopen": "take the case up again",
    "Hold": "hold the case",
    "Release": "release the case",
    "GoOn": "go on",
    "Refuse": "refuse",
    "SetAccess": "change access",
    "Review": "ask a person",
    "Resend": "ask Stripe again",
    "SettleAttempt": "settle a try",
    "Wait": "wait",
}
TOLD_BEFORE = {"class", "code", "step", "amount_minor", "currency", "attempt_no"}
"""Inputs that stand elsewhere in the row, or in the case's heading."""
INSTANTS = {
    "last_try_at": "last try",
    "other_invoice_tried_at": "last charge for another invoice",
    "allowed_at": "allowed from",
}
"""Inputs that are instants, in words."""


def decision_rows(story: Story, words: OfficeWords) -> Iterator[Row]:
    """Yield (when, label, text) for each decision: what, by which rule, why, from what, when.

    What was looked at and the allowed window are told again only where they changed.
    """
    told: dict[str, str] = {}
    for decision in story.record.decisions:
        when = words.moment(decision.at)
        yield "" if when == told.get("when") else when, "decided", _decided(decision, words)
        yield "", "because", readable(decision.reason)
        more = {
            "looked at": grounds_words(decision.inputs, story, words),
            "may charge": _window(decision, words),
        }
        for label, said in more.items():
            if said and said != told.get(label):
                yield "", label, said
        told |= {"when": when} | {label: said for label, said in more.items() if said}


def _decided(decision: DecisionLine, words: OfficeWords) -> str:
    act = ACTS.get(decision.act, decision.act)
    if decision.act == "Wait" and decision.next_step:
        act = f"wait for {readable(decision.next_step)}"
    if decision.act == "Wait" and decision.next_at is not None:
        act += f" until {words.moment(decision.next_at)}"
    return f"{act} (rule {decision.rule})"


def _window(decision: DecisionLine, words: OfficeWords) -> str:
    """Return the allowed window, `Sun 6 Dec 08:19 - Tue 15 Dec 08:02`; empty for other rules."""
    begins_at, ends_at = decision.allowed_from, decision.allowed_until
    if ends_at is None:
        return ""
    if begins_at is None:
        return "not at all as things stood"
    begin = words.moment(begins_at) if begins_at > decision.at else "at once"
    if begins_at > ends_at:
        return f"not any more: from {begin}, after the policy's end {words.moment(ends_at)}"
    return f"{begin} - {words.moment(ends_at)}"


def grounds_words(inputs: Mapping[str, object], story: Story, words: OfficeWords) -> str:
    """Return what a rule looked at, in words: no ids, times as the office reads them."""
    parts = []
    kind, code = str(inputs.get("class") or ""), str(inputs.get("code") or "")
    if kind or code:
        parts.append(f"{kind.replace('_', ' ')} ({code})" if kind and code else kind or code)
    for name, value in inputs.items():
        if value not in ("", None) and name not in TOLD_BEFORE:
            parts.append(_ground(name, value, story, words))
    return " · ".join(parts)


def _ground(name: str, value: object, story: Story, words: OfficeWords) -> str:
    if name == "method":
        known = {each.id: each for each in story.record.around.methods}
        if story.method is not None:
            known.setdefault(story.method.id, story.method)
        found = known.get(str(value))
        return method_words(found) if found is not None else "a payment method since removed"
    if name == "charges":
        count = int(str(value))
        return count_words(count, "try of ours", "tries of ours") if count else "no try of ours yet"
    if name in INSTANTS:
        return f"{INSTANTS[name]} {_instant_words(str(value), words)}"
    if name == "network_rule":
        return f"bound by {rule_words(str(value))}"
    for network in (*NAMES, "other", "unknown"):
        if name.startswith(f"{network}_in_"):
            hours = int(name.removeprefix(f"{network}_in_").removesuffix("_hours"))
            span = f"{hours} h" if hours <= 24 else f"{hours // 24} days"
            return f"{network_words(network)} {value} in {span}"
    return f"{name.replace('_', ' ')} {value}"


def _instant_words(value: str, words: OfficeWords) -> str:
    try:
        return words.moment(datetime.fromisoformat(value))
    except ValueError:
        return value


def today_rows(story: Story, words: OfficeWords) -> Iterator[Row]:
    """Yield (rule, until when, why) for each rule that binds a charge today."""
    for binding in bindings(story):
        until = words.moment(binding.until) if binding.until is not None else "open end"
        yield binding.name, until, binding.why.rstrip(".")


def today_line(story: Story, words: OfficeWords) -> str:
    """Return `Today, Sat 5 Dec 12:00: nothing: …`."""
    return f"Today, {words.moment(story.now)}: {today(story, words)}."


def no_rule_line(story: Story) -> str:
    """Return what is said where no rule binds; empty for a closed case."""
    closed = story.record.case.state is CaseState.CLOSED
    return "" if closed else "No rule forbids a charge now."


def why_json(story: Story, words: OfficeWords) -> dict[str, object]:
    """Return as data what happens today, if anything, and each rule that binds a charge."""
    step = happens_today(story, words)
    return {
        "step": step.step if step is not None else None,
        "at": json_instant(step.at) if step is not None else None,
        "binding": [_json(each) for each in bindings(story)],
    }


def _json(binding: Binding) -> dict[str, object]:
    return {
        "rule": binding.rule,
        "until": json_instant(binding.until),
        "because": binding.why,
    }
