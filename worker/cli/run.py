"""Run: one process each. `demo`, `up` and `sandbox` are the rehearsal's."""

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from worker.cli.rehearsal_folder import prepare_rehearsal
from worker.errors import ConfigError

GROUP = "Run"

ALIVE_WITHIN = timedelta(minutes=3)
"""A process that has not beaten for this long counts as dead."""


def add_to(app: typer.Typer) -> None:
    """Register this group's commands."""
    for command in (demo, up, migrate, schedule, work, web, sandbox, alive):
        app.command(rich_help_panel=GROUP)(command)


def demo(
    days: Annotated[int, typer.Option(min=1, help="Simulated days.")] = 45,
    subscribers: Annotated[int, typer.Option(min=1, help="How many customers.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same story.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder for what it leaves.")] = Path("var/demo"),
) -> None:
    """Run the main job on embedded parts and the sandbox, on a test clock."""
    from worker.cli.demo import run_demo

    prepare_rehearsal(os.environ, out, option="--out")
    raise typer.Exit(run_demo(days=days, subscribers=subscribers, seed=seed, out=out))


def up(
    data: Annotated[Path, typer.Option(help="Folder of the embedded parts.")] = Path("var/up"),
    port: Annotated[int, typer.Option(help="Port of the first page; 0 takes a free one.")] = 8025,
) -> None:
    """Start everything embedded and stay up, with a first page to play with."""
    from worker.cli.up import run_up

    prepare_rehearsal(os.environ, data, option="--data")
    raise typer.Exit(run_up(data=data, port=port))


def migrate(
    app_role: Annotated[
        str,
        typer.Option(metavar="NAME", help="The role of the processes: may not rewrite facts."),
    ] = "",
) -> None:
    """Bring the database to this release's tables; safe to run twice and from two places."""
    from worker.settings.environment import read_environment
    from worker.store.app_role import grant_app_role
    from worker.store.migrate import upgrade

    environment = read_environment(os.environ, frozenset(("DATABASE_URL",)))
    print(f"The database is at revision {upgrade(environment.sqlalchemy_url or '')}.")
    if app_role:
        grant_app_role(environment.sqlalchemy_url or "", app_role)
        print(f"{app_role} may work on it, and neither rewrite facts nor change tables.")


def schedule() -> None:
    """Run the metronome: sends a tick a second."""
    from worker import schedule as metronome

    raise typer.Exit(metronome.run(os.environ))


def work(
    processes: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
    threads: Annotated[int, typer.Option(min=1, help="Threads in each.")] = 8,
) -> None:
    """Run dramatiq's own worker on our queue."""
    from worker.jobs.launch import run_workers

    raise typer.Exit(run_workers(os.environ, processes=processes, threads=threads))


def web(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port for Stripe's webhooks; 0 takes a free one.")
    ] = 8000,
) -> None:
    """Take Stripe's webhooks; health and metrics on METRICS_BIND."""
    from worker.web.main import run

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    raise typer.Exit(run(os.environ, host=host, port=port, say=say))


def sandbox(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 12111,
    seed: Annotated[str, typer.Option(help="Ids are a function of it.")] = "1",
) -> None:
    """Run the Stripe-shaped sandbox alone."""
    from worker.cli.sandbox import run_sandbox

    run_sandbox(port=port, seed=seed)


def alive(
    kind: Annotated[str, typer.Argument(help="worker, scheduler or web")],
) -> None:
    """Exit 0 if such a process was heard of within three minutes, else 1: the probe."""
    from worker.bootstrap import reading_ledger
    from worker.clock import wall_now

    if kind not in {"worker", "scheduler", "web"}:
        raise ConfigError("Say which: dunning alive worker, dunning alive scheduler or web.")
    with reading_ledger(os.environ) as ledger, ledger.begin() as tx:
        seen = tx.jobs.alive(since=wall_now() - ALIVE_WITHIN)
    living = sorted(name for name in seen if name.startswith(f"{kind}-"))
    if not living:
        print(f"No {kind} was heard of for three minutes.", file=sys.stderr)
        raise typer.Exit(1)
    print(f"{len(living)} {kind}: {', '.join(living)}")
