"""The invariants of a run (reliability.md 5), counted from outside.

Evidence is what Stripe's sandbox was asked and did, what the mail server took, and plain rows;
nothing here shares code with the engine.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.simulation.chain_of_facts import chain_flaws
from tests.simulation.overshoot import overshoots
from tests.simulation.seen import Mail, Send
from worker.rehearsal.checks import Evidence, invoices_charged_twice
from worker.rehearsal.checks_network import network_rule_violations

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

WINDOW = timedelta(seconds=61)
"""I2: 60 seconds from the commit to the request, and a moment between check and call."""
READ_AGE = timedelta(seconds=61)
"""I2: from the read to the commit, likewise."""
KEY_AGE = timedelta(hours=24)
CHARGES_MAX = 8
GONE = frozenset(("canceled", "incomplete_expired", "paused"))
CLOSING = frozenset(("payment_recovered", "subscription_ended", "subscription_paused"))
PAID = frozenset(("recovered", "recovered_late"))
BROKEN_LINES = frozenset(("job.failed", "invariant.broken", "charging.stopped", "letter.broken"))
FOLD = {
    "case.opened": "open",
    "case.held": "held",
    "case.released": "open",
    "case.in_review": "in_review",
    "case.closed": "closed",
}


def violations_of(sim: "Simulation") -> list[str]:
    """Return a sentence for each broken invariant; empty is the only good answer."""
    world, (policy,) = sim.sandbox.world, sim.configuration.dunning.policies
    evidence = Evidence(
        requests=sim.sandbox.log.entries,
        tries=world.tries,
        invoices=world.tables["invoice"].rows,
        subscriptions=world.tables["subscription"].rows,
        charge_gap_seconds=policy.retry_gap.total_seconds(),
    )
    charges = [send for send in sim.seen.sends if send.is_charge]
    return [
        *sim.failures,
        *_said(sim),
        *(f"I1 {one}" for one in invoices_charged_twice(evidence)),
        *(f"I2 {one}" for send in charges for one in wrong_charge(send)),
        *(f"I2 {one}" for send in sim.seen.sends for one in wrong_ending(send)),
        *(f"I3 {one}" for one in keys_that_drift(sim.seen.sends)),
        *(f"I5 {one}" for one in keys_too_old(sim.seen.sends)),
        *(f"I6 {one}" for one in network_rule_violations(evidence)),
        *(f"I7 {one}" for one in _facts_do_not_fold(sim)),
        *(
            f"I7 {one}"
            for one in (chain_flaws(sim) if "seal" in sim.configuration.schedule else ())
        ),
        *(f"I8 {one}" for one in wrong_mails(sim.seen.mails)),
        *(f"I9 late: {one}" for one in sim.late),
        *(f"I9 {one}" for one in _left_behind(sim)),
        *(f"I10 {one}" for one in _disagreements(sim)),
        *(f"I14 {one}" for one in overshoots(sim)),
    ]


def _said(sim: "Simulation") -> Iterator[str]:
    for line in sim.lines.getvalue().splitlines():
        said = json.loads(line)
        if said["event"] in BROKEN_LINES and said.get("cause") != "switch":
            yield f"log: {line}"


def wrong_charge(send: Send) -> Iterator[str]:
    """Yield what is wrong with one request to charge (I2, I4)."""
    name, known, read = f"{send.at} {send.key}", send.ledger, send.read
    if send.committed_at is None or send.at - send.committed_at > WINDOW:
        yield f"{name} began long after its commit of {send.committed_at}"
    if read is None or send.at - read.at > READ_AGE + WINDOW:
        yield f"{name} began without a fresh read"
        return
    if read.status != "open" or read.subscription_status in GONE or read.paused:
        yield f"{name} began although its read showed the end: {read}"
    if read.stripe_tries_at is not None:
        yield f"{name} began although Stripe tries by itself"
    if not known:
        yield f"{name} is unknown to the ledger"
        return
    if known["closed_at"] is not None and send.at - known["closed_at"] > WINDOW:
        yield f"{name} began after the case was closed"
    if not known["charging"] and send.at - known["stopped_at"] > WINDOW:
        yield f"{name} began while charging was stopped"
    no = send.key.rpartition(":")[2]
    attempts = dict(one.split(" ") for one in known["attempts"] or [])
    if attempts.get(no) != "sending" and known["closed_at"] is None:
        yield f"{name} began without its row: {attempts}"
    if any(state in {"sending", "processing"} for n, state in attempts.items() if int(n) < int(no)):
        yield f"I4 {name} began before the one before it was settled: {attempts}"


def wrong_ending(send: Send) -> Iterator[str]:
    """Yield what is wrong with one request of an ending."""
    if send.is_charge:
        return
    name = f"{send.at} {send.method} {send.path}"
    if send.committed_at is None or send.at - send.committed_at > WINDOW:
        yield f"{name} began long after its commit of {send.committed_at}"
    if send.read is None or send.at - send.read.at > READ_AGE + WINDOW:
        yield f"{name} began without a fresh read"
    elif send.read.status in {"paid", "void"}:
        yield f"{name} began although its read showed {send.read.status}"


def keys_that_drift(sends: list[Send]) -> Iterator[str]:
    """Yield the keys with more than one set of parameters, and invoices with too many keys."""
    params: dict[str, set[str]] = defaultdict(set)
    charges: dict[str, set[str]] = defaultdict(set)
    for send in sends:
        if send.key:
            params[send.key].add(f"{send.path} {sorted(send.params.items())}")
            if send.key.rpartition(":")[0] != f"dun:v1:{send.parts[2]}" and send.is_charge:
                yield f"{send.key} is not a key of {send.path}"
        if send.is_charge:
            charges[send.parts[2]].add(send.key)
    for key, found in params.items():
        if len(found) > 1:
            yield f"{key} was sent with {found}"
    for invoice, keys in charges.items():
        if len(keys) > CHARGES_MAX:
            yield f"{invoice} was charged under {len(keys)} keys"


def keys_too_old(sends: list[Send]) -> Iterator[str]:
    """Yield the keys that were sent more than a day after their first send."""
    first: dict[str, Send] = {}
    for send in sends:
        if send.key and send.at - first.setdefault(send.key, send).at > KEY_AGE:
            yield f"{send.key} was sent at {first[send.key].at} and again at {send.at}"


def wrong_mails(mails: list[Mail]) -> Iterator[str]:
    """Yield mails that went out twice, late, or after the end."""
    for message_id, count in Counter(mail.message_id for mail in mails).items():
        if count > 1:
            yield f"{message_id} went out {count} times"
    steps = Counter(
        (m.ledger["case_id"], m.ledger["step"])
        for m in mails
        if m.ledger and m.ledger["case_id"] is not None
    )
    for step, count in steps.items():
        if count > 1:
            yield f"{step} was written about {count} times"
    for mail in mails:
        yield from _wrong_mail(mail)


def _wrong_mail(mail: Mail) -> Iterator[str]:
    name, known = f"{mail.at} {mail.notice}", mail.ledger
    if mail.committed_at is None or mail.at - mail.committed_at > WINDOW:
        yield f"{name} went out long after its commit of {mail.committed_at}"
    if not known:
        yield f"{name} is unknown to the ledger"
    elif known["state"] != "sending":
        yield f"{name} went out as {known['state']}"
    elif (
        known["closed_at"] is not None
        and mail.notice not in CLOSING
        and mail.at - known["closed_at"] > WINDOW
    ):
        yield f"{name} went out after the case was closed"


def _facts_do_not_fold(sim: "Simulation") -> Iterator[str]:
    """Yield the cases whose facts, folded, do not give their row."""
    told: dict[str, tuple[str, str | None]] = {}
    for fact in sim.ground.rows(
        "SELECT subject, type, data->>'outcome' AS outcome FROM events "
        "WHERE type LIKE 'case.%' ORDER BY seq"
    ):
        if fact["type"] in FOLD:
            state = FOLD[fact["type"]]
            now = state, fact["outcome"] if state == "closed" else None
            if state == "closed" and told.get(fact["subject"]) == now:
                yield f"{fact['subject']} was closed twice as {now[1]}"
            told[fact["subject"]] = now
    for row in sim.ground.rows("SELECT 'C-' || id AS name, state, outcome FROM cases"):
        if told.get(row["name"]) != (row["state"], row["outcome"]):
            yield f"{row['name']} is {row['state']} {row['outcome']}, told {told.get(row['name'])}"
    for row in sim.ground.rows(
        "SELECT a.key, count(e.seq) AS n FROM attempts a LEFT JOIN events e ON "
        "e.type = 'payment.retried' AND e.data->>'invoice_id' = a.invoice_id "
        "AND (e.data->>'attempt_no')::int = a.no AND e.data->>'outcome' <> 'processing' "
        "WHERE a.kind = 'charge' AND a.settled_at IS NOT NULL GROUP BY a.key"
    ):
        if row["n"] != 1:
            yield f"{row['key']} was told {row['n']} times"


def _left_behind(sim: "Simulation") -> Iterator[str]:
    for row in sim.ground.rows(
        "SELECT id, state FROM cases WHERE state = 'open' AND next_action_at IS NULL"
    ):
        yield f"case {row['id']} is open and has no next look"
    now = sim.agenda.now
    for row in sim.ground.rows(
        "SELECT id, state FROM letters WHERE state = 'sending' AND lease_until < :s",
        s=now - timedelta(minutes=15),
    ):
        yield f"letter {row['id']} stays {row['state']}"
    for row in sim.ground.rows(
        "SELECT a.key FROM attempts a JOIN cases c ON c.id = a.case_id WHERE a.state = 'sending' "
        "AND a.first_sent_at < :s AND c.state <> 'in_review'",
        s=now - timedelta(hours=26),
    ):
        yield f"{row['key']} stays sending"


def _disagreements(sim: "Simulation") -> Iterator[str]:
    """Yield where the ledger and Stripe do not agree on what was paid, ended or ever failed."""
    world, cases = sim.sandbox.world, {}
    for row in sim.ground.rows(
        "SELECT invoice_id, id, state, outcome, EXISTS (SELECT FROM attempts a WHERE "
        "a.case_id = cases.id AND a.kind = 'cancel' AND a.state = 'succeeded') AS cancelled "
        "FROM cases"
    ):
        cases[row["invoice_id"]] = row
    for invoice in world.tables["invoice"].rows.values():
        case = cases.get(invoice["id"])
        if case is None:
            if _is_owed(invoice):
                yield f"{invoice['id']} failed and has no case"
        elif case["state"] != "in_review":
            yield from _disagreement(sim, invoice, case)


def _is_owed(invoice: dict[str, Any]) -> bool:
    return bool(
        invoice["status"] == "open"
        and invoice["attempted"]
        and invoice["amount_remaining"] > 0
        and invoice["billing_reason"] == "subscription_cycle"
        and invoice["collection_method"] == "charge_automatically"
    )


def _disagreement(
    sim: "Simulation", invoice: dict[str, Any], case: dict[str, Any]
) -> Iterator[str]:
    name = f"C-{case['id']} {case['state']} {case['outcome']}: {invoice['id']}"
    if invoice["status"] == "paid" and _is_to_be_refunded(sim, invoice):
        if case["outcome"] != "closed_by_hand" or not _knew_of_the_money(sim, case):
            yield f"{name} was charged after a cancel, and nobody knows"
    elif invoice["status"] == "paid" and case["outcome"] not in PAID:
        yield f"{name} is paid"
    if case["outcome"] in PAID and invoice["status"] != "paid":
        yield f"{name} is {invoice['status']}"
    if case["cancelled"]:
        truth = sim.seen.truth(invoice["id"])
        if truth is not None and truth.subscription_status != "canceled":
            yield f"{name}: its subscription is {truth.subscription_status}"


def _is_to_be_refunded(sim: "Simulation", invoice: dict[str, Any]) -> bool:
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    world = sim.sandbox.world
    subscription = world.find("subscription", str(details.get("subscription"))) or {}
    return moved_after_cancel(invoice, subscription.get("canceled_at"), world.tries)


def moved_after_cancel(
    invoice: Mapping[str, Any], cancelled_at: int | None, tries: Iterable[Mapping[str, Any]]
) -> bool:
    """Return whether a charge of ours paid the invoice later than who owed it had cancelled.

    A cancel from before the invoice does not count, nor one of the same second as either.
    Such money is no recovery (reliability.md 3): a person is asked, refunds it or not, and closes.
    """
    if cancelled_at is None or cancelled_at <= invoice["created"]:
        return False
    ours = (one for one in tries if one["invoice"] == invoice["id"] and one["by"] == "api")
    return any(one["at"] > cancelled_at for one in ours if one["status"] == "succeeded")


def _knew_of_the_money(sim: "Simulation", case: dict[str, Any]) -> bool:
    """Return whether a person closed the case after the refund had been proposed to them."""
    (row,) = sim.ground.rows(
        "SELECT count(*) AS n FROM operator_acts JOIN events ON events.type = 'case.in_review' "
        "AND subject = :name AND data->>'reason' LIKE '%refund%' AND time < operator_acts.at "
        "WHERE operator_acts.case_id = :case AND operator_acts.act = 'close'",
        case=case["id"],
        name=f"C-{case['id']}",
    )
    return bool(row["n"])
