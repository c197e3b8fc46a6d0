"""All state of one sandbox: objects by kind, ids, clocks and who is acting.

Values inside an object are replaced, never changed in place: a shallow copy is then a snapshot,
which is what keeps events cheap.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from .cards import Outcome, Scripts
from .errors import no_such
from .settings import Settings
from .timers import Timers

Obj = dict[str, Any]
Key = tuple[int, int, str]

# Kind of object -> (id prefix, characters after it, fields that lists are filtered by).
KINDS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "customer": ("cus_", 14, ("test_clock",)),
    "payment_method": ("pm_1", 23, ("customer",)),
    "product": ("prod_", 14, ()),
    "price": ("price_1", 23, ("product",)),
    "billing.meter": ("mtr_1", 23, ()),
    "coupon": ("", 8, ()),
    "discount": ("di_1", 23, ()),
    "subscription": ("sub_1", 23, ("customer", "test_clock")),
    "subscription_item": ("si_", 14, ()),
    "invoice": ("in_1", 23, ("customer", "subscription")),
    "line_item": ("il_1", 23, ()),
    "invoiceitem": ("ii_1", 23, ("customer", "invoice")),
    "invoice_payment": ("inpay_1", 23, ("invoice", "payment_intent")),
    "payment_intent": ("pi_3", 23, ("customer",)),
    "charge": ("ch_3", 23, ("customer", "payment_intent")),
    "refund": ("re_3", 23, ("charge",)),
    "dispute": ("du_1", 23, ("charge",)),
    "credit_note": ("cn_1", 23, ("invoice", "customer")),
    "credit_note_line_item": ("cnli_1", 23, ()),
    "mandate": ("mandate_1", 23, ("payment_method",)),
    "radar.early_fraud_warning": ("issfr_1", 23, ("charge",)),
    "billing_portal.session": ("bps_1", 23, ()),
    "test_helpers.test_clock": ("clock_1", 23, ()),
    "event": ("evt_1", 23, ()),
    "webhook_endpoint": ("we_1", 23, ()),
}
PREFIXES = {prefix: kind for kind, (prefix, _, _) in KINDS.items()}
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Cause:
    """Who makes the changes of this moment: the API, a customer on a page, the network, Stripe."""

    by: str = "stripe"
    request_id: str | None = None
    idempotency_key: str | None = None


class Table:
    """All objects of one kind, ordered by (created, age), with lists by filtered field."""

    def __init__(self, indexed: tuple[str, ...]) -> None:
        """Start empty."""
        self.rows: dict[str, Obj] = {}
        self.deleted: dict[str, Obj] = {}
        self.keys: dict[str, Key] = {}
        self.order: list[Key] = []
        self.indexed = indexed
        self._by: dict[str, dict[Any, list[Key]]] = {name: {} for name in indexed}

    def add(self, row: Obj, age: int) -> None:
        """Keep a new object; *age* is the running number of everything created."""
        key = (row["created"] if "created" in row else row.get("date", 0), age, row["id"])
        self.rows[row["id"]] = row
        self.keys[row["id"]] = key
        insort(self.order, key)
        for name in self.indexed:
            insort(self._by[name].setdefault(field_of(row, name), []), key)

    def remove(self, object_id: str, remains: Obj | None = None) -> None:
        """Take an object out; *remains* is what Stripe still shows of it."""
        row, key = self.rows.pop(object_id), self.keys.pop(object_id)
        del self.order[bisect_left(self.order, key)]
        for name in self.indexed:
            keys = self._by[name][field_of(row, name)]
            del keys[bisect_left(keys, key)]
        if remains is not None:
            self.deleted[object_id] = remains

    def move(self, row: Obj, name: str, before: Any) -> None:
        """Keep the lists right after an indexed field changed."""
        key, keys = self.keys[row["id"]], self._by[name][before]
        del keys[bisect_left(keys, key)]
        insort(self._by[name].setdefault(field_of(row, name), []), key)

    def listed(self, name: str, value: Any) -> list[Key]:
        """Return the ordered keys of the objects whose indexed field *name* is *value*."""
        return self._by[name].get(value, [])

    def where(self, name: str, value: Any) -> list[Obj]:
        """Return the objects whose indexed field *name* is *value*, oldest first."""
        return [self.rows[key[2]] for key in self.listed(name, value)]


def field_of(row: Obj, name: str) -> Any:
    """Return a field to filter by, also where endive moved it into a nested object."""
    if name == "subscription":
        details = (row.get("parent") or {}).get("subscription_details")
        return details["subscription"] if details else None
    if name == "payment_intent" and row["object"] == "invoice_payment":
        return row["payment"]["payment_intent"]
    return row.get(name)


class World:
    """One account's objects, settings, timers and clocks. *wall* returns unix seconds."""

    def __init__(self, *, seed: str, wall: Callable[[], int]) -> None:
        """Start an empty account; everything that follows is a function of *seed* and the calls."""
        self.seed = seed
        self.wall = wall
        self.base_url = "http://127.0.0.1"
        self.settings = Settings()
        self.timers = Timers()
        self.scripts = Scripts()
        self.tables = {kind: Table(indexed) for kind, (_, _, indexed) in KINDS.items()}
        self.event_listeners: list[Callable[[Obj], None]] = []
        self.tries: list[Obj] = []
        self.blocked: dict[str, str] = {}  # PaymentIntent -> method Stripe tries no more
        self.asked: dict[str, Outcome] = {}  # PaymentIntent -> what follows the customer's consent
        self.settling: dict[str, Outcome] = {}  # PaymentIntent -> how its processing ends
        self.warned_trials: set[str] = set()  # subscriptions whose trial end was announced
        self.usage: dict[tuple[str, str], list[Obj]] = {}  # (customer, meter's event) -> events
        self.tiers: dict[str, list[Obj]] = {}  # price -> its tiers, which only expanding shows
        self.terms_days: dict[str, int] = {}  # sent invoice -> days until due
        self.advances: list[tuple[str, int]] = []  # test clocks to move, and where to
        self.cause = Cause()
        self._counts: dict[str, int] = {}
        self._age = 0

    def count(self, kind: str) -> int:
        """Return the next running number of *kind*, from 1."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self._counts[kind]

    def token(self, kind: str, length: int) -> str:
        """Return characters that are a function of (seed, kind, running number) alone."""
        name = f"{self.seed}:{kind}:{self.count(kind)}"
        number = int.from_bytes(blake2b(name.encode(), digest_size=24).digest())
        letters = []
        for _ in range(length):
            number, rest = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[rest])
        return "".join(letters)

    def new_id(self, kind: str) -> str:
        """Return a new id with Stripe's prefix for *kind*."""
        prefix, length, _ = KINDS[kind]
        return prefix + self.token(kind, length)

    def add(self, row: Obj) -> Obj:
        """Keep a new object and return it."""
        self._age += 1
        self.tables[row["object"]].add(row, self._age)
        return row

    def find(self, kind: str, object_id: str) -> Obj | None:
        """Return the object, or None."""
        return self.tables[kind].rows.get(object_id)

    def get(self, kind: str, object_id: str, *, param: str = "id") -> Obj:
        """Return the object. Raises: ApiError: none; 404 for a path, 400 for a parameter."""
        row = self.tables[kind].rows.get(object_id)
        if row is None:
            raise no_such(kind, object_id, param=param)
        return row

    def where(self, kind: str, name: str, value: Any) -> list[Obj]:
        """Return the objects of *kind* whose indexed field is *value*, oldest first."""
        return self.tables[kind].where(name, value)

    def change(self, row: Obj, **values: Any) -> Obj:
        """Set *values* and return what was there before, only where it differs."""
        before = {k: row.get(k) for k, v in values.items() if row.get(k) != v}
        row.update({k: values[k] for k in before})
        table = self.tables[row["object"]]
        for name in table.indexed:
            if name in before:
                table.move(row, name, before[name])
        return before

    def clock_of(self, row: Obj) -> str:
        """Return the id of the test clock that rules the object; empty for the wall clock."""
        if row["object"] == "test_helpers.test_clock":
            return str(row["id"])
        if "test_clock" in row:
            return row["test_clock"] or ""
        for kind in ("customer", "invoice", "charge", "payment_method"):
            owner = self.find(kind, row[kind]) if isinstance(row.get(kind), str) else None
            if owner is not None:
                return self.clock_of(owner)
        return ""

    def now(self, clock: str) -> int:
        """Return the time of a clock: frozen for a test clock, else the wall's."""
        row = self.tables["test_helpers.test_clock"].rows.get(clock)
        return int(row["frozen_time"]) if row else self.wall()

    def now_of(self, row: Obj) -> int:
        """Return the time that rules the object."""
        return self.now(self.clock_of(row))

    @contextmanager
    def acting(self, cause: Cause) -> Iterator[None]:
        """Attribute everything inside to *cause*."""
        before, self.cause = self.cause, cause
        try:
            yield
        finally:
            self.cause = before


def between(keys: list[Key], low: int | None, high: int | None) -> list[Key]:
    """Return the part of ordered *keys* created from *low* to *high*, both included."""
    start = 0 if low is None else bisect_left(keys, (low, 0, ""))
    end = len(keys) if high is None else bisect_right(keys, (high + 1, 0, ""))
    return keys[start:end]
