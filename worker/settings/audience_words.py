"""Whom a policy serves, in the words of a sentence."""

from decimal import Decimal

from worker.domain.money import wire_decimals
from worker.domain.policy import AmountRange, BillingInterval, DunningRules, Match, Policy
from worker.settings.duration_words import duration_words
from worker.settings.sentences import join_words
from worker.settings.written_audience import country_name

COLLECTION = {
    "charge_automatically": "is charged automatically",
    "send_invoice": "is sent invoices to pay",
}


def audience_sentence(policy: Policy, rules: DunningRules) -> str:
    """Return `Serves everybody who is billed every year and owes 500.00 EUR or more.`"""
    match = rules.matches.get(policy.name)
    if match is not None:
        return f"Serves everybody who {join_words(_clauses(match))}."
    return "Serves everybody." if len(rules.policies) == 1 else "Serves everybody else."


def _clauses(match: Match) -> list[str]:
    found = [
        ("has the price", list(match.price_ids)),
        ("has the product", list(match.product_ids)),
        ("is billed every", [_interval(each) for each in match.intervals]),
        ("owes", [_amounts(each) for each in match.amounts]),
        ("is in", [country_name(code) for code in match.countries]),
        ("is billed in", [code.upper() for code in match.currencies]),
        ("pays by", list(match.method_types)),
        ("pays with a card of", list(match.brands)),
        *((f"has the metadata {key}", list(values)) for key, values in match.metadata.items()),
    ]
    clauses = [f"{what} {join_words(values, 'or')}" for what, values in found if values]
    if match.customer_age_min is not None:
        clauses.append(f"has been a customer for {duration_words(match.customer_age_min)} or more")
    if match.customer_age_below is not None:
        clauses.append(
            f"has been a customer for less than {duration_words(match.customer_age_below)}"
        )
    if match.collection_method:
        clauses.append(COLLECTION.get(match.collection_method, match.collection_method))
    return clauses


def _interval(interval: BillingInterval) -> str:
    return interval.unit if interval.count == 1 else f"{interval.count} {interval.unit}s"


def _amounts(amounts: AmountRange) -> str:
    code = amounts.currency.upper()
    least, most = (
        "" if minor is None else str(Decimal(minor).scaleb(-wire_decimals(amounts.currency)))
        for minor in (amounts.least_minor, amounts.most_minor)
    )
    if not most:
        return f"{least} {code} or more"
    return f"{least} to {most} {code}" if amounts.least_minor else f"up to {most} {code}"
