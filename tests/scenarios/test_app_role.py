"""All of the worker under the role that may not rewrite facts: stories end as they always do."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import make_url

from tests.scenarios.servers import empty
from tests.scenarios.test_retry_by_hand import view_of
from tests.scenarios.world import Servers, World
from worker.cli.act_hold import WishedHold, hold, release
from worker.domain.case import CaseState, Outcome
from worker.jobs.table import JOBS
from worker.office.audit import audit_chain
from worker.rehearsal.embedded.inbox import Inbox
from worker.rehearsal.sandbox.main import Running
from worker.services.operate import go, stop
from worker.store.app_role import grant_app_role


@pytest.fixture
def bound(
    story_database_url: str, redis_url: str, smtp_inbox: Inbox, stripe_box: Running
) -> Iterator[World]:
    """Give a world whose worker has no more rights than its processes have in production."""
    empty(story_database_url)
    role = f"app_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(story_database_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN".encode())
        grant_app_role(story_database_url.replace("postgresql:", "postgresql+psycopg:"), role)
        url = make_url(story_database_url).set(username=role).render_as_string()
        made = World(Servers(url, redis_url, stripe_box.base_url), smtp_inbox)
        yield made
        made.close()
        admin.execute(f"DROP OWNED BY {role}".encode())
        admin.execute(f"DROP ROLE {role}".encode())


def test_a_whole_story_under_the_role_of_the_processes(
    bound: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anna recovers, Bela's card dies and he is cancelled, Cora is held and released."""
    (user,) = bound.rows("SELECT current_user AS name, has_table_privilege('events', 'UPDATE')")
    assert user["name"].startswith("app_")
    assert not user["has_table_privilege"]
    anna = bound.customer("anna", ["insufficient_funds", "insufficient_funds", "approve"])
    bela = bound.customer("bela", ["lost_card"])
    cora = bound.customer("cora", ["insufficient_funds"])
    bound.advance(days=2)
    hold(view_of(bound), cora.id, WishedHold("legal"), by="jo", reason="a letter of a lawyer")
    bound.advance(days=1)
    assert bound.case_of(cora).state is CaseState.HELD
    release(view_of(bound), cora.id, by="jo", reason="settled")
    app = bound.app
    assert stop(ledger=app.ledger, clock=app.clock, now=bound.now, by="jo", reason="a look")
    bound.advance(hours=2)
    assert go(ledger=app.ledger, clock=app.clock, now=bound.now, by="jo", reason="fine") is not None
    bound.advance(days=17)
    for name in JOBS:
        bound.job(name)
    capsys.readouterr()
    assert bound.case_of(anna).outcome is Outcome.RECOVERED
    assert bound.case_of(bela).outcome is Outcome.ENDED
    assert bound.notices_to(bela)[-1] == "subscription_ended"
    assert bound.letters_to(cora) != []
    assert bound.log("job.failed") + bound.log("invariant.broken") == []
    audit = audit_chain(app.ledger)
    assert audit.flaw is None
    assert audit.head.position == len(bound.rows("SELECT seq FROM events")) > 20
