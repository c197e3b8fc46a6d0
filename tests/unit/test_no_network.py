"""Unit tests cannot reach the network, not even this machine's."""

import socket

import pytest


def test_connecting_is_refused() -> None:
    with (
        socket.socket() as connection,
        pytest.raises(RuntimeError, match=r"socket\.connect in a unit test"),
    ):
        connection.connect(("127.0.0.1", 9))


def test_looking_up_a_name_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"socket\.getaddrinfo in a unit test"):
        socket.getaddrinfo("localhost", 80)
