"""Charts: the right value in the right look, said for those who do not see it, and nothing else."""

import re
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

import pytest

from worker.pages.charts import Chart, Kind, Mark, Series, figure, patterns

SVG = "{http://www.w3.org/2000/svg}"


def chart(kind: Kind = Kind.BARS, *, top: int | None = None) -> Chart:
    return Chart(
        id="try",
        title="Failed & <recovered>",
        description="By <b>reason</b>.",
        kind=kind,
        labels=("first", "second <i>", "third"),
        series=(
            Series("now", (30, 10, Fraction(1, 3)), Mark.GOOD, ("€30", "€10", "a third")),
            Series("before", (5, None, 20), Mark.BEFORE, ("€5", "", "€20")),
        ),
        scale=lambda value: f"€{round(value)}",
        top=top,
    )


def drawings(made: str) -> list[ElementTree.Element]:
    """Return the pictures of both widths."""
    found = re.findall(r'<svg xmlns="[^"]+" class="drawing.*?</svg>', made, re.DOTALL)
    return [ElementTree.fromstring(each) for each in found]  # noqa: S314 (our own)


def words(svg: ElementTree.Element, mark: Mark) -> list[str]:
    """Return the values that stand in the picture beside the bars of a mark."""
    return [
        text.text or ""
        for group in svg.iter(f"{SVG}g")
        if f"mark-{mark.value}" in group.get("class", "").split()
        for text in group.iter(f"{SVG}text")
        if "value" in text.get("class", "").split()
    ]


@pytest.mark.parametrize("kind", list(Kind))
def test_each_series_has_its_own_look_and_its_own_values(kind: Kind) -> None:
    for svg in drawings(str(figure(chart(kind)))):
        assert sorted(filter(None, words(svg, Mark.GOOD))) == ["a third", "€10", "€30"]
        assert sorted(filter(None, words(svg, Mark.BEFORE))) == ["€20", "€5"]


def test_bars_are_as_long_as_their_values_in_the_order_of_the_labels() -> None:
    [wide, narrow] = drawings(str(figure(chart())))
    for svg in (wide, narrow):
        bars: dict[str, list[tuple[float, float]]] = {"good": [], "before": []}
        for group in svg.iter(f"{SVG}g"):
            for mark, found in bars.items():
                if f"mark-{mark}" in group.get("class", "").split():
                    found += [
                        (float(rect.get("y", 0)), float(rect.get("width", 0)))
                        for rect in group.iter(f"{SVG}rect")
                        if "rect" in rect.get("class", "").split()
                    ]
        good = [width for _, width in sorted(bars["good"])]
        before = [width for _, width in sorted(bars["before"])]
        assert good[0] > good[1] > good[2] > 0
        assert good[0] / good[1] == pytest.approx(3, rel=0.01)
        assert before[2] / before[0] == pytest.approx(4, rel=0.01)
        assert min(bars["good"]) < min(bars["before"]), "the first series lies above the second"


@pytest.mark.parametrize("kind", list(Kind))
def test_a_picture_has_title_description_and_every_value_in_words(kind: Kind) -> None:
    made = drawings(str(figure(chart(kind))))
    assert len(made) == 2
    ids = [each.get("id") for svg in made for each in svg.iter() if each.get("id")]
    assert len(ids) == len(set(ids)) == 4
    for svg in made:
        assert svg.get("role") == "img"
        title, about = svg[0], svg[1]
        assert svg.get("aria-labelledby") == f"{title.get('id')} {about.get('id')}"
        assert title.text == "Failed & <recovered>"
        assert about.text == (
            "By <b>reason</b>. now: first €30, second <i> €10, third a third;"
            " before: first €5, second <i> no value, third €20."
        )


@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_is_fetched_run_or_believed(kind: Kind) -> None:
    made = str(figure(chart(kind)))
    assert set(re.findall(r"https?://[^\"']+", made)) == {"http://www.w3.org/2000/svg"}
    for never in ("<script", "<style", "<!--", "<b>", "<i>", "<recovered>", "style=", "href"):
        assert never not in made
    assert "url(" not in made


def test_the_same_values_are_drawn_the_same() -> None:
    assert figure(chart()) == figure(chart())


def test_where_nothing_would_be_seen_a_sentence_says_so() -> None:
    empty = Chart("none", "T", "D.", Kind.BARS, (), (), str)
    zeros = Series("now", (0, None), Mark.GOOD, ("€0", ""))
    nothing = Chart("zero", "T", "D.", Kind.LINES, ("a", "b"), (zeros,), str)
    for made in (str(figure(empty)), str(figure(nothing))):
        assert "Nothing to draw" in made
        assert "<svg" not in made


def test_every_pattern_that_the_style_names_is_there() -> None:
    from worker.pages.markup import style

    named = set(re.findall(r"url\(#([a-z-]+)\)", str(style("charts.css"))))
    assert named == set(re.findall(r'id="([a-z-]+)"', str(patterns())))
    assert len(named) == 4


@pytest.mark.parametrize("kind", list(Kind))
def test_axes_have_round_values_and_a_series_without_any_value_leaves_no_gap(kind: Kind) -> None:
    empty = Series("the period before", (None, None, None), Mark.BEFORE, ("", "", ""))
    found = Series("now", (1303, 1060, 29), Mark.GOOD, ("€1303", "€1060", "€29"))
    made = figure(replace(chart(kind), series=(found, empty)))
    assert "mark-before" not in made
    for svg in drawings(made):
        said = {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}
        assert {"€0", "€500", "€1000", "€1500"} <= said
        assert not [word for word in said if word and word[1:].isdigit() and int(word[1:]) > 1500]
