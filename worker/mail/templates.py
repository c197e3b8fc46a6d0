"""The folder of templates: which file serves a notice in a locale, read, checked and compiled."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Template, TemplateSyntaxError

from worker.domain.letter_fields import FIELDS, Field, fields_of
from worker.errors import ConfigError
from worker.mail.front_matter import Line, read_letter_file
from worker.mail.grammar import Problem, check, environment, nearest
from worker.mail.html_override import html_problems
from worker.mail.markdown_letter import BUTTON_FIELD, read_body
from worker.mail.words import WORDS_FILE, Words, read_words

FALLBACK_LOCALE = "en"
LAYOUT_FOLDER = "layout"

_NOTICE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8}){0,3}")

_TEXT = Field("text", "of the letter's head")
_BUTTON = Field("record", "the letter's button", items={"text": _TEXT, "link": _TEXT})
_LAYOUT_BRAND = Field(
    "record",
    "the company",
    items={
        **FIELDS["brand"].items,
        **dict.fromkeys(("logo_url", "colour", "text_colour"), _TEXT),
    },
)
LAYOUT_FIELDS: Mapping[str, Field] = {
    "brand": _LAYOUT_BRAND,
    "button": _BUTTON,
    **dict.fromkeys(("subject", "preheader", "footer", "body", "language", "direction"), _TEXT),
}

_HTML = environment(autoescape=True)
_PLAIN = environment(autoescape=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, compiled; `used` has the first line of each field and says what must be given."""

    name: str
    language: str
    fields: Mapping[str, Field]
    used: Mapping[str, int]
    subject: Template
    preheader: Template
    footer: Template
    button_text: Template | None
    button_link: str
    button_placed: bool
    html: Template
    text: Template
    digest: str


@dataclass(frozen=True, slots=True)
class Layout:
    """What all letters share."""

    html: Template
    text: Template
    button: Template
    digest: str


