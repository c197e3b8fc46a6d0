"""What the fields of a file mean together: steps, ending, classes and letters of a policy.

The checks run on whatever could be read, so a broken step hides nothing that is wrong elsewhere.
Every rule protects somebody: no step that never happens, no ending without its letter, no two
charges closer than the networks' practice allows (domain.md 2).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from pydantic import ValidationError

from worker.domain.policy import (
    DeclineClass,
    EndingAct,
    InvoiceEnd,
    PersonDecides,
    Reaction,
    RetriesBy,
)
from worker.settings.access_checks import access_faults
from worker.settings.audience_checks import audience_problems
from worker.settings.dunning_file import ClassSection, StepSection, WhenDeclined
from worker.settings.duration_words import days_words, hours_words
from worker.settings.ending_checks import ending_faults, small_balance_faults
from worker.settings.ending_section import EndingSection, SmallBalanceSection
from worker.settings.fields import Section
from worker.settings.notices_file import LetterSection
from worker.settings.offer_section import offer_faults
from worker.settings.sent_invoice_checks import sent_invoice_faults
from worker.settings.sentences import join_words, nearest
from worker.settings.written_reactions import parse_person_decides
from worker.settings.yaml_reader import Location, Problem, YamlText

RETRIES_MAX = 8
"""Charges of ours in one case (Policy.retries_max); a test holds the two together."""
GAP_MIN = timedelta(hours=20)
"""Least time between two charges of one invoice (Policy.retry_gap); held together likewise."""

Read = TypeVar("Read", bound=Section)

_WAITS = (Reaction.WAIT_FOR_NEW_CARD, Reaction.ASK_OPERATOR)
POSSIBLE: dict[DeclineClass, tuple[Reaction, ...]] = {
    DeclineClass.FUNDS: (Reaction.RETRY, *_WAITS),
    DeclineClass.UNCLEAR: (Reaction.RETRY, *_WAITS),
    DeclineClass.TECHNICAL: (Reaction.RETRY_SOON, Reaction.RETRY, *_WAITS),
    DeclineClass.CARD_DATA: _WAITS,
    DeclineClass.NOT_ALLOWED: _WAITS,
    DeclineClass.FRAUD: _WAITS,
    DeclineClass.AUTHENTICATION: (Reaction.ASK_CUSTOMER, *_WAITS),
    DeclineClass.CONSENT_WITHDRAWN: (Reaction.STOP,),
    DeclineClass.SETUP: (Reaction.ASK_OPERATOR,),
}
"""Reactions a class allows. The card networks forbid retries of hard declines, a confirmation
cannot be made without the customer, and a withdrawn consent ends collection (domain.md 1.4)."""


@dataclass(slots=True)
class PolicyParts:
    """What could be read of one policy, each part with its place in the file."""

    at: Location
    retries_by: str = RetriesBy.WORKER
    steps: dict[Location, StepSection] = field(default_factory=dict)
    step_names: list[str] = field(default_factory=list)
    """Names of all steps, also of those that could not be read."""
    ending: EndingSection | None = None
    small_balance: SmallBalanceSection | None = None
    classes: dict[str, ClassSection] = field(default_factory=dict)
    person_decides: tuple[PersonDecides, ...] = ()


def dunning_problems(text: YamlText, notices_available: frozenset[str]) -> Iterator[Problem]:
    """Yield what is wrong across the fields of dunning.yaml, its policies written out in full.

    Args: notices_available: names of the letters that have a template.
    """
    yield from audience_problems(text)
    policies = _get(text.data, "policies")
    for index, raw in enumerate(policies if isinstance(policies, list) else []):
        parts = _parts(("policies", index), raw)
        faults = (*_policy_faults(parts, notices_available), *sent_invoice_faults(parts.at, raw))
        for location, sentence in faults:
            yield Problem(text.line_of(location), location, sentence)


def notices_problems(text: YamlText, notices_available: frozenset[str]) -> Iterator[Problem]:
    """Yield what is wrong across the fields of notices.yaml."""
    letters = _get(text.data, "letters")
    seen: dict[str, Location] = {}
    for index, raw in enumerate(letters if isinstance(letters, list) else []):
        at: Location = ("letters", index)
        letter = _read(LetterSection, raw)
        if letter is None:
            continue
        faults = list(_letter_faults(letter, at, notices_available))
        if letter.letter in seen:
            first = text.line_of(seen[letter.letter])
            faults.append(((*at, "letter"), f"is listed twice (first in line {first}); keep one."))
        seen.setdefault(letter.letter, at)
        for location, sentence in faults:
            yield Problem(text.line_of(location), location, sentence)


Fault = tuple[Location, str]


def _policy_faults(parts: PolicyParts, notices_available: frozenset[str]) -> Iterator[Fault]:
    yield from _class_faults(parts, notices_available)
    yield from _step_faults(parts, notices_available)
    yield from _charge_faults(parts)
    yield from access_faults(parts.steps)
    yield from offer_faults(parts.steps)
    yield from _person_faults(parts)
    if parts.ending is not None:
        yield from ending_faults(parts.at, parts.ending, parts.steps, parts.step_names)
    if parts.small_balance is not None:
        yield from small_balance_faults(parts.at, parts.small_balance)


ONLY_WITH: dict[str, tuple[Reaction, DeclineClass | None]] = {
    "within": (Reaction.RETRY_SOON, None),
    "at_most": (Reaction.RETRY, None),
    "count_as": (Reaction.STOP, None),
    "on_days": (Reaction.RETRY, DeclineClass.FUNDS),
    "customer_day": (Reaction.RETRY, DeclineClass.FUNDS),
    "ask_again": (Reaction.ASK_CUSTOMER, None),
}
"""Fields of a class that mean something only with one reaction, some only for one class."""
CONFIRM_LETTER = "action_required"
"""The letter with the link to confirm, which `ask_again` sends."""


def _class_faults(parts: PolicyParts, notices_available: frozenset[str]) -> Iterator[Fault]:
    for name, rule in parts.classes.items():
        at = (*parts.at, "when_declined", name)
        possible = POSSIBLE[DeclineClass(name)]
        if rule.do not in possible:
            words = join_words([f"`{word}`" for word in possible])
            yield (*at, "do"), f"`{rule.do}` is not possible for {name}; possible: {words}."
            continue
        if rule.do is Reaction.RETRY_SOON and rule.within is None:
            yield at, "`retry_soon` needs an end; add `within: 6 hours`."
        for key, (reaction, only_class) in ONLY_WITH.items():
            if getattr(rule, key) is None:
                continue
            if only_class is not None and only_class != name:
                yield (*at, key), f"is for {only_class} alone; leave it out."
            elif rule.do is not reaction:
                yield (*at, key), f"does nothing with `{rule.do}`; leave it out."
        if rule.at_most is not None and rule.at_most > RETRIES_MAX:
            yield (*at, "at_most"), f"more than {RETRIES_MAX} times is not possible; lower it."
        if rule.ask_again is not None:
            for sentence in _ladder_faults(rule.ask_again, parts, notices_available):
                yield (*at, "ask_again"), sentence


def _ladder_faults(
    ladder: tuple[timedelta, ...], parts: PolicyParts, notices_available: frozenset[str]
) -> Iterator[str]:
    if parts.ending is not None and ladder[-1] >= parts.ending.after:
        end = days_words(parts.ending.after)
        yield f"{days_words(ladder[-1])} is not before the ending ({end}); shorten it."
    if CONFIRM_LETTER not in notices_available:
        yield _no_template(CONFIRM_LETTER, notices_available)


OUR_STEP_NAMES = (
    "quick try",
    "new card",
    "backup",
    "by hand",
    "confirm",
    "ending",
    "closing",
    "access of",
)
"""Steps that the engine adds by itself; a policy's step of that name would be taken for one."""


