"""What is taken out of Stripe's objects of a person who is to be forgotten. Pure.

Ids, amounts, states, dates, languages and countries stay, since facts, reports and the networks'
limits rest on them; names, addresses, phone numbers, metadata and evidence go.
"""

import re
from collections.abc import Collection, Iterable, Mapping

FORGOTTEN = "[forgotten]"

_PERSON = frozenset(("email", "address", "phone"))
"""An object with one of these is about a person, so its `name` is theirs, not a product's."""
_BLANKED = frozenset(
    (
        "billing_email",
        "business_name",
        "customer_email",
        "customer_email_address",
        "customer_name",
        "customer_phone",
        "customer_purchase_ip",
        "customer_shipping",
        "email",
        "individual_name",
        "ip_address",
        "payer_email",
        "payer_name",
        "phone",
        "receipt_email",
        "shipping",
        "user_agent",
        "verified_email",
        "verified_name",
    )
)
_ADDRESSES = frozenset(("address", "billing_address", "customer_address", "shipping_address"))
_EMPTIED = frozenset(("metadata", "evidence"))
_LISTS = frozenset(("customer_tax_ids", "custom_fields"))
_WORDS = frozenset(
    (
        "customer_email",
        "customer_name",
        "email",
        "individual_name",
        "business_name",
        "receipt_email",
    )
)
"""Where the person's own words stand that others may quote."""
_EMAIL = re.compile(r"[^\s@<>\"'=,;:()\[\]{}/\\]+@[^\s@<>\"'=,;:()\[\]{}/\\]+\.\w+")
QUOTED_MIN = 4
"""Shorter names are words of other people as well."""


def without_person(value: object) -> object:
    """Return decoded JSON of Stripe's without what tells of a person; shapes stay readable."""
    names = {name for name in person_words(value) if len(name) >= QUOTED_MIN}
    return _without(value, pattern_of(names), person=False)


def person_words(value: object) -> set[str]:
    """Return the names and e-mail addresses that stand in the places for them."""
    return {text for text in _words(value) if text.strip()}


def pattern_of(names: Collection[str]) -> re.Pattern[str]:
    """Return what finds any e-mail address and these names, whatever their case."""
    longest_first = sorted(names, key=len, reverse=True)
    parts = [re.escape(name) for name in longest_first] + [_EMAIL.pattern]
    return re.compile("|".join(parts), re.IGNORECASE)


def without_names(names: Collection[str], words: str) -> str:
    """Return *words* of anybody without these names and without any e-mail address."""
    return pattern_of({name for name in names if len(name) >= QUOTED_MIN}).sub(FORGOTTEN, words)


def names_in(value: object, prefixes: tuple[str, ...]) -> set[str]:
    """Return every id with one of *prefixes* (`cus_`) that stands as a whole text in *value*."""
    return {text for text in _texts(value) if text.startswith(prefixes)}


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _words(value: object, *, person: bool = False) -> Iterable[str]:
    if isinstance(value, Mapping):
        about = person or bool(_PERSON & value.keys())
        for key, each in value.items():
            told = key in _WORDS or (key == "name" and about)
            if told and isinstance(each, str):
                yield each
            else:
                yield from _words(each, person=key == "previous_attributes")
    elif isinstance(value, list):
        for each in value:
            yield from _words(each)


def _without(value: object, names: re.Pattern[str], *, person: bool) -> object:
    if isinstance(value, str):
        return names.sub(FORGOTTEN, value)
    if isinstance(value, list):
        return [_without(each, names, person=False) for each in value]
    if not isinstance(value, Mapping):
        return value
    about = person or bool(_PERSON & value.keys())
    return {key: _field(key, each, names, about) for key, each in value.items()}


def _field(key: str, value: object, names: re.Pattern[str], person: bool) -> object:
    if key in _BLANKED or (key == "name" and person):
        return None
    if key in _ADDRESSES:
        return {"country": value.get("country")} if isinstance(value, Mapping) else None
    if key in _EMPTIED:
        return {}
    if key in _LISTS:
        return []
    return _without(value, names, person=key == "previous_attributes")
