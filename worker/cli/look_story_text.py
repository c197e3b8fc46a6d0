"""A story as a person reads it on a terminal."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from worker.cli.look_cases import state_words
from worker.cli.look_network_words import allowance_words, uses_words
from worker.cli.look_story import Story
from worker.cli.look_story_items import paid_words
from worker.cli.look_story_lines import Item
from worker.cli.look_story_plan import Coming
from worker.domain.case import CaseState
from worker.domain.engine_refund import REFUND
from worker.domain.holds import HELD_BY
from worker.domain.identifiers import case_name
from worker.domain.policy import RetriesBy
from worker.domain.readings import method_in_use
from worker.domain.step_names import readable
from worker.domain.transitions import END_STATES
from worker.office.words import OfficeWords, method_words, money_words

COMING_SHOWN = 4
OTHERS_SHOWN = 5
DIGEST_SHOWN = 6


def heading(story: Story, *, named: bool) -> str:
    """Return the first line: number, state, amount, who, which invoice, which card, which policy.

    Args: named: a person looks, so the customer is named; else only the id.
    """
    line = story.record.line
    who = line.customer_name if named and line.customer_name else line.customer_id
    parts = [
        case_name(line.id),
        state_words(line),
        money_words(line.owed),
        who,
        f"invoice {line.invoice_number or line.invoice_id}",
        method_words(story.method),
        _policy(story),
    ]
    return "  ".join(part for part in parts if part)


def _policy(story: Story) -> str:
    policy = story.record.policy
    digest = story.record.case.policy_digest[:DIGEST_SHOWN]
    return f"policy {policy.name} ({digest})" if policy is not None else f"policy {digest}"


def facts_above(story: Story, words: OfficeWords) -> list[tuple[str, str]]:
    """Return the labelled lines between heading and timeline."""
    lines = [
        ("Why", _why(story, words)),
        ("Card", _other_card(story)),
        ("Retries", _retries(story)),
    ]
    if story.watches_only:
        lines.append(("Mode", "watch: nothing is done; what would be is told"))
    if story.record.case.state is CaseState.CLOSED:
        lines += [("Closed", _closed(story, words)), ("Now", _after_the_end(story))]
    else:
        lines += [("Next", _next(story, words)), ("Ends", _ends(story, words))]
    lines += [("Network", _network(story, words)), ("Also", _others(story))]
    return [(label, said) for label, said in lines if said]


def _why(story: Story, words: OfficeWords) -> str:
    failure, due_at = story.record.case.failure, story.record.case.due_at
    if due_at is not None:
        return f"the invoice is paid by hand; due {words.moment(due_at)}"
    if failure is None:
        return "not known yet: Stripe is asked at the first look"
    return f"{story.why} ({failure.code}); can be cured by {story.cured_by}"


def _other_card(story: Story) -> str:
    """Return which card is used where Stripe itself would go on with an old one."""
    at = story.situation
    if at is None or not at.on_wrong_level:
        return ""
    new, old = method_words(at.method), method_words(method_in_use(at.invoice))
    return f"the customer's new {new} is used; the subscription still names {old}"


def _retries(story: Story) -> str:
    case = story.record.case
    if case.due_at is not None:
        return ""
    if case.owner is RetriesBy.STRIPE:
        return "Stripe's: it was seen scheduling one, so this worker makes none"
    return "nobody's, by the policy" if case.owner is RetriesBy.NOBODY else ""


def _closed(story: Story, words: OfficeWords) -> str:
    case = story.record.case
    when = f"{words.moment(case.closed_at)} " if case.closed_at is not None else ""
    outcome = case.outcome.value.replace("_", " ") if case.outcome is not None else "closed"
    return f"{when}{outcome}: {paid_words(case.reason)}"


def _after_the_end(story: Story) -> str:
    found = [end for end in END_STATES if end.outcome is story.record.case.outcome]
    if not found:
        return ""
    end, policy = found[0], story.record.policy
    act = policy.ending.do.value if policy is not None else ""
    return (
        f"Stripe goes on invoicing: {_after(act, end.stripe_goes_on)};"
        f" access: {_after(act, end.access)}; reopened by: {end.reopened_by.replace('`', '')}"
    )


def _after(act: str, said: str) -> str:
    """Return the part of a sentence of the state table that is about this policy's ending."""
    parts = said.split("; ")
    return next((p.partition(" after `")[0] for p in parts if p.endswith(f"`{act}`")), said)


