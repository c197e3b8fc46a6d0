"""The head of a letter's file: subject, preheader, button and footer, each with its line."""

from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from worker.mail.grammar import Problem, nearest

_HEAD = ("subject", "preheader", "button", "footer")
_BUTTON = ("text", "link")


@dataclass(frozen=True, slots=True)
class Line:
    """One short text of the head and the line of the file on which it stands."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class LetterFile:
    """A letter's file, cut into its parts; `button_*` are None where the letter has no button."""

    subject: Line
    preheader: Line
    footer: Line
    button_text: Line | None
    button_link: Line | None
    body: str
    body_line: int


def read_letter_file(source: str) -> LetterFile | list[Problem]:
    """Return the parts of a letter's file, or everything that is wrong with its head."""
    lines = source.lstrip("﻿").splitlines(keepends=True)
    ends = [number for number, line in enumerate(lines) if line.rstrip() == "---"]
    if len(ends) < 2 or ends[0] != 0:
        return [
            Problem(
                1,
                "a letter begins with a line ---, then subject, preheader, button and "
                "footer, then a line ---, then the text.",
            )
        ]
    end = ends[1]
    try:
        head = YAML(typ="rt", pure=True).load("".join(lines[1:end]))
    except YAMLError as error:
        at = (
            error.problem_mark.line
            if isinstance(error, MarkedYAMLError) and (error.problem_mark)
            else 0
        )
        return [Problem(at + 2, "this line is no YAML; put the text in double quotes.")]
    if not isinstance(head, CommentedMap):
        return [Problem(2, "write subject, preheader, button and footer here, each on its line.")]
    problems = _unknown(head, _HEAD, 2)
    texts = {name: _text(head, name, problems) for name in ("subject", "preheader", "footer")}
    button_text = button_link = None
    if "button" in head:
        button = head["button"]
        if isinstance(button, CommentedMap):
            problems += _unknown(button, _BUTTON, 2)
            button_text = _text(button, "text", problems)
            button_link = _text(button, "link", problems)
        else:
            sentence = 'button has two parts; write button: {text: "Pay now", link: pay_url}.'
            problems.append(Problem(_line(head, "button"), sentence))
    if problems:
        return problems
    return LetterFile(
        **texts,
        button_text=button_text,
        button_link=button_link,
        body="".join(lines[end + 1 :]),
        body_line=end + 2,
    )


def _line(head: CommentedMap, name: str) -> int:
    position = head.lc.value(name) if name in head else (head.lc.line or 0, 0)
    return int(position[0]) + 2


def _unknown(head: CommentedMap, known: tuple[str, ...], first_line: int) -> list[Problem]:
    return [
        Problem(
            int(head.lc.key(name)[0]) + first_line,
            f"{name} is not known here{nearest(str(name), known)}",
        )
        for name in head
        if name not in known
    ]


def _text(head: CommentedMap, name: str, problems: list[Problem]) -> Line:
    """Return a text of the head; a missing one or one of another type becomes a problem."""
    line = _line(head, name)
    value = head.get(name)
    if value is None:
        problems.append(Problem(line, f'{name} is missing; write {name}: "...".'))
    elif not isinstance(value, str):
        problems.append(Problem(line, f"{name} is no text; put it in double quotes."))
    elif not value.strip():
        problems.append(Problem(line, f"{name} is empty; write it, or leave the line out."))
    return Line(str(value), line)
