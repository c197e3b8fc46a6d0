"""Scan the calendar: renewals, trials and cards whose letters are due, each once by occasion."""

from collections.abc import Iterator
from datetime import datetime

from worker.domain.calendar_letters import (
    LATE_MAX,
    CalendarLetter,
    DueLetter,
    card_due,
    renewal_due,
    trial_due,
)
from worker.domain.facts import Fact
from worker.domain.identifiers import message_id
from worker.domain.readings import PaymentMethodReading
from worker.domain.timetable import next_open
from worker.domain.watching import WatchedKind
from worker.ports import NewLetter, Tx
from worker.services.case_turn import CasePorts

FACTS = {
    "renewal_upcoming": "subscription.renewal_upcoming",
    "trial_ending": "subscription.trial_ending",
    "card_expiring": "payment_method.expiring",
}


def scan_calendar(*, ports: CasePorts, now: datetime) -> int:
    """Queue every calendar letter that is due by *now* and return how many were new.

    Where the worker only watches, none is queued, and each is told once.
    """
    queued = 0
    for rule in ports.configuration.notices.letters:
        with ports.ledger.begin() as tx:
            found = list(_due(tx, rule, now))
            taken = tx.letters.taken(due.occasion for due, _ in found)
            for due, method in found:
                if due.occasion in taken:
                    continue
                if ports.watches_only:
                    _watch(tx, due, ports, now)
                else:
                    queued += _queue(tx, due, method, ports, now)
    return queued


def _watch(tx: Tx, due: DueLetter, ports: CasePorts, now: datetime) -> None:
    """Tell once which letter would have been queued."""
    subscription_id = due.subscription.id
    if tx.watched.put_letter(due.occasion, due.notice, subscription_id, at=now):
        ports.log.info(
            "watched",
            act=WatchedKind.LETTER.value,
            subscription=subscription_id,
            notice=due.notice,
            business_at=now,
        )


def _due(
    tx: Tx, rule: CalendarLetter, now: datetime
) -> Iterator[tuple[DueLetter, PaymentMethodReading | None]]:
    longest = max(rule.before)
    match rule.letter:
        case "renewal_upcoming":
            for subscription in tx.mirror.renewing(from_at=now, to_at=now + longest):
                due = renewal_due(rule, subscription, now)
                if due is not None:
                    yield due, subscription.default_payment_method
        case "trial_ending":
            for subscription in tx.mirror.trials_ending(from_at=now, to_at=now + longest):
                due = trial_due(rule, subscription, now)
                if due is not None:
                    yield due, subscription.default_payment_method
        case "card_expiring":
            last = now + longest + LATE_MAX
            cards = tx.mirror.cards_in_use(
                expiring_from=(now.year, now.month), expiring_to=(last.year, last.month)
            )
            for method, subscription in cards:
                due = card_due(rule, method, subscription, now)
                if due is not None:
                    yield due, method
        case _:
            return


def _queue(
    tx: Tx, due: DueLetter, method: PaymentMethodReading | None, ports: CasePorts, now: datetime
) -> int:
    subscription = due.subscription
    customer = tx.mirror.customer(subscription.customer_id)
    if customer is None or customer.deleted or not customer.email:
        return 0
    rules = ports.configuration.notices
    send_at = next_open(
        now,
        ports.letters.zone_of(customer),
        rules.quiet.send_between,
        weekdays_only=rules.quiet.weekdays_only,
    )
    letter = NewLetter(
        notice=due.notice,
        customer_id=subscription.customer_id,
        occasions=(due.occasion,),
        message_id=message_id(ports.ledger.account_id, due.occasion, rules.sender.from_address),
        send_at=send_at,
        send_by=min(send_at + rules.send_within, max(due.at, send_at)),
        subscription_id=subscription.id,
        context={"at": due.at.isoformat(), "card": due.card},
    )
    if tx.letters.queue(letter, now=now) is None:
        return 0
    facts = [_calendar_fact(due, method, now), _queued_fact(due, letter, now)]
    tx.facts.append(facts, wall_now=ports.clock.wall_now())
    return 1


def _calendar_fact(due: DueLetter, method: PaymentMethodReading | None, now: datetime) -> Fact:
    subscription = due.subscription
    data: dict[str, object] = {
        "customer_id": subscription.customer_id,
        "subscription_id": subscription.id,
    }
    if due.card and method is not None:
        next_charge_at = subscription.period_end_at
        data |= {
            "payment_method_id": method.id,
            "brand": method.brand,
            "exp_month": method.exp_month,
            "exp_year": method.exp_year,
            "next_charge_at": next_charge_at.isoformat() if next_charge_at else "",
        }
    else:
        data |= {
            "renews_at": due.at.isoformat(),
            "amount_minor": sum(i.unit_amount_minor * i.quantity for i in subscription.items),
            "currency": subscription.currency,
        }
    return Fact(FACTS[due.notice], subscription.id, now, due.occasion, data)


def _queued_fact(due: DueLetter, letter: NewLetter, now: datetime) -> Fact:
    data = {
        "customer_id": letter.customer_id,
        "subscription_id": letter.subscription_id,
        "notice": letter.notice,
        "next_action_at": letter.send_at.isoformat(),
    }
    return Fact("notice.queued", letter.subscription_id, now, due.occasion, data)
