"""`dunning doctor --first-time`: the variables one by one, what each is for, and how it stands.

On a terminal it asks for each value and checks it at once; elsewhere it prints the list with the
state of each. No secret is printed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import typer

from worker.bootstrap import WORKER_NEEDS
from worker.cli.doctor_findings import Finding, Verdict, exit_code, ok
from worker.cli.doctor_services import (
    database_findings,
    mail_findings,
    redis_findings,
    stripe_findings,
)
from worker.cli.tables import is_terminal, print_json
from worker.errors import ConfigError
from worker.settings.environment import Environment, read_environment
from worker.settings.variables import VARIABLES, Variable

WHERE: Mapping[str, str] = {
    "DATABASE_URL": "From your PostgreSQL's host: user, password, host, port and database in one "
    "address. A database of its own; `dunning migrate` makes the tables.",
    "REDIS_URL": "From your Redis or Valkey's host; set maxmemory-policy noeviction there.",
    "STRIPE_API_KEY": "Dashboard → Developers → API keys → Create restricted key; README, 'Key', "
    "lists its rights. Begin with a test key.",
    "SMTP_URL": "From your mail provider: host, port, user and password of its SMTP server.",
    "CUSTOMER_PORTAL_URL": "Dashboard → Settings → Billing → Customer portal → Login link.",
}
"""Where a value comes from; the others are yours to choose."""

SECRET = frozenset(("DATABASE_URL", "REDIS_URL", "STRIPE_API_KEY", "SMTP_URL"))
"""Variables whose values hold passwords or keys."""

Check = Callable[[Environment], Iterator[Finding]]

CHECKS: Mapping[str, Check] = {
    "DATABASE_URL": database_findings,
    "REDIS_URL": redis_findings,
    "STRIPE_API_KEY": stripe_findings,
    "SMTP_URL": mail_findings,
}


@dataclass(frozen=True, slots=True)
class State:
    """How one variable stands."""

    variable: Variable
    given: bool
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of its findings."""
        found = {finding.verdict for finding in self.findings}
        order = (Verdict.WRONG, Verdict.AWAY, Verdict.LOOK)
        return next((verdict for verdict in order if verdict in found), Verdict.OK)


def walk(environ: Mapping[str, str], *, as_json: bool) -> int:
    """Go through the variables, print or ask, and return the exit code of the findings."""
    asks = is_terminal() and not as_json
    known = dict(environ)
    states = []
    for position, variable in enumerate(VARIABLES, start=1):
        state = state_of(variable, known)
        if not as_json:
            _print(state, position)
        if asks:
            state = _ask(state, known)
        states.append(state)
    if as_json:
        print_json({"variables": [_json(state) for state in states]})
    return exit_code([finding for state in states for finding in state.findings])


def state_of(variable: Variable, environ: Mapping[str, str]) -> State:
    """Return how a variable stands in *environ*: its form first, then what it leads to."""
    given = bool(environ.get(variable.name, "").strip())
    if not given:
        return State(variable, given, (_not_set(variable),))
    try:
        environment = read_environment(_alone(variable, environ), frozenset())
    except ConfigError as error:
        problems = (
            Finding(variable.name, Verdict.WRONG, problem, "correct it")
            for problem in error.problems
        )
        return State(variable, given, tuple(problems))
    check = CHECKS.get(variable.name)
    found = tuple(check(environment)) if check is not None else ()
    return State(variable, given, found or (ok(variable.name, "set"),))


def _alone(variable: Variable, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variable with those that its check needs besides."""
    beside: tuple[str, ...] = ("STRIPE_API_BASE",) if variable.name == "STRIPE_API_KEY" else ()
    if variable.name == "STRIPE_TEST_CLOCK":
        beside = ("STRIPE_API_KEY", "STRIPE_API_BASE")
    return {name: environ[name] for name in (variable.name, *beside) if environ.get(name)}


def _not_set(variable: Variable) -> Finding:
    if variable.name in WORKER_NEEDS:
        return Finding(variable.name, Verdict.WRONG, "not set", f"write {_line(variable)} in .env")
    return ok(variable.name, f"not set: {variable.default.strip('()')}")


def _line(variable: Variable) -> str:
    return f"{variable.name}={variable.example}"


def _print(state: State, position: int) -> None:
    variable = state.variable
    print(f"{position}/{len(VARIABLES)} {variable.name}  {variable.meaning}")
    where = WHERE.get(variable.name)
    if where is not None:
        print(f"    from    {where}")
    for finding in state.findings:
        print(f"    {finding.verdict.value:<7} {_said(finding, variable.name)}")


def _said(finding: Finding, name: str) -> str:
    said = finding.said if finding.name == name else f"{finding.name}: {finding.said}"
    return f"{said} -> {finding.do}" if finding.do else said


def _ask(state: State, known: dict[str, str]) -> State:
    """Ask for a value until it is in order or left as it is, and say what to write in .env."""
    variable = state.variable
    while True:
        value = typer.prompt(
            "    new value, or Enter to leave it",
            default="",
            show_default=False,
            hide_input=variable.name in SECRET,
        ).strip()
        if not value:
            return state
        state = state_of(variable, known | {variable.name: value})
        for finding in state.findings:
            print(f"    {finding.verdict.value:<7} {_said(finding, variable.name)}")
        if state.verdict is not Verdict.WRONG:
            known[variable.name] = value
            shown = "(what you typed)" if variable.name in SECRET else value
            print(f"    write in .env: {variable.name}={shown}")
            return state


def _json(state: State) -> dict[str, object]:
    return {
        "name": state.variable.name,
        "set": state.given,
        "verdict": state.verdict.value,
        "meaning": state.variable.meaning,
        "from": WHERE.get(state.variable.name),
        "checks": [
            {"name": f.name, "verdict": f.verdict.value, "said": f.said, "do": f.do}
            for f in state.findings
        ],
    }