def _step_faults(parts: PolicyParts, notices_available: frozenset[str]) -> Iterator[Fault]:
    for at, step in parts.steps.items():
        if parts.step_names.index(step.name) != at[-1]:
            yield (*at, "name"), f"a second step is called `{step.name}`; give it its own name."
        own = next((word for word in OUR_STEP_NAMES if step.name.startswith(word)), None)
        if own is not None:
            yield (
                (*at, "name"),
                f"names beginning with `{own}` are the worker's own; choose another.",
            )
        if step.charge is None and step.letter is None and step.access is None:
            yield at, "does nothing; give it `charge: any time` or `letter: payment_failed_1`."
        elif step.charge is not None and step.letter is not None:
            yield at, "charges and writes; make two steps of it, each with its own name."
        if step.letter is not None and step.letter not in notices_available:
            yield (*at, "letter"), _no_template(step.letter, notices_available)
        if step.charge is not None and parts.retries_by != RetriesBy.WORKER:
            yield (
                (*at, "charge"),
                f"never happens with `retries_by: {parts.retries_by}`; leave the charge out.",
            )
        if parts.ending is not None and step.offset >= parts.ending.after:
            end = days_words(parts.ending.after)
            sentence = (
                f"{days_words(step.offset)} is not before the ending ({end}); move one of them."
            )
            yield (*at, "after"), sentence


