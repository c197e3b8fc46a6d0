"""Counts broken promises from outside: the sandbox's logs and objects, and the mail that arrived.

Nothing here reads the worker's own tables, so that its books cannot hide its mistakes. The same
invoice paid twice, a charge after the end, a letter twice, a network rule broken: each is counted
by a function over plain evidence, which tests feed with made-up logs.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from worker.rehearsal.checks_network import GAP_SECONDS, network_rule_violations
from worker.rehearsal.customer_letters import ABOUT_UNPAID, Letter
from worker.rehearsal.driver_sandbox import SandboxClient

Entry = Mapping[str, Any]

MAY_REPEAT = frozenset(("action_required", "card_expiring"))
"""One for each step, and one for each lead time, in the same words; Message-IDs tell them apart."""
_ENDS_INVOICE = frozenset(("void", "mark_uncollectible"))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen from outside, in the order in which it happened."""

    requests: Sequence[Entry] = ()
    """GET /_sandbox/requests."""
    tries: Sequence[Entry] = ()
    """GET /_sandbox/charges: every charge try, by whomever."""
    invoices: Mapping[str, Entry] = field(default_factory=dict)
    """Invoice id -> Stripe's invoice as it is now."""
    subscriptions: Mapping[str, Entry] = field(default_factory=dict)
    renewed_cards: Sequence[tuple[str, int]] = ()
    """(payment method, unix seconds) of each change of a card in place, by whomever."""
    letters: Sequence[Letter] = ()
    ach_retries_authorised: bool = False
    """What the operator stated: without it a returned ACH debit is not presented again."""
    charge_gap_seconds: float = GAP_SECONDS
    """Least time between two charges of a customer by the policy."""


@dataclass(frozen=True, slots=True)
class Checks:
    """The counts of summary.json; everything must be 0. `found` says what was found, in words."""

    invoices_charged_twice: int
    charges_after_end: int
    letters_twice: int
    network_rule_violations: int
    invariants_broken: int
    found: tuple[str, ...] = ()

    @property
    def broken(self) -> bool:
        """Whether any count is not 0."""
        return any(self.counts().values())

    def counts(self) -> dict[str, int]:
        """Return the counts under their names in summary.json."""
        names = (
            "invoices_charged_twice",
            "charges_after_end",
            "letters_twice",
            "network_rule_violations",
            "invariants_broken",
        )
        return {name: getattr(self, name) for name in names}


def check_evidence(evidence: Evidence, *, invariants_broken: int) -> Checks:
    """Return all counts; *invariants_broken* is what the worker itself logged of that kind."""
    twice, late = invoices_charged_twice(evidence), charges_after_end(evidence)
    letters, network = letters_twice(evidence), network_rule_violations(evidence)
    return Checks(
        len(twice),
        len(late),
        len(letters),
        len(network),
        invariants_broken,
        (*twice, *late, *letters, *network),
    )


def collect_evidence(client: SandboxClient, test_clock: str, letters: Sequence[Letter]) -> Evidence:
    """Return everything the sandbox shows. Raises: ServiceUnavailable: it gave no answer."""
    renewals = ("payment_method.automatically_updated", "payment_method.updated")
    return Evidence(
        requests=client.get("/_sandbox/requests")["requests"],
        tries=client.get("/_sandbox/charges")["charges"],
        invoices={row["id"]: row for row in client.every("/v1/invoices")},
        subscriptions={
            row["id"]: row
            for row in client.every("/v1/subscriptions", test_clock=test_clock, status="all")
        },
        renewed_cards=[
            (event["data"]["object"]["id"], int(event["created"]))
            for kind in renewals
            for event in client.every("/v1/events", type=kind)
        ],
        letters=letters,
    )


def invoices_charged_twice(evidence: Evidence) -> list[str]:
    """Return a sentence for each invoice that more than one charge paid."""
    paid = Counter(
        str(entry["invoice"]) for entry in evidence.tries if entry["status"] == "succeeded"
    )
    return [
        f"{invoice} was charged {count} times" for invoice, count in sorted(paid.items())
        if count > 1
    ]  # fmt: skip


