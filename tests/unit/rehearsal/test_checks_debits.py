"""Debits presented again: too often, too late, after a final return, without authorisation."""

from typing import Any

import pytest

from tests.unit.rehearsal.evidence import DAY, NOON, debited
from worker.rehearsal.checks_debits import debits_presented_again
from worker.rehearsal.checks_tries import read_tries


def again(*debits: list[dict[str, Any]], authorised: bool = False) -> list[str]:
    tries = read_tries([line for debit in debits for line in debit])
    return debits_presented_again(tries, ach_retries_authorised=authorised)


def on(day: int, code: str = "R01", **more: Any) -> list[dict[str, Any]]:
    return debited(1 + 2 * day, code, at=NOON + day * DAY, charge=f"ch_{day}", **more)


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("sepa_debit", 2), ("bacs_debit", 2), ("au_becs_debit", 2), ("acss_debit", 1),
        ("nz_bank_account", 1), ("paypal", 0),
    ],
)  # fmt: skip
def test_one_retry_too_many_of_a_scheme_is_found(kind: str, most: int) -> None:
    presented = [on(6 * n, "", type=kind) for n in range(most + 2)]
    assert again(*presented[:-1]) == []
    assert len(again(*presented)) == 1
    assert (
        len(again(presented[0], *([on(1, "", type=kind, by="stripe")] * most), presented[-1])) == 1
    )


def test_retries_fall_out_of_thirty_days() -> None:
    assert again(*(on(day, "", type="sepa_debit") for day in (0, 6, 12, 36))) == []
    assert len(again(*(on(day, "", type="sepa_debit") for day in (0, 6, 12, 35)))) == 1


def test_ach_is_presented_again_only_where_that_was_authorised() -> None:
    assert len(again(on(0), on(6))) == 1
    assert again(on(0), on(6), authorised=True) == []
    assert again(on(0), on(6, by="customer")) == []


@pytest.mark.parametrize(("code", "wrong"), [("R01", 0), ("R09", 0), ("R02", 1), ("", 1)])
def test_ach_returns_that_are_final_are_found(code: str, wrong: int) -> None:
    assert len(again(on(0, code), on(6), authorised=True)) == wrong


def test_ach_has_two_retries_within_half_a_year() -> None:
    assert again(on(0), on(6), on(12), authorised=True) == []
    assert len(again(on(0), on(6), on(12), on(18), authorised=True)) == 1
    assert again(on(0), on(179), authorised=True) == []
    assert len(again(on(0), on(180), authorised=True)) == 1


def test_another_debt_another_account_and_what_was_never_sent_are_no_retries() -> None:
    assert again(on(0), on(6, invoice="in_2")) == []
    assert again(on(0), on(6, fingerprint="fp_2", payment_method="pm_2")) == []
    refused = on(6)
    for line in refused:
        line["outcome"] = {"network_status": "not_sent_to_network"}
    assert again(on(0), refused) == []


def test_cards_are_none_of_this() -> None:
    assert again(on(0, type="card"), on(6, type="card")) == []
