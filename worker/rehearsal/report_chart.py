"""Curves over simulated time as an inline picture (SVG) that a screen reader can read out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from markupsafe import Markup

from worker.rehearsal.report_markup import joined
from worker.rehearsal.report_words import Words

HEIGHT = 240
LEFT, RIGHT, TOP, BOTTOM = 30, 100, 12, 28
LABEL_GAP = 16
TICK_PIXELS = 90


class Width(IntEnum):
    """The same picture for two sorts of screen; the page shows the one that fits."""

    WIDE = 800
    NARROW = 340


@dataclass(frozen=True, slots=True)
class Series:
    """Instants at which something happened; the curve counts them. `name` is also its colour."""

    name: str
    at: tuple[datetime, ...]


def curves(
    series: Sequence[Series],
    *,
    start_at: datetime,
    end_at: datetime,
    words: Words,
    width: Width = Width.WIDE,
) -> Markup:
    """Return how often each series had happened by when, from *start_at* to *end_at*."""
    highest = max((len(one.at) for one in series), default=0)
    scale = _Scale(start_at, end_at, max(highest, 1), width.value)
    told = ", ".join(f"{one.name} {len(one.at)}" for one in series)
    return Markup(
        '<svg class="curve {}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>'
    ).format(
        width.name.lower(),
        scale.width,
        HEIGHT,
        f"Counted from the start to {words.day(end_at)}: {told}.",
        _grid(scale, highest),
        _days(scale, words),
        _lines(series, scale),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    start_at: datetime
    end_at: datetime
    highest: int
    width: int

    def x(self, at: datetime) -> float:
        share = (at - self.start_at) / (self.end_at - self.start_at)
        return round(LEFT + min(max(share, 0.0), 1.0) * (self.width - LEFT - RIGHT), 1)

    def y(self, count: int) -> float:
        return round(HEIGHT - BOTTOM - count / self.highest * (HEIGHT - TOP - BOTTOM), 1)


def _grid(scale: _Scale, highest: int) -> Markup:
    counts = sorted({0, round(highest / 2), highest})
    return joined(
        Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
            '<text x="{}" y="{}" text-anchor="end">{}</text>'
        ).format(LEFT, scale.width - RIGHT, scale.y(n), scale.y(n), LEFT - 8, scale.y(n) + 4, n)
        for n in counts
    )


def _days(scale: _Scale, words: Words) -> Markup:
    gaps = max(1, (scale.width - LEFT - RIGHT) // TICK_PIXELS)
    days = (scale.end_at - scale.start_at).days
    step = max(1, -(-days // gaps))
    ticks = [scale.start_at + timedelta(days=day) for day in range(0, days + 1, step)]
    return joined(
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            scale.x(at), HEIGHT - 6, words.day(at).partition(" ")[2]
        )
        for at in ticks
    )


def _lines(series: Sequence[Series], scale: _Scale) -> Markup:
    taken: list[float] = []
    pieces = []
    for one in sorted(series, key=lambda each: -len(each.at)):
        steps = [f"M{scale.x(scale.start_at)} {scale.y(0)}"]
        for count, at in enumerate(sorted(one.at), 1):
            steps.append(f"H{scale.x(at)}V{scale.y(count)}")
        steps.append(f"H{scale.x(scale.end_at)}")
        y = scale.y(len(one.at)) + 4
        while any(abs(y - other) < LABEL_GAP for other in taken):
            y += 1
        taken.append(y)
        pieces.append(
            Markup('<path class="{}" d="{}"/><text class="{}" x="{}" y="{}">{} {}</text>').format(
                one.name,
                "".join(steps),
                one.name,
                scale.width - RIGHT + 8,
                y,
                len(one.at),
                one.name,
            )
        )
    return joined(pieces)
