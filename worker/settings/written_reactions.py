"""How days, ladders, ceilings and method types are written in dunning.yaml.

As in `written_values`: each function returns the value or raises ValueError with the rest of a
sentence that says what is wrong and what to write.
"""

import re
from collections.abc import Callable
from datetime import timedelta

from worker.domain.policy import PersonDecides
from worker.settings.sentences import nearest
from worker.settings.written_values import parse_duration, parse_times, scalar

MONTH_END = 31
"""How the last day of any month is kept (ClassRule.paydays)."""
LADDER_MAX = 8

_KEY = re.compile(r"metadata\.([^\s\[\]]{1,40})")
_ACCESS = re.compile(r"[a-z0-9_]{1,40}")
_TYPE = re.compile(r"[a-z][a-z0-9_]*")


def parse_ladder(text: object) -> tuple[timedelta, ...]:
    """Return one duration or a list of them, shortest first."""
    given = as_list(text, "4 hours")
    offsets = sorted({parse_duration(each) for each in given})
    if offsets[0] <= timedelta(0):
        raise ValueError("must be longer than nothing; write `4 hours`.")
    if len(offsets) > LADDER_MAX:
        raise ValueError(f"has {len(offsets)} times; write {LADDER_MAX} or fewer.")
    return tuple(offsets)


def parse_month_days(text: object) -> tuple[int, ...]:
    """Return the days of a month in `[1, 15, last]`, in order; `last` is 31."""
    return tuple(sorted({_month_day(each) for each in as_list(text, "[1, 15, last]")}))


def _month_day(text: object) -> int:
    value = scalar(text)
    if value == "last":
        return MONTH_END
    if not value.isdecimal() or not 1 <= int(value) <= MONTH_END:
        raise ValueError(f"`{value}` is no day of a month; write 1 to 31, or `last`.")
    return int(value)


def parse_metadata_key(text: object) -> str:
    """Return the key in `metadata.payday`; Stripe's keys have at most 40 characters."""
    value = scalar(text)
    found = _KEY.fullmatch(value)
    if found is None:
        raise ValueError(f"`{value}` names no metadata key; write `metadata.payday`.")
    return found[1]


def parse_method_types(text: object) -> tuple[str, ...]:
    """Return Stripe's types of payment methods in the order written, each once."""
    types = [scalar(each) for each in as_list(text, "[card, sepa_debit]")]
    for each in types:
        if not _TYPE.fullmatch(each):
            raise ValueError(
                f"`{each}` is no type of payment method; write Stripe's word, such as `sepa_debit`."
            )
        if types.count(each) > 1:
            raise ValueError(f"`{each}` is listed twice; keep one.")
    return tuple(types)


def parse_access(text: object) -> str:
    """Return the word for what a customer may use: letters, digits and `_`."""
    value = scalar(text)
    if not _ACCESS.fullmatch(value):
        raise ValueError(f"`{value}` is no word of a-z, 0-9 and `_`; write `read_only`.")
    return value


def parse_person_decides(text: object) -> tuple[PersonDecides, ...]:
    """Return what a person decides, each once."""
    words = [scalar(each) for each in as_list(text, "[charges, ending]")]
    known = [each.value for each in PersonDecides]
    for each in words:
        if each not in known:
            raise ValueError(f"`{each}` is not known; {nearest(each, known)}")
        if words.count(each) > 1:
            raise ValueError(f"`{each}` is listed twice; keep one.")
    return tuple(PersonDecides(each) for each in sorted(words))


def parse_authorised(text: object) -> bool:
    """Return True for `authorised`, False for `not_authorised`."""
    value = scalar(text)
    if value not in ("authorised", "not_authorised"):
        raise ValueError(f"`{value}` is not known; write `authorised` or `not_authorised`.")
    return value == "authorised"


def times_up_to(most: int, rule: str) -> Callable[[object], int]:
    """Return a reader of `N times` that refuses more than *most* and says which *rule* it is."""

    def parse(text: object) -> int:
        times = parse_times(text)
        if times > most:
            raise ValueError(f"{rule}; write `{most} times` or less.")
        return times

    return parse


def as_list(text: object, example: str) -> list[object]:
    """Return a list as it is and a single value as a list of one; an empty list is refused."""
    if text == []:
        raise ValueError(f"is an empty list; write `{example}` or leave the field out.")
    return text if isinstance(text, list) else [text]
