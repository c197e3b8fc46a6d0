"""The policy's timeline: from the first failure to a payment or to the end."""

from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from tests.scenarios.stripe_side import DAY, HOUR, START
from tests.scenarios.world import World
from worker.domain.case import Case, CaseState, LetterState, Outcome, RecoveredBy

FAILED = START + 2 * HOUR
"""The first charge of a story's customers: Tuesday, ten in the morning in Berlin."""
BERLIN = ZoneInfo("Europe/Berlin")


def recovered_by(world: World, case: Case) -> str:
    (row,) = world.rows("SELECT recovered_by FROM cases WHERE id = :id", id=case.id)
    return str(row["recovered_by"])


def test_a_poor_card_pays_on_the_second_day(world: World) -> None:
    """Day 0: declined, a letter after four hours. Day 1: declined again. Day 2: it pays."""
    anna = world.customer("anna", ["insufficient_funds", "insufficient_funds", "approve"])
    world.advance(days=4)

    case = world.case_of(anna)
    assert (case.state, case.outcome) == (CaseState.CLOSED, Outcome.RECOVERED)
    assert recovered_by(world, case) == RecoveredBy.RETRY.value
    tries = world.stripe.charges(anna)
    assert [c["status"] for c in tries] == ["failed", "failed", "succeeded"]
    assert [c["by"] for c in tries] == ["stripe", "api", "api"]
    assert tries[2]["at"] - tries[1]["at"] >= 20 * 3600
    assert [c["idempotency_key"] for c in tries[1:]] == [
        f"dun:v1:{case.invoice_id}:1",
        f"dun:v1:{case.invoice_id}:2",
    ]
    assert world.notices_to(anna) == ["payment_failed_1", "payment_recovered"]
    assert world.stripe.invoice(anna)["status"] == "paid"

    (paid,) = world.facts("payment.recovered")
    assert (paid["recovered_by"], paid["amount_minor"], paid["currency"]) == ("retry", 4900, "eur")
    assert [f["outcome"] for f in world.facts("payment.retried")] == ["declined", "succeeded"]
    assert [f["time"] for f in world.facts("payment.failed")] == [FAILED]
    (renewed,) = world.facts("subscription.renewed")
    assert renewed["on_time"] is False
    assert world.facts("subscription.churned") == []


def test_nobody_pays_and_the_subscription_ends(world: World) -> None:
    """Letters at 4 h and days 3, 7, 11, moved to weekdays; six tries; the end after day 14."""
    bela = world.customer("bela", ["insufficient_funds"])
    world.advance(days=20)

    case = world.case_of(bela)
    assert (case.state, case.outcome) == (CaseState.CLOSED, Outcome.ENDED)
    letters = world.letters_to(bela)
    assert [one.notice for one in letters] == [
        "payment_failed_1",
        "payment_failed_2",
        "payment_failed_3",
        "payment_failed_final",
        "subscription_ended",
    ]
    assert letters[0].at == FAILED + 4 * HOUR
    assert [one.at - FAILED for one in letters[1:3]] == [3 * DAY, 7 * DAY]
    final = letters[3].at.astimezone(BERLIN)  # day 11 is a Saturday
    assert (final.weekday(), final.hour, final.date()) == (0, 8, (FAILED + 13 * DAY).date())
    assert all(8 <= one.at.astimezone(BERLIN).hour < 18 for one in letters)

    (cancel,) = world.stripe.requests("DELETE", "/v1/subscriptions/")
    ended_at = case.closed_at
    assert ended_at is not None
    assert cancel["business_at"] == int(ended_at.timestamp())
    assert ended_at >= FAILED + 14 * DAY
    assert ended_at - letters[3].at >= 2 * DAY
    assert ended_at.astimezone(BERLIN).weekday() < 5
    assert 9 <= ended_at.astimezone(BERLIN).hour < 16

    subscription = world.stripe.get(f"subscriptions/{bela.subscription}")
    assert subscription["status"] == "canceled"
    assert world.stripe.invoice(bela)["status"] == "uncollectible"
    tries = world.stripe.charges(bela, by="api")
    assert len(tries) == 6
    assert all(tries[i + 1]["at"] - tries[i]["at"] >= 20 * 3600 for i in range(5))
    assert not [c for c in tries if c["at"] > int(ended_at.timestamp())]
    (churned,) = world.facts("subscription.churned")
    assert (churned["kind"], churned["reason"]) == ("involuntary", "payment_failed")
    assert churned["during_dunning"] is True
    (closed,) = world.facts("case.closed")
    assert closed["outcome"] == "ended"


