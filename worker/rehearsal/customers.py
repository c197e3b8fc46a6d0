"""The customers' side of a rehearsal: they read their letters and act, at whole simulated hours.

What they do is in their habits; this module waits for the cues. It looks only at what a customer,
a bank or the staff could see: letters that arrived and charges that were tried.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from worker.rehearsal.customer_acts import Person, perform
from worker.rehearsal.customer_letters import ABOUT_UNPAID, Letter, read_letter
from worker.rehearsal.driver_sandbox import SandboxClient
from worker.rehearsal.embedded.inbox import Mail
from worker.rehearsal.population import Population, Subscriber
from worker.rehearsal.population_habits import Cue, Habit

HOUR = timedelta(hours=1)
_CUES = {"failed": Cue.FAILURE, "requires_action": Cue.FAILURE, "succeeded": Cue.PAID}


class _Planned(NamedTuple):
    """An act to come; the name and the place in the habits order acts of one hour."""

    at: datetime
    name: str
    place: int


class Customers:
    """Everybody around the worker. Not for use by several threads."""

    def __init__(
        self,
        population: Population,
        people: Mapping[str, Mapping[str, Any]],
        *,
        client: SandboxClient,
        mails: Callable[[], Sequence[Mail]],
    ) -> None:
        """Take the *people* that POST /_sandbox/population told of, and where mail arrives."""
        self._client, self._mails = client, mails
        self._subscribers = {one.name: one for one in population.subscribers}
        self._people = {
            name: Person(
                str(told["customer"]), str(told["payment_method"]), tuple(told["subscriptions"])
            )
            for name, told in people.items()
        }
        self._by_customer = {one.customer_id: name for name, one in self._people.items()}
        self._by_address = {
            _envelope(one.email): one.name for one in population.subscribers if one.email
        }
        self._now = population.start_at
        self._planned: list[_Planned] = []
        self._seen: Counter[tuple[str, Cue]] = Counter()
        self._mails_read = self._charges_read = 0
        self.tries: list[Mapping[str, Any]] = []
        """Every charge try that was seen, as GET /_sandbox/charges tells it."""
        self.letters: list[Letter] = []
        """Every letter that was seen, in order of arrival."""
        self.acts: list[tuple[datetime, str, str, bool]] = []
        """What was done: when, by whom, what, and whether there was anything to do it to."""
        for one in population.subscribers:
            self._cue(one.name, Cue.START, population.start_at)

    def act_until(self, now: datetime) -> int:
        """Do everything due by *now* (aware UTC, whole hours) and return how many acts it was.

        Raises: ServiceUnavailable: the sandbox gave no answer.
        """
        self._take_in()
        self._now = max(now, self._now)
        done = 0
        while self._planned and self._planned[0].at <= now:
            planned = heapq.heappop(self._planned)
            habit = self._subscribers[planned.name].habits[planned.place]
            happened = perform(habit, self._people[planned.name], self._client)
            self.acts.append((now, planned.name, habit.do.value, happened))
            done += 1
        return done

    def next_act_at(self) -> datetime | None:
        """Return the whole hour of the next act that is known by now, or None."""
        self._take_in()
        return self._planned[0].at if self._planned else None

    def _take_in(self) -> None:
        """Read new charges and letters; what they set off happens from the next hour on."""
        answer = self._client.get("/_sandbox/charges", since=self._charges_read)
        for charge in answer["charges"]:
            self._charges_read = int(charge["n"])
            self.tries.append(charge)
            self._see_charge(charge)
        mails = self._mails()[self._mails_read :]
        self._mails_read += len(mails)
        for letter in map(read_letter, mails):
            self.letters.append(letter)
            self._see_letter(letter)

    def _see_charge(self, charge: Mapping[str, Any]) -> None:
        name = self._by_customer.get(str(charge["customer"]))
        cue = _CUES.get(str(charge["status"]))
        if name is None or cue is None:
            return
        if cue is Cue.PAID and charge["charge"]:
            self._people[name].paid_charges.append(str(charge["charge"]))
        self._cue(name, cue, datetime.fromtimestamp(int(charge["at"]), UTC))

    def _see_letter(self, letter: Letter) -> None:
        name = self._by_address.get(letter.recipient)
        if name is not None and letter.notice in ABOUT_UNPAID:
            self._cue(name, Cue.LETTER, self._now)

    def _cue(self, name: str, cue: Cue, at: datetime) -> None:
        self._seen[name, cue] += 1
        for place, habit in enumerate(self._habits(name)):
            if habit.cue is cue and habit.nth == self._seen[name, cue]:
                planned_at = _whole_hour(at + timedelta(hours=habit.after_hours))
                due_at = max(planned_at, _whole_hour(self._now) + HOUR)
                heapq.heappush(self._planned, _Planned(due_at, name, place))

    def _habits(self, name: str) -> tuple[Habit, ...]:
        one: Subscriber = self._subscribers[name]
        return one.habits


def _whole_hour(at: datetime) -> datetime:
    """Return the first whole hour at or after *at*."""
    floor = at.replace(minute=0, second=0, microsecond=0)
    return floor if floor == at else floor + HOUR


def _envelope(address: str) -> str:
    """Return an address as a mail server sees it: lower case, the domain in ASCII."""
    local, _, domain = address.lower().partition("@")
    return f"{local}@{domain.encode('idna').decode('ascii')}"
