"""The shape of `match` in dunning.yaml: whom a policy serves."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from worker.domain.policy import BillingInterval, Match
from worker.settings import written_audience as written
from worker.settings.fields import (
    DURATION,
    TEXT,
    Form,
    MethodTypes,
    Section,
    like,
    one_or_list,
)
from worker.settings.written_audience import WrittenAge, WrittenAmounts

ONE_OR_LIST = "one or a list of"

NUMBER = r"\d+(?:\.\d+)?"
SPAN = rf"{NUMBER} and more|{NUMBER} to {NUMBER}|less than {NUMBER}"
INTERVAL = r"(?:\d{1,3} +)?(?:day|week|month|year)s?"

PriceIds = Annotated[
    tuple[str, ...],
    BeforeValidator(written.parse_price_ids),
    Form(f"{ONE_OR_LIST} price ids", one_or_list(TEXT)),
]
ProductIds = Annotated[
    tuple[str, ...],
    BeforeValidator(written.parse_product_ids),
    Form(f"{ONE_OR_LIST} product ids", one_or_list(TEXT)),
]
Intervals = Annotated[
    tuple[BillingInterval, ...],
    BeforeValidator(written.parse_intervals),
    Form(
        f"{ONE_OR_LIST} `day`, `week`, `month`, `year` or N months and so on",
        one_or_list(like(INTERVAL)),
    ),
]
Amounts = Annotated[
    WrittenAmounts,
    BeforeValidator(written.parse_amounts),
    Form("`N and more`, `N to N` or `less than N`", like(SPAN)),
]
AmountsByCurrency = Annotated[
    dict[str, Amounts],
    Form(
        "currency: `N and more`, `N to N` or `less than N`, in major units",
        {"type": "object", "additionalProperties": like(SPAN), "minProperties": 1},
    ),
]
Countries = Annotated[
    tuple[str, ...],
    BeforeValidator(written.parse_countries),
    Form(f"{ONE_OR_LIST} ISO 3166 codes", one_or_list(like("[A-Za-z]{2}"))),
]
Currencies = Annotated[
    tuple[str, ...],
    BeforeValidator(written.parse_currencies),
    Form(f"{ONE_OR_LIST} ISO 4217 codes", one_or_list(like("[A-Za-z]{3}"))),
]
Brands = Annotated[
    tuple[str, ...],
    BeforeValidator(written.parse_brands),
    Form(f"{ONE_OR_LIST} Stripe's words for brands", one_or_list({"type": "string"})),
]
Age = Annotated[
    WrittenAge,
    BeforeValidator(written.parse_age),
    Form(
        "`less than` a duration, or a duration `and more`",
        like(f"less than {DURATION}|{DURATION} and more"),
    ),
]
Values = Annotated[
    tuple[str, ...],
    BeforeValidator(written.parse_metadata_values),
    Form("one or a list of values", one_or_list(TEXT)),
]
MetadataValues = Annotated[
    dict[str, Values],
    Form(
        "key: one or a list of values",
        {"type": "object", "additionalProperties": one_or_list(TEXT), "minProperties": 1},
    ),
]


class MatchSection(Section):
    """Whom a policy serves: all conditions must hold; of a list, one value is enough."""

    plan: PriceIds | None = Field(default=None, examples=["price_1AbC"])
    """The subscription has one of these prices."""
    product: ProductIds | None = Field(default=None, examples=["[prod_1AbC, prod_2DeF]"])
    """The subscription has one of these products."""
    interval: Intervals | None = Field(default=None, examples=["year"])
    """It is billed this often."""
    amount: AmountsByCurrency | None = Field(
        default=None, examples=["{ eur: 500 and more, usd: 10 to 99.99 }"]
    )
    """What remains of the failed invoice; both ends count. A currency that is not listed does not
    match."""
    country: Countries | None = Field(default=None, examples=["[DE, AT]"])
    """The country of the customer's address."""
    currency: Currencies | None = Field(default=None, examples=["eur"])
    """The invoice's currency."""
    payment_method: MethodTypes | None = Field(default=None, examples=["[card, sepa_debit]"])
    """The type of the payment method that Stripe would charge."""
    brand: Brands | None = Field(default=None, examples=["[visa, mastercard]"])
    """The brand of that card."""
    customer_age: Age | None = Field(default=None, examples=["less than 90 days"])
    """How long ago the customer was made at Stripe."""
    metadata: MetadataValues | None = Field(default=None, examples=["{ tier: [vip, gold] }"])
    """Metadata of the customer; the subscription's own comes first."""
    collection_method: Literal["charge_automatically", "send_invoice"] | None = Field(
        default=None, examples=["charge_automatically"]
    )
    """How the invoice is collected, in Stripe's words."""

    def match(self) -> Match:
        """Return the engine's value; amounts become minor units."""
        age = self.customer_age or WrittenAge()
        amounts = self.amount or {}
        return Match(
            price_ids=self.plan or (),
            product_ids=self.product or (),
            intervals=self.interval or (),
            amounts=tuple(each.in_minor(code.lower()) for code, each in amounts.items()),
            countries=self.country or (),
            currencies=self.currency or (),
            method_types=self.payment_method or (),
            brands=self.brand or (),
            customer_age_min=age.least,
            customer_age_below=age.below,
            metadata=self.metadata or {},
            collection_method=self.collection_method or "",
        )
