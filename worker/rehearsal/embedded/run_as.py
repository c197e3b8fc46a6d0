"""How PostgreSQL, which refuses to run as root, is run by root (and simply by everybody else).

As root the first choice is a user namespace in which root is called nobody: no user is made, no
file changes hands, and it works below root's private home. Where namespaces are forbidden, or
the folder belongs to somebody else and is private, PostgreSQL runs as the real user nobody, from
copies in a folder that nobody can enter.
"""

import enum
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from worker.errors import ConfigError

NAMESPACE = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]


class Manner(enum.Enum):
    """The three ways to run a server that refuses to be root."""

    DIRECT = "direct"
    NAMESPACE = "namespace"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom a command runs: a prefix for it, or a numeric user and group to change to."""

    manner: Manner
    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    def run(self, command: list[str], timeout_seconds: float) -> subprocess.CompletedProcess[str]:
        """Run a short command as this identity to its end; output and errors in `stdout`."""
        return subprocess.run(
            [*self.prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_seconds,
            check=False,
            cwd="/",
            user=self.user,
            group=self.group,
            extra_groups=None if self.group is None else [],
        )

    def can_use(self, folder: Path, program: Path) -> bool:
        """Return whether this identity may write in *folder* and execute *program*."""
        question = ["/bin/sh", "-c", 'test -w "$0" && test -x "$1"', str(folder), str(program)]
        try:
            return self.run(question, timeout_seconds=10).returncode == 0
        except (OSError, subprocess.SubprocessError):
            return False

    def dies_with_parent(self, signal_name: str) -> list[str]:
        """Return the prefix that has the kernel send *signal_name* (`INT`) when the parent ends.

        Entering a user namespace clears such a wish, so it has to be made inside. The guard makes
        it for the other manners, which have no prefix.
        """
        if self.manner is Manner.NAMESPACE:
            return ["setpriv", "--pdeathsig", signal_name]
        return []


def direct() -> Identity:
    """Return the identity of this process."""
    return Identity(Manner.DIRECT)


def namespaced() -> Identity | None:
    """Return root under the name nobody, or None where user namespaces cannot be made."""
    if not (shutil.which("unshare") and shutil.which("setpriv")):
        return None
    identity = Identity(Manner.NAMESPACE, prefix=tuple(NAMESPACE))
    try:
        probe = identity.run([*identity.dies_with_parent("INT"), "true"], timeout_seconds=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return identity if probe.returncode == 0 else None


def nobody() -> Identity:
    """Return the user nobody of this machine; ConfigError if it has none."""
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as problem:
        raise ConfigError(
            "PostgreSQL does not run as root, and this machine has no user nobody: "
            "run as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own."
        ) from problem
    return Identity(Manner.NOBODY, user=entry.pw_uid, group=entry.pw_gid)


def is_root() -> bool:
    """Return whether this process runs as root, whom PostgreSQL refuses to serve."""
    return os.geteuid() == 0
