"""Why is it not charging? One answer to all of switch, breaker, mode, dead process, late feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.policy import Mode
from worker.office.words import OfficeWords, age_words
from worker.services.case_turn import FEED_LAG_MAX
from worker.store.reading_status import Living, Signs, Switch

ALIVE_WITHIN = timedelta(minutes=3)
"""A process that was not heard of for so long counts as dead."""

GO = "dunning go --by NAME --reason WHY"
LIVE = "mode: live in config/dunning.yaml, then dunning apply config --by NAME --reason WHY"
"""The file alone changes nothing: a version in the ledger runs, and `apply` stores the next."""
BREAKER = {
    "unknown_answers": "look at Stripe's status page and at the network between",
    "new_decline_codes": "look at the attempts in dunning log and at Stripe's status page",
    "few_successes": "look at the attempts in dunning log and at what was changed last",
}
"""What to look at first, for each cause of the circuit breaker."""
NOT_ARMED = "not armed"
"""How the cause of a fresh ledger with a live key begins; see services.backfill.begin_ledger."""


@dataclass(frozen=True, slots=True)
class Charging:
    """Whether it charges, and if not: since when, why and what to do."""

    yes: bool
    cause: str = ""
    """A stable word for scripts."""
    since: datetime | None = None
    said: str = ""
    do: str = ""
    on_purpose: bool = False


def charging_of(signs: Signs, mode: Mode, *, now: datetime, runs: bool) -> Charging:
    """Return whether charges are made now; the first of all causes that holds is named.

    Args: now: business time; runs: False where the data is a finished demo's.
    """
    found = switched_off(signs.switch) or stopped_by_mode(mode)
    if found is not None:
        return found
    if not runs:
        return Charging(
            yes=False,
            cause="demo_ended",
            since=now,
            said="the demo has ended and nothing runs",
            do="nothing to cure; `dunning up` starts one to play with",
        )
    return (
        _process_missing(signs.alive, signs.worker_seen_at)
        or _feed_behind(now, signs.feed_at)
        or Charging(yes=True)
    )


def switched_off(switch: Switch) -> Charging | None:
    """Return why nothing is charged, where the switch says so; None where it is on."""
    if switch.charging:
        return None
    if switch.cause == "switch":
        who = switch.changed_by or "somebody"
        said, do, on_purpose = f"switched off by {who}: {switch.detail}", GO, True
    elif switch.cause.startswith(NOT_ARMED):
        said, do, on_purpose = switch.cause, f"dunning doctor, then {GO}", True
    elif switch.cause == "invariant":
        said = f"a promise of the ledger is broken ({switch.detail})"
        do, on_purpose = "do not go; report it with the log", False
    elif switch.cause == "foreign_key":
        said = f"Stripe knows charges of ours that this ledger does not ({switch.detail})"
        do = (
            "after a restore: dunning reconcile --rebuild --by NAME --reason WHY; "
            f"else stop the second worker; then {GO}"
        )
        on_purpose = False
    elif switch.cause in BREAKER:
        said, do, on_purpose = switch.detail, f"{BREAKER[switch.cause]}, then {GO}", False
    else:
        said = f"{switch.cause}: {switch.detail}" if switch.detail else switch.cause
        do, on_purpose = f"cure the cause, then {GO}", False
    cause = "not_armed" if switch.cause.startswith(NOT_ARMED) else switch.cause
    return Charging(
        yes=False,
        cause=cause,
        since=switch.stopped_at,
        said=said.rstrip("."),
        do=do,
        on_purpose=on_purpose,
    )


def stopped_by_mode(mode: Mode) -> Charging | None:
    """Return why nothing is charged, where the mode says so; None where it charges."""
    if mode is Mode.LIVE:
        return None
    said = {
        Mode.WATCH: "mode watch plans and logs, it neither charges nor writes",
        Mode.LETTERS: "mode letters writes, it never charges",
    }[mode]
    return Charging(
        yes=False,
        cause=f"mode_{mode.value}",
        said=said,
        do=LIVE,
        on_purpose=True,
    )


def _process_missing(alive: Sequence[Living], worker_seen_at: datetime | None) -> Charging | None:
    for kind, command in (("worker", "dunning work"), ("scheduler", "dunning schedule")):
        if not any(process.name.startswith(f"{kind}-") for process in alive):
            return Charging(
                yes=False,
                cause=f"no_{kind}",
                since=worker_seen_at if kind == "worker" else None,
                said=f"no {kind} was heard of for 3 minutes",
                do=f"start one: {command}",
            )
    return None


def _feed_behind(now: datetime, feed_at: datetime | None) -> Charging | None:
    do = "look at Stripe's status page; charges wait until the events are read"
    if feed_at is None:
        return Charging(yes=False, cause="feed", said="Stripe's events were never read", do=do)
    if now - feed_at <= FEED_LAG_MAX:
        return None
    return Charging(
        yes=False,
        cause="feed",
        since=feed_at + FEED_LAG_MAX,
        said=f"Stripe's events are read with {age_words(now - feed_at)} delay",
        do=do,
    )


def charging_line(charging: Charging, words: OfficeWords, *, waiting: int) -> str:
    """Return `CHARGING  yes`, or `CHARGING  NO since 02:14: cause. 3 cases wait … -> do`."""
    if charging.yes:
        return "CHARGING  yes"
    since = ""
    if charging.since is not None:
        ended = charging.cause == "demo_ended"  # its hours are simulated, so the day matters
        when = words.moment(charging.since) if ended else words.near(charging.since)
        since = f" since {when}"
    wait = "No case waits"
    if waiting:
        wait = f"{waiting} {'case waits' if waiting == 1 else 'cases wait'}, none is lost"
    return f"CHARGING  NO{since}: {charging.said}. {wait}. -> {charging.do}"
