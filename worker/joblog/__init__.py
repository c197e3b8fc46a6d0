"""The job log: what the people on call watch (operator.md 2 and 3).

One line for each job run that did something, JSON or readable text, with fields from a closed
dictionary only; no name, address, key or card digits. `dictionary` says what each field and each
event means and what to do about it, and README's runbook is compared with it.
"""

from worker.joblog.build import build_joblog
from worker.joblog.libraries import capture_libraries
from worker.joblog.uncaught import capture_uncaught

__all__ = ["build_joblog", "capture_libraries", "capture_uncaught"]
