"""The shape of `metrics` in dunning.yaml: how recurring revenue and its losses are counted."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from worker.domain.metrics_rules import DEFAULTS, ChurnAt, MetricsRules
from worker.settings.fields import TEXT, Duration, Form, Section, one_or_list
from worker.settings.written_values import scalar

KEY_LENGTH_MAX = 40
"""Of a metadata key (docs.stripe.com/api/metadata)."""


def parse_keys(written: object) -> tuple[str, ...]:
    """Return metadata keys, one or a list of them. Raises: ValueError: one is too long."""
    listed = written if isinstance(written, list) else [written]
    keys = tuple(dict.fromkeys(scalar(each) for each in listed))
    for key in keys:
        if len(key) > KEY_LENGTH_MAX or "." in key:
            raise ValueError(f"`{key}` is no key of Stripe's metadata; write it as in `segment`.")
    return keys


Keys = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_keys),
    Form("one or a list of metadata keys", one_or_list(TEXT)),
]


class MetricsSection(Section):
    """How recurring revenue and its losses are counted."""

    churn_at: ChurnAt = Field(default=DEFAULTS.churn_at, examples=["terminal_state"])
    """When who does not pay counts as lost: with the `first_failure`, when `grace` ends, or when
    the subscription is canceled or unpaid, as Stripe counts. Who pays within 30 days after it was
    recovered late."""
    grace: Duration = Field(default=DEFAULTS.grace, examples=["7 days"])
    """For `grace_end`: how long a subscription owes, without a break, until it counts as lost."""
    temporary_discounts: Literal["ignored", "subtracted"] = Field(
        default="ignored", examples=["ignored"]
    )
    """Whether discounts that end by themselves (Stripe's `once` and `repeating`) lower MRR while
    they last; lasting ones always do."""
    metadata: Keys | None = Field(default=None, examples=["[segment, sales_channel]"])
    """Keys of the subscription's, else the customer's metadata that facts keep, to group figures
    by. Keys that policies match by are kept anyway; choose none that holds personal data."""

    def rules(self, matched: Iterable[str]) -> MetricsRules | None:
        """Return the value, or None where it is the default.

        Args: matched: metadata keys that policies match by.
        """
        keys = tuple(sorted({*(self.metadata or ()), *matched}))
        rules = MetricsRules(
            churn_at=self.churn_at,
            grace=self.grace,
            temporary_discounts_count=self.temporary_discounts == "subtracted",
            metadata=keys,
        )
        return None if rules == DEFAULTS else rules
