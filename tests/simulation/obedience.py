"""Whether operators were obeyed: after a stop, a hold, a close, and where a person decides."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.simulation.operators import CHARGE, Operators, Still
from tests.simulation.seen import Mail, Send
from worker.domain.engine_person import ENDING
from worker.domain.notices import CLOSING_NOTICES
from worker.domain.policy import PersonDecides

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

WINDOW = timedelta(seconds=61)
"""What had begun before an order may still go out: I2's minute from the commit to the request."""
_STOPS = "SELECT time, type FROM events WHERE type IN ('charging.stopped', 'charging.resumed')"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a process began to send."""

    at: datetime
    committed_at: datetime | None
    """When its process last committed before it: that it may go out."""
    process: str
    what: str
    case_id: int | None
    kind: str
    """CHARGE, ENDING, `invoice` for what becomes of one, or `letter`."""
    key: str = ""
    notice: str = ""

    def disobeys(self, order_at: datetime, until: datetime | None) -> bool:
        """Whether an order in force from *order_at* to *until* forbade it.

        What was committed to before the order may still go out, within WINDOW.
        """
        if self.at <= order_at or (until is not None and self.at >= until):
            return False
        committed = self.committed_at is not None and self.committed_at <= order_at
        return not committed or self.at - order_at > WINDOW


def disobeyed(sim: "Simulation", operators: Operators) -> list[str]:
    """Return what was done although an operator had said no, or nobody yes."""
    acts = [*_requests(sim), *_letters(sim.seen.mails)]
    stops = [(row["time"], row["type"]) for row in sim.ground.rows(f"{_STOPS} ORDER BY seq")]
    (policy,) = sim.configuration.dunning.policies
    return [
        *acts_after_a_stop(acts, stops),
        *acts_of_still_cases(acts, operators.still),
        *acts_nobody_allowed(acts, operators.allowed, policy.person_decides),
    ]


def _requests(sim: "Simulation") -> Iterator[Act]:
    cases = {
        row["invoice_id"]: row["id"] for row in sim.ground.rows("SELECT id, invoice_id FROM cases")
    }
    for send in sim.seen.sends:
        invoice_id = send.read.invoice_id if send.read is not None else ""
        what = f"{send.method} {send.path}"
        case_id, kind = cases.get(invoice_id), _kind(send)
        yield Act(send.at, send.committed_at, send.process, what, case_id, kind, key=send.key)


def _kind(send: Send) -> str:
    if send.is_charge:
        return CHARGE
    return ENDING if send.parts[1:2] == ["subscriptions"] else "invoice"


def _letters(mails: Iterable[Mail]) -> Iterator[Act]:
    for mail in mails:
        what, case_id = f"letter {mail.notice}", mail.ledger.get("case_id")
        yield Act(
            mail.at, mail.committed_at, mail.process, what, case_id, "letter", notice=mail.notice
        )


def acts_after_a_stop(
    acts: Iterable[Act], switched: Iterable[tuple[datetime, str]]
) -> Iterator[str]:
    """Yield what began in spite of a stop, and senders who began two things after it.

    Args: switched: each stop and each go, in order.
    """
    acts, stopped_at = list(acts), None
    for at, kind in switched:
        if kind == "charging.stopped":
            stopped_at = stopped_at or at
        elif stopped_at is not None:
            yield from _begun_between(acts, stopped_at, at)
            stopped_at = None
    if stopped_at is not None:
        yield from _begun_between(acts, stopped_at, None)


def _begun_between(
    acts: Iterable[Act], stopped_at: datetime, until: datetime | None
) -> Iterator[str]:
    begun = [one for one in acts if one.at > stopped_at and (until is None or one.at < until)]
    for one in begun:
        if one.disobeys(stopped_at, until):
            yield f"{one.process} began {one.what} at {one.at}, stopped at {stopped_at}"
    for process, count in Counter(one.process for one in begun).items():
        if count > 1:
            yield f"{process} began {count} things after the stop of {stopped_at}"


def acts_of_still_cases(acts: Iterable[Act], still: Iterable[Still]) -> Iterator[str]:
    """Yield what began of cases that an operator holds or wishes closed."""
    acts = list(acts)
    for each in still:
        for one in acts:
            mine = one.case_id == each.case_id and one.notice not in CLOSING_NOTICES
            if mine and one.disobeys(each.since, each.until):
                yield f"{one.what} of case {one.case_id} began at {one.at}: {each}"


def acts_nobody_allowed(
    acts: Iterable[Act],
    allowed: Mapping[tuple[int, str], int],
    person_decides: Iterable[PersonDecides],
) -> Iterator[str]:
    """Yield charges and endings beyond those that persons allowed, where a person decides."""
    charges: dict[int | None, set[str]] = {}
    for one in acts:
        if one.kind == CHARGE:
            charges.setdefault(one.case_id, set()).add(one.key)
        ends = one.kind == ENDING and PersonDecides.ENDING in person_decides
        if ends and (one.case_id is None or not allowed.get((one.case_id, ENDING))):
            yield f"{one.what} of case {one.case_id} at {one.at}: nobody approved it"
    if PersonDecides.CHARGES in person_decides:
        for case_id, keys in charges.items():
            most = allowed.get((case_id, CHARGE), 0) if case_id is not None else 0
            if len(keys) > most:
                yield f"case {case_id} was charged {len(keys)} times, allowed were {most}"
