"""The table of notices and merge fields, and text that is readable on a brand's colour."""

from pathlib import Path

import pytest

from worker.domain.letter_fields import (
    FIELDS,
    NOTICES,
    Field,
    bare_fields,
    fields_of,
    sample_fields,
)
from worker.mail.colours import contrast, text_colour_on

ROOT = Path(__file__).parents[3]


def test_every_field_has_a_meaning_a_sample_and_a_use() -> None:
    used = {name for fields in NOTICES.values() for name in fields}

    assert used == set(FIELDS)
    for declared in FIELDS.values():
        assert declared.meaning
        assert declared.sample or declared.items
        assert all(item.meaning and item.sample for item in declared.items.values())


def listed(name: str, declared: Field) -> list[str]:
    """Return the rows that the page about letters has for a field."""
    if declared.items:
        owner = name if declared.kind == "record" else name.removesuffix("s")
        parts = declared.items.items()
        return [row for part, item in parts for row in listed(f"{owner}.{part}", item)]
    may = "; may be empty" if declared.optional and "empty" not in declared.meaning else ""
    return [f"| `{name}` | {declared.meaning}{may} | {declared.sample} |"]


def test_the_page_about_letters_lists_every_field() -> None:
    page = (ROOT / "templates" / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in page if line.startswith("| `")]
    assert rows == [row for name, declared in FIELDS.items() for row in listed(name, declared)]


@pytest.mark.parametrize("notice", [*NOTICES, "an_operators_own"])
def test_samples_fill_everything_and_bare_ones_what_must_be(notice: str) -> None:
    fields = fields_of(notice)
    samples, bare = sample_fields(notice), bare_fields(notice)

    assert samples.keys() == bare.keys() == fields.keys() - {"brand"}
    assert all(samples.values())
    assert {name for name, value in bare.items() if value in ("", [])} == {
        name for name, declared in fields.items() if declared.optional
    }


def test_what_a_notice_is_about_is_never_optional() -> None:
    needed = {
        "payment_failed_1": {"amount", "pay_url", "failed_on"},
        "card_expiring": {"card", "expires", "renews_on"},
        "renewal_upcoming": {"renews_on"},
        "trial_ending": {"trial_ends_on"},
        "subscription_ended": {"ended_on"},
    }
    for notice, names in needed.items():
        fields = fields_of(notice)
        assert not any(fields[name].optional for name in names)


@pytest.mark.parametrize(
    ("background", "text"),
    [("#036", "#ffffff"), ("#ffe000", "#14171a"), ("#0a5", "#14171a"), ("#000000", "#ffffff")],
)
def test_button_text_is_readable(background: str, text: str) -> None:
    assert text_colour_on(background) == text
    assert contrast(background, text) >= 4.5


def test_contrast_of_black_and_white() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777", "#777") == pytest.approx(1)
