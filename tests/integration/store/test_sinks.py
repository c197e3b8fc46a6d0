"""Facts are copied at least once, in order, with ids that stay, whatever the other side does."""

import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.integration.store.building import NOW, WALL, at_once
from tests.integration.store.receiver import Receiver, receiving
from tests.integration.store.sink_clock import KeptLog, MovedClock
from worker.domain.facts import Fact
from worker.domain.sinks import SinkState
from worker.domain.staff_words import StaffWords
from worker.errors import UsageError
from worker.ports import Sink, SinkFailed
from worker.services.publish_facts import BATCH, publish_facts, warn_of_lag
from worker.services.replay_sink import replay_sink
from worker.services.seal_facts import seal_facts
from worker.sinks.files import FileSink
from worker.sinks.http import HttpSink, parse_retry_after
from worker.store.ledger import PostgresLedger

SECRET = "a-long-random-text"
MINUTE = timedelta(minutes=1)


class Desk:
    """A ledger with sealed facts, a clock, a log, and a sender."""

    def __init__(self, ledger: PostgresLedger) -> None:
        """Begin without facts."""
        self.ledger = ledger
        self.clock = MovedClock()
        self.log = KeptLog()
        self.tokens = iter(range(10_000))

    def facts(self, first: int, last: int) -> None:
        """Write facts and seal them."""
        told = [
            Fact("case.held", f"C-{no}", NOW, "", {"no": no, "reason": StaffWords("Blue Studio")})
            for no in range(first, last + 1)
        ]
        with self.ledger.begin() as tx:
            tx.facts.append(told, wall_now=WALL)
        seal_facts(ledger=self.ledger, clock=self.clock)

    def run(self, sink: Sink) -> int:
        """Let the sink go on."""
        return publish_facts(
            sink,
            ledger=self.ledger,
            clock=self.clock,
            log=self.log,
            new_token=lambda: f"t{next(self.tokens)}",
            stopping=lambda: False,
        )

    def state(self, name: str = "crm") -> SinkState:
        """Return how far the sink came."""
        with self.ledger.begin() as tx:
            return next(each for each in tx.sinks.states() if each.name == name)


@pytest.fixture
def desk(ledger: PostgresLedger) -> Desk:
    """Give a ledger with three sealed facts."""
    made = Desk(ledger)
    made.facts(1, 3)
    return made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Give a server that takes everything until its script says otherwise."""
    with receiving() as made:
        yield made


def http(desk: Desk, url: str, *, seconds: float = 5.0) -> HttpSink:
    """Return a sink of that address."""
    timeout = timedelta(seconds=seconds)
    return HttpSink("crm", url, secret=SECRET, timeout=timeout, now=desk.clock.wall_now)


def numbers(events: list[dict[str, Any]]) -> list[int]:
    """Return the facts' own numbers."""
    return [event["data"]["no"] for event in events]


def test_a_batch_is_cloudevents_in_order_and_signed(desk: Desk, receiver: Receiver) -> None:
    assert desk.run(http(desk, receiver.url)) == 3
    ((headers, body),) = receiver.requests
    assert headers["Content-Type"] == "application/cloudevents-batch+json; charset=utf-8"
    stamp, _, digest = headers["Dunning-Signature"].partition(",v1=")
    signed = stamp.removeprefix("t=").encode() + b"." + body
    assert digest == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert stamp == f"t={int(desk.clock.wall_now().timestamp())}"
    events = json.loads(body)
    assert [event["position"] for event in events] == [1, 2, 3]
    assert numbers(events) == [1, 2, 3]
    assert {event["specversion"] for event in events} == {"1.0"}
    assert b"Blue Studio" not in body
    assert (desk.state().position, desk.run(http(desk, receiver.url))) == (3, 0)


def test_much_goes_in_batches(desk: Desk, receiver: Receiver) -> None:
    desk.facts(4, 2 * BATCH + 5)
    assert desk.run(http(desk, receiver.url)) == 2 * BATCH + 5
    assert [len(json.loads(body)) for _, body in receiver.requests] == [BATCH, BATCH, 5]
    assert numbers(receiver.events) == list(range(1, 2 * BATCH + 6))


@pytest.mark.parametrize(
    ("fate", "said"),
    [
        ("500", "answered 500"),
        ("400", "answered 400"),
        ("302", "answered 302"),
        ("cut", "no answer (ConnectionError)"),
        ("hang", "no answer (ReadTimeout)"),
    ],
)
def test_what_was_not_taken_is_sent_again_with_the_same_ids(
    desk: Desk, receiver: Receiver, fate: str, said: str
) -> None:
    receiver.script = [fate, fate]
    sink = http(desk, receiver.url, seconds=0.2)
    assert desk.run(sink) == 0
    failed = desk.state()
    assert (failed.position, failed.failures, failed.last_error) == (0, 1, said)
    assert desk.run(sink) == 0, "it waits for its pause"
    assert len(receiver.requests) == 1
    desk.clock.ahead += MINUTE
    assert (desk.run(sink), desk.state().failures) == (0, 2)
    desk.clock.ahead += MINUTE
    desk.facts(4, 5)
    assert desk.run(sink) == 5
    ids: dict[int, set[str]] = {}
    for event in receiver.events:
        ids.setdefault(event["data"]["no"], set()).add(event["id"])
    assert {no: len(found) for no, found in ids.items()} == dict.fromkeys(range(1, 6), 1)
    assert numbers(receiver.events[-5:]) == [1, 2, 3, 4, 5]
    after = desk.state()
    assert (after.position, after.failures, after.last_error, after.retry_at) == (5, 0, "", None)
    assert [line["error"] for line in desk.log.said("sink.failed")] == [said, said]


