"""What no API shows of Stripe's settings: confirmed by a person, seen in the ledger, or neither."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from worker.cli.doctor_findings import Finding, Verdict, ok
from worker.domain.confirmations import (
    WANTED,
    Confirmation,
    Sighting,
    StripeHabits,
    StripeSetting,
)
from worker.domain.policy import DunningRules, RetriesBy
from worker.office.words import count_words

LOOKED_BACK = timedelta(days=30)
"""As long as Stripe keeps its events, so that a first reading has the same."""


def confirmed_findings(rules: DunningRules, habits: StripeHabits | None) -> Iterator[Finding]:
    """Yield one finding for each setting. Args: habits: None where there is no ledger to ask."""
    ours = any(policy.retries_by is RetriesBy.WORKER for policy in rules.policies)
    confirmed = {each.setting: each for each in rules.confirmed}
    for setting, wanted in WANTED.items():
        if not ours and setting is not StripeSetting.EMAILS_OFF:
            yield ok(wanted.title, "not asked for: every policy leaves retries to Stripe or nobody")
            continue
        sighting, seen = _seen(setting, habits)
        confirmation = confirmed.get(setting)
        yield _finding(setting, confirmation, sighting, seen, rules.office_zone)


def _finding(
    setting: StripeSetting,
    confirmation: Confirmation | None,
    sighting: Sighting,
    seen: str,
    office_zone: str,
) -> Finding:
    wanted = WANTED[setting]
    if confirmation is None:
        said = seen or f"nobody has confirmed that {wanted.said}; no API shows it"
        do = f"{wanted.path}; then write in dunning.yaml, `confirmed`: {setting.value}: DATE by WHO"
        return Finding(wanted.title, Verdict.LOOK, said, do)
    looked = f"{confirmation.by} on {confirmation.on.isoformat()}"
    if confirmation.contradicted_by(sighting.last_at, office_zone):
        said = f"{looked} confirmed that {wanted.said}, but since then: {seen}"
        return Finding(wanted.title, Verdict.WRONG, said, f"{wanted.path}; then confirm it anew")
    return ok(wanted.title, f"{wanted.said}: seen by {looked}")


def contradictions(
    confirmed: Sequence[Confirmation], habits: StripeHabits, office_zone: str
) -> list[str]:
    """Return what was confirmed and is contradicted by the ledger, a sentence each."""
    findings = [
        _finding(each.setting, each, *_seen(each.setting, habits), office_zone)
        for each in confirmed
    ]
    return [finding.said for finding in findings if finding.verdict is Verdict.WRONG]


def _seen(setting: StripeSetting, habits: StripeHabits | None) -> tuple[Sighting, str]:
    """Return what speaks against a setting, and the same in words; empty: nothing was seen."""
    if habits is None:
        return Sighting(), ""
    match setting:
        case StripeSetting.RETRIES_OFF if habits.scheduled.count:
            failed = count_words(habits.scheduled.count, "failed invoice")
            said = f"Stripe planned retries of {failed} itself ({habits.scheduled.example})"
            return habits.scheduled, said + _retried(habits.retried)
        case StripeSetting.LEAVES_PAST_DUE if habits.cancelled.count:
            ended = count_words(habits.cancelled.count, "subscription")
            said = f"Stripe cancelled {ended} after a failure ({habits.cancelled.example})"
            return habits.cancelled, said
        case _:
            return Sighting(), ""


def _retried(retried: Sighting) -> str:
    if not retried.count:
        return ""
    tries = count_words(retried.count, "later try", "later tries")
    return f"; {tries} not ours, by Stripe or on its pages ({retried.example})"
