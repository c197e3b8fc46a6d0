"""What `dunning import` takes: kinds of files, their columns, and how a cell is read.

Each row has a `key` of the operator's: the same key is the same row for ever, so a file may be
imported again, whole or longer, and adds only what is new.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from worker.domain.money import KNOWN, wire_decimals

CELL_LENGTH_MAX = 10_000
KEY_LENGTH_MAX = 200
AHEAD_MAX = timedelta(days=1)
"""Clocks and zones differ by so much; what is later has not happened."""
WHOLE_MAX = 1_000_000_000
"""A larger figure is a slip of the pen; and every sum of them fits the ledger."""

SURVEY_SCALES: Mapping[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
"""Lowest and highest answer of each survey."""

_WHOLE = re.compile(r"-?\d{1,12}")
_DECIMAL = re.compile(r"\d{1,9}(\.\d{1,4})?")
_CUSTOMER = re.compile(r"cus_\w{1,60}")

Reader = Callable[[str, ZoneInfo], object]
"""Reads a cell: a JSON-able value, or an aware instant. Raises: ValueError: what to write."""


@dataclass(frozen=True, slots=True)
class ImportColumn:
    """One column of a file."""

    name: str
    read: Reader
    example: str
    means: str
    required: bool = True
    happened: bool = False
    """Whether it is a time that cannot be to come; costs may be booked ahead."""


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """One row, read: its parts that the ledger keeps in columns, and the rest."""

    line: int
    key: str
    at: datetime
    """When it happened: it counts in the period that holds this instant."""
    customer_id: str
    data: Mapping[str, object]
    words: str = ""
    """A comment as somebody wrote it: the only part that may be personal data."""


@dataclass(frozen=True, slots=True)
class ImportKind:
    """One kind of file."""

    name: str
    at_column: str
    """The column whose time decides in which period a row counts."""
    columns: tuple[ImportColumn, ...]
    check: Callable[[Mapping[str, object]], Mapping[str, object]] = lambda data: data
    """Looks at the cells together and returns what is kept. Raises: BadCellError."""


class BadCellError(ValueError):
    """A cell that does not fit the others of its row."""

    def __init__(self, column: str, sentence: str) -> None:
        """Name the column."""
        super().__init__(sentence)
        self.column = column


def read_row(
    kind: ImportKind, line: int, cells: Mapping[str, str], zone: ZoneInfo, *, now: datetime
) -> ImportedRow | list[str]:
    """Return the row, or for each bad cell its column and a sentence: `score: 11 is ...`.

    Args: cells: by column, trimmed; one that is missing is empty; zone: in which a day begins;
    now: what happened is not later.
    """
    data: dict[str, object] = {}
    problems = []
    for column in kind.columns:
        written = cells.get(column.name, "")
        if not written:
            if column.required:
                problems.append(f"{column.name}: is empty; write {column.means}.")
            continue
        try:
            data[column.name] = _read_cell(column, written, zone, now)
        except ValueError as error:
            problems.append(f"{column.name}: {error}")
    if problems:
        return problems
    try:
        kept = dict(kind.check(data))
    except BadCellError as error:
        return [f"{error.column}: {error}"]
    key, at = str(kept.pop("key")), kept.pop(kind.at_column)
    assert isinstance(at, datetime)  # noqa: S101 (narrows the type: its column reads a time)
    customer_id, words = str(kept.pop("customer", "")), str(kept.pop("comment", ""))
    plain = {name: _plain(value) for name, value in kept.items()}
    return ImportedRow(line, key, at, customer_id, plain, words)


def _read_cell(column: ImportColumn, written: str, zone: ZoneInfo, now: datetime) -> object:
    if len(written) > CELL_LENGTH_MAX:
        raise ValueError(f"has {len(written)} letters; at most {CELL_LENGTH_MAX} are kept.")
    value = column.read(written, zone)
    if column.happened and isinstance(value, datetime) and value > now + AHEAD_MAX:
        today = now.astimezone(zone).date()
        raise ValueError(f"{_shown(written)} is to come, today is {today}; write when it happened.")
    return value


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _shown(written: str) -> str:
    return f"`{written[:40]}…`" if len(written) > 40 else f"`{written}`"


def _text(written: str, _zone: ZoneInfo) -> str:
    return written


def _key(written: str, _zone: ZoneInfo) -> str:
    if len(written) > KEY_LENGTH_MAX:
        raise ValueError(f"has {len(written)} letters; a key has at most {KEY_LENGTH_MAX}.")
    return written


def _customer(written: str, _zone: ZoneInfo) -> str:
    if not _CUSTOMER.fullmatch(written):
        raise ValueError(f"{_shown(written)} is no customer; write Stripe's id, as cus_9Blue.")
    return written


def _instant(written: str, zone: ZoneInfo) -> datetime:
    try:
        if len(written) == len("2026-11-02"):
            return datetime.combine(date.fromisoformat(written), time(), zone)
        at = datetime.fromisoformat(written)
    except ValueError:
        raise ValueError(
            f"{_shown(written)} is no time; write 2026-11-02 or 2026-11-02T14:30:00Z."
        ) from None
    if not 2000 <= at.year < 2100:
        raise ValueError(f"{_shown(written)} is of no year between 2000 and 2099.")
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


def _whole(least: int, most: int) -> Reader:
    def read(written: str, _zone: ZoneInfo) -> int:
        if not _WHOLE.fullmatch(written) or not least <= int(written) <= most:
            raise ValueError(
                f"{_shown(written)} does not fit; write a whole number, {least} to {most}."
            )
        return int(written)

    return read


def _percentage(written: str, _zone: ZoneInfo) -> str:
    if not _DECIMAL.fullmatch(written) or Decimal(written) > 100:
        raise ValueError(f"{_shown(written)} does not fit; write 0 to 100, as in 72.5.")
    return written


def _currency(written: str, _zone: ZoneInfo) -> str:
    code = written.lower()
    if code not in KNOWN:
        raise ValueError(f"{_shown(written)} is no currency; write its code, as in eur.")
    return code


def _amount(written: str, _zone: ZoneInfo) -> str:
    if not re.fullmatch(r"\d{1,12}(\.\d{1,3})?", written):
        raise ValueError(
            f"{_shown(written)} is no amount; write it with a point and without signs: 1250.00."
        )
    return written


def _survey(written: str, _zone: ZoneInfo) -> str:
    name = written.lower()
    if name not in SURVEY_SCALES:
        raise ValueError(
            f"{_shown(written)} is no survey; write one of {', '.join(SURVEY_SCALES)}."
        )
    return name


def _check_answer(data: Mapping[str, object]) -> Mapping[str, object]:
    least, most = SURVEY_SCALES[str(data["survey"])]
    score = data["score"]
    if not isinstance(score, int) or not least <= score <= most:
        raise BadCellError(
            "score", f"`{score}` does not fit; answers to {data['survey']} are {least} to {most}."
        )
    return data


def _check_cost(data: Mapping[str, object]) -> Mapping[str, object]:
    currency, amount = str(data["currency"]), Decimal(str(data["amount"]))
    minor = amount.scaleb(wire_decimals(currency))
    if minor != int(minor):
        places = wire_decimals(currency)
        said = f"{places} decimals" if places else "no decimals"
        raise BadCellError("amount", f"`{data['amount']}` does not fit; {currency} has {said}.")
    rest = {name: value for name, value in data.items() if name != "amount"}
    return rest | {"amount_minor": int(minor)}


def _check_ticket(data: Mapping[str, object]) -> Mapping[str, object]:
    opened, resolved = data["opened_at"], data.get("resolved_at")
    if isinstance(opened, datetime) and isinstance(resolved, datetime) and resolved < opened:
        raise BadCellError("resolved_at", "is before opened_at.")
    return data


_KEY = ImportColumn("key", _key, "A-1042", "a number or name that this row has for ever")
_OF_CUSTOMER = ImportColumn(
    "customer", _customer, "cus_9Blue", "Stripe's id of the customer", required=False
)
_TIME = "a day or an instant"

KINDS: Mapping[str, ImportKind] = {
    kind.name: kind
    for kind in (
        ImportKind(
            "surveys",
            "answered_at",
            (
                _KEY,
                ImportColumn("survey", _survey, "nps", "nps, csat or ces"),
                ImportColumn(
                    "score",
                    _whole(0, 10),
                    "9",
                    "the answer: nps 0 to 10, csat 1 to 5, ces 1 (hard) to 7 (easy)",
                ),
                ImportColumn("answered_at", _instant, "2026-11-02", _TIME, happened=True),
                _OF_CUSTOMER,
                ImportColumn("comment", _text, "too expensive", "the words", required=False),
            ),
            _check_answer,
        ),
        ImportKind(
            "tickets",
            "opened_at",
            (
                _KEY,
                ImportColumn("opened_at", _instant, "2026-11-02T14:30:00Z", _TIME, happened=True),
                ImportColumn(
                    "resolved_at",
                    _instant,
                    "2026-11-03T09:00:00Z",
                    "a day or an instant; empty while it is open",
                    required=False,
                    happened=True,
                ),
                ImportColumn(
                    "contacts",
                    _whole(0, 10_000),
                    "1",
                    "how often the customer was answered",
                ),
                _OF_CUSTOMER,
            ),
            _check_ticket,
        ),
        ImportKind(
            "retention_costs",
            "spent_at",
            (
                _KEY,
                ImportColumn("spent_at", _instant, "2026-11-30", _TIME),
                ImportColumn("amount", _amount, "1250.00", "an amount in whole units"),
                ImportColumn("currency", _currency, "eur", "a currency's code"),
                ImportColumn("what", _text, "save desk", "what it was for", required=False),
            ),
            _check_cost,
        ),
        ImportKind(
            "health",
            "measured_at",
            (
                _KEY,
                ImportColumn("customer", _customer, "cus_9Blue", "Stripe's id of the customer"),
                ImportColumn("measured_at", _instant, "2026-11-30", _TIME, happened=True),
                ImportColumn(
                    "input", _text, "usage", "a name that `metrics: health` in dunning.yaml weighs"
                ),
                ImportColumn("value", _percentage, "72.5", "0 (bad) to 100 (good)"),
            ),
        ),
    )
}
"""Every kind of file by its name; README prints the columns."""


def imports_table() -> str:
    """Return every column of every kind as a Markdown table, for README."""
    heading = "| file | column | write | example |\n|---|---|---|---|"
    rows = (
        f"| `{kind.name}` | `{column.name}`{'' if column.required else ' (may be empty)'} |"
        f" {column.means} | `{column.example}` |"
        for kind in KINDS.values()
        for column in kind.columns
    )
    return "\n".join((heading, *rows))
