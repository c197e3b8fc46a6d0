"""`dunning check`: everything that is wrong with the files, at once, then what they say."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from worker.bootstrap import notices_in
from worker.domain.policy import Configuration
from worker.errors import ConfigError
from worker.mail.lint import lint_templates
from worker.mail.offer_lint import unoffered_fields, untold_offers
from worker.settings.advice import advice
from worker.settings.environment import Environment, read_environment
from worker.settings.load import load_configuration
from worker.settings.load_sinks import load_sinks
from worker.settings.read_back import read_back

GROUP = "Look"


def add_to(app: typer.Typer) -> None:
    """Register this group's commands."""
    app.command(rich_help_panel=GROUP)(check)


def check(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="A folder like config/. Default: CONFIG_DIR."),
    ] = None,
) -> None:
    """Check variables, config/ and templates/; ends with each policy read back in a sentence."""
    from worker.cli.check_reach import reach_sentence

    if directory is not None and not directory.is_dir():
        raise ConfigError(f"The folder {directory} does not exist; name one like config/.")
    named = {} if directory is None else {"CONFIG_DIR": str(directory)}
    environment = read_environment({**os.environ, **named}, frozenset())
    configuration = files_in_order(environment)
    for sentence in read_back(configuration):
        print(sentence)
    reach = reach_sentence(configuration.dunning, environment)
    if reach:
        print(reach)
    policies = configuration.dunning.policies
    for sentence in (*advice(configuration), *untold_offers(environment.templates_dir, policies)):
        print(f"Perhaps not meant: {sentence}", file=sys.stderr)
    print(f"Everything is in order. Configuration {configuration.digest}.", file=sys.stderr)


def files_in_order(environment: Environment) -> Configuration:
    """Return the configuration where config/ and templates/ are in order.

    Raises: ConfigError: everything that is wrong with either, at once (operator).
    """
    problems: list[str] = []
    configuration = None
    try:
        configuration = load_configuration(
            environment.config_dir, notices_in(environment.templates_dir)
        )
    except ConfigError as error:
        problems += error.problems
    try:
        load_sinks(environment.config_dir)
    except ConfigError as error:
        problems += error.problems
    problems += lint_templates(environment.templates_dir)
    if configuration is not None:
        policies = configuration.dunning.policies
        problems += unoffered_fields(environment.templates_dir, policies)
    if problems or configuration is None:
        raise ConfigError(*problems)
    return configuration
