"""The proof report's facts: use of each card's windows, stops, and breaches with what is behind."""

from datetime import timedelta
from typing import Any

from tests.unit.domain.network_tries_building import (
    LIMITS,
    NOW,
    ago,
    every_hour,
    paid,
    signals,
    tried,
)
from worker.domain.network_rules import MadeBy
from worker.domain.network_usage import usage, violations

OURS: dict[str, Any] = {"made_by": MadeBy.WORKER}
LOST = signals(decline_code="lost_card")


def test_nothing_tried_is_nothing_used() -> None:
    assert usage([], LIMITS) == ()
    assert violations([], LIMITS) == ()


def test_a_try_of_ours_beyond_the_limit_is_a_breach_with_the_window_behind_it() -> None:
    others = every_hour(15, ago(days=1))
    ours = tried(NOW, **OURS)
    (breach,) = violations([*others, ours], LIMITS)
    assert (breach.rule, breach.network, breach.card) == ("visa_30_days", "visa", "card_a")
    assert breach.reason == "Visa: 15 of 15 tries in 30 days"
    assert (breach.tried, set(breach.behind)) == (ours, set(others))


def test_tries_of_others_are_no_breaches_however_many() -> None:
    others = [*every_hour(60, NOW), tried(NOW, LOST), tried(NOW, made_by=MadeBy.CUSTOMER)]
    assert violations(others, LIMITS) == ()
    (row,) = usage(others, LIMITS)
    assert (row.windows[0].highest, row.windows[0].limit) == (62, 15)


def test_a_try_that_never_reached_the_network_is_no_breach() -> None:
    sent = signals(outcome_type="invalid", network_status="not_sent_to_network")
    history = [*every_hour(15, ago(days=1)), tried(NOW, sent, **OURS)]
    assert violations(history, LIMITS) == ()
    (row,) = usage(history, LIMITS)
    assert (len(row.tries), row.uncounted, row.made_by(MadeBy.WORKER)) == (15, 1, 0)


def test_each_rule_that_one_try_breaks_is_named() -> None:
    wait = signals(decline_code="insufficient_funds", network_advice_code="27")
    history = [
        *every_hour(10, ago(hours=2), brand="mastercard"),
        tried(ago(hours=1), wait, brand="mastercard"),
        tried(ago(minutes=30), LOST, brand="mastercard"),
        tried(NOW, brand="mastercard", **OURS),
    ]
    rules = [breach.rule for breach in violations(history, LIMITS)]
    assert rules == ["stop_signal", "mastercard_wait", "mastercard_24_hours"]
    assert [b.behind for b in violations(history, LIMITS)][:2] == [(history[11],), (history[10],)]


def test_a_change_makes_a_try_after_a_stop_rightful() -> None:
    history = [tried(ago(days=9), LOST), tried(ago(days=2), **OURS)]
    assert [b.rule for b in violations(history, LIMITS)] == ["stop_signal"]
    assert violations(history, LIMITS, {"pm_a": [ago(days=5)]}) == ()
    assert violations(history, LIMITS, {"pm_a": [ago(days=1)]}) != ()  # it changed too late
    assert violations(history, LIMITS, {"pm_b": [ago(days=5)]}) != ()


def test_a_stop_shows_everybodys_tries_after_it_and_whether_we_obeyed() -> None:
    history = [
        tried(ago(days=9), LOST),
        tried(ago(days=8), made_by=MadeBy.STRIPE),
        paid(ago(days=7), made_by=MadeBy.CUSTOMER),
        tried(ago(days=6), **OURS),
    ]
    (row,) = usage(history, LIMITS)
    (stop,) = row.stops
    assert (stop.signal, stop.tried) == ("The decline lost_card", history[0])
    assert (stop.tries_after, stop.obeyed) == ((history[1], history[2]), True)
    assert row.violations == ()
    (row,) = usage([history[0], history[3]], LIMITS)
    assert not row.stops[0].obeyed
    assert [breach.rule for breach in row.violations] == ["stop_signal"]
    (row,) = usage([history[0], history[3]], LIMITS, {"pm_a": [ago(days=7)]})
    assert (row.stops[0].tries_after, row.violations) == ((), ())


def test_usage_is_told_by_network_and_card_with_the_fullest_window_of_any_amount() -> None:
    history = [
        *every_hour(4, NOW, amount_minor=100),
        *every_hour(3, NOW, amount_minor=200),
        *every_hour(2, NOW, brand="mastercard", fingerprint="card_m", payment_method_id="pm_m"),
        tried(NOW, brand="", fingerprint="", payment_method_id="pm_bare"),
        *every_hour(
            2, NOW, brand="", payment_method_type="sepa_debit", fingerprint="iban", amount_minor=1
        ),
        tried(NOW, brand="", payment_method_type="paypal", fingerprint="", payment_method_id="pp"),
    ]
    rows = usage(history, LIMITS)
    assert [(row.network, row.card, len(row.tries)) for row in rows] == [
        ("mastercard", "card_m", 2),
        ("paypal", "pp", 1),
        ("sepa_debit", "iban", 2),
        ("unknown", "pm_bare", 1),
        ("visa", "card_a", 7),
    ]
    found = {row.network: [(w.rule, w.highest, w.limit) for w in row.windows] for row in rows}
    assert found["visa"] == [("visa_30_days", 4, 15)]
    assert found["mastercard"] == [("mastercard_24_hours", 2, 10), ("mastercard_30_days", 2, 35)]
    assert found["sepa_debit"] == [("sepa_debit_30_days", 2, 3)]
    assert found["paypal"] == []
    assert len(found["unknown"]) == 4
    assert set(rows[4].windows[0].tries) == set(history[:4])


def test_a_report_of_a_period_still_counts_what_came_before() -> None:
    history = [*every_hour(15, ago(days=2)), tried(ago(days=40), LOST), tried(NOW, **OURS)]
    history += [paid(ago(days=39), made_by=MadeBy.CUSTOMER)]
    (row,) = usage(history, LIMITS, since=ago(days=1))
    assert (len(row.tries), row.windows[0].highest, row.stops) == (1, 16, ())
    assert [breach.rule for breach in row.violations] == ["visa_30_days"]
    assert violations(history, LIMITS, since=NOW + timedelta(seconds=1)) == ()
    assert usage(history, LIMITS, since=NOW + timedelta(seconds=1)) == ()


def test_a_debit_is_counted_for_its_debt_over_all_its_accounts() -> None:
    debit: dict[str, Any] = {"payment_method_type": "acss_debit", "brand": ""}
    first = tried(ago(days=3), **debit)
    other = tried(ago(days=2), fingerprint="b", payment_method_id="pm_b", **debit)
    ours = tried(ago(days=1), fingerprint="b", payment_method_id="pm_b", **debit, **OURS)
    (breach,) = violations([first, other, ours], LIMITS)
    assert (breach.rule, breach.behind) == ("acss_debit_30_days", (first, other))
    rows = usage([first, other, ours], LIMITS)
    assert {row.windows[0].highest for row in rows} == {3}
