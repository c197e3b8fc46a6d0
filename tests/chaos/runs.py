"""One chaos run: the stories in calm, the same stories under blows, and what must not differ."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.chaos import leaks, witness
from tests.chaos.driving import Driver, NoRestError
from tests.chaos.fast_clock import FACTOR
from tests.chaos.installation import CONFIG, LATENCY_MS, SECRETS, Installation, installed
from tests.chaos.mishaps import Doubled, Mishap, Restored
from tests.chaos.people import Diary, Person, invite, lasts, live_calmly
from tests.chaos.plan import Blow, Plan, Size
from tests.chaos.rest import View
from tests.chaos.runbook import FOREIGN, Runbook
from tests.chaos.second import Second
from tests.chaos.strikes import Striker
from tests.crash.comparing import (
    as_if_answered,
    as_if_rebuilt,
    differences,
    final_is_unknown,
)
from tests.crash.crashing_world import Ending, endings_of
from tests.scenarios.stripe_side import HOUR
from tests.scenarios.world import World
from worker.domain.case import CaseState
from worker.domain.lost_attempts import REBUILT
from worker.office.audit import audit_chain
from worker.rehearsal.checks import check_evidence, collect_evidence
from worker.rehearsal.customer_letters import read_letter
from worker.rehearsal.driver_sandbox import SandboxClient
from worker.rehearsal.supervisor import Supervisor

REST_MINUTES_MAX = 15.0
"""Within which all that is due is promised to be done once trouble is over."""

SHOUTS = frozenset(("job.failed", "invariant.broken", "charging.stopped", "letter.broken"))
"""Lines of the job log that no trouble around the worker excuses."""


@dataclass
class Result:
    """What one run came to; `violations` must be empty."""

    seed: str
    violations: list[str]
    dealt: Counter[Blow]
    met_work: Counter[Blow]
    cases: int
    unknown_letters: int
    longest_rest_seconds: float
    """The host's, from the end of the trouble of an hour until all that was due was done."""
    stops: int
    sealed_seen: int
    webhooks: int
    restarts: int
    faults: Counter[str] = field(default_factory=Counter)
    log: str = ""
    """Everything that all processes wrote."""
    calm: list[Ending] = field(default_factory=list)
    """What the stories come to without trouble: alike for all seeds of one size."""
    excused: str = ""
    """What a mishap alone explains, counted."""

    @property
    def rest_minutes(self) -> float:
        """The same by the fast clock."""
        return self.longest_rest_seconds * FACTOR / 60

    @property
    def is_late(self) -> bool:
        """Whether it took longer than is promised; on a busy machine it may."""
        return self.rest_minutes > REST_MINUTES_MAX

    @property
    def kills(self) -> int:
        """How often something was killed with -9."""
        return sum(count for blow, count in self.dealt.items() if blow.value.startswith("kill"))


class Befalls(StrEnum):
    """What may befall an installation as a whole."""

    NOTHING = "nothing"
    RESTORE = "restore"
    SECOND = "second worker"


def run(
    seed: str,
    size: Size,
    *,
    befalls: Befalls = Befalls.NOTHING,
    calm: list[Ending] | None = None,
    tell: Callable[[str], None] = lambda _text: None,
) -> Result:
    """Play one run and return what it came to. Raises: NoRestError.

    Args: calm: of an earlier run of this size, which saves playing the stories in calm again.
    """
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as folder,  # short, for sockets in it
        installed(Path(folder), seed=seed) as on,
    ):
        tell("servers are up")
        calm = calm or _calm(on, size)
        tell("the calm run is over")
        try:
            return _wild(on, seed, size, calm, befalls, tell)
        except NoRestError as error:
            error.log = on.log.read_text()
            raise


def _calm(on: Installation, size: Size) -> list[Ending]:
    on.copy_database("calm")
    with closing(World(on.servers("calm"), on.inbox, config_dir=CONFIG)) as world:
        people = live_calmly(world, size)
        return endings_of(world, [person.customer for person in people])


def _wild(
    on: Installation,
    seed: str,
    size: Size,
    calm: list[Ending],
    befalls: Befalls,
    tell: Callable[[str], None],
) -> Result:
    on.copy_database("wild")
    on.inbox.clear()
    servers = on.servers("wild")
    watcher = witness.ChainWatcher(servers.database_url)
    with (
        closing(World(servers, on.inbox, working=False)) as world,
        closing(SandboxClient(servers.stripe_base)) as control,
        closing(View(servers.database_url)) as view,
        closing(watcher),
    ):
        start_at = world.now
        world.stripe.settings(latency_ms=LATENCY_MS)
        on.start_processes(servers, size, world.stripe.clock)
        on.send_webhooks(control, SECRETS[0])
        striker = Striker(on, control, seed)
        striker.mishap = _mishap(befalls, on, seed, start_at, watcher)
        diary = Diary(world, [])
        plan = Plan(seed, size)
        driver = Driver(on, world.stripe, view, diary, striker, plan, watcher.look)
        driver.settle()
        tell("the processes are at rest")
        diary.people = people = invite(world, size)
        striker.customers = [person.customer for person in people]
        try:
            driver.drive(start_at + lasts(size))
        finally:
            striker.end_all()
        driver.drive(world.now + HOUR)
        tell(f"{driver.stops} hours were lived through")
        striker.look_into_queue()
        on.supervisor.stop()
        flaws = striker.mishap.end() if striker.mishap is not None else []
        world.start_worker(config_dir=CONFIG)
        result = _result(on, world, people, calm, driver, watcher)
        result.violations += flaws
        result.calm = calm
        result.excused = striker.mishap.excused if striker.mishap is not None else ""
        return result


