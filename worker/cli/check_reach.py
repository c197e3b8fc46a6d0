"""How many of the ledger's subscriptions each policy would serve, where a ledger can be read."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from worker.bootstrap import reading_ledger
from worker.cli.data_dir import embedded_urls
from worker.clock import SystemClock
from worker.domain.policy import DunningRules
from worker.domain.policy_match import choose_policy
from worker.errors import DunningError
from worker.services.business_time import business_now
from worker.settings.environment import Environment
from worker.store.ledger import PostgresLedger
from worker.store.reading import snapshot
from worker.store.reading_audience import live_traits

UNSERVED = ""
"""Key of those whom no policy serves."""


def reach_sentence(rules: DunningRules, environment: Environment) -> str:
    """Return whom the policies serve at present, with counts; empty without a ledger to ask."""
    try:
        with _ledger(environment) as ledger:
            now = business_now(ledger=ledger, clock=SystemClock())
            with snapshot(ledger) as connection:
                policies = (
                    choose_policy(rules, traits)
                    for traits in live_traits(connection, ledger.account_id, now=now)
                )
                served = Counter(UNSERVED if each is None else each.name for each in policies)
    except DunningError:  # the files are checked also where no ledger is at hand
        return ""
    return served_words([policy.name for policy in rules.policies], served)


@contextmanager
def _ledger(environment: Environment) -> Iterator[PostgresLedger]:
    """Give the ledger of DATABASE_URL, else the data directory's. Raises: DunningError: none."""
    if environment.database_url is not None:
        with reading_ledger(os.environ) as ledger:
            yield ledger
        return
    with embedded_urls(environment.data_dir) as urls, reading_ledger(urls) as ledger:
        yield ledger


def served_words(names: list[str], served: Mapping[str, int]) -> str:
    """Return `monthly serves 1,204 of 1,290 active subscriptions; annual serves 86; ...`.

    Empty where there is no subscription. Args: names: all policies, in the order of the file.
    """
    total = sum(served.values())
    if not total:
        return ""
    ordered = sorted(names, key=lambda name: -served.get(name, 0))
    parts: list[str] = []
    for name in ordered:
        count = served.get(name, 0)
        of_all = f" of {total:,} active subscriptions" if not parts else ""
        parts.append(f"{name} serves {f'{count:,}' if count or of_all else 'nobody'}{of_all}")
    unserved = served.get(UNSERVED, 0)
    if unserved:
        parts.append(f"{unserved:,} unserved: they are sent invoices, and no policy is for those")
    else:
        parts.append("nobody is unserved")
    return "; ".join(parts) + "."
