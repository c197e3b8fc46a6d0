"""Who is served by which policy: nobody twice, nobody by none, no policy for nobody."""

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from worker.domain.money import KNOWN, wire_decimals
from worker.domain.policy import Match
from worker.domain.policy_reach import never_matches, out_of_reach
from worker.settings.match_section import MatchSection
from worker.settings.sentences import join_words, nearest
from worker.settings.written_audience import WrittenAmounts
from worker.settings.yaml_reader import Location, Problem, YamlText

Fault = tuple[Location, str]


def audience_problems(text: YamlText) -> Iterator[Problem]:
    """Yield what is wrong with the names and conditions of the policies as a list."""
    policies = text.data.get("policies") if isinstance(text.data, dict) else None
    listed = policies if isinstance(policies, list) else []
    for location, sentence in _faults(text, listed):
        yield Problem(text.line_of(location), location, sentence)


def _faults(text: YamlText, policies: Sequence[object]) -> Iterator[Fault]:
    names = [_name(raw) for raw in policies]
    matches: list[Match | None] = []
    sound = True
    for index, raw in enumerate(policies):
        at: Location = ("policies", index)
        if names[index] and names.index(names[index]) != index:
            yield (
                (*at, "name"),
                f"a second policy is called `{names[index]}`; give it its own name.",
            )
        section = _match_section(raw)
        faults = list(_match_faults(section, (*at, "match"))) if section is not None else []
        yield from faults
        written = isinstance(raw, dict) and "match" in raw
        sound = sound and not faults and (section is not None or not written)
        matches.append(section.match() if section is not None and not faults else None)
    if policies and isinstance(policies[-1], dict) and "match" in policies[-1]:
        matches.pop()
        yield (
            ("policies", len(policies) - 1, "match"),
            "the last policy serves everybody else; leave `match` out, or add a policy without it.",
        )
    if sound:
        yield from _reach_faults(text, names, matches)


def _reach_faults(
    text: YamlText, names: Sequence[str], matches: Sequence[Match | None]
) -> Iterator[Fault]:
    for index, earlier in out_of_reach(matches).items():
        named = [f"`{names[one]}` (line {text.line_of(('policies', one))})" for one in earlier]
        comes, serves = ("comes", "serves") if len(named) == 1 else ("come", "serve")
        whom = "everybody" if matches[earlier[0]] is None else "everybody it could serve"
        first = f"{join_words(named)} {comes} first and {serves} {whom}"
        yield ("policies", index), f"nobody can reach it: {first}; move it up or leave it out."


def _match_faults(section: MatchSection, at: Location) -> Iterator[Fault]:
    if not section.model_fields_set:
        yield at, "has no condition; write one such as `interval: year`, or leave it out."
        return
    for code in section.currency or ():
        if code not in KNOWN:
            yield (*at, "currency"), _no_currency(code)
    for written, amounts in (section.amount or {}).items():
        if fault := amount_fault(written, amounts):
            yield (*at, "amount", written), fault
    if section.amount == {}:
        yield (*at, "amount"), "is empty; write `{ eur: 500 and more }`."
    if section.metadata == {}:
        yield (*at, "metadata"), "is empty; write `{ tier: vip }`."
    if (
        section.customer_age is not None
        and section.customer_age.least == section.customer_age.below
    ):
        yield (*at, "customer_age"), "is met by nobody."
    excluded = never_matches(section.match()) if _all_known(section) else ""
    if excluded:
        yield at, f"can never match: {excluded}; change one of them."


def amount_fault(written: str, amounts: WrittenAmounts) -> str:
    """Return what is wrong with amounts of the currency *written*; empty where nothing is."""
    code = written.lower()
    if code not in KNOWN:
        return _no_currency(written)
    decimals = wire_decimals(code)
    if amounts.decimals() > decimals:
        many = {0: "no decimals", 2: "2 decimals"}.get(decimals, f"{decimals} decimals")
        return f"{code.upper()} has {many}; write the amount so."
    return ""


def _all_known(section: MatchSection) -> bool:
    return all(code.lower() in KNOWN for code in section.amount or {})


def _no_currency(written: str) -> str:
    guess = nearest(written.lower(), sorted(KNOWN))
    example = guess if guess.startswith("did you mean") else "write its code, such as `eur`."
    return f"`{written}` is no currency of Stripe; {example}"


def _match_section(raw: object) -> MatchSection | None:
    """Return the conditions, or None where there are none or a value of them is wrong."""
    if not isinstance(raw, dict) or "match" not in raw:
        return None
    try:
        return MatchSection.model_validate(raw["match"])
    except ValidationError:
        return None


def _name(raw: object) -> str:
    name = raw.get("name") if isinstance(raw, dict) else None
    return name.strip() if isinstance(name, str) else ""
