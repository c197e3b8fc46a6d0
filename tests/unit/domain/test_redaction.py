"""What must never be in a log is taken out; what people need to find things stays."""

import re
from datetime import UTC

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker.domain.money import Money
from worker.domain.redaction import redact, without_contacts
from worker.office.words import money_words

PREFIXES = ("in", "sub", "cus", "evt", "pi", "ch", "pm", "acct", "req", "clock", "price")
HEX = "0123456789abcdef"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
WHAT_MUST_STAY = st.one_of(
    st.builds("{}_{}".format, st.sampled_from(PREFIXES), st.text(LETTERS, min_size=1, max_size=28)),
    st.builds("dun:v1:in_{}:{}".format, st.text(LETTERS, min_size=8), st.integers(1, 99)),
    st.builds("C-{}".format, st.integers(1, 10**9)),
    st.text(HEX, min_size=64, max_size=64).filter(lambda digest: not digest.isdecimal()),
    st.text(HEX, min_size=6, max_size=6),
    st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()),
    st.datetimes(timezones=st.just(UTC)).map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ")),
    st.dates().map(str),
    st.builds(
        lambda minor, code: money_words(Money(minor, code)),
        st.integers(-(10**12), 10**12),
        st.sampled_from(("eur", "usd", "jpy", "kwd", "sek")),
    ),
)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("key sk_live_51Habc used", "key sk_live_*** used"),
        ("rk_test_51Habc", "rk_test_***"),
        ("Bearer:pk_live_a", "Bearer:pk_live_***"),
        ("whsec_abc=", "whsec_***="),
        ("sk_abc", "sk_***"),
        ("pi_3Q_secret_abc", "pi_3Q_secret_***"),
        ("4242424242424242", "[card]"),
        ("card 4242 4242 4242 4242.", "card [card]."),
        ("3782-822463-10005", "[card]"),
        ("write to jo.do+x@mail.acme.example now", "write to [address] now"),
        ("<jo@acme.example>", "<[address]>"),
        ("jürgen@müller.example", "[address]"),
        ("postgresql://me:p@db.example/x", "postgresql://***@db.example/x"),
        ("redis://:p@r:6379/0", "redis://***@r:6379/0"),
        ("host=db password=hunter2 user=me", "host=db password=*** user=me"),
        ("{'password': 'hunter2'}", "{'password': '***'}"),
        ("Authorization: Bearer abc.def123", "Authorization: Bearer ***"),
        ("api_key=abc&x=1", "api_key=***&x=1"),
        ("from DE89 3704 0044 0532 0130 00.", "from [account]."),
        ("GB33BUKB20201555555555", "[account]"),
        ("postgresql://me:p@ss@db.example/x", "postgresql://***@db.example/x"),
        ("postgresql://me:p/s@db.example/x?a=1", "postgresql://***@db.example/x?a=1"),
        ("redis://:p@/x@r:6379/0,redis://:q@s/0", "redis://***@r:6379/0,redis://***@s/0"),
        ("https://me:1/se@host/x", "https://***@host/x"),
        ("redis://me:://a@db.example/0", "redis://***@db.example/0"),
        ("redis://me:a@b://c@db.example/0", "redis://***@db.example/0"),
        ("https://me:p://s@host/x", "https://***@host/x"),
        ("postgresql://me:a/redis://b@host/x", "postgresql://***@host/x"),
        ("https://host:8080/x?u=amqp://a:b@c/d", "https://host:8080/x?u=amqp://***@c/d"),
        ("redis://cache:6379/0;smtp://me:p@mail", "redis://cache:6379/0;smtp://***@mail"),
        ("https://host:8080/x?to=jo@x.example", "https://host:8080/x?to=[address]"),
        ("https://x.example/p?token=abc.d-e&x=1", "https://x.example/p?token=***&x=1"),
        ("/p?sv=2&sig=a%2Fb&api-key=c#d", "/p?sv=2&sig=***&api-key=***#d"),
        ("password: hunter2", "password: ***"),
        ("Password : 'my own word', x", "Password : '***', x"),
        ("4242.4242.4242.4242", "[card]"),
        ("3782.822463.10005", "[card]"),
        ("4242\u00a04242\u00a04242\u00a04242", "[card]"),
        ("4242\u202f4242\u202f4242\u202f4242.", "[card]."),
        ("?email=jo%40x.example&a=1", "?email=[address]&a=1"),
        ("<jo@localhost>", "<[address]>"),
    ],
)
def test_taken_out(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "C-1042 in_1QabcDEF4242 sub_1234567890123456 evt_1 dun:v1:in_1Q:2",
        "task_done risk_level disk_full ask_customer",
        "2026-12-08T07:02:00Z 2026-12-08 07:02:00",
        "took 123456789012 ms",
        "https://invoice.stripe.com/i/acct_1",
        "try 2 at 5% of 41",
        "DGRPVJ0N-0003 cus_Vbdnb9Gb8012zU in_1QabcDEF4242 acct_1Sandbox UTC2026",
        "from 2026-11-02 2026-11-03 2026-11-04 C-1042 2026-12-08 2026-12-09",
        "3.14159265358979 1764000000.123456 1234.5678.9012 1.234.567.890.123,00",
        "20\u00a0000\u00a0000\u00a0000\u00a0000 kr, 20 000 000 000 000 kr",
        "https://host:8080/x?idempotency_key=dun:v1:in_1:2",
        "the password is asked for; STRIPE_WEBHOOK_SECRET: it begins with another word",
    ],
)
def test_left_alone(text: str) -> None:
    assert redact(text) == text