def test_letters_wait_for_the_customers_morning(world: World) -> None:
    """In Auckland the fourth hour after the failure is three at night: the letter comes at 8."""
    hana = world.customer("hana", ["insufficient_funds"], country="NZ", zone="Pacific/Auckland")
    world.advance(days=2)
    (letter,) = world.letters_to(hana)
    assert letter.at.astimezone(ZoneInfo("Pacific/Auckland")).hour == 8
    assert letter.at - FAILED < DAY


def test_the_end_waits_for_a_weekday(world: World) -> None:
    """A failure on Saturday is fourteen days old on a Saturday: the end comes on Monday at 9."""
    world.advance_to(START + 4 * DAY)
    carl = world.customer("carl", ["insufficient_funds"])
    world.advance(days=18)
    ended_at = world.case_of(carl).closed_at
    assert ended_at is not None
    local = ended_at.astimezone(BERLIN)
    assert (local.weekday(), local.hour) == (0, 9)
    assert ended_at - (START + 4 * DAY + 2 * HOUR) > 14 * DAY


def test_a_lost_card_is_never_tried_again_until_another_comes(world: World) -> None:
    """Days 0 to 5: no try. Day 5: the customer saves another card, which is charged at once."""
    dora = world.customer("dora", ["lost_card"])
    world.advance(days=5)
    assert world.stripe.charges(dora, by="api") == []
    letters = world.letters_to(dora)
    assert [one.notice for one in letters] == ["payment_failed_1", "payment_failed_2"]
    assert not any("lost" in one.text.lower() for one in letters)

    world.stripe.save_card(dora, world.stripe.card("approve"))
    saved_at = world.now
    world.run()
    case = world.case_of(dora)
    assert (case.state, case.outcome) == (CaseState.CLOSED, Outcome.RECOVERED)
    assert recovered_by(world, case) == RecoveredBy.NEW_CARD.value
    (charge,) = world.stripe.charges(dora, by="api")
    assert charge["status"] == "succeeded"
    assert charge["at"] == int(saved_at.timestamp())
    skipped = {step: why for step, why in world.steps_of(case).items() if why != "done"}
    assert skipped["try 1"] == "the decline needs a new payment method"


def test_a_new_card_that_is_poor_too_goes_back_to_the_timeline(world: World) -> None:
    """The new card is tried at once, only once, and then by the policy's steps."""
    emil = world.customer("emil", ["expired_card"])
    world.advance(days=1)
    world.stripe.save_card(emil, world.stripe.card("insufficient_funds", "approve"))
    world.run()
    world.run()
    assert [c["status"] for c in world.stripe.charges(emil, by="api")] == ["failed"]
    world.advance(days=3)
    first, second = world.stripe.charges(emil, by="api")
    assert second["at"] - first["at"] >= 20 * 3600
    assert world.case_of(emil).outcome is Outcome.RECOVERED


def test_a_technical_error_is_retried_within_hours_without_a_step(world: World) -> None:
    """`processing_error` says nothing about the card: tries an hour apart, then longer."""
    fay = world.customer("fay", ["processing_error", "processing_error", "approve"])
    world.advance(hours=6)
    case = world.case_of(fay)
    assert case.outcome is Outcome.RECOVERED
    tries = world.stripe.charges(fay)
    gaps = [b["at"] - a["at"] for a, b in pairwise(tries)]
    assert all(3600 <= gap <= 2 * 3600 for gap in gaps)
    assert [a.step for a in case.attempts] == ["quick try 1", "quick try 2"]
    assert "try 1" not in world.steps_of(case)
    assert world.notices_to(fay) == []


def test_technical_errors_that_go_on_fall_back_to_the_steps(world: World) -> None:
    """After three quick tries the policy's own steps take over, all of them still there."""
    gus = world.customer("gus", [*["processing_error"] * 5, "approve"])
    world.advance(days=3)
    case = world.case_of(gus)
    steps = [a.step for a in case.attempts]
    assert steps[:3] == ["quick try 1", "quick try 2", "quick try 3"]
    assert steps[3] == "try 1"
    assert case.outcome is Outcome.RECOVERED


