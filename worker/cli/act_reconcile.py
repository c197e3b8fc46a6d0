"""`dunning reconcile`: compare with Stripe now, and write again what a restored backup lost."""

import sys
from collections.abc import Mapping

from worker.bootstrap import App, build_app
from worker.jobs.comparison import compare_now
from worker.office.words import count_words
from worker.services.read_feed import LIST_REACH
from worker.services.rebuild_attempts import Rebuilt, rebuild_attempts
from worker.services.reconcile import RELIST, Reconciled

NEEDS = frozenset(("DATABASE_URL", "REDIS_URL", "STRIPE_API_KEY"))


def reconcile(environ: Mapping[str, str], *, rebuild: bool, by: str, reason: str) -> bool:
    """Print what was found; False where keys of ours stay unexplained.

    Raises: ServiceUnavailable: Stripe or the database is away; UsageError: what was lost may not
    be written again while charging goes on.
    """
    app = build_app(environ, process="cli", needed=NEEDS, stream=sys.stderr)
    try:
        result = compare_now(app, app.begin_run(), relist=LIST_REACH if rebuild else RELIST)
        _print_comparison(result)
        rebuilt = _rebuild(app, by=by, reason=reason) if rebuild else Rebuilt()
    finally:
        app.close()
    if rebuild:
        _print_rebuilt(rebuilt)
    return not rebuilt.unexplained


def _rebuild(app: App, *, by: str, reason: str) -> Rebuilt:
    return rebuild_attempts(
        ledger=app.ledger,
        reader=app.reader,
        clock=app.clock,
        log=app.log,
        configuration=app.configuration,
        now=app.begin_run(),
        by=by,
        reason=reason,
    )


def _print_comparison(result: Reconciled) -> None:
    print(
        f"Compared with Stripe: {count_words(result.late_events, 'event')} were missing,"
        f" {count_words(result.opened, 'case')} opened,"
        f" {count_words(result.compared, 'case')} look at Stripe again,"
        f" {count_words(result.doubted, 'ended case')} differ."
    )


def _print_rebuilt(rebuilt: Rebuilt) -> None:
    if not rebuilt.keys and not rebuilt.unexplained:
        print("Nothing was lost: this ledger knows every key of its kind.")
    if rebuilt.keys:
        what = count_words(len(rebuilt.keys), "request")
        print(f"Written again: {what} of {count_words(len(rebuilt.cases), 'case')}:")
        print("\n".join(f"  {key}" for key in rebuilt.keys))
    if rebuilt.unexplained:
        print("Not explained, so they are no loss of this ledger's; a second worker made them:")
        print("\n".join(f"  {key}" for key in rebuilt.unexplained))
    elif rebuilt.keys:
        print("When nobody else works on this account: dunning go --by NAME --reason WHY")
