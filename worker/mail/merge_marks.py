"""Opaque marks that stand for Jinja tags while Markdown is read.

Markdown must not see a tag, and what Markdown writes must not become a tag: the author's own
braces are made harmless before the marks turn back into tags.
"""

import re
from dataclasses import dataclass
from typing import Literal

from jinja2 import TemplateSyntaxError

from worker.mail.grammar import Problem, environment

Statement = Literal["", "if", "elif", "else", "endif", "for", "endfor", "other"]

_LEXER = environment(autoescape=True)
_ENDS = {"variable_begin": "variable_end", "block_begin": "block_end"}
_STATEMENT = re.compile(r"\{%[-+]?\s*(\w+)")
_EXPRESSION = re.compile(r"\{\{[-+]?\s*([\w.]+)\s*[-+]?\}\}")
_LOOP = re.compile(r"\{%[-+]?\s*for\s+(\w+)\s+in\s+(\w+)\s*[-+]?%\}")


@dataclass(frozen=True, slots=True)
class Tag:
    """One `{{ }}` or `{% %}` as it stands in the source; `line` counts from 1 in the file."""

    source: str
    line: int

    @property
    def statement(self) -> Statement:
        """Which statement it is, the empty string for an expression."""
        found = _STATEMENT.match(self.source)
        if found is None:
            return ""
        word = found[1]
        return word if word in ("if", "elif", "else", "endif", "for", "endfor") else "other"  # type: ignore[return-value]

    @property
    def field(self) -> str:
        """The bare field or `record.part` it shows; empty for anything with more to it."""
        found = _EXPRESSION.fullmatch(self.source)
        return found[1] if found else ""

    @property
    def loop(self) -> tuple[str, str] | None:
        """The name and the list of a `for`, None for every other tag."""
        found = _LOOP.fullmatch(self.source)
        return (found[1], found[2]) if found else None


@dataclass(frozen=True, slots=True)
class Marked:
    """A source whose tags are replaced by marks; `tags[n]` is what the n-th mark stands for."""

    text: str
    tags: tuple[Tag, ...]
    salt: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches one mark; group 1 is its number."""
        return re.compile(rf"zq{self.salt}x(\d+)qz")

    def tags_in(self, text: str) -> list[Tag]:
        """Return the tags whose marks stand in *text*, in order."""
        return [self.tags[int(found[1])] for found in self.pattern.finditer(text)]

    def tag_alone(self, text: str) -> Tag | None:
        """Return the tag if *text* is one mark and nothing else."""
        found = self.pattern.fullmatch(text)
        return self.tags[int(found[1])] if found else None

    def restore(self, text: str, brace: str) -> str:
        """Return *text* with tags in place of marks and *brace* for every brace of the author."""
        harmless = text.replace("{", brace)
        return self.pattern.sub(lambda found: self.tags[int(found[1])].source, harmless)


def mark(source: str, first_line: int) -> Marked | Problem:
    """Return *source* with a mark for each tag; comments are left out.

    A source that Jinja cannot cut into tags, or that has a `raw` block, is a Problem.
    """
    salt = next(str(n) for n in range(len(source) + 1) if f"zq{n}x" not in source)
    parts: list[str] = []
    tags: list[Tag] = []
    open_tag: list[str] = []
    closing = ""
    try:
        for line, kind, value in _LEXER.lex(source):
            if kind in ("raw_begin", "raw_end"):
                return Problem(line + first_line - 1, "raw blocks are not read here; leave it out.")
            if kind in _ENDS:
                closing = _ENDS[kind]
            if closing:
                open_tag.append(value)
                if kind == closing:
                    parts.append(f"zq{salt}x{len(tags)}qz")
                    tags.append(Tag("".join(open_tag).strip(), line + first_line - 1))
                    open_tag, closing = [], ""
            elif not kind.startswith("comment"):
                parts.append(value)
    except TemplateSyntaxError as error:
        sentence = f"{error.message}; check the {{{{ }}}} and {{% %}} around here."
        return Problem(error.lineno + first_line - 1, sentence)
    return Marked("".join(parts), tuple(tags), salt)
