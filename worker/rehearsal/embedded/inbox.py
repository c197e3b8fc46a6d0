"""An SMTP server that delivers nowhere: it keeps every message, as a file and in memory.

It also plays the failures of real mail servers, so that what the worker makes of them is seen.
"""

import asyncio
import re
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session

from worker.errors import ConfigError

HOST = "127.0.0.1"
SUBJECT_CHARACTERS_MAX = 48
STOP_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Mail:
    """One message as it arrived: `number` counts from 1, `recipients` are the envelope's."""

    number: int
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    path: Path | None

    @property
    def message(self) -> EmailMessage:
        """The parsed message."""
        return message_from_bytes(self.content, _class=EmailMessage, policy=policy.default)


@dataclass(slots=True)
class _Script:
    """The failures still to be played."""

    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    drops_after_keeping: int = 0
    drops_before_keeping: int = 0


class Inbox:
    """An SMTP server on 127.0.0.1 and a port of the system's choice, in a thread of its own."""

    def __init__(self, folder: Path | None = None) -> None:
        """Prepare an inbox that writes each message to *folder* as `.eml`, or only remembers it.

        Numbers go on where those in *folder* end. Nothing listens before `start`.
        """
        self._folder = folder
        self._arrived = threading.Condition()
        self._mails: list[Mail] = []
        self._last_number = _last_number_in(folder)
        self._script = _Script()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="inbox", daemon=True)
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The `SMTP_URL` of this inbox; it must have been started."""
        if self._server is None:
            raise RuntimeError("the inbox was not started")
        return f"smtp://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    @property
    def mails(self) -> list[Mail]:
        """What arrived since the start (or `clear`), in order of arrival."""
        with self._arrived:
            return list(self._mails)

    def start(self) -> Self:
        """Listen; return the inbox itself. ConfigError if the folder cannot be made."""
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError as problem:
                raise ConfigError(
                    f"{self._folder} cannot be written ({problem.strerror})."
                ) from problem
        self._thread.start()
        serving = self._loop.create_server(self._protocol, HOST, 0)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        return self

    def stop(self) -> None:
        """Stop listening, close every connection and end the thread; harmless when repeated."""
        if self._loop.is_closed():
            return
        if self._thread.is_alive():
            ending = asyncio.run_coroutine_threadsafe(self._end_connections(), self._loop)
            ending.result(STOP_SECONDS_MAX)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP_SECONDS_MAX)
        self._loop.close()

    def wait_for(self, count: int, timeout_seconds: float = 10.0) -> list[Mail]:
        """Return the mails once at least *count* have arrived, or what there is after the time."""
        with self._arrived:
            self._arrived.wait_for(lambda: len(self._mails) >= count, timeout_seconds)
            return list(self._mails)

    def refuse(self, recipient: str, code: int = 550, reason: str = "no such mailbox") -> None:
        """Answer *code* (550 for good, 451 for now) to this recipient from now on."""
        with self._arrived:
            self._script.refusals[recipient.lower()] = (code, reason)

    def accept(self, recipient: str) -> None:
        """Take mail for this recipient again."""
        with self._arrived:
            self._script.refusals.pop(recipient.lower(), None)

    def drop_connections(self, times: int = 1, *, keeping: bool = True) -> None:
        """Cut the connection after the data of the next *times* messages, without an answer.

        The sender cannot tell which it was: with *keeping* the message was taken, else lost.
        """
        with self._arrived:
            if keeping:
                self._script.drops_after_keeping = times
            else:
                self._script.drops_before_keeping = times

    def clear(self) -> None:
        """Forget the mails in memory and the failures to be played; files stay."""
        with self._arrived:
            self._mails.clear()
            self._script = _Script()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd finds its hooks by these names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        """Answer one recipient."""
        with self._arrived:
            refusal = self._script.refusals.get(address.lower())
        if refusal:
            return f"{refusal[0]} {refusal[1]}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep one message, and answer unless the connection is to be cut."""
        cut, keep = self._next_fate()
        if keep:
            self._keep(envelope)
        if cut:
            if isinstance(server.transport, asyncio.WriteTransport):
                server.transport.abort()
            raise ConnectionResetError("cut on purpose")
        return "250 OK: message kept"

    def _next_fate(self) -> tuple[bool, bool]:
        """Return whether to cut the connection for the next message, and whether to keep it."""
        with self._arrived:
            if self._script.drops_before_keeping:
                self._script.drops_before_keeping -= 1
                return True, False
            if self._script.drops_after_keeping:
                self._script.drops_after_keeping -= 1
                return True, True
            return False, True

    def _keep(self, envelope: Envelope) -> None:
        content = bytes(envelope.original_content or b"")
        with self._arrived:
            number = self._last_number + 1
            path = self._write(number, content)
            recipients = tuple(envelope.rcpt_tos)
            self._mails.append(Mail(number, envelope.mail_from or "", recipients, content, path))
            self._last_number = number
            self._arrived.notify_all()

    def _write(self, number: int, content: bytes) -> Path | None:
        """Write a message under its number and subject; readers never see half of it."""
        if self._folder is None:
            return None
        path = self._folder / f"{number:05d}-{_file_word(content)}.eml"
        draft = path.with_suffix(".part")
        draft.write_bytes(content)
        return draft.replace(path)

    def _protocol(self) -> SMTP:
        return SMTP(self, hostname="localhost", enable_SMTPUTF8=True, loop=self._loop)

    async def _end_connections(self) -> None:
        if self._server is not None:
            self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def __enter__(self) -> Self:
        """Start listening."""
        return self.start()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _problem: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stop listening."""
        self.stop()


def _last_number_in(folder: Path | None) -> int:
    if folder is None or not folder.is_dir():
        return 0
    numbers = [path.name.partition("-")[0] for path in folder.glob("*.eml")]
    return max((int(number) for number in numbers if number.isdigit()), default=0)


def _file_word(content: bytes) -> str:
    """Return the subject as part of a file name: small Latin letters, digits and hyphens."""
    headers = content.partition(b"\r\n\r\n")[0]
    message = message_from_bytes(headers, _class=EmailMessage, policy=policy.default)
    words = re.findall(r"[a-z0-9]+", str(message.get("subject", "")).lower())
    return "-".join(words)[:SUBJECT_CHARACTERS_MAX].strip("-") or "message"