def charges_after_end(evidence: Evidence) -> list[str]:
    """Return a sentence for each charge of the worker on an invoice or subscription at its end.

    An invoice ends when it is paid, voided or given up, a subscription when it is cancelled. What
    ended by a request is compared by the order of requests, everything else by Stripe's time.
    """
    by_request, ended_invoices = _ends_by_request(evidence)
    found = []
    paid: dict[str, int] = {}
    number_of = {str(entry["request_id"]): int(entry["n"]) for entry in evidence.requests}
    for entry in evidence.tries:
        invoice = str(entry["invoice"])
        if entry["by"] == "api":
            n = number_of.get(str(entry["request_id"]), 0)
            ended_n = by_request.get(invoice)
            if invoice in paid:
                found.append(f"{invoice} was charged after it had been paid")
            elif ended_n is not None and n > ended_n:
                found.append(f"{invoice} was charged after its end")
            elif _after_subscription(evidence, invoice, int(entry["at"])):
                found.append(f"{invoice} was charged after its subscription had ended")
        if entry["status"] == "succeeded":
            paid[invoice] = int(entry["n"])
    return [*found, *_refused_after_end(evidence, ended_invoices)]


def _ends_by_request(evidence: Evidence) -> tuple[dict[str, int], dict[str, int]]:
    """Return (invoice -> request number of its end, the same for ends of the invoice itself)."""
    own: dict[str, int] = {}
    all_ends: dict[str, int] = {}
    cancelled: dict[str, int] = {}
    for entry in evidence.requests:
        if entry["status"] != 200 or entry["method"] not in {"POST", "DELETE"}:
            continue
        n, parts = int(entry["n"]), str(entry["path"]).strip("/").split("/")
        if entry["method"] == "DELETE" and parts[:2] == ["v1", "subscriptions"]:
            cancelled[parts[2]] = n
        elif parts[:2] == ["v1", "invoices"] and len(parts) == 4:
            elsewhere = entry["params"].get("paid_out_of_band") in {"true", True}
            if parts[3] in _ENDS_INVOICE or (parts[3] == "pay" and elsewhere):
                own.setdefault(parts[2], n)
        elif parts[:2] == ["_sandbox", "portal"]:
            form = entry["params"]
            if form.get("action") == "cancel" and form.get("when") == "now":
                cancelled[str(form.get("subscription"))] = n
    for invoice_id, invoice in evidence.invoices.items():
        n_cancelled = cancelled.get(_subscription_of(invoice))
        if n_cancelled is not None:
            all_ends[invoice_id] = n_cancelled
    for invoice_id, n in own.items():
        all_ends[invoice_id] = min(n, all_ends.get(invoice_id, n))
    return all_ends, own


def _refused_after_end(evidence: Evidence, ended: Mapping[str, int]) -> list[str]:
    """Requests to charge that Stripe itself had to refuse, because the invoice had ended."""
    found = []
    for entry in evidence.requests:
        parts = str(entry["path"]).strip("/").split("/")
        is_pay = parts[:2] == ["v1", "invoices"] and parts[3:] == ["pay"]
        ours = entry["by"] == "api" and entry.get("idempotency_key") and not entry["replayed"]
        if not is_pay or not ours or entry.get("charges"):
            continue
        if entry["code"] in {"invoice_already_paid", "invoice_not_payable"} or (
            ended.get(parts[2], int(entry["n"])) < int(entry["n"])
        ):
            found.append(f"{parts[2]} was to be charged after its end")
    return found


def _subscription_of(invoice: Entry) -> str:
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    return str(details.get("subscription") or "")


def _after_subscription(evidence: Evidence, invoice_id: str, at: int) -> bool:
    invoice = evidence.invoices.get(invoice_id)
    subscription = evidence.subscriptions.get(_subscription_of(invoice)) if invoice else None
    ended_at = subscription.get("ended_at") if subscription else None
    return ended_at is not None and at > int(ended_at)


def letters_twice(evidence: Evidence) -> list[str]:
    """Return a sentence for each letter that somebody got twice.

    The same Message-ID twice; or the same subject about the same invoice; or the same kind of
    letter about an unpaid invoice twice, since each step writes once.
    """
    found = [
        f"the mail {message_id} arrived {count} times"
        for message_id, count in Counter(one.message_id for one in evidence.letters).items()
        if count > 1
    ]
    seen: dict[tuple[str, ...], str] = {}
    for one in evidence.letters:
        if one.notice in MAY_REPEAT:
            continue
        about = one.invoices[0] if one.invoices else ""
        name = (one.recipient, about, one.subject)
        if one.notice in ABOUT_UNPAID and about:
            name = (one.recipient, about, one.notice)
        before = seen.setdefault(name, one.message_id)
        if before != one.message_id:
            found.append(f"letter {one.number} ({one.notice or one.subject}) repeats {before}")
    return found
