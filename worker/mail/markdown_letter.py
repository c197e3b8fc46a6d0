"""From a letter's Markdown to two Jinja sources, one for HTML and one for plain text.

Markdown is read first, with marks in place of the merge fields; the fields are filled in last,
so that nothing a customer typed is ever read as Markdown, as a link or as a tag.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from worker.domain.letter_fields import Field
from worker.mail.grammar import Problem
from worker.mail.merge_marks import Marked, mark
from worker.mail.text_part import text_of

BUTTON_FIELD = "button"
_RAW_HTML = re.compile(r"</?[a-zA-Z][^<>]*>")
_PARSING = threading.Lock()
"""The reader's library fills tables of addresses when first used, and lets other threads read them
half-filled: they would fail, or write `https:%2F%2F` into every letter of their process."""
_STATIC_LINK = re.compile(r"https://[^\s{}]+|mailto:[^\s{}@]+@[^\s{}]+")


@dataclass(frozen=True, slots=True)
class LetterBody:
    """The body of a letter as Jinja source for each part; useless where `problems` is not empty."""

    html: str
    text: str
    problems: tuple[Problem, ...]


def read_body(source: str, fields: Mapping[str, Field], first_line: int) -> LetterBody:
    """Return the body of a letter whose Markdown begins at *first_line* of its file."""
    marked = mark(source, first_line)
    if isinstance(marked, Problem):
        return LetterBody("", "", (marked,))
    markdown = _reader(marked)
    with _PARSING:
        parsed = markdown.parse(marked.text)
    tokens = _loops_inside_lists(parsed, marked)
    problems = [
        *_nesting(tokens, marked, first_line),
        *_contents(tokens, marked, fields, first_line),
    ]
    if problems:
        return LetterBody("", "", tuple(problems))
    html = markdown.renderer.render(tokens, markdown.options, {})
    return LetterBody(
        html=marked.restore(html, "&#123;"),
        text=marked.restore(text_of(tokens, marked), "{{ '{' }}"),
        problems=(),
    )


def _reader(marked: Marked) -> MarkdownIt:
    """Return a CommonMark reader that leaves lines of tags alone as blocks of their own."""
    only_marks = re.compile(rf"\s*(?:{marked.pattern.pattern}\s*)+")

    def tag_line(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
        if state.is_code_block(start):
            return False
        line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
        tags = marked.tags_in(line)
        if not only_marks.fullmatch(line) or not all(
            tag.statement or tag.field == BUTTON_FIELD for tag in tags
        ):
            return False
        if not silent:
            token = state.push("tag_line", "", 0)
            token.content = line.strip()
            token.map = [start, start + 1]
            state.line = start + 1
        return True

    reader = MarkdownIt("commonmark", {"html": False})
    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    reader.block.ruler.before("fence", "tag_line", tag_line, interrupts)
    reader.add_render_rule("tag_line", _render_tag_line)
    return reader


def _render_tag_line(
    _self: object, tokens: list[Token], index: int, _options: object, _env: object
) -> str:
    return tokens[index].content + "\n"


def _loops_inside_lists(tokens: list[Token], marked: Marked) -> list[Token]:
    """Move a loop that wraps a whole list into the list, so that it makes items and not lists."""

    def is_line(token: Token, statement: str) -> bool:
        if token.type != "tag_line":
            return False
        tag = marked.tag_alone(token.content)
        return tag is not None and tag.statement == statement

    result = list(tokens)
    for start in range(len(result) - 1):
        opening = result[start + 1]
        if not is_line(result[start], "for") or not opening.type.endswith("_list_open"):
            continue
        closing_type = opening.type.replace("_open", "_close")
        end = next(
            index
            for index in range(start + 2, len(result))
            if result[index].type == closing_type and result[index].level == opening.level
        )
        if end + 1 < len(result) and is_line(result[end + 1], "endfor"):
            result[start], result[start + 1] = result[start + 1], result[start]
            result[end], result[end + 1] = result[end + 1], result[end]
    return result


def _flat(tokens: list[Token]) -> Iterator[tuple[Token, int]]:
    """Yield every token with the line of its block, those inside a paragraph in their place."""
    line = 0
    for token in tokens:
        if token.map:
            line = token.map[0]
        if token.type == "inline":
            for child in token.children or ():
                yield child, line
        else:
            yield token, line


def _nesting(tokens: list[Token], marked: Marked, first_line: int) -> list[Problem]:
    """Return the place where tags and Markdown cross; such a letter would break when filled."""
    open_now: list[str] = []
    ends = {"endif": "if", "endfor": "for"}
    for token, line in _flat(tokens):
        events: list[tuple[str, str]] = []
        if token.nesting == 1:
            events.append(("open", token.type.removesuffix("_open")))
        elif token.nesting == -1:
            events.append(("close", token.type.removesuffix("_close")))
        for tag in marked.tags_in(token.content):
            if tag.statement in ("if", "for"):
                events.append(("open", tag.statement))
            elif tag.statement in ends:
                events.append(("close", ends[tag.statement]))
            elif tag.statement in ("else", "elif"):
                events.extend([("close", "if"), ("open", "if")])
        for act, name in events:
            if act == "open":
                open_now.append(name)
            elif open_now and open_now[-1] == name:
                open_now.pop()
            else:
                return [Problem(line + first_line, _CROSSING)]
    return [Problem(first_line, _CROSSING)] if open_now else []


_CROSSING = (
    "an {% if %} or {% for %} and its end are not in the same paragraph or item; write both on "
    "lines of their own, or both within one line."
)


def _contents(
    tokens: list[Token], marked: Marked, fields: Mapping[str, Field], first_line: int
) -> list[Problem]:
    """Return what a letter may not hold: images, raw HTML, links to nowhere."""
    problems = []
    loops = dict(tag.loop for tag in marked.tags if tag.loop)
    for token, line in _flat(tokens):
        at = line + first_line
        if token.type == "image":
            problems.append(Problem(at, "images belong into the layout; mail readers hide them."))
        if token.type == "text" and (found := _RAW_HTML.search(token.content)):
            sentence = f"{found[0]} is not read in Markdown; write Markdown, or an .html file."
            problems.append(Problem(at, sentence))
        if token.type == "link_open":
            sentence = _link_problem(str(token.attrGet("href") or ""), marked, fields, loops)
            if sentence:
                problems.append(Problem(at, sentence))
    return problems


def _link_problem(
    href: str, marked: Marked, fields: Mapping[str, Field], loops: Mapping[str, str]
) -> str:
    """Return what is wrong with a link's target, or the empty string."""
    links = [name for name, known in fields.items() if known.kind == "link"]
    allowed = f"write a link field ({', '.join(links)}) or an address with https://."
    tag = marked.tag_alone(href)
    if tag is None:
        if marked.tags_in(href):
            return f"a link goes to one field or to one fixed address; {allowed}"
        if _STATIC_LINK.fullmatch(href):
            return ""
        if href in links:
            return f"the link target {href} is a field; write {{{{ {href} }}}}."
        return f"the link target {href!r} leads nowhere; {allowed}"
    whole, _, part = tag.field.partition(".")
    known = fields.get(loops.get(whole, whole))
    if known is not None and part:
        known = known.items.get(part)
    if known is None or known.kind != "link":
        return f"{tag.source} is no link; {allowed}"
    return ""
