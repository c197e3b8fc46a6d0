"""`dunning hold ID` and `dunning release ID`: stand still on purpose, and go on."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from worker.cli.act_hold_names import Named, names_of, scope_of, target_of, what_is_held
from worker.cli.data_dir import View
from worker.cli.look_plan_until import parse_until
from worker.cli.tables import print_json
from worker.domain.case import CaseState
from worker.domain.holds import BY_PEOPLE, HeldBy, HoldKind, HoldScope
from worker.domain.identifiers import case_name
from worker.errors import UsageError
from worker.ports import NewHold
from worker.services.hold_cases import Released, put_hold, release_holds

Word = TypeVar("Word", HoldKind, HoldScope)

SCOPES = tuple(scope for scope in HoldScope if scope not in {HoldScope.CHARGE, HoldScope.METADATA})


@dataclass(frozen=True, slots=True)
class WishedHold:
    """A hold as a person typed it; empty means the default."""

    kind: str = HoldKind.INTERNAL.value
    scope: str = ""
    owner: str = ""
    until: str = ""

    def kind_word(self) -> HoldKind:
        """Return the kind. Raises: UsageError: there is none such."""
        return _word(self.kind, BY_PEOPLE, "kind")

    def scope_word(self) -> HoldScope | None:
        """Return the scope, or None where none was typed. Raises: UsageError: there is no such."""
        return _word(self.scope, SCOPES, "scope") if self.scope else None

    def ends_at(self, view: View) -> datetime | None:
        """Return when it ends by itself; None: never. Raises: UsageError."""
        zone = view.office.zone
        return parse_until(self.until, now=view.now, zone=zone) if self.until else None


def hold(
    view: View, wanted: str, wish: WishedHold, *, by: str, reason: str, as_json: bool = False
) -> None:
    """Hold what *wanted* names and say what stands still, and until when.

    Raises: UsageError: there is nothing of that name, no such kind or scope, it is closed, or it
    is held already.
    """
    scope = scope_of(wanted, wish.scope_word())
    named = names_of(view, wanted)
    target = target_of(named, scope, wanted)
    if scope in {HoldScope.CASE, HoldScope.INVOICE}:
        _refuse_closed(named[0])
    new = NewHold(
        scope=scope,
        target=target,
        kind=wish.kind_word(),
        owner=wish.owner or by,
        reason=reason,
        by=by,
        until=wish.ends_at(view),
    )
    done = put_hold(new, ledger=view.ledger, now=view.now)
    said = what_is_held(scope, target)
    if done.number is None:
        kind = new.kind.value.replace("_", " ")
        raise UsageError(f"{said} is held already ({kind}): dunning release {wanted} ends it.")
    names = [case_name(case_id) for case_id in done.case_ids]
    if as_json:
        until = new.until.isoformat() if new.until is not None else None
        print_json({"hold": done.number, "target": target, "cases": names, "until": until})
        return
    end = f"until {view.words.moment(new.until)}" if new.until else "until somebody releases it"
    print(f"{said} is held {end}: nothing is charged, written or ended.")
    print(f"Stands still: {', '.join(names) or 'no case yet; those to come will'}")
    print(f"It goes on with: dunning release {wanted} --by NAME --reason WHY")


def _refuse_closed(named: Named) -> None:
    if named.closed_as:
        raise UsageError(f"Refused: {named.case} is closed: {named.closed_as}.")


def release(view: View, wanted: str, *, by: str, reason: str, as_json: bool = False) -> None:
    """Release what holds the cases, or the very thing, that *wanted* names, and say so.

    Raises: UsageError: there is nothing of that name, or nothing holds it that a person can
    release.
    """
    named = names_of(view, wanted)
    scope = scope_of(wanted, None)
    targets = {(scope, each.under(scope)) for each in named if scope is not HoldScope.CASE}
    done = release_holds(
        [each.case_id for each in named if each.case_id is not None],
        targets=sorted(targets),
        ledger=view.ledger,
        now=view.now,
        by=by,
        reason=reason,
    )
    if not done.ended:
        raise UsageError(_nothing_to_release(wanted, named, done))
    if as_json:
        print_json({"released": [each.id for each in done.ended]})
        return
    for each in done.ended:
        print(f"Released: {_name(each)} was {each.said(view.office.zone.key)}.")
    for each in done.wider:
        print(f"Still held with all of {_name(each)}: {_wider_command(each)}")
    print("It goes on within seconds; what is undone moves later by the time it stood still.")


def _name(hold: HeldBy) -> str:
    return what_is_held(hold.scope, hold.target)


def _wider_command(hold: HeldBy) -> str:
    return f"dunning release {_name(hold)} ends that"


def _nothing_to_release(wanted: str, named: list[Named], done: Released) -> str:
    if done.wider:
        wider = done.wider[0]
        return f"Refused: {wanted} is held with all of {_name(wider)}: {_wider_command(wider)}."
    waiting = [each for each in named if each.state == CaseState.HELD.value]
    if waiting:
        return f"Refused: {wanted} is not held by a person: {waiting[0].reason}."
    return f"Refused: {wanted} is not held."


def _word(given: str, allowed: tuple[Word, ...], what: str) -> Word:
    for word in allowed:
        if word.value == given.replace("-", "_").lower():
            return word
    known = ", ".join(word.value for word in allowed)
    raise UsageError(f"`{given}` is no {what} of a hold; write one of {known}.")
