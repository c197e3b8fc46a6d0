"""Each morning's plan of a rehearsal, held against what was done until the next one."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

from sqlalchemy import create_engine, text

from worker.domain.kept_plan import Surprise, surprises
from worker.rehearsal.rehearsal import Rehearsal
from worker.store.kept_plans import read_kept_plans
from worker.store.reading_news import read_deeds, read_news

SLACK = timedelta(hours=2)
"""A rehearsal stops at whole hours, and a letter goes at the stop after its case was looked at."""


@dataclass
class Held:
    """What came of holding every plan against the deeds of its day."""

    plans: int = 0
    planned: int = 0
    """Acts that were sure and fell due before the next plan."""
    deeds: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    """Reason -> how many differences it explains."""
    unexplained: list[Surprise] = field(default_factory=list)


def hold_plans_against_deeds(running: Rehearsal) -> Held:
    """Return what the plans of a rehearsal, and what was done, came to."""
    engine = create_engine("postgresql+psycopg://" + running.database_url.split("://", 1)[1])
    held = Held()
    with engine.connect() as connection:
        account = str(connection.execute(text("SELECT max(account_id) FROM cases")).scalar_one())
        plans = read_kept_plans(connection, account)
        for plan, following in pairwise(plans):
            until = following.made_at
            deeds = read_deeds(connection, account, since=plan.made_at)
            news = read_news(connection, account, since=plan.made_at)
            held.plans += 1
            held.planned += sum(act.sure and act.at < until for act in plan.acts)
            held.deeds += sum(deed.at < until for deed in deeds)
            for found in surprises(plan, deeds, news, until=until, slack=SLACK):
                if found.because:
                    held.explained[f"{found.kind.value} {found.because}"] += 1
                else:
                    held.unexplained.append(found)
    engine.dispose()
    return held
