"""Variables: every problem at once, in sentences without a secret."""

from pathlib import Path

import pytest

from worker.errors import ConfigError
from worker.settings.environment import Environment, read_environment
from worker.settings.variables import NAMES, VARIABLES, env_example, environment_table

ROOT = Path(__file__).parents[3]
LIVE = "_".join(("rk", "live", "51SecretSecret"))
TEST = "rk_test_51SecretSecret"


def problems_of(*, needed: str = "", embedded: bool = False, **environ: str) -> list[str]:
    try:
        read_environment(environ, frozenset(needed.split()), embedded=embedded)
    except ConfigError as error:
        return list(error.problems)
    return []


def read(**environ: str) -> Environment:
    return read_environment(environ, frozenset())


def test_nothing_set_gives_the_defaults() -> None:
    environment = read()
    assert environment.database_url is environment.sqlalchemy_url is None
    assert environment.smtp_url is None
    assert environment.config_dir == Path("config")
    assert environment.templates_dir == Path("templates")
    assert environment.data_dir == Path("var/demo")
    assert (environment.log_format, environment.log_level) == ("auto", "info")
    assert not environment.database_prepares
    assert not environment.stripe_key_is_live
    assert not environment.stripe_is_sandbox


def test_secrets_of_a_rotation_come_apart() -> None:
    environment = read(STRIPE_WEBHOOK_SECRET="whsec_Old, whsec_New")
    assert environment.webhook_secrets == ("whsec_Old", "whsec_New")
    assert "Old" not in repr(environment)


@pytest.mark.parametrize("wrong", ["rk_test_51Secret", "whsec_A,", "whsec_A whsec_B", "whsec_"])
def test_what_is_no_signing_secret_is_not_shown(wrong: str) -> None:
    assert problems_of(STRIPE_WEBHOOK_SECRET=wrong) == [
        (
            "STRIPE_WEBHOOK_SECRET is no signing secret; write the endpoint's whsec_…, or both of a"
            " rotation as whsec_…,whsec_…"
        )
    ]


def test_figures_stay_on_this_machine_unless_said_otherwise() -> None:
    assert read().metrics_bind == ("127.0.0.1", 9464)
    assert read(METRICS_BIND="0.0.0.0:80").metrics_bind == ("0.0.0.0", 80)  # noqa: S104
    assert read(METRICS_BIND="[::1]:0").metrics_bind == ("::1", 0)


@pytest.mark.parametrize("wrong", ["9464", "host", "host:", ":1", "host:99999", "host:1/x"])
def test_where_figures_are_told_is_host_and_port(wrong: str) -> None:
    assert problems_of(METRICS_BIND=wrong) == [
        f"METRICS_BIND is {wrong!r}; write host:port, such as 127.0.0.1:9464."
    ]


def test_empty_counts_as_not_set() -> None:
    assert read(DATABASE_URL="", STRIPE_API_KEY=" ") == read()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_both_postgres_schemes(scheme: str) -> None:
    environment = read(DATABASE_URL=f"{scheme}://me@/ledger?host=/run/pg")
    assert environment.sqlalchemy_url == "postgresql+psycopg://me@/ledger?host=/run/pg"


