"""The office's ways: what of the configuration a reader needs."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from worker.domain.confirmations import Confirmation
from worker.domain.metrics_rules import DEFAULTS, MetricsRules
from worker.domain.policy import Configuration, Limits, Mode, Quiet

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Office:
    """What of the configuration a reader needs."""

    zone: ZoneInfo
    mode: Mode
    limits: Limits
    quiet: Quiet
    digest: str
    confirmed: tuple[Confirmation, ...] = ()
    metrics: MetricsRules = DEFAULTS

    @property
    def metrics_zone(self) -> ZoneInfo:
        """In which the days of figures begin."""
        return self.zone if self.metrics.office_days else UTC


def office_of(configuration: Configuration) -> Office:
    """Return the parts of *configuration* that readers need."""
    return Office(
        zone=ZoneInfo(configuration.dunning.office_zone),
        mode=configuration.dunning.mode,
        limits=configuration.dunning.limits,
        quiet=configuration.notices.quiet,
        digest=configuration.digest,
        confirmed=configuration.dunning.confirmed,
        metrics=configuration.dunning.metrics or DEFAULTS,
    )
