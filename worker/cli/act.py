"""Act: what people do to cases, the switch and the configuration, each with who and why.

Those on cases take an ID, or `--filter` for many cases, which only show what they would do until
`--yes` is added.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from worker.clock import SystemClock
from worker.errors import UsageError
from worker.services import operate
from worker.settings.environment import read_environment

GROUP = "Act"
By = Annotated[str, typer.Option("--by", help="Who does this; default DUNNING_OPERATOR.")]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Act on what runs in DIR, as `up`.")
]
Id = Annotated[
    str,
    typer.Argument(
        metavar="[ID]", help="C-1042, in_…, sub_…, cus_…, an invoice number or an e-mail address."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="As data.")]
Filter = Annotated[
    str,
    typer.Option(
        "--filter",
        metavar="TERMS",
        help="Many cases instead of an ID: `state=open currency=eur amount>=500`.",
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="With --filter: at most so many.")]
LIMIT = 50
Yes = Annotated[bool, typer.Option("--yes", help="With --filter: do it, do not only show it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the act.")]


def add_to(app: typer.Typer) -> None:
    """Register this group's commands."""
    for command in (
        stop,
        go,
        hold,
        release,
        extend,
        close,
        retry,
        approve,
        adopt,
        apply,
        reconcile,
        forget,
    ):
        app.command(rich_help_panel=GROUP)(command)


def who_acts(by: str) -> str:
    """Return the name given to `--by`, else DUNNING_OPERATOR; empty where there is neither."""
    return by or read_environment(os.environ, frozenset()).operator or ""


def _one_or_many(id: str, terms: str) -> bool:
    """Return whether many cases are meant. Raises: UsageError: neither is named, or both are."""
    if bool(id) == bool(terms):
        raise UsageError(
            "Write an ID or --filter, not both." if id else "Write an ID, or --filter TERMS."
        )
    return bool(terms)


def stop(by: By = "", reason: Reason = "", data: Data = None) -> None:
    """The kill switch: no charge, letter or ending from now on; nothing is lost."""
    operate.require_who_and_why(who_acts(by), reason)
    from worker.cli.data_dir import open_view

    with open_view(data) as view:
        done = operate.stop(
            ledger=view.ledger, clock=SystemClock(), now=view.now, by=who_acts(by), reason=reason
        )
    print(
        "Stopped. Start again with: dunning go --by NAME --reason WHY"
        if done
        else "It is stopped already."
    )


def go(by: By = "", reason: Reason = "", data: Data = None) -> None:
    """Start charging, writing and ending again; waiting steps move by the length of the stop.

    Where nothing is stopped, the other cases of a new policy need not wait any longer.
    """
    operate.require_who_and_why(who_acts(by), reason)
    from worker.cli.data_dir import open_view

    with open_view(data) as view:
        moved = operate.go(
            ledger=view.ledger, clock=SystemClock(), now=view.now, by=who_acts(by), reason=reason
        )
        cleared = []
        if moved is None:
            cleared = operate.go_past_canaries(
                ledger=view.ledger,
                clock=SystemClock(),
                now=view.now,
                by=who_acts(by),
                reason=reason,
            )
    for canary in cleared:
        print(f"All cases of {canary.name} may act now; {canary.acted} have.")
    if moved is None and not cleared:
        print("Nothing was stopped.")
    elif moved is not None:
        print(f"Charging. {moved} open cases go on, later by the length of the stop.")


