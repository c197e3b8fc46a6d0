"""A first page over a real sandbox and ledger, whose worker is a test; and a browser for it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

from worker import clock
from worker.rehearsal.driver_sandbox import SandboxClient
from worker.rehearsal.first_page_play import Play


@dataclass
class NoProcesses:
    """Looks after nothing."""

    looks: int = 0

    def watch(self) -> None:
        """Count the look."""
        self.looks += 1


@dataclass
class ClockDriver:
    """Moves the sandbox's clock as the driver does, hour by hour; nobody works meanwhile."""

    client: SandboxClient
    test_clock: str
    now: datetime
    supervisor: NoProcesses = field(default_factory=NoProcesses)
    drives: int = 0
    due: bool = False

    def drive(self, until: datetime, on_stop: Callable[[datetime], None]) -> None:
        """Advance the clock to *until* in one go."""
        self.drives += 1
        self.due = False
        if until > self.now:
            path = f"/v1/test_helpers/test_clocks/{self.test_clock}"
            self.client.post(f"{path}/advance", {"frozen_time": int(until.timestamp())})
            while self.client.get(path)["status"] != "ready":
                clock.sleep(0.005)
            self.now = until
        on_stop(self.now)

    def anything_due(self) -> bool:
        """Return what the test says."""
        return self.due

    def frozen_at(self) -> datetime:
        """Return where the sandbox's clock stands."""
        row = self.client.get(f"/v1/test_helpers/test_clocks/{self.test_clock}")
        return datetime.fromtimestamp(row["frozen_time"], UTC)


@dataclass
class Answer:
    """What a page answered."""

    status: int
    text: str
    headers: dict[str, str]


@dataclass
class Browser:
    """Gets pages and presses buttons; the test itself lets the play go on."""

    address: str
    play: Play

    def get(self, path: str, **headers: str) -> Answer:
        """Return a page."""
        return self._ask("GET", path, "", headers)

    def press(
        self, path: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a form, without waiting for what comes of it."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, urlencode(form), {**kind, **(headers or {})})

    def act(self, path: str, **form: str) -> str:
        """Send a form, let the play do it, and return what the page then says."""
        answer = self.press(path, form)
        assert answer.status == 303, answer.text
        self.play.step()
        return self.play.shown.said

    def pulse(self) -> dict[str, object]:
        """Return what the script asks for."""
        told: dict[str, object] = json.loads(self.get("/pulse").text)
        return told

    def _ask(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> Answer:
        connection = HTTPConnection(urlsplit(self.address).netloc, timeout=20)
        try:
            connection.request(method, path, body.encode(), dict(headers))
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(response.status, text, dict(response.getheaders()))
        finally:
            connection.close()
