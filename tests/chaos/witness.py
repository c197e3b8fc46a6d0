"""What outsiders were told during a run, and whether all of it is still true at the end.

Acknowledged is what somebody could rely on: a webhook answered with 200, a line of the job log
that is written after its commit, a sealed fact that a reader saw.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from worker import clock
from worker.domain.identifiers import KEY_PREFIX

LOOK_EVERY_SECONDS = 0.2
CAME_TO = {"done": "succeeded", "declined": "declined", "action_required": "declined"}

Row = Mapping[str, Any]


class ChainWatcher:
    """Reads the sealed facts' heads from another connection during the run."""

    def __init__(self, database_url: str) -> None:
        """Read *database_url*; connected to when first asked."""
        self._url = database_url
        self._connection: psycopg.Connection | None = None
        self._looked_at = 0.0
        self.seen: dict[int, str] = {}

    def look(self) -> None:
        """Remember the newest sealed facts, now and then."""
        now = clock.monotonic_seconds()
        if now - self._looked_at < LOOK_EVERY_SECONDS:
            return
        self._looked_at = now
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._url, autocommit=True)
            found = self._connection.execute(
                "SELECT position, hash FROM event_chain ORDER BY position DESC LIMIT 20"
            ).fetchall()
        except psycopg.Error:  # it was stopped: what was seen before counts all the more
            self.close()
            return
        for position, mark in found:
            self.seen.setdefault(position, mark)

    def forget_after(self, position: int) -> None:
        """Forget what was sealed after *position*: a dump of before is the ledger now."""
        self.seen = {each: mark for each, mark in self.seen.items() if each <= position}
        self.close()

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def lost(self, chain: Mapping[int, str]) -> list[str]:
        """Return a sentence for each sealed fact that is gone or another one now."""
        return [
            f"the fact sealed at {position} is not there any more"
            for position, mark in sorted(self.seen.items())
            if chain.get(position) != mark
        ]


def read_log(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the job log's lines, and apart the lines that are no JSON."""
    lines, others = [], []
    for text in path.read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            others.append(text)
    return lines, others


def webhooks_lost(lines: Sequence[Row], inbox: set[str]) -> list[str]:
    """Return a sentence for each event that a webhook stored and that is not in the inbox.

    Stripe was answered 200 for it, and will not deliver it again.
    """
    stored = {line["event_id"] for line in lines if line.get("outcome") == "stored"}
    return [f"{event} was taken from a webhook and is gone" for event in sorted(stored - inbox)]


def strange_keys(requests: Sequence[Row], known: set[str]) -> list[str]:
    """Return a sentence for each key under which a charge of ours was carried out, unknown to us.

    After a restore, or beside a double, the ledger has to know every try that Stripe made for it.
    """
    sent = {
        str(one["idempotency_key"])
        for one in requests
        if one["charges"] and str(one["idempotency_key"] or "").startswith(KEY_PREFIX)
    }
    return [f"a charge was made under {key}, and no attempt has it" for key in sorted(sent - known)]


def strangers_let_in(deliveries: Sequence[Row]) -> list[str]:
    """Return a sentence for each forged or replayed delivery that was answered with 200."""
    return [
        f"{one['event']}, {one['result']}, was taken"
        for one in deliveries
        if one["result"] in {"forged", "replayed"} and one["status"] == 200
    ]


def lines_untrue(
    lines: Sequence[Row], attempts: Sequence[Row], letters: Sequence[Row], cases: Sequence[Row]
) -> Iterator[str]:
    """Yield a sentence for each line that tells of a commit whose rows do not show it."""
    made = {(a["invoice_id"], a["no"]): a["state"] for a in attempts}
    written = {(f"C-{one['case_id']}", one["step"], one["notice"]): one["state"] for one in letters}
    closed = {f"C-{one['id']}": one["outcome"] for one in cases if one["state"] == "closed"}
    for line in lines:
        match line["event"]:
            case "attempt":
                told = CAME_TO.get(line["outcome"])
                found = made.get((line["invoice"], line["no"]))
                if found is None or (told is not None and found != told):
                    yield f"{line['case']} attempt {line['no']}: told {told}, is {found}"
            case "letter" | "letter.unknown" if line.get("state") != "waits":
                found = written.get((line["case"], line["step"], line["notice"]))
                if found != line["state"]:
                    yield f"{line['case']} {line['step']}: told {line['state']}, is {found}"
            case "case.closed":
                if closed.get(line["case"]) != line["outcome"]:
                    yield f"{line['case']}: told {line['outcome']}, is {closed.get(line['case'])}"
