"""What nobody caught ends in the log without what it quotes, and past it nothing is printed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys, threading
from worker.clock import wall_now
from worker.joblog import build_joblog, capture_libraries, capture_uncaught
log = build_joblog(sys.stdout, log_format="json", level="info", process="worker", wall_now=wall_now)
capture_libraries(log)
capture_uncaught(log)
SECRETS = "sk_live_51Habc anna@customers.example 4242 4242 4242 4242 password=hunter2"
class Dies:
    def __del__(self):
        raise RuntimeError(SECRETS)
def dies():
    raise RuntimeError(SECRETS)
"""
ENDS = {
    "thread": "t = threading.Thread(target=dies, name='beat'); t.start(); t.join()",
    "process": "dies()",
    "finaliser": "Dies()",
    "stripe": """
import stripe
from worker.gateway.limits import *
from worker.gateway.transport import Transport
Transport(api_key="rk_test_51Habc", limiter=None)
stripe._util.log_debug("Request", body=SECRETS)
stripe._util.log_info("Request", body=SECRETS)
import logging
logging.getLogger("stripe").warning("%s", SECRETS)
""",
    "uvicorn": "import logging; logging.getLogger('uvicorn.error').error('%s', SECRETS)",
}


@pytest.mark.parametrize("where", ENDS)
def test_it_is_one_line_without_a_secret(where: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + ENDS[where]],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"STRIPE_LOG": "debug"},
    )
    (line,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert line["event"] == "library"
    said = done.stdout + done.stderr
    for secret in ("51Habc", "anna", "4242 4242", "hunter2"):
        assert secret not in said
    assert done.stderr == ""
    assert "[address]" in said
