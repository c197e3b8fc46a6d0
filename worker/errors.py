"""Errors by who must act. A declined card is not an error: it is a value (architecture.md D7)."""


class DunningError(Exception):
    """Base of everything this program raises on purpose; its text is one sentence for a person."""


class ConfigError(DunningError):
    """Configuration is wrong. The operator acts: each sentence names file, line, field and cure."""

    def __init__(self, *problems: str) -> None:
        """Take one sentence per problem, so that a file's problems are all told at once."""
        super().__init__("\n".join(problems))
        self.problems = problems


class UsageError(DunningError):
    """A command was used wrongly. The caller acts; exit code 2."""


class ServiceUnavailable(DunningError):
    """A needed service (database, Redis, SMTP, Stripe) cannot be reached; exit code 4."""


class DatabaseUnavailable(ServiceUnavailable):
    """PostgreSQL did not answer or broke off. Nobody acts: what was not committed never was."""


class QueueUnavailable(ServiceUnavailable):
    """Redis did not answer. Nobody acts: what is due waits in the database."""


class GatewayUnavailable(ServiceUnavailable):
    """Stripe did not answer, or with 409, 429 or 5xx. Nobody acts: the next scan asks again.

    The outcome of the request is unknown: never answer this with a new idempotency key.
    """


class GatewayRejected(DunningError):
    """Stripe refused the request as nonsense (a 4xx that is no decline). We act: it is our defect.

    `status` is the HTTP status, `code` Stripe's error code or the empty string.
    """

    def __init__(self, sentence: str, *, status: int = 400, code: str = "") -> None:
        """Keep Stripe's status and code beside the sentence."""
        super().__init__(sentence)
        self.status = status
        self.code = code


class InvariantBroken(DunningError):
    """A promise of the ledger does not hold. Charging stops; exit code 3."""
