"""A policy for invoices that customers pay by hand, and the configuration that serves it."""

from dataclasses import replace
from datetime import timedelta

from tests.scenarios.world import shipped_configuration
from worker.domain.policy import Configuration, Ending, EndingAct, Match, Policy, RetriesBy, Step
from worker.domain.policy_text import digest_of
from worker.domain.readings import SEND_INVOICE

DAY = timedelta(days=1)
SENT = Policy(
    name="sent",
    retries_by=RetriesBy.NOBODY,
    when_declined={},
    charge_new_card_at_once=False,
    steps=(
        Step("soon", -7 * DAY, letter="invoice_due_soon"),
        Step("today", 0 * DAY, letter="invoice_due_today"),
        Step("late", 3 * DAY, letter="invoice_overdue_1"),
        Step("final letter", 10 * DAY, letter="invoice_overdue_final"),
    ),
    ending=Ending(20 * DAY, EndingAct.LEAVE),
    collection_method=SEND_INVOICE,
)
ALL_LETTERS = [each.letter for each in SENT.steps]


def serving(sent: Policy | None = SENT, *, endings_per_day: int = 20) -> Configuration:
    """Return the shipped configuration with a policy for sent invoices; None: without one.

    Letters go out every day and at all hours, so that days can be counted.
    """
    shipped = shipped_configuration()
    limits = replace(shipped.dunning.limits, endings_per_day=endings_per_day)
    dunning = replace(shipped.dunning, limits=limits)
    if sent is not None:
        policies = (replace(sent, digest=digest_of(sent)), *shipped.dunning.policies)
        matches = {sent.name: Match(collection_method=SEND_INVOICE)}
        dunning = replace(dunning, policies=policies, matches=matches)
    quiet = replace(shipped.notices.quiet, weekdays_only=False)
    return replace(shipped, dunning=dunning, notices=replace(shipped.notices, quiet=quiet))