def test_missing_ones_are_told_together() -> None:
    assert problems_of(needed="DATABASE_URL REDIS_URL STRIPE_API_KEY", SMTP_URL="smtp://a") == [
        (
            "DATABASE_URL is not set; set it to something like"
            " postgresql://dunning:secret@db.example:5432/dunning"
        ),
        "REDIS_URL is not set; set it to something like rediss://:secret@redis.example:6379/0",
        "STRIPE_API_KEY is not set; set it to something like rk_test_51Example",
    ]


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {"STRIPE_API_KEY": "pk_live_Secret"},
            (
                "STRIPE_API_KEY begins with pk_: that is a publishable key. Make a restricted key"
                " (rk_…) with the rights listed in README, 'Key'."
            ),
        ),
        (
            {"STRIPE_API_KEY": "whsec_Secret"},
            (
                "STRIPE_API_KEY begins with whsec_: that is a webhook's signing secret. Make a"
                " restricted key (rk_…) with the rights listed in README, 'Key'."
            ),
        ),
        (
            {"STRIPE_API_KEY": "acct_Secret"},
            (
                "STRIPE_API_KEY begins with acct_ and is no API key; it must begin with rk_test_,"
                " rk_live_, sk_test_ or sk_live_."
            ),
        ),
        (
            {"STRIPE_API_KEY": "SecretSecret"},
            (
                "STRIPE_API_KEY has no prefix and is no API key; it must begin with rk_test_,"
                " rk_live_, sk_test_ or sk_live_."
            ),
        ),
        (
            {"DATABASE_URL": "mysql://me:Secret@db/x"},
            "DATABASE_URL begins with mysql:; it must begin with postgres:// or postgresql://.",
        ),
        (
            {"DATABASE_URL": "postgresql://me:Secret@db:port/x"},
            "DATABASE_URL is malformed: host or port cannot be read.",
        ),
        ({"DATABASE_URL": "postgresql://"}, "DATABASE_URL names no host and no socket."),
        (
            {"REDIS_URL": "Secret"},
            "REDIS_URL has no scheme; it must begin with redis://, rediss:// or unix://.",
        ),
        (
            {"STRIPE_API_BASE": "http://api.example", "STRIPE_API_KEY": TEST},
            (
                "STRIPE_API_BASE is plain http to another machine, so the key would travel in the"
                " clear; use https."
            ),
        ),
        (
            {"STRIPE_API_BASE": "localhost:12111"},
            "STRIPE_API_BASE is no address; write http://127.0.0.1:12111.",
        ),
        (
            {"STRIPE_API_BASE": "https://me:Secret@api.example"},
            "STRIPE_API_BASE has more than scheme, host, port and path.",
        ),
        (
            {"STRIPE_API_BASE": "http://127.0.0.1:12111", "STRIPE_API_KEY": LIVE},
            (
                "STRIPE_API_BASE is on this machine and STRIPE_API_KEY is a live key; use a test"
                " key with the sandbox."
            ),
        ),
        (
            {"STRIPE_TEST_CLOCK": "clock_1", "STRIPE_API_KEY": LIVE},
            "STRIPE_TEST_CLOCK is set with a live key; test clocks exist in test mode only.",
        ),
        (
            {"STRIPE_TEST_CLOCK": "tomorrow"},
            "STRIPE_TEST_CLOCK is no test clock; it must begin with clock_.",
        ),
        (
            {"SMTP_URL": "mail.example"},
            "SMTP_URL has no scheme; it must begin with smtp:// or smtps://.",
        ),
        (
            {"SMTP_URL": "http://me:Secret@mail.example"},
            "SMTP_URL begins with http:; it must begin with smtp:// or smtps://.",
        ),
        ({"SMTP_URL": "smtp://"}, "SMTP_URL names no host and no socket."),
        (
            {"DATABASE_PREPARE": "yes"},
            "DATABASE_PREPARE is 'yes'; it must be one of on or off.",
        ),
        (
            {"LOG_FORMAT": "xml"},
            "LOG_FORMAT is 'xml'; it must be one of auto, json or text.",
        ),
        (
            {"LOG_LEVEL": "loud"},
            "LOG_LEVEL is 'loud'; it must be one of debug, info, warn, warning or error.",
        ),
        ({"DUNNING_OPERATOR": "jo\nx"}, "DUNNING_OPERATOR contains a control character."),
    ],
)
def test_sentence_without_the_secret(environ: dict[str, str], sentence: str) -> None:
    told = problems_of(embedded=False, needed="", **environ)
    assert told == [sentence]
    assert "Secret" not in "".join(told)


def test_live_key_with_embedded_parts() -> None:
    [sentence] = problems_of(embedded=True, STRIPE_API_KEY=LIVE)
    assert sentence.startswith("STRIPE_API_KEY is a live key and the database is the embedded one")
    assert problems_of(embedded=True, STRIPE_API_KEY=TEST) == []


def test_every_problem_at_once() -> None:
    told = problems_of(
        needed="REDIS_URL",
        DATABASE_URL="mysql://x",
        STRIPE_API_KEY="pk_x",
        SMTP_URL="x",
        LOG_LEVEL="x",
    )
    assert [sentence.split()[0] for sentence in told] == [
        "REDIS_URL",
        "STRIPE_API_KEY",
        "DATABASE_URL",
        "SMTP_URL",
        "LOG_LEVEL",
    ]


def test_repr_holds_no_secret() -> None:
    environment = read(
        DATABASE_URL="postgresql://me:Secret@db/x",
        REDIS_URL="redis://:Secret@r/0",
        STRIPE_API_KEY=LIVE,
        SMTP_URL="smtp://me:Secret@mail.example",
    )
    assert environment.stripe_key_is_live
    assert "Secret" not in repr(environment)


def test_sandbox_is_a_stripe_on_this_machine() -> None:
    sandbox = read(STRIPE_API_BASE="http://127.0.0.1:12111/", STRIPE_API_KEY=TEST)
    assert sandbox.stripe_is_sandbox
    assert sandbox.stripe_api_base == "http://127.0.0.1:12111"
    assert read(STRIPE_API_BASE="http://[::1]:1").stripe_is_sandbox
    assert not read(STRIPE_API_BASE="https://proxy.example").stripe_is_sandbox


def test_asking_for_an_unknown_variable_is_a_defect() -> None:
    with pytest.raises(ValueError, match="no such variables"):
        problems_of(needed="DATABSE_URL")


def test_env_example_is_the_table() -> None:
    """On failure: write what `worker.settings.variables.env_example` returns."""
    assert (ROOT / ".env.example").read_text() == env_example()


def test_examples_are_accepted_and_every_variable_is_in_the_table() -> None:
    environ = {each.name: each.example for each in VARIABLES}
    environment = read_environment(environ, NAMES)
    assert environment.smtp_url is not None
    assert all(f"| `{each.name}` |" in environment_table() for each in VARIABLES)
    assert all(each.meaning and each.default and each.example for each in VARIABLES)
