"""A letter's file: head, body, overrides, locales; every mistake is told with file and line."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from worker.domain.letter_fields import sample_fields
from worker.domain.policy import Brand
from worker.errors import ConfigError
from worker.mail.lint import lint_templates
from worker.mail.render import LetterRenderer

NOTICE = "payment_failed_1"
WriteLetter = Callable[..., Path]


def render_text(renderer: LetterRenderer, notice: str = NOTICE, locale: str = "en") -> str:
    return renderer.render(notice, locale, sample_fields(notice)).text


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        ('subject: "S"\npreheader: "P"\n', "line 2: footer is missing"),
        ('subject: ""\npreheader: "P"\nfooter: "F"\n', "line 2: subject is empty"),
        ('subject: 5\npreheader: "P"\nfooter: "F"\n', "line 2: subject is no text"),
        ("subject: {{ amount }}\npreheader: P\nfooter: F\n", "put it in double quotes"),
        (
            'subject: "S"\npreheder: "P"\nfooter: "F"\n',
            "line 3: preheder is not known here; did you mean preheader?",
        ),
        (
            'subject: "S"\npreheader: "P"\nfooter: "F"\nbutton: Pay\n',
            'line 5: button has two parts; write button: {text: "Pay now", link: pay_url}.',
        ),
        (
            'subject: "S"\npreheader: "P"\nfooter: "F"\nbutton: {text: "Pay"}\n',
            "link is missing",
        ),
        (
            'subject: "S"\npreheader: "P"\nfooter: "F"\nbutton: {text: "Pay", link: pay_ulr}\n',
            "line 5: button → link: there is no link pay_ulr; did you mean pay_url?",
        ),
        (
            'subject: "S"\npreheader: "P"\nfooter: "F"\nbutton: {text: "Pay", link: amount}\n',
            "there is no link amount",
        ),
        (
            'subject: "S"\npreheader: "P"\nfooter: "F"\nbutton: {text: P, link: pay_url, to: x}\n',
            "line 5: to is not known here",
        ),
        ("- a\n- b\n", "line 2: write subject, preheader, button and footer here"),
        ("subject: [\n", "is no YAML"),
        (
            'subject: "{{ amout }}"\npreheader: "P"\nfooter: "F"\n',
            "line 2: there is no field amout; did you mean amount?",
        ),
    ],
)
def test_mistake_in_the_head(
    head: str, sentence: str, write_letter: WriteLetter, renderer: LetterRenderer
) -> None:
    write_letter("Hello", head=head)

    with pytest.raises(ConfigError) as raised:
        render_text(renderer)

    assert str(raised.value).startswith("templates/en/payment_failed_1.md line ")
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    "source", ["Hello", "", "---\nsubject: x\n", "Hello\n---\nsubject: x\n---\n"]
)
def test_file_without_a_head(source: str, templates: Path, renderer: LetterRenderer) -> None:
    (templates / "en" / f"{NOTICE}.md").write_text(source, encoding="utf-8")

    with pytest.raises(ConfigError, match="line 1: a letter begins with a line ---"):
        render_text(renderer)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("[Pay](pay_url)", "line 7: the link target pay_url is a field; write {{ pay_url }}."),
        ("[Pay]({{ amount }})", "line 7: {{ amount }} is no link; write a link field"),
        ("[Pay]({{ customer_name }})", "{{ customer_name }} is no link"),
        ("[Pay](http://acme.example)", "'http://acme.example' leads nowhere"),
        ("[Pay](www.acme.example)", "leads nowhere"),
        ("[Pay]({{ pay_url }}?a=b)", "a link goes to one field or to one fixed address"),
        ("[Pay](https://evil.example/{{ pay_url }})", "a link goes to one field"),
        ("{% for i in invoices %}\n- [x]({{ i.number }})\n{% endfor %}", "line 8: {{ i.number }}"),
        ("![logo](https://acme.example/l.png)", "images belong into the layout"),
        ("Hello <b>you</b>", "<b> is not read in Markdown"),
        ("a\n\n{% if card %}b\n\nc{% endif %}", "line 9: an {% if %} or {% for %} and its end"),
        ("**{% if card %}a** b{% endif %}", "line 7: an {% if %} or {% for %} and its end"),
        ("- a\n{% if card %}\n- b\n\nc\n{% endif %}\n{% endif %}", "line "),
    ],
)
def test_mistake_in_the_body(
    body: str, sentence: str, write_letter: WriteLetter, renderer: LetterRenderer
) -> None:
    write_letter(body)

    with pytest.raises(ConfigError) as raised:
        render_text(renderer)

    assert sentence in str(raised.value)


def test_text_part_reads_like_a_letter(write_letter: WriteLetter, renderer: LetterRenderer) -> None:
    write_letter(
        "# Title\n\nHello *{{ customer_name }}*,\\\nsecond **line**\nsame line.\n\n"
        "{% for invoice in invoices %}\n"
        "- {{ invoice.number }}: [{{ invoice.amount }}]({{ invoice.pay_url }})\n"
        "{% endfor %}\n\n"
        "1. one\n2. two\n\n> quoted\n> more\n\n---\n\n    code\n\n"
        "[https://acme.example](https://acme.example) and [mail](mailto:help@acme.example)\n"
    )

    text = render_text(renderer)

    assert text == (
        "Title\n\nHello Ada Lovelace,\nsecond line same line.\n\n"
        "- ACME-0042: €20.00: https://invoice.stripe.com/i/acct_1/1\n"
        "- ACME-0043: €8.50: https://invoice.stripe.com/i/acct_1/1\n\n"
        "1. one\n2. two\n\n> quoted more\n\n----\n\n    code\n\n"
        "https://acme.example and mail: help@acme.example\n\n"
        "Pay:\nhttps://invoice.stripe.com/i/acct_1/1\n\n"
        "--\nWhy\nAcme & Sons · help@acme.example\n"
    )


def test_loop_over_a_list_makes_one_list(
    write_letter: WriteLetter, renderer: LetterRenderer
) -> None:
    write_letter("{% for i in invoices %}\n- {{ i.number }}\n{% endfor %}")

    html = renderer.render(NOTICE, "en", sample_fields(NOTICE)).html

    assert html.count("<ul") == 1
    assert html.count("<li") == 2
    assert "&lt;" not in html


def test_button_stands_where_the_letter_says_else_last(
    write_letter: WriteLetter, templates: Path, brand: Brand
) -> None:
    write_letter("Before\n\n{{ button }}\n\nAfter")
    placed = render_text(LetterRenderer(templates, brand))
    write_letter("Before\n\nAfter")
    last = render_text(LetterRenderer(templates, brand))

    assert placed.index("Before") < placed.index("Pay:\nhttps://") < placed.index("After")
    assert last.index("After") < last.index("Pay:\nhttps://")
    assert placed.count("Pay:") == last.count("Pay:") == 1


def test_button_without_its_link_is_left_out(renderer: LetterRenderer) -> None:
    fields = {**sample_fields("subscription_ended"), "pay_url": ""}

    letter = renderer.render("subscription_ended", "en", fields)

    assert "See the open invoice" not in letter.html + letter.text


def test_html_beside_the_letter_replaces_its_html_only(
    templates: Path, renderer: LetterRenderer
) -> None:
    (templates / "en" / f"{NOTICE}.html").write_text(
        '<p class="x">Dear {{ customer_name }}, <a href="{{ pay_url }}">pay</a></p>{{ button }}',
        encoding="utf-8",
    )
    fields = {**sample_fields(NOTICE), "customer_name": "<i>Ada</i>"}

    letter = renderer.render(NOTICE, "en", fields)

    assert "Dear &lt;i&gt;Ada&lt;/i&gt;" in letter.html
    assert "Dear" not in letter.text
    assert "Hello <i>Ada</i>," in letter.text
    assert letter.html.count('<table class="action"') == 1


@pytest.mark.parametrize(
    ("html", "sentence"),
    [
        ('<a href="{{ customer_name }}">x</a>', "href takes one link field"),
        ('<a href="{{ pay_url }}&x={{ amount }}">x</a>', "href takes one link field"),
        ("<a href={{ pay_url }}>x</a>", "stands outside quotes"),
        ("<p title={{ customer_name }}>x</p>", "stands outside quotes"),
        ("<p {{ customer_name }}>x</p>", "stands outside quotes"),
        ('<p style="color:{{ customer_name }}">x</p>', "fields cannot stand inside style"),
        ("<style>p { color: {{ amount }} }</style>", "fields cannot stand inside <style>"),
        ('<p onclick="x()">x</p>', "onclick runs a script"),
        ("<script>x()</script>", "<script> has no place"),
        ('<iframe src="https://a.example"></iframe>', "<iframe> has no place"),
        ("<form></form>", "<form> has no place"),
        ('<a href="javascript:x()">x</a>', "leads nowhere"),
        ("<p>{{ amout }}</p>", "there is no field amout; did you mean amount?"),
    ],
)
def test_mistake_in_an_html_body(
    html: str, sentence: str, templates: Path, renderer: LetterRenderer
) -> None:
    (templates / "en" / f"{NOTICE}.html").write_text(f"<p>a</p>\n{html}", encoding="utf-8")

    with pytest.raises(ConfigError) as raised:
        render_text(renderer)

    assert "templates/en/payment_failed_1.html line 2: " in str(raised.value)
    assert sentence in str(raised.value)


def test_locale_falls_back_to_its_language_then_to_english(
    write_letter: WriteLetter, templates: Path, brand: Brand
) -> None:
    write_letter("Guten Tag", locale="de")
    write_letter("Grüezi", locale="de_CH")
    renderer = LetterRenderer(templates, brand)

    shown = {
        locale: render_text(renderer, locale=locale).split("\n")[0]
        for locale in ("de-CH", "de_CH", "de_AT", "de", "fr_CH", "en_GB")
    }

    assert shown == {
        "de-CH": "Grüezi",
        "de_CH": "Grüezi",
        "de_AT": "Guten Tag",
        "de": "Guten Tag",
        "fr_CH": "Hello Ada Lovelace,",
        "en_GB": "Hello Ada Lovelace,",
    }


def test_formatting_follows_the_language_of_the_letter(
    write_letter: WriteLetter, renderer: LetterRenderer
) -> None:
    write_letter("Guten Tag", locale="de")

    assert renderer.formatting_locale(NOTICE, "de_AT") == "de_AT"
    assert renderer.formatting_locale(NOTICE, "fr_CH") == "en_CH"
    assert renderer.formatting_locale(NOTICE, "ja_JP") == "en_001"
    assert renderer.formatting_locale(NOTICE, "en-GB") == "en_GB"
    assert renderer.formatting_locale(NOTICE, "ja") == "en"
    assert renderer.formatting_locale(NOTICE, "xx_YY") == "en"


@pytest.mark.parametrize("locale", ["../en", "en/..", "", "e", "en_", "/etc", "en\n"])
def test_a_locale_is_never_a_path(locale: str, renderer: LetterRenderer) -> None:
    with pytest.raises(ConfigError, match="is no locale"):
        render_text(renderer, locale=locale)


@pytest.mark.parametrize("notice", ["../layout/letter", "a/b", "", "Payment", "x" * 65])
def test_a_notice_is_never_a_path(notice: str, renderer: LetterRenderer) -> None:
    with pytest.raises(ConfigError, match="is no name of a letter"):
        renderer.render(notice, "en", {})


def test_unknown_notice_names_the_nearest(renderer: LetterRenderer) -> None:
    with pytest.raises(
        ConfigError,
        match=r"templates/en/payment_faild_1\.md: there is no letter payment_faild_1; "
        r"did you mean payment_failed_1\?",
    ):
        renderer.render("payment_faild_1", "en", {})


def test_operators_own_letter_has_the_fields_of_the_payment_letters(
    write_letter: WriteLetter, renderer: LetterRenderer
) -> None:
    write_letter("Please pay {{ amount }} by {{ ends_on }}.", notice="a_kind_word")

    text = render_text(renderer, notice="a_kind_word")

    assert text.startswith("Please pay €20.00 by Friday 11 December.")


def test_digest_names_the_exact_templates(
    write_letter: WriteLetter, templates: Path, brand: Brand
) -> None:
    def digest() -> str:
        renderer = LetterRenderer(templates, brand)
        return renderer.render(NOTICE, "en", sample_fields(NOTICE)).template_digest

    first, again = digest(), digest()
    write_letter("Hello")
    changed = digest()
    layout = templates / "layout" / "letter.txt"
    layout.write_text(layout.read_text(encoding="utf-8") + "\n", encoding="utf-8")

    assert first == again
    assert len({first, changed, digest()}) == 3


def test_running_renderer_keeps_the_letter_it_began_with(
    write_letter: WriteLetter, renderer: LetterRenderer
) -> None:
    before = render_text(renderer)
    write_letter("Half edi")

    assert render_text(renderer) == before


def test_eight_threads_share_a_renderer(renderer: LetterRenderer) -> None:
    together = threading.Barrier(8)

    def render_some(thread: int) -> set[str]:
        together.wait(10)
        fields = {**sample_fields(NOTICE), "customer_name": f"Customer {thread}"}
        return {renderer.render(NOTICE, "en", fields).text.split("\n")[0] for _ in range(5)}

    with ThreadPoolExecutor(8) as threads:
        greetings = list(threads.map(render_some, range(8)))

    assert greetings == [{f"Hello Customer {thread},"} for thread in range(8)]


def test_logo_and_link_to_help(templates: Path) -> None:
    brand = Brand("Acme", "help@acme.example", "#003366", "https://acme.example/logo.png")

    html = LetterRenderer(templates, brand).render(NOTICE, "en", sample_fields(NOTICE)).html

    assert 'src="https://acme.example/logo.png" alt="Acme"' in html
    assert 'href="mailto:help@acme.example"' in html
    assert "color:#ffffff;background-color:#003366" in html.replace(": ", ":").replace("; ", ";")


def test_lint_tells_everything_at_once(templates: Path, write_letter: WriteLetter) -> None:
    write_letter("{{ amout }}\n\n[x](pay_url)")
    write_letter("{{ nmae }}", notice="trial_ending")
    (templates / "en" / "card_expiring.md").unlink()
    (templates / "en" / "card_expiring.html").write_text("<p>x</p>", encoding="utf-8")
    (templates / "en" / "notes.txt").write_text("x", encoding="utf-8")
    (templates / "de").mkdir()
    (templates / "Entwürfe").mkdir()
    (templates / "layout" / "button.html").write_text("{{ buton.text }}", encoding="utf-8")

    problems = lint_templates(templates)

    assert [problem.partition(": ")[0] for problem in problems] == [
        "templates/layout/button.html line 1",
        "templates/Entwürfe",
        "templates/de/words.yaml is missing; copy it from templates/en.",
        (
            "templates/en/card_expiring.html has no card_expiring.md beside it; write it, since "
            "the subject and the text come from there."
        ),
        "templates/en/notes.txt is not read; letters end in .md or .html.",
        "templates/en/payment_failed_1.md line 7",
        "templates/en/payment_failed_1.md line 9",
        "templates/en/trial_ending.md line 4",
        "templates/en/trial_ending.md line 7",
        (
            "templates/en/card_expiring.md is missing; every notice needs a letter in English, "
            "which serves where no other language does."
        ),
    ]


def test_lint_of_nothing(tmp_path: Path) -> None:
    assert lint_templates(tmp_path / "templates") == [
        "templates: there is no such folder; write its name in TEMPLATES_DIR."
    ]
    assert "templates/layout/letter.html is missing; every letter needs it." in [
        problem.replace(tmp_path.name, "templates") for problem in lint_templates(tmp_path)
    ]


def test_file_that_is_not_text(templates: Path, renderer: LetterRenderer) -> None:
    (templates / "en" / f"{NOTICE}.md").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match="cannot be read: it is not UTF-8"):
        render_text(renderer)
