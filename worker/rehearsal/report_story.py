"""A case as its story: each act and each thing not done, in order, with its reason (operator.md 2).

Pure: it puts into words what the ledger holds, and reads nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from worker.domain.case import Attempt, AttemptKind, AttemptState, LetterState
from worker.domain.decisions import Close, GoOn, Hold, Refuse, Release, Reopen, Review, Wait
from worker.domain.step_names import readable
from worker.rehearsal.report_words import CLASSES, RECOVERED_BY, Words, notice_words, state_words
from worker.store.reading_case import CaseRecord, DecisionLine
from worker.store.reading_report import LetterRow

WAITED = timedelta(minutes=30)
"""A letter that went out later than this was held back on purpose."""
BANK_TIME = timedelta(hours=1)
"""What takes longer was a bank debit, or an answer that was lost."""
LETTER_RANK = 4
"""Letters follow what they tell of; a close stands before its letter."""
LETTER_HOURS = "Letters go out in the hours and on the days of the customer's own zone."


class Tone(StrEnum):
    """What kind of news an entry is; pages show it as a mark beside the words."""

    BAD = "bad"
    GOOD = "good"
    LETTER = "letter"
    PAUSE = "pause"
    END = "end"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a story."""

    at: datetime
    title: str
    said: str = ""
    tone: Tone = Tone.QUIET
    message_id: str = ""
    """The letter that this line is about, where one went out."""
    then: str = ""
    """What was waited for after it, and why."""
    rank: int = 0
    """Orders what happened at one instant: what came of it after what led to it."""


KINDS: Mapping[AttemptKind, str] = {
    AttemptKind.CANCEL: "subscription cancelled",
    AttemptKind.CANCEL_AT_PERIOD_END: "subscription set to end with its period",
    AttemptKind.PAUSE: "subscription paused",
    AttemptKind.HOLD_INVOICES: "new invoices held back",
    AttemptKind.DOWNGRADE: "subscription moved to another price",
    AttemptKind.UNCOLLECTIBLE: "invoice marked uncollectible",
    AttemptKind.VOID: "invoice voided",
    AttemptKind.COUPON: "coupon given",
}
CHARGED: Mapping[AttemptState, tuple[str, Tone]] = {
    AttemptState.SUCCEEDED: ("paid", Tone.GOOD),
    AttemptState.DECLINED: ("declined", Tone.BAD),
    AttemptState.PROCESSING: ("is with the bank", Tone.QUIET),
    AttemptState.SENDING: ("has no answer yet", Tone.PAUSE),
    AttemptState.ABANDONED: ("came to nothing", Tone.PAUSE),
}
ASKED: Mapping[str, str] = {
    "adopt": "taken over",
    "close": "closing asked for",
    "extend": "more time given",
    "hold": "hold put",
    "release": "hold released",
    "retry": "charge asked for",
}
"""What people did, by the act's name."""
NOT_SENT: Mapping[LetterState, str] = {
    LetterState.QUEUED: "waits",
    LetterState.SENDING: "is on its way",
    LetterState.UNKNOWN: "may or may not have gone out; it is never sent again",
    LetterState.REFUSED: "was refused by the mail server",
    LetterState.SUPPRESSED: "not sent",
}
STANDING: Mapping[str, tuple[str, Tone, int]] = {
    Release.__name__: ("released", Tone.QUIET, 1),
    Reopen.__name__: ("taken up again", Tone.PAUSE, 1),
    GoOn.__name__: ("goes on", Tone.QUIET, 1),
    Refuse.__name__: ("charge refused", Tone.PAUSE, 1),
    Hold.__name__: ("held", Tone.PAUSE, 5),
    Review.__name__: ("waits for a person", Tone.PAUSE, 5),
}


STILL: Mapping[str, str] = {
    "collection_paused": "stands still",
    "renewal_moved": "stands still",
    "outage": "outage",
}
"""Rules of waits that have a name of their own."""


def case_story(
    record: CaseRecord,
    letters: Sequence[LetterRow],
    *,
    cards: Mapping[str, str],
    words: Words,
) -> list[Entry]:
    """Return the story of one case, oldest first.

    Args: letters: those of this case; cards: names of payment methods by id.
    """
    entries = [
        *_failures(record),
        *_begun(record.case.attempts, cards),
        *(_charged(record, attempt, cards) for attempt in record.case.attempts),
        *_skipped(record),
        *(entry for letter in letters for entry in _letters(letter, words)),
        *_asked(record),
        *_stood(record.decisions),
    ]
    return _with_closing(record, _with_waits(_in_order(entries), record.decisions, words))


def _in_order(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.at, entry.rank))


def sentence(said: str) -> str:
    """Return a reason as a sentence, without ids."""
    text = readable(said).strip()
    if not text:
        return ""
    if "_" not in text.split(maxsplit=1)[0]:  # a code keeps its letters
        text = text[0].upper() + text[1:]
    return text + ("" if text.endswith((".", "!", "?")) else ".")


def _failures(record: CaseRecord) -> Iterator[Entry]:
    """Failures that were not tries of ours: the first one, and Stripe's own; else the due date."""
    if record.case.due_at is not None:
        if record.case.unpaid_from_at is not None:
            yield Entry(record.case.due_at, "invoice due", "It is paid by hand.")
        return
    told = [fact for fact in record.facts if fact.type == "payment.failed"]
    for fact in told:
        code = str(fact.data.get("decline_code", ""))
        said = _decline(code, str(fact.data.get("decline_class", "")))
        yield Entry(fact.time, "payment failed", said, Tone.BAD)
    if not told:
        yield Entry(record.case.failed_at, "payment failed", "", Tone.BAD)


