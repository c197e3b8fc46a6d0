"""Reads config/sinks.yaml, which may be missing or empty."""

from functools import partial
from pathlib import Path

from worker.domain.sinks import SinkRules
from worker.errors import ConfigError
from worker.settings.load import read_checked
from worker.settings.sinks_file import SinksFile, sinks_problems
from worker.settings.yaml_reader import read_content, read_yaml

SINKS = "sinks.yaml"


def load_sinks(config_dir: Path) -> tuple[SinkRules, ...]:
    """Return the sinks of *config_dir*, in the file's order; none where there is no file.

    Raises: ConfigError: one sentence per problem, in order of line (operator acts).
    """
    path = config_dir / SINKS
    if not path.exists() or not _says_anything(read_content(path)):
        return ()
    problems: list[str] = []
    found = read_checked(partial(read_yaml, path), SinksFile, sinks_problems, frozenset(), problems)
    if found is None:
        raise ConfigError(*problems)
    return tuple(sink.rules() for sink in found.sinks)


def _says_anything(content: bytes) -> bool:
    lines = (line.strip() for line in content.splitlines())
    return any(line and not line.startswith(b"#") for line in lines)
