"""Every line the code writes is in the dictionary, found by reading the code, not by running it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from worker.joblog.dictionary import EVENTS
from worker.joblog.fields import FIELDS

WORKER = Path(__file__).parents[3] / "worker"
METHODS = {"debug": 0, "info": 0, "warning": 1, "error": 2}
RANKS = {"info": 0, "warn": 1, "error": 2}


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Yield (place, call, method) of every call of a job log with a literal event."""
    for path in sorted(WORKER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = ast.unparse(node.func.value).rsplit(".", 1)[-1]
            if owner in ("log", "joblog") and node.func.attr in METHODS:
                yield f"{path.relative_to(WORKER)}:{node.lineno}", node, node.func.attr


def test_every_event_field_and_level_is_in_the_dictionary() -> None:
    """On failure: add the name to worker/joblog/dictionary.py, with its meaning and runbook."""
    wrong: list[str] = []
    for place, call, method in calls():
        event = call.args[0] if call.args else None
        if not (isinstance(event, ast.Constant) and isinstance(event.value, str)):
            wrong.append(f"{place}: the event is not a literal")
            continue
        if event.value not in EVENTS:
            wrong.append(f"{place}: event {event.value}")
        elif METHODS[method] > RANKS[EVENTS[event.value].level]:
            wrong.append(f"{place}: {event.value} is graver than the dictionary says")
        wrong += [
            f"{place}: field {keyword.arg}"
            for keyword in call.keywords
            if keyword.arg is not None and keyword.arg not in FIELDS
        ]
    assert wrong == []
