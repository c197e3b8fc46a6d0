"""Comments of surveys, grouped by the operator's tags and ranked: those of detractors first."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from worker.domain.redaction import without_contacts

UNTAGGED = "untagged"
"""What comments are under that have no word of any tag."""

STANDINGS = ("detractor", "passive", "promoter")
"""In the order in which comments are shown."""


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody wrote beside an answer; it may be personal data."""

    survey: str
    score: int
    standing: str
    """`detractor`, `passive` or `promoter` (metrics.survey_answers)."""
    at: datetime
    text: str
    """As written; what is shown of it has no address or telephone number (group_comments)."""


@dataclass(frozen=True, slots=True)
class TaggedComments:
    """The comments of one tag, ranked."""

    tag: str
    comments: tuple[Comment, ...]
    """Detractors first; among equals the newest first."""

    def count(self, standing: str) -> int:
        """Return how many were written by people of that standing."""
        return sum(1 for comment in self.comments if comment.standing == standing)


def group_comments(
    comments: Iterable[Comment], tags: Mapping[str, Sequence[str]]
) -> list[TaggedComments]:
    """Return the comments by tag: most detractors first, then most comments, then by name.

    A comment counts under each of its tags, and is told without addresses and telephone numbers:
    lists and reports go from hand to hand. Args: tags: tag -> words; a comment has one where a
    word of it begins so, whatever its case.
    """
    patterns = {tag: _pattern(words) for tag, words in tags.items()}
    found: dict[str, list[Comment]] = {}
    for comment in comments:
        folded = comment.text.casefold()
        having = [tag for tag, pattern in patterns.items() if pattern.search(folded)]
        told = replace(comment, text=without_contacts(comment.text))
        for tag in having or [UNTAGGED]:
            found.setdefault(tag, []).append(told)
    groups = [TaggedComments(tag, tuple(sorted(found[tag], key=_rank))) for tag in found]
    return sorted(
        groups, key=lambda group: (-group.count("detractor"), -len(group.comments), group.tag)
    )


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    alternatives = "|".join(re.escape(word.casefold()) for word in words)
    return re.compile(rf"(?<!\w)(?:{alternatives})")


def _rank(comment: Comment) -> tuple[int, float, int, str]:
    newest_first = -comment.at.timestamp()
    return STANDINGS.index(comment.standing), newest_first, comment.score, comment.text
