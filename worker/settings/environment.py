"""Reads the environment into one value, telling every problem at once.

No sentence and no repr shows a secret: of a key only the prefix is named, of an address only the
scheme. What each variable means is in `variables`.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

from worker.errors import ConfigError
from worker.settings.sentences import join_words
from worker.settings.variables import NAMES, VARIABLES

LogFormat = Literal["auto", "json", "text"]
LogLevel = Literal["debug", "info", "warn", "error"]

Word = TypeVar("Word", bound=str)

_KEY = re.compile(r"(?:sk|rk)_(?:test|live)_[A-Za-z0-9_]+")
_LIVE = re.compile(r"(?:sk|rk)_live_")
_PREFIX = re.compile(r"[A-Za-z]{1,6}_")
_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]+")
_CLOCK = re.compile(r"clock_[A-Za-z0-9]+")
_SWITCH = {"on": "on", "off": "off"}
_FORMATS: Mapping[str, LogFormat] = {"auto": "auto", "json": "json", "text": "text"}
_LEVELS: Mapping[str, LogLevel] = {
    "debug": "debug",
    "info": "info",
    "warn": "warn",
    "warning": "warn",
    "error": "error",
}


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables, checked; None is a variable that is not set and was not needed."""

    database_url: str | None = field(repr=False)
    """As given; `sqlalchemy_url` is the form for SQLAlchemy."""
    database_prepares: bool
    """Whether statements may be prepared: no transaction pooler would lose them."""
    redis_url: str | None = field(repr=False)
    stripe_api_key: str | None = field(repr=False)
    stripe_api_base: str | None
    """None is Stripe itself."""
    webhook_secrets: tuple[str, ...] = field(repr=False)
    """Any of them signs; several while one is rotated."""
    stripe_test_clock: str | None
    smtp_url: str | None = field(repr=False)
    """Its details are read, and refused, by `worker.mail.smtp_url`."""
    customer_portal_url: str | None
    """With `{customer}` where the customer's id goes."""
    metrics_bind: tuple[str, int]
    """Host and port; port 0 takes a free one."""
    config_dir: Path
    templates_dir: Path
    data_dir: Path
    operator: str | None
    log_format: LogFormat
    log_level: LogLevel
    sink_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables that begin with SINK_, by name: sinks.yaml says which signs what."""

    @property
    def sqlalchemy_url(self) -> str | None:
        """DATABASE_URL with the scheme that makes SQLAlchemy use psycopg 3."""
        if self.database_url is None:
            return None
        return "postgresql+psycopg://" + self.database_url.split("://", 1)[1]

    @property
    def stripe_key_is_live(self) -> bool:
        """Whether the key moves real money."""
        return self.stripe_api_key is not None and bool(_LIVE.match(self.stripe_api_key))

    @property
    def stripe_is_sandbox(self) -> bool:
        """Whether calls go to a Stripe-shaped server on this machine."""
        base = self.stripe_api_base
        return base is not None and is_loopback(urlsplit(base).hostname or "")


def read_environment(
    environ: Mapping[str, str], needed: frozenset[str], *, embedded: bool = False
) -> Environment:
    """Return the variables in *environ*; one that is empty counts as not set.

    Args:
        needed: names that must be set for what is about to run.
        embedded: this run starts or joins embedded parts, so a live key is refused.

    Raises: ConfigError: one sentence per problem, without any secret (the operator acts).
    """
    unknown = needed - NAMES
    if unknown:
        raise ValueError(f"no such variables: {sorted(unknown)}")
    reading = _Reading({name: environ[name].strip() for name in NAMES if environ.get(name)})
    environment = reading.environment(needed, embedded=embedded)
    if reading.problems:
        raise ConfigError(*reading.problems)
    named = {name: value.strip() for name, value in environ.items() if name.startswith("SINK_")}
    return replace(environment, sink_secrets={k: v for k, v in named.items() if v})


def is_loopback(host: str) -> bool:
    """Return whether *host* is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Reading:
    """One reading of the variables, which collects its problems."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = {name: value for name, value in given.items() if value}
        self.problems: list[str] = []

    def environment(self, needed: frozenset[str], *, embedded: bool) -> Environment:
        """Return the value; meaningless parts are None and have left a problem."""
        for variable in VARIABLES:
            if variable.name in needed and variable.name not in self.given:
                self.problems.append(
                    f"{variable.name} is not set; set it to something like {variable.example}"
                )
        self.stripe_rules(embedded=embedded)
        return Environment(
            database_url=self.url("DATABASE_URL", ("postgres", "postgresql")),
            database_prepares=self.one_of("DATABASE_PREPARE", _SWITCH, "off") == "on",
            redis_url=self.url("REDIS_URL", ("redis", "rediss", "unix")),
            stripe_api_key=self.given.get("STRIPE_API_KEY"),
            stripe_api_base=(self.given.get("STRIPE_API_BASE") or "").rstrip("/") or None,
            webhook_secrets=self.webhook_secrets(),
            stripe_test_clock=self.given.get("STRIPE_TEST_CLOCK"),
            smtp_url=self.url("SMTP_URL", ("smtp", "smtps")),
            customer_portal_url=self.url("CUSTOMER_PORTAL_URL", ("https", "http")),
            metrics_bind=self.metrics_bind(),
            config_dir=Path(self.given.get("CONFIG_DIR", "config")),
            templates_dir=Path(self.given.get("TEMPLATES_DIR", "templates")),
            data_dir=Path(self.given.get("DUNNING_DATA_DIR", "var/demo")),
            operator=self.operator(),
            log_format=self.one_of("LOG_FORMAT", _FORMATS, "auto"),
            log_level=self.one_of("LOG_LEVEL", _LEVELS, "info"),
        )

    def url(self, name: str, schemes: tuple[str, ...]) -> str | None:
        """Return an address whose scheme is allowed and which names a host or a socket."""
        value = self.given.get(name)
        if value is None:
            return None
        parts = _split(value)
        written = join_words([f"{scheme}://" for scheme in schemes], "or")
        if parts is None:
            self.problems.append(f"{name} is malformed: host or port cannot be read.")
        elif parts.scheme not in schemes:
            scheme = f"begins with {parts.scheme}:" if parts.scheme else "has no scheme"
            self.problems.append(f"{name} {scheme}; it must begin with {written}.")
        elif not (parts.hostname or parts.path.strip("/") or "host=" in parts.query):
            self.problems.append(f"{name} names no host and no socket.")
        return value

    def stripe_rules(self, *, embedded: bool) -> None:
        """Check key, base and clock, alone and together."""
        key = self.given.get("STRIPE_API_KEY", "")
        live = bool(_LIVE.match(key))
        if key:
            self.key_rules(key)
        base = self.given.get("STRIPE_API_BASE")
        if base is not None:
            self.base_rules(base, live=live)
        clock = self.given.get("STRIPE_TEST_CLOCK")
        if clock is not None and not _CLOCK.fullmatch(clock):
            self.problems.append("STRIPE_TEST_CLOCK is no test clock; it must begin with clock_.")
        if clock is not None and live:
            self.problems.append(
                "STRIPE_TEST_CLOCK is set with a live key; test clocks exist in test mode only."
            )
        if live and embedded:
            self.problems.append(
                "STRIPE_API_KEY is a live key and the database is the embedded one, which nobody"
                " backs up; set DATABASE_URL and REDIS_URL, or use a test key."
            )

    def key_rules(self, key: str) -> None:
        """Check the kind of key by its prefix, the only part that is ever shown."""
        if key.startswith("pk_"):
            self.problems.append(
                "STRIPE_API_KEY begins with pk_: that is a publishable key. Make a restricted key"
                " (rk_…) with the rights listed in README, 'Key'."
            )
        elif key.startswith("whsec_"):
            self.problems.append(
                "STRIPE_API_KEY begins with whsec_: that is a webhook's signing secret. Make a"
                " restricted key (rk_…) with the rights listed in README, 'Key'."
            )
        elif not _KEY.fullmatch(key):
            prefix = _PREFIX.match(key)
            begins = f"begins with {prefix[0]}" if prefix else "has no prefix"
            self.problems.append(
                f"STRIPE_API_KEY {begins} and is no API key; it must begin with rk_test_,"
                " rk_live_, sk_test_ or sk_live_."
            )

    def base_rules(self, base: str, *, live: bool) -> None:
        """Check that no key travels in the clear and no live key goes to a sandbox."""
        parts = _split(base)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            self.problems.append("STRIPE_API_BASE is no address; write http://127.0.0.1:12111.")
            return
        if parts.username or parts.password or parts.query or parts.fragment:
            self.problems.append("STRIPE_API_BASE has more than scheme, host, port and path.")
        loopback = is_loopback(parts.hostname)
        if loopback and live:
            self.problems.append(
                "STRIPE_API_BASE is on this machine and STRIPE_API_KEY is a live key; use a test"
                " key with the sandbox."
            )
        if not loopback and parts.scheme == "http":
            self.problems.append(
                "STRIPE_API_BASE is plain http to another machine, so the key would travel in the"
                " clear; use https."
            )

    def webhook_secrets(self) -> tuple[str, ...]:
        """Return the signing secrets, of which only the prefix is ever shown."""
        given = self.given.get("STRIPE_WEBHOOK_SECRET")
        if given is None:
            return ()
        secrets = tuple(part.strip() for part in given.split(","))
        if not all(_WEBHOOK_SECRET.fullmatch(secret) for secret in secrets):
            self.problems.append(
                "STRIPE_WEBHOOK_SECRET is no signing secret; write the endpoint's whsec_…, or both"
                " of a rotation as whsec_…,whsec_…"
            )
        return secrets

    def metrics_bind(self) -> tuple[str, int]:
        """Return host and port of the inner listener."""
        value = self.given.get("METRICS_BIND", "127.0.0.1:9464")
        parts = _split(f"//{value}")
        if parts is None or not parts.hostname or parts.port is None or parts.path:
            self.problems.append(
                f"METRICS_BIND is {value[:40]!r}; write host:port, such as 127.0.0.1:9464."
            )
            return "127.0.0.1", 0
        return parts.hostname, parts.port

    def operator(self) -> str | None:
        """Return who acts, one line."""
        value = self.given.get("DUNNING_OPERATOR")
        if value is not None and not value.isprintable():
            self.problems.append("DUNNING_OPERATOR contains a control character.")
        return value

    def one_of(self, name: str, words: Mapping[str, Word], default: Word) -> Word:
        """Return the meaning of one of *words*, or *default* after noting a problem."""
        value = self.given.get(name, str(default))
        if value not in words:
            listed = join_words(list(words), "or")
            self.problems.append(f"{name} is {value[:20]!r}; it must be one of {listed}.")
        return words.get(value, default)


def _split(value: str) -> SplitResult | None:
    """Return the parts of an address, or None where host or port cannot be read."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        # Its text would quote the address, which may hold a password.
        return None
    return parts