def test_an_address_where_nobody_listens_loses_nothing(desk: Desk, receiver: Receiver) -> None:
    assert desk.run(http(desk, "http://127.0.0.1:9/facts")) == 0
    assert desk.state().last_error == "no answer (ConnectionError)"
    desk.clock.ahead += MINUTE
    assert desk.run(http(desk, receiver.url)) == 3


@pytest.mark.parametrize("status", ["429", "503"])
def test_a_server_is_not_asked_before_it_wishes(
    desk: Desk, receiver: Receiver, status: str
) -> None:
    receiver.script = [f"{status} 120"]
    sink = http(desk, receiver.url)
    desk.run(sink)
    desk.clock.ahead += 2 * MINUTE - timedelta(seconds=1)
    assert (desk.run(sink), len(receiver.requests)) == (0, 1)
    desk.clock.ahead += timedelta(seconds=1)
    assert desk.run(sink) == 3


def test_retry_after_is_read_as_seconds_or_a_date(desk: Desk) -> None:
    now = desk.clock.wall_now().replace(microsecond=0)
    until = (now + MINUTE).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert parse_retry_after("7", now=now) == timedelta(seconds=7)
    assert parse_retry_after(until, now=now) == MINUTE
    assert parse_retry_after("Thu, 01 Jan 1970 00:00:00 GMT", now=now) == timedelta()
    assert [parse_retry_after(each, now=now) for each in ("", "soon", "-1", "9" * 12)] == [None] * 4


def test_pauses_grow_and_lines_become_rare(desk: Desk) -> None:
    class Dead:
        """Takes nothing."""

        name = "crm"

        def send(self, _events: object) -> None:
            """Fail."""
            raise SinkFailed("away")

    pauses = []
    for _ in range(16):
        desk.run(Dead())
        again = desk.state().retry_at
        assert again is not None
        pauses.append(again - desk.clock.wall_now())
        desk.clock.ahead += pauses[-1]
    assert pauses[0] < timedelta(seconds=7)
    assert all(later > sooner for sooner, later in pairwise(pauses[:7]))
    assert max(pauses) <= timedelta(minutes=12.5)
    assert [line["failed"] for line in desk.log.said("sink.failed")] == [1, 2, 4, 8, 16]


def test_of_four_senders_at_once_one_sends(desk: Desk, receiver: Receiver) -> None:
    assert sorted(at_once(4, lambda _: desk.run(http(desk, receiver.url)))) == [0, 0, 0, 3]
    assert numbers(receiver.events) == [1, 2, 3]


def test_a_sender_that_is_frozen_past_its_lease_moves_nothing(
    desk: Desk, receiver: Receiver
) -> None:
    class Freezes:
        """Takes its time, in which another takes the sink over."""

        name = "crm"

        def send(self, _events: object) -> None:
            """Wait longer than the lease."""
            desk.clock.ahead += timedelta(minutes=10)
            assert desk.run(http(desk, receiver.url)) == 3
            desk.facts(4, 4)

    assert desk.run(Freezes()) == 0
    assert desk.state().position == 3
    assert desk.run(http(desk, receiver.url)) == 1
    assert numbers(receiver.events) == [1, 2, 3, 4]


def test_one_hour_has_one_line_about_a_sink_that_is_behind(desk: Desk) -> None:
    for minutes in (5, 20, 21, 90):
        desk.clock.ahead = timedelta(minutes=minutes)
        warn_of_lag("crm", ledger=desk.ledger, clock=desk.clock, log=desk.log)
    lines = desk.log.said("sink.behind")
    assert [(line["position"], line["waiting"]) for line in lines] == [(0, 3), (0, 3)]


def test_a_replay_sends_the_same_again_from_its_position(desk: Desk, receiver: Receiver) -> None:
    sink = http(desk, receiver.url)
    desk.run(sink)
    first = receiver.events
    count = replay_sink("crm", begin=2, ledger=desk.ledger, now=NOW, by="jo", reason="lost there")
    assert (count, desk.run(sink)) == (2, 2)
    assert receiver.events == first + first[1:]
    with desk.ledger.connection() as connection:
        act = connection.exec_driver_sql("SELECT act, by, reason, detail FROM operator_acts").one()
    assert tuple(act) == ("sink.replay", "jo", "lost there", {"sink": "crm", "from": 2})