def test_mastercards_wait_is_kept(world: World) -> None:
    """Advice 28 says: not before six days. No try comes earlier, whatever the steps say."""
    wait = {"decline_code": "insufficient_funds", "network_advice_code": "28"}
    ida = world.customer("ida", [wait, "approve"], brand="mastercard")
    world.advance(days=12)
    first, second = world.stripe.charges(ida)
    assert second["at"] - first["at"] >= 6 * 86_400
    assert world.case_of(ida).outcome is Outcome.RECOVERED


def test_advice_not_to_try_again_outranks_a_soft_code(world: World) -> None:
    """`insufficient_funds` with `do_not_try_again`: the issuer's advice is about this charge."""
    advised = {"decline_code": "insufficient_funds", "advice_code": "do_not_try_again"}
    jan = world.customer("jan", [advised, "approve"])
    world.advance(days=6)
    assert world.stripe.charges(jan, by="api") == []
    assert world.case_of(jan).state is CaseState.OPEN


def test_an_unknown_decline_code_is_tried_carefully_and_reported(world: World) -> None:
    """A code nobody has heard of: a few spaced tries, one warning, no crash."""
    kim = world.customer("kim", ["moon_phase_wrong"])
    world.advance(days=13, hours=6)
    tries = world.stripe.charges(kim, by="api")
    assert len(tries) == 3
    assert [line["code"] for line in world.log("decline.unknown")] == ["moon_phase_wrong"]
    assert world.case_of(kim).state is CaseState.OPEN


def test_withdrawn_consent_stops_charging_and_counts_as_voluntary(world: World) -> None:
    """The bank says the customer revoked the authorisation: no charge ever, also not a new card."""
    lea = world.customer("lea", ["revocation_of_all_authorizations"])
    world.advance(days=2)
    world.stripe.save_card(lea, world.stripe.card("approve"))
    world.advance(days=18)
    assert world.stripe.charges(lea, by="api") == []
    case = world.case_of(lea)
    assert case.outcome is Outcome.ENDED
    (churned,) = world.facts("subscription.churned")
    assert (churned["kind"], churned["reason"]) == ("voluntary", "consent_withdrawn")


def test_a_decline_about_our_own_set_up_asks_a_person_and_writes_no_letter(world: World) -> None:
    """`currency_not_supported` is nothing a customer can cure."""
    mia = world.customer("mia", ["currency_not_supported"])
    world.advance(days=5)
    case = world.case_of(mia)
    assert case.state is CaseState.IN_REVIEW
    assert world.letters_to(mia) == []
    assert world.stripe.charges(mia, by="api") == []
    assert [line["case"] for line in world.log("review.opened")] == [f"C-{case.id}"]


def test_a_short_timeline_in_yen_says_the_right_amount(world: World) -> None:
    """4900 yen are 4,900 yen, in the letter and at Stripe."""
    yuki = world.customer("yuki", ["insufficient_funds"], currency="jpy", country="JP")
    world.advance(days=1)
    (letter,) = world.letters_to(yuki)
    assert "4,900" in letter.subject
    assert "49.00" not in letter.text


def test_dinars_have_three_decimals(world: World) -> None:
    """4900 of the smallest unit are 4.900 dinars."""
    omar = world.customer("omar", ["insufficient_funds"], currency="kwd", country="KW")
    world.advance(days=1)
    (letter,) = world.letters_to(omar)
    assert "4.900" in letter.subject
    (state,) = [one.state for one in world.case_of(omar).letters]
    assert state is LetterState.SENT


def test_over_the_end_of_summer_time_no_two_tries_are_too_close(world: World) -> None:
    """The night of 2027-03-28 has 23 hours; gaps are counted in hours that really passed."""
    world.advance_to(START + timedelta(days=115))
    noa = world.customer("noa", ["insufficient_funds"])
    world.advance(days=8)
    tries = world.stripe.charges(noa)
    assert len(tries) >= 5
    assert all(b["at"] - a["at"] >= 20 * 3600 for a, b in pairwise(tries))
