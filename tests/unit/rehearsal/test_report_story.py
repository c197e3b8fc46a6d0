"""A case's story: each act and non-act once, what led to it before what came of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from worker.domain.case import (
    Attempt,
    AttemptKind,
    AttemptState,
    Case,
    CaseState,
    LetterState,
    Outcome,
    StepRecord,
    Surroundings,
)
from worker.domain.money import Money
from worker.domain.readings import InvoiceReading
from worker.rehearsal.report_story import Entry, Tone, case_story, sentence
from worker.rehearsal.report_words import Words
from worker.store.reading import CaseLine
from worker.store.reading_case import ActLine, AnswerLine, CaseRecord, DecisionLine
from worker.store.reading_facts import StoredFact
from worker.store.reading_report import LetterRow

T0 = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
CARDS = {"pm_1": "Visa ..4242"}


def record_of(
    *,
    attempts: Sequence[Attempt] = (),
    answers: Sequence[AnswerLine] = (),
    decisions: Sequence[DecisionLine] = (),
    steps: Sequence[StepRecord] = (),
    facts: Sequence[StoredFact] = (),
    closed: tuple[Outcome, datetime] | None = None,
    recovered_by: str = "",
) -> CaseRecord:
    """Return a record of case 1001, which failed at T0."""
    outcome, closed_at = closed if closed is not None else (None, None)
    case = Case(
        id=1001,
        invoice_id="in_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        amount_minor=4900,
        currency="eur",
        state=CaseState.CLOSED if closed else CaseState.OPEN,
        policy_digest="d",
        failed_at=T0,
        opened_at=T0,
        outcome=outcome,
        reason="as the ledger says it",
        closed_at=closed_at,
        attempts=tuple(attempts),
        steps=tuple(steps),
    )
    line = CaseLine(
        id=1001,
        state=case.state.value,
        outcome=outcome.value if outcome else "",
        reason=case.reason,
        owed=Money(4900, "eur"),
        customer_id="cus_1",
        customer_name="Blue Studio",
        invoice_id="in_1",
        invoice_number="INV-1",
        subscription_id="sub_1",
        decline_class="",
        decline_code="",
        next_step="",
        next_action_at=None,
        failed_at=T0,
        closed_at=closed_at,
    )
    invoice = InvoiceReading(
        id="in_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        status="open",
        billing_reason="subscription_cycle",
        collection_method="charge_automatically",
        currency="eur",
        amount_due_minor=4900,
        amount_paid_minor=0,
        amount_remaining_minor=4900,
        attempted=True,
        attempt_count=1,
        created_at=T0,
    )
    return CaseRecord(
        case=case,
        line=line,
        recovered_by=recovered_by,
        policy=None,
        invoice=invoice,
        around=Surroundings(),
        answers=dict(enumerate(answers, 1)),
        decisions=tuple(decisions),
        letters=(),
        facts=tuple(facts),
        charges=(),
        others=(),
    )


def attempt_of(
    no: int,
    state: AttemptState,
    at: datetime,
    *,
    settled_at: datetime | None = None,
    kind: AttemptKind = AttemptKind.CHARGE,
    step: str = "try 1",
) -> Attempt:
    """Return one attempt, settled at once where nothing else is said."""
    return Attempt(
        no=no,
        kind=kind,
        step=step,
        key=f"dun:v1:in_1:{no}",
        state=state,
        amount_minor=4900,
        currency="eur",
        payment_method_id="pm_1",
        sent_at=at,
        first_sent_at=at,
        settled_at=settled_at or at,
    )


def letter_of(state: LetterState, *, at: datetime, sent_at: datetime | None = None) -> LetterRow:
    """Return the first letter."""
    return LetterRow(
        id=1,
        case_id=1001,
        customer_id="cus_1",
        notice="payment_failed_1",
        step="first letter",
        state=state.value,
        reason="the mailbox is full" if state is LetterState.REFUSED else "",
        message_id="<1@test>",
        queued_at=at,
        next_action_at=at + DAY if state is LetterState.QUEUED else None,
        sent_at=sent_at,
    )


def said(act: str, rule: str, reason: str, at: datetime) -> DecisionLine:
    """Return a decision."""
    return DecisionLine(at, act, rule, reason, at + HOUR, {})


def story(record: CaseRecord, *letters: LetterRow) -> list[Entry]:
    """Return the story in UTC."""
    return case_story(record, letters, cards=CARDS, words=Words(ZoneInfo("UTC")))


def titles(entries: Sequence[Entry]) -> list[str]:
    """Return what happened, without reasons."""
    return [entry.title for entry in entries]


DECLINED = AnswerLine("funds", "insufficient_funds", "card_declined", "ch_1", "req_1")
NOTHING = AnswerLine("", "", "", "", "")


def test_without_facts_it_still_begins_with_the_failure() -> None:
    [first] = story(record_of())
    assert (first.title, first.at, first.tone) == ("payment failed", T0, Tone.BAD)


def test_stripes_own_failures_are_told_beside_ours() -> None:
    facts = [
        StoredFact(
            str(day), "payment.failed", "C-1001", T0 + day * DAY, {"decline_code": "lost_card"}
        )
        for day in range(3)
    ]
    assert titles(story(record_of(facts=facts))) == ["payment failed"] * 3


def test_a_try_names_the_card_and_the_reason() -> None:
    record = record_of(
        attempts=[attempt_of(1, AttemptState.DECLINED, T0 + DAY)], answers=[DECLINED]
    )
    declined = story(record)[1]
    assert declined.title == "try 1 declined"
    assert declined.said.startswith("Visa ..4242 · insufficient_funds: not enough money")


def test_a_bank_debit_is_told_when_it_begins_and_when_it_ends() -> None:
    debit = attempt_of(1, AttemptState.SUCCEEDED, T0 + DAY, settled_at=T0 + 5 * DAY)
    entries = story(record_of(attempts=[debit], answers=[NOTHING]))
    assert titles(entries)[1:] == ["try 1 is with the bank", "try 1 paid"]
    assert entries[2].at == T0 + 5 * DAY


def test_a_charge_of_a_new_card_is_named_without_its_id() -> None:
    paid = attempt_of(1, AttemptState.SUCCEEDED, T0 + DAY, step="new card pm_1AbC")
    assert titles(story(record_of(attempts=[paid], answers=[NOTHING])))[1] == "new card paid"


def test_at_one_instant_release_skip_try_letter_and_close_stand_in_this_order() -> None:
    at = T0 + DAY
    record = record_of(
        attempts=[attempt_of(1, AttemptState.SUCCEEDED, at, step="try 2")],
        answers=[NOTHING],
        steps=[StepRecord("try 1", done=False, at=at, reason="a later step takes its place")],
        decisions=[
            said("Release", "released", "The dispute is closed.", at),
            said("Close", "paid", "try 2 went through.", at),
            said("Wait", "closed", "The case is closed.", at),
        ],
        closed=(Outcome.RECOVERED, at),
        recovered_by="retry",
    )
    entries = story(record, letter_of(LetterState.SENT, at=at, sent_at=at))
    assert titles(entries) == [
        "payment failed",
        "released",
        "try 1 not made",
        "try 2 paid",
        "closed: recovered by a retry",
        "first letter sent",
    ]
    assert entries[4].said == "Try 2 went through."
    assert all(not entry.then for entry in entries)


def test_an_ending_stands_before_the_close_it_leads_to() -> None:
    at = T0 + 14 * DAY
    record = record_of(
        attempts=[
            attempt_of(1, AttemptState.SUCCEEDED, at, kind=AttemptKind.CANCEL),
            attempt_of(2, AttemptState.SUCCEEDED, at, kind=AttemptKind.UNCOLLECTIBLE),
        ],
        answers=[NOTHING, NOTHING],
        closed=(Outcome.ENDED, at),
    )
    entries = story(record)
    assert titles(entries)[1:] == [
        "subscription cancelled",
        "invoice marked uncollectible",
        "closed: ended",
    ]
    assert entries[3].said == "As the ledger says it."


def test_a_wait_is_said_after_what_it_follows_and_alone_where_nothing_happened() -> None:
    at = T0 + DAY
    record = record_of(
        attempts=[attempt_of(1, AttemptState.DECLINED, at)],
        answers=[DECLINED],
        decisions=[
            said("Wait", "not_yet", "Waits for try 2: nothing is due before then.", at),
            said("Wait", "disputed", "the customer disputes a payment", at + DAY),
        ],
    )
    [_, declined, alone] = story(record)
    assert declined.then == (
        "Waits for try 2: nothing is due before then. Next look Wed 2 Dec 10:00."
    )
    assert (alone.title, alone.said) == (
        "nothing done",
        "The customer disputes a payment. Next look Thu 3 Dec 10:00.",
    )


def test_a_hold_gives_its_reason_once() -> None:
    record = record_of(
        decisions=[said("Hold", "disputed", "Held: the customer disputes a payment.", T0 + DAY)]
    )
    held = story(record)[1]
    assert (held.title, held.said, held.tone) == (
        "held",
        "The customer disputes a payment.",
        Tone.PAUSE,
    )


@pytest.mark.parametrize(
    ("state", "title"),
    [
        (LetterState.QUEUED, "first letter waits until Wed 2 Dec 09:00"),
        (LetterState.UNKNOWN, "first letter may or may not have gone out; it is never sent again"),
        (LetterState.REFUSED, "first letter was refused by the mail server"),
        (LetterState.SUPPRESSED, "first letter not sent"),
    ],
)
def test_a_letter_that_did_not_go_out_says_so(state: LetterState, title: str) -> None:
    entry = story(record_of(), letter_of(state, at=T0))[1]
    assert entry.title == title
    assert entry.message_id == ""


def test_a_letter_that_was_held_back_is_told_twice() -> None:
    entries = story(record_of(), letter_of(LetterState.SENT, at=T0, sent_at=T0 + 14 * HOUR))
    assert titles(entries)[1:] == ["first letter waits", "first letter sent"]
    assert [entry.message_id for entry in entries[1:]] == ["", "<1@test>"]


def test_every_state_of_an_attempt_has_its_words() -> None:
    for state in AttemptState:
        attempt = replace(attempt_of(1, state, T0 + DAY), settled_at=None)
        assert story(record_of(attempts=[attempt], answers=[NOTHING]))[1].title.startswith("try 1 ")


def test_a_code_at_the_start_of_a_sentence_keeps_its_letters() -> None:
    assert sentence("currency_not_supported: ask staff") == "currency_not_supported: ask staff."


def test_what_stands_still_goes_on_or_is_refused_has_a_name_and_no_id() -> None:
    decisions = [
        DecisionLine(T0 + DAY, "Wait", "collection_paused", "Collection is paused.", None, {}),
        DecisionLine(T0 + 2 * DAY, "GoOn", "goes_on", "What kept it still is over.", None, {}),
        DecisionLine(T0 + 3 * DAY, "Wait", "outage", "18 of 20 tries failed.", None, {}),
        DecisionLine(T0 + 4 * DAY, "Refuse", "by_hand_refused", "Refused: too soon.", None, {}),
        DecisionLine(
            T0 + 5 * DAY,
            "Wait",
            "not_yet",
            "Waits for new card pm_9 of 2026-12-02 10:00:00: a gap.",
            None,
            {},
        ),
    ]
    act = ActLine(1, "retry", "jo", "please", T0 + 4 * DAY, T0 + 4 * DAY, "refused")
    record = replace(record_of(decisions=decisions), acts=(act,))
    told = [(entry.title, entry.said) for entry in story(record)]
    assert told[1:] == [
        ("stands still", "Collection is paused."),
        ("goes on", "What kept it still is over."),
        ("outage", "18 of 20 tries failed."),
        ("charge asked for", "by jo: please"),
        ("charge refused", "Refused: too soon."),
        ("nothing done", "Waits for new card: a gap."),
    ]


def test_letters_that_were_not_due_are_not_written_and_tries_not_made() -> None:
    steps = [
        StepRecord("confirm 1", False, T0 + DAY, "the customer has no e-mail address"),
        StepRecord("try 1", False, T0 + DAY, "the decline needs a new payment method"),
    ]
    told = titles(story(record_of(steps=steps)))
    assert told[1:] == ["confirmation letter 1 not written", "try 1 not made"]
