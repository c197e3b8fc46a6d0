"""Stories of a few subscriptions and their cases, in any order of instants."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.integration.metrics.telling import Telling, at


class Stories:
    """Tells what happens to a few subscriptions, in any order of instants."""

    def __init__(self, telling: Telling, seed: int) -> None:
        """Draw from *seed*."""
        self.telling = telling
        self.draw = Random(seed)  # noqa: S311 (stories, no secrets)
        self.told: list[tuple[str, int, str]] = []
        self.cases: list[str] = []

    def tell(self, count: int) -> None:
        """Tell so many things."""
        for _ in range(count):
            number = self.draw.randrange(12)
            when = at(10, 1) + timedelta(hours=self.draw.randrange(24 * 90))
            self.draw.choice((self._changed, self._changed, self._renewed, self._case))(
                number, when
            )

    def _about(self, number: int) -> dict[str, Any]:
        return {
            "customer": number // 3,
            "currency": "usd" if number % 5 == 0 else "eur",
            "price_id": f"price_{self.draw.randrange(2)}",
            "metadata": {"team": f"t{number % 2}"},
            "period_end": (at(11, 1) + timedelta(days=self.draw.randrange(60))).isoformat(),
        }

    def _changed(self, number: int, when: datetime) -> None:
        what = self.draw.choice(("started", "expanded", "churned", "reactivated", "paused"))
        mrr = 0 if what in {"churned", "paused"} else self.draw.randrange(1, 9) * 100
        end = {"kind": self.draw.choice(("voluntary", "involuntary")), "reason": "x"}
        booked = (at(11, 1) + timedelta(hours=self.draw.randrange(24 * 60))).isoformat()
        further = end if what == "churned" else {}
        fact = self.telling.subscription(
            what,
            number,
            when,
            mrr,
            **(self._about(number) | further | {"booked_at": booked}),
        )
        self.told.append((what, number, fact))
        if self.draw.random() < 0.2:
            what, number, fact = self.draw.choice(self.told)
            self.telling.subscription(
                what,
                number,
                when,
                0,
                **(self._about(number) | {"sign": -1, "corrects": fact}),
            )

    def _renewed(self, number: int, when: datetime) -> None:
        about = self._about(number)
        del about["period_end"]
        self.telling.renewed(
            number,
            when,
            on_time=self.draw.random() < 0.7,
            invoice=f"in_{self.draw.randrange(40)}",
            **about,
        )

    def _case(self, number: int, when: datetime) -> None:
        if not self.cases or self.draw.random() < 0.4:
            invoice = f"in_{self.draw.randrange(40)}"
            self.cases.append(self.telling.failed(number, when, invoice=invoice))
            return
        case = self.draw.choice(self.cases)
        kind = self.draw.randrange(5)
        if kind == 0:
            self.telling.recovered(case, when, by=self.draw.choice(("retry", "new_card")))
        elif kind == 1:
            self.telling.of_case("case.opened", case, when, state="open")
        elif kind == 2:
            self.telling.of_case("notice.sent", case, when, notice="x")
        elif kind == 3:
            self.telling.of_case("payment.retried", case, when, outcome="declined")
        else:
            self.telling.card_updated(number, when)
