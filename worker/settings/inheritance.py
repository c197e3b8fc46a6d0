"""`like` and `change`: a policy that takes another's fields over, written out in full.

It happens on the text of the file, before any field has a meaning. Every part keeps the place
where it was written, so that a fault is told where it can be cured; a part that is fine in its own
policy and wrong in one that takes it over is told at that policy's `like`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from worker.settings.sentences import nearest, path_names
from worker.settings.yaml_reader import Location, Problem, YamlText

LEAVE_OUT = "leave_out"
"""In `change`: takes a step or a field away."""
DOES = {"charge", "letter", "access"}
"""What a step can do; a new one needs one of these."""
OWN = ("name", "match", "like", "change", "because")
"""Fields that no other policy takes over and that `change` does not have."""


@dataclass(frozen=True, slots=True)
class Written:
    """A part of a file with the place where it stands."""

    at: Location
    value: "Mapping[str, Written] | list[Written] | str"


@dataclass(slots=True)
class WrittenOut:
    """A file whose policies are complete, and how to tell faults of it in the file's own terms."""

    original: YamlText
    text: YamlText
    origins: dict[Location, Location] = field(default_factory=dict)
    """Place in `text` -> place in the original, for what is inside of policies."""
    problems: list[Problem] = field(default_factory=list)
    """What is wrong with `like` and `change` themselves."""
    unfinished: set[Location] = field(default_factory=set)
    """Policies that took nothing over because of it: what they lack is no second fault."""

    def told(self, found: Iterable[Problem]) -> list[Problem]:
        """Return *found*, problems of `text`, as problems of the original, each once."""
        own: list[Problem] = []
        taken_over: list[tuple[Problem, Location]] = []
        for problem in found:
            if problem.location in self.unfinished:
                continue
            at = self._origin(problem.location)
            if _policy(at) == _policy(problem.location):
                own.append(Problem(self.original.line_of(at), at, problem.sentence))
            else:
                taken_over.append((problem, at))
        known = {(problem.location, problem.sentence) for problem in own}
        for problem, at in taken_over:
            if (at, problem.sentence) not in known:
                own.append(self._at_like(problem, at))
        return own

    def _origin(self, location: Location) -> Location:
        for length in range(len(location), 0, -1):
            if location[:length] in self.origins:
                return self.origins[location[:length]] + location[length:]
        return location

    def _at_like(self, problem: Problem, at: Location) -> Problem:
        """Return a fault of what was taken over, told where the policy says `like`."""
        like: Location = (*problem.location[:2], "like")
        names = path_names(self.original.data, at)
        part, base = " → ".join(names[2:]) or names[-1], names[1]
        sentence = (
            f"`{part}` of `{base}` (line {self.original.line_of(at)}) does not fit here:"
            f" {problem.sentence}"
        )
        return Problem(self.original.line_of(like), like, sentence)


def write_out(original: YamlText) -> WrittenOut:
    """Return the file with every policy that says `like` completed by what it takes over."""
    policies = original.data.get("policies") if isinstance(original.data, dict) else None
    if not isinstance(policies, list):
        return WrittenOut(original, original)
    text = YamlText(original.file, lines=dict(original.lines))
    result = WrittenOut(original, text)
    completer = _Completer(original, policies, result)
    data: list[object] = []
    for index in range(len(policies)):
        at: Location = ("policies", index)
        data.append(_flatten(completer.policy(index), at, result))
    text.data = {**original.data, "policies": data} if isinstance(original.data, dict) else {}
    return result


