"""What the ledger promises of every charge, letter and case, as data (reliability.md 5).

Each promise is checked by a query or a rule that returns what breaks it. `of` is its number there;
a crash, an empty Redis and lost webhooks (I11-I13) compare two runs, so the suites show those.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise; a broken one is an error in the log."""

    of: str
    """Its number: `I1`."""
    name: str
    """As the log and `dunning status` say it; scripts may know it, so it stays."""
    says: str
    stops: bool = True
    """Whether a broken one stops charging: not where that would only make it worse."""


PROMISES: tuple[Promise, ...] = (
    Promise("I1", "one_success_per_invoice", "at most one charge of an invoice ever went through"),
    Promise("I2", "charges_see_an_open_case", "none began after its case was held or given away"),
    Promise("I2", "nothing_sends_after_an_end", "no charge was sent after its case had closed"),
    Promise("I2", "acts_see_the_switch", "nothing began over a minute after charging was stopped"),
    Promise(
        "I3", "key_names_its_attempt", "each attempt has the one key of its invoice and number"
    ),
    Promise("I3", "one_charge_per_step", "a step was charged at most once, whatever came between"),
    Promise("I3", "same_method_as_written", "Stripe charged the payment method that was written"),
    Promise("I4", "one_attempt_in_flight", "an invoice has at most one request without an answer"),
    Promise("I4", "numbers_follow_outcomes", "a new number came only after the last one was known"),
    Promise("I5", "no_key_outlives_a_day", "no key was sent again 24 hours after its first time"),
    Promise(
        "I5", "no_sending_outlives_its_key", "what nobody answered went to a person after that"
    ),
    Promise("I6", "network_limits_kept", "no charge of ours broke a card network's or bank's rule"),
    Promise(
        "I7", "closed_cases_have_an_outcome", "a case has an outcome exactly while it is closed"
    ),
    Promise(
        "I7", "facts_tell_the_state", "the facts of a case, folded, give its state and outcome"
    ),
    Promise("I7", "facts_tell_the_attempts", "the outcome of each charge was told as a fact"),
    Promise("I7", "facts_tell_the_letters", "what became of each letter was told as a fact"),
    Promise("I8", "one_letter_per_step", "a step wrote at most one letter"),
    Promise("I8", "no_letter_after_the_end", "a closed case wrote nothing but its closing letter"),
    Promise("I9", "open_cases_have_a_next_look", "an open case has an instant to be looked at"),
    Promise("I9", "letters_have_a_next_look", "a letter that is under way has one as well"),
    Promise("I9", "due_cases_are_looked_at", "a due case waits no quarter of an hour", stops=False),
    Promise("I10", "recovered_means_paid", "recovered is what Stripe calls paid, a day later too"),
    Promise("I14", "caps_hold", "no hour and no day held more than `limits` allows"),
    Promise("I14", "mode_is_obeyed", "modes `watch` and `letters` began nothing they must not"),
)

BY_NAME: Mapping[str, Promise] = {each.name: each for each in PROMISES}


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that is broken, and by what."""

    promise: Promise
    subjects: tuple[str, ...]
    """Case numbers, or `letter 17` where a letter has no case; never empty."""


def breaches_of(found: Mapping[str, Iterable[str]]) -> list[Breach]:
    """Return what is broken, in the order of the promises. Args: found: name -> subjects."""
    named = [(each, tuple(found.get(each.name, ()))) for each in PROMISES]
    return [Breach(promise, subjects) for promise, subjects in named if subjects]


def counts_of(breaches: Iterable[Breach]) -> list[str]:
    """Return `I1:0`, `I2:3` …: how many subjects break the promises of each number."""
    counts = dict.fromkeys((each.of for each in PROMISES), 0)
    for breach in breaches:
        counts[breach.promise.of] += len(breach.subjects)
    return [f"{number}:{count}" for number, count in counts.items()]


def promises_table() -> str:
    """Return the Markdown table of README, one promise a row."""
    rows = [f"| {each.of} | `{each.name}` | {each.says} |" for each in PROMISES]
    return "\n".join(("| | name in the log | the promise |", "|---|---|---|", *rows))
