"""What the first page shows of the ledger and the inbox, read at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from worker import clock
from worker.domain.policy import Mode
from worker.errors import ConfigError
from worker.ports import ConfigVersion
from worker.rehearsal.report import notices_here
from worker.rehearsal.report_letters import Letter, read_letter_files
from worker.rehearsal.report_story import Entry, case_story
from worker.rehearsal.report_words import Words
from worker.settings.stored_version import configuration_of_version
from worker.store.ledger import PostgresLedger
from worker.store.reading import CaseLine, list_cases, snapshot
from worker.store.reading_case import read_case
from worker.store.reading_report import LetterRow, read_cards, read_letters
from worker.store.reading_status import (
    CaseCounts,
    LetterCounts,
    Switch,
    count_cases,
    count_letters,
    read_switch,
)


@dataclass(frozen=True, slots=True)
class Overview:
    """The ledger in a few figures, with its cases, newest first."""

    switch: Switch | None
    mode: Mode
    """Of the version that is current; a ledger without one counts as live."""
    counts: CaseCounts
    letter_counts: LetterCounts
    cases: Sequence[CaseLine]


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case with its story; `letters` are those that arrived, by Message-ID."""

    line: CaseLine
    entries: Sequence[Entry]
    letters: Mapping[str, Letter]


class Reading:
    """Reads the ledger and the inbox's folder; safe to share between threads."""

    def __init__(self, ledger: PostgresLedger, mail_dir: Path, words: Words) -> None:
        """Read *ledger* and the mails in *mail_dir*; times are worded by *words*."""
        self._ledger, self._mail_dir, self._words = ledger, mail_dir, words
        self._known_mode = (0, Mode.LIVE)

    def overview(self, now: datetime) -> Overview:
        """Return the figures as of *now*, simulated time."""
        account_id, mode = self._ledger.account_id, self._mode()
        with snapshot(self._ledger) as connection:
            return Overview(
                mode=mode,
                switch=read_switch(connection, account_id),
                counts=count_cases(connection, account_id, now=now),
                letter_counts=count_letters(connection, account_id),
                cases=_waiting_first(list(list_cases(connection, account_id))),
            )

    def _mode(self) -> Mode:
        """Return the mode of the current version, whose files are read once for each."""
        with self._ledger.begin() as tx:
            version = tx.versions.current()
        if version is not None and version.no != self._known_mode[0]:
            self._known_mode = (version.no, _mode_of(version))
        return self._known_mode[1]

    def cases_of(self, customer_id: str) -> list[CaseLine]:
        """Return the cases of one customer."""
        with snapshot(self._ledger) as connection:
            lines = list(list_cases(connection, self._ledger.account_id))
        return [line for line in lines if line.customer_id == customer_id]

    def case(self, case_id: int) -> CaseView | None:
        """Return one case, or None where there is none with this number."""
        account_id = self._ledger.account_id
        with snapshot(self._ledger) as connection:
            lines = list(list_cases(connection, account_id, ids=[case_id]))
            if not lines:
                return None
            wall_now, switch = clock.wall_now(), read_switch(connection, account_id)
            now = (switch.business_at if switch is not None else None) or wall_now
            record = read_case(connection, account_id, case_id, now=now, wall_now=wall_now)
            rows = [row for row in read_letters(connection, account_id) if row.case_id == case_id]
            cards = read_cards(connection, account_id)
        entries = case_story(record, rows, cards=cards, words=self._words)
        ids = {row.message_id for row in rows}
        letters = {one.message_id: one for one in self._mails(rows) if one.message_id in ids}
        return CaseView(lines[0], entries, letters)

    def letters(self) -> list[tuple[Letter, LetterRow | None]]:
        """Return the mails that arrived, newest first, each with what the ledger knows of it."""
        with snapshot(self._ledger) as connection:
            rows = read_letters(connection, self._ledger.account_id)
        known = {row.message_id: row for row in rows}
        return [(one, known.get(one.message_id)) for one in reversed(self._mails(rows))]

    def _mails(self, rows: Sequence[LetterRow]) -> list[Letter]:
        return read_letter_files(self._mail_dir, {row.message_id: row.notice for row in rows})


def _mode_of(version: ConfigVersion) -> Mode:
    try:
        return configuration_of_version(version, notices_here()).dunning.mode
    except ConfigError:  # written for another release; `dunning status` tells of it
        return Mode.LIVE


def _waiting_first(lines: list[CaseLine]) -> list[CaseLine]:
    return sorted(lines, key=lambda line: (line.state == "closed", -line.id))
