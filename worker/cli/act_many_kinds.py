"""The acts that can be done to many cases: hold, release, retry, approve, close, extend.

Each judges a case beforehand by what the ledger knows, and does to one case exactly what its
command does to a single one: a row or a wish, never a request to Stripe.
"""

from collections.abc import Iterator, Sequence

from worker.cli.act_hold import WishedHold
from worker.cli.act_many import Many
from worker.cli.act_retry import LATER_STEPS_STAY, require_charging, situation_now, why_refused
from worker.cli.data_dir import View
from worker.clock import SystemClock
from worker.domain.holds import HeldBy, HoldScope
from worker.domain.identifiers import case_name
from worker.errors import UsageError
from worker.ports import NewHold
from worker.services.approvals import approve_act
from worker.services.ask_close import ask_close
from worker.services.ask_retry import RetryAnswer, ask_retry, refusal
from worker.services.extend_case import extend_case, require_days
from worker.services.hold_cases import put_hold, release_holds
from worker.store.reading import CaseLine

NOT_HELD = "is not held by a person"
NO_POLICY = "its policy is not kept in this ledger"


class HoldMany:
    """Each case is held by itself."""

    name, done, note = "hold", "held", ""
    words: tuple[str, ...]

    def __init__(self, view: View, wish: WishedHold, who: Many) -> None:
        """Read the wish. Raises: UsageError: a word of it is wrong."""
        if wish.scope:
            raise UsageError("--scope does not go with --filter: each case is held by itself.")
        self._view, self._who = view, who
        self._kind, self._until = wish.kind_word(), wish.ends_at(view)
        self._owner = wish.owner or who.by
        self.words = (wish.kind, wish.owner, wish.until)

    def refusals(self, lines: Sequence[CaseLine]) -> Iterator[tuple[int, str]]:
        """Yield the cases that have such a hold already."""
        for line in lines:
            for hold in _holds(self._view, line.id):
                if hold.scope is HoldScope.CASE and hold.kind is self._kind:
                    yield line.id, self._held_already()

    def _held_already(self) -> str:
        return f"is held already ({self._kind.value.replace('_', ' ')})"

    def act(self, case_id: int, run: int) -> str:
        """Hold one case."""
        new = NewHold(
            scope=HoldScope.CASE,
            target=case_name(case_id),
            kind=self._kind,
            owner=self._owner,
            reason=self._who.reason,
            by=self._who.by,
            until=self._until,
        )
        held = put_hold(new, ledger=self._view.ledger, now=self._view.now, run=run)
        return self._held_already() if held.number is None else ""


class ReleaseMany:
    """Every hold of each case is released; those by metadata are left, since they are wider."""

    name, done, note = "release", "released", ""
    words: tuple[str, ...] = ()

    def __init__(self, view: View, who: Many) -> None:
        """Keep who acts."""
        self._view, self._who = view, who

    def refusals(self, lines: Sequence[CaseLine]) -> Iterator[tuple[int, str]]:
        """Yield the cases that no hold of a person keeps still."""
        for line in lines:
            holds = _holds(self._view, line.id)
            if all(hold.scope is HoldScope.METADATA for hold in holds):
                wider = f"is held with all of metadata.{holds[0].target}" if holds else ""
                yield line.id, wider or NOT_HELD

    def act(self, case_id: int, run: int) -> str:
        """Release one case; one whose hold went with another's is released as well."""
        release_holds(
            [case_id],
            ledger=self._view.ledger,
            now=self._view.now,
            by=self._who.by,
            reason=self._who.reason,
            run=run,
        )
        return ""


