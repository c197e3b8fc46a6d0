"""Strategies that draw whole case lives: answers, letters, people, outages and policies."""

from datetime import timedelta

from hypothesis import strategies as st

from tests.unit.domain.building import policy
from tests.unit.domain.case_days import EVENTS
from tests.unit.domain.case_life import (
    DEBIT,
    DECLINES,
    PAID,
    REFUSED,
    UNKNOWN_LOST,
    UNKNOWN_PAID,
    Script,
)
from worker.domain.case import LetterState
from worker.domain.policy import CancelWhen, EndingAct, InvoiceEnd, RetriesBy


def hours(most: int, least: int = 0) -> st.SearchStrategy[timedelta]:
    """Draw a length of whole hours."""
    return st.integers(least, most).map(lambda n: timedelta(hours=n))


fates = st.sampled_from([LetterState.SENT] * 5 + [LetterState.UNKNOWN, LetterState.REFUSED])
charge_outcomes = st.sampled_from(
    [*DECLINES] * 2 + ["funds"] * 8 + [PAID, UNKNOWN_PAID, UNKNOWN_LOST, DEBIT, REFUSED]
)
ENDED_BY = timedelta(days=25)
scripts = st.builds(
    Script,
    # Stripe answers now and then: a case that never gets an answer is asked about for ever.
    charges=st.lists(charge_outcomes, min_size=1, max_size=8)
    .filter(lambda drawn: set(drawn) != {UNKNOWN_LOST})
    .map(tuple),
    asked_again_after=st.lists(
        st.sampled_from([timedelta(minutes=20), timedelta(hours=1), timedelta(hours=9)]),
        min_size=1,
        max_size=3,
    ).map(tuple),
    letters=st.lists(st.tuples(hours(60), fates), min_size=1, max_size=4).map(tuple),
    # What began is over on day 25 at the latest, so that the life can end.
    events=st.lists(st.tuples(hours(24 * 24), st.sampled_from(EVENTS)), max_size=5).map(
        lambda drawn: (*drawn, (ENDED_BY, "dispute over"), (ENDED_BY, "resumes"))
    ),
    outages=st.lists(st.tuples(hours(24 * 20), hours(24 * 8)), max_size=2).map(tuple),
    has_address=st.sampled_from([True] * 6 + [False]),
)
policies = st.builds(
    policy,
    retries_by=st.sampled_from([RetriesBy.WORKER] * 6 + [RetriesBy.STRIPE, RetriesBy.NOBODY]),
    charge_new_card_at_once=st.sampled_from([True, True, False]),
    ending_do=st.sampled_from([EndingAct.CANCEL] * 4 + [EndingAct.LEAVE]),
    ending_when=st.sampled_from(CancelWhen),
    ending_invoice=st.sampled_from(InvoiceEnd),
    retries_max=st.sampled_from([8, 8, 3]),
)
firsts = st.sampled_from([*DECLINES] + ["funds"] * 5)
