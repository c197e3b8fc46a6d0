"""What must never be in a log is taken out; what people need to find things stays."""

import pytest

from worker.domain.redaction import redact, without_contacts


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
        "the password is asked for; STRIPE_WEBHOOK_SECRET: it begins with another word",
    ],
)
def test_left_alone(text: str) -> None:
    assert redact(text) == text


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
