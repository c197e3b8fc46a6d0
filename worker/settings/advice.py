"""What is not wrong in a configuration, yet perhaps not meant: told by `dunning check`."""

from collections.abc import Iterator, Sequence

from worker.domain.policy import Configuration, DunningRules, Match, Policy
from worker.settings.sentences import nearest
from worker.settings.stripe_words import BRANDS, METHOD_TYPES


def advice(configuration: Configuration) -> list[str]:
    """Return sentences about what is allowed but looks like a slip; empty is the usual case."""
    rules = configuration.dunning
    return [
        f"{policy.name}: {sentence}"
        for policy in rules.policies
        for sentence in _about(policy, rules)
    ]


def _about(policy: Policy, rules: DunningRules) -> Iterator[str]:
    match = rules.matches.get(policy.name) or Match()
    yield from _unknown("backup_methods", policy.backup_methods, METHOD_TYPES)
    yield from _unknown("match → payment_method", match.method_types, METHOD_TYPES)
    yield from _unknown("match → brand", match.brands, BRANDS)


def _unknown(where: str, written: Sequence[str], known: Sequence[str]) -> Iterator[str]:
    for word in written:
        if word not in known:
            guess = nearest(word, known)
            ask = f"; {guess}" if guess.startswith("did you mean") else "."
            yield f"`{where}` names `{word}`, which Stripe did not have at this release{ask}"
