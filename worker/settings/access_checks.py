"""Changes of access that change nothing, told while they are written."""

from collections.abc import Iterator, Mapping

from worker.domain.access import FULL
from worker.settings.dunning_file import StepSection
from worker.settings.yaml_reader import Location


def access_faults(steps: Mapping[Location, StepSection]) -> Iterator[tuple[Location, str]]:
    """Yield each step that sets what customers may use anyway by then."""
    word, since = FULL, "the first failure"
    for at, step in sorted(steps.items(), key=lambda each: each[1].offset):
        if step.access == word:
            yield (*at, "access"), f"is `{word}` since {since} already; leave it out."
        if step.access is not None:
            word, since = step.access, f"`{step.name}`"
