"""What editors check by is what the worker reads by."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from worker.settings.editor_schema import schema_texts
from worker.settings.fields import DURATION, WINDOW
from worker.settings.match_section import INTERVAL, SPAN

CONFIG = Path(__file__).parents[3] / "config"
FILES = ["dunning", "notices", "schedule", "sinks"]


@pytest.mark.parametrize("file", FILES)
def test_the_committed_schema_is_in_step(file: str) -> None:
    """On failure: write what `worker.settings.editor_schema.schema_texts` returns."""
    name = f"{file}.schema.json"
    assert (CONFIG / name).read_text() == schema_texts()[name]


@pytest.mark.parametrize("file", FILES)
def test_the_shipped_file_names_its_schema(file: str) -> None:
    first_line = (CONFIG / f"{file}.yaml").read_text().splitlines()[0]
    assert first_line == f"# yaml-language-server: $schema={file}.schema.json"


def schema() -> dict[str, Any]:
    """Return the schema of dunning.yaml."""
    return dict(json.loads(schema_texts()["dunning.schema.json"]))


def test_every_mapping_refuses_what_it_does_not_know() -> None:
    parts = [part for part in schema()["$defs"].values() if "properties" in part]
    assert len(parts) > 10
    assert all(part["additionalProperties"] is False for part in parts)


def test_every_reference_leads_somewhere() -> None:
    text = schema_texts()["dunning.schema.json"]
    named = set(re.findall(r"#/\$defs/(\w+)", text))
    assert named <= set(schema()["$defs"])


def test_like_stands_for_required_fields_and_change_requires_none() -> None:
    parts = schema()["$defs"]
    assert parts["PolicySection"]["required"] == ["name"]
    assert {"required": ["like"]} in parts["PolicySection"]["anyOf"]
    changes = [part for name, part in parts.items() if name.endswith("Change")]
    assert changes
    assert not any("required" in part for part in changes)
    assert "match" not in parts["Change"]["properties"]


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        (DURATION, ["3 days", "1 hour"], ["3", "3days", "2.5 days", "3 months"]),
        (WINDOW, ["between 08:00 and 18:00", "9:00 and 16:00"], ["08:00-18:00"]),
        (SPAN, ["500 and more", "10 to 99.99", "less than 5"], ["500", "500+", "10-20"]),
        (INTERVAL, ["year", "6 months"], ["yearly", "quarter"]),
    ],
)
def test_patterns(pattern: str, fits: list[str], fails: list[str]) -> None:
    assert all(re.fullmatch(pattern, text) for text in fits)
    assert not any(re.fullmatch(pattern, text) for text in fails)
