"""`dunning status`: how the service stands, in five lines."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

from worker.cli.data_dir import EMPTY, View
from worker.cli.doctor_confirmed import contradictions
from worker.domain.canary import FIRST_CASES
from worker.domain.case import LetterState, Question
from worker.domain.confirmations import StripeHabits
from worker.domain.identifiers import case_name
from worker.domain.money import Money
from worker.domain.policy import Mode
from worker.domain.step_names import readable
from worker.errors import ServiceUnavailable
from worker.office.charging import ALIVE_WITHIN, Charging, charging_line, charging_of
from worker.office.ways import Office
from worker.office.words import (
    OfficeWords,
    age_words,
    count_words,
    json_instant,
    json_money,
    money_words,
)
from worker.store.approvals import questions
from worker.store.canaries import CanaryWait, read_canaries
from worker.store.reading import snapshot
from worker.store.reading_habits import stripe_habits
from worker.store.reading_status import (
    CaseCounts,
    JobLine,
    LetterCounts,
    LimitWait,
    Living,
    count_cases,
    count_letters,
    count_parked,
    read_jobs,
    read_limits,
    read_signs,
)

REVIEWS_SHOWN = 3
STOPPED_ON_PURPOSE = 5
PROMISE_BROKEN = 3
"""Exit codes (interface.md)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything `status` tells, of one moment."""

    charging: Charging
    processes: tuple[Living, ...]
    jobs: tuple[JobLine, ...]
    cases: CaseCounts
    letters: LetterCounts
    parked: int
    limits: tuple[LimitWait, ...] = ()
    canaries: tuple[CanaryWait, ...] = ()
    """Of new policies, those whose first cases have acted and whose other cases wait."""
    asked: tuple[tuple[int, Question], ...] = ()
    """Cases that wait for a person's approval, by number."""
    contradicted: tuple[str, ...] = ()
    """What people confirmed of Stripe's settings and the ledger contradicts."""

    @property
    def exit_code(self) -> int:
        """0; 3 where a promise of the ledger is broken, 5 where it is stopped on purpose."""
        if self.charging.cause == "invariant":
            return PROMISE_BROKEN
        return STOPPED_ON_PURPOSE if self.charging.on_purpose else 0


def read_standing(view: View) -> Standing:
    """Return how the service stands. Raises: ServiceUnavailable: no worker has run yet."""
    account = view.ledger.account_id
    with snapshot(view.ledger) as connection:
        signs = read_signs(
            connection, account, alive_since=view.wall_now - ALIVE_WITHIN, runs=view.runs
        )
        if signs is None:
            raise ServiceUnavailable(EMPTY)
        since = _first_confirmed_at(view.office)
        habits = stripe_habits(connection, account, since=since) if since is not None else None
        return Standing(
            charging=charging_of(signs, view.office.mode, now=view.now, runs=view.runs),
            processes=signs.alive,
            jobs=tuple(read_jobs(connection, account)),
            cases=count_cases(connection, account, now=view.now),
            letters=count_letters(connection, account),
            parked=count_parked(connection, account),
            limits=tuple(read_limits(connection, account)),
            canaries=tuple(
                each
                for each in read_canaries(connection, account)
                if each.keeps_back(now=view.now, stopped=not signs.switch.charging)
            ),
            asked=tuple(questions(connection, account)),
            contradicted=_contradicted(view, habits),
        )


def _contradicted(view: View, habits: StripeHabits | None) -> tuple[str, ...]:
    """Return where the ledger contradicts what people confirmed of Stripe's settings."""
    if habits is None:
        return ()
    return tuple(contradictions(view.office.confirmed, habits, view.office.zone.key))


def _first_confirmed_at(office: Office) -> datetime | None:
    """Return the beginning of the first day on which somebody confirmed something."""
    days = [each.on for each in office.confirmed]
    return datetime.combine(min(days), time(), office.zone) if days else None


