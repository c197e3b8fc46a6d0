"""What an examination came to: one line each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from worker.domain.policy import Policy


class Verdict(StrEnum):
    """How one examination ended; the values are shown."""

    OK = "ok"
    LOOK = "look"
    """It works, but somebody should look at it."""
    AWAY = "NO"
    """A needed service cannot be reached or refuses us: exit code 4."""
    WRONG = "wrong"
    """A variable or a file is wrong: exit code 2."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One examined thing, what was found and, where it is not in order, what to do."""

    name: str
    verdict: Verdict
    said: str
    do: str = ""


def ok(name: str, said: str) -> Finding:
    """Return a finding that needs nobody."""
    return Finding(name, Verdict.OK, said)


def stripes_reminders(policies: Iterable[Policy]) -> Iterator[Finding]:
    """Ask for a look where customers who pay by hand may get Stripe's reminders beside ours.

    No API shows that setting (domain.md: e-mails of the account).
    """
    if any(policy.for_sent_invoices for policy in policies):
        yield Finding(
            "Stripe's reminders",
            Verdict.LOOK,
            "a policy reminds of invoices that are paid by hand; Stripe may do so too",
            "Dashboard, Settings, Billing, Invoices: reminders off",
        )


def exit_code(findings: list[Finding]) -> int:
    """Return 0, 4 where a service is away, else 2 where something is wrong."""
    verdicts = {finding.verdict for finding in findings}
    if Verdict.AWAY in verdicts:
        return 4
    return 2 if Verdict.WRONG in verdicts else 0
