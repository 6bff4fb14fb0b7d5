"""The directory of a server of our own: closed, owned by the user it runs as, and within that user's reach."""

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Final

from abreast.model.errors import DatabaseError
from abreast.postgres.account import Account

SHARED: Final = Path("/var/tmp")  # noqa: S108 - what is found there is checked to be ours, and ours alone
"""Where a home is made that cannot be where it was asked for."""
SOCKET: Final = "socket"

_PLAIN: Final = re.compile(r"[\w/.+-]+")  # pg_ctl hands its paths to a shell, the server splits them at commas
_SOCKET_BYTES: Final = 107  # unix(7)
_LONGEST: Final = f"{SOCKET}/.s.PGSQL.65535.lock"
_PRIVATE: Final = 0o700


def ready_home(directory: Path, account: Account) -> Path:
    """``directory``, or one in ``SHARED`` that is the same each time, where that will not do.

    It will not if the server's user cannot reach it (a directory of root's), if its path is too long for a socket,
    or not plain letters. Made where it is not there, with ``socket/`` in it, both mode 0700. DatabaseError where it
    has something else in it, or is another user's.
    """
    home = directory.resolve()
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        fits = len(os.fsencode(home / _LONGEST)) <= _SOCKET_BYTES and _PLAIN.fullmatch(str(home))
        if not fits or not account.reaches(home.parent):
            digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
            home = SHARED / f"abreast-postgres-{account.uid}-{digest}"
        home.mkdir(mode=_PRIVATE, exist_ok=True)
        _check(home, account)
        socket = home / SOCKET
        socket.mkdir(mode=_PRIVATE, exist_ok=True)
        for own in (home, socket):
            own.chmod(_PRIVATE)
            account.own(own)
    except OSError as error:
        raise DatabaseError(
            f"{home} cannot be the home of a PostgreSQL: {error.strerror}", "choose another directory"
        ) from error
    return home


def write(file: Path, text: str, account: Account) -> None:
    """A new file in the place of what is called so, which only the account may read."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(text)
    account.own(file)


def _check(home: Path, account: Account) -> None:
    """DatabaseError unless it is the account's with a cluster in it, or empty and ours; and no link."""
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise DatabaseError(f"{home} cannot be the home of a PostgreSQL: it is a link", "remove it")
    mine = {account.uid}
    if not any(home.iterdir()):
        mine.add(os.geteuid())
    elif not (home / SOCKET).is_dir():
        raise DatabaseError(
            f"{home} has something else in it than a PostgreSQL of abreast's", "choose an empty directory"
        )
    if found.st_uid not in mine:
        raise DatabaseError(
            f"{home} belongs to the user with the id {found.st_uid}, and the server is to run as the user "
            f"{account.name} (id {account.uid})",
            "run abreast as the user who made it, or choose another directory",
        )
