"""`dunning hold ID` and `dunning release ID`: stand still on purpose, and go on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from worker.cli.data_dir import View
from worker.cli.look_plan_until import parse_until
from worker.cli.tables import print_json
from worker.domain.case import CaseState
from worker.domain.holds import BY_PEOPLE, HeldBy, HoldKind, HoldScope
from worker.domain.identifiers import case_name
from worker.errors import UsageError
from worker.office.words import count_words
from worker.ports import NewHold
from worker.services.hold_cases import put_hold, release_holds
from worker.store.reading import CaseLine, find_cases, list_cases, snapshot

Word = TypeVar("Word", HoldKind, HoldScope)

SCOPES = tuple(scope for scope in HoldScope if scope is not HoldScope.CHARGE)


@dataclass(frozen=True, slots=True)
class WishedHold:
    """A hold as a person typed it; empty means the default."""

    kind: str = HoldKind.INTERNAL.value
    scope: str = ""
    owner: str = ""
    until: str = ""


def hold(
    view: View, wanted: str, wish: WishedHold, *, by: str, reason: str, as_json: bool = False
) -> None:
    """Hold what *wanted* names and say what stands still, and until when.

    Raises: UsageError: there is no such case, kind or scope, it is closed, or it is held already.
    """
    lines = _named(view, wanted)
    scope = _scope(wanted, wish.scope)
    target = _target(lines, scope, wanted)
    if scope in {HoldScope.CASE, HoldScope.INVOICE} and lines[0].closed_at is not None:
        raise UsageError(f"Refused: {case_name(lines[0].id)} is closed: {lines[0].outcome}.")
    zone = view.office.zone
    new = NewHold(
        scope=scope,
        target=target,
        kind=_word(wish.kind, BY_PEOPLE, "kind"),
        owner=wish.owner or by,
        reason=reason,
        by=by,
        until=parse_until(wish.until, now=view.now, zone=zone) if wish.until else None,
    )
    done = put_hold(new, _concerned(view, lines, scope), ledger=view.ledger, now=view.now)
    if done.number is None:
        kind = new.kind.value.replace("_", " ")
        raise UsageError(f"{target} is held already ({kind}): dunning release {wanted} ends it.")
    names = [case_name(case_id) for case_id in done.case_ids]
    if as_json:
        until = new.until.isoformat() if new.until is not None else None
        print_json({"hold": done.number, "target": target, "cases": names, "until": until})
        return
    end = f"until {view.words.moment(new.until)}" if new.until else "until somebody releases it"
    print(f"{target} is held {end}: nothing is charged, written or ended.")
    print(f"Stands still: {', '.join(names) or 'no case yet; those to come will'}")
    print(f"It goes on with: dunning release {wanted} --by NAME --reason WHY")


def release(view: View, wanted: str, *, by: str, reason: str, as_json: bool = False) -> None:
    """Release what holds the cases that *wanted* names, and say so.

    Raises: UsageError: there is no such case, or nothing holds it that a person can release.
    """
    lines = _named(view, wanted)
    ended = release_holds(
        [line.id for line in lines], ledger=view.ledger, now=view.now, by=by, reason=reason
    )
    if not ended:
        raise UsageError(_nothing_to_release(wanted, lines))
    if as_json:
        print_json({"released": [each.id for each in ended]})
        return
    for each in ended:
        print(f"Released: {_name(each)} was {each.said(view.office.zone.key)}.")
    print("It goes on within seconds; what is undone moves later by the time it stood still.")


def _name(hold: HeldBy) -> str:
    return "the customer" if hold.scope is HoldScope.CHARGE else hold.target


def _nothing_to_release(wanted: str, lines: Sequence[CaseLine]) -> str:
    waiting = [line for line in lines if line.state == CaseState.HELD.value]
    if waiting:
        return f"Refused: {wanted} is not held by a person: {waiting[0].reason}."
    return f"Refused: {wanted} is not held."


def _named(view: View, wanted: str) -> list[CaseLine]:
    with snapshot(view.ledger) as connection:
        account = view.ledger.account_id
        found = find_cases(connection, account, wanted)
        lines = list(list_cases(connection, account, ids=found)) if found else []
    if not lines:
        raise UsageError(
            f"No case is called {wanted}; write a case number, an id (in_, sub_, cus_), an invoice"
            " number or an e-mail address."
        )
    return lines


def _scope(wanted: str, scope: str) -> HoldScope:
    """Return what is to be held: as asked for, else what the ID is the name of."""
    if scope:
        return _word(scope, SCOPES, "scope")
    if wanted.startswith("cus_") or "@" in wanted:
        return HoldScope.CUSTOMER
    if wanted.startswith("sub_"):
        return HoldScope.SUBSCRIPTION
    return HoldScope.INVOICE if wanted.startswith("in_") else HoldScope.CASE


def _target(lines: Sequence[CaseLine], scope: HoldScope, wanted: str) -> str:
    """Return the one thing to hold. Raises: UsageError: *wanted* names several, or none."""
    found = {
        {
            HoldScope.CASE: case_name(line.id),
            HoldScope.CUSTOMER: line.customer_id,
            HoldScope.SUBSCRIPTION: line.subscription_id,
            HoldScope.INVOICE: line.invoice_id,
        }[scope]
        for line in lines
    } - {""}
    if len(found) != 1:
        number = count_words(len(found), scope.value)
        raise UsageError(f"Refused: {wanted} names {number}; write the one to hold.")
    return found.pop()


def _concerned(view: View, lines: Sequence[CaseLine], scope: HoldScope) -> list[int]:
    """Return the cases that the hold keeps still: also those that the ID did not name."""
    name = {
        HoldScope.CUSTOMER: lines[0].customer_id,
        HoldScope.SUBSCRIPTION: lines[0].subscription_id,
    }.get(scope)
    if name is None:
        return [line.id for line in lines]
    with snapshot(view.ledger) as connection:
        return find_cases(connection, view.ledger.account_id, name)


def _word(given: str, allowed: Sequence[Word], what: str) -> Word:
    for word in allowed:
        if word.value == given.replace("-", "_").lower():
            return word
    known = ", ".join(word.value for word in allowed)
    raise UsageError(f"`{given}` is no {what} of a hold; write one of {known}.")
