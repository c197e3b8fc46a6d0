"""report.html of a rehearsal: one file for a person, with nothing to fetch and nothing to run."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from worker import clock
from worker.bootstrap import notices_in
from worker.domain.identifiers import case_name
from worker.errors import ConfigError
from worker.pages.markup import whole_page
from worker.rehearsal import report_markup as markup
from worker.rehearsal import report_summary as summary_parts
from worker.rehearsal.driver_config import REHEARSED_CONFIG
from worker.rehearsal.report_chart import Series, Width, curves
from worker.rehearsal.report_letters import Letter, read_letter_files
from worker.rehearsal.report_story import case_story
from worker.rehearsal.report_words import NOTICES, Words, plural
from worker.settings.environment import read_environment
from worker.settings.load import load_configuration
from worker.store.ledger import PostgresLedger, account_known, connect
from worker.store.reading import list_cases, snapshot
from worker.store.reading_case import CaseRecord, read_case
from worker.store.reading_report import LetterRow, read_cards, read_letters
from worker.store.reading_status import read_switch

REPORT = "report.html"
SUMMARY = "summary.json"


@dataclass(frozen=True, slots=True)
class Told:
    """What the report tells, read at one moment."""

    summary: Mapping[str, Any]
    records: Sequence[CaseRecord]
    rows: Sequence[LetterRow]
    letters: Sequence[Letter]
    cards: Mapping[str, str]
    end_at: datetime
    words: Words

    @property
    def start_at(self) -> datetime:
        """When the simulated days began."""
        return self.end_at - timedelta(days=int(self.summary["simulated_days"]))


def write_report(out: Path, *, database_url: str) -> Path:
    """Write report.html into *out*, the folder of a rehearsal, and return its path.

    Reads summary.json, mail/*.eml and the ledger. Raises: ConfigError: there is no summary;
    ServiceUnavailable: the database is away.
    """
    path = out / REPORT
    path.write_text(str(report_page(_read(out, database_url))), encoding="utf-8")
    return path


def _read(out: Path, database_url: str) -> Told:
    environment = read_environment({"DATABASE_URL": database_url}, frozenset(("DATABASE_URL",)))
    engine = connect(environment.sqlalchemy_url or "", pool_size=1)
    try:
        ledger = PostgresLedger(engine, account_known(engine))
        with snapshot(ledger) as connection:
            account_id = ledger.account_id
            rows = read_letters(connection, account_id)
            switch = read_switch(connection, account_id)
            wall_now = clock.wall_now()
            now = (switch.business_at if switch is not None else None) or wall_now
            return Told(
                summary=_summary(out),
                records=[
                    read_case(connection, account_id, line.id, now=now, wall_now=wall_now)
                    for line in list_cases(connection, account_id)
                ],
                rows=rows,
                letters=read_letter_files(
                    out / "mail", {row.message_id: row.notice for row in rows}
                ),
                cards=read_cards(connection, account_id),
                end_at=now,
                words=Words(office_zone_in(out / REHEARSED_CONFIG)),
            )
    finally:
        engine.dispose()


def _summary(out: Path) -> Mapping[str, Any]:
    try:
        told: Mapping[str, Any] = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ConfigError(f"{out / SUMMARY} cannot be read: run `make demo` first.") from problem
    return told


def office_zone_in(config_dir: Path) -> ZoneInfo:
    """Return the office's zone as *config_dir* says it; UTC where that cannot be read."""
    try:
        configuration = load_configuration(config_dir, notices_here())
    except ConfigError:
        return ZoneInfo("UTC")
    return ZoneInfo(configuration.dunning.office_zone)


def notices_here() -> frozenset[str]:
    """Return the letters that a configuration of a rehearsal may name."""
    templates_dir = Path(os.environ.get("TEMPLATES_DIR") or "templates")
    return frozenset(NOTICES) | notices_in(templates_dir)


def report_page(told: Told) -> Markup:
    """Return the whole page."""
    style = markup.joined(
        markup.page_file(name) for name in ("shared.css", "report.css", "stories.css")
    )
    body = markup.page_file("report.html").format(
        head=_head(told),
        figures=summary_parts.figures(told.summary),
        verdict=summary_parts.verdict(told.summary["checks"]),
        curve=_curve(told),
        recovered=summary_parts.recovered_table(told.summary["recovered"]),
        endings=summary_parts.endings_table(told.summary["cases"]),
        calendar=summary_parts.calendar_table(told.summary),
        letter_counts=summary_parts.letters_table(told.summary["letters"]),
        cases=markup.cases_table(
            (record.line for record in told.records), told.words, address="#{}"
        ),
        gallery=_gallery(told),
        stories=_stories(told),
    )
    return whole_page(
        title="Report of a dunning rehearsal",
        style=style,
        body=body,
        also="; img-src data:; frame-src 'self' data:",
    )


def _head(told: Told) -> Markup:
    summary, words = told.summary, told.words
    return Markup(
        '<h1>{} of dunning</h1><p class="soft">{} to {} (simulated) · {} · seed {} ·'
        " times in {}</p>"
    ).format(
        plural(int(summary["simulated_days"]), "day"),
        words.date(told.start_at),
        words.date(told.end_at),
        plural(int(summary["subscribers"]), "subscriber"),
        summary["seed"],
        words.zone.key,
    )


def _curve(told: Told) -> Markup:
    closed = [
        (record.line.outcome, record.line.closed_at)
        for record in told.records
        if record.line.closed_at is not None and record.case.unpaid_from_at is not None
    ]
    series = (
        Series("failed", tuple(_failed_at(told))),
        Series("recovered", tuple(at for how, at in closed if how.startswith("recovered"))),
        Series("ended", tuple(at for how, at in closed if not how.startswith("recovered"))),
    )
    return markup.joined(
        curves(series, start_at=told.start_at, end_at=told.end_at, words=told.words, width=width)
        for width in Width
    )


def _failed_at(told: Told) -> Iterator[datetime]:
    """Yield when each case's invoice began to be unpaid; one not due yet is no failure."""
    for record in told.records:
        since = record.case.unpaid_from_at
        if since is not None and since <= told.end_at:
            yield since


def _gallery(told: Told) -> Markup:
    first: dict[str, Letter] = {}
    for letter in told.letters:
        first.setdefault(letter.notice, letter)
    order = [*(notice for notice in NOTICES if notice in first), *(set(first) - set(NOTICES))]
    return markup.joined(
        Markup("<figure><figcaption>{}</figcaption>{}</figure>").format(
            markup.letter_head(first[notice]), markup.letter_frame(first[notice], lazy=False)
        )
        for notice in order
    )


def _stories(told: Told) -> Markup:
    return markup.joined(_story(told, record) for record in told.records)


def _story(told: Told, record: CaseRecord) -> Markup:
    line, words = record.line, told.words
    rows = [row for row in told.rows if row.case_id == line.id]
    ids = {row.message_id for row in rows}
    frames = {
        letter.message_id: Markup('<details><summary dir="auto">{}</summary>{}</details>').format(
            letter.subject, markup.letter_frame(letter)
        )
        for letter in told.letters
        if letter.message_id in ids
    }
    entries = case_story(record, rows, cards=told.cards, words=words)
    return Markup(
        '<article class="card" id="{name}" aria-labelledby="{name}-title"><header>'
        '<h3 id="{name}-title">{name} · <bdi>{who}</bdi></h3>'
        "<p>{state} {amount} <span>invoice {invoice}</span></p>{others}"
        '<p class="back"><a href="#cases">All cases</a></p></header>{story}</article>'
    ).format(
        name=case_name(line.id),
        who=line.customer_name or line.customer_id,
        state=markup.state_mark(line.state, line.outcome),
        amount=markup.amount(line.owed),
        invoice=line.invoice_number or line.invoice_id,
        others=_others(record),
        story=markup.story(entries, words, frames),
    )


def _others(record: CaseRecord) -> Markup:
    if not record.others:
        return markup.NOTHING
    links = Markup(" ").join(markup.case_link(line.id, "#{}") for line in record.others)
    return Markup("<p>Other cases of this customer: {}</p>").format(links)
