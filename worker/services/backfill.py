"""First run, or back after over 30 days: mirror what is there; no failure opens a case (D16)."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from worker.domain.facts import Fact
from worker.domain.metrics_rules import DEFAULTS, MetricsRules
from worker.domain.policy import Configuration, DunningRules
from worker.domain.readings import InvoiceReading, PaymentMethodReading, SubscriptionReading
from worker.domain.subscription_story import GONE
from worker.domain.tiers import prices_wanted
from worker.ports import Clock, JobLog, Json, Ledger, ObjectReader, StripeGateway, Tx
from worker.services.apply_events import open_case
from worker.services.fold_facts import FOLDED, fold_facts
from worker.services.keep_configuration import keep_policies
from worker.services.learn_discounts import learn_coupons
from worker.services.learn_for_facts import learn_for_facts
from worker.services.learn_prices import read_prices
from worker.services.mirror_customer_discounts import SeenDiscounts
from worker.services.read_feed import CURSOR, LIST_REACH, OVERLAP, Position
from worker.services.tell_subscription import Storyteller


def needs_backfill(position: Position, *, now: datetime) -> bool:
    """Return whether the event list alone cannot bring the mirrors up to date."""
    read_at = position.read_at
    return read_at is None or now - read_at > LIST_REACH - timedelta(days=1)


def backfill(
    *,
    ledger: Ledger,
    stripe: StripeGateway,
    reader: ObjectReader,
    log: JobLog,
    clock: Clock,
    rules: DunningRules,
    api_version: str,
    now: datetime,
    progress: Callable[[str, int], None] = lambda _what, _count: None,
) -> dict[str, int]:
    """Mirror customers, payment methods, subscriptions and open invoices; return the counts.

    Open invoices that are paid by hand and not overdue yet at go-live get their case here.

    The cursor is set to *now* less the overlap once everything is written, so a crash on the way
    begins again. After an absence, what subscriptions became meanwhile is told as facts.
    Args: progress: told (what, how many so far), for a bar.
    """
    counts = {"customers": 0, "subscriptions": 0, "invoices": 0}
    seen_at = now - OVERLAP
    metrics = rules.metrics or DEFAULTS
    _fold_what_came(ledger, stripe, reader, log, clock=clock, rules=metrics)
    with ledger.begin() as tx:
        told_until = tx.control.cursor(CURSOR)

    def put_customers(tx: Tx, page: list[Json]) -> None:
        _put_customers(tx, page, reader, seen_at)

    def put_subscriptions(tx: Tx, page: list[Json]) -> None:
        found = [reader.subscription(raw, api_version) for raw in page]
        tx.mirror.put_subscriptions([(s, seen_at) for s in found])
        methods = [s.default_payment_method for s in found if s.default_payment_method]
        _put_methods(tx, methods, seen_at)
        tx.facts.fold_alone()
        teller = Storyteller(tx, reader, metrics, tx.control.cursor(FOLDED))
        _tell_all(teller, found, told_until=told_until, now=now, clock=clock)

    def put_invoices(tx: Tx, page: list[Json]) -> None:
        found = [reader.invoice(raw, api_version) for raw in page]
        tx.mirror.put_invoices([(invoice, seen_at) for invoice in found])
        _open_sent(tx, found, rules=rules, clock=clock, now=now)

    priced = _with_prices(ledger, stripe, reader, log, api_version)
    parts: tuple[tuple[str, Iterator[list[Json]], Callable[[Tx, list[Json]], None]], ...] = (
        ("customers", stripe.customer_pages(), put_customers),
        ("subscriptions", priced, put_subscriptions),
        ("invoices", stripe.open_invoice_pages(), put_invoices),
    )
    for what, pages, put in parts:
        for page in pages:
            with ledger.begin() as tx:
                put(tx, page)
            counts[what] += len(page)
            progress(what, counts[what])
    with ledger.begin() as tx:
        tx.control.set_cursor(CURSOR, seen_at)
    log.info("backfill", **counts, business_at=now)
    return counts


def _put_customers(tx: Tx, page: list[Json], reader: ObjectReader, seen_at: datetime) -> None:
    found = [c for c in (reader.customer(raw) for raw in page) if c is not None]
    tx.mirror.put_customers([(customer, seen_at) for customer in found])
    methods = [c.default_payment_method for c in found if c.default_payment_method]
    _put_methods(tx, methods, seen_at)
    discounts = SeenDiscounts()
    for raw in page:
        discounts.read(raw, reader, at=seen_at)
    discounts.put(tx)


def _fold_what_came(
    ledger: Ledger,
    stripe: StripeGateway,
    reader: ObjectReader,
    log: JobLog,
    *,
    clock: Clock,
    rules: MetricsRules,
) -> None:
    """Tell facts of all events that came before."""
    learn_for_facts(ledger=ledger, stripe=stripe, log=log)
    fold_facts(ledger=ledger, reader=reader, clock=clock, rules=rules, watermark=timedelta())


def _with_prices(
    ledger: Ledger,
    stripe: StripeGateway,
    reader: ObjectReader,
    log: JobLog,
    api_version: str,
) -> Iterator[list[Json]]:
    """Yield pages of subscriptions, each once prices, discounts and taxes are known."""
    for page in stripe.subscription_pages():
        with ledger.begin() as tx:
            tx.discounts.put_discounts([d for raw in page for d in reader.discounts(raw)])
            taxes = (reader.latest_taxes(raw) for raw in page)
            tx.taxes.put([each for each in taxes if each is not None])
        learn_coupons(ledger=ledger, stripe=stripe)
        shown = (reader.subscription(raw, api_version) for raw in page)
        wanted = [price for each in shown for price in prices_wanted(each)]
        read_prices(wanted, ledger=ledger, stripe=stripe, log=log)
        yield page


def _open_sent(
    tx: Tx, found: Iterable[InvoiceReading], *, rules: DunningRules, clock: Clock, now: datetime
) -> None:
    """Open the cases of invoices that are paid by hand and are not from before go-live."""
    control = tx.control.read()
    for invoice in found:
        if control is not None and invoice.is_sent:
            open_case(
                tx,
                invoice,
                failed_at=now,
                rules=rules,
                go_live_at=control.go_live_at,
                now=now,
                wall_now=clock.wall_now(),
            )


def _tell_all(
    teller: Storyteller,
    found: Iterable[SubscriptionReading],
    *,
    told_until: datetime | None,
    now: datetime,
    clock: Clock,
) -> None:
    """Tell what is new of subscriptions."""
    facts = [fact for one in found for fact in _tell(teller, one, told_until, now)]
    teller.keep()
    teller.tx.facts.append(facts, wall_now=clock.wall_now())


def _tell(
    teller: Storyteller,
    subscription: SubscriptionReading,
    told_until: datetime | None,
    now: datetime,
) -> list[Fact]:
    """Return what is new of a subscription; one from before the worker is taken as it stands."""
    known = teller.state_of(subscription.id) is not None
    if not known and (told_until is None or subscription.created_at <= told_until):
        return teller.find(subscription, at=now)
    at = now - OVERLAP if known else subscription.created_at
    if subscription.status in GONE:
        at = subscription.ended_at or at
    return teller.look(subscription, at=at, read_at=now)


def _put_methods(tx: Tx, methods: list[PaymentMethodReading], seen_at: datetime) -> None:
    tx.mirror.put_payment_methods([(method, seen_at, False) for method in methods])


def begin_ledger(
    *,
    ledger: Ledger,
    clock: Clock,
    configuration: Configuration,
    live_key: bool,
    now: datetime,
) -> None:
    """Write the control row and the policies of a fresh ledger; an existing one stays.

    With a live key charging starts switched off, until `dunning go` arms it (interface.md).
    """
    go_live_at = configuration.dunning.go_live or now
    with ledger.begin() as tx:
        cause = "not armed yet: a fresh ledger with a live key" if live_key else ""
        tx.control.create(
            charging=not live_key,
            live=live_key,
            go_live_at=go_live_at.astimezone(UTC),
            cause=cause,
        )
        keep_policies(tx, configuration, wall_now=clock.wall_now())
