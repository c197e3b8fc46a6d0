"""`dunning case ID`: one case's story, as text or as data."""

from datetime import timedelta

from worker.cli.data_dir import View
from worker.cli.look_cases import case_json, choose_case
from worker.cli.look_story import Story, tell
from worker.cli.look_story_lines import Item
from worker.cli.look_story_plan import Ahead
from worker.cli.look_story_text import facts_above, heading, timeline_rows, what_to_do
from worker.cli.look_why import decision_rows, no_rule_line, today_line, today_rows, why_json
from worker.cli.tables import columns, is_terminal, print_json
from worker.domain.identifiers import case_name
from worker.office.words import OfficeWords, json_instant, json_money
from worker.store.reading import snapshot
from worker.store.reading_case import read_case
from worker.store.reading_status import read_switch

LIVE_INVOICES = "https://dashboard.stripe.com/invoices/"
TEST_INVOICES = "https://dashboard.stripe.com/test/invoices/"


def show_case(view: View, wanted: str, *, why: bool, as_json: bool) -> None:
    """Print the story of the case that *wanted* names; several are listed instead.

    Raises: UsageError: there is none.
    """
    number = choose_case(view, wanted, as_json=as_json)
    if number is None:
        return
    with snapshot(view.ledger) as connection:
        record = read_case(
            connection, view.ledger.account_id, number, now=view.now, wall_now=view.wall_now
        )
        switch = read_switch(connection, view.ledger.account_id)
    story = tell(record, view.office, view.now)
    if as_json:
        print_json(story_json(story, view.words))
        return
    dashboard = ""
    if view.data_dir is None:
        dashboard = LIVE_INVOICES if switch is not None and switch.live else TEST_INVOICES
    print_story(story, view.words, named=is_terminal(), dashboard=dashboard)
    if why:
        print()
        print_why(story, view.words)


def print_story(story: Story, words: OfficeWords, *, named: bool, dashboard: str) -> None:
    """Print the story; *named*: with the customer's name."""
    print(heading(story, named=named))
    columns(facts_above(story, words))
    print()
    columns(timeline_rows(story, words), right=[1])
    print()
    for line in what_to_do(story, dashboard=dashboard):
        print(line)


def print_why(story: Story, words: OfficeWords) -> None:
    """Print each decision that said something new, then what binds the case today."""
    columns(decision_rows(story, words))
    print()
    print(today_line(story, words))
    rows = list(today_rows(story, words))
    if rows:
        columns(rows, heading=("what binds", "until", "why"))
    elif no_rule_line(story):
        print(no_rule_line(story))


def story_json(story: Story, words: OfficeWords) -> dict[str, object]:
    """Return the story as data: ids only, times in UTC, money in minor units."""
    record, network = story.record, story.network
    method, failure = story.method, record.case.failure
    return case_json(record.line) | {
        "policy": record.policy.name if record.policy is not None else None,
        "policy_digest": record.case.policy_digest,
        "opened_at": json_instant(record.case.opened_at),
        "recovered_by": record.recovered_by or None,
        "retries_by": record.case.owner.value if record.case.owner is not None else None,
        "payment_method": None
        if method is None
        else {"id": method.id, "type": method.type, "brand": method.brand, "last4": method.last4},
        "why": None if failure is None else {"said": story.why, "cured_by": story.cured_by},
        "customer_time_zone": story.customer_zone.key,
        **_ahead_json(story.ahead),
        "network": None
        if network is None
        else {
            "allowed_at": json_instant(network.at),
            "rule": network.rule,
            "reason": network.reason,
            "windows": [
                {
                    "network": use.network,
                    "hours": use.window // timedelta(hours=1),
                    "tries": use.count,
                    "highest": use.highest,
                    "limit": use.limit,
                }
                for use in network.uses
            ],
        },
        "others_of_customer": [case_name(each.id) for each in record.others],
        "timeline": [_item_json(item) for item in story.items],
        "decisions": [
            {
                "at": json_instant(decision.at),
                "act": decision.act,
                "rule": decision.rule,
                "reason": decision.reason,
                "next_at": json_instant(decision.next_at),
                "next_step": decision.next_step or None,
                "allowed_from": json_instant(decision.allowed_from),
                "allowed_until": json_instant(decision.allowed_until),
                "inputs": dict(decision.inputs),
            }
            for decision in record.decisions
        ],
        "today": why_json(story, words),
    }


def _ahead_json(ahead: Ahead) -> dict[str, object]:
    ends = ahead.ends
    return {
        "stands_still_because": ahead.standing or None,
        "no_charge_because": ahead.no_charge or None,
        "next": [
            {
                "at": json_instant(coming.at),
                "step": coming.step,
                "kind": "charge" if coming.charge else "letter",
                "because": coming.why,
            }
            for coming in ahead.coming
        ],
        "ends": None
        if ends is None
        else {
            "at": json_instant(ends.at),
            "act": ends.act,
            "due_at": json_instant(ends.due_at),
            "because": ends.because,
        },
    }


def _item_json(item: Item) -> dict[str, object]:
    until = json_instant(item.until_at)
    return {
        "at": json_instant(item.at),
        "what": item.what,
        "detail": item.detail.replace("{until}", until or ""),
        "until_at": until,
        "amount": json_money(item.money) if item.money is not None else None,
        "days": item.days,
    }
