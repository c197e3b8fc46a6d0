"""Reads config/ whole: three files, every problem of all of them at once."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
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
from worker.settings.yaml_reader import (
    Problem,
    YamlText,
    parse_yaml,
    read_content,
    read_yaml,
)

File = TypeVar("File", bound=Section)
CrossCheck = Callable[[YamlText, frozenset[str]], Iterator[Problem]]

DUNNING, NOTICES, SCHEDULE = FILES = ("dunning.yaml", "notices.yaml", "schedule.yaml")
"""The files of a configuration; a stored version has the text of each under its name."""


def load_configuration(config_dir: Path, notices_available: frozenset[str]) -> Configuration:
    """Return everything under *config_dir*, checked, policies and whole with their digests.

    Args: notices_available: names of the letters that have a template, without `.md`.
    Raises: ConfigError: one sentence per problem, in order of file and line (operator acts).
    """
    _refuse_missing(config_dir)
    return _load(lambda name: read_content(config_dir / name), notices_available)


def read_files(config_dir: Path) -> dict[str, str]:
    """Return the text of the three files as written, by name. Raises: ConfigError: operator."""
    _refuse_missing(config_dir)
    texts = {}
    for name in FILES:
        try:
            texts[name] = read_content(config_dir / name).decode()
        except UnicodeDecodeError:
            raise ConfigError(f"{name} is not UTF-8; save the file as UTF-8.") from None
    return texts


def configuration_of(files: Mapping[str, str], notices_available: frozenset[str]) -> Configuration:
    """Return the configuration that *files* (read_files) hold, checked as those of a folder.

    Raises: ConfigError: one sentence per problem, in order of file and line (operator acts).
    """
    return _load(lambda name: files.get(name, "").encode(), notices_available)


def _refuse_missing(config_dir: Path) -> None:
    if not config_dir.is_dir():
        raise ConfigError(f"The folder {config_dir} does not exist; set CONFIG_DIR to yours.")


def _load(content: Callable[[str], bytes], notices_available: frozenset[str]) -> Configuration:
    problems: list[str] = []

    def read(name: str, model: type[File], check: CrossCheck) -> File | None:
        source = partial(_parsed, name, content)
        return read_checked(source, model, check, notices_available, problems)

    dunning = read(DUNNING, DunningFile, dunning_problems)
    notices = read(NOTICES, NoticesFile, notices_problems)
    schedule = read(SCHEDULE, ScheduleFile, _nothing)
    if dunning is None or notices is None or schedule is None:
        raise ConfigError(*problems)
    configuration = Configuration(
        dunning=_rules(dunning),
        notices=notices.rules(),
        schedule=schedule.timings() | notices.timings(),
        digest="",
    )
    return replace(configuration, digest=digest_of_plain(plain_value(configuration)))


def _parsed(name: str, content: Callable[[str], bytes]) -> YamlText:
    return parse_yaml(name, content(name))


def load_rules(path: Path, notices_available: frozenset[str]) -> DunningRules:
    """Return one dunning.yaml alone, such as a preset, checked in the same way.

    Args: notices_available: names of the letters that have a template, without `.md`.
    Raises: ConfigError: one sentence per problem, in order of line (operator acts).
    """
    problems: list[str] = []
    dunning = read_checked(
        partial(read_yaml, path), DunningFile, dunning_problems, notices_available, problems
    )
    if dunning is None:
        raise ConfigError(*problems)
    return _rules(dunning)


def _rules(dunning: DunningFile) -> DunningRules:
    policies = (each.policy() for each in dunning.policies)
    return dunning.rules(tuple(replace(each, digest=digest_of(each)) for each in policies))


def read_checked(
    source: Callable[[], YamlText],
    model: type[File],
    cross_check: CrossCheck,
    notices_available: frozenset[str],
    problems: list[str],
) -> File | None:
    """Return a file as its model, or None after adding its sentences to *problems*."""
    try:
        original = source()
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
