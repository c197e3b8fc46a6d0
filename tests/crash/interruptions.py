"""Processes that die at a chosen input or output: each boundary is numbered by the port itself.

A boundary is a commit (just before and just after it), a call to Stripe (before it leaves, after
its answer) or a letter handed to the mail server (before, after). A new call in the services is
covered by itself, since the ports count it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from worker.bootstrap import App
from worker.mail.post_office import PostOffice
from worker.ports import RenderedNotice, SendResult
from worker.store.ledger import PostgresLedger, Transaction


class Killed(BaseException):
    """The process died here; like `kill -9`, nothing may catch it."""


class Plan:
    """Counts boundaries per subject and kills a subject's process at the chosen one, once."""

    def __init__(self) -> None:
        """Kill nobody yet."""
        self.kill_at: dict[str, int] = {}
        self.passed: dict[str, list[str]] = {}
        self.killed: dict[str, str] = {}
        self.next_kill = 1
        self._subject = ""
        self._dead = False

    @contextmanager
    def about(self, subject: str) -> Iterator[None]:
        """Count what is done inside for *subject*; for the empty string nothing is counted."""
        before, self._subject = self._subject, subject
        try:
            yield
        finally:
            self._subject, self._dead = before, False

    def point(self, name: str) -> None:
        """Pass a boundary. Raises: Killed: here, or since the process is dead already."""
        subject = self._subject
        if not subject:
            return
        if self._dead:
            raise Killed
        passed = self.passed.setdefault(subject, [])
        passed.append(name)
        if subject not in self.killed and self.kill_at.get(subject) == len(passed):
            self.killed[subject] = name
            self._dead = True
            raise Killed


class InterruptedLedger:
    """The real ledger; before and after each commit the process may die.

    A transaction that only read is no boundary: dying there is dying at the next one.
    """

    def __init__(self, real: PostgresLedger, plan: Plan) -> None:
        """Wrap *real*."""
        self._real = real
        self._plan = plan
        self._wrote = False
        event.listen(real.engine, "before_cursor_execute", self._see)

    def _see(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self._wrote = self._wrote or not statement.lstrip().upper().startswith("SELECT")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Start a transaction as the real one does."""
        self._wrote = False
        with self._real.begin() as tx:
            yield tx
            wrote = self._wrote
            if wrote:
                self._plan.point("before commit")
        if wrote:
            self._plan.point("after commit")


class InterruptedStripe:
    """The real gateway; before and after each call the process may die."""

    def __init__(self, real: Any, plan: Plan) -> None:
        """Wrap *real*."""
        self._real = real
        self._plan = plan

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found

        def call(*args: Any, **more: Any) -> Any:
            self._plan.point(f"before {name}")
            answer = found(*args, **more)
            if not name.startswith("read_"):  # dying with an answer only read is dying before it
                self._plan.point(f"after {name}")
            return self._pages(answer, name) if name.endswith("_pages") else answer

        return call

    def _pages(self, pages: Iterator[Any], name: str) -> Iterator[Any]:
        for page in pages:
            self._plan.point(f"page of {name}")
            yield page


class InterruptedLetters:
    """The real post office; before and after each letter is handed over the process may die."""

    def __init__(self, real: PostOffice, plan: Plan) -> None:
        """Wrap *real*."""
        self._real = real
        self._plan = plan

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def send(self, *, message_id: str, customer: Any, rendered: RenderedNotice) -> SendResult:
        """Hand one letter over as the real one does."""
        self._plan.point("before send")
        result = self._real.send(message_id=message_id, customer=customer, rendered=rendered)
        self._plan.point("after send")
        return result


def interrupt(app: App, plan: Plan) -> None:
    """Put the interruptions around the App's ports."""
    parts = app.__dict__
    parts["ledger"] = InterruptedLedger(app.ledger, plan)
    parts["stripe"] = InterruptedStripe(app.stripe, plan)
    parts["letters"] = InterruptedLetters(app.letters, plan)
