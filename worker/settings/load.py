"""Reads config/ whole: three files, every problem of all of them at once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from worker.domain.policy import Configuration
from worker.domain.policy_text import digest_of, digest_of_plain, plain_value
from worker.errors import ConfigError
from worker.settings.cross_checks import dunning_problems, notices_problems
from worker.settings.dunning_file import DunningFile
from worker.settings.fields import Section
from worker.settings.notices_file import NoticesFile
from worker.settings.schedule_file import ScheduleFile
from worker.settings.sentences import model_problems, render
from worker.settings.yaml_reader import Problem, YamlText, read_yaml

File = TypeVar("File", bound=Section)
CrossCheck = Callable[[YamlText, frozenset[str]], Iterator[Problem]]


def load_configuration(config_dir: Path, notices_available: frozenset[str]) -> Configuration:
    """Return everything under *config_dir*, checked, policies and whole with their digests.

    Args: notices_available: names of the letters that have a template, without `.md`.
    Raises: ConfigError: one sentence per problem, in order of file and line (operator acts).
    """
    if not config_dir.is_dir():
        raise ConfigError(f"The folder {config_dir} does not exist; set CONFIG_DIR to yours.")
    problems: list[str] = []
    dunning = _read(
        config_dir / "dunning.yaml", DunningFile, dunning_problems, notices_available, problems
    )
    notices = _read(
        config_dir / "notices.yaml", NoticesFile, notices_problems, notices_available, problems
    )
    schedule = _read(
        config_dir / "schedule.yaml", ScheduleFile, _nothing, notices_available, problems
    )
    if dunning is None or notices is None or schedule is None:
        raise ConfigError(*problems)
    policies = tuple(each.policy() for each in dunning.policies)
    configuration = Configuration(
        dunning=dunning.rules(tuple(replace(each, digest=digest_of(each)) for each in policies)),
        notices=notices.rules(),
        schedule=schedule.timings(),
        digest="",
    )
    return replace(configuration, digest=digest_of_plain(plain_value(configuration)))


def _read(
    path: Path,
    model: type[File],
    cross_check: CrossCheck,
    notices_available: frozenset[str],
    problems: list[str],
) -> File | None:
    """Return the file as its model, or None after adding its sentences to *problems*."""
    try:
        text = read_yaml(path)
    except ConfigError as error:
        # Told with the other files' problems: the caller raises them together.
        problems += error.problems
        return None
    found = list(text.problems)
    result: File | None = None
    try:
        result = model.model_validate(text.data)
    except ValidationError as error:
        found += model_problems(text, model, error)
    found += cross_check(text, notices_available)
    refused = {each.location for each in text.problems if text.at(each.location) == ""}
    sentences = [
        render(text, problem)
        for problem in sorted(found, key=lambda problem: problem.line)
        # What was refused as YAML needs no second sentence about the gap that it leaves.
        if problem in text.problems or problem.location not in refused
    ]
    problems += dict.fromkeys(sentences)
    return None if sentences else result


def _nothing(_text: YamlText, _notices_available: frozenset[str]) -> Iterator[Problem]:
    """Yield nothing: each job's timing stands alone."""
    yield from ()