def status_lines(standing: Standing, view: View) -> list[str]:
    """Return the lines for a person; the first is always about charging."""
    wall = OfficeWords(view.office.zone, view.wall_now)
    lines = [
        charging_line(standing.charging, _words_of_stop(standing, view), waiting=_waiting(standing))
    ]
    lines.append(f"LETTERS   {_letters(standing, view)}")
    lines.append(f"PROCESSES {_processes(standing, view)}")
    lines.append(f"OPEN      {_open(standing.cases)}")
    if standing.limits:
        lines.append(f"LIMITS    {_limits(standing.limits, view)}")
    lines += [f"CANARY    {_canary(each, view)}" for each in standing.canaries]
    lines += [f"WAITS     for you: {_asked(number, each)}" for number, each in standing.asked]
    lines.append(f"LAST      {_last(standing.jobs, view, wall)}")
    if view.differing is not None and view.version is not None:
        lines.append(f"CONFIG    {_differing(view.differing, view.version.no)}")
    lines += [f"STRIPE    {said} -> dunning doctor" for said in standing.contradicted]
    if standing.parked:
        parked = count_words(standing.parked, "event")
        lines.append(
            f"PARKED    {parked} of Stripe could not be read and were put aside -> dunning log"
            " --level warn"
        )
    return lines


def _words_of_stop(standing: Standing, view: View) -> OfficeWords:
    """A dead process is dated by the wall clock, every other cause by business time."""
    wall = standing.charging.cause == "no_worker"
    return OfficeWords(view.office.zone, view.wall_now if wall else view.now)


def _waiting(standing: Standing) -> int:
    return standing.cases.waiting


def _letters(standing: Standing, view: View) -> str:
    counts = standing.letters.by_state
    queued, next_at = counts.get(LetterState.QUEUED.value, 0), standing.letters.next_at
    stopped = not standing.charging.yes and standing.charging.cause != "mode_letters"
    ended = standing.charging.cause in {"demo_ended", "feed"}
    parts = ["NO, stopped with the charges" if stopped and not ended else "yes"]
    if standing.charging.cause == "demo_ended":
        parts = ["none go out any more"]
    if view.office.mode is Mode.WATCH:
        parts = ["NO, mode watch"]
    if queued and next_at is not None:
        soon = "now" if next_at <= view.now else f"for {view.words.near(next_at)}"
        parts.append(f"{queued} {'waits' if queued == 1 else 'wait'} {soon}")
    parts.append(f"{counts.get(LetterState.SENT.value, 0)} sent")
    for state, word in ((LetterState.UNKNOWN, "outcome unknown"), (LetterState.REFUSED, "refused")):
        if counts.get(state.value):
            parts.append(f"{counts[state.value]} {word}")
    return " · ".join(parts)


def _processes(standing: Standing, view: View) -> str:
    living = standing.processes
    if not living:
        return "none running"
    numbers: Counter[str] = Counter()
    totals = Counter(_kind(process) for process in living)
    parts = []
    for process in living:
        kind = _kind(process)
        numbers[kind] += 1
        name = kind if totals[kind] == 1 else f"{kind}-{numbers[kind]}"
        parts.append(f"{name} {age_words(view.wall_now - process.seen_at)}")
    parts.append(_config(living, view))
    read = next((job for job in standing.jobs if job.name == "read_stripe"), None)
    if read is not None and read.ended_at is not None:
        parts.append(f"Stripe read {age_words(view.wall_now - read.ended_at)} ago")
    return " · ".join(parts)


def _config(living: Sequence[Living], view: View) -> str:
    """Return `config 3 (a41f09) on 4 of 4`: on how many processes the current version is."""
    digests = Counter(process.config_digest for process in living)
    digest, count = digests.most_common(1)[0]
    name = digest[:6] or "unknown"
    if view.version is not None:
        digest, count = view.office.digest, digests[view.office.digest]
        name = f"{view.version.no} ({digest[:6]})"
    return f"config {name} on {count} of {len(living)}"


def _differing(folder: Path, no: int) -> str:
    return (
        f"{folder} differs from version {no}, which runs -> dunning policy diff {folder}, then"
        f" dunning apply {folder} --by NAME --reason WHY"
    )


def _kind(process: Living) -> str:
    return process.name.partition("-")[0]


def _open(cases: CaseCounts) -> str:
    total = cases.open + cases.held + cases.in_review
    money = "".join(f" {money_words(amount)}" for amount in cases.money)
    names = [case_name(number) for number, _ in cases.reviews[:REVIEWS_SHOWN]]
    if len(cases.reviews) > REVIEWS_SHOWN:
        names.append("…")
    review = f" ({', '.join(names)})" if names else ""
    return (
        f"{count_words(total, 'case')}{money} · late {cases.late} · held {cases.held}"
        f" · review {cases.in_review}{review} · closed {cases.closed}"
        f"{f' · not due yet {cases.not_due}' if cases.not_due else ''}"
    )


