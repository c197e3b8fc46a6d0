"""Runs a clock forward: everything due up to an instant happens in order, at its own instant."""

from collections.abc import Callable, Iterator

from worker.rehearsal.sandbox.world import Cause, World

from . import collecting, discounting, endings, invoicing, periods, retrying, schedule

_HANDLERS: dict[str, Callable[[World, str], None]] = {
    "discount.end": discounting.run_out,
    "invoice.announce": schedule.announce,
    "invoice.collect": retrying.collect_due,
    "invoice.finalize": invoicing.finalise_due,
    "invoice.overdue": endings.overdue,
    "invoice.retry": retrying.retry,
    "payment.settle": collecting.settle,
    "subscription.cancel": endings.cancel_due,
    "subscription.incomplete": endings.expire,
    "subscription.period": periods.turn,
    "subscription.take_up": periods.take_up,
    "subscription.trial_will_end": periods.trial_will_end,
    "subscription.unpause": periods.unpause,
    "subscription.upcoming": invoicing.announce_upcoming,
}


def run_until(world: World, clock: str, until: int) -> Iterator[None]:
    """Do everything due on *clock* up to *until* (unix seconds); yields after each thing."""
    frozen = world.find("test_helpers.test_clock", clock) if clock else None
    while (timer := world.timers.pop_due(clock, until)) is not None:
        if frozen is not None:
            world.change(frozen, frozen_time=max(timer.at, frozen["frozen_time"]))
        with world.acting(Cause("stripe")):
            _HANDLERS[timer.kind](world, timer.object_id)
        yield
    if frozen is not None:
        world.change(frozen, frozen_time=until)


def next_due_at(world: World, clock: str) -> int | None:
    """Return the earliest instant at which something will happen on *clock*, or None."""
    timer = world.timers.peek(clock)
    return timer.at if timer else None
