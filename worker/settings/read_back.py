"""A configuration said back in plain words, so that finance can sign what it wrote."""

from collections import defaultdict
from datetime import timedelta

from worker.domain.money import Money
from worker.domain.policy import (
    CancelWhen,
    ClassRule,
    Configuration,
    DeclineClass,
    DunningRules,
    Ending,
    EndingAct,
    InvoiceEnd,
    PersonDecides,
    Policy,
    RetriesBy,
    SmallBalance,
)
from worker.settings.audience_words import audience_sentence
from worker.settings.duration_words import (
    counted,
    duration_words,
    moment_words,
    moments_words,
    unit_of,
)
from worker.settings.sentences import join_words
from worker.settings.written_reactions import MONTH_END


def read_back(configuration: Configuration) -> list[str]:
    """Return the lines about each policy, in the order of the file (rules_lines)."""
    return rules_lines(configuration.dunning)


def rules_lines(rules: DunningRules) -> list[str]:
    """Return for each policy one line that says what it does and whom it serves, then its reasons.

    Lines with reasons begin with two spaces.
    """
    lines: list[str] = []
    for policy in rules.policies:
        lines.append(f"{policy_sentence(policy)} {audience_sentence(policy, rules)}")
        for reason in rules.reasons.get(policy.name, ()):
            what = {"": "", "ending": " this ending"}.get(reason.of, f" `{reason.of}`")
            lines.append(f"  Why{what}: {reason.because}")
    return lines


def policy_sentence(policy: Policy) -> str:
    """Return `monthly-cards: letter after 4 hours; tries on days 1, 3 and 7; ...`."""
    if policy.for_sent_invoices:
        parts = [_reminders(policy), *_offers(policy), _subscription_end(policy.ending)]
        told = "; ".join(part for part in parts if part)
        return f"{policy.name}: {told}.{_invoice_end(policy.ending)}"
    moments: defaultdict[tuple[str, timedelta], list[int]] = defaultdict(list)
    for step in policy.steps:
        unit = unit_of(step.after)
        if step.charge:
            moments["tr", unit].append(step.after // unit)
        if step.letter:
            moments["letter", unit].append(step.after // unit)
    parts = [_moments(kind, unit, counts) for (kind, unit), counts in moments.items()]
    if policy.retries_by is RetriesBy.STRIPE:
        parts.insert(0, "Stripe retries")
    elif policy.retries_by is RetriesBy.NOBODY:
        parts.insert(0, "no retries")
    parts += _reactions(policy)
    parts += [
        f"access `{step.access}` {moments_words([step.after])}"
        for step in policy.steps
        if step.access
    ]
    parts += _offers(policy)
    parts.append(_subscription_end(policy.ending))
    ends = _invoice_end(policy.ending)
    return f"{policy.name}: {'; '.join(parts)}.{ends}{_small_balance(policy.small_balance)}"


def _offers(policy: Policy) -> list[str]:
    """Return `letter after 7 days offers coupon SAVE20`, once per customer and year."""
    return [
        f"letter {moments_words([step.after])} offers {step.offer.said}"
        for step in policy.steps
        if step.offer is not None
    ]


def _reminders(policy: Policy) -> str:
    """Return `reminders 7 days before, on and 3, 10 days after the due date`."""
    grouped: defaultdict[tuple[str, timedelta], list[int]] = defaultdict(list)
    for after in (step.after for step in policy.steps if step.letter):
        unit = unit_of(after)
        side = "before" if after < timedelta() else "after"
        grouped["on" if not after else side, unit].append(abs(after) // unit)
    parts = [
        "on" if side == "on" else f"{counted(counts, unit).replace(' and ', ', ')} {side}"
        for (side, unit), counts in grouped.items()
    ]
    word = "reminder" if sum(map(len, grouped.values())) == 1 else "reminders"
    return f"{word} {join_words(parts)} the due date" if parts else ""


def _reactions(policy: Policy) -> list[str]:
    """Return what a policy does beside its steps."""
    parts = []
    confirm = policy.when_declined.get(DeclineClass.AUTHENTICATION)
    if confirm is not None and confirm.ask_again:
        parts.append(f"confirmation asked for {moments_words(confirm.ask_again)}")
    funds = policy.when_declined.get(DeclineClass.FUNDS)
    if funds is not None and (funds.paydays or funds.payday_key):
        parts.append(f"without funds, tries wait for {_paydays(funds)}")
    if policy.person_decides:
        about = {PersonDecides.ENDING: "the ending", PersonDecides.CHARGES: "each charge"}
        words = join_words([about[each] for each in policy.person_decides])
        parts.append(f"a person approves {words} first")
    if policy.backup_methods:
        parts.append(f"after a hard decline, {join_words(policy.backup_methods)} may be charged")
    return parts


def _paydays(rule: ClassRule) -> str:
    days = [str(day) for day in rule.paydays if day != MONTH_END]
    days += ["the last"] if MONTH_END in rule.paydays else []
    said = [f"day {join_words(days, 'or')} of a month"] if days else []
    said += [f"the day in metadata `{rule.payday_key}`"] if rule.payday_key else []
    return join_words(said, "or")


def _moments(kind: str, unit: timedelta, counts: list[int]) -> str:
    """Return `tries on days 1 and 3` or `letter after 4 hours`."""
    many = len(counts) > 1
    word = {"tr": "tries" if many else "try", "letter": "letters" if many else "letter"}[kind]
    return f"{word} {moment_words(counts, unit)}"


def _subscription_end(ending: Ending) -> str:
    after = duration_words(ending.after)
    later = ending.when is CancelWhen.PERIOD_END
    if ending.do is EndingAct.CANCEL and later:
        return f"cancelled at the end of its period, decided after {after}"
    said = {
        EndingAct.CANCEL: f"cancelled after {after}",
        EndingAct.PAUSE: f"paused after {after}",
        EndingAct.HOLD_INVOICES: f"new invoices held back as drafts after {after}",
        EndingAct.DOWNGRADE: f"moved to {ending.to_price_id} after {after}",
        EndingAct.LEAVE: f"left as it is after {after}",
    }[ending.do]
    if ending.if_refused is None:
        return said
    refused = {
        EndingAct.CANCEL: "cancelled at the end of its period" if later else "cancelled",
        EndingAct.HOLD_INVOICES: "new invoices held back",
    }.get(ending.if_refused, "left as it is")
    return f"{said} (where Stripe refuses: {refused})"


def _small_balance(small: SmallBalance | None) -> str:
    if small is None:
        return ""
    amounts = join_words(
        [f"{Money(minor, code).major} {code.upper()}" for code, minor in small.below_minor.items()],
        "or",
    )
    how = "voided" if small.invoice is InvoiceEnd.VOID else "marked uncollectible"
    return f" An invoice with less than {amounts} left is {how} at once, not dunned."


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