class _Completer:
    """Completes policies one by one, those that others take over first."""

    def __init__(self, original: YamlText, policies: list[object], result: WrittenOut) -> None:
        self.original = original
        self.result = result
        self.raw = [_source(each, ("policies", index)) for index, each in enumerate(policies)]
        self.names = [_text(each, "name") for each in self.raw]
        self.done: dict[int, Written] = {}
        self.under_way: list[int] = []

    def complain(self, at: Location, sentence: str) -> None:
        """Note what is wrong with a `like` or a `change`."""
        self.result.problems.append(Problem(self.original.line_of(at), at, sentence))

    def policy(self, index: int) -> Written:
        """Return a policy with all its fields."""
        if index not in self.done:
            self.under_way.append(index)
            self.done[index] = self._complete(index)
            self.under_way.pop()
        return self.done[index]

    def _complete(self, index: int) -> Written:
        raw = self.raw[index]
        if not isinstance(raw.value, dict):
            return raw
        own = {key: part for key, part in raw.value.items() if key not in ("like", "change")}
        like, change = raw.value.get("like"), raw.value.get("change")
        base = self._base(index, like) if like is not None else None
        if like is None and change is not None:
            self.complain(change.at, "needs `like: <policy>`, whose fields it changes.")
        if base is None or not isinstance(base.value, dict):
            if like is not None or change is not None:
                self.result.unfinished.add(raw.at)
            return Written(raw.at, own)
        if base.at in self.result.unfinished:
            self.result.unfinished.add(raw.at)
        taken = {key: part for key, part in base.value.items() if key not in OWN}
        fields: dict[str, Written] = {**taken, **own}
        if change is not None:
            fields = self._changed(fields, change)
        return Written(raw.at, fields)

    def _base(self, index: int, like: Written) -> Written | None:
        """Return the policy named by *like*, or None after saying what is wrong with it."""
        name = like.value.strip() if isinstance(like.value, str) else ""
        others = {each: at for at, each in reversed(list(enumerate(self.names))) if at != index}
        base = others.get(name)
        if name and base is None and name == self.names[index]:
            self.complain(like.at, "names its own policy; name another one.")
        elif not name or base is None:
            known = [each for each in others if each]
            guess = nearest(name, known) if known else "there is no other policy."
            self.complain(like.at, f"no policy is called `{name}`; {guess}")
        elif base in self.under_way:
            around = [*self.under_way[self.under_way.index(base) :], base]
            chain = " → ".join(f"`{self.names[each]}`" for each in around)
            self.complain(like.at, f"goes around in a circle: {chain}; leave one `like` out.")
        else:
            return self.policy(base)
        return None

    def _changed(self, fields: dict[str, Written], change: Written) -> dict[str, Written]:
        if not isinstance(change.value, dict):
            self.complain(change.at, "must be a mapping such as `{ ending: { after: 30 days } }`.")
            return fields
        result = dict(fields)
        for key, part in change.value.items():
            if key in OWN:
                self.complain(part.at, "is written beside `like`, not in `change`.")
            elif part.value == LEAVE_OUT:
                result.pop(key, None)
            elif key == "steps" and key in result:
                result[key] = self._changed_steps(result[key], part)
            elif key == "when_declined" and key in result:
                result[key] = _changed_classes(result[key], part)
            else:
                result[key] = _merged(result[key], part) if key in result else part
        return result

    def _changed_steps(self, steps: Written, change: Written) -> Written:
        """Return a list of steps with those changed, added and taken away that *change* names."""
        if not isinstance(change.value, dict) or not isinstance(steps.value, list):
            sentence = "must be a mapping of steps' names such as `{ try 2: { after: 5 days } }`."
            self.complain(change.at, sentence)
            return steps
        result = list(steps.value)
        for name, part in change.value.items():
            names = [_text(each, "name") for each in result]
            known = names.index(name) if name in names else None
            if known is None and not _is_whole_step(part):
                sentence = f"no step is called `{name}`; {nearest(name, [n for n in names if n])}"
                self.complain(part.at, f"{sentence} A new step needs `after` and what it does.")
            elif isinstance(part.value, dict) and "name" in part.value:
                self.complain(part.value["name"].at, "a step is named by its key; leave it out.")
            elif known is None:
                result.append(_named(part, name))
            elif part.value == LEAVE_OUT:
                del result[known]
            else:
                result[known] = _merged(_without_time(result[known], part), part)
        return Written(steps.at, result)


def _changed_classes(classes: Written, change: Written) -> Written:
    """Return the classes of decline with those changed; a new `do` begins a class afresh."""
    if not isinstance(change.value, dict) or not isinstance(classes.value, dict):
        return change
    result = dict(classes.value)
    for name, part in change.value.items():
        afresh = name not in result or (isinstance(part.value, dict) and "do" in part.value)
        result[name] = part if afresh else _merged(result[name], part)
    return Written(classes.at, result)


def _merged(base: Written, change: Written) -> Written:
    """Return a mapping with single fields replaced; anything else is replaced whole."""
    if not isinstance(base.value, dict) or not isinstance(change.value, dict):
        return change
    result = {**base.value, **change.value}
    kept = {key: part for key, part in result.items() if part.value != LEAVE_OUT}
    return Written(change.at, kept)


def _is_whole_step(part: Written) -> bool:
    value = part.value
    timed = isinstance(value, dict) and bool({"after", "before"} & set(value))
    return timed and bool(DOES & set(value))


def _without_time(step: Written, change: Written) -> Written:
    """Return *step* without its time where the change names a new one, before or after."""
    times = {"after", "before"}
    if not isinstance(change.value, dict) or not isinstance(step.value, dict):
        return step
    if not times & set(change.value):
        return step
    return Written(step.at, {key: part for key, part in step.value.items() if key not in times})


def _named(part: Written, name: str) -> Written:
    value = part.value if isinstance(part.value, dict) else {}
    return Written(part.at, {"name": Written(part.at, name), **value})


def _source(value: object, at: Location) -> Written:
    """Return a part of the file with the places of everything in it."""
    if isinstance(value, dict):
        return Written(at, {key: _source(part, (*at, key)) for key, part in value.items()})
    if isinstance(value, list):
        return Written(at, [_source(part, (*at, index)) for index, part in enumerate(value)])
    return Written(at, str(value))


def _flatten(part: Written, at: Location, result: WrittenOut) -> object:
    """Return a part as plain data, noting where each place of it was written."""
    result.origins[at] = part.at
    result.text.lines[at] = result.original.line_of(part.at)
    if isinstance(part.value, dict):
        return {key: _flatten(each, (*at, key), result) for key, each in part.value.items()}
    if isinstance(part.value, list):
        return [_flatten(each, (*at, index), result) for index, each in enumerate(part.value)]
    return part.value


def _text(part: Written, key: str) -> str:
    found = part.value.get(key) if isinstance(part.value, dict) else None
    return found.value.strip() if found is not None and isinstance(found.value, str) else ""


def _policy(location: Location) -> Location:
    return location[:2]
