"""What the fields of a policy's ending and small balance mean together.

Nobody loses a subscription without a letter before it, and what happens where Stripe refuses a
pause is never guessed.
"""

from collections.abc import Iterator, Mapping, Sequence

from worker.domain.policy import CancelWhen, EndingAct
from worker.settings.audience_checks import amount_fault
from worker.settings.dunning_file import StepSection
from worker.settings.duration_words import days_words
from worker.settings.ending_section import EndingSection, SmallBalanceSection
from worker.settings.sentences import nearest
from worker.settings.yaml_reader import Location

Fault = tuple[Location, str]

LOSSES = {
    EndingAct.CANCEL: "a cancel",
    EndingAct.PAUSE: "a pause",
    EndingAct.HOLD_INVOICES: "holding invoices",
    EndingAct.DOWNGRADE: "a downgrade",
}
"""Endings by which customers lose something, in the words of a sentence."""


def ending_faults(
    policy_at: Location,
    ending: EndingSection,
    steps: Mapping[Location, StepSection],
    step_names: Sequence[str],
) -> Iterator[Fault]:
    """Yield what is wrong with an ending: fields it needs or cannot have, and its letter."""
    at = (*policy_at, "ending")
    yield from _field_faults(at, ending)
    if ending.not_before is None:
        if ending.do in LOSSES:
            sentence = "needs a letter before it; add `not_before: 2 days after <step>`."
            yield at, f"{LOSSES[ending.do]} {sentence}"
        return
    name = ending.not_before.step
    if name not in step_names:
        known = nearest(name, step_names) if step_names else "no steps are written."
        yield (*at, "not_before"), f"no step is called `{name}`; {known}"
        return
    step = next((each for each in steps.values() if each.name == name), None)
    if step is None:
        return
    if step.letter is None:
        yield (*at, "not_before"), f"the step `{name}` writes no letter; name one that does."
    elif step.offset < ending.after < step.offset + ending.not_before.gap:
        given, earliest = days_words(ending.after), days_words(step.offset + ending.not_before.gap)
        sentence = f"{given} is too early for `not_before`; write `{earliest}` or more."
        yield (*at, "after"), sentence


def _field_faults(at: Location, ending: EndingSection) -> Iterator[Fault]:
    if ending.do is EndingAct.PAUSE and ending.if_refused is None:
        choices = "add `if_refused: hold_invoices`, `cancel` or `leave`."
        yield at, f"Stripe refuses to pause some subscriptions; say what is done then: {choices}"
    if ending.do is EndingAct.DOWNGRADE and ending.to_price is None:
        yield at, "a downgrade needs the price to move to; add `to_price: price_1AbC`."
    only_with = {
        "if_refused": (EndingAct.PAUSE, ending.if_refused is not None),
        "to_price": (EndingAct.DOWNGRADE, ending.to_price is not None),
    }
    for key, (act, given) in only_with.items():
        if given and ending.do is not act:
            yield (*at, key), f"does nothing with `{ending.do}`; leave it out."
    cancels = EndingAct.CANCEL in {ending.do, ending.if_refused}
    if ending.when is CancelWhen.PERIOD_END and ending.do in LOSSES and not cancels:
        yield (*at, "when"), f"does nothing with `{ending.do}`; leave it out."


def small_balance_faults(policy_at: Location, small: SmallBalanceSection) -> Iterator[Fault]:
    """Yield what is wrong with the amounts below which nobody is dunned."""
    at = (*policy_at, "small_balance", "below")
    if not small.below:
        yield at, "is empty; write `{ eur: 2.00 }`."
    for written, amounts in small.below.items():
        if fault := amount_fault(written, amounts):
            yield (*at, written), fault
