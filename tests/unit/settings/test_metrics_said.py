"""`metrics` in dunning.yaml: what a health score and tags may look like."""

import pytest

from worker.settings.metrics_section import parse_tags, parse_weights


def test_weights_and_tags_are_read() -> None:
    assert parse_weights({"usage": "60", "support": "40"}) == {"usage": 60, "support": 40}
    assert parse_tags({"price": ["expensive", "price", "price"], "help": "answer"}) == {
        "price": ("expensive", "price"),
        "help": ("answer",),
    }


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"usage": "60", "support": "30"}, "the weights are 90 together; make them 100."),
        ({"usage": "100", "support": "0"}, "support has the weight `0`; write 1 to 100"),
        ({"usage": "all"}, "usage has the weight `all`; write 1 to 100, in percent."),
        ({}, "weights are a mapping, as in"),
        ("usage", "weights are a mapping, as in"),
    ],
)
def test_weights_that_do_not_weigh_are_refused(written: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.replace("(", r"\(")):
        parse_weights(written)


@pytest.mark.parametrize("written", [{"price": []}, {"price": ""}, {}, "price"])
def test_tags_without_words_are_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"has no word|are a mapping|is empty"):
        parse_tags(written)
