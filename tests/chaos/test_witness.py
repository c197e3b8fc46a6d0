"""The checks of a chaos run see what they are there to see."""

import smtplib
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from tests.chaos import leaks, witness
from tests.chaos.mailbox import Mailbox
from tests.chaos.plan import FULL, MISHAPS, SHORT, Blow, Plan, emptied

ATTEMPT: dict[str, Any] = {
    "event": "attempt",
    "case": "C-1",
    "invoice": "in_1",
    "no": 1,
    "outcome": "done",
}
LETTER: dict[str, Any] = {
    "event": "letter",
    "case": "C-1",
    "step": "first letter",
    "notice": "payment_failed_1",
}
CLOSED: dict[str, Any] = {"event": "case.closed", "case": "C-1", "outcome": "recovered"}


def untrue(line: dict[str, Any], *, attempt: str, letter: str, outcome: str) -> list[str]:
    """Return what is untrue of a line where the rows are as given."""
    return list(
        witness.lines_untrue(
            [line],
            [{"invoice_id": "in_1", "no": 1, "state": attempt}] if attempt else [],
            [{"case_id": 1, "step": "first letter", "notice": "payment_failed_1", "state": letter}],
            [{"id": 1, "state": "closed" if outcome else "open", "outcome": outcome}],
        )
    )


def test_a_line_that_the_rows_do_not_bear_out_is_seen() -> None:
    true_rows = {"attempt": "succeeded", "letter": "sent", "outcome": "recovered"}
    told: list[dict[str, Any]] = [ATTEMPT, LETTER | {"state": "sent"}, CLOSED]
    assert [untrue(line, **true_rows) for line in told] == [[], [], []]
    lost = {"attempt": "sending", "letter": "sending", "outcome": ""}
    assert [len(untrue(line, **lost)) for line in told] == [1, 1, 1]
    assert len(untrue(ATTEMPT, **true_rows | {"attempt": ""})) == 1
    unknown = ATTEMPT | {"outcome": "unknown"}
    assert untrue(unknown, **lost) == [], "nothing was told to have happened"


def test_an_event_that_was_stored_and_is_gone_is_seen() -> None:
    stored = {"event": "webhook", "event_id": "evt_1", "outcome": "stored"}
    assert witness.webhooks_lost([stored], {"evt_1"}) == []
    assert len(witness.webhooks_lost([stored], {"evt_2"})) == 1


def test_a_stranger_who_was_let_in_is_seen() -> None:
    turned_away = {"event": "evt_1", "result": "forged", "status": 400}
    let_in = [turned_away | {"status": 200}, turned_away | {"status": 200, "result": "replayed"}]
    assert witness.strangers_let_in([turned_away]) == []
    assert len(witness.strangers_let_in(let_in)) == 2


def test_a_sealed_fact_that_changed_is_seen() -> None:
    watcher = witness.ChainWatcher("postgresql://nowhere")
    watcher.seen = {1: "aa", 2: "bb", 3: "cc"}
    assert watcher.lost({1: "aa", 2: "bb", 3: "cc", 4: "dd"}) == []
    assert len(watcher.lost({1: "aa", 2: "xx"})) == 2


def test_secrets_cards_and_addresses_are_seen() -> None:
    words = ["key sk_test_worker", "whsec_chaosOld", "4711000000000018", "a@customers.example"]
    assert len(list(leaks.found_in("log", words))) == 3
    assert list(leaks.found_in("customers", words[3:], contacts=True)) == []
    assert list(leaks.found_in("log", ["sk_test_***", "in_4711000000000018x"])) == []


def test_a_charge_under_a_key_that_no_attempt_has_is_seen() -> None:
    known = {"idempotency_key": "dun:v1:in_1:1", "charges": ["ch_1"]}
    requests: list[dict[str, Any]] = [
        known,
        known | {"idempotency_key": "dun:v1:in_1:2"},
        known | {"idempotency_key": "dun:v1:in_2:1", "charges": []},
        known | {"idempotency_key": "the shop's own"},
        known | {"idempotency_key": None},
    ]
    (found,) = witness.strange_keys(requests, {"dun:v1:in_1:1"})
    assert "dun:v1:in_1:2" in found


def test_only_letters_that_a_restored_ledger_forgot_are_set_aside() -> None:
    """A letter of before the dump that comes again is found, and so is one that comes thrice."""
    with Mailbox() as inbox:
        for name in ("before", "lost", "lost too", "before", "lost", "new", "lost"):
            message = EmailMessage()
            message["Message-ID"], message["Subject"] = f"<{name.replace(' ', '')}@x>", name
            where = urlsplit(inbox.url)
            with smtplib.SMTP(where.hostname or "", where.port or 0) as client:
                client.send_message(message, "a@acme.example", ["b@customers.example"])
        assert inbox.last_number == 7
        assert inbox.set_aside_repeated(after=1, until=3) == 1
        left = [str(each.message["Subject"]) for each in inbox.mails]
        assert left == ["before", "lost", "lost too", "before", "new", "lost"]


def test_an_emptied_run_is_nothing_but_that() -> None:
    whole = [strike.blow for strike in Plan("1", emptied(FULL, 50)).left]
    assert whole == [Blow.FLUSH] * 50


def test_a_seed_says_which_blows_fall() -> None:
    first, again, other = Plan("1", SHORT), Plan("1", SHORT), Plan("2", SHORT)
    assert first.left == again.left != other.left
    assert len(first.left) == SHORT.blows == 26
    whole = [strike.blow for strike in Plan("1", FULL).left]
    counts = [whole.count(kind) for kind in (Blow.FLUSH, Blow.DATABASE_STOP)]
    assert counts == [10, 2]
    assert set(whole) == set(Blow) - MISHAPS
