"""Everything the ledger holds about one case, for its story. Read only.

The invoice is rebuilt from the mirrors, so a story needs no call to Stripe; its PaymentIntent is
taken from the last charge that failed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select

from worker.domain.case import Case, Surroundings
from worker.domain.holds import HeldBy
from worker.domain.identifiers import case_name
from worker.domain.policy import Policy
from worker.domain.policy_text import from_plain
from worker.domain.readings import ChargeReading, InvoiceReading, method_in_use
from worker.domain.watching import WatchedAct
from worker.store.around import surroundings_of
from worker.store.cases import Cases
from worker.store.control import Controls
from worker.store.holds import Holds
from worker.store.mirror import Mirror
from worker.store.mirror_tables import invoices
from worker.store.mirrored_invoice import mirrored_invoice, payment_of
from worker.store.reading import CaseLine, find_cases, list_cases
from worker.store.reading_facts import FACT_COLUMNS, StoredFact, stored_fact
from worker.store.rows import charge_of
from worker.store.tables import (
    attempts,
    cases,
    decisions,
    events,
    letters,
    network_attempts,
    operator_acts,
)
from worker.store.watched import watched_of


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """One decision of the engine; only those that said something new are kept."""

    at: datetime
    act: str
    rule: str
    reason: str
    next_at: datetime | None
    inputs: Mapping[str, object]
    next_step: str = ""
    allowed_from: datetime | None = None
    """The earliest instant of the next charge, as known then; None: none is allowed."""
    allowed_until: datetime | None = None
    """The end of the policy's window."""


@dataclass(frozen=True, slots=True)
class LetterLine:
    """One letter of the case."""

    notice: str
    step: str
    state: str
    reason: str
    locale: str
    queued_at: datetime
    next_action_at: datetime | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """What Stripe answered to one attempt."""

    decline_class: str
    decline_code: str
    answer_code: str
    charge_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class ActLine:
    """What a person asked for, and what became of it."""

    id: int
    act: str
    by: str
    reason: str
    at: datetime
    answered_at: datetime | None
    """None while it waits."""
    answer: str


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """One case with everything that was recorded about it."""

    case: Case
    line: CaseLine
    recovered_by: str
    policy: Policy | None
    invoice: InvoiceReading
    around: Surroundings
    answers: Mapping[int, AnswerLine]
    """By attempt number."""
    decisions: tuple[DecisionLine, ...]
    letters: tuple[LetterLine, ...]
    facts: tuple[StoredFact, ...]
    """Of the case, its subscription and its payment methods, since the failure."""
    others: tuple[CaseLine, ...]
    """Other cases of the same customer."""
    charges: tuple[ChargeReading, ...]
    """Every charge of the customer that the event list told of, whoever made it."""
    acts: tuple[ActLine, ...] = ()
    """What people asked for, oldest first."""
    watched: tuple[WatchedAct, ...] = ()
    """What would have been done while the mode was watch."""
    holds: tuple[HeldBy, ...] = ()
    """Every hold that keeps or kept it still, oldest first, also one that no worker saw."""


def read_case(
    connection: Connection, account_id: str, case_id: int, *, now: datetime, wall_now: datetime
) -> CaseRecord:
    """Return the record of the case with this number, which must exist."""
    case = Cases(connection, account_id).load(case_id)
    if case is None:
        raise LookupError(f"no case {case_id}")
    [line] = list_cases(connection, account_id, ids=[case_id])
    charges = _charges(connection, account_id, case.customer_id)
    invoice = _invoice(connection, account_id, case, charges)
    stored = Controls(connection, account_id).policy(case.policy_digest)
    return CaseRecord(
        case=case,
        line=line,
        recovered_by=_recovered_by(connection, case_id),
        policy=from_plain(stored) if stored is not None else None,
        invoice=invoice,
        around=surroundings_of(connection, account_id, case, invoice, now=now, wall_now=wall_now),
        answers=_answers(connection, case_id),
        decisions=_decisions(connection, case_id),
        letters=_letters(connection, case_id),
        facts=_facts(connection, account_id, line, invoice),
        others=_others(connection, account_id, line),
        charges=charges,
        acts=_acts(connection, case_id),
        watched=watched_of(connection, case_id),
        holds=Holds(connection, account_id).of_case(case),
    )