def _next(story: Story, words: OfficeWords) -> str:
    ahead = story.ahead
    if ahead.standing:
        look = f"; looked at again {words.near(ahead.look_at)}" if ahead.look_at else ""
        begin = {CaseState.IN_REVIEW: "waits for you", CaseState.HELD: "held"}
        word = begin.get(story.record.case.state, "nothing")
        if ahead.asks:
            word = "waits for you"
        said = f"{readable(ahead.standing).rstrip('.')}{look}"
        return said if said.startswith(HELD_BY) else f"{word}: {said}"
    if not ahead.coming:
        return f"only the ending: {ahead.no_charge or 'all steps are over'}"
    first, later = ahead.coming[0], ahead.coming[1:]
    said = f"{readable(first.step)}, {_when(first, story, words)}"
    if first.why:
        said += f" ({first.why})"
    if later:
        shown = ", ".join(f"{readable(c.step)} {words.day(c.at)}" for c in later[:COMING_SHOWN])
        said += f"; then {shown}{', …' if len(later) > COMING_SHOWN else ''}"
    return f"{said}; no more tries: {ahead.no_charge}" if ahead.no_charge else said


def _when(coming: Coming, story: Story, words: OfficeWords) -> str:
    if coming.at <= story.now:
        return "due now"
    there = "" if coming.charge else words.elsewhere(coming.at, story.customer_zone)
    return f"{words.moment(coming.at)} ({there})" if there else words.moment(coming.at)


def _ends(story: Story, words: OfficeWords) -> str:
    ends = story.ahead.ends
    if ends is None:
        return ""
    said = f"{words.moment(ends.at)} {ends.act}"
    if ends.moved:
        return f"{said} (moved from {words.moment(ends.due_at)}: {ends.because})"
    return f"{said} ({ends.because})"


def _network(story: Story, words: OfficeWords) -> str:
    allowed, closed = story.network, story.record.case.state is CaseState.CLOSED
    if allowed is None:
        return ""
    used = uses_words(allowed.uses, highest=closed)
    stopped = "" if closed else allowance_words(allowed, words)
    return "; ".join(part for part in (used, stopped) if part)


def _others(story: Story) -> str:
    others = story.record.others
    shown = ", ".join(f"{case_name(each.id)} {state_words(each)}" for each in others[:OTHERS_SHOWN])
    more = ", …" if len(others) > OTHERS_SHOWN else ""
    return f"{shown}{more} (same customer)" if others else ""


def timeline_rows(story: Story, words: OfficeWords) -> Iterator[tuple[str, str, str, str]]:
    """Yield (day, hour, what, detail), the day only where it is another than on the line above."""
    shown = [_day(item.at, words) for item in story.items]
    same = [False, *(before == after for before, after in pairwise(shown))]
    for item, day, repeated in zip(story.items, shown, same, strict=True):
        nothing = item.what.startswith("nothing ")
        yield (
            "" if repeated else day,
            "" if nothing else words.clock(item.at),
            item.what,
            detail_words(item, story, words),
        )


def _day(at: datetime, words: OfficeWords) -> str:
    """Return the day with its number flush right, so that days stand under each other."""
    name, number, rest = words.day(at).split(" ", 2)
    return f"{name} {number:>2} {rest}"


def detail_words(item: Item, story: Story, words: OfficeWords) -> str:
    """Return an item's detail with its times in the office's words."""
    detail = item.detail
    if item.until_at is not None:
        detail = detail.replace("{until}", words.moment(item.until_at))
    there = words.elsewhere(item.at, story.customer_zone) if item.there else ""
    parts = [money_words(item.money) if item.money is not None else "", there, detail]
    return "; ".join(part for part in parts if part)


def what_to_do(story: Story, *, dashboard: str) -> list[str]:
    """Return the last lines: what a person can do, and where more is.

    Args: dashboard: address that an invoice's id ends, empty where the invoice is a sandbox's.
    """
    case = story.record.case
    link = f"{dashboard}{case.invoice_id}"
    act = {
        CaseState.OPEN: f"pay, void or change {link} at Stripe; the case follows within seconds",
        CaseState.HELD: f"look at {link} at Stripe; once its cause is gone the case goes on",
        CaseState.IN_REVIEW: f"settle {link} at Stripe; the case follows within seconds",
    }.get(case.state)
    if case.state is CaseState.IN_REVIEW and case.reason.startswith(REFUND):
        name = case_name(case.id)
        act = f"refund it at Stripe, or do not; then dunning close {name} --by NAME --reason WHY"
    if story.ahead.standing.startswith(HELD_BY):
        act = f"dunning release {case_name(case.id)} --by NAME --reason WHY; else it stays held"
    if story.ahead.asks:
        act = f"dunning approve {case_name(case.id)} --by NAME --reason WHY, or leave it waiting"
    more = "More: --why (rules, inputs)   --json (data)"
    return [f"Act:  {act}", more] if act is not None else [more]
