"""Whether letters tell what their steps offer: fields of a letter, and the steps that write it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from worker.domain.policy import Policy, Step
from worker.errors import ConfigError
from worker.mail.templates import LAYOUT_FOLDER, Letter, TemplateFolder

COUPON, DAYS = "offer_coupon", "offer_days"
WRITTEN_AS = {COUPON: "coupon: SAVE20", DAYS: "extra_days: 7 days"}


def unoffered_fields(templates_dir: Path, policies: Iterable[Policy]) -> list[str]:
    """Return a sentence for each field of an offer in a letter of which no step offers that.

    It would always be empty. Letters that no step writes, and broken ones, are not looked at.
    """
    steps = _steps_by_letter(policies)
    return [
        f"{letter.name} line {line}, {field}: no step with `letter: {notice}` offers it; add"
        f" `offer: {{ {WRITTEN_AS[field]} }}` to the step in dunning.yaml, or leave the field out."
        for notice in sorted(steps)
        for letter in _letters(templates_dir, notice)
        for field, line in sorted(letter.used.items(), key=lambda each: each[1])
        if field in WRITTEN_AS and field not in {_field(step) for step in steps[notice]}
    ]


def untold_offers(templates_dir: Path, policies: Iterable[Policy]) -> list[str]:
    """Return a sentence for each offer of which its letter says nothing to the customer."""
    return [
        f"step `{step.name}` offers {step.offer.said}, and {letter.name} does not tell of it; write"
        f" `{{{{ {_field(step)} }}}}` there."
        for notice, steps in sorted(_steps_by_letter(policies).items())
        for letter in _letters(templates_dir, notice)
        for step in steps
        if step.offer is not None and _field(step) not in letter.used
    ]


def _steps_by_letter(policies: Iterable[Policy]) -> dict[str, list[Step]]:
    found: dict[str, list[Step]] = {}
    for step in (step for policy in policies for step in policy.steps):
        if step.letter:
            found.setdefault(step.letter, []).append(step)
    return found


def _field(step: Step) -> str:
    """Return the field that tells of the step's offer; empty where it has none."""
    if step.offer is None:
        return ""
    return COUPON if step.offer.coupon else DAYS


def _letters(templates_dir: Path, notice: str) -> Iterator[Letter]:
    """Yield the letter in every locale that has it."""
    templates = TemplateFolder(templates_dir)
    for path in sorted(templates_dir.glob(f"*/{notice}.md")):
        if path.parent.name != LAYOUT_FOLDER:
            try:
                yield templates.letter(notice, path.parent.name)
            except ConfigError:
                continue  # told by the lint of the letters themselves
