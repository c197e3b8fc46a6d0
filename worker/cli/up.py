"""`dunning up`: everything embedded on the sandbox, staying up, with a first page to play with."""

import os
import signal
import socket
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import NoReturn

from worker.bootstrap import reading_ledger
from worker.rehearsal.customers import Customers
from worker.rehearsal.driver_config import REHEARSED_CONFIG
from worker.rehearsal.embedded.claim import in_use
from worker.rehearsal.embedded.stack import find_running, has_data
from worker.rehearsal.first_page import FirstPage, build_app, serving
from worker.rehearsal.first_page_play import Play
from worker.rehearsal.first_page_reading import Reading
from worker.rehearsal.rehearsal import Rehearsal, rehearsing
from worker.rehearsal.report import office_zone_in
from worker.rehearsal.report_words import Words
from worker.web.serving import take_port

SUBSCRIBERS = 40
SEED = "1"
THREADS = 4


def run_up(*, data: Path, port: int) -> int:
    """Stay up until Ctrl-C or SIGTERM and return 0.

    Raises: ConfigError: the port or the folder is in use; ServiceUnavailable: a part ended.
    """
    with take_port(port) as sock:
        if find_running(data) is not None:
            raise in_use(data)
        _say(
            "About 200 MB on disk, all under .venv and var/; ports only on 127.0.0.1; "
            "`make clean` removes it."
        )
        if has_data(data):
            _say(
                "The sandbox keeps nothing between runs, so a new story begins, and the ledger "
                f"and letters of the last one in {data} make room for it."
            )
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            _stay_up(data, sock)
        except KeyboardInterrupt:
            _say(f"Ended. What happened can still be read: dunning cases --data {data}")
    return 0


def _stay_up(data: Path, sock: socket.socket) -> NoReturn:
    with rehearsing(
        data,
        subscribers=SUBSCRIBERS,
        seed=SEED,
        tell=_say,
        config_dir=Path(os.environ.get("CONFIG_DIR") or "config"),
        templates_dir=Path(os.environ.get("TEMPLATES_DIR") or "templates"),
        threads=THREADS,
    ) as rehearsal:
        _leave_acting_to_people(rehearsal)
        play = Play(rehearsal.driver, rehearsal.client)
        play.begin()
        words = Words(office_zone_in(data / REHEARSED_CONFIG))
        with reading_ledger({"DATABASE_URL": rehearsal.database_url}) as ledger:
            first = FirstPage(
                play=play,
                reading=Reading(ledger, data / "mail", words),
                base_url=rehearsal.client.base_url,
                test_clock=rehearsal.test_clock,
                words=words,
            )
            with serving(build_app(first), sock) as address:
                _say(f"Open {address}   (Ctrl-C ends it)")
                while True:
                    play.step()


def _leave_acting_to_people(rehearsal: Rehearsal) -> None:
    """Take the customers' habits away: who plays is the one at the page."""
    people = tuple(replace(one, habits=()) for one in rehearsal.population.subscribers)
    rehearsal.driver.customers = Customers(
        replace(rehearsal.population, subscribers=people),
        rehearsal.people,
        client=rehearsal.client,
        mails=lambda: (),
    )


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)
