"""Checks an HTML body written by an operator: where merge fields may stand in it.

Escaping protects text and quoted attributes only, so fields elsewhere are refused, as are
elements that run, load or send something.
"""

import re
from collections.abc import Mapping
from html.parser import HTMLParser

from worker.domain.letter_fields import Field
from worker.mail.grammar import Problem, check
from worker.mail.merge_marks import Marked, Tag, mark

_REFUSED_ELEMENTS = frozenset(
    "applet base embed form iframe input link meta object script svg".split()
)
_ADDRESSES = frozenset(("href", "src", "action", "background"))


def html_problems(source: str, fields: Mapping[str, Field]) -> list[Problem]:
    """Return everything that is wrong with an HTML body, by line of its file."""
    problems = check(source, fields).problems
    marked = mark(source, 1)
    if problems or isinstance(marked, Problem):
        return problems
    reader = _Reader(marked, fields)
    reader.feed(marked.text)
    reader.close()
    return reader.problems


class _Reader(HTMLParser):
    """Reads marked HTML and notes fields and elements at places where they do harm."""

    def __init__(self, marked: Marked, fields: Mapping[str, Field]) -> None:
        super().__init__(convert_charrefs=True)
        self._marked = marked
        self._fields = fields
        self._loops = dict(tag.loop for tag in marked.tags if tag.loop)
        self._inside_style = False
        self.problems: list[Problem] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check an element and its attributes."""
        self._inside_style = tag == "style"
        if tag in _REFUSED_ELEMENTS:
            self._note(f"<{tag}> has no place in a letter; leave it out.")
        inside = self._marked.tags_in(self.get_starttag_text() or "")
        quoted = self._marked.tags_in(_quoted_parts(self.get_starttag_text() or ""))
        if len(inside) != len(quoted):
            self._note(f'a field in <{tag}> stands outside quotes; write attribute="{{{{ … }}}}".')
        for name, value in attrs:
            self._attribute(name, value or "")

    def handle_endtag(self, tag: str) -> None:
        """Leave a style element."""
        self._inside_style = self._inside_style and tag != "style"

    def handle_data(self, data: str) -> None:
        """Check the text between elements."""
        if self._inside_style and self._marked.tags_in(data):
            self._note("fields cannot stand inside <style>.")

    def _attribute(self, name: str, value: str) -> None:
        tags = self._marked.tags_in(value)
        if name.startswith("on"):
            self._note(f"{name} runs a script; leave it out.")
        elif name == "style" and tags:
            self._note("fields cannot stand inside style.")
        elif name in _ADDRESSES and tags:
            alone = self._marked.tag_alone(value)
            if alone is None or not self._is_link(alone):
                self._note(f"{name} takes one link field and nothing else.")
        elif name in _ADDRESSES and not value.startswith(("https://", "mailto:", "#")):
            self._note(f"{name} {value!r} leads nowhere; write an address with https://.")

    def _is_link(self, tag: Tag) -> bool:
        whole, _, part = tag.field.partition(".")
        known = self._fields.get(self._loops.get(whole, whole))
        if known is not None and part:
            known = known.items.get(part)
        return known is not None and known.kind == "link"

    def _note(self, sentence: str) -> None:
        self.problems.append(Problem(self.getpos()[0], sentence))


def _quoted_parts(element: str) -> str:
    return " ".join(re.findall(r"\"[^\"]*\"|'[^']*'", element))