class RetryMany:
    """Each case gets the wish for a charge, where every rule allows one."""

    name, done, note = "retry", "to be charged", LATER_STEPS_STAY
    words: tuple[str, ...] = ()

    def __init__(self, view: View, who: Many) -> None:
        """Keep who acts. Raises: UsageError: nothing is charged at all."""
        require_charging(view)
        self._view, self._who = view, who

    def refusals(self, lines: Sequence[CaseLine]) -> Iterator[tuple[int, str]]:
        """Yield the cases that a rule forbids to charge now, and until when."""
        mode, who = self._view.office.mode, self._who
        for line in lines:
            at = situation_now(self._view, line.id)
            answer = RetryAnswer(NO_POLICY)
            if at is not None:
                answer = refusal(at, mode, by=who.by, reason=who.reason)
            if answer.refused:
                yield line.id, why_refused(answer, self._view)

    def act(self, case_id: int, run: int) -> str:
        """Ask for one charge."""
        at = situation_now(self._view, case_id)
        if at is None:
            return NO_POLICY
        answer = ask_retry(
            at,
            ledger=self._view.ledger,
            clock=SystemClock(),
            mode=self._view.office.mode,
            by=self._who.by,
            reason=self._who.reason,
            run=run,
        )
        return why_refused(answer, self._view) if answer.refused else ""


class ApproveMany:
    """Each case's one charge or ending that waits for a person gets a yes."""

    name, done = "approve", "approved"
    words: tuple[str, ...] = ()
    note = "The worker does each now if every other rule allows it."

    def __init__(self, view: View, who: Many) -> None:
        """Keep who acts."""
        self._view, self._who = view, who

    def refusals(self, lines: Sequence[CaseLine]) -> Iterator[tuple[int, str]]:
        """Yield the cases that ask nothing."""
        with self._view.ledger.begin() as tx:
            asked = {case_id for case_id, _ in tx.approvals.all_asked()}
        for line in lines:
            if line.id not in asked:
                yield line.id, "nothing of it waits for you"

    def act(self, case_id: int, run: int) -> str:
        """Approve one."""
        approve_act(
            case_id,
            ledger=self._view.ledger,
            clock=SystemClock(),
            now=self._view.now,
            by=self._who.by,
            reason=self._who.reason,
            run=run,
        )
        return ""


class CloseMany:
    """Each case gets the wish to be closed; what is owed stays owed."""

    name, done = "close", "to be closed"
    words: tuple[str, ...] = ()
    note = "What is owed stays owed, and Stripe's invoices and subscriptions stay as they are."

    def __init__(self, view: View, who: Many) -> None:
        """Keep who acts."""
        self._view, self._who = view, who

    def refusals(self, lines: Sequence[CaseLine]) -> Iterator[tuple[int, str]]:
        """Yield the cases that wait for their closing already."""
        with self._view.ledger.begin() as tx:
            asked = [line.id for line in lines if tx.acts.close_is_asked(line.id)]
        for case_id in asked:
            yield case_id, "is to be closed already; it waits for the worker"

    def act(self, case_id: int, run: int) -> str:
        """Ask for one closing."""
        ask_close(
            case_id,
            ledger=self._view.ledger,
            now=self._view.now,
            by=self._who.by,
            reason=self._who.reason,
            run=run,
        )
        return ""


class ExtendMany:
    """Each case gets more time."""

    name, note = "extend", ""
    words: tuple[str, ...]

    def __init__(self, view: View, days: int, who: Many) -> None:
        """Keep how much. Raises: UsageError: the days are out of range."""
        require_days(days)
        self._view, self._days, self._who = view, days, who
        self.words = (str(days),)
        self.done = f"given {days} more day{'s' if days > 1 else ''}"

    def refusals(self, lines: Sequence[CaseLine]) -> Iterator[tuple[int, str]]:  # noqa: ARG002
        """Yield nothing: every case that is not closed may get more time."""
        yield from ()

    def act(self, case_id: int, run: int) -> str:
        """Give one case more time."""
        extend_case(
            case_id,
            self._days,
            ledger=self._view.ledger,
            clock=SystemClock(),
            now=self._view.now,
            by=self._who.by,
            reason=self._who.reason,
            run=run,
        )
        return ""


def _holds(view: View, case_id: int) -> list[HeldBy]:
    """Return the holds in force on a case."""
    with view.ledger.begin() as tx:
        case = tx.cases.load(case_id)
        found = tx.holds.of_case(case) if case is not None else ()
    return [hold for hold in found if hold.in_force(view.now)]
