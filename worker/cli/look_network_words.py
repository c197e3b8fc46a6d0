"""What the card networks and debit schemes say about a method, as the office reads it."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby

from worker.domain.debit_rules import DEBIT_SCHEMES
from worker.domain.network_rules import Allowance, WindowUse
from worker.domain.network_windows import NETWORK_NAMES
from worker.office.words import OfficeWords, brand_words

ONE_DAY = timedelta(days=1)
NAMES = NETWORK_NAMES | {scheme.name: scheme.label for scheme in DEBIT_SCHEMES}
SPECIAL = {"other": "any other network", "unknown": "Unknown brand", "link": "Link"}
BARS = {
    "stop_signal": "a stop signal",
    "unlisted_method": "no published limit",
    "authentication": "the bank wants authentication",
    "mastercard_wait": "Mastercard's wait",
    "india_one_attempt": "one attempt for cards issued in India",
    "ach_return": "ACH's return codes",
    "ach_authorisation": "ACH's authorisation",
}
"""Rules of the network ledger that are no windows, by name."""


def network_words(network: str) -> str:
    """Return a network's or scheme's name: `Mastercard`, `SEPA`, `any other network`."""
    return NAMES.get(network) or SPECIAL.get(network) or brand_words(network)


def rule_words(rule: str) -> str:
    """Return the name of a rule of the network ledger in words: `Visa's 30 days`."""
    if rule in BARS:
        return BARS[rule]
    network, _, span = rule.removeprefix("other_cards").partition("_")
    for name in NAMES:  # a name may hold an underscore of its own
        if rule.startswith(f"{name}_"):
            network, span = name, rule.removeprefix(f"{name}_")
    name = network_words(network)
    whose = f"{name}'" if name.lower().endswith("s") else f"{name}'s"
    return f"{whose if network else 'the general'} {span.replace('_', ' ')}"


def span_words(span: timedelta) -> str:
    """Return a window's length: `24 h`, `30 days`."""
    return f"{span // ONE_DAY} days" if span > ONE_DAY else f"{span // timedelta(hours=1)} h"


def uses_words(uses: Iterable[WindowUse], *, highest: bool = False) -> str:
    """Return `Mastercard: 1 of 10 tries in 24 h (highest), 2 of 35 in 30 days`.

    A window of a day tells the most it ever held, since it is empty again tomorrow; a longer one
    tells what it holds now, or with *highest* also the most.
    """
    said = []
    for network, windows in groupby(uses, key=lambda use: use.network):
        parts: list[str] = []
        for use in windows:
            most = highest or use.window <= ONE_DAY
            tries = "" if parts else "tries "
            count = use.highest if most else use.count
            end = " (highest)" if most else ""
            parts.append(f"{count} of {use.limit} {tries}in {span_words(use.window)}{end}")
        said.append(f"{network_words(network)}: {', '.join(parts)}")
    return "; ".join(said)


def allowance_words(allowance: Allowance, words: OfficeWords) -> str:
    """Return what stops the next try, empty where nothing does: `none before …: …`."""
    if allowance.at is None:
        return f"no further try: {allowance.reason}"
    if not allowance.rule or allowance.at <= words.now:
        return ""
    return f"none before {words.moment(allowance.at)}: {allowance.reason}"
