"""A mail to staff as sections of lines, and the same as plain text and as HTML for a phone."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from worker.domain.staff import StaffContent
from worker.pages.markup import joined, packaged

WIDTH = 76
"""Columns of the plain text: what every mail reader shows without breaking lines anew."""
FOOTER = "Sent by the dunning worker to the addresses of `staff` in config/notices.yaml."


@dataclass(frozen=True, slots=True)
class Item:
    """One line, and the one command that answers it; empty where nothing is to be done."""

    text: str
    command: str = ""
    soft: bool = False
    """A remark, in smaller letters."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    heading: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole mail."""

    subject: str
    first: str
    """The line that is read on a locked phone."""
    alarm: bool
    """Whether the first line is bad news."""
    sections: Sequence[Section]
    attachment_name: str = ""
    attachment: str = ""


def content_of(document: Document) -> StaffContent:
    """Return the mail as it is sent."""
    return StaffContent(
        subject=document.subject,
        text=_text(document),
        html=str(_page(document)),
        attachment_name=document.attachment_name,
        attachment=document.attachment,
    )


def _text(document: Document) -> str:
    lines = [*_wrapped(document.first), ""]
    for section in document.sections:
        lines += [section.heading.upper(), *_item_lines(section), ""]
    return "\n".join([*lines, "-- ", *_wrapped(FOOTER), ""])


def _item_lines(section: Section) -> Iterator[str]:
    for item in section.items:
        yield from _wrapped(item.text)
        if item.command:
            yield f"    -> {item.command}"  # never broken: it is to be copied


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    ) or [""]


def _page(document: Document) -> Markup:
    return packaged("worker.office", "pages/staff.html").format(
        subject=document.subject,
        first_class="first alarm" if document.alarm else "first",
        first=document.first,
        sections=joined(_section(section) for section in document.sections),
        footer=FOOTER,
    )


def _section(section: Section) -> Markup:
    items = joined(_item(item, first=number == 0) for number, item in enumerate(section.items))
    return Markup('<div class="card"><h2>{}</h2>{}</div>').format(section.heading, items)


def _item(item: Item, *, first: bool) -> Markup:
    classes = " ".join(name for name, on in (("item", not first), ("soft", item.soft)) if on)
    command = Markup("<code>{}</code>").format(item.command) if item.command else Markup("")
    if not classes:
        return Markup("<p>{}{}</p>").format(item.text, command)
    return Markup('<p class="{}">{}{}</p>').format(classes, item.text, command)
