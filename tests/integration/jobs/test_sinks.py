"""A sink that hangs holds up neither the job that started it, nor other jobs, nor other sinks."""

import json
import shutil
from pathlib import Path

import pytest

from tests.integration.jobs.conftest import Bench
from tests.integration.store.receiver import receiving
from worker.bootstrap import App
from worker.domain.facts import Fact
from worker.errors import ConfigError
from worker.jobs.table import prepare, run_job

PROJECT = Path(__file__).parents[3]


def with_sinks(bench: Bench, folder: Path, text: str, **environ: str) -> App:
    """Return a worker whose CONFIG_DIR has these sinks."""
    shutil.copytree(PROJECT / "config", folder / "config")
    (folder / "config" / "sinks.yaml").write_text(text)
    return bench.with_environ(CONFIG_DIR=str(folder / "config"), **environ)


def test_one_hangs_and_everything_else_goes_on(bench: Bench, tmp_path: Path) -> None:
    with receiving() as receiver:
        receiver.script = ["hang"]
        text = (
            "sinks:\n"
            f"  - {{ name: crm, url: '{receiver.url}', secret: SINK_CRM, timeout: 60 seconds }}\n"
            f"  - {{ name: warehouse, folder: '{tmp_path / 'facts'}' }}\n"
        )
        app = with_sinks(bench, tmp_path, text, SINK_CRM="long random text")
        prepare(app)
        with app.ledger.begin() as tx:
            tx.facts.append(
                [Fact("case.opened", "C-1", app.begin_run(), "")], wall_now=app.begin_run()
            )
        run_job(app, "seal")
        run_job(app, "sinks")
        assert receiver.hung.wait(30)
        app.sink_threads["warehouse"][0].join(30)
        (path,) = (tmp_path / "facts").iterdir()
        assert json.loads(path.read_text())["subject"] == "C-1"
        hanging = app.sink_threads["crm"][0]
        for name in ("due_cases", "heartbeat", "sinks"):
            run_job(app, name)
        assert hanging.is_alive()
        assert app.sink_threads["crm"][0] is hanging, "it is left alone"
        assert len(receiver.requests) == 1
        receiver.let_go.set()
        hanging.join(30)
    with app.ledger.begin() as tx:
        states = {state.name: (state.position, state.failures) for state in tx.sinks.states()}
    assert states == {"crm": (0, 1), "warehouse": (1, 0)}
    (line,) = bench.said("sink.failed")
    assert (line["sink"], line["error"]) == ("crm", "no answer (ConnectionError)")


def test_a_worker_with_a_broken_file_does_not_begin(bench: Bench, tmp_path: Path) -> None:
    app = with_sinks(bench, tmp_path, "sinks:\n  - { name: crm }\n")
    with pytest.raises(ConfigError, match=r"sinks\.yaml line 2, .* either `folder` or `url`"):
        prepare(app)
