"""Nothing that is committed depends on the machine it was written on."""

import re
from pathlib import Path

from tests.tidy.tracked import read, text_files, tracked_files

HOST = r"https?://[^/\s]*(?:" + "|".join(["py" + "pi", "np" + "m", "host" + "ed"]) + r")[^/\s]*"
FOLDERS = [r"/work" + r"/", r"/home" + r"/\w", r"/Users" + r"/\w"]
MACHINE_PATH = r"(?<![\w.:/])(?:" + "|".join(FOLDERS) + ")"


def lines_that_say(pattern: str) -> list[str]:
    """Return each tracked line in which *pattern* is found, with its place."""
    found = re.compile(pattern)
    return [
        f"{path}:{number} {line.strip()[:80]}"
        for path in text_files()
        for number, line in enumerate(read(path).splitlines(), 1)
        if found.search(line)
    ]


def test_no_registry_host_is_named() -> None:
    assert lines_that_say(HOST) == []


def test_no_path_of_a_machine_is_named() -> None:
    assert lines_that_say(MACHINE_PATH) == []


def test_no_lock_file_that_carries_hosts_is_tracked() -> None:
    carriers = {"uv.lock", "package-lock.json"}
    names = [path.name for path in tracked_files()]
    assert [name for name in names if name in carriers or name.startswith("pylock")] == []


def test_every_locked_package_has_its_hashes() -> None:
    packages = [line for line in read(Path("requirements.lock")).splitlines() if "==" in line]
    assert len(packages) > 40
    assert [line for line in packages if not line.endswith("\\")] == []
