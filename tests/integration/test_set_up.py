"""What `make` says when the packages cannot be set up; nothing half-made is left behind."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

AS_IF_OLD = """
import runpy, sys
sys.version_info = (3, 10, 12)
sys.argv[:] = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Give a folder with what the set-up reads, wanting a package that is nowhere."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "venv.py", tmp_path / ".ci")
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "requirements.lock").write_text(f"is-nowhere==1.0 --hash=sha256:{'0' * 64}\n")
    return tmp_path


def run(clone: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the clone, offline and without uv."""
    return subprocess.run(
        command,
        cwd=clone,
        env={"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_python_that_is_too_old_is_told(clone: Path) -> None:
    done = run(clone, sys.executable, "-c", AS_IF_OLD, str(clone / ".ci" / "venv.py"), "demo")
    assert done.stderr == (
        f"Python 3.11 or newer is needed; found 3.10.12 ({sys.executable}). "
        "Install it, or: make demo PYTHON=/path/to/python3.12\n"
    )
    assert done.returncode == 2


def test_no_python_at_all_is_told(clone: Path) -> None:
    done = run(clone, "make", "test", "PYTHON=python3.99")
    assert "No python3.99 here. Install Python 3.11 or newer, or: make test PYTHON=" in done.stderr


def test_packages_that_cannot_be_downloaded_leave_nothing(clone: Path) -> None:
    done = run(clone, "make", "demo", f"PYTHON={sys.executable}")
    first, *_ = done.stderr.splitlines()
    assert first == (
        "Packages could not be downloaded (no network?). Nothing was changed; "
        f"run make demo again. Details: {clone / 'var' / 'setup.log'}"
    )
    assert "is-nowhere" in (clone / "var" / "setup.log").read_text()
    assert not (clone / ".venv").exists()
