"""SMTP_URL: safe by default, and never repeated in a message."""

import pytest

from worker.errors import ConfigError
from worker.mail.smtp_url import SmtpServer, read_smtp_url


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (
            "smtp://acme:p%40ss@mail.example:2525?starttls=required",
            SmtpServer("mail.example", 2525, "starttls", "acme", "p@ss"),
        ),
        ("smtp://mail.example", SmtpServer("mail.example", 587, "starttls")),
        ("smtp://mail.example?starttls=off", SmtpServer("mail.example", 25, "none")),
        ("smtps://u:p@mail.example", SmtpServer("mail.example", 465, "tls", "u", "p")),
        ("smtp://127.0.0.1:1025", SmtpServer("127.0.0.1", 1025, "none")),
        ("smtp://u:p@localhost:1025", SmtpServer("localhost", 1025, "none", "u", "p")),
        ("smtp://[::1]:1025", SmtpServer("::1", 1025, "none")),
        (
            "smtp://localhost:1025?starttls=required",
            SmtpServer("localhost", 1025, "starttls"),
        ),
    ],
)
def test_url(url: str, server: SmtpServer) -> None:
    assert read_smtp_url(url) == server


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "is no smtp:// or smtps:// address"),
        ("mail.example", "is no smtp:// or smtps:// address"),
        ("http://u:secret@mail.example", "is no smtp:// or smtps:// address"),
        ("smtp://u:secret@", "is no smtp:// or smtps:// address"),
        ("smtp://u:secret@mail.example:port", "cannot be read"),
        ("smtp://u:secret@mail.example:99999", "cannot be read"),
        ("smtp://u:secret@mail.example?starttl=required", "did you mean starttls?"),
        ("smtp://u:secret@mail.example?starttls=maybe", "write required or off"),
        ("smtp://u:secret@mail.example?starttls=off", "send the password unprotected"),
    ],
)
def test_wrong_url_is_told_without_its_password(url: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_smtp_url(url)

    assert sentence in str(raised.value)
    assert "secret" not in str(raised.value)


def test_password_never_shows() -> None:
    assert "secret" not in repr(read_smtp_url("smtps://u:secret@mail.example"))
