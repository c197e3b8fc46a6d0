"""A ledger with a few cases, written by the store's own books, at hand-picked times.

The office is in Berlin. `C-1001` is the story of README: not enough funds, a customer in Hanoi's
zone, an issuer that says when to try again. It is Saturday 5 December 2026, noon.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from worker.domain.case import Attempt, AttemptKind, AttemptState, CaseState, Failure, LetterState
from worker.domain.decisions import Charge, Decision, Skip, Wait
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name, idempotency_key, step_occasion
from worker.domain.network_rules import MadeBy
from worker.domain.policy import Configuration, DeclineClass, RetriesBy
from worker.domain.policy_text import digest_of, to_plain
from worker.domain.readings import (
    ChargeReading,
    CustomerReading,
    DeclineSignals,
    InvoiceReading,
    PaymentMethodReading,
    PriceReading,
    SubscriptionReading,
)
from worker.ports import CaseChange, NewCase, NewLetter
from worker.store.ledger import PostgresLedger, Transaction

ACCOUNT = "acct_test"
FAILED_AT = datetime(2026, 12, 1, 7, 2, tzinfo=UTC)
NOW = datetime(2026, 12, 5, 11, 0, tzinfo=UTC)
NO_INPUTS: Mapping[str, object] = {}
LOOKED_AT: Mapping[str, object] = {
    "class": "funds",
    "code": "insufficient_funds",
    "method": "pm_42",
    "charges": 1,
    "last_try_at": "2026-12-02T07:19:00+00:00",
    "other_invoice_tried_at": "",
    "network_rule": "mastercard_wait",
    "mastercard_in_24_hours": "1 of 10",
    "mastercard_in_720_hours": "2 of 35",
}
"""What the engine's rules looked at after the declined try of the story."""

TOKEN = "token"
LEASE = timedelta(seconds=150)


def berlin(day: int, hour: int, minute: int) -> datetime:
    """Return an instant of December 2026 on Berlin's clock, as aware UTC."""
    return datetime(2026, 12, day, hour - 1, minute, tzinfo=UTC)


