"""What pydantic found wrong in a file, told as sentences with line, field path and cure."""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from worker.settings.yaml_reader import Location, Problem, YamlText


def render(text: YamlText, problem: Problem) -> str:
    """Return `dunning.yaml line 22, steps → try 1 → after: 3 has no unit; write ...`."""
    path = " → ".join(path_names(text.data, problem.location))
    place = f"{text.file} line {problem.line}"
    whole = f"{place}, {path}: {problem.sentence}" if path else f"{place}: {problem.sentence}"
    return " ".join(whole.splitlines())  # what is quoted from the file may span lines


def path_names(data: object, location: Location) -> list[str]:
    """Return the parts of *location* as people name them: list items by `name` or `letter`.

    With a single policy `policies → its name` says nothing and is left out.
    """
    names: list[str] = []
    for part in location:
        if isinstance(part, int):
            item = data[part] if isinstance(data, list) and part < len(data) else None
            names.append(_item_name(item, part))
            data = item
        else:
            names.append(part)
            data = data.get(part) if isinstance(data, dict) else None
            single = isinstance(data, list) and len(data) == 1
            if names == ["policies"] and single and len(location) > 2:
                return path_names({"": data}, ("", *location[1:]))[2:]
    return names


def model_problems(text: YamlText, model: type[BaseModel], error: ValidationError) -> list[Problem]:
    """Return one problem per fault; fields missing from the same mapping share one."""
    problems: list[Problem] = []
    missing: defaultdict[Location, list[str]] = defaultdict(list)
    for detail in error.errors(include_url=False):
        location = tuple(detail["loc"])
        if detail["type"] == "missing":
            missing[location[:-1]].append(str(location[-1]))
            continue
        sentence = _sentence(model, detail, location)
        problems.append(Problem(text.line_of(location), location, sentence))
    for location, names in missing.items():
        examples = [f"`{name}: {_example(model, (*location, name))}`" for name in names]
        verb = "is" if len(names) == 1 else "are"
        listed = join_words([f"`{name}`" for name in names])
        sentence = f"{listed} {verb} missing; write {', '.join(examples)}."
        problems.append(Problem(text.line_of(location), location, sentence))
    return problems


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `did you mean X?`, or the known words where none is near."""
    words = list(known)
    close = [each for each in words if len(word) > 2 and each.startswith(word)]
    close += difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known are {join_words([f'`{each}`' for each in words])}."


def join_words(words: Sequence[str], last: str = "and") -> str:
    """Return `a, b and c`, or with another word before the last."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _sentence(model: type[BaseModel], detail: ErrorDetails, location: Location) -> str:
    """Return what to tell the operator about one fault that is not a missing field."""
    context = cast(Mapping[str, object], detail.get("ctx", {}))
    written = detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            section = model_at(model, location[:-1])
            known = [info.alias or name for name, info in section.model_fields.items()]
            return f"is not known here; {nearest(str(location[-1]), known)}"
        case "value_error":
            return str(context["error"])
        case "enum" | "literal_error":
            words = _choices(model, location)
            if not isinstance(written, str):
                return f"must be one of {join_words([f'`{word}`' for word in words], 'or')}."
            if not written.strip():
                return f"is empty; write `{_example(model, location)}`."
            return f"`{written}` is not known; {nearest(written, words)}"
        case "list_type":
            return "must be a list; begin each item with `- `."
        case "too_short":
            return "is an empty list; one item is needed."
        case _:
            example = _example(model, location)
            if location and isinstance(location[-1], int):
                example = example.removeprefix("[").removesuffix("]")
            return f"must be a mapping such as `{example}`."


def model_at(model: type[BaseModel], location: Location) -> type[BaseModel]:
    """Return the model that describes *location*; positions in lists do not matter."""
    for part in location:
        if isinstance(part, str):
            info = _field(model, part)
            inner = inner_model(info.annotation) if info else None
            model = inner or model
    return model


def _field(model: type[BaseModel], name: str) -> FieldInfo | None:
    """Return the field written as *name* in the file."""
    for field_name, info in model.model_fields.items():
        if name == (info.alias or field_name):
            return info
    return None


def inner_model(annotation: object) -> type[BaseModel] | None:
    """Return the model inside an annotation such as list[Model] or Model | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in get_args(annotation):
        if found := inner_model(part):
            return found
    return None


def _choices(model: type[BaseModel], location: Location) -> list[str]:
    """Return the words that the field at *location*, or the list around an item, allows."""
    names = [part for part in location if isinstance(part, str)]
    info = _field(model_at(model, tuple(names[:-1])), names[-1]) if names else None
    return allowed_words(info.annotation) if info else []


def allowed_words(annotation: object) -> list[str]:
    """Return the members of an enum or the words of a Literal, also inside `| None`."""
    if isinstance(annotation, type) and hasattr(annotation, "__members__"):
        return [str(member.value) for member in annotation.__members__.values()]
    words: list[str] = []
    for part in get_args(annotation):
        words += [part] if isinstance(part, str) else allowed_words(part)
    return words


def _example(model: type[BaseModel], location: Location) -> str:
    """Return the example of the field at *location*, or of the list around an item."""
    names = [part for part in location if isinstance(part, str)]
    if not names:
        return "key: value"
    info = _field(model_at(model, tuple(names[:-1])), names[-1])
    return str(info.examples[0]) if info and info.examples else "key: value"


def _item_name(item: object, position: int) -> str:
    """Return what people call an item of a list: its name, else `number 2`."""
    if isinstance(item, dict):
        for key in ("name", "letter"):
            if isinstance(item.get(key), str) and item[key]:
                return str(item[key])
    return f"number {position + 1}"
