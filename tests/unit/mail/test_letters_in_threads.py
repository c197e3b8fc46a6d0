"""Threads that need the same letter first at the same moment get the same, whole letter."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import mdurl._encode
import pytest

from worker.domain.letter_fields import fields_of
from worker.mail.markdown_letter import read_body

SOURCE = "Hello, look [here](https://acme.example/help/?a=1&b=2)."
FIELDS = fields_of("payment_failed_1")
THREADS, ROUNDS = 6, 25


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_hasty_threads")
def test_the_first_letters_of_a_process_have_their_links_whole() -> None:
    """The Markdown reader fills a table of its own when it meets its first link; a thread that
    reads it half-filled would fail, or write `https:%2F%2F` into a customer's letter."""
    gate = Barrier(THREADS)

    def read(_number: int) -> str:
        gate.wait(30)
        return read_body(SOURCE, FIELDS, 1).html

    found: list[str] = []
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(ROUNDS):
            mdurl._encode.encode_cache.clear()  # as in a process that has just begun
            found += pool.map(read, range(THREADS))
    assert len(found) == THREADS * ROUNDS
    assert len(set(found)) == 1
    assert '"https://acme.example/help/?a=1&amp;b=2"' in found[0]
