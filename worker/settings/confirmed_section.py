"""The shape of `confirmed` in dunning.yaml: what somebody has looked up in Stripe's Dashboard."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field

from worker.domain.confirmations import Confirmation, StripeSetting
from worker.settings.fields import Form, Section, like
from worker.settings.written_values import scalar

_LOOKED = re.compile(r"(\d{4}-\d{2}-\d{2}) by (\S.*)")


@dataclass(frozen=True, slots=True)
class Look:
    """When somebody looked, and who."""

    on: date
    by: str


def parse_look(text: object) -> Look:
    """Return who looked and when, from `2026-11-20 by Ann`."""
    value = scalar(text)
    found = _LOOKED.fullmatch(value)
    try:
        on = date.fromisoformat(found[1]) if found else None
    except ValueError:
        on = None
    if found is None or on is None:
        raise ValueError(f"`{value}` does not say when and who; write `2026-11-20 by Ann`.")
    return Look(on, found[2])


Looked = Annotated[
    Look,
    BeforeValidator(parse_look),
    Form("DATE by WHO", like(r"\d{4}-\d{2}-\d{2} by \S.*")),
]


class ConfirmedSection(Section):
    """What no API shows: on which day who has seen it; `dunning doctor` names the menu paths."""

    stripe_retries_off: Looked | None = Field(default=None, examples=["2026-11-20 by Ann"])
    """Stripe's own retries are off."""
    stripe_leaves_past_due: Looked | None = Field(default=None, examples=["2026-11-20 by Ann"])
    """After its last retry Stripe leaves the subscription past due."""
    stripe_emails_off: Looked | None = Field(default=None, examples=["2026-11-20 by Ann"])
    """Stripe writes no mail about failed payments and expiring cards."""

    def confirmed(self) -> tuple[Confirmation, ...]:
        """Return what was confirmed."""
        given = [(setting, getattr(self, setting.value)) for setting in StripeSetting]
        return tuple(Confirmation(what, look.on, look.by) for what, look in given if look)
