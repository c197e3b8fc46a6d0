"""A configuration said back in plain words, so that finance can sign what it wrote."""

from collections import defaultdict
from datetime import timedelta

from worker.domain.policy import (
    CancelWhen,
    Configuration,
    Ending,
    EndingAct,
    InvoiceEnd,
    Policy,
    RetriesBy,
)
from worker.settings.sentences import join_words

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def read_back(configuration: Configuration) -> list[str]:
    """Return one sentence or two for each policy, in the order of the file."""
    return [policy_sentence(policy) for policy in configuration.dunning.policies]


def policy_sentence(policy: Policy) -> str:
    """Return `monthly-cards: letter after 4 hours; tries on days 1, 3 and 7; ...`."""
    moments: defaultdict[tuple[str, timedelta], list[int]] = defaultdict(list)
    for step in policy.steps:
        unit = _unit(step.after)
        if step.charge:
            moments["tr", unit].append(step.after // unit)
        if step.letter:
            moments["letter", unit].append(step.after // unit)
    parts = [_moments(kind, unit, counts) for (kind, unit), counts in moments.items()]
    if policy.retries_by is RetriesBy.STRIPE:
        parts.insert(0, "Stripe retries")
    elif policy.retries_by is RetriesBy.NOBODY:
        parts.insert(0, "no retries")
    parts.append(_subscription_end(policy.ending))
    return f"{policy.name}: {'; '.join(parts)}.{_invoice_end(policy.ending)}"


def duration_words(duration: timedelta) -> str:
    """Return `4 hours`, `1 day`, in the largest unit that leaves no rest."""
    unit = _unit(duration)
    return _counted([duration // unit], unit)


def _moments(kind: str, unit: timedelta, counts: list[int]) -> str:
    """Return `tries on days 1 and 3` or `letter after 4 hours`."""
    many = len(counts) > 1
    word = {"tr": "tries" if many else "try", "letter": "letters" if many else "letter"}[kind]
    if unit is DAY:
        days = join_words([str(count) for count in counts])
        return f"{word} on day{'s' if many else ''} {days}"
    return f"{word} after {_counted(counts, unit)}"


def _counted(counts: list[int], unit: timedelta) -> str:
    name = {DAY: "day", HOUR: "hour", MINUTE: "minute"}.get(unit, "second")
    plural = "" if counts == [1] else "s"
    return f"{join_words([str(count) for count in counts])} {name}{plural}"


def _unit(duration: timedelta) -> timedelta:
    units = (DAY, HOUR, MINUTE) if duration else (HOUR,)
    return next((unit for unit in units if not duration % unit), timedelta(seconds=1))


def _subscription_end(ending: Ending) -> str:
    after = duration_words(ending.after)
    if ending.do is EndingAct.LEAVE:
        return f"left as it is after {after}"
    if ending.when is CancelWhen.PERIOD_END:
        return f"cancelled at the end of its period, decided after {after}"
    return f"cancelled after {after}"


def _invoice_end(ending: Ending) -> str:
    sentence = {
        InvoiceEnd.LEAVE: " The invoice stays open",
        InvoiceEnd.UNCOLLECTIBLE: " The invoice is then marked uncollectible",
        InvoiceEnd.VOID: " The invoice is then voided: nothing is owed any more",
    }[ending.invoice]
    if ending.final_letter_step is None:
        return f"{sentence}."
    gap = duration_words(ending.final_letter_gap)
    return f"{sentence}; nothing ends sooner than {gap} after `{ending.final_letter_step}`."
