"""Whether a letter that was written before may still go out: what the engine would say by now.

A letter may wait overnight, and much can happen in a night: the customer pays, cancels, disputes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.case import CaseState, LetterState
from worker.domain.decisions import Close, End, Reopen, Review, Wait
from worker.domain.engine import before_the_timeline
from worker.domain.engine_ending import LETTERS_AFTER, MAY_HAVE_BEEN_READ
from worker.domain.engine_situation import Situation
from worker.domain.engine_truth import (
    closed_case,
    money_came,
    was_written_to,
)
from worker.domain.notices import CLOSING_NOTICES, ENDING_NOTICES

NEWS_LOOK = timedelta(minutes=5)
"""How soon the letter is looked at again whose case has first to do something itself."""

A_LATER_ONE = "a later letter takes its place"
"""Why a letter that has not gone out is dropped where the case's next one is queued."""

STANDING_LOOK = timedelta(hours=4)
"""How often at most Stripe is read for a letter whose case waits, beside the case's own look."""


@dataclass(frozen=True, slots=True)
class Against:
    """What keeps a letter from going out."""

    why: str
    """Part of a sentence for a person."""
    until: datetime | None = None
    """When to look again; None where it is not needed any more."""
    case_is_due: bool = False
    """Whether its case has something to do that it does not know of yet."""


def against_letter(at: Situation, letter_id: int, notice: str) -> Against | None:
    """Return what is against a letter of the case now, or None.

    It is dropped where the case ends, and waits where the case stands still: its step is done, so
    it would be missed once the case goes on. One that tells how the case came out is dropped where
    it came out otherwise since.
    """
    if notice in CLOSING_NOTICES:
        return _against_closing(at, notice)
    if at.case.state is CaseState.CLOSED:
        return Against("the case is closed")
    if _is_overtaken(at, letter_id):
        return Against(A_LATER_ONE)
    decision = before_the_timeline(at)
    if decision is None:
        return None
    why = f"{decision.reason[:1].lower()}{decision.reason[1:]}".rstrip(".")
    if isinstance(decision.act, Close | End):
        return Against(why, case_is_due=True)
    if not isinstance(decision.act, Wait):
        return Against(why, at.now + NEWS_LOOK, case_is_due=True)
    look_at = at.now + STANDING_LOOK
    next_at = max(decision.next_at or look_at, at.now + NEWS_LOOK)
    return Against(why, min(next_at, look_at))


def _is_overtaken(at: Situation, letter_id: int) -> bool:
    """Return whether a later letter is queued or out, as it can be where this one was at the mail
    server meanwhile, which then did not take it: else the later one has dropped it."""
    return any(
        other.id > letter_id
        and other.notice not in CLOSING_NOTICES
        and (other.state is LetterState.QUEUED or other.state in MAY_HAVE_BEEN_READ)
        for other in at.case.letters
    )


def _against_closing(at: Situation, notice: str) -> Against | None:
    reopens = isinstance(getattr(closed_case(at), "act", None), Reopen | Review)
    if at.case.state is not CaseState.CLOSED or reopens:
        return Against("the case goes on", case_is_due=reopens)
    if notice in ENDING_NOTICES:
        return _against_ending(at, notice)
    if not was_written_to(at.case, at.around):  # the mail server did not take what was under way
        return Against("the customer was not written to before")
    return None


def _against_ending(at: Situation, notice: str) -> Against | None:
    """A letter about an ending says that nobody paid, and how the subscription stands by it."""
    if money_came(at):
        return Against("the invoice was paid after the end", case_is_due=True)
    still_holds = at.ending_of_ours
    if still_holds is None or LETTERS_AFTER[still_holds] != notice:
        return Against("the subscription is not as the ending left it any more")
    return None
