"""Tell what becomes of subscriptions as facts, each in its place in the subscription's chain.

What Stripe shows is folded in order. What comes behind the watermark is folded again with all that
was seen of that subscription, and the difference is told as corrections (domain/revenue_chain.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from worker.domain.engine_situation import SUBSCRIPTION_OVER
from worker.domain.facts import Fact
from worker.domain.identifiers import KEY_PREFIX, parse_idempotency_key
from worker.domain.metrics_rules import ChurnAt, MetricsRules
from worker.domain.readings import SubscriptionReading
from worker.domain.revenue_chain import (
    FOUND,
    RENEWED,
    Chain,
    ChainState,
    Traits,
    corrections,
)
from worker.domain.subscription_story import (
    GONE,
    Context,
    Movement,
    Seen,
    Told,
    fold_grace,
    fold_subscription,
)
from worker.ports import InboxEvent, Json, ObjectReader, Tx
from worker.ports.customer_discounts import ChangedDiscount
from worker.ports.tax_shares import ChangedTax
from worker.services.change_access import access_of_the_gone, access_of_the_resumed
from worker.services.dunning_context import context_of
from worker.services.fact_traits import own_traits, surroundings, traits_of, traits_of_unknown
from worker.services.subscription_value import Valuer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
"""What turns at the very instant of an event is seen with it: one movement, not two."""


@dataclass(slots=True)
class Storyteller:
    """Tells of subscriptions within one transaction; `keep` remembers how far it came."""

    tx: Tx
    reader: ObjectReader
    rules: MetricsRules
    closed_until: datetime | None
    """What happened by then was told already: what is learnt of it now is a correction."""
    states: dict[str, ChainState] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    late: dict[str, list[InboxEvent]] = field(default_factory=dict)
    """Events behind the watermark, by subscription, that no correction has taken up yet; none for
    one whose customer's discounts, or whose taxes, turned out to be others."""
    shown: dict[str, SubscriptionReading] = field(default_factory=dict)
    """What the last event that was folded showed, where that was in this transaction."""
    caught_up: dict[str, datetime] = field(default_factory=dict)
    """Until when changes of value that no event shows were told, where that was in this
    transaction."""
    valuer: Valuer = field(init=False)

    def __post_init__(self) -> None:
        """Value by the same rules."""
        self.valuer = Valuer(self.tx, self.rules)

    def reconsider(self, discounts: Iterable[ChangedDiscount], taxes: Iterable[ChangedTax]) -> None:
        """Let the subscriptions be told anew whose customers' discounts, or taxes, were learnt
        late."""
        owners = [each.customer_id for each in discounts if self._is_late(each.changed_from)]
        taxed = [each.subscription_id for each in taxes if self._is_late(each.changed_from)]
        self.states |= self.tx.revenue.load(set(taxed) - self.states.keys())
        told = [each for each in taxed if each in self.states]
        for subscription_id in (*self.tx.revenue.of_customers(owners), *told):
            self.late.setdefault(subscription_id, [])

    def state_of(self, subscription_id: str) -> ChainState | None:
        """Return how far the subscription has been told; None where nothing has."""
        if subscription_id not in self.states:
            self.states |= self.tx.revenue.load([subscription_id])
        return self.states.get(subscription_id)

    def keep(self) -> None:
        """Remember how far the stories have been told."""
        self.tx.revenue.keep({name: self.states[name] for name in self.changed})
        self.changed.clear()

    def see(self, event: InboxEvent) -> list[Fact]:
        """Return the facts that an event about a subscription brings.

        Late ones come first, in order of time; they are gathered and told by one correction.
        """
        subscription = _shown(event, self.reader)
        state = self.state_of(subscription.id) or ChainState()
        if state.base_at is not None and event.created_at < state.base_at:
            return []
        overtaken = state.looked_at is not None and event.created_at < state.looked_at
        if overtaken or self._is_late(event.created_at):
            self.late.setdefault(subscription.id, []).append(event)
            return []
        corrected = self._catch_up(subscription.id, until=event.created_at - INSTANT)
        state = self.state_of(subscription.id) or ChainState()
        return corrected + self._tell(state, self._seen(subscription, event))

    def look(
        self, subscription: SubscriptionReading, *, at: datetime, read_at: datetime
    ) -> list[Fact]:
        """Return the facts that a read of a subscription brings; its story begins anew there.

        Args: at: when it became so, as far as known. read_at: events from before it are no news.
        """
        state = self.state_of(subscription.id) or ChainState()
        occasion = f"read {read_at.isoformat()}"
        facts = self._tell(state, self._with_value(subscription, at=at, occasion=occasion))
        self._begin_anew(subscription, read_at)
        return facts

    def find(self, subscription: SubscriptionReading, *, at: datetime) -> list[Fact]:
        """Return the opening balance of a subscription that was there before the ledger."""
        seen = self._with_value(subscription, at=at, occasion="found")
        told, _ = fold_subscription(Told(), seen, self.rules)
        if not told.state and subscription.status in {"unpaid", "past_due"}:
            told = replace(told, state="churned", churned_at=at, churn_kind="involuntary")
        elif not told.state and _stands_still(subscription):
            told = replace(told, state="paused")
        traits = traits_of(self.tx, subscription, self.rules.metadata)
        self._set(subscription.id, ChainState(told, traits=traits))
        facts = []
        if told.state:
            detail = {"state": told.state}
            opening = Movement(FOUND, at, "found", told.mrr_minor, told.mrr_minor, detail)
            facts = self._book(subscription.id, [opening], traits)
        self._begin_anew(subscription, at)
        return facts

    def renew(self, event: InboxEvent) -> list[Fact]:
        """Return the fact that a paid invoice renewed its subscription.

        Whoever else than this worker brought the money is told when the case closes.
        """
        invoice = self.reader.invoice(_raw(event), event.api_version)
        subscription_id = invoice.subscription_id
        if invoice.billing_reason != "subscription_cycle" or not subscription_id:
            return []
        if self.tx.facts.renewal_told(subscription_id, invoice.id):
            return []
        corrected = list[Fact]()
        if not self._is_late(event.created_at):
            corrected = self._catch_up(subscription_id, until=event.created_at - INSTANT)
            corrected += self._end_grace(subscription_id, until=event.created_at)
        state = self.state_of(subscription_id) or ChainState(traits=traits_of_unknown(invoice))
        known = self.tx.mirror.subscription(subscription_id)
        method_id = known.default_payment_method_id if known is not None else ""
        traits = {
            **state.traits,
            **surroundings(self.tx, invoice.customer_id, method_id, self.rules.metadata),
        }
        self._set(subscription_id, state)
        on_time = not self.tx.mirror.failed_before(invoice.id)
        detail = {
            "invoice_id": invoice.id,
            "amount_minor": invoice.amount_paid_minor,
            "period_start": _iso(invoice.period_start_at),
            "period_end": _iso(invoice.period_end_at),
            "on_time": on_time,
            "recovered_by": "" if on_time else self._recovered_by(event),
        }
        movement = Movement(RENEWED, event.created_at, invoice.id, state.told.mrr_minor, 0, detail)
        return corrected + self._book(subscription_id, [movement], traits)

    def _recovered_by(self, event: InboxEvent) -> str:
        """Return which act of ours paid the invoice, by the key that the event carries."""
        ours = parse_idempotency_key(str(_request(event).get("idempotency_key") or ""))
        return self.tx.facts.recovered_by(*ours) if ours is not None else ""

    def finish(self, until: datetime) -> list[Fact]:
        """Return what is left: corrections, and what *until* brought without any event of the
        subscription: discounts of customers and taxes that changed, and graces that are over."""
        facts = [fact for name in list(self.late) for fact in self.correct(name)]
        self.keep()
        since = self.closed_until or EPOCH
        turning = self.tx.customer_discounts.changing(after=since, until=until)
        taxed = self.tx.taxes.changing(after=since, until=until)
        for subscription_id in sorted({*self.tx.revenue.of_customers(turning), *taxed}):
            facts += self._catch_up(subscription_id, until=until)
        self.keep()
        owing = self.tx.revenue.owing(since=until - self.rules.grace)
        self.states |= owing
        for subscription_id in owing:
            facts += self._end_grace(subscription_id, until=until)
        return facts

    def _tell(self, state: ChainState, seen: Seen) -> list[Fact]:
        """Fold one look at the story's end."""
        subscription = seen.subscription
        told, movements = fold_subscription(state.told, seen, self.rules)
        unchanged = own_traits(subscription).items() <= state.traits.items()
        traits = (
            state.traits
            if unchanged and not movements
            else traits_of(self.tx, subscription, self.rules.metadata)
        )
        after = replace(state, told=told, looked_at=seen.at, traits=traits)
        self._set(subscription.id, after)
        self.shown[subscription.id] = subscription
        facts = self._book(subscription.id, movements, traits)
        if subscription.status in SUBSCRIPTION_OVER:
            facts += access_of_the_gone(self.tx, subscription, at=seen.at)
        elif any(fact.type == "subscription.resumed" for fact in facts):
            facts += access_of_the_resumed(self.tx, subscription, at=seen.at)
        return facts

    def _end_grace(self, subscription_id: str, *, until: datetime) -> list[Fact]:
        """Tell the loss of who owes for longer than the grace."""
        state = self.state_of(subscription_id)
        if state is None or state.told.owing_since is None:
            return []
        shown = self._last_shown(subscription_id, state)
        context = context_of(self.tx, subscription_id, at=until, shown=shown)
        told, movements = fold_grace(state.told, until=until, rules=self.rules, context=context)
        self._set(subscription_id, replace(state, told=told))
        return self._book(subscription_id, movements, state.traits)

    def _catch_up(self, subscription_id: str, *, until: datetime) -> list[Fact]:
        """Tell what is behind the story's end before anything is told at *until*."""
        facts = self.correct(subscription_id)
        state = self.state_of(subscription_id)
        if state is None or state.looked_at is None:
            return facts
        told_until = self.caught_up.get(subscription_id, EPOCH)
        after = max(state.looked_at, self.closed_until or EPOCH, told_until)
        self.caught_up[subscription_id] = max(until, told_until)
        customer_id = str(state.traits.get("customer_id", ""))
        if not self.valuer.changes(subscription_id, customer_id, after=after, until=until):
            return facts
        shown = self._last_shown(subscription_id, state)
        told, movements = self._revalued(state.told, shown, after=after, until=until)
        self._set(subscription_id, replace(state, told=told))
        return facts + self._book(subscription_id, movements, state.traits)

    def _revalued(
        self, told: Told, shown: SubscriptionReading | None, *, after: datetime, until: datetime
    ) -> tuple[Told, list[Movement]]:
        """Fold what changes its value in (after, until] without being seen of itself."""
        movements = list[Movement]()
        if shown is None:
            return told, movements
        changes = self.valuer.changes(shown.id, shown.customer_id, after=after, until=until)
        for at, occasion in changes.items():
            seen = self._with_value(shown, at=at, occasion=occasion)
            told, found = fold_subscription(told, seen, self.rules)
            movements += found
        return told, movements

    def _last_shown(self, subscription_id: str, state: ChainState) -> SubscriptionReading | None:
        """Return the subscription as the end of its story has it."""
        if subscription_id in self.shown:
            return self.shown[subscription_id]
        looks = self.tx.inbox.looks(subscription_id, since=state.base_at or EPOCH)
        return _shown(looks[-1], self.reader) if looks else state.base_shown

    def correct(self, subscription_id: str) -> list[Fact]:
        """Tell the story anew with what came late, and return what that corrects.

        Once in a transaction, when all that is late was gathered and before anything newer: it
        compares with the facts that are stored.
        """
        late = self.late.pop(subscription_id, None)
        state = self.state_of(subscription_id) or ChainState()
        if late is None or not (late or state.looked_at):
            return []
        told, traits, story = state.base, state.traits, list[tuple[Movement, Traits]]()
        shown, seen_at = state.base_shown, state.base_at or EPOCH
        for event in self._all_looks(subscription_id, state, late):
            before = event.created_at - INSTANT
            told, movements = self._revalued(told, shown, after=seen_at, until=before)
            story += [(movement, traits) for movement in movements]
            shown, seen_at = _shown(event, self.reader), event.created_at
            traits = traits_of(self.tx, shown, self.rules.metadata)
            told, movements = fold_subscription(told, self._seen(shown, event), self.rules)
            story += [(movement, traits) for movement in movements]
        if shown is not None:
            self.shown[subscription_id] = shown
        looked_at = max(state.looked_at or seen_at, seen_at)
        closed_until = self.closed_until or looked_at
        told, movements = self._revalued(told, shown, after=seen_at, until=closed_until)
        story += [(movement, traits) for movement in movements]
        context = context_of(self.tx, subscription_id, at=closed_until, shown=shown)
        told, movements = fold_grace(told, until=closed_until, rules=self.rules, context=context)
        story += [(movement, traits) for movement in movements]
        chain = Chain(subscription_id, state.no, state.told.mrr_minor)
        booked = self.tx.revenue.links(subscription_id, after_no=state.base_no)
        facts = corrections(chain, booked, story, booked_at=closed_until)
        after = replace(state, told=told, looked_at=looked_at, traits=traits, no=chain.no)
        self._set(subscription_id, after)
        newest = _shown(late[-1], self.reader) if late else None
        if newest is not None and newest.status in SUBSCRIPTION_OVER:
            facts += access_of_the_gone(self.tx, newest, at=late[-1].created_at)
        return facts

    def _all_looks(
        self, subscription_id: str, state: ChainState, late: Sequence[InboxEvent]
    ) -> list[InboxEvent]:
        """Return all events since the story's base that show it, in their order."""
        folded = self.tx.inbox.looks(subscription_id, since=state.base_at or EPOCH)
        known = {one.event_id: one for one in (*folded, *late)}
        return sorted(known.values(), key=lambda one: (one.created_at, one.seq))

    def _book(self, subscription_id: str, movements: list[Movement], traits: Traits) -> list[Fact]:
        """Give movements their places at the chain's end."""
        state = self.states[subscription_id]
        before = state.told.mrr_minor - sum(one.mrr_delta_minor for one in movements)
        chain = Chain(subscription_id, state.no, before)
        facts = [chain.book(one, traits, closed_until=self.closed_until) for one in movements]
        self._set(subscription_id, replace(state, no=chain.no))
        return facts

    def _begin_anew(self, subscription: SubscriptionReading, at: datetime) -> None:
        state = self.states[subscription.id]
        anew = replace(
            state,
            looked_at=at,
            base=state.told,
            base_at=at,
            base_no=state.no,
            base_shown=subscription,
        )
        self._set(subscription.id, anew)

    def _set(self, subscription_id: str, state: ChainState) -> None:
        self.states[subscription_id] = state
        self.changed.add(subscription_id)

    def _is_late(self, at: datetime) -> bool:
        return self.closed_until is not None and at <= self.closed_until

    def _seen(self, subscription: SubscriptionReading, event: InboxEvent) -> Seen:
        seen = self._with_value(subscription, at=event.created_at, occasion=event.event_id)
        if not _stands_still(subscription):
            return seen
        paused_by = _paused_by(subscription, _request(event))
        if self.tx.facts.paused_by_us(subscription.id, at=event.created_at):
            paused_by = "payment"
        return replace(seen, context=replace(seen.context, paused_by=paused_by))

    def _with_value(
        self, subscription: SubscriptionReading, *, at: datetime, occasion: str
    ) -> Seen:
        may_be_lost = self.rules.churn_at is not ChurnAt.TERMINAL_STATE
        known = Context()
        if subscription.status in GONE or may_be_lost:
            known = context_of(self.tx, subscription.id, at=at, shown=subscription)
        context = replace(known, paused_by="staff")
        value = self.valuer.value(subscription, at=at)
        return Seen(subscription, at, occasion, value, context)


def _raw(event: InboxEvent) -> Json:
    data = cast(Mapping[str, Any], event.payload["data"])
    return cast(Json, data["object"])


def _request(event: InboxEvent) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], event.payload.get("request") or {})


def _shown(event: InboxEvent, reader: ObjectReader) -> SubscriptionReading:
    return reader.subscription(_raw(event), event.api_version)


def _stands_still(subscription: SubscriptionReading) -> bool:
    return subscription.collection_paused or subscription.status == "paused"


def _paused_by(subscription: SubscriptionReading, request: Mapping[str, Any]) -> str:
    """Tell who paused: Stripe for a payment, somebody through the API or Dashboard, the customer.

    That an event of a pause without a request comes from the customer's portal is an assumption.
    """
    ours = str(request.get("idempotency_key") or "").startswith(KEY_PREFIX)
    if ours or subscription.paused_because.endswith("payment_failure"):
        return "payment"
    return "staff" if request.get("id") or request.get("idempotency_key") else "customer"


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at is not None else ""
