"""SMTP_URL: which mail server, how it is protected, and who we are to it."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from worker.errors import ConfigError
from worker.mail.grammar import nearest

Protection = Literal["none", "starttls", "tls"]

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
_EXAMPLE = "write smtp://user:password@host:587?starttls=required, or smtps:// for TLS at once."


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """One mail server; the password never shows in a `repr`, so never in a log."""

    host: str
    port: int
    protection: Protection
    user: str = ""
    password: str = field(default="", repr=False)


def read_smtp_url(url: str) -> SmtpServer:
    """Return the server that *url* names.

    STARTTLS is required unless the host is this machine or the URL says `?starttls=off`; a
    password is never sent to another machine unprotected. Raises: ConfigError, without the URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError(f"SMTP_URL cannot be read; {_EXAMPLE}") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ConfigError(f"SMTP_URL is no smtp:// or smtps:// address; {_EXAMPLE}")
    query = parse_qs(parts.query, keep_blank_values=True)
    for name in query:
        if name != "starttls":
            raise ConfigError(f"SMTP_URL: {name} is not known{nearest(name, ('starttls',))}")
    starttls = query.get("starttls", [""])[-1]
    if starttls not in ("", "required", "off"):
        raise ConfigError(f"SMTP_URL: starttls={starttls} is not known; write required or off.")
    near = parts.hostname in _LOOPBACK
    protection: Protection
    if parts.scheme == "smtps":
        protection = "tls"
    elif starttls == "off" or (near and not starttls):
        protection = "none"
    else:
        protection = "starttls"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user and protection == "none" and not near:
        raise ConfigError(
            "SMTP_URL would send the password unprotected; leave starttls=off out, or use smtps://."
        )
    default_port = {"tls": 465, "starttls": 587, "none": 25}[protection]
    return SmtpServer(
        host=parts.hostname,
        port=port if port is not None else default_port,
        protection=protection,
        user=user,
        password=password,
    )
