"""Take one of Stripe's events from a webhook into the inbox; the feed applies it (D9)."""

import re
from collections.abc import Mapping
from enum import StrEnum

from worker.ports import Clock, Control, Json, Ledger
from worker.services.own_clock import only_of_clock, says_time_moved
from worker.services.read_feed import OVERLAP

_ID = re.compile(r"evt_\w{1,250}", re.ASCII)
_TYPE = re.compile(r"[a-z0-9_.]{1,250}")
_CREATED_MAX = 2**33
"""Seconds since 1970, in the year 2242: what no clock of Stripe's will ever say."""


class Taken(StrEnum):
    """What became of an event."""

    STORED = "stored"
    KNOWN = "duplicate"
    IGNORED = "ignored"
    """Not ours to know: of another test clock, or from before this ledger began."""
    NO_EVENT = "no_event"
    OTHER_ACCOUNT = "other_account"
    OTHER_MODE = "other_mode"


def take_webhook(
    event: object, *, ledger: Ledger, control: Control, clock: Clock, test_clock: str = ""
) -> Taken:
    """Store an event that was verified and decoded, and return what became of it.

    With STORED and KNOWN its row is committed. It is neither judged nor applied here: the feed does
    that, in the order of Stripe's list, so that polling alone comes to the same.
    Raises: ServiceUnavailable: the database is away, and Stripe has to deliver again.
    """
    if not _is_event(event):
        return Taken.NO_EVENT
    raw: Json = event  # type: ignore[assignment]  # that is what was just looked at
    if raw.get("account") not in (None, "", ledger.account_id):
        return Taken.OTHER_ACCOUNT
    if raw.get("livemode") is not control.live:
        return Taken.OTHER_MODE
    begins_at = (control.go_live_at - OVERLAP).timestamp()
    if says_time_moved(raw) or int(str(raw["created"])) < begins_at:
        return Taken.IGNORED
    try:
        with ledger.begin() as tx:
            if not only_of_clock(tx, [raw], test_clock):
                return Taken.IGNORED
            stored = tx.inbox.keep(raw, wall_now=clock.wall_now())
    except ValueError:  # a text or number that no column can hold
        return Taken.NO_EVENT
    return Taken.STORED if stored else Taken.KNOWN


def _is_event(event: object) -> bool:
    """Return whether this is an event with its object in it, which a thin event has not."""
    if not isinstance(event, Mapping) or event.get("object") != "event":
        return False
    data, created = event.get("data"), event.get("created")
    return (
        isinstance(data, Mapping)
        and isinstance(data.get("object"), Mapping)
        and isinstance(created, int)
        and not isinstance(created, bool)
        and 0 < created < _CREATED_MAX
        and _ID.fullmatch(str(event.get("id"))) is not None
        and _TYPE.fullmatch(str(event.get("type"))) is not None
    )
