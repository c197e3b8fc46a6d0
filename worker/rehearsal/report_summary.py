"""The report's figures: what summary.json says, and whose money came back how."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from worker.domain.money import Money
from worker.rehearsal.report_markup import amount, joined, state_mark, table
from worker.rehearsal.report_words import RECOVERED_BY, notice_words, plural

CHECKS = {
    "invoices_charged_twice": "invoices charged twice",
    "charges_after_end": "charges after the end",
    "letters_twice": "letters sent twice",
    "network_rule_violations": "network rules broken",
    "invariants_broken": "promises of the ledger broken",
}


def figures(summary: Mapping[str, Any]) -> Markup:
    """Return the figures that come first."""
    failed, recovered = int(summary["failures_found"]), int(summary["recovered"]["count"])
    share = f"{100 * recovered / failed:.0f} % of them" if failed else "none failed"
    letters = summary["letters"]
    churned = summary["churned"]
    told = (
        ("Payments failed", failed, f"beside {plural(int(summary['renewals']), 'renewal')}"),
        ("Recovered", recovered, share),
        ("Retries", summary["retries"], "charges of ours after a failure"),
        ("Letters", sum(letters.values()), plural(len(letters), "kind")),
        (
            "Subscriptions lost",
            churned["involuntary"] + churned["voluntary"],
            f"{churned['involuntary']} unpaid, {churned['voluntary']} by choice",
        ),
    )
    return Markup('<dl class="figures card">{}</dl>').format(
        joined(
            Markup('<div class="figure"><dt>{}</dt><dd>{}</dd><dd>{}</dd></div>').format(*each)
            for each in told
        )
    )


def verdict(checks: Mapping[str, int]) -> Markup:
    """Return what was counted from outside: the sandbox's own log and the mail that arrived."""
    broken = any(checks.values())
    said = "Something is wrong." if broken else "Nothing is wrong."
    rows = joined(
        Markup("<li{}>{} {}</li>").format(
            Markup(' class="some"') if count else Markup(""),
            count,
            CHECKS.get(name) or name.replace("_", " "),
        )
        for name, count in checks.items()
    )
    return Markup(
        '<section class="card verdict{}" aria-label="Checks"><h2>{}</h2>'
        '<p class="soft">Counted from outside, in the log of the Stripe sandbox and in the'
        " mail that arrived, not from the worker’s own tables.</p><ul>{}</ul></section>"
    ).format(" broken" if broken else "", said, rows)


def recovered_table(recovered: Mapping[str, Any]) -> Markup:
    """Return whose act brought the money, with one amount per currency and no sum over them."""
    counts: Mapping[str, int] = recovered["by"]
    money = {
        by: {each["currency"]: int(each["amount_minor"]) for each in amounts}
        for by, amounts in recovered["by_amounts"].items()
    }
    rows = [
        (
            RECOVERED_BY.get(by) or by or "unknown",
            str(counts[by]),
            _amounts(money[by]),
        )
        for by in sorted(counts, key=lambda name: (-counts[name], name))
    ]
    everything = {each["currency"]: int(each["amount_minor"]) for each in recovered["amounts"]}
    rows.append(("All together", str(sum(counts.values())), _amounts(everything)))
    return table(
        ("Recovered by", "Cases", "Money"),
        rows,
        caption="Recovered payments by what recovered them",
        right=frozenset((1,)),
    )


def _amounts(per_currency: Mapping[str, int]) -> Markup:
    pieces = (amount(Money(minor, currency)) for currency, minor in sorted(per_currency.items()))
    return Markup(" · ").join(pieces)


def letters_table(letters: Mapping[str, int]) -> Markup:
    """Return how many letters of each kind went out."""
    rows = [
        (notice_words(notice), str(count))
        for notice, count in sorted(letters.items(), key=lambda each: (-each[1], each[0]))
    ]
    return table(("Letter", "Sent"), rows, caption="Letters by kind", right=frozenset((1,)))


def endings_table(cases: Mapping[str, int]) -> Markup:
    """Return how the cases stand."""
    rows = [
        (state_mark(name, ""), str(count))
        for name, count in sorted(cases.items(), key=lambda each: (-each[1], each[0]))
    ]
    return table(("Cases now", "Count"), rows, caption="Cases by state", right=frozenset((1,)))


def calendar_table(summary: Mapping[str, Any]) -> Markup:
    """Return what the calendar brought."""
    rows = [
        ("Renewals", str(summary["renewals"])),
        ("Trials that ended", str(summary["trials_ended"])),
        ("Cards about to expire", str(summary["cards_expiring"])),
        ("Subscriptions that ended unpaid", str(summary["churned"]["involuntary"])),
        ("Subscriptions cancelled by choice", str(summary["churned"]["voluntary"])),
    ]
    return table(("Calendar", "Count"), rows, caption="Calendar", right=frozenset((1,)))