def _limits(limits: Sequence[LimitWait], view: View) -> str:
    parts = []
    for each in limits:
        what = count_words(each.waiting, "letter" if each.letters else "case")
        waits = "waits" if each.waiting == 1 else "wait"
        parts.append(f"{each.limit}: {what} {waits} until {view.words.near(each.next_at)}")
    return f"{' · '.join(parts)} -> limits in config/dunning.yaml"


def _canary(each: CanaryWait, view: View) -> str:
    canary, at = each.canary, each.canary.clears_at
    until = f"until {view.words.near(at)}" if at is not None and at > view.now else "for `go`"
    waits = f"{each.waiting} {'waits' if each.waiting == 1 else 'wait'} {until}"
    return (
        f"{canary.name}: {canary.acted} of {FIRST_CASES} first cases acted, {waits}"
        " -> dunning go --by NAME --reason WHY"
    )


def _asked(number: int, question: Question) -> str:
    name, money = case_name(number), Money(question.amount_minor, question.currency)
    step = readable(question.step)
    return f"{name} {money_words(money)} {step} -> dunning approve {name} --by NAME --reason WHY"


def _last(jobs: Sequence[JobLine], view: View, wall: OfficeWords) -> str:
    parts = []
    for job in jobs:
        if job.ended_at is None:
            continue
        age = view.wall_now - job.ended_at
        when = age_words(age) if age < timedelta(hours=1) else wall.near(job.ended_at)
        parts.append(f"{job.name} {when} {job.outcome}")
    return " · ".join(parts) or "no job has run yet"


def status_json(standing: Standing, view: View) -> dict[str, object]:
    """Return the same as data."""
    charging, cases, letters = standing.charging, standing.cases, standing.letters
    return {
        "charging": charging.yes,
        "cause": charging.cause,
        "since": json_instant(charging.since),
        "because": charging.said,
        "waiting": _waiting(standing),
        "do": charging.do,
        "on_purpose": charging.on_purpose,
        "at": json_instant(view.now),
        "mode": view.office.mode.value,
        "config": {
            "version": view.version.no if view.version is not None else None,
            "digest": view.office.digest,
            "directory_differs": view.differing is not None,
        },
        "letters": {"by_state": letters.by_state, "next_at": json_instant(letters.next_at)},
        "processes": [
            {
                "name": process.name,
                "seen_at": json_instant(process.seen_at),
                "config_digest": process.config_digest,
            }
            for process in standing.processes
        ],
        "cases": {
            "open": cases.open,
            "held": cases.held,
            "in_review": cases.in_review,
            "closed": cases.closed,
            "late": cases.late,
            "not_due": cases.not_due,
        },
        "open_money": [json_money(amount) for amount in cases.money],
        "reviews": [
            {"case": case_name(number), "reason": reason} for number, reason in cases.reviews
        ],
        "waits_for_you": [
            {
                "case": case_name(number),
                "step": each.step,
                "amount": json_money(Money(each.amount_minor, each.currency)),
            }
            for number, each in standing.asked
        ],
        "jobs": [
            {"name": job.name, "ended_at": json_instant(job.ended_at), "outcome": job.outcome}
            for job in standing.jobs
        ],
        "events_parked": standing.parked,
        "limits": [_limit_json(each) for each in standing.limits],
        "canaries": [_canary_json(each) for each in standing.canaries],
        "stripe_settings_contradicted": list(standing.contradicted),
    }


def _limit_json(limit: LimitWait) -> dict[str, object]:
    return {
        "limit": limit.limit,
        "waiting": limit.waiting,
        "of": "letters" if limit.letters else "cases",
        "next_at": json_instant(limit.next_at),
    }


def _canary_json(each: CanaryWait) -> dict[str, object]:
    return {
        "policy": each.canary.policy,
        "digest": each.canary.digest,
        "acted": each.canary.acted,
        "of": FIRST_CASES,
        "waiting": each.waiting,
        "clears_at": json_instant(each.canary.clears_at),
    }