def hold(
    id: Id = "",
    kind: Annotated[
        str, typer.Option(help="dispute, promise_to_pay, vip, legal or internal.")
    ] = "internal",
    until: Annotated[
        str, typer.Option(help="When it ends by itself: `6 Dec`, `10 days`; a day counts whole.")
    ] = "",
    scope: Annotated[
        str, typer.Option(help="case, customer, subscription or invoice; default: what ID is.")
    ] = "",
    owner: Annotated[str, typer.Option(help="Whose hold it is; default: who does this.")] = "",
    filter: Filter = "",
    limit: Limit = LIMIT,
    yes: Yes = False,
    by: By = "",
    reason: Reason = "",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Nothing is charged, written or ended until the hold is over. Exit 2: refused.

    An ID may also be metadata.KEY=VALUE: every customer and subscription with it, now and later.
    """
    who = operate.require_who_and_why(who_acts(by), reason)
    several = _one_or_many(id, filter)
    from worker.cli import act_hold, act_many, act_many_kinds
    from worker.cli.data_dir import open_view

    wish = act_hold.WishedHold(kind, scope, owner, until)
    with open_view(data) as view:
        if several:
            asked = act_many.Many(filter, who, reason, yes=yes, limit=limit, as_json=as_json)
            act_many.many(view, act_many_kinds.HoldMany(view, wish, asked), asked)
        else:
            act_hold.hold(view, id, wish, by=who, reason=reason, as_json=as_json)


def release(
    id: Id = "",
    filter: Filter = "",
    limit: Limit = LIMIT,
    yes: Yes = False,
    by: By = "",
    reason: Reason = "",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """End every hold of a case: it goes on where it stood still. Exit 2: refused."""
    who = operate.require_who_and_why(who_acts(by), reason)
    several = _one_or_many(id, filter)
    from worker.cli import act_hold, act_many, act_many_kinds
    from worker.cli.data_dir import open_view

    with open_view(data) as view:
        if several:
            asked = act_many.Many(filter, who, reason, yes=yes, limit=limit, as_json=as_json)
            act_many.many(view, act_many_kinds.ReleaseMany(view, asked), asked)
        else:
            act_hold.release(view, id, by=who, reason=reason, as_json=as_json)


def extend(
    days: Annotated[int, typer.Option(help="How many days later; 1 to 90.")],
    id: Id = "",
    filter: Filter = "",
    limit: Limit = LIMIT,
    yes: Yes = False,
    by: By = "",
    reason: Reason = "",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Give a case more time: undone steps and the ending move later. Exit 2: refused."""
    who = operate.require_who_and_why(who_acts(by), reason)
    several = _one_or_many(id, filter)
    from worker.cli import act_many, act_many_kinds
    from worker.cli.act_extend import extend as give_more_time
    from worker.cli.data_dir import open_view

    with open_view(data) as view:
        if several:
            asked = act_many.Many(filter, who, reason, yes=yes, limit=limit, as_json=as_json)
            act_many.many(view, act_many_kinds.ExtendMany(view, days, asked), asked)
            return
        done = give_more_time(view, id, days, by=who, reason=reason, as_json=as_json)
    if not done:
        raise typer.Exit(2)


def close(
    id: Id = "",
    filter: Filter = "",
    limit: Limit = LIMIT,
    yes: Annotated[
        bool, typer.Option("--yes", help="Close without asking; with --filter: do it.")
    ] = False,
    by: By = "",
    reason: Reason = "",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Give a case up: shows first what stays owed; Stripe is left as it is. Exit 2: refused."""
    who = operate.require_who_and_why(who_acts(by), reason)
    several = _one_or_many(id, filter)
    from worker.cli import act_close, act_many, act_many_kinds
    from worker.cli.data_dir import open_view

    with open_view(data) as view:
        if several:
            asked = act_many.Many(filter, who, reason, yes=yes, limit=limit, as_json=as_json)
            act_many.many(view, act_many_kinds.CloseMany(view, asked), asked)
            return
        done = act_close.close(view, id, by=who, reason=reason, yes=yes, as_json=as_json)
    if not done:
        raise typer.Exit(2)


def retry(
    id: Id = "",
    filter: Filter = "",
    limit: Limit = LIMIT,
    yes: Yes = False,
    by: By = "",
    reason: Reason = "",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Charge a case now, where every rule allows it; else say from when on. Exit 2: refused."""
    who = operate.require_who_and_why(who_acts(by), reason)
    several = _one_or_many(id, filter)
    from worker.cli import act_many, act_many_kinds
    from worker.cli.act_retry import ask
    from worker.cli.data_dir import open_view

    with open_view(data) as view:
        if several:
            asked = act_many.Many(filter, who, reason, yes=yes, limit=limit, as_json=as_json)
            act_many.many(view, act_many_kinds.RetryMany(view, asked), asked)
            return
        done = ask(view, id, by=who, reason=reason, as_json=as_json)
    if not done:
        raise typer.Exit(2)


def approve(
    id: Id = "",
    filter: Filter = "",
    limit: Limit = LIMIT,
    yes: Yes = False,
    by: By = "",
    reason: Reason = "",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Let the one charge or ending happen that a case asked you about. Exit 2: refused."""
    who = operate.require_who_and_why(who_acts(by), reason)
    several = _one_or_many(id, filter)
    from worker.cli import act_approve, act_many, act_many_kinds
    from worker.cli.data_dir import open_view

    with open_view(data) as view:
        if several:
            asked = act_many.Many(filter, who, reason, yes=yes, limit=limit, as_json=as_json)
            act_many.many(view, act_many_kinds.ApproveMany(view, asked), asked)
            return
        done = act_approve.approve(view, id, by=who, reason=reason, as_json=as_json)
    if not done:
        raise typer.Exit(2)


def apply(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder like config/.")],
    by: By = "",
    reason: Reason = "",
    move: Annotated[
        bool,
        typer.Option("--move-open-cases", help="To the policies that match them now."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Apply without asking.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Make the configuration in DIR the current one: shows first what it changes."""
    operate.require_who_and_why(who_acts(by), reason)
    from worker.cli import act_apply
    from worker.cli.data_dir import open_view

    with open_view(data) as view:
        wish = act_apply.Wish(directory, move=move, yes=yes)
        done = act_apply.apply(view, wish, by=who_acts(by), reason=reason, as_json=as_json)
    if not done:
        raise typer.Exit(2)


def adopt(
    invoices: Annotated[list[str], typer.Argument(help="Invoice ids (in_...).")],
    by: By = "",
    reason: Reason = "",
) -> None:
    """Take failures from before go-live into dunning; each counts from now."""
    operate.require_who_and_why(who_acts(by), reason)
    from worker.bootstrap import WORKER_NEEDS, build_app

    app = build_app(os.environ, process="cli", needed=WORKER_NEEDS, stream=sys.stderr)
    try:
        taken = operate.adopt(
            invoices,
            ledger=app.ledger,
            stripe=app.stripe,
            clock=app.clock,
            configuration=app.configuration,
            now=app.begin_run(),
            by=who_acts(by),
            reason=reason,
        )
    finally:
        app.close()
    for invoice_id, result in taken:
        print(f"{invoice_id}  {result}")


def reconcile(
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Write again what a restored backup lost; charges nothing."),
    ] = False,
    by: By = "",
    reason: Reason = "",
) -> None:
    """Compare the ledger with Stripe now. Exit 3: keys of our kind that nothing explains."""
    if rebuild:
        operate.require_who_and_why(who_acts(by), reason)
    from worker.cli.act_reconcile import reconcile as compare

    if not compare(os.environ, rebuild=rebuild, by=who_acts(by), reason=reason):
        raise typer.Exit(3)


def forget(
    customer: Annotated[
        str, typer.Argument(metavar="CUSTOMER", help="cus_…, an e-mail address or any other ID.")
    ],
    by: By = "",
    reason: Reason = "",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Erase a person: names, addresses, metadata, letters. Exit 2: refused, a case is open."""
    who = operate.require_who_and_why(who_acts(by), reason)
    from worker.cli import act_forget
    from worker.cli.data_dir import open_view

    with open_view(data) as view:
        act_forget.forget(view, customer, by=who, reason=reason, as_json=as_json)
