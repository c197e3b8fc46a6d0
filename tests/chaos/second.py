"""A second installation: its own database, queue and sender, on the same Stripe account."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.installation import CONFIG, Installation
from worker.rehearsal.embedded.inbox import Mail
from worker.rehearsal.supervisor import Supervisor

OWN_SENDER, ITS_SENDER = "billing@acme.example", "billing@double.example"
QUEUE = 1
"""The number of its database in Valkey."""


@dataclass
class Second:
    """What somebody starts who does not know that there is one already."""

    on: Installation
    supervisor: Supervisor
    database: str = "double"

    @property
    def database_url(self) -> str:
        """Where its ledger is, empty when it starts."""
        return self.on.postgres.database_url(self.database)

    @property
    def log(self) -> Path:
        """Where its processes write."""
        return self.supervisor.log

    def start(self) -> None:
        """Make its ledger and start one worker and one scheduler."""
        self.on.copy_database(self.database)
        config = shutil.copytree(CONFIG, self.on.folder / "config-of-second")
        notices = config / "notices.yaml"
        notices.write_text(notices.read_text().replace(OWN_SENDER, ITS_SENDER))
        self.supervisor.environ = {
            **self.on.supervisor.environ,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.on.valkey.database_url(QUEUE),
            "CONFIG_DIR": str(config),
        }
        program = self.on.program()
        self.supervisor.start("worker", *program, "work", "--processes", "1", "--threads", "2")
        self.supervisor.start("scheduler", *program, "schedule")

    def watch(self) -> None:
        """Start again what has ended: blows that fell on the servers reach it as well."""
        for process in self.supervisor.processes.values():
            process.short_lives = 0
        self.supervisor.watch()

    def stop(self) -> None:
        """End it for good."""
        self.supervisor.stop()
        self.supervisor.processes.clear()

    def wrote(self, mail: Mail) -> bool:
        """Return whether a letter is one of its own."""
        return ITS_SENDER in str(mail.message["From"])
