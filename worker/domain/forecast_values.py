"""What is planned, on which condition, and what a forecast starts from, as values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum

from worker.domain.case import AttemptKind
from worker.domain.engine_situation import Situation
from worker.domain.network_rules import Allowance
from worker.domain.readings import CustomerReading, PaymentMethodReading


@dataclass(frozen=True, slots=True)
class Foreseen(Situation):
    """A situation that asks the networks' rules once per method; one look asks six times."""

    known: dict[str, Allowance] = field(default_factory=dict, init=False, compare=False)

    def allowance(self, method: PaymentMethodReading) -> Allowance:
        """Return when the networks' rules allow the next try of *method* for this invoice."""
        if method.id not in self.known:
            self.known[method.id] = Situation.allowance(self, method)
        return self.known[method.id]


def foreseen(at: Situation) -> Foreseen:
    """Return *at* as a forecast carries it on."""
    return Foreseen(**{each.name: getattr(at, each.name) for each in fields(Situation)})


class PlannedKind(StrEnum):
    """What a planned act does."""

    CHARGE = "charge"
    LETTER = "letter"
    ACCESS = "access"
    """The application is told what the customer may use."""
    ENDING = "ending"
    """The subscription is cancelled, paused, held or moved to another price."""
    INVOICE_END = "invoice_end"
    CLOSE = "close"
    """The case ends without any request to Stripe."""
    PERSON = "person"
    """A charge or an ending waits for a person's approval, and is not done without one."""
    REVIEW = "review"
    """The case stands still for a person."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What must come first: a charge that is declined, or what a case waits for."""

    case_id: int
    step: str = ""
    """The charge that must be declined; empty where `waits_for` says it."""
    at: datetime | None = None
    """When that charge is made; None where it is under way."""
    waits_for: str = ""
    """A sentence for a person: what somebody or something else must end."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One act to come."""

    case_id: int
    kind: PlannedKind
    at: datetime
    """When it happens; a letter goes out then."""
    decided_at: datetime
    """When the case is looked at for it; earlier than `at` only for a letter that waits."""
    step: str
    amount_minor: int
    currency: str
    rule: str
    condition: Condition | None = None
    """None: it is sure, unless somebody pays or acts before."""
    due_at: datetime | None = None
    """The policy's own time, where it has one."""
    why: str = ""
    """Why it is later than that; for a review, what a person is to look at."""
    notice: str = ""
    method: PaymentMethodReading | None = None
    act: AttemptKind | None = None
    access: str = ""
    offer: str = ""
    """What a letter offers, as part of a sentence."""

    @property
    def sure(self) -> bool:
        """Whether it happens unless somebody pays or acts before."""
        return self.condition is None


@dataclass(frozen=True, slots=True)
class Ways:
    """What of the configuration a forecast needs beside each case's policy."""

    letters_open_at: Callable[[CustomerReading | None, datetime], datetime]
    """The first instant from the given one on at which a letter may go to the customer."""
    ends: bool = True
    """False where the mode lets the worker write only."""


@dataclass(frozen=True, slots=True)
class Start:
    """A case at the moment of the forecast."""

    situation: Situation
    look_at: datetime
    """When the ledger has it due; what is past counts as now."""
    queued: Mapping[int, datetime] = field(default_factory=dict)
    """Letters of it that wait -> when they may go out."""