def _mishap(
    befalls: Befalls, on: Installation, seed: str, start_at: datetime, watcher: witness.ChainWatcher
) -> Mishap | None:
    database_url = on.servers("wild").database_url
    runbook = Runbook(database_url, lambda: on.supervisor.environ, on.program())
    if befalls is Befalls.RESTORE:
        return Restored(on, seed, start_at, runbook, watcher)
    if befalls is Befalls.SECOND:
        second = Second(on, Supervisor({}, on.folder / "second.log"))
        return Doubled(on, seed, start_at, runbook, second)
    return None


def _result(
    on: Installation,
    world: World,
    people: list[Person],
    calm: list[Ending],
    driver: Driver,
    watcher: witness.ChainWatcher,
) -> Result:
    lines, others = witness.read_log(on.log)
    found = endings_of(world, [person.customer for person in people])
    deliveries = world.stripe.client.get("/_sandbox/webhooks")["deliveries"]
    requests = world.stripe.client.get("/_sandbox/requests")["requests"]
    chain = {row["position"]: row["hash"] for row in world.rows("SELECT * FROM event_chain")}
    texts = [each.decode(errors="replace") for each in driver.striker.queue_seen]
    violations = [
        *_seen_outside(on, world),
        *_differing(world, people, found, calm),
        *(f"promise broken: {each}" for each in world.broken_promises()),
        *(f"log: {line}" for line in lines if _shouts(line, driver.mishap)),
        *(f"log: {text}" for text in others if "Traceback" in text),
        *_forgotten(world, [line for line in lines if not _excused(line, driver.mishap)]),
        *witness.strange_keys(
            requests, {row["key"] for row in world.rows("SELECT * FROM attempts")}
        ),
        *witness.strangers_let_in(deliveries),
        *watcher.lost(chain),
        *_flaws(world),
        *leaks.found_in_files([on.log]),
        *leaks.found_in("Valkey", texts),
        *leaks.found_in_database(world.servers.database_url),
    ]
    striker = driver.striker
    return Result(
        striker.seed,
        violations,
        striker.dealt,
        striker.met_work,
        cases=len(found),
        unknown_letters=sum(each.unknown for each in found),
        longest_rest_seconds=driver.longest_rest_seconds,
        stops=driver.stops,
        sealed_seen=len(watcher.seen),
        webhooks=sum(each["result"] == "sent" for each in deliveries),
        restarts=sum(each.restarts for each in on.supervisor.processes.values()),
        faults=Counter(each["fault"] for each in requests if each["fault"]),
        log=on.log.read_text(),
    )


def _shouts(line: dict[str, Any], mishap: Mishap | None) -> bool:
    """Whether a line is an outcry; a worker that starts while Stripe is away ends with one, and
    charging has to stop where another ledger's keys are seen."""
    if mishap is not None and line.get("cause") == FOREIGN:
        return False
    return line["event"] in SHOUTS and line.get("job") != "boot"


def _excused(line: dict[str, Any], mishap: Mishap | None) -> bool:
    """Whether a line tells of a letter that a restored ledger has forgotten."""
    if mishap is None or not line["event"].startswith("letter"):
        return False
    return mishap.excuses(datetime.fromisoformat(line["ts"]))


def _seen_outside(on: Installation, world: World) -> Iterator[str]:
    """Yield what Stripe and the mailboxes show of wrong charges and letters."""
    letters = [read_letter(mail) for mail in on.inbox.mails]
    evidence = collect_evidence(world.stripe.client, world.stripe.clock, letters)
    yield from check_evidence(evidence, invariants_broken=0).found


def _differing(
    world: World, people: list[Person], found: list[Ending], calm: list[Ending]
) -> Iterator[str]:
    """Yield whose story came to something else; a letter of unknown fate is excused, and what a
    rebuilt attempt cannot tell."""
    for person, one, expected in zip(people, found, calm, strict=True):
        name = person.customer.name
        if len(one.received) != len(set(one.received)):
            yield f"{name} got a letter twice: {one.received}"
        if final_is_unknown(one):
            if one.case[0] not in {CaseState.IN_REVIEW, CaseState.CLOSED}:
                yield f"{name}: the final letter is unknown and nobody was asked: {one.case}"
            continue
        same = (as_if_answered(one), as_if_answered(expected)) if one.unknown else (one, expected)
        if any(each.answer_code == REBUILT for each in world.case_of(person.customer).attempts):
            same = (as_if_rebuilt(same[0]), as_if_rebuilt(same[1]))
        if same[0] != same[1]:
            yield f"{name} ended otherwise than in calm: {differences(*same)}"


def _forgotten(world: World, lines: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what was acknowledged and is not so."""
    inbox = {row["event_id"] for row in world.rows("SELECT event_id FROM inbox")}
    yield from witness.webhooks_lost(lines, inbox)
    yield from witness.lines_untrue(
        lines,
        world.rows("SELECT invoice_id, no, state FROM attempts"),
        world.rows("SELECT case_id, step, notice, state FROM letters"),
        world.rows("SELECT id, state, outcome FROM cases"),
    )


def _flaws(world: World) -> Iterator[str]:
    world.job("seal")
    flaw = audit_chain(world.app.ledger).flaw
    if flaw is not None:
        yield f"the chain over the facts: {flaw}"
