"""`stop`, `go`, `adopt` and `alive`, each on a ledger that a worker has begun."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.integration.cli_run.service import Service
from worker.cli.main import app
from worker.clock import wall_now
from worker.errors import DunningError, ServiceUnavailable, UsageError
from worker.store.ledger import PostgresLedger, connect

WHO = ("--by", "jo@acme.example", "--reason", "bank's maintenance")
ACCOUNT = "acct_1Sandbox"


@dataclass
class Desk:
    """A command line at a ledger."""

    service: Service
    ledger: PostgresLedger

    def type(self, *words: str, **changed: str) -> Result:
        """Run a command in this process."""
        return CliRunner().invoke(app, list(words), env=self.service.environ | changed)

    def says(self, *words: str) -> str:
        """Return what a command that succeeds prints."""
        result = self.type(*words)
        assert result.exit_code == 0, result.exception
        return result.stdout

    def refuses(self, *words: str) -> DunningError:
        """Return the error of a command that is refused; `main` turns it into a sentence."""
        error = self.type(*words).exception
        assert isinstance(error, DunningError)
        return error


@pytest.fixture
def desk(service: Service) -> Iterator[Desk]:
    """Give a ledger whose control row is written, without STRIPE_TEST_CLOCK."""
    engine = connect(service.environ["DATABASE_URL"])
    ledger = PostgresLedger(engine, ACCOUNT)
    with ledger.begin() as tx:
        tx.control.create(charging=True, live=False, go_live_at=wall_now(), cause="")
    yield Desk(service, ledger)
    engine.dispose()


def facts(desk: Desk) -> list[tuple[str, dict[str, object]]]:
    """Return the facts so far as (type, data)."""
    query = (
        "SELECT type, data || coalesce((SELECT words FROM fact_words WHERE fact_id = events.id), "
        "'{}') FROM events"
    )
    return [(kind, data) for kind, data in desk.service.rows(query)]


def test_stopping_and_starting_again(desk: Desk) -> None:
    assert desk.says("stop", *WHO).startswith("Stopped. Start again with: dunning go")
    assert desk.service.rows("SELECT charging, stop_cause, changed_by FROM control") == [
        (False, "switch", "jo@acme.example")
    ]
    assert desk.says("stop", *WHO) == "It is stopped already.\n"
    assert "0 open cases go on" in desk.says("go", *WHO)
    assert desk.service.value("SELECT charging FROM control") is True
    assert desk.says("go", *WHO) == "Nothing was stopped.\n"
    told = facts(desk)
    assert [kind for kind, _ in told] == ["charging.stopped", "charging.resumed"]
    assert all(data["reason"] == "bank's maintenance" for _, data in told)


@pytest.mark.parametrize("command", [("stop",), ("go",), ("adopt", "in_1")])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "Say who does this: --by NAME, or set DUNNING_OPERATOR."),
        (("--reason", "why"), "Say who does this: --by NAME, or set DUNNING_OPERATOR."),
        (("--by", "jo"), 'Say why: --reason "...". It is kept with the act.'),
        (("--by", "jo", "--reason", "  "), 'Say why: --reason "...". It is kept with the act.'),
    ],
)
def test_an_act_without_who_and_why_is_refused(
    desk: Desk, command: tuple[str, ...], options: tuple[str, ...], sentence: str
) -> None:
    error = desk.refuses(*command, *options)
    assert isinstance(error, UsageError)
    assert str(error) == sentence
    assert desk.service.value("SELECT charging FROM control") is True
    assert facts(desk) == []


def test_the_operator_variable_says_who(desk: Desk) -> None:
    result = desk.type("stop", "--reason", "why", DUNNING_OPERATOR="kim")
    assert result.exit_code == 0
    assert desk.service.value("SELECT changed_by FROM control") == "kim"


def test_stopping_needs_neither_redis_nor_stripe_nor_mail(desk: Desk) -> None:
    for name in ("REDIS_URL", "STRIPE_API_KEY", "STRIPE_API_BASE", "SMTP_URL"):
        desk.service.environ[name] = ""
    assert desk.says("stop", *WHO).startswith("Stopped.")


def test_acts_on_a_ledger_that_nobody_began_say_so(desk: Desk) -> None:
    desk.service.execute("DELETE FROM control")
    for command in (("stop", *WHO), ("go", *WHO), ("alive", "worker")):
        error = desk.refuses(*command)
        assert isinstance(error, ServiceUnavailable)
        assert str(error) == "The ledger is empty: no worker has run on it yet."


def beat(desk: Desk, name: str, minutes_ago: float) -> None:
    """Let a process have been heard of."""
    at = wall_now() - timedelta(minutes=minutes_ago)
    with desk.ledger.begin() as tx:
        tx.jobs.beat(name, wall_now=at, config_digest="d")


def test_the_probe_knows_who_is_alive(desk: Desk) -> None:
    beat(desk, "worker-host-1", minutes_ago=0.5)
    beat(desk, "scheduler-host-2", minutes_ago=4)
    assert desk.says("alive", "worker") == "1 worker: worker-host-1\n"
    result = desk.type("alive", "scheduler")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "No scheduler was heard of for three minutes.\n"


def test_the_probe_asks_which(desk: Desk) -> None:
    said = str(desk.refuses("alive", "cook"))
    assert said == "Say which: dunning alive worker, dunning alive scheduler or web."


def test_comparing_with_stripe_now(desk: Desk) -> None:
    with desk.ledger.begin() as tx:
        tx.control.set_cursor("events", wall_now())
    said = desk.says("reconcile")
    assert said.startswith("Compared with Stripe: 0 events were missing, 0 cases opened")
    said = desk.says("reconcile", "--rebuild", *WHO)
    assert said.endswith("Nothing was lost: this ledger knows every key of its kind.\n")
    error = desk.refuses("reconcile", "--rebuild", "--by", "jo")
    assert str(error) == 'Say why: --reason "...". It is kept with the act.'


def test_keys_that_nothing_explains_are_listed_with_exit_code_3(desk: Desk) -> None:
    with desk.ledger.begin() as tx:
        tx.control.set_cursor("events", wall_now())
        tx.inbox.add([event_with_key("dun:v1:in_9:1")], wall_now=wall_now())
        tx.control.stop(cause="foreign_key", detail="", by="worker", now=wall_now())
    result = desk.type("reconcile", "--rebuild", *WHO)
    assert result.exit_code == 3
    assert result.stdout.splitlines()[-1] == "  dun:v1:in_9:1"
    assert desk.service.value("SELECT charging FROM control") is False


def event_with_key(key: str) -> dict[str, Any]:
    """Return an event that a request under *key* caused."""
    return {
        "id": "evt_1",
        "type": "invoice.updated",
        "created": int(wall_now().timestamp()),
        "request": {"id": "req_1", "idempotency_key": key},
        "data": {"object": {"id": "in_9", "object": "invoice"}},
    }


def test_adopting_what_is_gone_says_so(desk: Desk) -> None:
    error = desk.refuses("adopt", "in_gone", *WHO)
    assert "in_gone" in str(error)
