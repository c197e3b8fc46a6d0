"""A plan as JSON and as CSV: ids and figures, times in UTC, money in minor units."""

from collections.abc import Iterator, Sequence

from worker.domain.forecast_values import Condition
from worker.domain.identifiers import case_name
from worker.domain.money import Money
from worker.office.plan import Plan, PlanRow, Still, Totals, totals_of
from worker.office.plan_text import what_words
from worker.office.sheets import csv_text
from worker.office.words import json_instant, json_money

COLUMNS = (
    "at",
    "case",
    "customer_id",
    "subscription_id",
    "invoice_id",
    "kind",
    "what",
    "step",
    "amount_minor",
    "currency",
    "rule",
    "due_at",
    "because",
    "sure",
    "if_case",
    "if_step_fails",
    "if_step_at",
    "waits_for",
)


def plan_csv(plan: Plan) -> str:
    """Return every planned act, a line each, in order of time."""
    return csv_text(COLUMNS, (_cells(row) for row in plan.rows))


def _cells(row: PlanRow) -> Sequence[object]:
    planned, line, condition = row.planned, row.line, row.planned.condition
    return (
        json_instant(planned.at),
        case_name(line.id),
        line.customer_id,
        line.subscription_id,
        line.invoice_id,
        planned.kind.value,
        what_words(planned),
        planned.step,
        planned.amount_minor,
        planned.currency,
        planned.rule,
        json_instant(planned.due_at),
        planned.why,
        "yes" if planned.sure else "no",
        case_name(condition.case_id) if condition is not None else "",
        condition.step if condition is not None else "",
        json_instant(condition.at) if condition is not None else "",
        condition.waits_for if condition is not None else "",
    )


def plan_json(plan: Plan) -> dict[str, object]:
    """Return the whole plan as data."""
    return {
        "plan": "as if every charge fails and nobody acts",
        "made_at": json_instant(plan.made_at),
        "until": json_instant(plan.until),
        "time_zone": plan.office.zone.key,
        "mode": plan.office.mode.value,
        "config_digest": plan.office.digest,
        "policies_of": plan.previewed or None,
        "cases_kept": [case_name(number) for number in plan.kept],
        "charging": plan.charging.yes,
        "not_charging_because": plan.charging.said or None,
        "rows": [_row(row) for row in plan.rows],
        "days": list(_days(plan)),
        "totals": _totals(totals_of(plan.rows)),
        "limits_reached": [
            {
                "limit": cap.name,
                "at": json_instant(cap.at),
                "planned": cap.planned,
                "allowed": cap.cap.most,
                "currency": cap.cap.currency or None,
            }
            for cap in plan.caps
        ],
        "held": [_still(each) for each in plan.held],
        "in_review": [_still(each) for each in plan.review],
        "not_looked_at_yet": [_still(each) for each in plan.unlooked],
        "standing_still": [_still(each) for each in plan.standing],
    }


def _row(row: PlanRow) -> dict[str, object]:
    planned, line = row.planned, row.line
    return {
        "at": json_instant(planned.at),
        "case": case_name(line.id),
        "customer_id": line.customer_id,
        "subscription_id": line.subscription_id,
        "invoice_id": line.invoice_id,
        "kind": planned.kind.value,
        "what": what_words(planned),
        "step": planned.step or None,
        "notice": planned.notice or None,
        "payment_method_id": planned.method.id if planned.method is not None else None,
        "amount": json_money(Money(planned.amount_minor, planned.currency)),
        "rule": planned.rule,
        "due_at": json_instant(planned.due_at),
        "because": planned.why or None,
        "sure": planned.sure,
        "if": _condition(planned.condition),
    }


def _condition(condition: Condition | None) -> dict[str, object] | None:
    if condition is None:
        return None
    return {
        "case": case_name(condition.case_id),
        "step_fails": condition.step or None,
        "at": json_instant(condition.at),
        "waits_for": condition.waits_for or None,
    }


def _days(plan: Plan) -> Iterator[dict[str, object]]:
    for day, rows in plan.days():
        yield {"date": day.isoformat(), **_totals(totals_of(rows))}


def _totals(totals: Totals) -> dict[str, object]:
    return {
        "charges": totals.charges,
        "charges_sure": totals.sure_charges,
        "letters": totals.letters,
        "letters_sure": totals.sure_letters,
        "endings": totals.endings,
        "endings_sure": totals.sure_endings,
        "sure": [json_money(amount) for amount in totals.sure],
        "possible": [json_money(amount) for amount in totals.possible],
    }


def _still(still: Still) -> dict[str, object]:
    return {
        "case": case_name(still.line.id),
        "customer_id": still.line.customer_id,
        "amount": json_money(still.line.owed),
        "because": still.reason,
    }
