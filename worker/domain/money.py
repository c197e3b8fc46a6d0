"""Money as integer minor units plus a currency (architecture.md D15).

Stripe's list of decimals rules what goes over the wire; it differs from ISO 4217 and CLDR for a
few currencies (ISK and UGX are sent in hundredths although they have no decimals on display).
"""

from dataclasses import dataclass
from decimal import Decimal

# From docs.stripe.com/currencies, zero-decimal.
ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
# From docs.stripe.com/currencies, three-decimal; amounts must end in 0..
THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))


KNOWN = frozenset(
    """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd
    cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq
    gyd hkd hnl hrk htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr
    lrd lsl mad mdl mga mkd mmk mnt mop mro mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab
    pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sll sos srd std stn szl
    thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw
    """.split()
)
"""Currencies whose decimals we know; from docs.stripe.com/currencies."""


def wire_decimals(currency: str) -> int:
    """Return how many decimals Stripe's integer amounts of *currency* carry: 0, 2 or 3."""
    code = currency.lower()
    if code in ZERO_DECIMAL:
        return 0
    return 3 if code in THREE_DECIMAL else 2


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in one currency; `amount_minor` counts Stripe's smallest units, may be negative."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        """Refuse floats and upper-case codes, which would compare unequal to the ledger's."""
        if not isinstance(self.amount_minor, int):
            raise TypeError(f"amount_minor must be an int, not {self.amount_minor!r}")
        if self.currency != self.currency.lower():
            raise ValueError(f"currency must be lower case as Stripe sends it, not {self.currency}")

    @property
    def major(self) -> Decimal:
        """The amount in major units, exact: `Money(1250, "eur").major == Decimal("12.50")`."""
        return Decimal(self.amount_minor).scaleb(-wire_decimals(self.currency))

    def __add__(self, other: "Money") -> "Money":
        """Return the sum. Raises: ValueError: the currencies differ; nothing converts silently."""
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount_minor + other.amount_minor, self.currency)
