"""A policy as text that outlives releases: cases keep theirs by digest (architecture.md 6).

The text is plain JSON: durations in whole seconds (`after_seconds`), hours as `HH:MM`. A key that
an older text lacks takes its default and a key that a newer one adds is passed over, so that both
a new release and a rolled-back one read what the database holds.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum

from worker.domain.offers import Offer
from worker.domain.policy import (
    CancelWhen,
    ClassRule,
    DayWindow,
    DeclineClass,
    Ending,
    EndingAct,
    InvoiceEnd,
    PersonDecides,
    Policy,
    Reaction,
    RetriesBy,
    SmallBalance,
    Step,
)

Plain = Mapping[str, object]
DIGEST_LENGTH = 12


def to_plain(policy: Policy) -> dict[str, object]:
    """Return the policy as JSON-able dicts, lists, strings and ints; its digest is left out."""
    plain = plain_value(policy)
    assert isinstance(plain, dict)  # noqa: S101 (narrows the type; a Policy is a dataclass)
    plain.pop("digest", None)
    return plain


def from_plain(plain: Plain) -> Policy:
    """Return the policy of a stored text, with the digest of that very text.

    Raises: KeyError, ValueError: the text is no policy (the ledger is damaged).
    """
    ending = _mapping(plain["ending"])
    rules = _mapping(plain["when_declined"])
    defaults = {each.name: each.default for each in fields(Policy)}
    return Policy(
        name=str(plain["name"]),
        retries_by=RetriesBy(str(plain.get("retries_by", RetriesBy.WORKER))),
        when_declined={
            DeclineClass(name): _class_rule(_mapping(rule)) for name, rule in rules.items()
        },
        charge_new_card_at_once=bool(plain.get("charge_new_card_at_once", True)),
        steps=tuple(_step(_mapping(each)) for each in _list(plain.get("steps", []))),
        ending=Ending(
            after=_seconds(ending["after_seconds"]),
            do=EndingAct(str(ending["do"])),
            when=CancelWhen(str(ending.get("when", CancelWhen.NOW))),
            invoice=InvoiceEnd(str(ending.get("invoice", InvoiceEnd.LEAVE))),
            final_letter_step=_text_or_none(ending.get("final_letter_step")),
            final_letter_gap=_seconds(ending.get("final_letter_gap_seconds", 48 * 3600)),
            if_refused=_act_or_none(ending.get("if_refused")),
            to_price_id=str(ending.get("to_price_id", "")),
        ),
        retries_max=_int(plain.get("retries_max", defaults["retries_max"])),
        retry_gap=_seconds(plain.get("retry_gap_seconds", 20 * 3600)),
        backup_methods=tuple(str(each) for each in _list(plain.get("backup_methods", []))),
        collection_method=str(plain.get("collection_method", "")),
        small_balance=_small_balance(plain.get("small_balance")),
        person_decides=tuple(
            PersonDecides(str(each)) for each in _list(plain.get("person_decides", []))
        ),
        digest=digest_of_plain(plain),
    )


def digest_of(policy: Policy) -> str:
    """Return the first 12 hex digits of the SHA-256 of the policy's canonical text."""
    return digest_of_plain(to_plain(policy))


def digest_of_plain(plain: object) -> str:
    """Return the first 12 hex digits of the SHA-256 of *plain* as canonical JSON."""
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:DIGEST_LENGTH]


def plain_value(value: object) -> object:
    """Return *value* (dataclasses, enums, durations, times, collections) as JSON-able parts.

    Durations must be whole seconds; their field's name gains `_seconds`. What is empty (None, no
    text, no list) is left out, so that a field a release adds does not change older digests.
    """
    if is_dataclass(value) and not isinstance(value, type):
        named = ((each.name, getattr(value, each.name)) for each in fields(value))
        return {
            f"{name}_seconds" if isinstance(part, timedelta) else name: plain_value(part)
            for name, part in named
            if part is not None and part not in ((), "")
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, timedelta):
        return value // timedelta(seconds=1)
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(plain_value(key)): plain_value(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(part) for part in value]
    return value


def _class_rule(plain: Plain) -> ClassRule:
    at_most, within = plain.get("at_most"), plain.get("within_seconds")
    return ClassRule(
        do=Reaction(str(plain["do"])),
        at_most=None if at_most is None else _int(at_most),
        within=None if within is None else _seconds(within),
        count_as_voluntary=bool(plain.get("count_as_voluntary", False)),
        paydays=tuple(_int(each) for each in _list(plain.get("paydays", []))),
        payday_key=str(plain.get("payday_key", "")),
        ask_again=tuple(_seconds(each) for each in _list(plain.get("ask_again", []))),
    )


def _step(plain: Plain) -> Step:
    window = plain.get("charge_window")
    return Step(
        name=str(plain["name"]),
        after=_seconds(plain["after_seconds"]),
        charge=bool(plain.get("charge", False)),
        charge_window=None if window is None else _window(_mapping(window)),
        letter=_text_or_none(plain.get("letter")),
        access=_text_or_none(plain.get("access")),
        offer=_offer(plain.get("offer")),
    )


def _offer(plain: object) -> Offer | None:
    if plain is None:
        return None
    offer = _mapping(plain)
    extra = offer.get("extra_seconds")
    return Offer(str(offer.get("coupon", "")), None if extra is None else _seconds(extra))


def _small_balance(plain: object) -> SmallBalance | None:
    if plain is None:
        return None
    small = _mapping(plain)
    below_minor = {code: _int(minor) for code, minor in _mapping(small["below_minor"]).items()}
    return SmallBalance(below_minor, InvoiceEnd(str(small["invoice"])))


def _act_or_none(value: object) -> EndingAct | None:
    return None if value is None else EndingAct(str(value))


def _window(plain: Plain) -> DayWindow:
    return DayWindow(
        start=time.fromisoformat(str(plain["start"])), end=time.fromisoformat(str(plain["end"]))
    )


def _seconds(value: object) -> timedelta:
    return timedelta(seconds=_int(value))


def _int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} in a policy's text is no whole number")  # noqa: TRY004
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _mapping(value: object) -> Plain:
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} in a policy's text is no mapping")  # noqa: TRY004
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"{value!r} in a policy's text is no list")  # noqa: TRY004
    return value
