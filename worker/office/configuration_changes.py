"""What another configuration says differently, read off the two texts: plain sentences."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from worker.domain.policy import Configuration, DunningRules, Mode, Policy
from worker.domain.policy_text import plain_value, to_plain
from worker.settings.audience_words import audience_sentence
from worker.settings.duration_words import duration_words
from worker.settings.read_back import policy_sentence

NOTHING = "nothing"
UNSAID = (None, False)
"""What a person reads as the same: a part that is not there, and one that says no."""
SAID_BY_SENTENCE = ("name", "steps", "ending")
"""Parts of a policy that its read-back sentence tells in full."""

DURATION_LISTS = frozenset(("ask_again", "before"))
"""Fields that are lists of durations, of which the plain form keeps only the seconds."""

MODE_WORDS = {
    Mode.WATCH: "it plans and logs only; nothing is charged, written or ended",
    Mode.LETTERS: "it writes letters only; nothing is charged or ended",
    Mode.LIVE: "it charges, writes and ends",
}

Leaves = dict[str, object]


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A policy that is new, gone or says something else for the cases to come."""

    name: str
    was: str
    """Its read-back; empty where it is new."""
    now: str
    """Empty where it is gone."""
    details: tuple[str, ...] = ()
    """What the sentences do not tell."""


def policy_changes(old: DunningRules, new: DunningRules) -> list[PolicyChange]:
    """Return every policy that differs, in the order of the new list, then those that are gone."""
    before = {policy.name: policy for policy in old.policies}
    after = {policy.name: policy for policy in new.policies}
    found = []
    for name in dict.fromkeys((*after, *before)):
        was, is_now = before.get(name), after.get(name)
        said = (_sentence(was, old), _sentence(is_now, new))
        details = tuple(_details(was, is_now)) if was and is_now else ()
        if said[0] != said[1] or details:
            found.append(PolicyChange(name, *said, details))
    return found


def _sentence(policy: Policy | None, rules: DunningRules) -> str:
    if policy is None:
        return ""
    return f"{policy_sentence(policy)} {audience_sentence(policy, rules)}"


def _details(was: Policy, is_now: Policy) -> Iterator[str]:
    """Yield the differences of two policies, the parts apart that a sentence tells already."""
    before, after = to_plain(was), to_plain(is_now)
    same_words = policy_sentence(was) == policy_sentence(is_now)
    for part in sorted(before.keys() | after.keys()):
        if part not in SAID_BY_SENTENCE or (same_words and part != "name"):
            yield from _differences(part, before.get(part), after.get(part))


def rules_that_differ(was: Policy, is_now: Policy) -> tuple[str, ...]:
    """Return each single rule of two policies that is not the same, whatever a sentence tells."""
    before, after = to_plain(was), to_plain(is_now)
    parts = sorted((before.keys() | after.keys()) - {"name"})
    return tuple(
        line for part in parts for line in _differences(part, before.get(part), after.get(part))
    )


def mode_change(old: Configuration, new: Configuration) -> str:
    """Return `mode: live -> watch: ...`, the biggest change there is; empty where it stays."""
    was, is_now = old.dunning.mode, new.dunning.mode
    if was is is_now:
        return ""
    return f"mode: {was.value} -> {is_now.value}: {MODE_WORDS[is_now]}"


def other_changes(old: Configuration, new: Configuration) -> list[str]:
    """Return what changes outside of policies and beside the mode: limits, notices, schedule."""
    found = [*_differences("", _general(old.dunning), _general(new.dunning))]
    found += _differences("notices", plain_value(old.notices), plain_value(new.notices))
    found += _differences("schedule", plain_value(old.schedule), plain_value(new.schedule))
    if [p.name for p in old.dunning.policies] != [p.name for p in new.dunning.policies]:
        found.append(f"policies are asked in this order: {_names(new.dunning)}")
    return found


def _general(rules: DunningRules) -> object:
    """Return the rules without their policies and mode, which are told apart."""
    return plain_value(replace(rules, mode=Mode.LIVE, policies=(), matches={}, reasons={}))


def _names(rules: DunningRules) -> str:
    return ", ".join(policy.name for policy in rules.policies)


def _differences(where: str, was: object, is_now: object) -> Iterator[str]:
    """Yield `limits, endings per day: 20 -> 5` for each value that is not the same."""
    before, after = _leaves(where, was), _leaves(where, is_now)
    for path in sorted(before.keys() | after.keys()):
        values = [before.get(path), after.get(path)]
        if values[0] != values[1] and any(each not in UNSAID for each in values):
            told = " -> ".join(_value(path, each.get(path)) for each in (before, after))
            yield f"{_path_words(path)}: {told}"


def _leaves(path: str, value: object) -> Leaves:
    if isinstance(value, Mapping) and value:
        parts = [
            _leaves(f"{path}.{key}" if path else str(key), part) for key, part in value.items()
        ]
        return {name: leaf for part in parts for name, leaf in part.items()}
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        parts = [_leaves(f"{path}.{_item(each, no)}", each) for no, each in enumerate(value, 1)]
        return {name: leaf for part in parts for name, leaf in part.items()}
    return {} if value is None else {path: value}


def _item(value: object, no: int) -> str:
    """Return how a part of a list is called: by its own name, else by its place."""
    if isinstance(value, Mapping):
        return str(value.get("name") or value.get("letter") or no)
    return str(no)


def _path_words(path: str) -> str:
    parts = [part.removesuffix("_seconds").replace("_", " ") for part in path.split(".")]
    return ", ".join(parts)


def _value(path: str, value: object) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " and ".join(_value(path, each) for each in value) or NOTHING
    counts_seconds = path.endswith("_seconds") or path.rsplit(".", 1)[-1] in DURATION_LISTS
    if counts_seconds and isinstance(value, int):
        return duration_words(timedelta(seconds=value))
    return str(value).replace("_", " ")