def _recovered_by(connection: Connection, case_id: int) -> str:
    found = connection.execute(select(cases.c.recovered_by).where(cases.c.id == case_id))
    return found.scalar_one() or ""


def _invoice(
    connection: Connection, account_id: str, case: Case, charges: tuple[ChargeReading, ...]
) -> InvoiceReading:
    query = select(invoices).where(
        invoices.c.account_id == account_id, invoices.c.id == case.invoice_id
    )
    mirror = Mirror(connection, account_id)
    failed = case.failure.charge_id if case.failure is not None else ""
    charge = next((charge for charge in charges if charge.id == failed), None)
    return mirrored_invoice(
        case,
        connection.execute(query).mappings().one_or_none(),
        payment=payment_of(charge) if charge is not None else None,
        subscription=mirror.subscription(case.subscription_id),
        customer=mirror.customer(case.customer_id),
    )


def _charges(
    connection: Connection, account_id: str, customer_id: str
) -> tuple[ChargeReading, ...]:
    query = (
        select(network_attempts)
        .where(
            network_attempts.c.account_id == account_id,
            network_attempts.c.customer_id == customer_id,
        )
        .order_by(network_attempts.c.at, network_attempts.c.charge_id)
    )
    return tuple(charge_of(row) for row in connection.execute(query).mappings())


def _others(connection: Connection, account_id: str, line: CaseLine) -> tuple[CaseLine, ...]:
    ids = set(find_cases(connection, account_id, line.customer_id)) - {line.id}
    return tuple(list_cases(connection, account_id, ids=ids)) if ids else ()


def _answers(connection: Connection, case_id: int) -> dict[int, AnswerLine]:
    query = select(attempts).where(attempts.c.case_id == case_id)
    return {
        row["no"]: AnswerLine(
            decline_class=row["decline_class"],
            decline_code=row["decline_code"],
            answer_code=row["answer_code"],
            charge_id=row["charge_id"],
            request_id=row["request_id"],
        )
        for row in connection.execute(query).mappings()
    }


def _decisions(connection: Connection, case_id: int) -> tuple[DecisionLine, ...]:
    query = select(decisions).where(decisions.c.case_id == case_id).order_by(decisions.c.id)
    return tuple(
        DecisionLine(
            at=row["at"],
            act=row["act"],
            rule=row["rule"],
            reason=row["reason"],
            next_at=row["next_at"],
            inputs=row["inputs"],
            next_step=row["next_step"],
            allowed_from=row["allowed_from"],
            allowed_until=row["allowed_until"],
        )
        for row in connection.execute(query).mappings()
    )


def _acts(connection: Connection, case_id: int) -> tuple[ActLine, ...]:
    query = (
        select(operator_acts).where(operator_acts.c.case_id == case_id).order_by(operator_acts.c.id)
    )
    return tuple(
        ActLine(
            id=row["id"],
            act=row["act"],
            by=row["by"],
            reason=row["reason"],
            at=row["at"],
            answered_at=row["answered_at"],
            answer=row["answer"],
        )
        for row in connection.execute(query).mappings()
    )


def _letters(connection: Connection, case_id: int) -> tuple[LetterLine, ...]:
    query = select(letters).where(letters.c.case_id == case_id).order_by(letters.c.id)
    return tuple(
        LetterLine(
            notice=row["notice"],
            step=row["step"],
            state=row["state"],
            reason=row["reason"],
            locale=row["locale"],
            queued_at=row["queued_at"],
            next_action_at=row["next_action_at"],
            sent_at=row["sent_at"],
        )
        for row in connection.execute(query).mappings()
    )


def _facts(
    connection: Connection, account_id: str, line: CaseLine, invoice: InvoiceReading
) -> tuple[StoredFact, ...]:
    method = method_in_use(invoice)
    around = [line.subscription_id, method.id if method is not None else ""]
    query = (
        select(*FACT_COLUMNS)
        .where(
            events.c.account_id == account_id,
            or_(
                events.c.subject == case_name(line.id),
                and_(
                    events.c.subject.in_([subject for subject in around if subject]),
                    events.c.time >= line.failed_at,
                ),
            ),
        )
        .order_by(events.c.time, events.c.seq)
    )
    return tuple(stored_fact(row) for row in connection.execute(query).mappings())
