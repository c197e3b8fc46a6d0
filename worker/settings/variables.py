"""The closed table of environment variables: meaning, default and example of each.

.env.example and README's table are compared with it by tests; a variable that is not here is not
read anywhere.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable, for people."""

    name: str
    meaning: str
    default: str
    """What happens without it: the value itself, or a sentence in brackets."""
    example: str


VARIABLES = (
    Variable(
        "DATABASE_URL",
        "PostgreSQL, the ledger; `postgres://` or `postgresql://`, also behind a pooler.",
        "(embedded, on DUNNING_DATA_DIR)",
        "postgresql://dunning:secret@db.example:5432/dunning",
    ),
    Variable(
        "DATABASE_PREPARE",
        "`on` prepares the statements that are asked again and again, which takes about half off"
        " the database's time; `off` where a transaction pooler stands between.",
        "off",
        "on",
    ),
    Variable(
        "REDIS_URL",
        "Redis or Valkey, for messages and the rate limit; `redis://`, `rediss://` or `unix://`.",
        "(embedded, on DUNNING_DATA_DIR)",
        "rediss://:secret@redis.example:6379/0",
    ),
    Variable(
        "STRIPE_API_KEY",
        "Restricted key of the account (`rk_`) with the rights listed in README.",
        "(none: nothing is read or charged)",
        "rk_test_51Example",
    ),
    Variable(
        "STRIPE_API_BASE",
        "Another address for Stripe's API: the sandbox, tests. Plain http on this machine only.",
        "https://api.stripe.com",
        "http://127.0.0.1:12111",
    ),
    Variable(
        "STRIPE_WEBHOOK_SECRET",
        "Signing secret of the webhook endpoint; several, comma-separated, while it is rotated.",
        "(none: `dunning web` needs it, nothing else does)",
        "whsec_Example",
    ),
    Variable(
        "STRIPE_TEST_CLOCK",
        "Follow this test clock: its frozen time decides what is due, and only its objects count.",
        "(real time)",
        "clock_1Example",
    ),
    Variable(
        "SMTP_URL",
        "Mail server: `smtp://`, with `?starttls=required` or `?starttls=off`, or `smtps://`.",
        "(none: letters cannot be sent)",
        "smtp://user:secret@mail.example:587?starttls=required",
    ),
    Variable(
        "METRICS_BIND",
        "Where `dunning web` answers /healthz, /readyz and /metrics: they ask for no password, so "
        "only on a network of your own.",
        "127.0.0.1:9464",
        "10.0.0.5:9464",
    ),
    Variable(
        "SINK_SECRET",
        "Signs what HTTP sinks send (sinks.yaml); others may be named there, each beginning with "
        "`SINK_`.",
        "(none: only HTTP sinks need it)",
        "a-long-random-text",
    ),
    Variable(
        "CONFIG_DIR",
        "Folder of the three YAML files; a fresh ledger takes them, later ones need `apply`.",
        "config",
        "/etc/dunning",
    ),
    Variable("TEMPLATES_DIR", "Folder of the letters.", "templates", "/etc/dunning/templates"),
    Variable(
        "CUSTOMER_PORTAL_URL",
        "Page where customers change their card, such as Stripe's portal login link; `{customer}` "
        "in it becomes the customer's id.",
        "(none: letters name the support address)",
        "https://billing.stripe.com/p/login/1234",
    ),
    Variable(
        "DUNNING_DATA_DIR",
        "Folder of the embedded parts, used where DATABASE_URL is not set.",
        "var/demo",
        "/var/lib/dunning",
    ),
    Variable(
        "DUNNING_OPERATOR",
        "Who acts, for the record: the default of `--by`.",
        "(none: `--by` is needed)",
        "jo@acme.example",
    ),
    Variable(
        "LOG_FORMAT",
        "Form of the job log: `json`, `text`, or `auto` (text on a terminal, JSON elsewhere).",
        "auto",
        "json",
    ),
    Variable(
        "LOG_LEVEL",
        "Least level that is written: `debug`, `info`, `warn` or `error`.",
        "info",
        "debug",
    ),
)
NAMES = frozenset(variable.name for variable in VARIABLES)


def environment_table() -> str:
    """Return the variables as a Markdown table, as it stands in README, "Environment"."""
    rows = ["| variable | meaning | default | example |", "|---|---|---|---|"]
    rows += [
        f"| `{each.name}` | {each.meaning} | {_default(each)} | `{each.example}` |"
        for each in VARIABLES
    ]
    return "\n".join(rows)


def env_example() -> str:
    """Return the text of .env.example: every variable with its meaning, none of them set."""
    heading = (
        "# Every variable this service reads. Copy to .env and set what you need; README,\n"
        '# "Environment", has the same list. Nothing here is a real secret.\n'
    )
    parts = [
        f"# {each.meaning}\n# Default: {each.default}\n#{each.name}={each.example}\n"
        for each in VARIABLES
    ]
    return "\n".join([heading, *parts])


def _default(variable: Variable) -> str:
    if variable.default.startswith("("):
        return variable.default[1:-1]
    return f"`{variable.default}`"