class Seeding:
    """Writes to one ledger."""

    def __init__(self, ledger: PostgresLedger, configuration: Configuration) -> None:
        """Prepare *ledger*: the switch is on and Stripe's events are read."""
        self.ledger = ledger
        policy = configuration.dunning.policies[0]
        self.digest = digest_of(policy)
        with ledger.begin() as tx:
            began_at = FAILED_AT - timedelta(days=30)
            tx.control.create(charging=True, live=False, go_live_at=began_at, cause="")
            tx.control.set_business_time(NOW, wall_now=NOW)
            tx.control.set_cursor("events", NOW)
            tx.control.put_policy(self.digest, to_plain(policy), wall_now=FAILED_AT)

    def customer(self, number: int, *, name: str, email: str, country: str, team: str = "") -> None:
        """Write a customer with a Mastercard ..44 and a monthly subscription."""
        card = PaymentMethodReading(
            id=f"pm_{number}",
            type="card",
            brand="mastercard",
            last4="0044",
            exp_month=4,
            exp_year=2029,
            fingerprint=f"fp_{number}",
            customer_id=f"cus_{number}",
        )
        customer = CustomerReading(
            id=f"cus_{number}",
            email=email,
            name=name,
            country=country,
            default_payment_method_id=card.id,
            metadata={"team": team} if team else {},
        )
        subscription = SubscriptionReading(
            id=f"sub_{number}",
            customer_id=customer.id,
            status="past_due",
            created_at=FAILED_AT,
            currency="eur",
            items=(PriceReading(4900, "eur", "month", 1, 1),),
        )
        with self.ledger.begin() as tx:
            tx.mirror.put_customers([(customer, FAILED_AT)])
            tx.mirror.put_payment_methods([(card, FAILED_AT, False)])
            tx.mirror.put_subscriptions([(subscription, FAILED_AT)])

    def case(
        self,
        number: int,
        *,
        amount_minor: int = 4900,
        currency: str = "eur",
        failed_at: datetime = FAILED_AT,
        invoice: int = 0,
    ) -> int:
        """Open a case for an invoice of customer *number* and return the case's number."""
        found = InvoiceReading(
            id=f"in_{invoice or number}",
            customer_id=f"cus_{number}",
            subscription_id=f"sub_{number}",
            status="open",
            billing_reason="subscription_cycle",
            collection_method="charge_automatically",
            currency=currency,
            amount_due_minor=amount_minor,
            amount_paid_minor=0,
            amount_remaining_minor=amount_minor,
            attempted=True,
            attempt_count=1,
            created_at=failed_at,
            number=f"INV-{invoice or number:04d}",
        )
        with self.ledger.begin() as tx:
            tx.mirror.put_invoices([(found, failed_at)])
            case_id = tx.cases.open(
                NewCase(found, failed_at, self.digest, next_action_at=failed_at), now=failed_at
            )
            assert case_id is not None
            opened: dict[str, object] = {"case": case_name(case_id), "state": "open"}
            self._tell(tx, "case.opened", case_id, failed_at, "opened", opened)
        return case_id

    def decide(
        self,
        case_id: int,
        decision: Decision,
        at: datetime,
        *,
        change: CaseChange | None = None,
        facts: Sequence[tuple[str, dict[str, object]]] = (),
    ) -> None:
        """Commit one look at a case: its decision, its change and its facts."""
        with self.ledger.begin() as tx:
            tx.cases.wake(now=at, case_ids=[case_id])
            case = tx.cases.claim(case_id, now=at, wall_now=at, token=TOKEN, lease=LEASE)
            assert case is not None
            planned = CaseChange(next_action_at=decision.next_at, next_step=decision.next_step)
            assert tx.cases.finish(case, change or planned, token=TOKEN, now=at)
            tx.cases.record_skips(case_id, decision.skips, at=at)
            tx.cases.record_decision(case_id, decision, at=at)
            for kind, data in facts:
                self._tell(tx, kind, case_id, at, f"{kind}{at}", data)

    def wait(
        self,
        case_id: int,
        at: datetime,
        step: str,
        until: datetime,
        why: str,
        *skips: Skip,
        inputs: Mapping[str, object] = NO_INPUTS,
    ) -> None:
        """Commit a decision to wait for *step*, with the fact that tells of a planned charge."""
        reason = f"Waits for {step}: {why}."
        decision = Decision(
            Wait(),
            "not_yet",
            reason,
            until,
            skips=skips,
            next_step=step,
            allowed_from=until if inputs else None,
            allowed_until=FAILED_AT + timedelta(days=14) if inputs else None,
            inputs=inputs,
        )
        planned: dict[str, object] = {
            "step": step,
            "next_action_at": until.isoformat(),
            "reason": reason,
        }
        facts = [("payment.retry_scheduled", planned)] if step.startswith("try") else []
        self.decide(case_id, decision, at, facts=facts)

    def failure(self, number: int, case_id: int, at: datetime, signals: DeclineSignals) -> str:
        """Record a failed charge, also as the case's last failure, and return the charge's id."""
        charge_id = f"ch_{number}_{at:%d%H%M}"
        charge = ChargeReading(
            id=charge_id,
            status="failed",
            payment_intent_id=f"pi_{number}",
            payment_method_id=f"pm_{number}",
            amount_minor=4900,
            currency="eur",
            created_at=at,
            signals=signals,
            brand="mastercard",
            fingerprint=f"fp_{number}",
            payment_method_type="card",
        )
        failure = Failure(
            DeclineClass.FUNDS,
            signals.decline_code,
            charge_id,
            at,
            f"pm_{number}",
            retry_not_before=at + timedelta(days=4) if signals.network_advice_code else None,
        )
        told: dict[str, object] = {
            "decline_code": signals.decline_code,
            "decline_class": DeclineClass.FUNDS.value,
        }
        with self.ledger.begin() as tx:
            tx.mirror.put_charge(
                charge, customer_id=f"cus_{number}", at=at, made_by=MadeBy.STRIPE, now=at
            )
        self.decide(
            case_id,
            Decision(Wait(), "owner_unconfirmed", "Who retries is confirmed later.", at),
            at,
            change=CaseChange(owner=RetriesBy.WORKER, failure=failure, next_action_at=at),
            facts=[("payment.failed", told)] if at == FAILED_AT else [],
        )
        return charge_id

    def declined_try(self, number: int, case_id: int, step: str, at: datetime) -> None:
        """Make one charge that Mastercard declines with advice 27: four days."""
        signals = DeclineSignals(
            code="card_declined",
            decline_code="insufficient_funds",
            network_decline_code="51",
            network_advice_code="27",
        )
        self.decide(
            case_id, Decision(Charge(step, f"pm_{number}"), "charge_due", f"{step} is due."), at
        )
        charge_id = self.failure(number, case_id, at, signals)
        attempt = Attempt(
            no=1,
            kind=AttemptKind.CHARGE,
            step=step,
            key=idempotency_key(f"in_{number}", 1),
            state=AttemptState.SENDING,
            amount_minor=4900,
            currency="eur",
            payment_method_id=f"pm_{number}",
            sent_at=at,
            first_sent_at=at,
        )
        with self.ledger.begin() as tx:
            case = tx.cases.load(case_id)
            assert case is not None
            assert tx.attempts.start(case, attempt, asked_at=attempt.sent_at)
            tx.attempts.settle(
                case,
                1,
                AttemptState.DECLINED,
                now=at,
                decline_class="funds",
                decline_code="insufficient_funds",
                charge_id=charge_id,
            )
            tx.cases.record_step(case_id, step, done=True, at=at, reason="insufficient_funds")

    def letter(
        self,
        number: int,
        case_id: int,
        step: str,
        notice: str,
        *,
        at: datetime,
        send_at: datetime,
        sent: bool = True,
    ) -> None:
        """Queue a letter, and send it once it may go out."""
        letter = NewLetter(
            notice=notice,
            customer_id=f"cus_{number}",
            occasions=(step_occasion(case_id, step),),
            message_id=f"<{case_id}.{step.replace(' ', '.')}@test>",
            send_at=send_at,
            send_by=None,
            case_id=case_id,
            step=step,
        )
        queued: dict[str, object] = {
            "notice": notice,
            "step": step,
            "next_action_at": send_at.isoformat(),
        }
        with self.ledger.begin() as tx:
            letter_id = tx.letters.queue(letter, now=at)
            assert letter_id is not None
            tx.cases.record_step(case_id, step, done=True, at=at, reason=f"letter {notice}")
            self._tell(tx, "notice.queued", case_id, at, step, queued)
            if sent:
                self._send(tx, letter_id, send_at)

    def _send(self, tx: Transaction, letter_id: int, at: datetime) -> None:
        """Let a letter go out."""
        tx.letters.claim(letter_id, now=at, wall_now=at, token=TOKEN, lease=LEASE)
        tx.letters.settle(letter_id, LetterState.SENT, token=TOKEN, now=at, locale="vi")

    def review(self, case_id: int, reason: str) -> None:
        """Put a case before a person."""
        decision = Decision(Wait(), "outcome_lost", reason)
        change = CaseChange(state=CaseState.IN_REVIEW, reason=reason)
        self.decide(
            case_id, decision, NOW, change=change, facts=[("case.in_review", {"reason": reason})]
        )

    def _tell(
        self,
        tx: Transaction,
        kind: str,
        case_id: int,
        at: datetime,
        occasion: str,
        data: dict[str, object],
    ) -> None:
        fact = Fact(kind, case_name(case_id), at, f"{occasion}", data)
        tx.facts.append([fact], wall_now=at)


