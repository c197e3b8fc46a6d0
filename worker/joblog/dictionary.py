"""The closed dictionary of the job log: what each event means (its fields are in `fields`).

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
    "invariants": Event("info", "the check of the ledger's promises, with how many break each"),
    "retention": Event("info", "raw events and texts of letters that are too old were dropped"),
    "seal": Event("info", "new facts were given their places in the chain"),
    "sinks": Event("info", "the sinks' threads were started"),
    "sink.failed": Event(
        "warn",
        "a sink did not take facts; said at the 1st, 2nd, 4th, 8th failure in a row and so on",
        "`dunning sinks`, `error` in the line, the sink itself",
        "none: nothing is lost, it is tried again by itself; dunning goes on meanwhile",
    ),
    "sink.behind": Event(
        "warn",
        "facts wait for a sink for more than 15 minutes; said once an hour",
        "`dunning sinks`",
        "cure the sink; it goes on where it stopped",
    ),
    "audit.head": Event(
        "info", "the chain over the facts holds; its last place and hash, to be kept elsewhere"
    ),
    "audit.broken": Event(
        "error",
        "a fact was altered, removed or added in the database, from this position on; charging "
        "is off",
        "`dunning audit verify`",
        "find who wrote to the database past the worker, restore it, then `dunning go`",
    ),
    "figures": Event(
        "error",
        "the facts were added up; an error says that a day, or what somebody has in a view, was "
        "not what its facts say",
        "the days and measures, or views and names, in it",
        "none: what differed was made anew from the facts; report it with the log",
    ),
    "price.gone": Event(
        "warn",
        "Stripe does not have prices that subscriptions name, or not in their currency: what they "
        "come to is unknown, and MRR is without them",
        "the prices named in it in Stripe's Dashboard",
        "none; count the subscriptions to these prices by hand",
    ),
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
    "revenue": Event("info", "the facts of revenue add up and agree with Stripe's objects"),
    "revenue.differs": Event(
        "error",
        "facts of revenue do not add up (`chain`), or tell another MRR (`state`) or another "
        "payment (`payment`) than Stripe's objects",
        "`dunning events` of the subscriptions named in it, and these in Stripe's Dashboard",
        "`dunning reconcile` reads Stripe again; after a change of `metrics` in dunning.yaml it "
        "may last until their next event; else report it with the log",
    ),
    "discount.gone": Event(
        "warn",
        "Stripe no longer has discounts or coupons that events name; MRR counts without them",
        "the discounts of old subscriptions in Stripe's Dashboard",
        "none, if they were taken away on purpose",
    ),
    "letter": Event(
        "warn",
        "a letter was sent, dropped or failed; a warning says that it may not have arrived",
        "`dunning case` of the case named in it",
        "nothing is sent twice; write to the customer by hand if it matters",
    ),
    "review.opened": Event(
        "error",
        "a person must look: the outcome of a charge is unknown, or money is to be refunded",
        "`reason` in the line, the payment in Stripe's Dashboard",
        "an unknown outcome leaves by itself after two clean reads, at 25 h earliest; else "
        "`dunning close` once it is settled",
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
        "the circuit breaker stopped charging (`unknown_answers`, `new_decline_codes`, "
        "`few_successes`), or, as a warning, a person did (`switch`); nothing is lost, Stripe is "
        "read on",
        "`dunning status`, which also has a person's reason",
        "cure the cause, then `dunning go --by --reason`",
    ),
    "charging.resumed": Event(
        "info", "a person let charging go on, after what `cause` says; why is in `dunning events`"
    ),
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
        "a backup was restored: `dunning reconcile --rebuild`; else stop the other worker; then "
        "`dunning go`",
    ),
    "attempts.rebuilt": Event(
        "warn",
        "`dunning reconcile --rebuild` wrote attempts again that a restored backup lacked; "
        "`unknown` keys it could not explain",
        "`dunning case` of the cases named in it",
        "`dunning go`, once nobody else works on this account",
    ),
    "invariant.broken": Event(
        "error",
        "a promise of the ledger failed; charging is off, except where cases are only late",
        "`dunning case` of the cases named in it",
        "compare these cases with Stripe: money moved twice is refunded there; report it with the "
        "log; do not `go` before it is known to do no harm: after a `go` it stops nothing again",
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
    "webhook.undelivered": Event(
        "warn",
        "Stripe could not deliver events to an endpoint of this account since yesterday; nothing "
        "is lost, since the event list is read as well",
        "the endpoint in Stripe's Dashboard",
        "put the endpoint right; until then events come up to 10 seconds later",
    ),
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
    "worker.deaf": Event(
        "error",
        "a worker process heard none of its messages for five minutes though Redis took them; "
        "it ends",
        "the process manager: it starts another",
        "none if it did; else restart, that is always safe; report it with the log if it repeats",
    ),
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
