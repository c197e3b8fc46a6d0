"""Several policies: who is served by which, and what a later change leaves alone."""

from dataclasses import replace
from datetime import timedelta

from tests.scenarios.servers import MakeWorld
from tests.scenarios.world import World, shipped_configuration
from worker.domain.case import Case, Outcome
from worker.domain.policy import BillingInterval, Configuration, DeclineClass, Match, Policy
from worker.domain.policy_text import digest_of

YEARLY = Match(intervals=(BillingInterval("year", 1),))
GERMAN_BUSINESS = Match(countries=("DE",), metadata={"segment": ("business",)})


def quiet(name: str, *, days: int) -> Policy:
    """Return the shipped policy with one letter after so many days, and nothing before it."""
    shipped = shipped_configuration().dunning.policies[0]
    letter = replace(shipped.steps[0], after=timedelta(days=days))
    ending = replace(shipped.ending, final_letter_step=letter.name)
    return replace(shipped, name=name, steps=(letter,), ending=ending)


def with_policies(*policies: Policy, **matches: Match) -> Configuration:
    """Return the shipped configuration with these policies, first match first."""
    shipped = shipped_configuration()
    dunning = replace(shipped.dunning, policies=policies, matches=matches)
    return replace(shipped, dunning=dunning)


def serving(world: World, case: Case) -> str:
    """Return the name of the policy that a case keeps."""
    (row,) = world.rows(
        "SELECT text->>'name' AS name FROM policies WHERE digest = :d", d=case.policy_digest
    )
    return str(row["name"])


def test_each_customer_is_served_by_the_first_policy_that_matches(make_world: MakeWorld) -> None:
    configuration = with_policies(
        quiet("yearly", days=6),
        quiet("business", days=4),
        quiet("rest", days=2),
        yearly=YEARLY,
        business=GERMAN_BUSINESS,
    )
    world = make_world(configuration=configuration)
    anna = world.customer("anna", ["insufficient_funds"], interval="year")
    bela = world.customer(
        "bela", ["insufficient_funds"], country="DE", metadata={"segment": "business"}
    )
    cleo = world.customer("cleo", ["insufficient_funds"], country="DE")
    world.advance(days=3)
    served = {
        name: serving(world, world.case_of(who))
        for name, who in (("anna", anna), ("bela", bela), ("cleo", cleo))
    }
    assert served == {"anna": "yearly", "bela": "business", "cleo": "rest"}
    assert [len(world.letters_to(who)) for who in (anna, bela, cleo)] == [0, 0, 1]
    world.advance(days=4)
    assert [len(world.letters_to(who)) for who in (anna, bela, cleo)] == [1, 1, 1]


def test_open_cases_keep_the_policy_they_began_with(make_world: MakeWorld) -> None:
    """The files change while a case is open: it goes on as before, the next case does not."""
    before, after = quiet("before", days=3), quiet("after", days=1)
    world = make_world(configuration=with_policies(before))
    dora = world.customer("dora", ["insufficient_funds"])
    world.advance(days=1)
    world.start_worker(configuration=with_policies(after))
    emil = world.customer("emil", ["insufficient_funds"])
    world.advance(days=1.5)
    assert world.case_of(dora).policy_digest == digest_of(before)
    assert world.case_of(emil).policy_digest == digest_of(after)
    assert [len(world.letters_to(who)) for who in (dora, emil)] == [0, 1]
    world.advance(days=2)
    assert [len(world.letters_to(who)) for who in (dora, emil)] == [1, 1]


def test_withdrawn_consent_is_no_choice_where_the_policy_of_the_case_does_not_say_so(
    make_world: MakeWorld,
) -> None:
    """Without `count_as: voluntary` the loss is one for want of payment."""
    shipped = shipped_configuration()
    withdrawn = DeclineClass.CONSENT_WITHDRAWN
    kept = shipped.dunning.policies[-1]
    rule = replace(kept.when_declined[withdrawn], count_as_voluntary=False)
    other = replace(kept, when_declined={**kept.when_declined, withdrawn: rule})
    world = make_world(configuration=with_policies(other))
    lea = world.customer("lea", ["revocation_of_all_authorizations"])
    world.advance(days=2)
    world.start_worker(configuration=shipped)
    world.advance(days=18)
    assert world.case_of(lea).outcome is Outcome.ENDED
    (churned,) = world.facts("subscription.churned")
    assert (churned["kind"], churned["reason"]) == ("involuntary", "consent_withdrawn")
