"""The Redis connection: which addresses it takes, and that it outlives a cut."""

import pytest
from redis import Redis
from redis.exceptions import RedisError

from worker.errors import ConfigError
from worker.queue.connection import RETRIES, connect_redis


def test_a_unix_socket_with_its_database_is_reached(redis_url: str) -> None:
    client = connect_redis(redis_url)
    client.set("a", "1")
    assert client.get("a") == b"1"


def test_a_cut_connection_is_replaced_and_the_command_repeated(redis_url: str) -> None:
    client, killer = connect_redis(redis_url), connect_redis(redis_url)
    client.ping()
    killer.client_kill_filter(_type="normal", skipme=True)
    client.set("a", "1")
    assert client.get("a") == b"1"


@pytest.mark.parametrize("url", ["redis://host:6379/3", "rediss://:secret@host:6379/3"])
def test_an_address_over_the_network_is_taken_apart(url: str) -> None:
    settings = connect_redis(url).connection_pool.connection_kwargs
    assert (settings["host"], settings["port"], settings["db"]) == ("host", 6379, 3)
    assert settings["retry"].get_retries() == RETRIES
    assert settings["socket_timeout"] == 5


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", ""])
def test_another_address_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(ConfigError, match="REDIS_URL must look like"):
        connect_redis(url)


def test_a_server_that_is_not_there_is_given_up_soon() -> None:
    client: Redis = connect_redis("unix:///nonexistent/valkey.sock?db=0")
    with pytest.raises(RedisError):
        client.ping()
