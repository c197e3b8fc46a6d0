"""`dunning policy diff DIR`: what another configuration would change, worst first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.cli.data_dir import View
from worker.cli.policy_candidate import Comparison, read_comparison
from worker.cli.tables import print_json
from worker.domain.identifiers import case_name
from worker.errors import UsageError
from worker.office.configuration_changes import (
    PolicyChange,
    mode_change,
    other_changes,
    policy_changes,
)
from worker.office.policy_effects import Change, Effect, Effects, Section, Target, effects_of
from worker.office.rules_changes import RulesChange
from worker.office.words import OfficeWords, count_words, json_instant, json_money, money_words
from worker.store.reading import snapshot
from worker.store.reading_plan import read_open_cases

SAME = "Nothing changes: {directory} says what runs."
NOTHING_ELSE = "Nothing changes for them."
CASES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Diff:
    """What a candidate changes against the current configuration."""

    mode: str
    """Another mode in words, empty where it stays; told before all else."""
    policies: tuple[PolicyChange, ...]
    others: tuple[str, ...]
    effects: Effects
    move: bool
    """Whether open cases are to be moved as well."""

    @property
    def moving(self) -> tuple[Target, ...]:
        """The open cases that move to another policy."""
        return tuple(each for each in self.effects.targets if each.moves) if self.move else ()

    @property
    def staying(self) -> tuple[Target, ...]:
        """Open cases that a move leaves as they are, though another policy would serve them."""
        return tuple(each for each in self.effects.targets if each.stays and each.differs)


def show_diff(view: View, directory: Path, *, move: bool, markdown: bool, as_json: bool) -> None:
    """Print what the configuration in *directory* would change.

    Raises: ConfigError: everything that is wrong with it; UsageError: two forms are asked for.
    """
    if markdown and as_json:
        raise UsageError("Choose one of --json and --markdown.")
    compared = read_comparison(view, directory)
    diff = make_diff(view, compared, move=move)
    if as_json:
        print_json(diff_json(diff))
    elif compared.same and not any(target.moves for target in diff.effects.targets):
        print(SAME.format(directory=directory))
    else:
        for line in (markdown_lines if markdown else diff_lines)(diff, view.words):
            print(line)


def make_diff(view: View, compared: Comparison, *, move: bool) -> Diff:
    """Return what changes, by the texts and by the forecasts of all open cases."""
    old, new = compared.current, compared.candidate.configuration
    with snapshot(view.ledger) as connection:
        found = read_open_cases(
            connection, view.ledger.account_id, now=view.now, wall_now=view.wall_now
        )
    return Diff(
        mode_change(old, new),
        tuple(policy_changes(old.dunning, new.dunning)),
        tuple(other_changes(old, new)),
        effects_of(found, old, new, now=view.now),
        move,
    )


def diff_lines(diff: Diff, words: OfficeWords) -> Iterator[str]:
    """Yield the lines for a person."""
    if diff.mode:
        yield diff.mode
    for group in _groups(diff):
        yield group.title
        for section in group.sections:
            yield f"  {_heading(section, words)}"
            for change in section.changes[:CASES_SHOWN]:
                cells = _cells(change, words)
                yield f"    {cells[0]}  {cells[1]}  {cells[3]}, was {cells[2]}"
            if len(section.changes) > CASES_SHOWN:
                yield f"    and {len(section.changes) - CASES_SHOWN} more: --json has all"
        for rules in group.rules:
            yield f"  {_rules_heading(rules)}"
            yield from (f"    {detail}" for detail in rules.details)
        if group.empty:
            yield f"  {NOTHING_ELSE}"
    yield from (f"{line}" for line in _staying(diff))
    yield from _text_lines(diff)


def markdown_lines(diff: Diff, words: OfficeWords) -> Iterator[str]:
    """Yield the same as Markdown, for a pull request."""
    if diff.mode:
        yield f"### {diff.mode}\n"
    for group in _groups(diff):
        yield f"### {group.title}\n"
        for section in group.sections:
            yield f"**{_heading(section, words)}**\n"
            yield "| case | owes | was | becomes |"
            yield "|---|---|---|---|"
            for change in section.changes[:CASES_SHOWN]:
                yield f"| {' | '.join(_cells(change, words))} |"
            if len(section.changes) > CASES_SHOWN:
                yield f"\nand {len(section.changes) - CASES_SHOWN} more"
            yield ""
        for rules in group.rules:
            yield f"**{_rules_heading(rules)}**\n"
            yield from (f"- {detail}" for detail in rules.details)
            yield ""
        if group.empty:
            yield f"{NOTHING_ELSE}\n"
    yield from (f"- {line}" for line in _staying(diff))
    if diff.policies:
        yield "### For cases to come\n"
        yield "| policy | was | becomes |"
        yield "|---|---|---|"
        for each in diff.policies:
            becomes = "<br>".join([each.now or "gone", *each.details])
            yield f"| {each.name} | {each.was or 'new'} | {becomes} |"
        yield ""
    if diff.others:
        yield "### At once, for all\n"
        yield from (f"- {line}" for line in diff.others)


@dataclass(frozen=True, slots=True)
class Group:
    """What happens to open cases together, under one title."""

    title: str
    sections: Sequence[Section]
    rules: Sequence[RulesChange] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing changes for any case."""
        return not (self.sections or self.rules)


