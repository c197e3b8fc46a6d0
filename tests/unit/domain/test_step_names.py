"""Step names that carry ids are told to people without them."""

import pytest

from worker.domain.step_names import charges_another_method, readable


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("try 1", "try 1"),
        ("new card pm_1Nx2", "new card"),
        ("new card pm_1Nx2 of 2026-12-02 10:00:00", "new card"),
        ("backup pm_1Nx2", "backup method"),
        ("backup card_1Nx2", "backup method"),
        ("by hand 12", "try by hand"),
        ("confirm 2", "confirmation letter 2"),
        ("quick try 1", "quick try 1"),
        ("Waits for new card pm_1: 20 hours after it.", "Waits for new card: 20 hours after it."),
        ("backup pm_1 is due.", "backup method is due."),
        ("a new card that works", "a new card that works"),
    ],
)
def test_a_name_or_a_sentence_is_readable(text: str, said: str) -> None:
    assert readable(text) == said


def test_new_cards_and_backups_are_other_methods() -> None:
    assert charges_another_method("new card pm_1")
    assert charges_another_method("backup pm_1")
    assert not charges_another_method("by hand 1")
