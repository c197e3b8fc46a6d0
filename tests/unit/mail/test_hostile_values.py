"""What a customer typed at Stripe stays text: no link, no tag, no evaluation, in either part."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.domain.letter_fields import NOTICES, sample_fields
from worker.domain.policy import Brand
from worker.errors import ConfigError
from worker.mail.render import LetterRenderer
from worker.mail.values import NAME_CHARACTERS_MAX, not_a_link, one_line

HOSTILE = "[click](http://evil) <b>x</b> {{ 7*7 }}"


def tags(html: str) -> list[str]:
    return re.findall(r"<(/?\w+)", html)


@pytest.mark.parametrize("notice", NOTICES)
def test_hostile_name_adds_nothing(notice: str, shipped: Path, brand: Brand) -> None:
    renderer = LetterRenderer(shipped, brand)
    plain = renderer.render(notice, "en", {**sample_fields(notice), "customer_name": "Ada"})

    letter = renderer.render(notice, "en", {**sample_fields(notice), "customer_name": HOSTILE})

    assert tags(letter.html) == tags(plain.html)
    assert letter.html.count("href=") == plain.html.count("href=")
    assert "&lt;b&gt;x&lt;/b&gt;" in letter.html
    assert "49" not in letter.text.replace("ACME-0049", "")
    assert "{{ 7*7 }}" in letter.text
    assert "http://evil" not in letter.text
    assert "http://evil" not in letter.html
    assert letter.text.count("://") == plain.text.count("://")


@pytest.mark.parametrize(
    "name",
    [
        "http://evil.example",
        "HTTPS://EVIL.EXAMPLE/login",
        "www.evil.example",
        "evil.example",
        "eve@evil.example",
        "javascript:alert(1)",
        "Pay at evil.example/pay now",
        "<script>alert(1)</script>",
        '" onmouseover="alert(1)',
        "{% for x in y %}",
        "{{ config }}",
        "**bold** _it_ `code`",
        "![i](https://evil.example/i.png)",
        "[a]: https://evil.example",
        "Ada\r\nBcc: eve@evil.example",
        "Ada\n\n# Heading\n\n- item",
        "A\u202eda",
        "A\u0000da",
        "&lt;b&gt;",
        "zq0x0qz",
        "]]>",
        "<!--",
        "</p></td><td>",
    ],
)
def test_hostile_names_add_no_link_tag_or_line(name: str, shipped: Path, brand: Brand) -> None:
    renderer = LetterRenderer(shipped, brand)
    fields = sample_fields("payment_failed_1")
    plain = renderer.render("payment_failed_1", "en", fields)

    letter = renderer.render(
        "payment_failed_1", "en", {**fields, "customer_name": name, "plan_name": name}
    )

    assert tags(letter.html) == tags(plain.html)
    assert letter.text.count("\n") == plain.text.count("\n")
    assert letter.text.count("://") == plain.text.count("://")
    assert "evil.example" not in letter.text
    assert "@evil" not in letter.text
    assert "\r" not in letter.subject + letter.text
    assert "\u202e" not in letter.html + letter.text


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.text(max_size=200))
def test_any_name_at_all_keeps_the_letters_shape(name: str, shipped: Path, brand: Brand) -> None:
    renderer = _shared(shipped, brand)
    fields = {**sample_fields("payment_failed_2"), "customer_name": name}

    letter = renderer.render("payment_failed_2", "en", fields)

    plain = renderer.render("payment_failed_2", "en", {**fields, "customer_name": "Ada"})
    assert tags(letter.html) == tags(plain.html)
    assert letter.text.count("\n") == plain.text.count("\n")


_RENDERERS: dict[Path, LetterRenderer] = {}


def _shared(shipped: Path, brand: Brand) -> LetterRenderer:
    """Compile the templates once for all examples."""
    return _RENDERERS.setdefault(shipped, LetterRenderer(shipped, brand))


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://evil.example/",
        "http://127.0.0.1.evil.example/",
        "https://",
        "https://a b",
        'https://a"onclick="x',
        "https://a\nb",
        "//evil.example",
        "",
    ],
)
def test_a_link_that_is_none_stops_the_letter(url: str, renderer: LetterRenderer) -> None:
    fields = {**sample_fields("payment_failed_1"), "pay_url": url}

    with pytest.raises(ConfigError, match=r"pay_url is no https:// address"):
        renderer.render("payment_failed_1", "en", fields)


def test_own_machine_may_serve_links_without_tls(renderer: LetterRenderer) -> None:
    fields = {**sample_fields("payment_failed_1"), "pay_url": "http://127.0.0.1:8080/i/1"}

    assert "http://127.0.0.1:8080/i/1" in renderer.render("payment_failed_1", "en", fields).text


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("amount", "", "amount is empty"),
        ("amount", 20, "amount is int, not text"),
        ("amount", None, "amount is NoneType, not text"),
        ("invoices", "ACME-0042", "invoices is no list"),
        ("invoices", [], "invoices is empty"),
        ("invoices", ["ACME-0042"], "invoices holds something that is no record"),
        ("invoices", [{"number": "1"}], r"invoices\.amount was not given"),
    ],
)
def test_value_that_does_not_fit_stops_the_letter(
    name: str, value: object, sentence: str, renderer: LetterRenderer
) -> None:
    fields = {**sample_fields("payment_failed_1"), name: value}

    with pytest.raises(ConfigError, match=sentence):
        renderer.render("payment_failed_1", "en", fields)


def test_missing_value_names_file_line_and_field(renderer: LetterRenderer) -> None:
    fields = sample_fields("payment_failed_1")
    del fields["failed_on"]

    with pytest.raises(ConfigError) as raised:
        renderer.render("payment_failed_1", "en", fields)

    assert str(raised.value).startswith(
        "templates/en/payment_failed_1.md line 9: the field failed_on was not given;"
    )


def test_objects_never_reach_a_template(renderer: LetterRenderer) -> None:
    fields = {**sample_fields("payment_failed_1"), "customer_name": Path("/etc/passwd")}

    with pytest.raises(ConfigError, match="customer_name is PosixPath, not text"):
        renderer.render("payment_failed_1", "en", fields)


def test_long_names_are_cut(renderer: LetterRenderer) -> None:
    fields = {**sample_fields("payment_failed_1"), "customer_name": "x" * 10_000}

    letter = renderer.render("payment_failed_1", "en", fields)

    assert "x" * (NAME_CHARACTERS_MAX - 1) + "…," in letter.text


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("J.R.R. Tolkien", "J.R.R. Tolkien"),
        ("Dr. Ada", "Dr. Ada"),
        ("O'Neill & Sons, Inc.", "O'Neill & Sons, Inc."),
        ("Booking.com", "Booking.\u200ccom"),
        ("a@b", "a@\u200cb"),
        ("x://y", "x:\u200c//y"),
    ],
)
def test_names_look_the_same_and_link_to_nothing(given: str, shown: str) -> None:
    assert not_a_link(given) == shown
    assert not_a_link(given).replace("\u200c", "") == given


def test_amounts_keep_their_direction_marks() -> None:
    assert one_line("\u200f20.00\xa0€") == "\u200f20.00\xa0€"
    assert one_line("a\u202eb\u2066c\x07d\u2028e") == "abc d e"


def test_authors_braces_stay_text(
    write_letter: Callable[..., Path], renderer: LetterRenderer
) -> None:
    write_letter(r"Sum \{\{ 7*7 }} and &#123;&#123; 7*7 }} and { and {\% if %}.")

    letter = renderer.render("payment_failed_1", "en", sample_fields("payment_failed_1"))

    assert "49" not in letter.text
    assert "{{ 7" in letter.text
    assert "{% if %}" in letter.text
