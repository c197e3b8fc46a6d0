"""What troubled stories came to, held against the same stories in calm."""

from dataclasses import astuple, replace

from tests.crash.crashing_world import Ending


def as_if_answered(found: Ending) -> Ending:
    """Return an ending as if its unknown letters had been answered."""
    letters = [
        (step, notice, state.replace("unknown", "sent")) for step, notice, state in found.letters
    ]
    return replace(found, letters=tuple(letters), unknown=0, received=())


def as_if_rebuilt(found: Ending) -> Ending:
    """Return an ending without what the events of lost requests cannot tell.

    Which step a try was is guessed, and by that who brought the money; plans are told anew.
    """
    return replace(
        found,
        case=found.case[:3],
        attempts=tuple((no, kind, state) for no, kind, _step, state in found.attempts),
        steps=(),
        facts=tuple(each for each in found.facts if each != "payment.retry_scheduled"),
    )


def differences(found: Ending, calm: Ending) -> list[tuple[object, object]]:
    """Return the parts that differ, as found and as they are without any trouble."""
    pairs = zip(astuple(found), astuple(calm), strict=True)
    return [(one, other) for one, other in pairs if one != other]


def final_is_unknown(found: Ending) -> bool:
    """Return whether the letter that an ending needs may not have arrived."""
    return any(step == "final letter" and state == "unknown" for step, _, state in found.letters)
