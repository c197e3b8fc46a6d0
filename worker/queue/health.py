"""Whether Redis can be used: reached, and neither evicting nor forgetting messages."""

from dataclasses import dataclass

from redis import RedisError

from worker.errors import ServiceUnavailable
from worker.queue.connection import connect_redis


@dataclass(frozen=True, slots=True)
class RedisHealth:
    """What Redis tells of itself; empty and None where it does not say."""

    version: str
    eviction_policy: str
    memory_max_bytes: int
    """0 is no limit, so nothing is ever evicted."""
    appends_to_file: bool | None


def redis_health(url: str) -> RedisHealth:
    """Return what Redis or Valkey tells of itself, by INFO, which hosts of Redis allow.

    Raises: ServiceUnavailable: it is away or refuses us; ConfigError: the URL is none.
    """
    client = connect_redis(url)
    try:
        server, memory = client.info("server"), client.info("memory")
        persistence = client.info("persistence")
    except RedisError as error:
        raise ServiceUnavailable(f"Redis does not answer: {type(error).__name__}") from error
    finally:
        client.close()
    version = server.get("valkey_version") or server.get("redis_version") or ""
    appends = persistence.get("aof_enabled")
    return RedisHealth(
        version=str(version),
        eviction_policy=str(memory.get("maxmemory_policy", "")),
        memory_max_bytes=int(memory.get("maxmemory", 0)),
        appends_to_file=None if appends is None else bool(appends),
    )
