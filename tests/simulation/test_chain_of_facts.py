"""The check of the chain's order, fed with places that are wrong: it says which."""

import pytest

from tests.simulation.chain_of_facts import misplaced

RIGHT = [
    {"id": "a", "seq": 1, "told_in": 10, "position": 1, "sealed_in": 13},
    {"id": "b", "seq": 3, "told_in": 12, "position": 2, "sealed_in": 13},
    {"id": "c", "seq": 2, "told_in": 14, "position": 3, "sealed_in": 15},
    {"id": "d", "seq": 4, "told_in": 17, "position": 4, "sealed_in": 18},
]
"""The third fact has an early number and was committed late."""


def test_places_in_the_order_of_commits_are_right() -> None:
    assert list(misplaced(RIGHT)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"d": {"position": None, "sealed_in": None}}, "fact d has no place"),
        ({"d": {"position": 5}}, "the places are not 1, 2, 3 and so on"),
        ({"d": {"position": 3}}, "the places are not 1, 2, 3 and so on"),
        ({"a": {"position": 2}, "b": {"position": 1}}, "fact b has place 1, that of a"),
        (
            {"b": {"position": 3, "sealed_in": 18}, "c": {"position": 2}},
            "fact b was left behind by a sealing after its commit",
        ),
        ({"c": {"told_in": 16}}, "fact c was sealed before it was committed"),
    ],
)
def test_each_wrong_place_is_told(changes: dict[str, dict[str, int | None]], said: str) -> None:
    wrong = [one | changes.get(str(one["id"]), {}) for one in RIGHT]
    wrong.sort(key=lambda one: (one["position"] is None, one["position"]))
    assert said in list(misplaced(wrong))
