"""The shape of `metrics` in dunning.yaml: how recurring revenue and its losses are counted."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from worker.domain.metrics_rules import DEFAULTS, ChurnAt, HealthDefinition, MetricsRules
from worker.settings.fields import TEXT, Duration, Form, Line, Section, like, one_or_list
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


def parse_weights(written: object) -> dict[str, int]:
    """Return input -> percent. Raises: ValueError: a weight is none, or they are not 100."""
    if not isinstance(written, Mapping) or not written:
        raise ValueError("weights are a mapping, as in { usage: 60, support: 40 }.")
    weights = {}
    for name, weight in written.items():
        given = scalar(weight)
        if not given.isdecimal() or not 1 <= int(given) <= 100:
            raise ValueError(
                f"{scalar(name)} has the weight `{given}`; write 1 to 100, in percent."
            )
        weights[scalar(name)] = int(given)
    if sum(weights.values()) != 100:
        raise ValueError(f"the weights are {sum(weights.values())} together; make them 100.")
    return weights


def parse_tags(written: object) -> dict[str, tuple[str, ...]]:
    """Return tag -> its words. Raises: ValueError: it is no mapping, or a tag has no word."""
    if not isinstance(written, Mapping) or not written:
        raise ValueError("tags are a mapping, as in { price: [expensive, price] }.")
    tags = {}
    for name, words in written.items():
        listed = words if isinstance(words, list) else [words]
        found = tuple(dict.fromkeys(scalar(word) for word in listed))
        if not found or "" in found:
            raise ValueError(f"{scalar(name)} has no word; write those that comments would have.")
        tags[scalar(name)] = found
    return tags


Weights = Annotated[
    dict[str, int],
    BeforeValidator(parse_weights),
    Form(
        "input: percent, together 100",
        {"type": "object", "additionalProperties": like(r"\d{1,3}"), "minProperties": 1},
    ),
]
Tags = Annotated[
    dict[str, tuple[str, ...]],
    BeforeValidator(parse_tags),
    Form(
        "tag: one or a list of words",
        {"type": "object", "additionalProperties": one_or_list(TEXT)},
    ),
]


class HealthSection(Section):
    """The customers' health score: a mean of what `dunning import health` brings, weighed."""

    version: Line = Field(examples=["2026-1"])
    """Name of this definition; give another whenever you change a weight. It is kept with the
    figures that come under it, and what came before keeps its own."""
    weights: Weights = Field(examples=["{ usage: 60, support: 40 }"])
    """How much each input weighs. One that a customer lacks is left out of the mean: it is no 0."""

    def definition(self) -> HealthDefinition:
        """Return the value."""
        return HealthDefinition(self.version, self.weights)


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
    days: Literal["utc", "office"] = Field(default="utc", examples=["utc"])
    """Where the days of `dunning metrics` and of imported figures begin: at UTC's midnight, or at
    the office's (`time_zone`)."""
    health: HealthSection | None = Field(
        default=None, examples=["{ version: 2026-1, weights: { usage: 60, support: 40 } }"]
    )
    """The customers' health score; left out, there is none."""
    comment_tags: Tags | None = Field(
        default=None, examples=["{ price: [expensive, price], support: [answer, waited] }"]
    )
    """Tags for the comments of surveys: each that has one of a tag's words, or a word that begins
    with it, gets the tag; upper and lower case are the same."""

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
            office_days=self.days == "office",
            health=self.health.definition() if self.health else None,
            comment_tags=self.comment_tags or {},
        )
        return None if rules == DEFAULTS else rules
