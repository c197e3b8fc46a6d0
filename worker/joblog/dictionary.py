"""The closed dictionary of the job log: what each event and each field means.

An event that is ever written as a warning or an error has its runbook here: where to look first
and what to do then. README's runbook is compared with it by a test; a name that is missing here
raises in tests and is left out in production.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of line."""

    level: Literal["info", "warn", "error"]
    """The gravest level it is written at; runs that found nothing write `debug`."""
    means: str
    first_look: str = ""
    then: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a line."""

    means: str
    unit: str = "text"


EVENTS: dict[str, Event] = {
    # Processes and their configuration
    "boot": Event("info", "a process started, with this configuration"),
    "exit": Event("info", "a process ended as asked"),
    "config.changed": Event(
        "warn",
        "the files in CONFIG_DIR differ from the version that runs, which is in the ledger",
        "`dunning policy diff DIR`",
        "`dunning apply DIR`, or put the old files back",
    ),
    "config.taken": Event("info", "a process works with this version of the configuration now"),
    "config.refused": Event(
        "error",
        "a process cannot use the current configuration and goes on with the one before",
        "`error` in the line, `dunning check` where that process runs",
        "put its templates right, or `dunning apply` a configuration that fits them",
    ),
    "heartbeat": Event("info", "one minute passed; how much waits and how late"),
    # Runs of jobs, one line each that did something
    "due_cases": Event("info", "the scan for due cases"),
    "read_stripe": Event("info", "a reading of Stripe's new events"),
    "deliver_letters": Event("info", "the scan for letters that may go out now"),
    "webhook": Event("info", "a webhook of Stripe's brought an event into the inbox"),
    "sweep": Event("info", "taking up what a stopped process left"),
    "calendar": Event("info", "the scan for renewals, expiring cards and ending trials"),
    "reconcile": Event(
        "warn",
        "the ledger was compared with Stripe; a warning says that they differed",
        "the cases named in it",
        "none: differences are cured by reading again; report it if it repeats",
    ),
    "summary": Event("info", "the day's figures, once a day"),
    "plan": Event("info", "the day's plan was kept, for the next day to be compared with"),
    "invariants": Event("info", "the check of the ledger's promises, all kept"),
    "backfill": Event("info", "the first reading of the whole book, or one after a long absence"),
    # What happened to a case
    "case.opened": Event("info", "an invoice failed and is now a case"),
    "case.held": Event("info", "a case waits for a person or a dispute"),
    "case.released": Event("info", "a held case goes on"),
    "case.closed": Event("info", "a case came to its end, with this outcome"),
    "access.changed": Event("info", "the application is told what a customer may use from now on"),
    "attempt": Event("info", "one charge try and its answer"),
    "ending": Event("info", "a subscription or invoice was ended by the policy"),
    "offer": Event("info", "a step's coupon was asked for at Stripe, with its answer"),
    "offer.refused": Event(
        "warn",
        "Stripe did not take the coupon that a step offers; its letter went out without it",
        "the coupon at Stripe, and `offer` in dunning.yaml",
        "correct the coupon's id, or add it anew; who got the letter is not offered it again",
    ),
    "letter": Event(
        "warn",
        "a letter was sent, dropped or failed; a warning says that it may not have arrived",
        "`dunning case` of the case named in it",
        "nothing is sent twice; write to the customer by hand if it matters",
    ),
    "review.opened": Event(
        "error",
        "the outcome of a charge is unknown",
        "the payment in Stripe's Dashboard",
        "none: it leaves by itself after two clean reads, at 25 h earliest",
    ),
    "watched": Event("info", "`mode: watch`: what would have been done, once for each act"),
    "person.decides": Event(
        "warn",
        "a charge or an ending waits for a person, by the policy; said once a day",
        "`dunning case` of the case named in it",
        "`dunning approve`, or nothing: it waits for ever",
    ),
    "review.closed": Event("info", "an unknown outcome became known"),
    "staff_mail": Event(
        "warn",
        "a mail to staff was sent; a warning says that it may not have arrived",
        "the mail server, and `staff` in notices.yaml",
        "none: what waits is tried again every five minutes; nothing is sent twice",
    ),
    # Why nothing is charged
    "charging.stopped": Event(
        "error",
        "the circuit breaker (`unknown_answers`, `new_decline_codes`, `few_successes`), a broken "
        "promise or a foreign key; nothing is lost, Stripe is read on",
        "`dunning status`",
        "cure the cause, then `dunning go --by --reason`",
    ),
    "charging.resumed": Event("info", "charging goes on"),
    "feed.behind": Event(
        "warn",
        "Stripe's events are late",
        "Stripe's status page",
        "none: charges wait until the feed has caught up",
    ),
    "outage": Event(
        "warn",
        "most cards of one kind are declined right now: their bank or network, no customer's fault",
        "the group named in it",
        "none: tries and letters of these cards wait an hour at a time",
    ),
    "limit.reached": Event(
        "warn",
        "a ceiling of dunning.yaml is reached; the rest waits until `clears_at`; told once in each "
        "hour or day",
        "LIMITS in `dunning status`",
        "none, or raise the ceiling",
    ),
    "canary.waiting": Event(
        "warn",
        "the first 20 cases of a policy that `dunning apply` brought have acted; its other cases "
        "and their letters wait until `clears_at`; told once",
        "CANARY in `dunning status`, `dunning case` of some that acted",
        "none, `dunning go --by --reason` at once, or `dunning stop`",
    ),
    "canary.cleared": Event("info", "all cases of a new policy act; told where no person did it"),
    "rate.limited": Event(
        "warn",
        "Stripe answered 429; the worker slowed down",
        "`rate.limited` lines of the last hour",
        "none; if it stays, find who else uses this account's rate",
    ),
    "foreign.key": Event(
        "error",
        "a charge of our kind that this ledger does not know: a second worker or an old backup",
        "the keys named in it",
        "stop the other worker or restore the right ledger, then `dunning go`",
    ),
    "invariant.broken": Event(
        "error",
        "a promise of the ledger failed; charging is off",
        "`dunning case` of the case named in it",
        "do not `go`; report it with the log",
    ),
    # Neighbours that are away
    "stripe.unavailable": Event(
        "warn", "Stripe does not answer", "Stripe's status page", "none: the next scan asks again"
    ),
    "stripe.rejected": Event(
        "error",
        "Stripe refused a request as nonsense: a defect of ours or a right the key lacks",
        "`dunning doctor`",
        "give the key the right named in it; else report it with the log",
    ),
    "redis.unavailable": Event(
        "warn", "Redis does not answer", "Redis", "none: due work is in the database and waits"
    ),
    "database.unavailable": Event(
        "error", "PostgreSQL does not answer", "PostgreSQL", "none: all work waits for it"
    ),
    "mail.unavailable": Event(
        "warn", "the mail server does not take letters", "the mail server", "none: letters wait"
    ),
    # What was not known
    "event.parked": Event(
        "warn",
        "a Stripe event could not be taken in and was put aside",
        "the event in Stripe's Dashboard",
        "report it with the log; everything else goes on",
    ),
    "webhook.refused": Event(
        "warn",
        "deliveries to the webhook endpoint were refused, for the reason named",
        "the endpoint in Stripe's Dashboard",
        "put STRIPE_WEBHOOK_SECRET, the endpoint's account or the host's clock right; strangers' "
        "tries do no harm",
    ),
    "decline.unknown": Event(
        "warn",
        "a decline code that the table lacks; treated cautiously",
        "Stripe's page on decline codes",
        "report the code, so that it is sorted",
    ),
    "currency.unknown": Event(
        "warn",
        "a currency that cannot be shown properly",
        "the invoice named in it",
        "report the currency",
    ),
    "status.unknown": Event(
        "warn",
        "a status of Stripe's that this version does not know; the case waits",
        "the object in Stripe's Dashboard",
        "update this service",
    ),
    "letter.broken": Event(
        "error",
        "a letter's template cannot be used; the letter waits and is tried again",
        "`dunning check`",
        "put the template right; nothing is lost",
    ),
    "letter.unknown": Event(
        "warn",
        "the mail server's answer to a letter was lost; it is not sent again",
        "the mail server's log",
        "write to the customer by hand if it did not arrive",
    ),
    "object.gone": Event(
        "warn",
        "Stripe no longer has an object that an event or a case names",
        "the object in Stripe's Dashboard",
        "none, if it was deleted on purpose",
    ),
    # Our own troubles
    "job.unknown": Event(
        "warn",
        "a message names a job that this version does not have",
        "the versions of the processes",
        "none: the message is dropped, the work is in the database",
    ),
    "job.busy": Event("info", "a job was rung for while it still ran; it was left alone"),
    "job.failed": Event(
        "error",
        "a job ended with an unexpected error",
        "`error` in the line",
        "none, the next run tries again; report it with the log if it repeats",
    ),
    "library": Event(
        "error",
        "a library we use warns or fails",
        "`logger` and `message` in the line",
        "none if it stays alone; report it with the log if it repeats",
    ),
}

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
    "cases": Field("several case numbers", "list"),
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
    "differences": Field("differences between ledger and Stripe", "count"),
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
    "version": Field("version of this service"),
    "mode": Field("`watch`, `letters` or `live`"),
    "by": Field("who acted: the name given to `--by`"),
    # Errors
    "error": Field("kind, first line and place of an exception"),
    "service": Field("which neighbour it is about"),
    "logger": Field("the library's logger"),
    "message": Field("the library's words, redacted"),
}


@dataclass(frozen=True, slots=True)
class Sign:
    """Something to watch that is not an event of its own: a value, or a line that is missing."""

    line: str
    means: str
    first_look: str
    then: str


SIGNS = (
    Sign(
        "`heartbeat` missing 3 min",
        "process dead or deaf",
        "the process manager",
        "restart; that is always safe",
    ),
    Sign(
        "`oldest_late_s>900`",
        "queue not drained, ceiling reached, or Stripe's limit",
        "`limit.reached`, `rate.limited`",
        "raise the ceiling or the number of threads",
    ),
)


def runbook_table() -> str:
    """Return every warning and error as a Markdown table, as it stands in README, "Runbook"."""
    rows = ["| line | means | first look | then |", "|---|---|---|---|"]
    rows += [f"| {each.line} | {each.means} | {each.first_look} | {each.then} |" for each in SIGNS]
    rows += [
        f"| `{name}` | {event.means} | {event.first_look} | {event.then} |"
        for name, event in EVENTS.items()
        if event.level != "info"
    ]
    return "\n".join(rows)


def fields_table() -> str:
    """Return every field as a Markdown table, as it stands in README, "Log fields"."""
    rows = ["| field | means | unit |", "|---|---|---|"]
    rows += [f"| `{name}` | {field.means} | {field.unit} |" for name, field in FIELDS.items()]
    return "\n".join(rows)
