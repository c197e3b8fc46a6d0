"""Files and functions stay small, and their names say what they are (architecture, section 3)."""

from pathlib import Path

from tests.tidy.tracked import functions, python_files, read, tracked_files

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}


def source_files() -> list[Path]:
    """Return our source files but for migrations: what one did is history, not rewritten."""
    files = python_files("worker", "bench", ".ci")
    return [path for path in files if "migrations" not in path.parts]


def test_no_file_is_long() -> None:
    lines = {path: read(path).count("\n") for path in source_files()}
    assert {path: count for path, count in lines.items() if count > FILE_LINES_MAX} == {}


def test_no_function_is_long() -> None:
    long = [
        f"{path}:{function.lineno} {function.name}"
        for path in source_files()
        for function in functions(path)
        if (function.end_lineno or function.lineno) - function.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = [path for path in tracked_files() if {*path.parts[:-1], path.stem} & SAYS_NOTHING]
    assert named == []


def test_every_package_has_its_init_file() -> None:
    """Without it the import rules would not see what lies inside."""
    files = [path for path in python_files("worker") if "migrations" not in path.parts]
    folders = {path.parent for path in files}
    assert {folder for folder in folders if folder / "__init__.py" not in tracked_files()} == set()
