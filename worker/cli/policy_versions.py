"""`dunning policy list` and `show`: which configurations were current, and what they said."""

from worker.cli.data_dir import View
from worker.cli.tables import columns, print_json, print_json_lines
from worker.errors import UsageError
from worker.office.words import json_instant
from worker.ports import ConfigVersion

NONE_YET = "No version is stored yet: the first process that begins stores CONFIG_DIR as version 1."


def show_versions(view: View, *, as_json: bool) -> None:
    """Print every version, newest first; as JSON lines without the files."""
    with view.ledger.begin() as tx:
        versions = tx.versions.every()
    if as_json:
        print_json_lines(_told(version) for version in versions)
        return
    if not versions:
        print(NONE_YET)
        return
    rows = [
        (str(one.no), one.digest[:6], view.words.dated(one.stored_at), one.by, one.reason)
        for one in versions
    ]
    columns(rows, heading=("no", "digest", "when", "who", "why"))


def show_version(view: View, no: int, *, as_json: bool) -> None:
    """Print the files of a version. Raises: UsageError: there is no such version."""
    with view.ledger.begin() as tx:
        version = tx.versions.read(no) if no else tx.versions.current()
    if version is None:
        raise UsageError(f"There is no version {no}: dunning policy list." if no else NONE_YET)
    if as_json:
        print_json({**_told(version), "files": dict(version.files)})
        return
    when = view.words.dated(version.stored_at)
    print(f"# Version {version.no} ({version.digest[:6]}), {when}, {version.by}: {version.reason}")
    for name, text in version.files.items():
        print(f"\n# {name}\n{text.rstrip()}")


def _told(version: ConfigVersion) -> dict[str, object]:
    return {
        "version": version.no,
        "digest": version.digest,
        "stored_at": json_instant(version.stored_at),
        "by": version.by,
        "reason": version.reason,
    }