@given(st.lists(WHAT_MUST_STAY, max_size=6), st.sampled_from((", ", "; ", "\n", " | ")))
def test_ids_digests_times_and_amounts_always_stay(parts: list[str], between: str) -> None:
    assert redact(between.join(parts)) == between.join(parts)


@given(st.lists(st.dates().map(str), max_size=6), st.integers(1, 10**9))
def test_days_beside_a_number_are_no_card(days: list[str], number: int) -> None:
    assert redact(f"C-{number} {' '.join(days)}") == f"C-{number} {' '.join(days)}"


@example("://", "postgresql")
@example("a@b://c", "redis")
@example("a@,b://c", "smtp")
@given(
    st.text("abcXYZ019@/:#!$&*().,-_~%?=", min_size=1),
    st.sampled_from(("postgresql", "redis", "rediss", "smtp", "smtps")),
)
def test_nothing_of_a_password_in_an_address_is_left(password: str, scheme: str) -> None:
    assert redact(f"{scheme}://me:{password}@db.example:5432/x") == (
        f"{scheme}://***@db.example:5432/x"
    )


@pytest.mark.parametrize("word", ["x://a:", "@x://a:", "https://a:1/", ",redis://a:", "x://a:@"])
def test_no_word_makes_it_look_again_and_again(word: str) -> None:
    looked = len(re.findall("a", redact(word * 20_000)))
    assert looked in {0, 1, 20_000}


@pytest.mark.parametrize("secret", ["sk_live_51Habc", "jo@acme.example", "4242 4242 4242 4242"])
def test_twice_is_once(secret: str) -> None:
    once = redact(f"a {secret} b")
    assert secret not in once
    assert "51H" not in redact(once)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("call me: +49 170 1234567!", "call me: [phone]!"),
        ("0170/1234567", "[phone]"),
        ("(555) 123-4567 or 555.123.4567", "[phone] or [phone]"),
        ("020 7946 0958.", "[phone]."),
        ("jo@acme.example, 4242 4242 4242 4242", "[address], [card]"),
        ("on 2026-11-02, 02.11.2026 and 01/11/26", None),
        ("1,250.00 for 20 000 000 yen, order 12345678", None),
        ("10 out of 10, 0 stars, 0.5 % of 100, at 10:00", None),
    ],
)
def test_what_somebody_wrote_names_no_way_to_reach_them(text: str, told: str | None) -> None:
    assert without_contacts(text) == (told or text)
