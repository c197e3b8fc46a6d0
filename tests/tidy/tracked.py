"""The files that git tracks, which are what taste is tested on."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = {".py", ".toml", ".md", ".yaml", ".yml", ".lock", ".html", ".css", ".csv", ".json", ".txt"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return every tracked file that exists, as paths relative to the repository's root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - whichever git made this clone
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    return tuple(path for path in paths if (ROOT / path).is_file())


def text_files() -> list[Path]:
    """Return the tracked files that people read: sources, settings, documents."""
    return [path for path in tracked_files() if path.suffix in TEXT or not path.suffix]


def python_files(*folders: str) -> list[Path]:
    """Return the tracked Python files below any of *folders*."""
    return [path for path in tracked_files() if path.suffix == ".py" and path.parts[0] in folders]


def read(path: Path) -> str:
    """Return the text of a tracked file."""
    return (ROOT / path).read_text(encoding="utf-8")


def functions(path: Path) -> list[Function]:
    """Return every function and method that a Python file defines, also inner ones."""
    tree = ast.parse(read(path), filename=str(path))
    return [node for node in ast.walk(tree) if isinstance(node, Function)]
