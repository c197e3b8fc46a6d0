"""Look: what is going on, read only. Nothing here needs Redis or Stripe but `doctor`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

GROUP = "Look"
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Read the data of a demo or of `up` in DIR."),
]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts: JSON, times in UTC.")]
Since = Annotated[
    str,
    typer.Option("--since", help="`2 hours`, `yesterday`, 02:00, 2026-12-06 or an ISO instant."),
]


def add_to(app: typer.Typer) -> None:
    """Register this group's commands."""
    for command in (
        status,
        cases,
        case,
        holds,
        plan,
        access,
        metrics,
        report,
        events,
        log,
        doctor,
    ):
        app.command(rich_help_panel=GROUP)(command)


def status(data: Data = None, as_json: AsJson = False) -> None:
    """How the service stands; first of all, whether it charges. Exit 5: stopped on purpose."""
    from worker.cli.data_dir import open_view
    from worker.cli.look_status import read_standing, status_json, status_lines
    from worker.cli.tables import print_json

    with open_view(data) as view:
        standing = read_standing(view)
        if as_json:
            print_json(status_json(standing, view))
        else:
            for line in status_lines(standing, view):
                print(line)
    raise typer.Exit(standing.exit_code)


def cases(
    state: Annotated[
        str, typer.Option("--state", help="A state (open, held, …) or an outcome (recovered, …).")
    ] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List the cases."""
    from worker.cli.data_dir import open_view
    from worker.cli.look_cases import show_cases

    with open_view(data) as view:
        show_cases(view, state=state, as_json=as_json)


def case(
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="C-1042, in_…, sub_…, cus_…, an invoice number or an e-mail address."
        ),
    ],
    why: Annotated[bool, typer.Option("--why", help="Each decision with rule and inputs.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """One case's story: what happened and what did not, why, and what comes next."""
    from worker.cli.data_dir import open_view
    from worker.cli.look_case import show_case

    with open_view(data) as view:
        show_case(view, id, why=why, as_json=as_json)


def holds(data: Data = None, as_json: AsJson = False) -> None:
    """List what is held: what, by whom, why, until when, and which cases stand still."""
    from worker.cli.data_dir import open_view
    from worker.cli.look_holds import show_holds

    with open_view(data) as view:
        show_holds(view, as_json=as_json)


def plan(
    until: Annotated[
        str,
        typer.Option(
            metavar="DATE", help="`6 Dec`, 2026-12-06, tomorrow, `10 days`; default 7 days."
        ),
    ] = "",
    other: Annotated[
        Path | None,
        typer.Option(
            "--with", metavar="DIR", help="Preview: DIR's policies, chosen as for new cases."
        ),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="One act a line, times in UTC.")] = False,
    as_html: Annotated[bool, typer.Option("--html", help="One self-contained page.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Each charge, letter and ending to come, as if every charge fails and nobody acts."""
    from worker.cli.data_dir import open_view
    from worker.cli.look_plan import form_of, show_plan

    form = form_of(as_json=as_json, as_csv=as_csv, as_html=as_html)
    with open_view(data) as view:
        show_plan(view, until=until, other=other, form=form)


def access(
    customer: Annotated[
        str, typer.Argument(metavar="CUSTOMER", help="cus_…, an e-mail address or any other ID.")
    ],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What the customer may use now, until when, and why: for the application."""
    from worker.cli.data_dir import open_view
    from worker.cli.look_access import show_access

    with open_view(data) as view:
        show_access(view, customer, as_json=as_json)


def metrics(
    begin: Annotated[
        str, typer.Option("--from", help="First day, or instant; default the month before.")
    ] = "",
    end: Annotated[
        str, typer.Option("--to", help="The day, or instant, that no longer counts.")
    ] = "",
    by: Annotated[
        str, typer.Option("--by", help="plan, product, country, method or metadata.KEY.")
    ] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="One figure a line, times in UTC.")] = False,
    daily: Annotated[
        bool, typer.Option("--daily", help="Movements, failures and recoveries of each UTC day.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Retention, churn, recurring revenue, renewals, recoveries: each with its formula."""
    from worker.cli.data_dir import open_view
    from worker.cli.look_metrics import show_days, show_metrics

    with open_view(data) as view:
        if daily:
            show_days(view, begin=begin, end=end, by=by, as_json=as_json, as_csv=as_csv)
            return
        show_metrics(view, begin=begin, end=end, by=by, as_json=as_json, as_csv=as_csv)


class Report(StrEnum):
    """The reports there are."""

    MONEY = "money"
    NETWORK = "network"
    SHADOW = "shadow"


def report(
    kind: Annotated[Report, typer.Argument(help="Which report.")] = Report.MONEY,
    begin: Annotated[
        str,
        typer.Option(
            "--from", help="First day or instant; default: the month before; network: 30 days."
        ),
    ] = "",
    end: Annotated[
        str,
        typer.Option(
            "--to", help="The day that no longer counts; network: the last day, which counts whole."
        ),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write FILE.html or FILE.json; network: also FILE.csv."),
    ] = None,
    csv_dir: Annotated[
        Path | None,
        typer.Option(
            "--csv", metavar="DIR", help="money, shadow: write a CSV file for each table."
        ),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Money recovered and at risk; the card networks' proof (exit 3: broken); what watching saw."""
    from worker.cli.data_dir import open_view
    from worker.cli.look_report import show_network
    from worker.cli.look_report_money import show_money
    from worker.cli.look_report_shadow import show_shadow
    from worker.cli.report_parts_out import Outlet
    from worker.errors import UsageError

    if csv_dir is not None and kind is Report.NETWORK:
        raise UsageError("--csv DIR is not for the network report; write --out FILE.csv instead.")
    code = 0
    outlet = Outlet(out, csv_dir, as_json)
    with open_view(data) as view:
        match kind:
            case Report.MONEY:
                show_money(view, begin=begin, end=end, outlet=outlet)
            case Report.SHADOW:
                show_shadow(view, begin=begin, end=end, outlet=outlet)
            case Report.NETWORK:
                code = show_network(view, begin=begin, end=end, out=out, as_json=as_json)
    raise typer.Exit(code)


def events(
    since: Since = "",
    type: Annotated[
        list[str] | None,
        typer.Option("--type", help="A type (payment.failed) or a family (payment); repeatable."),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,  # noqa: ARG001 (events are JSON in any case)
) -> None:
    """Print the facts as CloudEvents 1.0, one JSON object a line."""
    from worker.cli.data_dir import open_view
    from worker.cli.look_streams import show_events

    with open_view(data) as view:
        show_events(view, since=since, types=type or [])


def log(
    since: Since = "",
    level: Annotated[str, typer.Option(help="Least level: debug, info, warn, error.")] = "info",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Print the job log as a person reads it."""
    from worker.cli.look_streams import show_log

    show_log(data, since=since, level=level, as_json=as_json)


def doctor(
    threads: Annotated[
        int, typer.Option(help="Threads of all workers, as given to `dunning work`.")
    ] = 16,
    first_time: Annotated[
        bool, typer.Option("--first-time", help="Go through the variables one by one.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Examine services, rights, files and clocks. Exit 2: something is wrong, 4: away."""
    from worker.cli.doctor import examine

    raise typer.Exit(examine(data, threads=threads, first_time=first_time, as_json=as_json))
