"""Chance that repeats itself."""

from collections import Counter

from worker.rehearsal.draws import Draws


def test_the_same_seed_and_name_draw_the_same() -> None:
    one, other = Draws("1", "a"), Draws("1", "a")
    assert [one.fraction() for _ in range(5)] == [other.fraction() for _ in range(5)]


def test_another_name_or_seed_draws_something_else() -> None:
    first = [Draws(seed, name).fraction() for seed, name in (("1", "a"), ("1", "b"), ("2", "a"))]
    assert len(set(first)) == 3


def test_what_others_draw_changes_nothing() -> None:
    alone, beside = Draws("1", "a"), Draws("1", "a")
    other = Draws("1", "b")
    drawn = []
    for _ in range(5):
        other.below(6)
        drawn.append(beside.below(6))
    assert drawn == [alone.below(6) for _ in range(5)]


def test_weights_are_shares() -> None:
    draws = Draws("1", "weights")
    seen = Counter(draws.weighted({"often": 0.8, "seldom": 0.2}) for _ in range(2000))
    assert 0.17 < seen["seldom"] / 2000 < 0.23


def test_waiting_times_have_their_mean() -> None:
    draws = Draws("1", "waits")
    times = [draws.exponential(24.0) for _ in range(4000)]
    assert min(times) >= 0
    assert 22 < sum(times) / len(times) < 26
