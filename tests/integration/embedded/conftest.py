"""Programs that run the embedded parts, so that they can be ended in every way."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from tests.integration.embedded.processes import Program, RunProgram


@pytest.fixture
def run_program() -> Iterator[RunProgram]:
    """Give a way to start Python code in a process of its own, which ends with the test."""
    started: list[Program] = []

    def run(
        code: str,
        *arguments: object,
        prefix: Sequence[str] = (),
        options: Sequence[str] = (),
        **environment: str,
    ) -> Program:
        program = subprocess.Popen(
            [*prefix, sys.executable, *options, "-c", code, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        started.append(program)
        return program

    yield run
    for program in started:
        program.kill()
        program.wait()
        for stream in (program.stdin, program.stdout, program.stderr):
            if stream is not None:
                stream.close()
