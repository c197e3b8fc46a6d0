"""Charts as inline SVG: text stays text, colours and patterns come from charts.css.

Drawn by pygal, of which only the shapes are kept: its styles, scripts, comments and tooltips are
taken out, so a page needs no network and no script and follows the reader's dark mode and printer.
Each chart is drawn for two widths; the style sheet shows the one that fits.
"""

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from worker.pages.markup import NOTHING, joined

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

HEIGHT = 300
ROW_HEIGHT = 26
"""Height of one horizontal bar with its gap."""


TICKS_MAX = 4
"""So many steps an axis has at the most."""


class Width(IntEnum):
    """The same picture for two sorts of screen."""

    WIDE = 860
    NARROW = 340

    @property
    def label_length(self) -> int:
        """How many characters a label may have; the whole of it stands in the table."""
        return 40 if self is Width.WIDE else 19


class Kind(StrEnum):
    """How values are drawn."""

    LINES = "lines"
    BARS = "bars"
    """Bars lie, one per label and series: room for long labels."""
    STACKS = "stacks"
    """Columns, the series one upon the other."""
    STEPS = "steps"
    """The same as lying bars, one below the other: for words that need room, on a phone too."""


LYING = frozenset((Kind.BARS, Kind.STEPS))
STACKED = frozenset((Kind.STACKS, Kind.STEPS))


class Mark(StrEnum):
    """How a series looks: a colour together with a pattern or a dash."""

    GOOD = "good"
    BEFORE = "before"
    LATE = "late"
    PENDING = "pending"
    LOST = "lost"
    GROUND = "ground"
    """Not seen: what a floating column stands on."""


@dataclass(frozen=True, slots=True)
class Series:
    """One row of values, as many as the chart has labels; None where there is no value."""

    name: str
    values: tuple[Fraction | int | None, ...]
    mark: Mark
    said: tuple[str, ...]
    """The values in words; empty for those that need none."""
    is_labelled: bool = True
    """Whether these words stand in the picture; else they are for those who hear it."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of a table: what it shows, said for those who do not see it as well."""

    id: str
    """Unique on its page."""
    title: str
    description: str
    kind: Kind
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    scale: Callable[[Fraction], str]
    """Says a value of the axis in words."""
    top: int | None = None
    """End of the axis; None where the values say it."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be seen."""
        return not any(value for series in self.series for value in series.values)


def figure(chart: Chart) -> Markup:
    """Return the chart with its title and legend; a sentence where nothing would be seen."""
    if chart.is_empty:
        picture = Markup('<p class="soft">Nothing to draw: every value is zero or missing.</p>')
    else:
        picture = joined((_legend(chart), *(_picture(chart, width) for width in Width)))
    return Markup(
        '<figure class="chart" aria-labelledby="{id}-title"><figcaption>'
        '<h4 id="{id}-title">{}</h4><p class="soft">{}</p></figcaption>{}</figure>'
    ).format(chart.title, chart.description, picture, id=chart.id)


def patterns() -> Markup:
    """Return the patterns of the marks; once on each page, before its charts."""
    return Markup(
        '<svg class="unseen" aria-hidden="true" focusable="false" width="0" height="0"><defs>'
        '<pattern id="fill-before" width="6" height="6" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><rect class="wash" width="6" height="6"/>'
        '<line class="before" x1="0" y1="0" x2="0" y2="6"/></pattern>'
        '<pattern id="fill-late" width="6" height="6" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(-45)"><rect class="wash" width="6" height="6"/>'
        '<line class="late" x1="0" y1="0" x2="0" y2="6"/></pattern>'
        '<pattern id="fill-pending" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<rect class="wash" width="6" height="6"/><circle class="pending" cx="3" cy="3" r="1.5"/>'
        "</pattern>"
        '<pattern id="fill-lost" width="7" height="7" patternUnits="userSpaceOnUse">'
        '<rect class="wash" width="7" height="7"/><path class="lost" d="M0 0L7 7M7 0L0 7"/>'
        "</pattern></defs></svg>"
    )


def _legend(chart: Chart) -> Markup:
    shown = [series for series in _seen(chart) if series.mark is not Mark.GROUND]
    if len(shown) < 2:
        return NOTHING
    shape = "line" if chart.kind is Kind.LINES else "rect"
    return Markup('<ul class="legend">{}</ul>').format(
        joined(
            Markup(
                '<li><svg class="sample mark-{}" width="30" height="14" aria-hidden="true"'
                ' focusable="false">{}</svg>{}</li>'
            ).format(series.mark.value, _SAMPLES[shape], series.name)
            for series in shown
        )
    )


_SAMPLES = {
    "line": Markup('<path class="line" d="M1 7H29"/><circle class="dot" cx="15" cy="7" r="4"/>'),
    "rect": Markup('<rect width="30" height="14"/>'),
}


def _picture(chart: Chart, width: Width) -> Markup:
    from xml.etree.ElementTree import tostring

    name = width.name.lower()
    drawn = _drawn(chart, width)
    svg = _only_shapes(drawn, [series.mark for series in _seen(chart)])
    lies = " lying" if chart.kind in LYING else ""
    svg.set("class", f"drawing {chart.kind.value}{lies} {name}")
    svg.set("role", "img")
    svg.attrib.pop("id", None)
    title, about = f"{chart.id}-{name}-title", f"{chart.id}-{name}-about"
    svg.set("aria-labelledby", f"{title} {about}")
    for place, (tag, element_id, said) in enumerate(
        (("title", title, chart.title), ("desc", about, _told(chart)))
    ):
        element = svg.makeelement(tag, {"id": element_id})
        element.text = said
        svg.insert(place, element)
    return Markup(tostring(svg, encoding="unicode"))  # noqa: S704 (escaped by the serialiser)