def _groups(diff: Diff) -> Iterator[Group]:
    """Yield what changes for open cases; what really happens comes before what only might."""
    effects = diff.effects
    cases = count_words(effects.cases, "open case")
    if diff.move:
        title = f"{cases}, {len(diff.moving)} of them moved to the policy that matches now:"
        yield Group(title, effects.moved, effects.rules)
        return
    if effects.at_once:
        title = f"{cases}, at once, since mode, limits and hours count for all:"
        yield Group(title, effects.at_once)
    if any(target.moves for target in effects.targets) or effects.moved:
        kept = "keeps its policy" if effects.cases == 1 else "keep their policies"
        title = f"{cases} {kept}. If moved as well (--move-open-cases):"
        yield Group(title, effects.moved, effects.rules)


def _heading(section: Section, words: OfficeWords) -> str:
    """Return `Ends sooner: 41 cases, €3,880.00; first on Tue 15 Dec`."""
    money = "".join(f", {money_words(each)}" for each in section.money)
    first = f"; first on {words.day(section.first_at)}" if section.first_at is not None else ""
    return f"{section.effect.value}: {count_words(len(section.changes), 'case')}{money}{first}"


def _rules_heading(rules: RulesChange) -> str:
    """Return `Rules of standard: 2 cases, €98.00: C-1001, C-1002`."""
    policy = rules.was if rules.was == rules.becomes else f"{rules.was} -> {rules.becomes}"
    money = "".join(f", {money_words(each)}" for each in rules.money)
    names = ", ".join(case_name(number) for number in rules.case_ids[:CASES_SHOWN])
    more = len(rules.case_ids) - CASES_SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return f"Rules of {policy}: {count_words(len(rules.case_ids), 'case')}{money}: {names}{rest}"


def _cells(change: Change, words: OfficeWords) -> tuple[str, str, str, str]:
    """Return case, what it owes, what was and what becomes of it."""
    was, becomes = change.was, change.becomes
    if change.was_at is not None:
        was = f"{was} {words.moment(change.was_at)}"
    if change.at is not None:
        ends = change.was_at is not None or change.effect is Effect.ENDS_AT_ALL
        becomes = f"{becomes}{' ' if ends else ', first '}{words.moment(change.at)}"
    return case_name(change.case_id), money_words(change.owed), was, becomes


def _staying(diff: Diff) -> Iterator[str]:
    for target in diff.staying:
        yield f"{case_name(target.case_id)} would not move: {target.stays}."


def _text_lines(diff: Diff) -> Iterator[str]:
    if diff.policies:
        yield "For cases to come:"
    for change in diff.policies:
        if not change.was:
            yield f"  new   {change.now}"
        elif not change.now:
            yield f"  gone  {change.was}"
        else:
            if change.was != change.now:
                yield f"  was   {change.was}"
                yield f"  now   {change.now}"
            for detail in change.details:
                yield f"        {change.name}: {detail}"
    if diff.others:
        yield "At once, for all:"
        yield from (f"  {line}" for line in diff.others)


def diff_json(diff: Diff) -> dict[str, object]:
    """Return the same as data, with every case."""
    return {
        "mode": diff.mode or None,
        "open_cases": diff.effects.cases,
        "at_once": [_section_json(each) for each in diff.effects.at_once],
        "if_moved": [_section_json(each) for each in diff.effects.moved],
        "rules_if_moved": [
            {
                "was": each.was,
                "becomes": each.becomes,
                "cases": [case_name(number) for number in each.case_ids],
                "money": [json_money(amount) for amount in each.money],
                "details": list(each.details),
            }
            for each in diff.effects.rules
        ],
        "moving": [case_name(each.case_id) for each in diff.moving],
        "staying": [
            {"case": case_name(each.case_id), "because": each.stays} for each in diff.staying
        ],
        "policies": [
            {"name": each.name, "was": each.was, "now": each.now, "details": list(each.details)}
            for each in diff.policies
        ],
        "others": list(diff.others),
    }


def _section_json(section: Section) -> dict[str, object]:
    return {
        "effect": section.effect.name.lower(),
        "count": len(section.changes),
        "money": [json_money(each) for each in section.money],
        "first_at": json_instant(section.first_at),
        "cases": [
            {
                "case": case_name(each.case_id),
                "owed": json_money(each.owed),
                "was": each.was,
                "was_at": json_instant(each.was_at),
                "becomes": each.becomes,
                "at": json_instant(each.at),
            }
            for each in section.changes
        ],
    }
