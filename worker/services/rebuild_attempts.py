"""After a restore: write the attempts again that the backup does not know, without charging.

Stripe's events carry the idempotency keys of our requests. What they do not tell stays lost: a
cancel has no key, and a request that Stripe refused caused no event.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from worker.domain.case import Attempt, AttemptKind, AttemptState, Case, CaseState
from worker.domain.declines import Decline, classify
from worker.domain.identifiers import case_name, parse_idempotency_key
from worker.domain.lost_attempts import LOST, REBUILT, LostAttempt, steps_taken
from worker.domain.policy import Configuration
from worker.domain.policy_text import from_plain
from worker.errors import UsageError
from worker.ports import Clock, InboxEvent, JobLog, Ledger, ObjectReader, Tx
from worker.services.case_facts import retried_fact
from worker.services.foreign_keys import NAMED
from worker.services.lost_requests import lost_attempt
from worker.services.operate import require_who_and_why

ACT = "rebuild"
"""The name under which it is kept who let an attempt be written again, and why."""


@dataclass(slots=True)
class Rebuilt:
    """What became of the keys that the ledger did not know."""

    keys: list[str] = field(default_factory=list)
    """Written again, or settled where the backup still waited for the answer."""
    cases: set[int] = field(default_factory=set)
    unexplained: list[str] = field(default_factory=list)
    """Of no case of this ledger, or of no request that events can tell: somebody else's, it may
    be. Charging stays stopped for them."""


def rebuild_attempts(
    *,
    ledger: Ledger,
    reader: ObjectReader,
    clock: Clock,
    log: JobLog,
    configuration: Configuration,
    now: datetime,
    by: str,
    reason: str,
) -> Rebuilt:
    """Write what the inbox tells of our lost requests, by invoice and number, each on its own.

    The events must have been read before. Nothing is sent; cases are made due, and act once
    charging goes on. Running it twice writes nothing twice. Raises: UsageError: charging goes on,
    or nobody says who and why.
    """
    require_who_and_why(by, reason)
    with ledger.begin() as tx:
        control, lost = tx.control.read(), tx.inbox.of_lost_requests()
    if lost and control is not None and control.charging:
        raise UsageError("Charging goes on. Stop it first: dunning stop --by NAME --reason WHY")
    found = Rebuilt()
    for key in sorted(lost, key=lambda each: parse_idempotency_key(each) or ("", 0)):
        with ledger.begin() as tx:
            one = _Writing(tx, clock, configuration, now, by, reason)
            case = one.write(key, lost[key], reader)
        if case is None:
            found.unexplained.append(key)
        else:
            found.keys.append(key)
            found.cases.add(case.id)
    if lost:
        log.warning(
            "attempts.rebuilt",
            keys=found.keys[:NAMED],
            count=len(found.keys),
            cases=[case_name(number) for number in sorted(found.cases)[:NAMED]],
            unknown=len(found.unexplained),
            by=by,
            reason=reason,
            business_at=now,
            do="dunning case of some of them; then dunning go --by --reason",
        )
    return found


@dataclass(frozen=True, slots=True)
class _Writing:
    """Writes one lost attempt, in one transaction."""

    tx: Tx
    clock: Clock
    configuration: Configuration
    now: datetime
    by: str
    reason: str

    def write(self, key: str, events: Sequence[InboxEvent], reader: ObjectReader) -> Case | None:
        """Return the case that has the attempt now, or None where the key has none."""
        lost = lost_attempt(key, events, reader)
        case = self.tx.cases.of_invoice(lost.invoice_id) if lost is not None else None
        if lost is None or case is None:
            return None
        known = next((each for each in case.attempts if each.no == lost.no), None)
        if known is None:
            if not self._insert(case, lost):
                return None
        elif case.state is not CaseState.IN_REVIEW:  # a review ends by its own look
            self._settle(case, lost, known.step)
        self.tx.cases.wake(now=self.now, case_ids=[case.id])
        detail = {"attempt_no": lost.no, "outcome": lost.state.value}
        self.tx.acts.record(
            case.id, ACT, by=self.by, reason=self.reason, detail=detail, now=self.now
        )
        return case

    def _insert(self, case: Case, lost: LostAttempt) -> bool:
        text = self.tx.control.policy(case.policy_digest)
        rules = self.configuration.dunning
        policy = from_plain(text) if text is not None else rules.policies[-1]
        taken = steps_taken(case, policy, lost, office_zone=rules.office_zone)
        attempt = Attempt(
            no=lost.no,
            kind=lost.kind,
            step=taken.step,
            key=lost.key,
            state=lost.state,
            amount_minor=lost.amount_minor,
            currency=lost.currency or case.currency,
            payment_method_id=lost.payment_method_id,
            sent_at=lost.at,
            first_sent_at=lost.at,
        )
        if not self.tx.attempts.start(case, attempt, asked_at=lost.at):
            return False
        for step in taken.passed:
            self.tx.cases.record_step(case.id, step, done=False, at=lost.at, reason=LOST)
        self._settle(case, lost, taken.step)
        return True

    def _settle(self, case: Case, lost: LostAttempt, step: str) -> None:
        declined = lost.state is AttemptState.DECLINED
        verdict = _verdict(lost) if declined else None
        code, kind = (verdict.code, verdict.decline_class.value) if verdict else ("", "")
        self.tx.attempts.settle(
            case,
            lost.no,
            lost.state,
            now=lost.at,
            decline_class=kind,
            decline_code=code,
            charge_id=lost.charge_id,
            answer_code=REBUILT,
        )
        if lost.kind is not AttemptKind.CHARGE:
            return
        self.tx.cases.record_step(case.id, step, done=True, at=lost.at, reason=LOST)
        fact = retried_fact(
            case,
            no=lost.no,
            kind=lost.kind,
            step=step,
            outcome=lost.state.value,
            at=lost.at,
            money={"amount_minor": lost.amount_minor, "currency": lost.currency},
            decline=(code, kind),
        )
        self.tx.facts.append([fact], wall_now=self.clock.wall_now())


def _verdict(lost: LostAttempt) -> Decline:
    return classify(lost.signals, brand=lost.brand, payment_method_type=lost.payment_method_type)
