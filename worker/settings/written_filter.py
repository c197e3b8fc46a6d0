"""How a filter of cases is written: `state=open currency=eur amount>=500 metadata.team=a`.

Terms are joined by spaces and all must hold; `country=DE,AT` is either; a value with a space is
put in quotes. Every problem is told at once.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from worker.domain.case import CaseState
from worker.domain.case_filter import (
    METADATA,
    AmountTerm,
    CaseFilter,
    Comparison,
    DayTerm,
    Term,
    WordTerm,
)
from worker.domain.policy import DeclineClass
from worker.errors import UsageError
from worker.settings.sentences import nearest
from worker.settings.written_audience import (
    INTERVAL_UNITS,
    parse_countries,
    parse_currencies,
    parse_price_ids,
    parse_product_ids,
)

EXAMPLE = "`state=open currency=eur amount>=500`"

_TERM = re.compile(r"([^=<>!]+)(!=|<=|>=|=|<|>)(.*)", re.DOTALL)
_AMOUNT = re.compile(r"\d{1,12}(?:\.\d{1,3})?")
_UNFINISHED = tuple(state.value for state in CaseState if state is not CaseState.CLOSED)

Parse = Callable[[list[object]], tuple[str, ...]]


def _one_of(known: Sequence[str]) -> Parse:
    def parse(values: list[object]) -> tuple[str, ...]:
        words = _lower(values)
        for word in words:
            if word not in known:
                raise ValueError(f"`{word}` is not known; {nearest(word, known)}")
        return words

    return parse


def _state(values: list[object]) -> tuple[str, ...]:
    if CaseState.CLOSED.value in values:
        raise ValueError("nothing is done to closed cases; write open, held or in_review.")
    return _one_of(_UNFINISHED)(values)


def _as_typed(values: list[object]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _lower(values: list[object]) -> tuple[str, ...]:
    return tuple(str(value).lower() for value in values)


WORDS: dict[str, tuple[Parse, str, str]] = {
    "state": (_state, "open", "open, held or in_review"),
    "policy": (_as_typed, "monthly-cards", "name of the policy that the case keeps"),
    "currency": (parse_currencies, "eur", "of the invoice"),
    "class": (_one_of([each.value for each in DeclineClass]), "funds", "class of the decline"),
    "code": (_lower, "insufficient_funds", "Stripe's code of the decline"),
    "country": (parse_countries, "DE", "of the customer's address"),
    "plan": (parse_price_ids, "price_1AbC", "a price of the subscription"),
    "product": (parse_product_ids, "prod_1AbC", "a product of the subscription"),
    "interval": (_one_of(INTERVAL_UNITS), "year", "how often it is billed"),
    "method": (_lower, "card", "type of the payment method that would be charged"),
    "brand": (_lower, "visa", "of that card"),
    "customer": (_as_typed, "cus_1AbC", "id of the customer"),
    "subscription": (_as_typed, "sub_1AbC", "id of the subscription"),
}
"""Field -> how its values are read, an example, what it is."""

COMPARED = {"amount": "500", "failed": "2026-11-01"}
"""Fields with an order -> an example: what is owed, in major units; day of the first failure."""

FIELDS = (*WORDS, *COMPARED, f"{METADATA}KEY")


def parse_filter(text: str) -> CaseFilter:
    """Return the filter in *text*. Raises: UsageError: one sentence per problem."""
    try:
        written = shlex.split(text)
    except ValueError:
        raise UsageError(
            f'The filter has a quote that does not end; write {METADATA}team="key accounts".'
        ) from None
    if not written:
        raise UsageError(f"The filter is empty; write terms such as {EXAMPLE}.")
    terms: list[Term] = []
    problems: list[str] = []
    for one in written:
        try:
            terms.append(_term(one))
        except ValueError as problem:
            problems.append(f"--filter {one}: {problem}")
    problems += _together(terms) if not problems else ()
    if problems:
        raise UsageError("\n".join(problems))
    return CaseFilter(tuple(terms))


def _term(written: str) -> Term:
    """Return one term. Raises: ValueError: the rest of a sentence."""
    found = _TERM.fullmatch(written)
    if found is None:
        raise ValueError("is no term; write a field, a comparison and a value: `currency=eur`.")
    field, comparison, value = found[1], Comparison(found[2]), found[3]
    if field == "amount":
        return AmountTerm(comparison, _amount(value))
    if field == "failed":
        return DayTerm(comparison, _day(value))
    parse, example = _words(field)
    if comparison not in {Comparison.IS, Comparison.IS_NOT}:
        raise ValueError(f"`{field}` has no order; write `{field}={example}` or `!=`.")
    values: list[object] = [each for each in value.split(",") if each]
    if not values:
        raise ValueError(f"has no value; write `{field}={example}`.")
    return WordTerm(field, parse(values), negated=comparison is Comparison.IS_NOT)


def _words(field: str) -> tuple[Parse, str]:
    """Return how the values of a field are read, and an example."""
    if field.startswith(METADATA) and field != METADATA:
        return _as_typed, "a"
    if field in WORDS:
        return WORDS[field][:2]
    raise ValueError(f"`{field}` is no field; {nearest(field, FIELDS)}")


def _amount(value: str) -> Decimal:
    if not _AMOUNT.fullmatch(value):
        raise ValueError(f"`{value}` is no amount; write major units, such as `amount>=49.90`.")
    return Decimal(value)


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        example = COMPARED["failed"]
        raise ValueError(f"`{value}` is no day; write it as in `failed<{example}`.") from None


def _together(terms: Sequence[Term]) -> Iterator[str]:
    """Yield what is wrong with terms that are each fine."""
    wanted = [term for term in terms if isinstance(term, WordTerm) and not term.negated]
    fields = [term.field for term in wanted]
    for field in dict.fromkeys(field for field in fields if fields.count(field) > 1):
        both = ",".join(value for term in wanted if term.field == field for value in term.values)
        yield f"--filter names `{field}` twice; write `{field}={both}` for either of them."
    if any(isinstance(term, AmountTerm) for term in terms) and fields.count("currency") != 1:
        yield "--filter has an amount without its currency; add `currency=eur`, or whichever it is."
    elif any(isinstance(term, AmountTerm) for term in terms):
        [currency] = [term.values for term in wanted if term.field == "currency"]
        if len(currency) > 1:
            yield "--filter has an amount in several currencies; write one command for each."
