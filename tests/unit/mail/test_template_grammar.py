"""Templates can show declared fields and nothing else, whoever edits them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from worker.domain.letter_fields import fields_of, sample_fields
from worker.errors import ConfigError
from worker.mail.grammar import SOURCE_CHARACTERS_MAX, check
from worker.mail.render import LetterRenderer

FIELDS = fields_of("payment_failed_1")

ATTACKS = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ amount.__class__ }}",
    "{{ amount.format(amount) }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace(a=1) }}",
    "{{ range(10**9)|list }}",
    "{{ 'a' * 10**9 }}",
    "{{ 7 * 7 }}",
    "{{ 2 ** 999999999 }}",
    "{{ amount ~ amount }}",
    "{{ amount[0] }}",
    "{{ amount['__class__'] }}",
    "{{ amount|attr('__class__') }}",
    "{{ amount|safe }}",
    "{{ amount|urlize }}",
    "{{ amount|replace('€', '<b>') }}",
    "{{ amount|format(amount) }}",
    "{{ amount|center(999999999) }}",
    "{{ brand|xmlattr }}",
    "{{ invoices|map('upper') }}",
    "{{ dict(a=1) }}",
    "{{ get_flashed_messages() }}",
    "{{ config }}",
    "{{ [1, 2] }}",
    "{{ {'a': 1} }}",
    "{{ (1, 2) }}",
    "{{ amount is defined }}",
    "{% set x = amount %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import popen %}",
    "{% extends 'layout/letter.html' %}",
    "{% macro x() %}{% endmacro %}",
    "{% call amount() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with x = 1 %}{% endwith %}",
    "{% block x %}{% endblock %}",
    "{% autoescape false %}{{ amount }}{% endautoescape %}",
    "{% for a in amount %}{{ a }}{% endfor %}",
    "{% for a in invoices recursive %}{{ loop(a) }}{% endfor %}",
    "{% for a in invoices %}{% for b in invoices %}x{% endfor %}{% endfor %}",
    "{% for a, b in invoices %}x{% endfor %}",
    "{% for a in invoices if a %}x{% endfor %}",
    "{% for a in range(9) %}x{% endfor %}",
    "{{ loop.index }}",
    "{% if amount.__class__ %}x{% endif %}",
    "{{ (amount if amount else amount).x }}",
]


@pytest.mark.parametrize("attack", [*ATTACKS, "{% raw %}{{ amount }}{% endraw %}"])
def test_attack_is_refused_in_the_body(
    attack: str, write_letter: Callable[..., Path], renderer: LetterRenderer
) -> None:
    write_letter(f"Hello\n\n{attack}")

    with pytest.raises(ConfigError, match=r"templates/en/payment_failed_1\.md line 9: "):
        renderer.render("payment_failed_1", "en", sample_fields("payment_failed_1"))


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if '"' not in attack])
def test_attack_is_refused_in_the_head(
    attack: str, write_letter: Callable[..., Path], renderer: LetterRenderer
) -> None:
    head = f'preheader: "Before"\nsubject: "{attack}"\nfooter: "Why"\n'
    write_letter("Hello", head=head)

    with pytest.raises(ConfigError, match=r"templates/en/payment_failed_1\.md line 3: "):
        renderer.render("payment_failed_1", "en", sample_fields("payment_failed_1"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_is_refused_in_an_html_body(
    attack: str, templates: Path, renderer: LetterRenderer
) -> None:
    (templates / "en" / "payment_failed_1.html").write_text(f"<p>{attack}</p>", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"payment_failed_1\.html line 1: "):
        renderer.render("payment_failed_1", "en", sample_fields("payment_failed_1"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_is_refused_in_the_layout(
    attack: str, templates: Path, renderer: LetterRenderer
) -> None:
    path = templates / "layout" / "letter.txt"
    path.write_text("{{ body }}\n" + attack.replace("amount", "subject"), encoding="utf-8")

    with pytest.raises(ConfigError, match=r"templates/layout/letter\.txt line 2: "):
        renderer.render("payment_failed_1", "en", sample_fields("payment_failed_1"))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("{{ amout }}", "there is no field amout; did you mean amount?"),
        ("{{ brand.nam }}", "brand has no part nam; did you mean name?"),
        ("{{ amount.euro }}", "amount has no parts; write {{ amount }}."),
        ("{{ amount|uper }}", "there is no filter uper; did you mean upper?"),
        ("{{ amount|trim('x') }}", "the filter trim takes nothing in brackets."),
        (
            "{{ invoices }}",
            "invoices is a list; write {% for one in invoices %} and show its parts.",
        ),
        (
            "{{ brand }}",
            "brand has parts; write one of brand.name, brand.support, brand.support_url.",
        ),
        ("{% for i in invoices %}{{ i.nummer }}{% endfor %}", "did you mean number?"),
        ("{% for i in invoicse %}{% endfor %}", "write {% for one in invoices %}."),
        ("{{ amount", "unexpected end of template"),
        ("{% if amount %}", "check the {{ }} and {% %} around here."),
        ("{{ " + "(" * 500 + "amount" + ")" * 500 + " }}", ""),
        ("x" * (SOURCE_CHARACTERS_MAX + 1), "the template is longer than 64,000 characters"),
    ],
)
def test_mistake_is_told_with_what_to_write(source: str, sentence: str) -> None:
    problems = check(source, FIELDS, first_line=5).problems

    assert not sentence or problems
    assert all(problem.line == 5 for problem in problems)
    assert not sentence or sentence in problems[0].sentence


def test_all_mistakes_of_a_template_are_told_at_once() -> None:
    source = "{{ amout }}\n{{ card }}\n{% if plan %}{{ amount * 2 }}{% endif %}"

    problems = check(source, FIELDS).problems

    assert [problem.line for problem in problems] == [1, 3, 3]


@pytest.mark.parametrize(
    "source",
    [
        "{{ amount }} {{ amount|upper }} {{- card -}}",
        "{% if invoices|length > 1 and not card %}x{% elif card == 'x' %}y{% else %}z{% endif %}",
        "{% for i in invoices %}{{ i.number }}{% if not loop.last %}, {% endif %}{% endfor %}",
        "{{ card if card else amount }}",
        "{{ brand.name }}",
        "{# a note #}",
    ],
)
def test_what_letters_need_is_allowed(source: str) -> None:
    assert check(source, FIELDS).problems == []


def test_used_fields_are_known_with_their_line() -> None:
    source = "{{ amount }}\n{% for i in invoices %}{{ i.amount }}{% endfor %}\n{{ amount }}"

    assert check(source, FIELDS, first_line=10).used == {"amount": 10, "invoices": 11}


def test_output_is_bounded(write_letter: Callable[..., Path], renderer: LetterRenderer) -> None:
    write_letter("{% for i in invoices %}" + "{{ i.pay_url }} " * 100 + "{% endfor %}")
    fields = sample_fields("payment_failed_1")
    named = dict.fromkeys(("number", "amount", "failed_on", "due_on"), "1")
    fields["invoices"] = [{**named, "pay_url": "https://a/" + "x" * 4_000}] * 100

    with pytest.raises(ConfigError, match="the letter is longer than 100 kB"):
        renderer.render("payment_failed_1", "en", fields)
