"""Where PostgreSQL's data and programs lie and as whom it runs, settled before each start."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from worker.errors import ConfigError
from worker.rehearsal.embedded.run_as import Identity, direct, is_root, namespaced, nobody

POINTER = "postgres.elsewhere"


@dataclass(frozen=True, slots=True)
class Premises:
    """`place` holds the data, `home` the programs; `identity` may use both."""

    place: Path
    home: Path
    identity: Identity


def settle(folder: Path, home: Path) -> Premises:
    """Return the premises for the data of *folder* and PostgreSQL's programs below *home*.

    An ordinary user, and root where it can call itself nobody in a user namespace, keep the data
    in *folder*. Otherwise data and copies of the programs go to a folder of their own that the
    user nobody can enter, and *folder* keeps a note where that is. Raises ConfigError if a noted
    folder is gone.
    """
    if not is_root():
        return Premises(folder, home, direct())
    pointer = folder / POINTER
    identity = namespaced()
    if identity and not pointer.exists() and identity.can_use(folder, home / "bin" / "postgres"):
        return Premises(folder, home, identity)
    place, identity = _noted_place(pointer), nobody()
    own_home = home if identity.can_use(Path("/"), home) else _copied(home, place)
    return Premises(place, own_home, identity)


def make_usable(path: Path, identity: Identity) -> Path:
    """Make an empty private folder at *path* that belongs to *identity*, and return it."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    give(path, identity)
    return path


def give(path: Path, identity: Identity) -> None:
    """Let *path* belong to *identity*, if that is another user than ours."""
    if identity.user is not None and identity.group is not None:
        os.chown(path, identity.user, identity.group)


def discard(folder: Path) -> None:
    """Remove *folder* with everything in it, and the data that it notes to lie elsewhere."""
    pointer = folder / POINTER
    if pointer.exists():
        shutil.rmtree(pointer.read_text().strip(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _noted_place(pointer: Path) -> Path:
    """Return the folder that *pointer* names; a new one, noted there, if there is no pointer."""
    if pointer.exists():
        place = Path(pointer.read_text().strip())
        if not place.is_dir():
            raise ConfigError(
                f"The database of {pointer.parent} lay in {place}, which is gone: "
                f"remove {pointer.parent} to begin anew."
            )
        return place
    lasting = Path("/var/tmp")  # noqa: S108 - mkdtemp makes a new folder of our own in it
    place = Path(tempfile.mkdtemp(prefix="dunning-", dir=lasting if lasting.is_dir() else None))
    place.chmod(0o755)
    pointer.write_text(f"{place}\n")
    return place


def _copied(home: Path, place: Path) -> Path:
    """Return a copy of *home* in *place*, made anew if the original has changed since.

    A Linux wheel keeps libraries in a folder beside the package, `<package>.libs`, which its
    programs look for from where they lie: so the copy has the same shape.
    """
    package = home.parent
    libraries = package.with_name(f"{package.name}.libs")
    copies, witness = place / "programs", Path("bin", "postgres")
    copy = copies / package.name / home.name
    if not _same(home / witness, copy / witness):
        shutil.rmtree(copies, ignore_errors=True)
        shutil.copytree(home, copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
        if libraries.is_dir():
            shutil.copytree(libraries, copies / libraries.name, symlinks=True)
        for folder in (copies, copies / package.name):
            folder.chmod(0o755)
    return copy


def _same(original: Path, copy: Path) -> bool:
    if not copy.exists():
        return False
    one, other = original.stat(), copy.stat()
    return (one.st_size, int(one.st_mtime)) == (other.st_size, int(other.st_mtime))
