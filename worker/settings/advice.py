"""What is not wrong in a configuration, yet perhaps not meant: told by `dunning check`."""

from collections.abc import Iterator

from worker.domain.policy import Configuration, Policy
from worker.settings.sentences import nearest
from worker.settings.stripe_words import METHOD_TYPES


def advice(configuration: Configuration) -> list[str]:
    """Return sentences about what is allowed but looks like a slip; empty is the usual case."""
    return [
        f"{policy.name}: {sentence}"
        for policy in configuration.dunning.policies
        for sentence in _about(policy)
    ]


def _about(policy: Policy) -> Iterator[str]:
    for kind in policy.backup_methods:
        if kind not in METHOD_TYPES:
            yield f"`backup_methods` names `{kind}`, {_new_to_us(kind)}"


def _new_to_us(kind: str) -> str:
    guess = nearest(kind, METHOD_TYPES)
    ask = f"; {guess}" if guess.startswith("did you mean") else "."
    return f"a type of payment method that Stripe did not have when this release was made{ask}"
