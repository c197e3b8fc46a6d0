"""The configuration of a rehearsal: the operator's own, but for jobs that wait for the driver.

Jobs that run by wall time would run at moments that no seed decides, and 45 days pass in a
minute; so their intervals become a day and the driver rings them at each step instead.
"""

from collections.abc import Mapping
from pathlib import Path

from worker.errors import ConfigError
from worker.settings.load import FILES, SCHEDULE

REHEARSED_CONFIG = Path("embedded", "config")
"""Where a rehearsal's configuration lies, below its own folder: nobody's files are there."""
RUNG_BY_DRIVER = ("read_stripe", "due_cases", "deliver_letters", "sweep")
CALENDAR = "renewals_cards_trials"
CALENDAR_EVERY = "every 6 hours"
"""Lead times are days, so that a rehearsal need not ask the calendar every hour."""


def write_rehearsal_config(config_dir: Path, out: Path) -> Path:
    """Copy *config_dir* to *out* with the intervals of a rehearsal and return *out*.

    Raises: ConfigError: a file is missing; the operator acts.
    """
    out.mkdir(parents=True, exist_ok=True)
    texts = {}
    for name in FILES:
        source = config_dir / name
        if not source.is_file():
            raise ConfigError(f"{source} is missing: run this in the project's folder.")
        texts[name] = source.read_text()
    for name, text in rehearsed(texts).items():
        (out / name).write_text(text)
    return out


def rehearsed(files: Mapping[str, str]) -> dict[str, str]:
    """Return the files with the intervals of a rehearsal in their schedule."""
    kept = [
        line
        for line in files[SCHEDULE].splitlines()
        if line.partition(":")[0].strip() not in {*RUNG_BY_DRIVER, CALENDAR}
    ]
    rung = [f"{name}: every 1 day   # the rehearsal's driver rings it" for name in RUNG_BY_DRIVER]
    schedule = "\n".join([*kept, f"{CALENDAR}: {CALENDAR_EVERY}", *rung, ""])
    return {**files, SCHEDULE: schedule}
