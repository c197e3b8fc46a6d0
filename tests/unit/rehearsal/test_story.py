"""Figures of the progress line."""

from tests.unit.rehearsal.evidence import attempt
from worker.rehearsal.story import charged_twice


def test_an_invoice_that_two_charges_paid_is_told() -> None:
    tries = [attempt(1, status="succeeded"), attempt(2), attempt(3, invoice="in_2")]
    assert charged_twice(tries) == 0
    assert charged_twice([*tries, attempt(4, status="succeeded")]) == 1
