"""However a file is mangled, the operator gets sentences, never a traceback."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.errors import ConfigError
from worker.settings.load import load_configuration

CONFIG = Path(__file__).parents[3] / "config"
LETTERS = frozenset({"payment_failed_1", "renewal_upcoming"})
PIECES = ["", "[]", "{}", "[a]", "{a: b}", "- ", "\n", ": ", "#", "'", '"', "&a ", "*a", "!x "]
PIECES += ["like: ", "leave_out", "change: 3", "match: {}", "name: x", "steps: {}"]
PIECES += ["3", "~", "half", "\x00", "\t", "| ", "? ", "<<: ", "any time", "between 9 and 8"]
mangles = st.tuples(st.integers(0, 10_000), st.integers(0, 12), st.sampled_from(PIECES))


@settings(max_examples=60)
@given(
    file=st.sampled_from(
        ["dunning", "presets/annual", "presets/bank-debit", "notices", "schedule"]
    ),
    changes=st.lists(mangles, min_size=1, max_size=4),
)
def test_only_sentences(
    tmp_path_factory: pytest.TempPathFactory, file: str, changes: list[tuple[int, int, str]]
) -> None:
    text = (CONFIG / f"{file}.yaml").read_text()
    for start, length, piece in changes:
        at = start % len(text)
        text = text[:at] + piece + text[at + length :]
    folder = _folder(tmp_path_factory)
    name = "dunning" if file.startswith("presets/") else file
    (folder / f"{name}.yaml").write_text(text)
    try:
        told = [load_configuration(folder, LETTERS).digest]
    except ConfigError as error:
        told = list(error.problems)
        assert all(sentence.endswith((".", "?")) for sentence in told)
    finally:
        shutil.rmtree(folder)
    assert told
    assert not any("\n" in sentence for sentence in told)


def _folder(factory: pytest.TempPathFactory) -> Path:
    folder = factory.mktemp("config")
    for path in CONFIG.glob("*.yaml"):
        shutil.copy(path, folder)
    return folder
