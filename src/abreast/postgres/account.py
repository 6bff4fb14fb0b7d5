"""Whom servers run as: PostgreSQL refuses to run as root, so root hands its processes to an unprivileged user."""

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from abreast.model.errors import DatabaseError

NAMES: Final = ("postgres", "nobody")
"""The users that root takes, the first there is."""
INHERITED: Final = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
"""What of our environment a server gets: PGDATA, PGPORT and their like would lead its programs astray."""


@dataclass(frozen=True)
class Account:
    """A user of the operating system; ``switched`` where it is not the one who runs abreast."""

    name: str
    uid: int
    gid: int
    switched: bool

    def run(
        self, argv: Sequence[str], *, cwd: Path, timeout_s: float, environ: Mapping[str, str] = os.environ
    ) -> subprocess.CompletedProcess[str]:
        """What the command printed and how it ended, run as this user. DatabaseError when it does not run or end."""
        env = {name: environ[name] for name in INHERITED if name in environ} | {"LC_ALL": "C"}
        try:
            return subprocess.run(  # noqa: S603 - no shell; PostgreSQL's own programs
                argv,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
                umask=0o077,
                user=self.uid if self.switched else None,
                group=self.gid if self.switched else None,
                extra_groups=[] if self.switched else None,
            )
        except OSError as error:
            raise DatabaseError(
                f"{argv[0]} cannot be run as the user {self.name}: {error.strerror}", "see that this user may run it"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise DatabaseError(
                f"{argv[0]} did not end within {timeout_s:g} s", "see whether the machine is overloaded, then try again"
            ) from error

    def reaches(self, path: Path) -> bool:
        """Whether this user may enter the directory or run the file."""
        return not self.switched or self.run(["test", "-x", str(path)], cwd=Path("/"), timeout_s=10).returncode == 0

    def own(self, path: Path) -> None:
        """Give the file or directory to this user; of a link the link itself, wherever it may lead."""
        if self.switched:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def server_account() -> Account:
    """The user who runs abreast; for root the first of ``NAMES``. DatabaseError where root has none of them."""
    uid = os.geteuid()
    if uid:
        return Account(str(uid), uid, os.getegid(), switched=False)
    for name in NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid, switched=True)
    raise DatabaseError(
        f"PostgreSQL does not run as root, and there is no user {' or '.join(NAMES)} to run it as",
        "make one (useradd --system postgres), or run abreast as another user",
    )
