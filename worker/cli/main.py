"""The command's entry: groups the commands and turns errors into sentences and exit codes."""

import sys
import traceback

import typer

from worker.cli import act, audit, check, data_in, look, look_presets, policy, run, sinks
from worker.domain.redaction import redact, without_secrets
from worker.errors import (
    ConfigError,
    DunningError,
    InvariantBroken,
    ServiceUnavailable,
    UsageError,
)
from worker.joblog.lines import describe

app = typer.Typer(
    name="dunning",
    help="Collects failed subscription payments on Stripe: retries, letters, endings, facts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
run.add_to(app)
look.add_to(app)
check.add_to(app)
look_presets.add_to(app)
policy.add_to(app)
act.add_to(app)
data_in.add_to(app)
audit.add_to(app)
sinks.add_to(app)

EXIT_CODES: tuple[tuple[type[DunningError], int], ...] = (
    (ConfigError, 2),
    (UsageError, 2),
    (InvariantBroken, 3),
    (ServiceUnavailable, 4),
)


INTERRUPTED = 130
"""What shells call an end by Ctrl-C."""


def main() -> None:
    """Run the command line and exit: 0 done, 2 wrong use or configuration, 3, 4, 5, 1 others."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        app()
    except DunningError as error:
        if debug:
            print(without_secrets(traceback.format_exc()), file=sys.stderr)
        for sentence in str(error).splitlines():
            print(without_secrets(sentence), file=sys.stderr)
        codes = [code for kind, code in EXIT_CODES if isinstance(error, kind)]
        sys.exit(codes[0] if codes else 1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:  # noqa: BLE001  # a person gets a sentence, --debug the rest
        if debug:
            print(without_secrets(traceback.format_exc()), file=sys.stderr)
        print(
            f"Unexpected: {redact(describe(error))}. --debug tells where; please report it.",
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
