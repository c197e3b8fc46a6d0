"""What the engine can decide, as values. Each carries the rule and the sentence for a person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from worker.domain.case import AttemptKind, AttemptState, Outcome, RecoveredBy
from worker.domain.policy import RetriesBy


@dataclass(frozen=True, slots=True)
class Charge:
    """Charge the invoice's remaining amount to one payment method."""

    step: str
    payment_method_id: str


@dataclass(frozen=True, slots=True)
class Resend:
    """Ask Stripe again about an attempt whose outcome is unknown: same key, same parameters."""

    no: int


@dataclass(frozen=True, slots=True)
class SettleAttempt:
    """Record what Stripe shows an unfinished attempt came to, then decide anew."""

    no: int
    outcome: AttemptState
    charge_id: str = ""
    """The charge that an event tells to be the attempt's; empty where the invoice tells."""

    @property
    def succeeded(self) -> bool:
        """Whether the invoice shows that it went through."""
        return self.outcome is AttemptState.SUCCEEDED


@dataclass(frozen=True, slots=True)
class Write:
    """Queue one letter for a step."""

    step: str
    notice: str


@dataclass(frozen=True, slots=True)
class SetAccess:
    """Tell the application what the customer may use from now on; nothing is asked of Stripe."""

    step: str
    """The name under which it is recorded, once per case."""
    access: str


@dataclass(frozen=True, slots=True)
class End:
    """Do one request of the ending, write a small balance off, or give a step's coupon."""

    kind: AttemptKind
    of: str = "ending"
    """What the request belongs to: `ending`, `small balance`, or the step that offers a coupon."""

    @property
    def step(self) -> str:
        """The name of the attempt's step: `ending: cancel at period end`."""
        return f"{self.of}: {self.kind.value.replace('_', ' ')}"


@dataclass(frozen=True, slots=True)
class Close:
    """Close the case; *letter* is the notice that tells the customer, or the empty string."""

    outcome: Outcome
    reason: str
    recovered_by: RecoveredBy | None = None
    letter: str = ""


@dataclass(frozen=True, slots=True)
class Reopen:
    """Take a closed case up again: the money came back out, or the cancel was undone."""

    reason: str
    goes_on: bool = False
    """The timeline goes on where it stood at the close; else the rest of it counts anew."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Stand still until the cause is gone: no charge, no letter, no ending."""

    reason: str


@dataclass(frozen=True, slots=True)
class Release:
    """End a hold."""

    reason: str


@dataclass(frozen=True, slots=True)
class GoOn:
    """Take the timeline up again where it stood still; what is undone moves by that length."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer a person's wish for a charge with no; the decision's reason says why."""

    request: int


@dataclass(frozen=True, slots=True)
class Review:
    """Stand still for a person; *reason* says what to look at."""

    reason: str
    refund_of: str = ""
    """The payment that is to be paid back; empty where none is."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing until `next_at`, or until something is learnt."""


Act = (
    Charge
    | Resend
    | SettleAttempt
    | Write
    | SetAccess
    | End
    | Close
    | Reopen
    | Hold
    | Release
    | GoOn
    | Refuse
    | Review
    | Wait
)


@dataclass(frozen=True, slots=True)
class Skip:
    """A step that will not be done, and why."""

    step: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One act, what it skips on the way, when to look again, and why.

    `next_at` None means only news can change anything. `rule` is a stable word, `reason` a
    sentence for a person, `inputs` what the rule looked at.
    """

    act: Act
    rule: str
    reason: str
    next_at: datetime | None = None
    skips: tuple[Skip, ...] = ()
    owner: RetriesBy | None = None
    """The owner of the retries, where this decision settles it."""
    next_step: str = ""
    """The step that is waited for."""
    stands_down: bool = False
    """The timeline stands still until the cause is gone."""
    allowed_from: datetime | None = None
    """The earliest instant at which the next charge may happen, by every rule; None: never."""
    allowed_until: datetime | None = None
    """The end of the policy's window."""
    inputs: Mapping[str, object] = field(default_factory=dict)