class TemplateFolder:
    """The templates under one folder; a file is read once, when it is first needed.

    Changed files are seen by a new instance, so that a letter is never sent half edited.
    """

    def __init__(self, root: Path) -> None:
        """Remember the folder; nothing is read yet."""
        self._root = root
        self._letters: dict[tuple[str, str], Letter] = {}
        self._words: dict[str, Words] = {}
        self._layout: Layout | None = None

    def layout(self) -> Layout:
        """Return the shared layout. Raises: ConfigError: a file of it is missing or broken."""
        if self._layout is None:
            names = ("letter.html", "letter.txt", "button.html")
            sources = [self._read(f"{LAYOUT_FOLDER}/{name}") for name in names]
            problems = []
            for name, source in zip(names, sources, strict=True):
                found = check(source, LAYOUT_FIELDS).problems
                problems += self._sentences(f"{LAYOUT_FOLDER}/{name}", found)
            if problems:
                raise ConfigError(*problems)
            html, text, button = sources
            self._layout = Layout(
                html=_HTML.from_string(html),
                text=_PLAIN.from_string(text),
                button=_HTML.from_string(button),
                digest=_digest(*sources),
            )
        return self._layout

    def letter(self, notice: str, locale: str) -> Letter:
        """Return the letter for *notice*, in the locale, else its language, else English.

        Raises: ConfigError: there is no such file, or what stands in it is wrong.
        """
        folder = self.folder_for(notice, locale)
        key = (notice, folder)
        if key not in self._letters:
            self._letters[key] = self._compile(notice, folder)
        return self._letters[key]

    def words(self, folder: str) -> Words:
        """Return the phrases of a locale folder. Raises: ConfigError: missing or wrong."""
        if folder not in self._words:
            name = f"{folder}/{WORDS_FILE}"
            self._words[folder] = read_words(self._root / name, self._name(name))
        return self._words[folder]

    def folder_for(self, notice: str, locale: str) -> str:
        """Return the locale folder that serves *notice* for a customer of *locale*.

        Raises: ConfigError: no folder has it.
        """
        if not _NOTICE.fullmatch(notice):
            raise ConfigError(
                f"{notice!r} is no name of a letter; write small letters, digits and _."
            )
        tried = locale_folders(locale)
        for folder in tried:
            if (self._root / folder / f"{notice}.md").is_file():
                return folder
        known = {path.stem for path in self._root.glob("*/*.md")}
        raise ConfigError(
            f"{self._name(f'{tried[-1]}/{notice}.md')}: there is no letter {notice}"
            f"{nearest(notice, known)}"
        )

    def _compile(self, notice: str, folder: str) -> Letter:
        name = f"{folder}/{notice}.md"
        source = self._read(name)
        override = self._root / folder / f"{notice}.html"
        html = self._read(f"{folder}/{notice}.html") if override.is_file() else ""
        fields = fields_of(notice)
        parsed = read_letter_file(source)
        if isinstance(parsed, list):
            raise ConfigError(*self._sentences(name, parsed))
        body_fields = {**fields, BUTTON_FIELD: Field("text", "the button, at this place")}
        body = read_body(parsed.body, fields, parsed.body_line)
        found = check(parsed.body, body_fields, parsed.body_line)
        # A tag that Jinja cannot cut is found twice.
        told = list(dict.fromkeys([*body.problems, *found.problems]))
        used = dict(found.used)
        heads = [parsed.subject, parsed.preheader, parsed.footer]
        if parsed.button_text is not None:
            heads.append(parsed.button_text)
        for head in heads:
            in_head = check(head.text, fields, head.line)
            told += in_head.problems
            used = {**in_head.used, **used}
        if parsed.button_link is not None:
            told += _link_problems(parsed.button_link, fields)
            used.setdefault(parsed.button_link.text, parsed.button_link.line)
        problems_html = html_problems(html, body_fields) if html else []
        sentences = self._sentences(name, sorted(told, key=lambda problem: problem.line))
        sentences += self._sentences(f"{folder}/{notice}.html", problems_html)
        if sentences:
            raise ConfigError(*sentences)
        if html:
            used = {**check(html, body_fields).used, **used}
        html_source = html or body.html
        return Letter(
            name=self._name(name),
            language=folder.replace("_", "-"),
            fields=fields,
            used={field: line for field, line in used.items() if field != BUTTON_FIELD},
            subject=_PLAIN.from_string(parsed.subject.text),
            preheader=_PLAIN.from_string(parsed.preheader.text),
            footer=_PLAIN.from_string(parsed.footer.text),
            button_text=_compiled(parsed.button_text),
            button_link=parsed.button_link.text if parsed.button_link else "",
            button_placed=BUTTON_FIELD in used,
            html=self._guarded(name, lambda: _HTML.from_string(html_source)),
            text=self._guarded(name, lambda: _PLAIN.from_string(body.text)),
            digest=_digest(source, html),
        )

    def _guarded(self, name: str, compile_source: Callable[[], Template]) -> Template:
        try:
            return compile_source()
        except TemplateSyntaxError as error:
            raise ConfigError(f"{self._name(name)}: {error.message}.") from error

    def _read(self, name: str) -> str:
        try:
            return (self._root / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ConfigError(f"{self._name(name)} is missing; every letter needs it.") from None
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise ConfigError(f"{self._name(name)} cannot be read: {reason}.") from error

    def _name(self, name: str) -> str:
        return f"{self._root.name}/{name}"

    def _sentences(self, name: str, problems: list[Problem]) -> list[str]:
        return [f"{self._name(name)} line {each.line}: {each.sentence}" for each in problems]


def is_locale(name: str) -> bool:
    """Return whether *name* has the form of a locale, such as `en`, `en_GB` or `pt-BR`."""
    return _LOCALE.fullmatch(name) is not None


def locale_folders(locale: str) -> list[str]:
    """Return the folders to look into for *locale*, best first; the last is always English.

    Raises: ConfigError: *locale* is no locale (it may become a path, so nothing else passes).
    """
    if not is_locale(locale):
        raise ConfigError(f"{locale!r} is no locale; write one like en, en_GB or pt_BR.")
    underscored = locale.replace("-", "_")
    language = underscored.partition("_")[0].lower()
    wanted = [underscored, underscored.replace("_", "-"), language, FALLBACK_LOCALE]
    return list(dict.fromkeys(wanted))


def _link_problems(link: Line, fields: Mapping[str, Field]) -> list[Problem]:
    links = [name for name, known in fields.items() if known.kind == "link"]
    if link.text in links:
        return []
    sentence = f"button → link: there is no link {link.text}{nearest(link.text, links)}"
    return [Problem(link.line, sentence)]


def _compiled(line: Line | None) -> Template | None:
    return _PLAIN.from_string(line.text) if line is not None else None


def _digest(*sources: str) -> str:
    joined = "\0".join(sources)
    return hashlib.sha256(joined.encode()).hexdigest()
