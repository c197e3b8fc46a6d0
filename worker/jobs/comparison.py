"""The daily comparison with Stripe, which a person may also ask for (`dunning reconcile`)."""

from datetime import datetime, timedelta

from worker.bootstrap import App
from worker.domain.metrics_rules import DEFAULTS
from worker.services.fold_facts import fold_facts
from worker.services.learn_for_facts import learn_for_facts
from worker.services.reconcile import RELIST, Reconciled, reconcile


def compare(app: App, now: datetime) -> None:
    """Compare with Stripe."""
    compare_now(app, now)


def compare_now(app: App, now: datetime, *, relist: timedelta = RELIST) -> Reconciled:
    """Compare with Stripe, write the line, and return what was found.

    Args: relist: how far back the event list is read again.
    """
    result = reconcile(
        ledger=app.ledger,
        stripe=app.stripe,
        reader=app.reader,
        log=app.log,
        clock=app.clock,
        configuration=app.configuration,
        api_version=app.api_version,
        now=now,
        test_clock=app.environment.stripe_test_clock or "",
        relist=relist,
    )
    fold(app)
    found = {
        "events": result.late_events,
        "opened": result.opened,
        "checked": result.compared,
        "differences": result.doubted,
        "business_at": now,
    }
    if result.opened:
        do = "none: missed failures are cases now; report it if it repeats"
        app.log.warning("reconcile", do=do, **found)
    else:
        app.log.info("reconcile", **found)
    return result


def fold(app: App) -> None:
    """Fold what was read into facts."""
    learn_for_facts(ledger=app.ledger, stripe=app.stripe, log=app.log)
    fold_facts(
        ledger=app.ledger,
        reader=app.reader,
        clock=app.clock,
        rules=app.configuration.dunning.metrics or DEFAULTS,
    )
