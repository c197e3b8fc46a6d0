"""Real processes under kills, freezes, full and lost queues, a stopped database and a bad Stripe.

The short form; `python -m tests.chaos --runs 10` is the whole one.
"""

import pytest

from tests.chaos.driving import REST_SECONDS_MAX
from tests.chaos.plan import SHORT
from tests.chaos.runs import run


@pytest.mark.timeout(900)
def test_a_dozen_kills_change_no_story() -> None:
    """Nobody pays twice or after an end, no letter comes twice, and all ends as in calm."""
    result = run("1", SHORT)
    assert result.violations == [], "\n".join(result.log.splitlines()[-200:])
    assert result.kills == SHORT.kills
    assert result.dealt.total() == SHORT.blows
    # A worker whose process was killed may be killed as a whole before it has ended by itself.
    assert result.restarts > SHORT.kills / 2
    assert result.met_work.total() > 3, "blows must meet work under way"
    assert result.faults.total() > 3
    assert result.longest_rest_seconds < REST_SECONDS_MAX
    assert (result.webhooks > 100, result.sealed_seen > 50) == (True, True)
