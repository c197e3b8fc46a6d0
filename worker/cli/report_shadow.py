"""`dunning report shadow`: what `mode: watch` would have done, beside what happened at Stripe.

Whether a charge of ours would have been paid nobody knows; so nothing here says what it would have
brought, only what was owed and what became of it without us.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.cli.data_dir import View
from worker.cli.report_money_words import STANDINGS, count_scale, plain_words
from worker.cli.report_parts import Cell, Column, Part, Share, Table
from worker.domain.identifiers import case_name
from worker.domain.metric import Period
from worker.domain.money import Money
from worker.pages.charts import Chart, Kind, Mark, Series
from worker.store.reading import snapshot
from worker.store.reading_shadow import ShadowCase, read_shadow, read_shadow_letters
from worker.store.reading_status import read_switch

NOTHING_WATCHED = (
    "No act was watched in this period: set mode: watch in dunning.yaml and let it run for a week."
)

_HOW_COUNTED = (
    "Paid since is paid by anybody in any way until now. What a charge of ours would have brought"
    " is not known; each is counted as if the one before had been declined."
)

_TOO_EARLY = (
    "Look first at those that would have been ended and paid after that: the ending would have come"
    " too early for them."
)
_AT_STRIPE = (
    "Tries at Stripe are charges after the first failure by Stripe itself, or by customers on"
    " Stripe's pages: its events do not tell the two apart. An invoice that Stripe retries itself"
    " stays Stripe's: this worker would only write about it and, where the policy says so, end it."
)


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """What was watched in a period, and what happened without us until now."""

    account: str
    live: bool
    now: datetime
    period: Period
    cases: tuple[ShadowCase, ...]
    letters: tuple[tuple[str, int], ...]

    @property
    def currencies(self) -> tuple[str, ...]:
        """Every currency there is, by name."""
        return tuple(sorted({each.currency for each in self.cases}))


def read_shadow_report(view: View, period: Period) -> ShadowReport:
    """Return the report of a period. Raises: ServiceUnavailable: the database is away."""
    account = view.ledger.account_id
    with snapshot(view.ledger) as connection:
        switch = read_switch(connection, account)
        return ShadowReport(
            account=account,
            live=switch is not None and switch.live,
            now=view.now,
            period=period,
            cases=tuple(read_shadow(connection, account, period, now=view.now)),
            letters=tuple(read_shadow_letters(connection, account, period)),
        )


def shadow_parts(report: ShadowReport) -> tuple[Part, ...]:
    """Return all parts: for each currency what would have been done, then the letters."""
    by_currency = [
        part
        for currency in report.currencies
        for part in (_acts_part(report, currency), _cases_part(report, currency))
    ]
    return (*by_currency, *([_letters_part(report)] if report.letters else []))


def _acts_part(report: ShadowReport, currency: str) -> Part:
    found = [each for each in report.cases if each.currency == currency]
    charged = [each for each in found if each.charges]
    ended = [each for each in found if each.ending_at is not None]
    paid_later = [each for each in charged if _is_after(each.paid_at, each.first_charge_at)]
    groups: tuple[tuple[str, Sequence[ShadowCase]], ...] = (
        ("any act", found),
        ("would have charged", charged),
        ("… and paid only after our first charge", paid_later),
        ("tried at Stripe meanwhile", [each for each in found if each.stripe_tries]),
        ("would have written to", [each for each in found if each.letters]),
        ("would have ended", ended),
        ("… and paid after that", [e for e in ended if _is_after(e.paid_at, e.ending_at)]),
    )
    rows = tuple(_row(said, cases, currency) for said, cases in groups)
    columns = (
        Column("act", "Invoices", figures=False),
        Column("invoices", "Count"),
        Column("amount_minor", "Owed"),
        Column("acts", "Charges of ours"),
        Column("stripe_tries", "Tries at Stripe"),
        Column("paid", "Paid since"),
        Column("paid_share", "Of them"),
        Column("paid_minor", "Came in"),
    )
    drawn = [groups[1], groups[4], groups[5]]
    chart = Chart(
        id=f"shadow-{currency}",
        title="What would have been done, and what was paid without it",
        description="Invoices with an act that fell due while the worker only watched.",
        kind=Kind.BARS,
        labels=tuple(said for said, _ in drawn),
        series=(
            _counts("invoices", [len(cases) for _, cases in drawn], Mark.BEFORE),
            _counts("of them paid since", [len(_paid(cases)) for _, cases in drawn], Mark.GOOD),
        ),
        scale=count_scale,
    )
    notes = (_HOW_COUNTED, _TOO_EARLY, _AT_STRIPE)
    table = Table("What would have been done, and what happened", columns, rows)
    title = "What it would have done"
    return Part("shadow", currency, title, notes, table, (chart,))


def _is_after(at: datetime | None, other: datetime | None) -> bool:
    return at is not None and other is not None and at > other


def _paid(cases: Iterable[ShadowCase]) -> list[ShadowCase]:
    return [each for each in cases if each.paid_at is not None]


def _counts(name: str, values: list[int], mark: Mark) -> Series:
    return Series(name, tuple(values), mark, tuple(str(value) for value in values))


def _row(said: str, cases: Sequence[ShadowCase], currency: str) -> tuple[Cell, ...]:
    paid = _paid(cases)
    return (
        said,
        len(cases),
        Money(sum(each.amount_minor for each in cases), currency),
        sum(each.charges for each in cases),
        sum(each.stripe_tries for each in cases),
        len(paid),
        Share(len(paid), len(cases), basis=len(cases)),
        Money(sum(each.paid_minor for each in paid), currency),
    )


def _cases_part(report: ShadowReport, currency: str) -> Part:
    rows = tuple(
        (
            case_name(each.case_id),
            Money(each.amount_minor, currency),
            each.charges,
            each.first_charge_at or "",
            each.letters,
            each.other,
            each.ending_at or "",
            each.stripe_tries,
            STANDINGS.get(each.standing, plain_words(each.standing)),
            each.paid_at or "",
        )
        for each in report.cases
        if each.currency == currency
    )
    columns = (
        Column("case", "Case", figures=False),
        Column("amount_minor", "Owed"),
        Column("charges", "Charges"),
        Column("first_charge_at", "The first", figures=False),
        Column("letters", "Letters"),
        Column("access", "Access"),
        Column("ending_at", "Ending", figures=False),
        Column("stripe_tries", "Tries at Stripe"),
        Column("standing", "Now", figures=False),
        Column("paid_at", "Paid", figures=False),
    )
    notes = ("The story of a case, with each act that was only watched: dunning case.",)
    table = Table("Each case", columns, rows)
    return Part("shadow_cases", currency, "Case by case", notes, table)


def _letters_part(report: ShadowReport) -> Part:
    rows = tuple((plain_words(notice), count) for notice, count in report.letters)
    columns = (Column("letter", "Letter", figures=False), Column("count", "Would have gone out"))
    notes = ("Also those that a date asks for: renewals, trials, cards that expire.",)
    table = Table("Letters that would have gone out", columns, rows)
    return Part("shadow_letters", "", "Letters", notes, table)
