"""sinks.yaml: what it may say, and a sentence with file, line and field for all else."""

from datetime import timedelta
from pathlib import Path

import pytest

from worker.domain.sinks import SinkRules
from worker.errors import ConfigError
from worker.settings.load_sinks import load_sinks
from worker.sinks.build import build_sinks


def written(folder: Path, text: str) -> tuple[SinkRules, ...]:
    """Return the sinks of a file with this text."""
    (folder / "sinks.yaml").write_text(text)
    return load_sinks(folder)


@pytest.mark.parametrize("text", ["", "\n# nothing yet\n", "sinks: []\n"])
def test_an_empty_file_is_no_sink(tmp_path: Path, text: str) -> None:
    assert written(tmp_path, text) == ()


def test_no_file_is_no_sink(tmp_path: Path) -> None:
    assert load_sinks(tmp_path) == ()


def test_both_kinds(tmp_path: Path) -> None:
    files, http = written(
        tmp_path,
        """
sinks:
  - { name: warehouse, folder: /var/facts, rotate_at: 100 MB }
  - { name: crm, url: "https://crm.acme.example/facts?x=1", secret: SINK_CRM, timeout: 5 seconds }
""",
    )
    assert files == SinkRules("warehouse", folder="/var/facts", rotate_at_bytes=100_000_000)
    assert http == SinkRules(
        "crm",
        url="https://crm.acme.example/facts?x=1",
        secret_variable="SINK_CRM",
        timeout=timedelta(seconds=5),
    )


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        ("{ name: crm }", "sinks.yaml line 2, sinks → crm → name: it needs either `folder` or"),
        ("{ name: crm, folder: /f, url: 'https://c.example', secret: SINK_A }", "not both"),
        ("{ name: crm, url: 'https://c.example' }", "write `secret: SINK_SECRET` beside it"),
        ("{ name: crm, url: 'http://c.example', secret: SINK_A }", "that is no https address"),
        ("{ name: crm, url: 'https://u:p@c.example', secret: SINK_A }", "must hold no password"),
        ("{ name: crm, url: 'https://c.example', secret: PATH }", "begins with SINK_"),
        ("{ name: crm, url: 'https://c.example', secret: hunter2 }", "begins with SINK_"),
        ("{ name: crm, folder: /f, secret: SINK_A }", "secret: that is for HTTP alone"),
        ("{ name: crm, folder: /f, timeout: 5 seconds }", "timeout: that is for HTTP alone"),
        ("{ name: crm, url: 'https://c.example', secret: SINK_A, rotate_at: 1 MB }", "for files"),
        (
            "{ name: crm, url: 'https://c.example', secret: SINK_A, timeout: 2 minutes }",
            "write at most `60 seconds`",
        ),
        ("{ name: crm, folder: /f, rotate_at: 100 }", "`100` is no size; write `100 MB`"),
        ("{ name: ../etc, folder: /f }", "is no name of a-z, 0-9 and `_`"),
        ("{ name: crm, folder: /f, folders: /g }", "folders"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, sink: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        written(tmp_path, f"sinks:\n  - {sink}\n")
    assert said in str(refused.value)
    assert str(refused.value).startswith("sinks.yaml line 2, sinks")
    assert "hunter2" not in str(refused.value)
    assert "u:p@" not in str(refused.value)


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    text = "sinks:\n  - { name: a, folder: /f }\n  - { name: a, folder: /g }\n"
    with pytest.raises(ConfigError, match=r"sinks\.yaml line 3, .*`a` is listed twice"):
        written(tmp_path, text)


def test_a_secret_that_is_not_set_is_named(tmp_path: Path) -> None:
    rules = written(
        tmp_path, "sinks:\n  - { name: a, url: 'https://c.example', secret: SINK_CRM }\n"
    )
    with pytest.raises(ConfigError, match=r"SINK_CRM is not set; sinks\.yaml signs requests"):
        build_sinks(rules, {"SINK_SECRET": "x"}, now=lambda: None)  # type: ignore[arg-type,return-value]
    (made,) = build_sinks(rules, {"SINK_CRM": "x"}, now=lambda: None)  # type: ignore[arg-type,return-value]
    assert made.name == "a"
