"""One act on many cases: each in a transaction of its own, resumable, never twice to one case.

The cases are chosen once, when the run begins, and kept with it; what is done to each names the
run. The same command goes on with a run that was interrupted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.identifiers import case_name, stable_id
from worker.errors import ServiceUnavailable, UsageError
from worker.ports import BulkRun, Ledger, Tx

RESUMED_WITHIN = timedelta(days=1)
"""An unfinished run that began earlier is not gone on with: the same command begins a new one."""


class PartDoneError(UsageError):
    """The run has been here before. Nobody acts: it goes on with the next case."""


@dataclass(frozen=True, slots=True)
class ManyWish:
    """An act on many cases as a person wished it; the same wish goes on with its own run."""

    act: str
    words: tuple[str, ...]
    """Everything typed that tells one wish from another: filter, options."""
    by: str
    reason: str

    @property
    def key(self) -> str:
        """Its name for ever."""
        return stable_id(self.act, *self.words, self.by, self.reason)


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to."""

    done: tuple[int, ...]
    before: tuple[int, ...]
    """Cases that an earlier part of the run had done."""
    refused: tuple[tuple[int, str], ...]
    """Case -> why, part of a sentence."""


def interrupted_run(wish: ManyWish, *, ledger: Ledger, now: datetime) -> BulkRun | None:
    """Return the run that the wish would go on with, or None where it would begin one."""
    with ledger.begin() as tx:
        return tx.acts.unfinished_run(wish.act, wish.key, not_before=now - RESUMED_WITHIN)


def run_many(
    wish: ManyWish,
    case_ids: Sequence[int],
    act: Callable[[int, int], str],
    *,
    ledger: Ledger,
    now: datetime,
) -> RunResult:
    """Do *act* to every case of the run, and end the run.

    Args: case_ids: what a new run is about. act: takes a case and the run, commits by itself and
    returns why it is refused, or nothing. Raises: ServiceUnavailable: the ledger went away; the
    sentence says how many are done.
    """
    with ledger.begin() as tx:
        run = tx.acts.begin_run(
            wish.act,
            wish.key,
            case_ids,
            by=wish.by,
            reason=wish.reason,
            now=now,
            not_before=now - RESUMED_WITHIN,
        )
    done: list[int] = []
    before = [case_id for case_id in run.case_ids if case_id in run.done]
    refused: list[tuple[int, str]] = []
    for case_id in run.case_ids:
        if case_id in run.done:
            continue
        try:
            why = act(case_id, run.id)
        except PartDoneError:
            before.append(case_id)
        except UsageError as error:
            refused.append((case_id, reason_alone(error, case_id)))
        except ServiceUnavailable as away:
            count = len(done) + len(before)
            raise ServiceUnavailable(
                f"{away} {count} of {len(run.case_ids)} are done; the same command goes on."
            ) from away
        else:
            refused += [(case_id, why)] if why else []
            done += [] if why else [case_id]
    answer = f"{len(done) + len(before)} done, {len(refused)} refused"
    with ledger.begin() as tx:
        tx.acts.answer(run.id, answer=answer, now=now)
    return RunResult(tuple(done), tuple(before), tuple(refused))


def take_part(tx: Tx, run: int | None, case_id: int) -> None:
    """Refuse a case that the run has done already; the case must be locked.

    Raises: PartDoneError.
    """
    if run is not None and tx.acts.is_done_in(run, case_id):
        raise PartDoneError(f"{case_name(case_id)} is done already in this run.")


def reason_alone(error: UsageError, case_id: int) -> str:
    """Return why it was refused without saying whom: part of a sentence."""
    said = str(error).removeprefix("Refused: ").removeprefix(f"{case_name(case_id)} ")
    return said.rstrip(".")
