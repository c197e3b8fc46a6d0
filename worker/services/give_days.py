"""Give the days that a letter offers: in the commit that begins its sending, if it arrives.

A letter that is dropped, or that the mail server did not take, has given nothing. Callers hold the
case's row; two cases of one customer wait for each other at the offers' lock.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from worker.domain.case import Case
from worker.domain.engine_offers import days_to_give
from worker.domain.engine_situation import Situation
from worker.domain.facts import Fact
from worker.domain.offers import Given, Offer
from worker.ports import LetterTask, Tx
from worker.services.case_facts import case_fact


def with_days(
    at: Situation, letter: LetterTask, given: Given | None
) -> tuple[Situation, Offer | None]:
    """Return the situation once the letter is out, and what it tells the customer of an offer.

    Args: given: what its step gave already, as a coupon is.
    """
    if given is not None:
        return at, given.offer
    offer = days_to_give(at, letter.step, letter.notice)
    if offer is None:
        return at, None
    later = at.case.shift + (offer.extra or timedelta())
    return replace(at, case=replace(at.case, shift=later)), offer


def give_days(
    tx: Tx, held: Case, letter: LetterTask, offer: Offer | None, *, now: datetime
) -> bool:
    """Move what is undone of the case later, as the letter that goes out now tells.

    False where the customer had another offer since the letter was written: it would not be true.
    """
    if offer is None or offer.extra is None or tx.offers.of_step(held.id, letter.step) is not None:
        return True
    if not tx.offers.take(held, letter.step, offer, now=now):
        return False
    tx.cases.move_later(held.id, by=offer.extra, now=now)
    return True


def take_days_back(tx: Tx, letter: LetterTask, *, now: datetime) -> None:
    """Undo `give_days` for a letter that surely did not reach anybody."""
    given = _given_by(tx, letter)
    if given is None or given.offer.extra is None:
        return
    tx.cases.move_later(given.case_id, by=-given.offer.extra, now=now)
    tx.offers.give_back(given.case_id, given.step)


def days_given_facts(tx: Tx, letter: LetterTask, *, now: datetime) -> list[Fact]:
    """Return `offer.given` for a letter with days that went out, or may have; else nothing."""
    given = _given_by(tx, letter)
    case = tx.cases.load(given.case_id) if given is not None else None
    if given is None or case is None or given.offer.extra is None:
        return []
    return [offer_fact(case, given.step, given.offer, at=now)]


def offer_fact(case: Case, step: str, offer: Offer, *, at: datetime) -> Fact:
    """Return `offer.given`; told once for each step."""
    data = {
        "step": step,
        "kind": "coupon" if offer.coupon else "extra_days",
        "coupon": offer.coupon,
        "days": offer.days,
    }
    return case_fact(case, "offer.given", at=at, occasion=step, data=data)


def _given_by(tx: Tx, letter: LetterTask) -> Given | None:
    return tx.offers.of_step(letter.case_id, letter.step) if letter.case_id is not None else None
