"""Pieces of HTML that all our pages share; every value put into them is escaped.

A piece is `Markup`: only text that is written here is markup, what is put into it never is.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from markupsafe import Markup

NOTHING = Markup("")


@cache
def packaged(package: str, name: str) -> Markup:
    """Return a file that ships in *package*, as it stands; never give it a text of others."""
    return Markup(files(package).joinpath(name).read_text(encoding="utf-8"))  # noqa: S704


def style(*names: str) -> Markup:
    """Return the style sheets of *names* of this package, one after the other: `shared.css`."""
    return joined(packaged("worker.pages", name) for name in names)


def whole_page(
    *, title: str, style: Markup, body: Markup, patterns: Markup = NOTHING, also: str = ""
) -> Markup:
    """Return a self-contained page: nothing to fetch, nothing to run.

    Args: patterns: of its charts (charts.py). also: what else the browser may show, in words of a
    Content-Security-Policy: `; img-src data:`.
    """
    return packaged("worker.pages", "page.html").format(
        title=title, style=style, body=body, patterns=patterns, also=also
    )


def joined(pieces: Iterable[Markup]) -> Markup:
    """Return *pieces* one after the other."""
    return Markup("").join(pieces)


def table(
    heading: Sequence[str],
    rows: Iterable[Sequence[Markup | str]],
    *,
    caption: str,
    right: frozenset[int] = frozenset(),
) -> Markup:
    """Return a table; one of more than two columns becomes a list of cards on a phone.

    The caption is for people who do not see the page. Args: right: columns of figures.
    """
    head = joined(
        Markup('<th scope="col"{}>{}</th>').format(_side(i, right), title)
        for i, title in enumerate(heading)
    )
    body = joined(
        Markup("<tr>{}</tr>").format(
            joined(
                Markup('<td data-label="{}"{}><span>{}</span></td>').format(
                    heading[i], _side(i, right), cell
                )
                for i, cell in enumerate(row)
            )
        )
        for row in rows
    )
    return Markup(
        '<table class="{}"><caption class="unseen">{}</caption>'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table>"
    ).format("cards" if len(heading) > 2 else "pairs", caption, head, body)


def _side(column: int, right: frozenset[int]) -> Markup:
    return Markup(' class="right"') if column in right else NOTHING
