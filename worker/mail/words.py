"""The phrases of a language that stand inside letters: payment methods and reasons."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from worker.errors import ConfigError
from worker.mail.grammar import nearest

WORDS_FILE = "words.yaml"
_METHODS: Mapping[str, frozenset[str]] = {
    "card": frozenset(("brand", "last4")),
    "bank_account": frozenset(),
    "other": frozenset(),
}
# The kinds of decline that may be told. Fraud and withdrawn consent never are; `unclear` is not
# either, so that a letter without a reason does not give a masked one away (domain.md 1.4).
_REASONS = ("funds", "technical", "card_data", "not_allowed", "authentication")

# Names as the companies write them; Source: docs.stripe.com/api/payment_methods/object, card.brand.
_BRANDS: Mapping[str, str] = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "eftpos",
    "jcb": "JCB",
    "link": "Link",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}
_BANK_DEBITS = frozenset(
    (
        *("acss_debit", "au_becs_debit", "bacs_debit", "bank_account", "nz_bank_account"),
        *("sepa_debit", "us_bank_account"),
    )
)


@dataclass(frozen=True, slots=True)
class Words:
    """The phrases of one language, by payment method and by kind of decline."""

    payment_methods: Mapping[str, str]
    reasons: Mapping[str, str]

    def payment_method(self, kind: str, *, brand: str = "", last4: str = "") -> str:
        """Return a phrase such as `your Visa card ending in 4242`.

        *kind* is Stripe's type of the payment method, *brand* the card's brand as Stripe has it.
        At most the last four digits are ever shown.
        """
        if kind == "card" and re.fullmatch(r"[0-9]{4}", last4) and brand in _BRANDS:
            phrase = self.payment_methods["card"]
            return phrase.replace("{brand}", _BRANDS[brand]).replace("{last4}", last4)
        return self.payment_methods["bank_account" if kind in _BANK_DEBITS else "other"]

    def reason(self, decline_class: str) -> str:
        """Return the sentence for a kind of decline, empty where the customer must not be told."""
        return self.reasons.get(decline_class, "")


def read_words(path: Path, name: str) -> Words:
    """Return the phrases of one language from *path*; *name* is the file as messages call it.

    Raises: ConfigError: it is missing, no YAML, or a phrase is missing, unknown or misspelt.
    """
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{name} is missing; copy it from templates/en.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name} cannot be read: {error}.") from error
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        line = f" line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{name}{line}: this is no YAML; put the text in quotes.") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{name}: write payment_methods and reasons, as in templates/en.")
    problems = [
        f"{name}: {key} is not known here{nearest(str(key), ('payment_methods', 'reasons'))}"
        for key in data
        if key not in ("payment_methods", "reasons")
    ]
    methods = _section(name, data, "payment_methods", _METHODS, problems)
    reasons = _section(name, data, "reasons", dict.fromkeys(_REASONS, frozenset()), problems)
    problems += [
        f"{name}: payment_methods → {missing} is missing; write a phrase."
        for missing in _METHODS.keys() - methods.keys()
        if not problems
    ]
    if problems:
        raise ConfigError(*problems)
    return Words(methods, reasons)


def _section(
    name: str,
    data: Mapping[str, object],
    section: str,
    known: Mapping[str, frozenset[str]],
    problems: list[str],
) -> dict[str, str]:
    """Return the phrases of one section; what is wrong with them is added to *problems*."""
    found = data.get(section)
    if not isinstance(found, dict):
        problems.append(f"{name}: {section} is missing; write it as in templates/en.")
        return {}
    phrases = {}
    for key, phrase in found.items():
        if key not in known:
            problems.append(f"{name}: {section} → {key} is not known{nearest(str(key), known)}")
        elif not isinstance(phrase, str):
            problems.append(f"{name}: {section} → {key} is no text; put it in double quotes.")
        else:
            allowed = known[key]
            problems += [
                f"{name}: {section} → {key}: {{{part}}} is not filled in here"
                f"{nearest(part, allowed) if allowed else '; leave it out.'}"
                for part in re.findall(r"\{([^{}]*)\}?", phrase)
                if part not in allowed
            ]
            phrases[str(key)] = phrase
    return phrases