def test_a_replay_that_is_asked_for_while_it_sends_is_not_forgotten(
    desk: Desk, receiver: Receiver
) -> None:
    desk.run(http(desk, receiver.url))
    desk.facts(4, 5)

    class Meanwhile:
        """Somebody asks for a replay while a batch is on its way."""

        name = "crm"

        def send(self, _events: object) -> None:
            """Take it."""
            replay_sink("crm", begin=1, ledger=desk.ledger, now=NOW, by="jo", reason="all of it")

    desk.run(Meanwhile())
    assert desk.state().position == 0
    assert desk.run(http(desk, receiver.url)) == 5


@pytest.mark.parametrize(
    ("name", "begin", "said"),
    [("crm", 0, "positions go from 1 to 3"), ("crm", 5, "from 1 to 3"), ("x", 1, "no sink x ever")],
)
def test_a_replay_of_what_is_not_there_is_refused(
    desk: Desk, receiver: Receiver, name: str, begin: int, said: str
) -> None:
    desk.run(http(desk, receiver.url))
    with pytest.raises(UsageError, match=said):
        replay_sink(name, begin=begin, ledger=desk.ledger, now=NOW, by="jo", reason="why")
    assert desk.state().position == 3


def files(desk: Desk, folder: Path, *, rotate_at_bytes: int = 0) -> FileSink:
    """Return a sink of that folder."""
    return FileSink("crm", folder, rotate_at_bytes=rotate_at_bytes, now=desk.clock.wall_now)


def lines(folder: Path) -> list[dict[str, Any]]:
    """Return all lines of all files, in the files' order."""
    told = "".join(path.read_text() for path in sorted(folder.glob("*.jsonl")))
    assert told.endswith("\n")
    return [json.loads(line) for line in told.splitlines()]


def test_files_have_one_event_a_line_and_one_file_a_day(desk: Desk, tmp_path: Path) -> None:
    sink = files(desk, tmp_path / "facts")
    assert desk.run(sink) == 3
    desk.facts(4, 4)
    desk.run(sink)
    desk.clock.ahead += timedelta(days=1)
    desk.facts(5, 5)
    desk.run(sink)
    assert numbers(lines(tmp_path / "facts")) == [1, 2, 3, 4, 5]
    today, tomorrow = (desk.clock.wall_now() - timedelta(days=days) for days in (1, 0))
    assert sorted(path.name for path in (tmp_path / "facts").iterdir()) == [
        f"crm-{today:%Y-%m-%d}.jsonl",
        f"crm-{tomorrow:%Y-%m-%d}.jsonl",
    ]


def test_a_large_file_is_followed_by_another(desk: Desk, tmp_path: Path) -> None:
    sink = files(desk, tmp_path, rotate_at_bytes=300)
    for number in range(4, 7):
        desk.run(sink)
        desk.facts(number, number)
    desk.run(sink)
    assert len(list(tmp_path.glob("*.jsonl"))) > 1
    assert sorted(numbers(lines(tmp_path))) == [1, 2, 3, 4, 5, 6]


def test_a_torn_line_is_cut_and_written_anew(desk: Desk, tmp_path: Path) -> None:
    sink = files(desk, tmp_path)
    desk.run(sink)
    (path,) = tmp_path.glob("*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"id":"torn' + b"x" * 100_000)
    desk.facts(4, 4)
    assert desk.run(sink) == 1
    assert path.read_bytes().startswith(whole)
    assert numbers(lines(tmp_path)) == [1, 2, 3, 4]


def test_a_folder_that_cannot_be_written_is_told(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "facts").write_text("a file is in the way")
    assert desk.run(files(desk, tmp_path / "facts")) == 0
    assert desk.state().last_error.startswith("the file cannot be written: ")


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.integration.store.sink_clock import KeptLog
from worker.clock import SystemClock, wall_now
from worker.services.publish_facts import publish_facts
from worker.sinks.files import FileSink
from worker.store.ledger import PostgresLedger, connect
url, folder, when = sys.argv[1:]
class Dies(FileSink):
    def send(self, events):
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        super().send(events)
        os.kill(os.getpid(), signal.SIGKILL)
ledger = PostgresLedger(connect(url), "acct_1")
sink = Dies("crm", Path(folder), rotate_at_bytes=0, now=wall_now)
publish_facts(sink, ledger=ledger, clock=SystemClock(), log=KeptLog(), new_token=lambda: "dead",
              stopping=lambda: False)
"""


@pytest.mark.parametrize(("when", "copies"), [("before", 1), ("after", 2)])
def test_a_sender_that_is_killed_loses_nothing(
    desk: Desk, tmp_path: Path, when: str, copies: int
) -> None:
    url = desk.ledger.engine.url.render_as_string(hide_password=False)
    dead = subprocess.run(
        [sys.executable, "-c", KILLED, url, str(tmp_path), when],
        check=False,
        cwd=Path(__file__).parents[3],
        env=dict(os.environ),
    )
    assert dead.returncode == -signal.SIGKILL
    assert desk.state().position == 0
    assert desk.run(files(desk, tmp_path)) == 0, "its lease is not over"
    desk.clock.ahead += timedelta(days=1)  # the dead one's lease is by the host's own clock
    assert desk.run(files(desk, tmp_path)) == 3
    told = lines(tmp_path)
    assert numbers(told) == [1, 2, 3] * copies
    assert len({event["id"] for event in told}) == 3
