"""A process stands still between its commit and what it committed to do: then it does it not."""

from dataclasses import dataclass, field

import pytest

from tests.simulation.checks import violations_of
from tests.simulation.ground import Ground
from tests.simulation.runs import HOUR, LENGTHS, configuration
from tests.simulation.simulation import START, Simulation
from tests.simulation.trouble import Trouble

UNDER_WAY = {
    "charge": "SELECT 1 FROM attempts WHERE kind = 'charge' AND state = 'sending'",
    "cancel": "SELECT 1 FROM attempts WHERE kind = 'cancel' AND state = 'sending'",
    "letter": "SELECT 1 FROM letters WHERE state = 'sending'",
}


@dataclass(slots=True)
class OneFreeze(Trouble):
    """Nothing goes wrong but for one freeze, right after a commit that something may go out."""

    ground: Ground | None = None
    query: str = ""
    lasts: float = 0.0
    frozen: list[float] = field(default_factory=list)

    def freezes(self) -> float:
        """Return the length of the freeze once the commit is there, the first time."""
        if self.frozen or self.ground is None or not self.ground.rows(self.query):
            return 0.0
        self.frozen.append(self.lasts)
        return self.lasts


@pytest.mark.parametrize("lasts", [700.0, 30 * 3600.0])
@pytest.mark.parametrize("what", UNDER_WAY)
def test_nothing_starts_long_after_its_commit(what: str, lasts: float, ground: Ground) -> None:
    """The customer pays meanwhile, so whatever went out late would go to somebody who paid."""
    trouble = OneFreeze(f"frozen {what}", ground=ground, query=UNDER_WAY[what], lasts=lasts)
    sim = Simulation(ground, trouble, configuration(LENGTHS[False]))
    try:
        sim.run_until(START + 0.2 * HOUR)
        anna = sim.people.customer("anna", cards=("insufficient_funds",))
        sim.people.subscribe(anna, first_charge_at=sim.agenda.now.replace(microsecond=0) + 2 * HOUR)
        while not trouble.frozen:
            assert sim.agenda.now < START + 60 * HOUR, "it never came to that"
            sim.run_until(sim.agenda.now + HOUR / 60)
        sim.people.pay_by_hand(sim.people.invoice(anna)["id"], sim.people.card("approve"))
        sim.stir()
        sent, mailed = len(sim.seen.sends), len(sim.seen.mails)
        sim.run_until(sim.agenda.now + 32 * HOUR)
        found = violations_of(sim)
    finally:
        sim.close()
    assert found == []
    assert sim.seen.sends[sent:] == []
    assert {mail.notice for mail in sim.seen.mails[mailed:]} <= {"payment_recovered"}
    (case,) = ground.rows("SELECT state, outcome FROM cases")
    assert (case["state"], case["outcome"]) == ("closed", "recovered")
