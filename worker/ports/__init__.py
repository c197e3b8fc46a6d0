"""What the services need from the outside world, as protocols (architecture.md 3).

Each has one production implementation (`store`, `gateway`, `queue`, `mail`, `joblog`) and may
have a fake, which must pass the same contract suite. `worker.bootstrap` binds them.
"""

from worker.ports.canaries import CanaryBook
from worker.ports.cases import (
    AccessBook,
    ActBook,
    ApprovalBook,
    AttemptBook,
    BulkRun,
    CaseBook,
    CaseChange,
    NewCase,
    Used,
)
from worker.ports.chain import ChainBook
from worker.ports.discounts import DiscountBook
from worker.ports.forgetting import ForgettingBook
from worker.ports.holds import HoldBook, NewHold
from worker.ports.ledger import Control, ControlBook, FactBook, JobBook, Ledger, Tx
from worker.ports.letters import LetterBook, LetterTask, NewLetter
from worker.ports.mirror import InboxBook, InboxEvent, MirrorBook
from worker.ports.offers import OfferBook
from worker.ports.outside import (
    Clock,
    Doorbell,
    JobLog,
    Letters,
    RenderedNotice,
    SendOutcome,
    SendResult,
)
from worker.ports.promises import PromiseBook, Span, TriedCards
from worker.ports.retention import RetentionBook
from worker.ports.revenue import RevenueBook
from worker.ports.sinks import Sink, SinkBook, SinkFailed
from worker.ports.staff import StaffBook, StaffPost
from worker.ports.stripe import Json, ObjectReader, StripeGateway
from worker.ports.versions import ConfigVersion, NewVersion, VersionBook

__all__ = [
    "AccessBook",
    "ActBook",
    "ApprovalBook",
    "AttemptBook",
    "BulkRun",
    "CanaryBook",
    "CaseBook",
    "CaseChange",
    "ChainBook",
    "Clock",
    "ConfigVersion",
    "Control",
    "ControlBook",
    "DiscountBook",
    "Doorbell",
    "FactBook",
    "ForgettingBook",
    "HoldBook",
    "InboxBook",
    "InboxEvent",
    "JobBook",
    "JobLog",
    "Json",
    "Ledger",
    "LetterBook",
    "LetterTask",
    "Letters",
    "MirrorBook",
    "NewCase",
    "NewHold",
    "NewLetter",
    "NewVersion",
    "ObjectReader",
    "OfferBook",
    "PromiseBook",
    "RenderedNotice",
    "RetentionBook",
    "RevenueBook",
    "SendOutcome",
    "SendResult",
    "Sink",
    "SinkBook",
    "SinkFailed",
    "Span",
    "StaffBook",
    "StaffPost",
    "StripeGateway",
    "TriedCards",
    "Tx",
    "Used",
    "VersionBook",
]
