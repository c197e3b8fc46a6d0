"""Reads config/ whole: three files, every problem of all of them at once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from worker.domain.policy import Configuration, DunningRules
from worker.domain.policy_text import digest_of, digest_of_plain, plain_value
from worker.errors import ConfigError
from worker.settings.cross_checks import dunning_problems, notices_problems
from worker.settings.dunning_file import DunningFile
from worker.settings.fields import Section
from worker.settings.inheritance import write_out
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
    configuration = Configuration(
        dunning=_rules(dunning),
        notices=notices.rules(),
        schedule=schedule.timings(),
        digest="",
    )
    return replace(configuration, digest=digest_of_plain(plain_value(configuration)))


def load_rules(path: Path, notices_available: frozenset[str]) -> DunningRules:
    """Return one dunning.yaml alone, such as a preset, checked in the same way.

    Args: notices_available: names of the letters that have a template, without `.md`.
    Raises: ConfigError: one sentence per problem, in order of line (operator acts).
    """
    problems: list[str] = []
    dunning = _read(path, DunningFile, dunning_problems, notices_available, problems)
    if dunning is None:
        raise ConfigError(*problems)
    return _rules(dunning)


def _rules(dunning: DunningFile) -> DunningRules:
    policies = (each.policy() for each in dunning.policies)
    return dunning.rules(tuple(replace(each, digest=digest_of(each)) for each in policies))


def _read(
    path: Path,
    model: type[File],
    cross_check: CrossCheck,
    notices_available: frozenset[str],
    problems: list[str],
) -> File | None:
    """Return the file as its model, or None after adding its sentences to *problems*."""
    try:
        original = read_yaml(path)
    except ConfigError as error:
        # Told with the other files' problems: the caller raises them together.
        problems += error.problems
        return None
    whole = write_out(original)
    found: list[Problem] = []
    result: File | None = None
    try:
        result = model.model_validate(whole.text.data)
    except ValidationError as error:
        found += model_problems(whole.text, model, error)
    found += cross_check(whole.text, notices_available)
    told = [*original.problems, *whole.problems, *whole.told(found)]
    refused = {each.location for each in original.problems if original.at(each.location) == ""}
    sentences = [
        render(original, problem)
        for problem in sorted(told, key=lambda problem: problem.line)
        # What was refused as YAML needs no second sentence about the gap that it leaves.
        if problem in original.problems or problem.location not in refused
    ]
    problems += dict.fromkeys(sentences)
    return None if sentences else result


def _nothing(_text: YamlText, _notices_available: frozenset[str]) -> Iterator[Problem]:
    """Yield nothing: each job's timing stands alone."""
    yield from ()
