"""What another configuration says differently, in the words of its files."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from worker.domain.offers import Offer
from worker.domain.policy import (
    Configuration,
    DeclineClass,
    InvoiceEnd,
    Mode,
    PersonDecides,
    Policy,
)
from worker.office.configuration_changes import (
    DURATION_LISTS,
    mode_change,
    other_changes,
    policy_changes,
    rules_that_differ,
)
from worker.settings.load import load_configuration

ROOT = Path(__file__).parents[3]
DAY = timedelta(days=1)


def shipped() -> Configuration:
    """Return the configuration as shipped."""
    letters = frozenset(path.stem for path in (ROOT / "templates" / "en").glob("*.md"))
    return load_configuration(ROOT / "config", letters)


def test_lists_of_durations_are_told_as_the_files_write_them() -> None:
    old = shipped()
    first, *others = old.notices.letters
    letters = (replace(first, before=(14 * DAY, 36 * DAY / 24)), *others)
    new = replace(old, notices=replace(old.notices, letters=letters))
    was = " and ".join(f"{each.days} days" for each in first.before)
    assert other_changes(old, new) == [
        f"notices, letters, {first.letter.replace('_', ' ')}, before: {was} -> 14 days and 36 hours"
    ]


def test_lists_of_durations_in_a_policy_are_told_so_too() -> None:
    old = shipped()
    policy = old.dunning.policies[0]
    rule = replace(policy.when_declined[DeclineClass.AUTHENTICATION], ask_again=(DAY, 3 * DAY))
    classes = {**policy.when_declined, DeclineClass.AUTHENTICATION: rule}
    new = replace(old.dunning, policies=(replace(policy, when_declined=classes),))
    ((detail,),) = [change.details for change in policy_changes(old.dunning, new)]
    assert detail.endswith("-> 1 day and 3 days")
    assert "86400" not in detail


def test_another_mode_is_told_apart_and_only_once() -> None:
    old = replace(shipped(), dunning=replace(shipped().dunning, mode=Mode.LIVE))
    new = replace(old, dunning=replace(old.dunning, mode=Mode.WATCH))
    assert mode_change(old, new).startswith("mode: live -> watch: it plans and logs only")
    assert other_changes(old, new) == []
    assert mode_change(old, old) == ""


def letter_step(policy: Policy) -> int:
    """Return the place of the first step that writes and does not charge."""
    steps = enumerate(policy.steps)
    return next(no for no, each in steps if each.letter is not None and not each.charge)


def with_step(policy: Policy, **fields: object) -> Policy:
    """Return the policy with another step that writes."""
    steps, no = list(policy.steps), letter_step(policy)
    steps[no] = replace(steps[no], **fields)  # type: ignore[arg-type]
    return replace(policy, steps=tuple(steps))


RULES: dict[str, Callable[[Policy], Policy]] = {
    "person decides: nothing -> ending": lambda policy: replace(
        policy, person_decides=(PersonDecides.ENDING,)
    ),
    "ending, invoice: uncollectible -> void": lambda policy: replace(
        policy, ending=replace(policy.ending, invoice=InvoiceEnd.VOID)
    ),
    "ending, after: 14 days -> 15 days": lambda policy: replace(
        policy, ending=replace(policy.ending, after=15 * DAY)
    ),
    "retries max: 8 -> 3": lambda policy: replace(policy, retries_max=3),
    "retry gap: 20 hours -> 3 days": lambda policy: replace(policy, retry_gap=3 * DAY),
    ", access: nothing -> read only": lambda policy: with_step(policy, access="read only"),
    ", letter: payment failed 1 -> other": lambda policy: with_step(policy, letter="other"),
    ", offer, coupon: nothing -> SAVE20": lambda policy: with_step(policy, offer=Offer("SAVE20")),
}


@pytest.mark.parametrize("told", RULES)
def test_every_rule_that_differs_is_told(told: str) -> None:
    policy = shipped().dunning.policies[0]
    (line,) = rules_that_differ(policy, RULES[told](policy))
    assert line.endswith(told)
    assert rules_that_differ(policy, policy) == ()


def duration_lists(value: object, name: str = "") -> Iterator[str]:
    """Yield the name of each field that is a list of durations."""
    if is_dataclass(value):
        for each in fields(value):
            yield from duration_lists(getattr(value, each.name), each.name)
    elif isinstance(value, dict):
        for part in value.values():
            yield from duration_lists(part, name)
    elif isinstance(value, tuple) and value:
        if all(isinstance(part, timedelta) for part in value):
            yield name
        for part in value:
            yield from duration_lists(part, name)


def test_every_list_of_durations_is_known() -> None:
    assert set(duration_lists(shipped())) == DURATION_LISTS
