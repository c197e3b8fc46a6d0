"""Letters as they arrived, read from the inbox's files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
NEW_TABS = '<base target="_blank">'


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail; `number` is the one in its file's name."""

    number: int
    message_id: str
    notice: str
    """Its kind, as the ledger knows it; empty where the ledger does not know the mail."""
    subject: str
    to: str
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str

    @property
    def html_for_frame(self) -> str:
        """The HTML with its links opening new tabs, since a frame is no place for a page."""
        return _HEAD.sub(lambda head: head[0] + NEW_TABS, self.html, count=1)


def read_letter_files(folder: Path, notices: Mapping[str, str]) -> list[Letter]:
    """Return the mails in *folder* in order of arrival; a folder that is missing has none.

    Args: notices: Message-ID -> kind of letter.
    """
    return [_letter_in(path, notices) for path in sorted(folder.glob("*.eml"))]


def _letter_in(path: Path, notices: Mapping[str, str]) -> Letter:
    message = message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=policy.default)
    message_id = str(message.get("Message-ID", "")).strip()
    number = path.name.partition("-")[0]
    return Letter(
        number=int(number) if number.isdigit() else 0,
        message_id=message_id,
        notice=notices.get(message_id, ""),
        subject=str(message.get("Subject", "")),
        to=str(message.get("To", "")),
        headers=tuple((name, str(value)) for name, value in message.items()),
        text=_body(message, "plain"),
        html=_body(message, "html"),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