def seed_story(seeding: Seeding) -> int:
    """Write the story of `C-1001` and return its number."""
    seeding.customer(42, name="Blue Studio", email="ops@blue.example", country="VN")
    number = seeding.case(42)
    first = DeclineSignals(code="card_declined", decline_code="insufficient_funds")
    seeding.failure(42, number, FAILED_AT, first)
    seeding.wait(number, berlin(1, 8, 18), "first letter", berlin(1, 12, 2), "nothing is due")
    seeding.letter(
        42,
        number,
        "first letter",
        "payment_failed_1",
        at=berlin(1, 12, 2),
        send_at=berlin(2, 2, 0),
    )
    seeding.wait(number, berlin(2, 2, 0), "try 1", berlin(2, 8, 19), "nothing is due")
    seeding.declined_try(42, number, "try 1", berlin(2, 8, 19))
    moved = "moved to the earliest allowed time, Mastercard advice 27: wait 4 days"
    seeding.wait(number, berlin(2, 8, 20), "try 2", berlin(6, 8, 19), moved, inputs=LOOKED_AT)
    seeding.letter(
        42,
        number,
        "second letter",
        "payment_failed_2",
        at=berlin(4, 8, 2),
        send_at=berlin(4, 8, 2),
    )
    seeding.wait(number, berlin(4, 8, 3), "try 2", berlin(6, 8, 19), moved)
    replaced = Skip("try 2", "a later step is due as well and takes its place")
    seeding.wait(number, berlin(5, 8, 20), "try 3", berlin(6, 8, 19), moved, replaced)
    return number
