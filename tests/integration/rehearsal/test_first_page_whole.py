"""`dunning up` as a person has it: the real processes, played for some days, ended by a signal."""

import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from worker import clock

ROOT = Path(__file__).parents[3]
READY_SECONDS_MAX = 90.0
ACT_SECONDS_MAX = 120.0


class Up:
    """A running `dunning up`."""

    def __init__(self, data: Path) -> None:
        """Start it on a free port and wait for its address."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "worker.cli.main", "up", "--data", str(data), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        self.lines: list[str] = []
        self.address = self._address()

    def _address(self) -> str:
        deadline = clock.monotonic_seconds() + READY_SECONDS_MAX
        assert self.process.stdout is not None
        while clock.monotonic_seconds() < deadline:
            ready, _, _ = select.select([self.process.stdout], [], [], 1.0)
            line = self.process.stdout.readline() if ready else ""
            self.lines += [line] if line else []
            found = re.search(r"Open (http://127\.0\.0\.1:\d+)", line)
            if found:
                return found[1]
            assert self.process.poll() is None, self.lines
        raise AssertionError(f"not ready: {self.lines}")

    def ask(self, method: str, path: str, **form: str) -> str:
        """Return the text of an answer; a form is awaited until it is done."""
        connection = HTTPConnection(urlsplit(self.address).netloc, timeout=30)
        try:
            connection.request(method, path, urlencode(form))
            response = connection.getresponse()
            text = response.read().decode()
            assert response.status in {200, 303}, text
        finally:
            connection.close()
        if method == "POST":
            self._until_idle()
        return text

    def _until_idle(self) -> None:
        deadline = clock.monotonic_seconds() + ACT_SECONDS_MAX
        while '"busy":""' not in self.ask("GET", "/pulse"):
            assert clock.monotonic_seconds() < deadline
            clock.sleep(0.1)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """Give a running one, which ends with the test."""
    running = Up(tmp_path / "data")
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.wait(60)
    if running.process.stdout is not None:
        running.process.stdout.close()


def processes_on(data: Path) -> list[str]:
    """Return the command lines that name *data*."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(data) in words:
            found.append(words)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="what is left is read from /proc")
def test_a_story_is_played_to_its_end_and_no_process_stays(up: Up, tmp_path: Path) -> None:
    assert "About 200 MB on disk" in up.lines[0]
    assert "127.0.0.1" in up.lines[0]

    up.ask("POST", "/advance", hours="72")
    overview = up.ask("GET", "/")
    [case, *_] = re.findall(r"/cases/(C-\d+)", overview)
    story = up.ask("GET", f"/cases/{case}")
    assert "payment failed" in story
    assert "first letter sent" in story
    assert re.search(r'href="/letters/\d+"', overview)

    invoice = re.search(r'name="invoice" value="(in_\w+)"', story)
    assert invoice is not None
    up.ask("POST", "/pay", invoice=invoice[1])
    assert "closed: recovered by the customer" in up.ask("GET", f"/cases/{case}")

    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(60) == 0
    assert processes_on(tmp_path / "data") == []
    assert up.process.stdout is not None
    assert "dunning cases --data" in up.process.stdout.read()
