"""Facts as the service would tell them, written into a ledger for the metrics to read."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.clock import SystemClock
from worker.domain.facts import Fact
from worker.domain.metric import Metric, Period
from worker.domain.metric_counts import Counts
from worker.domain.metric_groups import GroupBy
from worker.domain.metrics import metrics_of
from worker.services.roll_up_days import RolledUp, roll_up_days
from worker.store.ledger import PostgresLedger
from worker.store.metric_sources import VIEWS
from worker.store.metrics_counts import read_counts
from worker.store.reading import snapshot

WALL = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
"""When the facts are written, on purpose far from when they happened."""
BEGINS = ("found", "started", "reactivated")


def at(month: int, day: int, hour: int = 0, *, year: int = 2026) -> datetime:
    """Return an instant, aware UTC."""
    return datetime(year, month, day, hour, tzinfo=UTC)


NOVEMBER = Period(at(11, 1), at(12, 1))
DECEMBER = Period(at(12, 1), at(1, 1, year=2027))


def parts(metric: Metric) -> tuple[Any, Any]:
    """Return numerator and denominator, to be compared with whole numbers."""
    return metric.numerator, metric.denominator


class Telling:
    """Collects facts; `write` appends them in the order of their telling."""

    def __init__(self, ledger: PostgresLedger) -> None:
        """Begin with nothing told."""
        self.ledger = ledger
        self._facts: list[Fact] = []
        self._mrr: dict[str, int] = defaultdict(int)
        self._cases: dict[str, dict[str, object]] = {}

    def write(self) -> None:
        """Append everything told so far."""
        with self.ledger.begin() as tx:
            tx.facts.append(self._facts, wall_now=WALL)
        self._facts = []

    def subscription(
        self,
        what: str,
        number: int | str,
        when: datetime,
        mrr_minor: int = 0,
        *,
        customer: int | str | None = None,
        currency: str = "eur",
        **data: object,
    ) -> str:
        """Tell `subscription.<what>`; MRR afterwards is *mrr_minor*. Returns the fact's id."""
        subscription = f"sub_{number}"
        delta = mrr_minor - self._mrr[subscription]
        self._mrr[subscription] = mrr_minor
        told = {
            "customer_id": f"cus_{number if customer is None else customer}",
            "subscription_id": subscription,
            "mrr_minor": mrr_minor,
            "mrr_delta_minor": delta,
            "currency": currency,
            "interval": "month",
            "booked_at": when.isoformat(),
            "sign": 1,
            "corrects": "",
        }
        fact = Fact(f"subscription.{what}", subscription, when, f"{len(self._facts)}", told | data)
        self._facts.append(fact)
        return fact.id_in(self.ledger.account_id)

    def renewed(
        self,
        number: int | str,
        period_start: datetime,
        *,
        paid_at: datetime | None = None,
        amount_minor: int = 1000,
        days: int = 30,
        customer: int | str | None = None,
        on_time: bool = True,
        invoice: str = "",
        **data: Any,
    ) -> str:
        """Tell that a term of *days* from *period_start* was paid."""
        return self.subscription(
            "renewed",
            number,
            paid_at or period_start,
            self._mrr[f"sub_{number}"],
            customer=customer,
            amount_minor=amount_minor,
            invoice_id=invoice or f"in_{number}_{period_start:%Y%m%d}",
            period_start=period_start.isoformat(),
            period_end=(period_start + timedelta(days=days)).isoformat(),
            on_time=on_time,
            **data,
        )

    def failed(
        self,
        number: int | str,
        when: datetime,
        *,
        amount_minor: int = 1000,
        currency: str = "eur",
        invoice: str = "",
        **data: object,
    ) -> str:
        """Tell that an invoice's first payment failed; return the name of its case."""
        name = f"C-{1001 + len(self._cases)}"
        self._cases[name] = {
            "case": name,
            "customer_id": f"cus_{number}",
            "subscription_id": f"sub_{number}",
            "invoice_id": invoice or f"in_{name}",
        }
        told = self._cases[name] | {
            "state": "open",
            "amount_minor": amount_minor,
            "currency": currency,
            "billing_reason": "subscription_cycle",
        }
        self._facts.append(Fact("case.opened", name, when, "opened", told | data))
        return name

    def of_case(self, what: str, case: str, when: datetime, **data: object) -> None:
        """Tell a fact of any type about a case."""
        told = self._cases[case] | data
        self._facts.append(Fact(what, case, when, f"{len(self._facts)} {when}", told))

    def card_updated(self, number: int | str, when: datetime) -> None:
        """Tell that the network renewed a customer's card."""
        told = {"customer_id": f"cus_{number}"}
        self._facts.append(
            Fact("payment_method.updated", f"pm_{number}", when, f"{len(self._facts)}", told)
        )

    def recovered(
        self, case: str, when: datetime, *, by: str = "retry", amount_minor: int = 1000
    ) -> None:
        """Tell that a failed invoice was paid, and that its case closed."""
        money = {"amount_minor": amount_minor, "currency": "eur"}
        self.of_case("payment.recovered", case, when, recovered_by=by, **money)
        self.of_case("case.closed", case, when, outcome="recovered")

    def metrics(
        self, period: Period, *, by: GroupBy | None = None, now: datetime | None = None
    ) -> list[Metric]:
        """Write what is waiting and return every figure, as of *now* (default: a year later)."""
        self.write()
        later = now or period.to_at + timedelta(days=365)
        with snapshot(self.ledger) as connection:
            account = self.ledger.account_id
            counts = read_counts(connection, account, period, by=by, now=later)
        return list(metrics_of(counts, period))

    def counts(self, period: Period, by: GroupBy | None, now: datetime) -> Counts:
        """Return what the metrics read, once it is the same as all facts say."""
        with snapshot(self.ledger) as connection:
            account = self.ledger.account_id
            counts = read_counts(connection, account, period, by=by, now=now)
            whole = read_counts(connection, account, period, by=by, now=now, sources=VIEWS)
        assert counts == whole
        return counts

    def roll_up(self) -> RolledUp:
        """Do the daily job."""
        return roll_up_days(ledger=self.ledger, clock=SystemClock())

    def metric(
        self,
        name: str,
        period: Period,
        *,
        currency: str = "eur",
        group: str = "",
        by: GroupBy | None = None,
        now: datetime | None = None,
    ) -> Metric:
        """Return one figure."""
        found = self.metrics(period, by=by, now=now)
        wanted = (name, currency, group)
        [metric] = [
            each for each in found if (each.definition.name, each.currency, each.group) == wanted
        ]
        return metric