def _charge_faults(parts: PolicyParts) -> Iterator[Fault]:
    charges = sorted(
        ((at, step) for at, step in parts.steps.items() if step.charge is not None),
        key=lambda each: each[1].offset,
    )
    before, before_after = "the first failure", timedelta(0)
    for at, step in charges:
        if step.offset - before_after < GAP_MIN:
            earliest = hours_words(before_after + GAP_MIN)
            sentence = f"is less than 20 hours after {before}; write `{earliest}` or more."
            yield (*at, "after"), sentence
        before, before_after = f"`{step.name}`", step.offset
    if len(charges) > RETRIES_MAX:
        at = (*charges[RETRIES_MAX][0], "charge")
        yield at, f"is charge {RETRIES_MAX + 1} of at most {RETRIES_MAX}; leave it out."


def _person_faults(parts: PolicyParts) -> Iterator[Fault]:
    at, ending = (*parts.at, "person_decides"), parts.ending
    if PersonDecides.CHARGES in parts.person_decides and parts.retries_by != RetriesBy.WORKER:
        yield at, f"`charges` never come with `retries_by: {parts.retries_by}`; leave it out."
    nothing = ending is not None and (ending.do, ending.invoice) == (
        EndingAct.LEAVE,
        InvoiceEnd.LEAVE,
    )
    if PersonDecides.ENDING in parts.person_decides and nothing:
        yield at, "`ending` has nothing to decide: all is left as it is; leave it out."


def _letter_faults(
    letter: LetterSection, at: Location, notices_available: frozenset[str]
) -> Iterator[Fault]:
    if letter.letter not in notices_available:
        yield (*at, "letter"), _no_template(letter.letter, notices_available)
    only = {
        "for": ("renewal_upcoming", letter.for_.interval is not None),
        "shorter_trial": ("trial_ending", letter.shorter_trial is not None),
        "only_if": ("card_expiring", letter.only_if is not None),
    }
    for key, (meant_for, given) in only.items():
        if given and letter.letter != meant_for:
            yield (*at, key), f"does nothing for {letter.letter}; leave it out."


def _parts(at: Location, raw: object) -> PolicyParts:
    """Return what can be read of one policy."""
    parts = PolicyParts(at)
    parts.retries_by = str(_get(raw, "retries_by") or RetriesBy.WORKER)
    steps = _get(raw, "steps")
    for index, each in enumerate(steps if isinstance(steps, list) else []):
        parts.step_names.append(str(_get(each, "name") or "").strip())
        if step := _read(StepSection, each):
            parts.steps[(*at, "steps", index)] = step
    parts.ending = _read(EndingSection, _get(raw, "ending"))
    parts.small_balance = _read(SmallBalanceSection, _get(raw, "small_balance"))
    parts.person_decides = _decided(_get(raw, "person_decides"))
    for name in WhenDeclined.model_fields:
        if rule := _read(ClassSection, _get(_get(raw, "when_declined"), name)):
            parts.classes[name] = rule
    return parts


def _decided(raw: object) -> tuple[PersonDecides, ...]:
    try:
        return parse_person_decides(raw) if raw is not None else ()
    except ValueError:
        return ()  # told by the whole file's reading


def _read(model: type[Read], raw: object) -> Read | None:
    """Return *raw* as *model*, or None: its own faults are told by the whole file's reading."""
    try:
        return model.model_validate(raw)
    except ValidationError:
        return None


def _get(raw: object, key: str) -> object:
    return raw.get(key) if isinstance(raw, dict) else None


def _no_template(letter: str, notices_available: frozenset[str]) -> str:
    if not notices_available:
        return f"no template `{letter}.md` was found; check TEMPLATES_DIR."
    return f"no template `{letter}.md`; {nearest(letter, sorted(notices_available))}"
