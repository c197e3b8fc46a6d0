"""Letters as they are sent: subject, HTML and text made from a template and the fields' values."""

import re
from collections.abc import Mapping
from pathlib import Path

from babel import Locale, UnknownLocaleError
from css_inline import CSSInliner
from jinja2 import Template, UndefinedError
from markupsafe import Markup

from worker.domain.policy import Brand
from worker.errors import ConfigError
from worker.mail.colours import text_colour_on
from worker.mail.templates import Layout, Letter, TemplateFolder
from worker.mail.values import FieldValueError, harmless, one_line
from worker.mail.words import Words
from worker.mail.zones import locale_in_country
from worker.ports import RenderedNotice

SUBJECT_CHARACTERS_MAX = 150
# Gmail cuts a message at 102 kB and hides the rest, the footer with it.
HTML_BYTES_MAX = 100_000


class LetterRenderer:
    """Renders letters from one folder of templates; safe to share between threads."""

    def __init__(self, templates_dir: Path, brand: Brand) -> None:
        """Remember the folder; files are read and compiled when first needed, then kept."""
        self._templates = TemplateFolder(templates_dir)
        self._brand = _brand_values(brand)

    def render(self, notice: str, locale: str, fields: Mapping[str, object]) -> RenderedNotice:
        """Return the letter; the values in *fields* are as worker.domain.letter_fields declares.

        Fields that the notice does not have are ignored. Raises: ConfigError: the template is
        missing or wrong, or a field that it uses is missing or does not fit.
        """
        layout = self._templates.layout()
        letter = self._templates.letter(notice, locale)
        try:
            values = harmless(letter.fields, fields, letter.used)
        except FieldValueError as error:
            line = letter.used.get(error.field.partition(".")[0], 1)
            raise ConfigError(
                f"{letter.name} line {line}: the field {error.field} {error}; whoever fills this "
                "letter must give it, or the template must do without."
            ) from error
        values["brand"] = self._brand
        try:
            return _letter(layout, letter, values)
        except UndefinedError as error:
            raise ConfigError(f"{letter.name}: {error.message}.") from error
        except _TooLongError:
            raise ConfigError(
                f"{letter.name}: the letter is longer than {HTML_BYTES_MAX // 1000} kB and mail "
                "readers would cut it; shorten it."
            ) from None

    def formatting_locale(self, notice: str, locale: str) -> str:
        """Return the locale in which amounts and dates of this letter must be written.

        It is the customer's own where the letter exists in that language; else the language of
        the letter with the customer's country, so that an English letter has English day names.
        """
        folder = self._templates.folder_for(notice, locale)
        written = Locale.parse(folder.replace("-", "_"))
        try:
            wanted = Locale.parse(locale.replace("-", "_"))
        except (ValueError, UnknownLocaleError):
            return str(written)
        if wanted.language == written.language:
            return str(wanted)
        return locale_in_country(written.language, wanted.territory)

    def words(self, notice: str, locale: str) -> Words:
        """Return the phrases that go with *notice* in the language in which it will be written.

        Raises: ConfigError: the language's `words.yaml` is missing or wrong.
        """
        return self._templates.words(self._templates.folder_for(notice, locale))


def _letter(layout: Layout, letter: Letter, values: dict[str, object]) -> RenderedNotice:
    subject = one_line(_fill(letter.subject, values))
    if len(subject) > SUBJECT_CHARACTERS_MAX:
        subject = subject[: SUBJECT_CHARACTERS_MAX - 1].rstrip() + "…"
    shared: dict[str, object] = {
        "brand": values["brand"],
        "subject": subject,
        "preheader": one_line(_fill(letter.preheader, values)),
        "footer": one_line(_fill(letter.footer, values)),
        "language": letter.language,
        "direction": Locale.parse(letter.language, sep="-").text_direction,
    }
    link = str(values[letter.button_link]) if letter.button_link else ""
    button = {"text": "", "link": link}
    if letter.button_text is not None and link:
        button["text"] = one_line(_fill(letter.button_text, values))
    button_html = _markup(layout.button, {**shared, "button": button}) if link else Markup("")
    button_text = f"{button['text']}:\n{link}" if link else ""

    html_body = _fill(letter.html, {**values, "button": button_html})
    text_body = _fill(letter.text, {**values, "button": button_text})
    if link and not letter.button_placed:
        # Joined as plain text: adding Markup would escape the body once more.
        html_body = "".join((html_body, button_html))
        text_body += f"\n\n{button_text}"
    whole = {**shared, "button": button, "body": Markup(_tidy_html(html_body))}  # noqa: S704
    html = _INLINER.inline(_fill(layout.html, whole))
    if len(html.encode()) > HTML_BYTES_MAX:
        raise _TooLongError
    text = _fill(layout.text, {**shared, "button": button, "body": text_body})
    return RenderedNotice(
        subject=subject,
        html=html,
        text=_tidy_text(text),
        template_digest=f"{letter.digest[:32]}{layout.digest[:32]}",
    )


_INLINER = CSSInliner(keep_style_tags=True, keep_at_rules=True, load_remote_stylesheets=False)


class _TooLongError(Exception):
    """What a template makes is longer than a mail reader shows."""


def _fill(template: Template, values: Mapping[str, object]) -> str:
    """Return what *template* makes of *values*, giving up as soon as it is too long."""
    parts = []
    length = 0
    for part in template.generate(values):
        parts.append(part)
        length += len(part)
        if length > HTML_BYTES_MAX:
            raise _TooLongError
    return "".join(parts)


def _markup(template: Template, values: Mapping[str, object]) -> Markup:
    return Markup(_fill(template, values))  # noqa: S704 - rendered with autoescape


def _tidy_html(body: str) -> str:
    """Drop paragraphs and items that are empty because their condition did not hold."""
    return re.sub(r"<(p|li)>\s*</\1>\n?", "", body)


def _tidy_text(text: str) -> str:
    """Close up what left-out parts leave behind: blanks at line ends, runs of empty lines."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    kept = [line for line in lines if line != "-"]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() + "\n"


def _brand_values(brand: Brand) -> dict[str, str]:
    return {
        "name": one_line(brand.name),
        "support": brand.support,
        "support_url": f"mailto:{brand.support}",
        "logo_url": brand.logo_url or "",
        "colour": brand.colour,
        "text_colour": text_colour_on(brand.colour),
    }
