"""What policies for invoices paid by hand may say, and what all others may not.

A policy is one or the other: what is sent to be paid has a due date and is never charged, what is
charged fails and has no due date. Mixed, a step would never happen or a letter would tell nonsense.
"""

from collections.abc import Iterator

from worker.domain.letter_fields import DUE_NOTICES, FAILED_NOTICES
from worker.domain.policy import RetriesBy
from worker.domain.readings import SEND_INVOICE
from worker.settings.yaml_reader import Location

Fault = tuple[Location, str]

_OF_CHARGES = ("when_declined", "new_card", "backup_methods")
_ONLY_THEN = "`match: { collection_method: send_invoice }`"


def sent_invoice_faults(at: Location, raw: object) -> Iterator[Fault]:
    """Yield what is wrong with the times, letters and fields of one policy, by what it serves.

    Args: at: its place in the file; raw: the policy as written, its `like` written out.
    """
    if not isinstance(raw, dict):
        return
    match = raw.get("match")
    sends = isinstance(match, dict) and match.get("collection_method") == SEND_INVOICE
    yield from _sending_faults(at, raw) if sends else _charging_faults(at, raw)
    steps = raw.get("steps")
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        if isinstance(step, dict):
            yield from _step_faults((*at, "steps", index), step, sends=sends)


def _sending_faults(at: Location, raw: dict[str, object]) -> Iterator[Fault]:
    for key in _OF_CHARGES:
        if key in raw:
            yield (
                (*at, key),
                "does nothing for invoices that customers pay by hand; leave it out.",
            )
    if raw.get("retries_by", RetriesBy.NOBODY) != RetriesBy.NOBODY:
        sentence = "nothing is retried for invoices that customers pay by hand; leave it out."
        yield (*at, "retries_by"), sentence


def _charging_faults(at: Location, raw: dict[str, object]) -> Iterator[Fault]:
    if "when_declined" not in raw:
        example = "`when_declined: { funds: { do: retry }, ... }`"
        yield at, f"`when_declined` is missing; write {example}."


def _step_faults(at: Location, step: dict[str, object], *, sends: bool) -> Iterator[Fault]:
    if "after" not in step and "before" not in step:
        yield at, "`after` is missing; write `after: 3 days`."
    elif "after" in step and "before" in step:
        yield (*at, "before"), "a step has one time; leave `after` or `before` out."
    letter = step.get("letter")
    if not sends:
        if "before" in step:
            sentence = f"counts back from a due date, which only a policy with {_ONLY_THEN} has."
            yield (*at, "before"), sentence
        if letter in DUE_NOTICES:
            sentence = "is about invoices paid by hand; write one such as `payment_failed_1`."
            yield (*at, "letter"), f"`{letter}` {sentence}"
        return
    if "before" in step and "access" in step:
        yield (*at, "access"), "nobody loses access before the invoice is due; leave it out."
    if "before" in step and "offer" in step:
        yield (*at, "offer"), "nothing is offered before the invoice is due; leave it out."
    if "charge" in step:
        sentence = "an invoice that customers pay by hand is never charged; leave the charge out."
        yield (*at, "charge"), sentence
    if letter in FAILED_NOTICES:
        sentence = "is about failed payments; write one such as `invoice_overdue_1`."
        yield (*at, "letter"), f"`{letter}` {sentence}"
