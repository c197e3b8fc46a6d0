"""The fields that a line of the job log may have; any other is refused."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a line."""

    means: str
    unit: str = "text"


FIELDS: dict[str, Field] = {
    # Every line
    "ts": Field("when the line was written, by the wall clock", "ISO 8601 UTC"),
    "level": Field("`debug`, `info`, `warn` or `error`"),
    "event": Field("what kind of line it is"),
    "process": Field("which process wrote it: `scheduler`, `worker`, `web`, `cli`"),
    "pid": Field("its process number", "count"),
    "do": Field("the command or act that helps; on every warning and error"),
    "dropped": Field("fields left out because the dictionary lacks them", "count"),
    "lines_lost": Field("lines before this one that could not be written", "count"),
    "business_at": Field("business time of the run: real, or the test clock's", "ISO 8601 UTC"),
    "job": Field("name of the scheduled job"),
    "run": Field("number of this run of the job", "count"),
    "ms": Field("how long it took", "milliseconds"),
    "config_no": Field("number of the configuration in the ledger", "count"),
    "config": Field("digest of the configuration or policy that decided"),
    # Whom it is about: ids only
    "account": Field("Stripe account", "id"),
    "case": Field("case number, as in `C-1042`"),
    "cases": Field("several case numbers; letters without a case by our number", "list"),
    "customer": Field("Stripe customer", "id"),
    "subscription": Field("Stripe subscription", "id"),
    "invoice": Field("Stripe invoice", "id"),
    "payment": Field("Stripe payment: PaymentIntent or charge", "id"),
    "payment_method": Field("Stripe payment method", "id"),
    "event_id": Field("Stripe event", "id"),
    "event_type": Field("Stripe event's type"),
    "request_id": Field("Stripe's number of the request, for its support", "id"),
    "letter": Field("our number of the letter", "count"),
    # What was done
    "step": Field("name of the policy's step"),
    "no": Field("number of the attempt within its case", "count"),
    "key": Field("idempotency key of the attempt"),
    "keys": Field("several idempotency keys", "list"),
    "outcome": Field("how it ended"),
    "class": Field("class of the decline"),
    "code": Field("Stripe's decline or error code"),
    "status": Field("status of Stripe's object, or of its HTTP answer"),
    "state": Field("state of the case"),
    "access": Field("what the customer may use, in the application's words"),
    "act": Field("what was done to the subscription or the invoice"),
    "beside": Field("what Stripe itself did with the invoice so far"),
    "rule": Field("name of the rule that decided"),
    "reason": Field("why, in words"),
    "next": Field("what comes next"),
    "next_at": Field("when it comes", "ISO 8601 UTC"),
    "notice": Field("which letter: the name of its template"),
    "locale": Field("language of the letter"),
    "amount_minor": Field("amount", "smallest unit of `currency`"),
    "currency": Field("currency, lower case"),
    # How much a run did
    "found": Field("rows that were due", "count"),
    "planned": Field("acts of the plan", "count"),
    "charged": Field("charges tried", "count"),
    "letters": Field("letters sent or queued", "count"),
    "endings": Field("endings carried out", "count"),
    "waited": Field("cases that have to wait", "count"),
    "group": Field("the cards that an outage is about"),
    "failed": Field("rows that ended with an error; the others went on", "count"),
    "sent": Field("messages or letters handed on", "count"),
    "skipped": Field("steps or letters left out, each with its reason in the story", "count"),
    "dispatched": Field("messages sent to workers", "count"),
    "events": Field("Stripe events read", "count"),
    "opened": Field("cases opened", "count"),
    "closed": Field("cases closed", "count"),
    "recovered": Field("cases recovered", "count"),
    "ended": Field("cases ended by the policy", "count"),
    "unknown": Field("outcomes that are not known", "count"),
    "parked": Field("events put aside", "count"),
    "differences": Field("differences found: of ledger and Stripe, or of days and facts", "count"),
    "checked": Field("objects or promises that were checked", "count"),
    "subscriptions": Field("subscriptions read", "count"),
    "invoices": Field("invoices read", "count"),
    "customers": Field("customers read", "count"),
    "past": Field("failures before go-live, counted and listed only", "count"),
    "renewals": Field("renewal letters found due", "count"),
    "cards": Field("card letters found due", "count"),
    "trials": Field("trial letters found due", "count"),
    "count": Field("how many", "count"),
    # How the service is
    "charging": Field("whether charges may start now: `yes`, or the cause why not"),
    "cause": Field("why charging stopped"),
    "waiting": Field("cases or letters that are due and wait", "count"),
    "seen": Field("how many were seen", "count"),
    "of": Field("of how many", "count"),
    "limit": Field("the bound that was reached, with its unit"),
    "policy": Field("name of a policy and the beginning of its digest"),
    "clears_at": Field("when a reached bound or a canary opens again", "ISO 8601 UTC"),
    "since": Field("when it began", "ISO 8601 UTC"),
    "idle_runs": Field("runs since the last heartbeat that found nothing", "count"),
    "oldest_late_s": Field("how late the oldest due case is", "seconds"),
    "feed_lag_s": Field("how far the reading of events is behind", "seconds"),
    "queue": Field("messages that wait in Redis", "count"),
    "open": Field("open cases", "count"),
    "not_due": Field("cases of invoices that are paid by hand and not due yet", "count"),
    "held": Field("held cases", "count"),
    "late": Field("cases that are due for more than 15 minutes", "count"),
    "in_review": Field("cases whose outcome is unknown", "count"),
    "wait_ms": Field("how long the limiter made it wait", "milliseconds"),
    "invariant": Field("name of the promise"),
    "promise": Field("its number, as in `I1`"),
    "counts": Field("how many break the promises of each number: `I1:0`", "list"),
    "known": Field("broken promises that a person has answered with `go`", "count"),
    "whole": Field("whether everything was looked at, not only what moved", "yes or no"),
    "version": Field("version of this service"),
    "mode": Field("`watch`, `letters` or `live`"),
    "position": Field("place in the chain over the facts", "count"),
    "hash": Field("hash at that place, over all facts up to it"),
    "sink": Field("name of the sink"),
    "payloads": Field("raw events of Stripe's that were dropped", "count"),
    "rendered": Field("texts of letters that were dropped", "count"),
    "days": Field("days whose figures were made anew", "count"),
    "people": Field("people forgotten lately who were erased once more", "count"),
    "by": Field("who acted: the name given to `--by`"),
    # Errors
    "error": Field("kind, first line and place of an exception"),
    "service": Field("which neighbour it is about"),
    "logger": Field("the library's logger"),
    "message": Field("the library's words, redacted"),
}


def fields_table() -> str:
    """Return every field as a Markdown table, as it stands in README, "Log fields"."""
    rows = ["| field | means | unit |", "|---|---|---|"]
    rows += [f"| `{name}` | {field.means} | {field.unit} |" for name, field in FIELDS.items()]
    return "\n".join(rows)
