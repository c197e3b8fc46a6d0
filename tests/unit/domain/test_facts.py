"""Facts: one id however often they are told, in an envelope that other programs read."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.unit.domain.building import T0
from worker.domain.facts import Fact, cloud_event

FACT = Fact("case.opened", "C-1042", T0, "in_1", {"amount_minor": 4900, "currency": "eur"})


def test_the_same_fact_has_the_same_id_whenever_and_however_it_is_told() -> None:
    retold = replace(FACT, time=datetime(2027, 1, 1, tzinfo=UTC), data={})
    assert retold.id_in("acct_1") == FACT.id_in("acct_1")


@pytest.mark.parametrize(
    "other",
    [replace(FACT, type="case.closed"), replace(FACT, subject="x"), replace(FACT, occasion="x")],
    ids=["type", "subject", "occasion"],
)
def test_another_fact_has_another_id(other: Fact) -> None:
    assert other.id_in("acct_1") != FACT.id_in("acct_1")


def test_a_type_that_nobody_was_told_of_is_refused() -> None:
    with pytest.raises(ValueError, match=r"case\.lost is no type of a fact"):
        replace(FACT, type="case.lost")


def test_accounts_do_not_share_ids() -> None:
    assert FACT.id_in("acct_1") != FACT.id_in("acct_2")


def test_envelope() -> None:
    event = cloud_event(
        fact_id="f1", fact_type=FACT.type, subject=FACT.subject, time=FACT.time, data=FACT.data
    )
    assert json.loads(json.dumps(event)) == {
        "specversion": "1.0",
        "id": "f1",
        "source": "dunning-worker",
        "type": "case.opened",
        "subject": "C-1042",
        "time": "2026-03-02T09:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:dunning-worker:event:case.opened:1",
        "data": {"amount_minor": 4900, "currency": "eur"},
    }


def test_the_envelope_does_not_share_its_data() -> None:
    data: dict[str, object] = {"a": 1}
    event = cloud_event(fact_id="f", fact_type="t", subject="s", time=T0, data=data)
    data["a"] = 2
    assert event["data"] == {"a": 1}
