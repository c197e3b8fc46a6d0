"""Acts that a policy leaves to a person: asked for, waited for, and done once a person approves.

A person approves one act as it was shown to them. Where anything of it has changed since (paid in
part, another amount, another try) the approval is over and the person is asked anew.
"""

from dataclasses import replace
from datetime import datetime

from worker.domain.case import Question
from worker.domain.decisions import Decision, Refuse, Skip, Wait
from worker.domain.engine_situation import Situation
from worker.domain.engine_standing import LOOK_AGAIN
from worker.domain.policy import PersonDecides, Policy
from worker.domain.step_names import readable

ENDING = "ending"
RULE = "person_decides"


def question_of(at: Situation, step: str) -> Question:
    """Return what a person is asked about *step*, as things stand now."""
    invoice, no, digest = at.invoice, at.case.next_asked_no, at.policy.digest
    return Question(step, invoice.amount_remaining_minor, invoice.currency, no, digest)


def must_ask(at: Situation, about: PersonDecides, step: str) -> bool:
    """Return whether *step* may not be done before a person has approved it."""
    if about not in at.policy.person_decides:
        return False
    approval = at.around.approval
    return approval is None or not _covers(approval.question, question_of(at, step), at.policy)


def _covers(approved: Question, asked: Question, policy: Policy) -> bool:
    """Return whether a yes to *approved* is one to *asked*.

    A later step of the policy that has become due meanwhile takes the place of the one that was
    shown: it is the same charge of the same amount. A new card is another matter.
    """
    if approved == replace(asked, step=approved.step):
        steps = (policy.step(approved.step), policy.step(asked.step))
        return approved.step == asked.step or all(step and step.charge for step in steps)
    return False


def ask(at: Situation, step: str, skips: tuple[Skip, ...], *, look_at: datetime | None) -> Decision:
    """Wait for a person; an approval of something else that waits there is over.

    Args: look_at: when something else of the case is due before the next day's look.
    """
    question, approval = question_of(at, step), at.around.approval
    if approval is not None:
        return Decision(
            Refuse(approval.id),
            "approval_over",
            f"{approval.by} approved {readable(approval.question.step)}; since then"
            f" {_what_changed(approval.question, question)}: a person decides anew.",
            at.now,
        )
    later = at.now + LOOK_AGAIN
    return Decision(
        Wait(),
        RULE,
        f"A person decides about {_named(step)}.",
        min(look_at, later) if look_at is not None and look_at > at.now else later,
        skips=skips,
        next_step=step,
        inputs=question.as_inputs(),
    )


def _named(step: str) -> str:
    return "the ending" if step == ENDING else readable(step)


def _what_changed(approved: Question, now: Question) -> str:
    if (approved.amount_minor, approved.currency) != (now.amount_minor, now.currency):
        return "the amount has changed"
    if approved.policy_digest != now.policy_digest:
        return "the case has another policy"
    if approved.attempt_no != now.attempt_no:
        return "another try was made"
    return f"{_named(now.step)} has become due"
