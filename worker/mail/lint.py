"""Every problem of a folder of templates at once, for `dunning check`."""

from collections.abc import Callable
from pathlib import Path

from worker.domain.letter_fields import NOTICES, bare_fields, sample_fields
from worker.domain.policy import Brand
from worker.errors import ConfigError
from worker.mail.render import LetterRenderer
from worker.mail.templates import FALLBACK_LOCALE, LAYOUT_FOLDER, TemplateFolder, is_locale
from worker.mail.words import WORDS_FILE

_ANY_BRAND = Brand("Acme", "help@acme.example", logo_url="https://acme.example/logo.png")
_SUFFIXES = (".md", ".html")


def lint_templates(templates_dir: Path) -> list[str]:
    """Return one sentence per problem in *templates_dir*; an empty list means that it can be used.

    Each letter is read, checked and rendered twice: with a sample in every field, and with every
    optional field empty.
    """
    if not templates_dir.is_dir():
        return [f"{templates_dir.name}: there is no such folder; write its name in TEMPLATES_DIR."]
    templates = TemplateFolder(templates_dir)
    problems = _problems_of(templates.layout)
    renderer = None if problems else LetterRenderer(templates_dir, _ANY_BRAND)
    folders = sorted(path for path in templates_dir.iterdir() if path.is_dir())
    for folder in folders:
        if folder.name != LAYOUT_FOLDER:
            problems += _folder_problems(templates, renderer, folder)
    problems += [
        f"{templates_dir.name}/{FALLBACK_LOCALE}/{notice}.md is missing; every notice needs a "
        "letter in English, which serves where no other language does."
        for notice in NOTICES
        if not (templates_dir / FALLBACK_LOCALE / f"{notice}.md").is_file()
    ]
    return problems


def _folder_problems(
    templates: TemplateFolder, renderer: LetterRenderer | None, folder: Path
) -> list[str]:
    """Return the problems of one locale; without a *renderer* the letters are only checked."""
    shown = f"{folder.parent.name}/{folder.name}"
    if not is_locale(folder.name):
        return [f"{shown}: this is no locale; name the folder like en, en_GB or pt_BR."]
    problems = _problems_of(lambda: templates.words(folder.name))
    for path in sorted(folder.iterdir()):
        name = f"{shown}/{path.name}"
        if path.name == WORDS_FILE or path.name.startswith("."):
            continue
        if path.suffix not in _SUFFIXES:
            problems.append(f"{name} is not read; letters end in .md or .html.")
        elif path.suffix == ".html" and not path.with_suffix(".md").is_file():
            problems.append(
                f"{name} has no {path.stem}.md beside it; write it, since the subject and the "
                "text come from there."
            )
        elif path.suffix == ".md":
            problems += _letter_problems(templates, renderer, folder.name, path.stem)
    return problems


def _letter_problems(
    templates: TemplateFolder, renderer: LetterRenderer | None, locale: str, notice: str
) -> list[str]:
    problems = _problems_of(lambda: templates.letter(notice, locale))
    if renderer is None or problems:
        return problems
    for fields in (sample_fields(notice), bare_fields(notice)):
        problems += _problems_of(lambda: renderer.render(notice, locale, fields))  # noqa: B023
    return list(dict.fromkeys(problems))


def _problems_of(act: Callable[[], object]) -> list[str]:
    try:
        act()
    except ConfigError as error:
        return list(error.problems)
    return []
