"""Every test asserts something, and none replaces a part of the program by a mock."""

import ast
import re

from tests.tidy.tracked import Function, functions, python_files, read

ASSERTING_WORDS = ("raises", "warns", "assert", "check", "expect", "verify", "run_state_machine")
MOCKS = re.compile(r"unittest\.mock|mocker\.|monkeypatch\.set" + "attr")


def asserts(test: Function) -> bool:
    """Return whether a test has an assert statement or calls something named like one."""
    calls = [node.func for node in ast.walk(test) if isinstance(node, ast.Call)]
    names = [str(getattr(call, "attr", getattr(call, "id", ""))) for call in calls]
    return any(isinstance(node, ast.Assert) for node in ast.walk(test)) or any(
        word in name for name in names for word in ASSERTING_WORDS
    )


def test_every_test_has_an_assertion() -> None:
    tests = [
        (path, function)
        for path in python_files("tests")
        for function in functions(path)
        if function.name.startswith("test_")
    ]
    assert len(tests) > 20
    assert [f"{path}:{test.lineno} {test.name}" for path, test in tests if not asserts(test)] == []


def test_no_test_uses_a_mock() -> None:
    users = [
        path
        for path in python_files("tests")
        if "contract" not in path.parts and MOCKS.search(read(path))
    ]
    assert users == []