def _decline(code: str, decline_class: str) -> str:
    return ": ".join(part for part in (code, CLASSES.get(decline_class, "")) if part)


def _begun(attempts: Sequence[Attempt], cards: Mapping[str, str]) -> Iterator[Entry]:
    """Tries that a bank took its time for: a debit shows days later what it came to."""
    for attempt in attempts:
        settled_at = attempt.settled_at
        if settled_at is None or settled_at - attempt.sent_at < BANK_TIME:
            continue
        title = f"{readable(attempt.step)} {CHARGED[AttemptState.PROCESSING][0]}"
        yield Entry(attempt.sent_at, title, cards.get(attempt.payment_method_id, ""), rank=3)


def _charged(record: CaseRecord, attempt: Attempt, cards: Mapping[str, str]) -> Entry:
    answer = record.answers[attempt.no]
    if attempt.kind is not AttemptKind.CHARGE:
        done = attempt.state is AttemptState.SUCCEEDED
        title = KINDS[attempt.kind] + ("" if done else f": {attempt.state.value}")
        return Entry(attempt.settled_at or attempt.sent_at, title, "", Tone.END, rank=3)
    word, tone = CHARGED[attempt.state]
    parts = [cards.get(attempt.payment_method_id, "")]
    if attempt.state is AttemptState.DECLINED:
        parts.append(_decline(answer.decline_code, answer.decline_class))
    elif attempt.state is AttemptState.ABANDONED:
        parts.append(answer.answer_code or "the invoice shows no payment of ours")
    said = " · ".join(part for part in parts if part)
    at = attempt.settled_at or attempt.sent_at
    return Entry(at, f"{readable(attempt.step)} {word}", said, tone, rank=3)


def _skipped(record: CaseRecord) -> Iterator[Entry]:
    for step in record.case.steps:
        if not step.done:
            word = "written" if _is_letter(record, step.step) else "made"
            yield Entry(step.at, f"{readable(step.step)} not {word}", sentence(step.reason), rank=2)


def _is_letter(record: CaseRecord, name: str) -> bool:
    step = record.policy.step(name) if record.policy is not None else None
    return not step.charge if step is not None else name.endswith("letter") or "confirm" in name


def _letters(letter: LetterRow, words: Words) -> Iterator[Entry]:
    """One letter: when it was due, where it had to wait, and what became of it."""
    name = (
        readable(letter.step) if letter.step and not letter.step.startswith("closing") else "letter"
    )
    kind = notice_words(letter.notice)
    sent_at = letter.sent_at if letter.state == LetterState.SENT else None
    if sent_at is not None and sent_at - letter.queued_at > WAITED:
        yield Entry(letter.queued_at, f"{name} waits", f"{kind}. {LETTER_HOURS}", rank=LETTER_RANK)
    if sent_at is not None:
        yield Entry(sent_at, f"{name} sent", kind, Tone.LETTER, letter.message_id, rank=LETTER_RANK)
        return
    state = LetterState(letter.state)
    until = ""
    if state is LetterState.QUEUED and letter.next_action_at is not None:
        until = f" until {words.moment(letter.next_action_at)}"
    why = LETTER_HOURS if until else sentence(letter.reason)
    said = f"{kind}. {why}".strip()
    yield Entry(
        letter.queued_at, f"{name} {NOT_SENT.get(state, letter.state)}{until}", said, rank=4
    )


def _asked(record: CaseRecord) -> Iterator[Entry]:
    for act in record.acts:
        yield Entry(act.at, ASKED.get(act.act, act.act), f"by {act.by}: {act.reason}", rank=1)


def _stood(decisions: Sequence[DecisionLine]) -> Iterator[Entry]:
    for line in decisions:
        if line.act in STANDING:
            title, tone, rank = STANDING[line.act]
            said = sentence(line.reason.removeprefix("Held: "))
            yield Entry(line.at, title, said, tone, rank=rank)


def _with_waits(
    entries: Sequence[Entry], decisions: Sequence[DecisionLine], words: Words
) -> list[Entry]:
    """Say after an entry what was then waited for; a wait at another time is its own entry."""
    told = list(entries)
    for line in decisions:
        if line.act != Wait.__name__ or line.rule == "closed":
            continue
        at = max((i for i, e in enumerate(told) if e.at == line.at), default=None)
        until = f" Next look {words.moment(line.next_at)}." if line.next_at is not None else ""
        said = sentence(line.reason)
        if at is not None:
            told[at] = replace(told[at], then=f"{said}{until}")
        else:
            title = STILL.get(line.rule, "nothing done")
            tone = Tone.PAUSE if line.rule in STILL else Tone.QUIET
            told.append(Entry(line.at, title, f"{said}{until}", tone))
    return _in_order(told)


def _with_closing(record: CaseRecord, entries: list[Entry]) -> list[Entry]:
    """Put the close in its place: after what led to it, before letters that follow."""
    case = record.case
    if case.closed_at is None or case.outcome is None:
        return entries
    said = next(
        (d.reason for d in reversed(record.decisions) if d.act == Close.__name__), case.reason
    )
    by = RECOVERED_BY.get(record.recovered_by, record.recovered_by)
    tone = Tone.GOOD if case.outcome.value.startswith("recovered") else Tone.END
    title = f"closed: {state_words('', case.outcome.value)}" + (f" by {by}" if by else "")
    place = next(
        (
            i
            for i, entry in enumerate(entries)
            if entry.at > case.closed_at
            or (entry.at == case.closed_at and entry.rank >= LETTER_RANK)
        ),
        len(entries),
    )
    closing = Entry(case.closed_at, title, sentence(said), tone)
    return [*entries[:place], closing, *entries[place:]]
