"""What another configuration says differently, in the words of its files."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path

from worker.domain.policy import Configuration, DeclineClass
from worker.office.configuration_changes import DURATION_LISTS, other_changes, policy_changes
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
