"""Our own tables; their constraints carry the guarantees (architecture.md 6).

Every table and key carries `account_id`. Instants are `timestamptz`, amounts are `bigint` in
Stripe's minor units.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Interval,
    LargeBinary,
    PrimaryKeyConstraint,
    Sequence,
    String,
    Table,
    UniqueConstraint,
    and_,
    func,
    or_,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from worker.store.columns import (
    account_column,
    count_column,
    flag,
    id_column,
    instant,
    json_column,
    metadata,
    text_column,
)

CASE_NUMBERS = Sequence("case_numbers", start=1001, metadata=metadata)

cases = Table(
    "cases",
    metadata,
    account_column(),
    Column("id", BigInteger, CASE_NUMBERS, server_default=CASE_NUMBERS.next_value()),
    id_column("invoice_id"),
    id_column("customer_id"),
    text_column("subscription_id"),
    text_column("invoice_number"),
    id_column("state"),
    Column("outcome", String),
    text_column("reason"),
    id_column("policy_digest"),
    Column("owner", String),
    instant("failed_at", required=True),
    instant("opened_at", required=True),
    instant("closed_at"),
    instant("due_at"),
    instant("action_required_at"),
    instant("stood_down_at"),
    Column("recovered_by", String),
    Column("amount_minor", BigInteger, nullable=False),
    id_column("currency"),
    json_column("failure"),
    Column("shift", Interval, nullable=False, server_default=text("'0'::interval")),
    instant("next_action_at"),
    text_column("next_step"),
    text_column("waits_for"),
    count_column("wake_seq"),
    instant("dispatched_until"),
    Column("lease_token", String),
    instant("lease_until"),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("account_id", "invoice_id"),
)
Index("ix_cases_due", cases.c.next_action_at, postgresql_where=cases.c.next_action_at.isnot(None))
Index("ix_cases_subscription", cases.c.account_id, cases.c.subscription_id)
Index("ix_cases_customer", cases.c.account_id, cases.c.customer_id)

steps = Table(
    "steps",
    metadata,
    Column("case_id", BigInteger, ForeignKey("cases.id"), nullable=False),
    id_column("step"),
    Column("done", Boolean, nullable=False),
    instant("at", required=True),
    text_column("reason"),
    PrimaryKeyConstraint("case_id", "step"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", BigInteger, Identity(always=True)),
    Column("case_id", BigInteger, ForeignKey("cases.id"), nullable=False),
    instant("at", required=True),
    id_column("act"),
    id_column("rule"),
    text_column("reason"),
    json_column("inputs"),
    instant("next_at"),
    text_column("next_step"),
    instant("allowed_from"),
    instant("allowed_until"),
    PrimaryKeyConstraint("id"),
)
Index("ix_decisions_case", decisions.c.case_id, decisions.c.id)

attempts = Table(
    "attempts",
    metadata,
    account_column(),
    Column("case_id", BigInteger, ForeignKey("cases.id"), nullable=False),
    id_column("invoice_id"),
    id_column("customer_id"),
    Column("no", Integer, nullable=False),
    id_column("kind"),
    id_column("step"),
    id_column("key"),
    id_column("state"),
    text_column("payment_method_id"),
    Column("amount_minor", BigInteger, nullable=False),
    id_column("currency"),
    instant("sent_at", required=True),
    instant("first_sent_at", required=True),
    Column("sends", Integer, nullable=False, server_default=text("1")),
    instant("settled_at"),
    text_column("decline_class"),
    text_column("decline_code"),
    json_column("signals"),
    text_column("charge_id"),
    text_column("answer_code"),
    text_column("request_id"),
    instant("unknown_at"),
    instant("last_sent_at"),
    instant("asked_at"),
    instant("reached_at"),
    PrimaryKeyConstraint("account_id", "invoice_id", "no"),
    UniqueConstraint("key"),
)
Index(
    "uq_attempts_one_in_flight_per_invoice",
    attempts.c.account_id,
    attempts.c.invoice_id,
    unique=True,
    postgresql_where=text("state IN ('sending', 'processing')"),
)
Index(
    "uq_attempts_one_charge_in_flight_per_customer",
    attempts.c.account_id,
    attempts.c.customer_id,
    unique=True,
    postgresql_where=text("kind = 'charge' AND state IN ('sending', 'processing')"),
)
Index("ix_attempts_sent", attempts.c.kind, attempts.c.sent_at)
last_asked_at = func.coalesce(attempts.c.asked_at, attempts.c.sent_at)
"""When an attempt was last sent; a release that is being replaced does not write it."""
never_made = and_(
    attempts.c.state == "abandoned",
    or_(attempts.c.kind != "charge", and_(attempts.c.answer_code != "", attempts.c.sends == 1)),
)
"""What surely was not carried out: an ending that Stripe shows not done, and a charge refused at
its first sending. Of others that were given up nobody knows: the card may have declined them."""
Index("ix_attempts_asked", attempts.c.kind, last_asked_at)
Index("ix_attempts_case", attempts.c.case_id)
Index("ix_attempts_customer", attempts.c.customer_id, attempts.c.sent_at)
Index("ix_attempts_payment_method", attempts.c.payment_method_id)
Index("ix_attempts_charge", attempts.c.charge_id, postgresql_where=text("charge_id <> ''"))

letters = Table(
    "letters",
    metadata,
    account_column(),
    Column("id", BigInteger, Identity(always=True)),
    Column("case_id", BigInteger, ForeignKey("cases.id")),
    id_column("customer_id"),
    text_column("subscription_id"),
    text_column("invoice_id"),
    id_column("notice"),
    text_column("step"),
    id_column("state"),
    text_column("reason"),
    instant("queued_at", required=True),
    instant("next_action_at"),
    instant("send_by"),
    instant("sent_at"),
    id_column("message_id"),
    text_column("locale"),
    text_column("template_digest"),
    text_column("recipient_hash"),
    Column("rendered", LargeBinary),
    json_column("context"),
    instant("begun_at"),
    text_column("waits_for"),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    instant("dispatched_until"),
    Column("lease_token", String),
    instant("lease_until"),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("message_id"),
)
Index(
    "ix_letters_due",
    letters.c.next_action_at,
    postgresql_where=letters.c.next_action_at.isnot(None),
)
Index("ix_letters_case", letters.c.case_id)
Index("ix_letters_begun", letters.c.begun_at)

letter_occasions = Table(
    "letter_occasions",
    metadata,
    account_column(),
    id_column("occasion"),
    Column("letter_id", BigInteger, ForeignKey("letters.id"), nullable=False),
    PrimaryKeyConstraint("account_id", "occasion"),
)

network_attempts = Table(
    "network_attempts",
    metadata,
    account_column(),
    id_column("charge_id"),
    text_column("payment_intent_id"),
    text_column("payment_method_id"),
    text_column("customer_id"),
    text_column("fingerprint"),
    text_column("brand"),
    text_column("country"),
    text_column("payment_method_type"),
    Column("amount_minor", BigInteger, nullable=False),
    id_column("currency"),
    instant("at", required=True),
    id_column("status"),
    json_column("signals"),
    text_column("made_by"),
    text_column("request_key"),
    text_column("may_be_of"),
    instant("learnt_at"),
    instant("said_at"),
    PrimaryKeyConstraint("account_id", "charge_id"),
)
Index("ix_network_attempts_intent", network_attempts.c.payment_intent_id)
Index("ix_network_attempts_card", network_attempts.c.fingerprint, network_attempts.c.at)
Index("ix_network_attempts_customer", network_attempts.c.customer_id, network_attempts.c.at)
Index("ix_network_attempts_at", network_attempts.c.at)

operator_acts = Table(
    "operator_acts",
    metadata,
    account_column(),
    Column("id", BigInteger, Identity(always=True)),
    Column("case_id", BigInteger, ForeignKey("cases.id")),
    id_column("act"),
    id_column("by"),
    text_column("reason"),
    json_column("detail"),
    instant("at", required=True),
    instant("answered_at"),
    text_column("answer"),
    PrimaryKeyConstraint("id"),
)
Index(
    "ix_operator_acts_waiting",
    operator_acts.c.case_id,
    postgresql_where=operator_acts.c.answered_at.is_(None),
)

holds = Table(
    "holds",
    metadata,
    account_column(),
    Column("id", BigInteger, Identity(always=True)),
    id_column("scope"),
    id_column("target"),
    id_column("kind"),
    id_column("owner"),
    text_column("reason"),
    text_column("source"),
    id_column("by"),
    instant("at", required=True),
    instant("until"),
    instant("released_at"),
    text_column("released_by"),
    text_column("release_reason"),
    PrimaryKeyConstraint("id"),
)
Index("ix_holds_target", holds.c.account_id, holds.c.target)
Index(
    "uq_holds_source",
    holds.c.account_id,
    holds.c.source,
    unique=True,
    postgresql_where=text("source <> ''"),
)

access = Table(
    "access",
    metadata,
    account_column(),
    id_column("customer_id"),
    id_column("subscription_id"),
    id_column("access"),
    instant("since_at", required=True),
    Column("case_id", BigInteger, ForeignKey("cases.id")),
    text_column("because"),
    PrimaryKeyConstraint("account_id", "customer_id", "subscription_id"),
)

inbox = Table(
    "inbox",
    metadata,
    account_column(),
    Column("seq", BigInteger, Identity(always=True)),
    id_column("event_id"),
    id_column("type"),
    instant("created_at", required=True),
    text_column("api_version"),
    text_column("object_id"),
    text_column("idempotency_key"),
    Column("payload", JSONB, nullable=False),
    instant("received_at", required=True),
    instant("folded_at"),
    text_column("error"),
    flag("waiting"),
    PrimaryKeyConstraint("account_id", "event_id"),
)
Index("ix_inbox_waiting", inbox.c.account_id, inbox.c.created_at, postgresql_where=inbox.c.waiting)
Index(
    "ix_inbox_unfolded",
    inbox.c.created_at,
    inbox.c.seq,
    postgresql_where=inbox.c.folded_at.is_(None),
)

events = Table(
    "events",
    metadata,
    account_column(),
    Column("seq", BigInteger, Identity(always=True)),
    id_column("id"),
    id_column("type"),
    id_column("subject"),
    instant("time", required=True),
    instant("recorded_at", required=True),
    Column("data", JSONB, nullable=False),
    PrimaryKeyConstraint("seq"),
    UniqueConstraint("id"),
)
Index("ix_events_time", events.c.time)
Index("ix_events_subject", events.c.subject)
Index(
    "ix_events_taken_back",
    events.c.account_id,
    text("(data ->> 'corrects')"),
    postgresql_where=text("(data ->> 'sign') = '-1'"),
)
Index(
    "ix_events_customer",
    text("(data ->> 'customer_id')"),
    events.c.type,
    postgresql_where=text(
        "type IN ('subscription.found', 'subscription.started', 'subscription.reactivated',"
        " 'subscription.expanded', 'subscription.contracted', 'subscription.paused',"
        " 'subscription.resumed', 'subscription.churned', 'case.opened',"
        " 'payment_method.updated')"
    ),
)

cursors = Table(
    "cursors",
    metadata,
    account_column(),
    id_column("name"),
    instant("position_at", required=True),
    json_column("detail"),
    PrimaryKeyConstraint("account_id", "name"),
)

control = Table(
    "control",
    metadata,
    account_column(),
    flag("charging"),
    flag("live"),
    instant("stopped_at"),
    instant("resumed_at"),
    text_column("stop_cause"),
    text_column("stop_detail"),
    text_column("changed_by"),
    instant("go_live_at", required=True),
    instant("business_at"),
    instant("business_read_at"),
    text_column("config_digest"),
    Column("config_version", Integer, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("account_id"),
)
