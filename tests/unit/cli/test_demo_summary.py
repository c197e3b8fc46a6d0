"""What the demo prints at its end reads as the report beside it."""

import io

from rich.console import Console

from worker.cli.demo import print_summary
from worker.rehearsal.checks import Checks


def test_money_is_written_as_in_the_report() -> None:
    """`$330.00` could be anybody's dollar."""
    amounts = [
        {"amount_minor": 58800, "currency": "eur"},
        {"amount_minor": 1440, "currency": "jpy"},
        {"amount_minor": 40000, "currency": "kwd"},
        {"amount_minor": 33000, "currency": "usd"},
    ]
    summary = {
        "recovered": {"count": 4, "amounts": amounts, "by": {"retry": 4}},
        "letters": {"payment_failed_1": 9},
        "cases": {"recovered": 4},
        "churned": {"voluntary": 1, "involuntary": 2},
        "failures_found": 6,
        "retries": 8,
        "renewals": 20,
        "trials_ended": 3,
        "cards_expiring": 2,
        "wall_seconds": 12.5,
        "simulated_days": 45,
    }
    written = io.StringIO()
    print_summary(Console(file=written, width=200), summary, Checks(0, 0, 0, 0, 0))
    lines = written.getvalue().splitlines()
    assert "Recovered  4: €588.00 JP¥1,440 KWD40.000 US$330.00 (4 by retry)" in lines
    assert not any(line.startswith("BROKEN") for line in lines)
