"""Names of steps that no policy writes, and how people are told of them: without any id.

A step's name must be unique in its case for ever (architecture.md D5), so a try of a new card, of
a backup method or by hand carries what it is about; letters, logs and pages need not.
"""

import re

_ID = r"(?:[a-z]{2,5}_\w+)"
_TOLD = (
    (re.compile(rf"\bnew card {_ID}(?: of \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d)?"), "new card"),
    (re.compile(rf"\bbackup {_ID}"), "backup method"),
    (re.compile(r"\bby hand \d+\b"), "try by hand"),
    (re.compile(r"\bconfirm (\d+)\b"), r"confirmation letter \1"),
    (re.compile(r"^access of (.+)"), r"\1 (access)"),
)


def readable(text: str) -> str:
    """Return a step's name, or a sentence that names steps, for a person: `new card`."""
    for name, told in _TOLD:
        text = name.sub(told, text)
    return text


def charges_another_method(step: str) -> bool:
    """Return whether *step* tries another method than the one that was declined."""
    return step.startswith(("new card ", "backup "))