def _told(chart: Chart) -> str:
    """Return the description with every value, for those who hear it."""
    rows = (
        f"{series.name}: "
        + ", ".join(
            f"{label} {said or 'no value'}"
            for label, said in zip(chart.labels, series.said, strict=True)
        )
        for series in chart.series
        if series.mark is not Mark.GROUND
    )
    return f"{chart.description} {'; '.join(rows)}."


def _drawn(chart: Chart, width: Width) -> "Element":
    pygal = _pygal()
    made = {
        Kind.LINES: pygal.Line,
        Kind.BARS: pygal.HorizontalBar,
        Kind.STACKS: pygal.StackedBar,
        Kind.STEPS: pygal.HorizontalStackedBar,
    }[chart.kind]
    lying = chart.kind in LYING
    rows = len(chart.labels) * (len(_seen(chart)) if chart.kind is Kind.BARS else 1)
    plot = made(
        width=width.value,
        height=60 + rows * ROW_HEIGHT if lying else HEIGHT,
        css=[],
        js=(),
        no_prefix=True,
        disable_xml_declaration=True,
        show_legend=False,
        print_values=True,
        print_zeroes=chart.kind is Kind.BARS,
        print_values_position="top" if lying else "center",
        truncate_label=-1,
        dots_size=4,
        margin=8,
        margin_left=32 if lying else 8,  # pygal takes letters for narrower than ours are
        margin_right=90 if lying else 30,
        value_formatter=_scale_words(chart.scale),
        x_label_rotation=35 if width is Width.NARROW and len(chart.labels) > 4 else 0,
        include_x_axis=True,
        y_labels=_ticks(chart),
        y_labels_major_every=1,
    )
    order = list(range(len(chart.labels)))
    if lying:  # pygal puts the first label at the bottom
        order.reverse()
    plot.x_labels = [_short(chart.labels[place], width) for place in order]
    for series in _seen(chart):
        plot.add(series.name, [_value(chart, series, place) for place in order])
    tree: Element = plot.render_tree()
    return tree


def _seen(chart: Chart) -> list[Series]:
    """Return the series that have a value; one that has none leaves no gap."""
    return [each for each in chart.series if any(value is not None for value in each.values)]


def _ticks(chart: Chart) -> list[int]:
    """Return the round values that stand at the axis, from zero to beyond the greatest."""
    if chart.top is not None:
        return [0, chart.top // 2, chart.top]
    columns = zip(*(series.values for series in _seen(chart)), strict=True)
    heights = [[value or 0 for value in column] for column in columns]
    stacked = chart.kind in STACKED
    greatest = max(sum(each) if stacked else max(each) for each in heights)
    least = min(0, *(min(each) for each in heights))
    step = _step((greatest - least) / Fraction(TICKS_MAX))
    begin, end = math.floor(least / Fraction(step)), math.ceil(greatest / Fraction(step))
    return [place * step for place in range(begin, end + 1)]


def _step(least: Fraction) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50, … that is not below *least*."""
    magnitude = 1
    while True:
        for digit in (1, 2, 5):
            if digit * magnitude >= least:
                return digit * magnitude
        magnitude *= 10


@cache
def _pygal() -> Any:
    """Return pygal, without the finder of plugins that it hooks into every later import.

    That finder knows only `find_module`, which Python 3.12 no longer asks and 3.11 warns about.
    """
    import pygal

    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)
    ]
    return pygal


def _short(label: str, width: Width) -> str:
    most = width.label_length
    return label if len(label) <= most else f"{label[: most - 1].rstrip()}…"


def _value(chart: Chart, series: Series, place: int) -> dict[str, Any] | None:
    value = series.values[place]
    if value is None and chart.kind is Kind.LINES:
        return None
    if not value and chart.kind in STACKED:  # nothing is seen, so nothing is said there
        return {"value": 0, "formatter": lambda _: ""}
    said = series.said[place] if series.is_labelled else ""
    return {"value": float(value or 0), "formatter": lambda _: said}


def _scale_words(scale: Callable[[Fraction], str]) -> Callable[[float], str]:
    return lambda number: scale(Fraction(number).limit_denominator(1000))


def _only_shapes(svg: "Element", marks: Iterable[Mark]) -> "Element":
    """Take out what is not a shape or a text, and name each series by its mark."""
    by_series = {f"serie-{number}": mark for number, mark in enumerate(marks)}
    for element in list(svg.iter()):
        for child in list(element):
            is_comment = not isinstance(child.tag, str)
            if is_comment or child.tag in {"script", "style", "title"} or _is_tooltip(child):
                element.remove(child)
        names = element.get("class", "").split()
        for name in names:
            if name in by_series:
                element.set("class", f"{' '.join(names)} mark-{by_series[name].value}")
    return svg


def _is_tooltip(element: "Element") -> bool:
    names = element.get("class", "").split()
    return element.tag == "desc" or "tooltip" in names or "tooltip-overlay" in names
