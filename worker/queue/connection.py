"""The one way this service connects to Redis or Valkey."""

from redis import Redis, exceptions
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from worker.errors import ConfigError

CONNECT_TIMEOUT_SECONDS = 2
COMMAND_TIMEOUT_SECONDS = 5
RETRIES = 3
RETRY_FIRST_SECONDS = 0.05
RETRY_LONGEST_SECONDS = 0.5
HEALTH_CHECK_SECONDS = 30
PASSING_ERRORS = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
)


def connect_redis(url: str) -> "Redis":
    """Return a client for `redis://`, `rediss://` or `unix:///path?db=N`; nothing is sent yet.

    Answers are bytes. A client made from a URL alone never repeats a command, so that a restart of
    Redis of two seconds loses messages (reliability.md 1.1): here the repeats are said explicitly.
    Raises: ConfigError: the URL is none of the three.
    """
    try:
        client: Redis = Redis.from_url(
            url,
            retry=Retry(ExponentialBackoff(RETRY_LONGEST_SECONDS, RETRY_FIRST_SECONDS), RETRIES),
            retry_on_error=list(PASSING_ERRORS),
            socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
            socket_timeout=COMMAND_TIMEOUT_SECONDS,
            health_check_interval=HEALTH_CHECK_SECONDS,
            client_name="dunning",
        )
    except ValueError as wrong:
        raise ConfigError(
            "REDIS_URL must look like redis://host:6379/0, rediss://host:6379/0 or "
            "unix:///path/to/socket?db=0."
        ) from wrong
    return client
