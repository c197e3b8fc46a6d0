"""The account's settings: what a person would choose in Stripe's Dashboard."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .errors import invalid

ENDINGS = ("cancel", "unpaid", "past_due", "pause")


@dataclass(slots=True)
class Settings:
    """Retries, endings and waits; times in the unit their name says."""

    retries: list[float] = field(default_factory=list)  # days between tries; empty: none
    after_last_retry: str = "past_due"
    announce_retry_seconds: int = 0  # above 0: next_payment_attempt comes in invoice.updated
    draft_seconds: int = 3600
    incomplete_seconds: int = 23 * 3600
    upcoming_days: int = 7
    trial_will_end_days: int = 3
    debit_processing_days: dict[str, float] = field(
        default_factory=lambda: {
            "acss_debit": 5.0,
            "au_becs_debit": 3.0,
            "bacs_debit": 3.0,
            "sepa_debit": 5.0,
            "us_bank_account": 4.0,
        }
    )
    rate_limit_per_second: int = 0  # 0: off
    latency_ms: int = 0
    account_country: str = "US"
    account_name: str = "Example Ltd"
    default_currency: str = "eur"

    def change(self, values: dict[str, Any]) -> dict[str, Any]:
        """Take *values* and return all settings. Raises: ApiError: unknown name or bad value."""
        known = {f.name for f in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise invalid(f"Unknown setting: {name}. Known: {', '.join(sorted(known))}.")
            setattr(self, name, _checked(name, value, getattr(self, name)))
        return asdict(self)


def _checked(name: str, value: Any, before: Any) -> Any:
    if name == "retries":
        gaps = [] if value in ("none", None) else value
        if not isinstance(gaps, list) or not all(
            isinstance(g, int | float) and g > 0 for g in gaps
        ):
            raise invalid("retries must be 'none' or a list of day gaps such as [3, 5, 7].")
        return [float(gap) for gap in gaps]
    if name == "after_last_retry" and value not in ENDINGS:
        raise invalid(f"after_last_retry must be one of {', '.join(ENDINGS)}.")
    if type(value) is not type(before):
        raise invalid(f"{name} must be of type {type(before).__name__}.")
    return value
