"""The values of merge fields, made harmless before they meet a template."""

import re
import unicodedata
from collections.abc import Mapping

from worker.domain.letter_fields import Field

TEXT_CHARACTERS_MAX = 1_000
NAME_CHARACTERS_MAX = 120
LINK_CHARACTERS_MAX = 5_000
LIST_ITEMS_MAX = 100

# http only on the own machine, where the rehearsal's sandbox serves its pages.
_LINK = re.compile(r"(?:https://|http://(?:127\.0\.0\.1|localhost|\[::1\])[:/])[^\s<>\"'`\\]+")
# What mail readers turn into links by themselves: `word.word`, `a@b`, `://`.
_LINKED_BY_READERS = re.compile(r"(?<=\w)([.@])(?=\w\w)|(:)(?=//)|(@)(?=\w)")
# Joiners are needed by Persian, Hindi and emoji, direction marks by amounts in Arabic and Hebrew;
# the overrides that can turn a text around are not among them.
_FORMAT_SIGNS_KEPT = "\u200c\u200d\u200e\u200f"
_NOTHING_WIDE = "\u200c"


class FieldValueError(Exception):
    """A value does not fit its field; `field` names it as a template would."""

    def __init__(self, field: str, sentence: str) -> None:
        """Keep the field beside the sentence, since the caller knows where it was used."""
        super().__init__(sentence)
        self.field = field


def harmless(
    fields: Mapping[str, Field], given: Mapping[str, object], needed: Mapping[str, int]
) -> dict[str, object]:
    """Return the values of the *needed* fields, as plain strings and lists of dicts of strings.

    Control and direction characters and line breaks become spaces or vanish, long values are cut,
    and names are written so that mail readers make no link of them.
    Raises: FieldValueError: a value is missing, empty though needed, or no link.
    """
    values: dict[str, object] = {}
    for name in needed:
        declared = fields[name]
        if declared.kind == "record":
            continue
        if name not in given:
            raise FieldValueError(name, "was not given")
        value = given[name]
        if declared.kind == "list":
            values[name] = _list(name, declared, value)
        else:
            values[name] = _value(name, declared, value)
    return values


def one_line(text: str) -> str:
    """Return *text* without control and direction characters, each run of blanks as one space."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    kept = (
        " " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign
        for sign in text
        if unicodedata.category(sign) not in ("Cf", "Cs") or sign in _FORMAT_SIGNS_KEPT
    )
    return re.sub(r"[ \t]+", " ", "".join(kept)).strip()


def not_a_link(name: str) -> str:
    """Return *name*, looking the same, in a form that mail readers do not turn into a link."""
    return _LINKED_BY_READERS.sub(lambda found: found[0] + _NOTHING_WIDE, name)


def _list(name: str, declared: Field, value: object) -> list[dict[str, str]]:
    if not isinstance(value, list | tuple):
        raise FieldValueError(name, "is no list")
    if not value and not declared.optional:
        raise FieldValueError(name, "is empty")
    if len(value) > LIST_ITEMS_MAX:
        raise FieldValueError(name, f"has more than {LIST_ITEMS_MAX} entries")
    result = []
    for entry in value:
        if not isinstance(entry, Mapping):
            raise FieldValueError(name, "holds something that is no record")
        missing = declared.items.keys() - entry.keys()
        if missing:
            raise FieldValueError(f"{name}.{min(missing)}", "was not given")
        result.append(
            {key: _value(f"{name}.{key}", item, entry[key]) for key, item in declared.items.items()}
        )
    return result


def _value(name: str, declared: Field, value: object) -> str:
    if not isinstance(value, str):
        raise FieldValueError(name, f"is {type(value).__name__}, not text")
    if declared.kind == "link":
        if not value and declared.optional:
            return ""
        if len(value) > LINK_CHARACTERS_MAX or not _LINK.fullmatch(value):
            raise FieldValueError(name, "is no https:// address")
        return value
    limit = NAME_CHARACTERS_MAX if declared.kind == "name" else TEXT_CHARACTERS_MAX
    text = one_line(value[: 4 * limit])
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    if not text and not declared.optional:
        raise FieldValueError(name, "is empty")
    return not_a_link(text) if declared.kind == "name" else text
