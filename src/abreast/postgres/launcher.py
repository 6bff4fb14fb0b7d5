"""A PostgreSQL server of our own: made, started, found again and stopped, for the demo and for tests.

It is nobody's child: it outlives who started it, killed or not, and the next ``start`` adopts it. It listens on a
unix socket in a directory that only its user (and root) can enter, and there everybody is trusted; on loopback only
where a port is asked for, with a password.

A cluster's home has ``data/`` (PostgreSQL's), ``socket/``, ``log`` (of the last start) and ``password``.
"""

import re
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import psutil

from abreast.model.errors import DatabaseError
from abreast.postgres.account import Account, server_account
from abreast.postgres.binaries import Binaries
from abreast.postgres.home import SOCKET, ready_home, write

SUPERUSER: Final = "postgres"
SOCKET_PORT: Final = 5432
"""Part of the name of the socket's file where no port is asked for; nothing listens on it."""
START_S: Final = 60
STOP_S: Final = 30

_CONFIGURATION: Final = "postgresql.conf"
_INITDB_S: Final = 120
_POLL_S: Final = 0.05
_SPARE_S: Final = 5  # beyond what pg_ctl was told to wait
_STILL_IN_USE: Final = "pre-existing shared memory block"  # by sessions that have not seen their killed server's end
_TELLING: Final = re.compile(
    r"\b(FATAL|PANIC|ERROR|HINT|DETAIL|error|invalid|could not"
    r"|LOG:  (?!starting PostgreSQL|listening on|database system|redo |checkpoint |received |shutting down|aborting))\b"
)


@dataclass(frozen=True)
class Cluster:
    """One server and its data. ``home`` is where it truly is; ``port`` is that on loopback, None for none."""

    home: Path
    binaries: Binaries
    account: Account
    settings: tuple[tuple[str, str], ...]
    port: int | None

    @classmethod
    def create(
        cls, directory: Path, binaries: Binaries, settings: Mapping[str, str] | None = None, *, port: int | None = None
    ) -> "Cluster":
        """The cluster of that directory, made by initdb where there is none yet (C locale, UTF8); not started.

        The home is elsewhere where the directory will not do (``home.ready_home``). DatabaseError with initdb's
        words, where something else is in the directory, and where its data is another user's or major version's.
        """
        account = server_account()
        home = ready_home(directory, account)
        if not account.reaches(binaries.directory / "postgres"):
            binaries = _reachable(binaries, home / "programs", account)
        cluster = cls(home, binaries, account, tuple((settings or {}).items()), port)
        if not (home / "data").exists():
            cluster._initdb()
        cluster._check_major()
        return cluster

    def start(self, timeout_s: int = START_S) -> None:
        """Run the server and wait until it takes connections; one that runs already with these settings is adopted.

        One with other settings is stopped first. DatabaseError with the log's words when it does not start.
        """
        deadline = time.monotonic() + timeout_s
        wanted, file = self._configuration(), self.home / "data" / _CONFIGURATION
        if self.pid() is not None:
            if file.read_text(encoding="utf-8") == wanted and self._becomes_ready(deadline):
                return
            self.stop()
        write(file, wanted, self.account)
        log = self.home / "log"
        while True:
            log.unlink(missing_ok=True)
            # A new server would take any process (or zombie) with the number of a dead one for a server. That two
            # never share the data does not hang on these files: each also asks for the data's shared memory.
            for left in (self.home / "data" / "postmaster.pid", *(self.home / SOCKET).iterdir()):
                left.unlink(missing_ok=True)
            failed, told = self._pg_ctl("start", "-l", str(log), timeout_s=timeout_s)
            if not failed:
                return
            said = _telling(log.read_text(encoding="utf-8", errors="replace") if log.exists() else told)
            if _STILL_IN_USE not in said or time.monotonic() > deadline:
                raise DatabaseError(
                    f"PostgreSQL {self.binaries.major} in {self.home} does not start:\n{said}",
                    f"mend what it names; all it said is in {log}",
                )
            time.sleep(_POLL_S)

    def stop(self, timeout_s: int = STOP_S) -> None:
        """End all sessions and the server; nothing where it does not run. DatabaseError if it stays.

        It is told a second time, to leave at once, after ``timeout_s``; its next start then recovers.
        """
        told = ""
        for mode in ("fast", "immediate"):
            if self.pid() is None:
                return
            _, told = self._pg_ctl("stop", "-m", mode, timeout_s=timeout_s)
        pid = self.pid()
        if pid is not None:
            raise DatabaseError(
                f"PostgreSQL in {self.home} (process {pid}) does not stop:\n{told}", f"end it by hand: kill -9 {pid}"
            )

    def remove(self) -> None:
        """Stop it and delete everything of it."""
        self.stop()
        shutil.rmtree(self.home)

    def pid(self) -> int | None:
        """The process id of the running server, or None.

        The number in ``postmaster.pid`` may be that of a server long dead, and another process may have it by now: a
        server's working directory is its data (the server changes there as it starts).
        """
        data = self.home / "data"
        try:
            pid = int((data / "postmaster.pid").read_text(encoding="utf-8").partition("\n")[0])
            return pid if psutil.Process(pid).cwd() == str(data) else None
        except (FileNotFoundError, ValueError, psutil.Error):
            return None

    def url(self, database: str = SUPERUSER, *, user: str = SUPERUSER, tcp: bool = False) -> str:
        """The address of a database: through the socket, or over loopback (``tcp``).

        Over loopback a password is asked for, and only the superuser's is known here. DatabaseError without a port.
        """
        if not tcp:
            parameters = urlencode({"host": self.home / "socket", **({"port": self.port} if self.port else {})})
            return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?{parameters}"
        if self.port is None:
            raise DatabaseError(f"PostgreSQL in {self.home} listens on no port", "create the cluster with a port")
        who = quote(user, safe="")
        if user == SUPERUSER:
            who += ":" + (self.home / "password").read_text(encoding="ascii")
        return f"postgresql://{who}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def _initdb(self) -> None:
        """Into another name first: what is called ``data`` is whole, whenever we are killed."""
        unfinished = self.home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        password = self.home / "password"
        write(password, secrets.token_urlsafe(), self.account)
        options = [f"--pgdata={unfinished}", f"--username={SUPERUSER}", f"--pwfile={password}", "--no-instructions"]
        options += ["--encoding=UTF8", "--locale=C", "--auth-local=trust", "--auth-host=scram-sha-256"]
        if dict(self.settings).get("fsync") == "off":
            options.append("--no-sync")
        told = self.account.run([self.binaries.program("initdb"), *options], cwd=self.home, timeout_s=_INITDB_S)
        if told.returncode:
            raise DatabaseError(
                f"initdb of PostgreSQL {self.binaries.major} failed in {self.home}:\n{_telling(told.stdout)}",
                "mend what it names, then try again",
            )
        unfinished.rename(self.home / "data")

    def _check_major(self) -> None:
        file = self.home / "data" / "PG_VERSION"
        try:
            made_by = file.read_text(encoding="ascii").strip()
        except FileNotFoundError as error:
            raise DatabaseError(
                f"{file.parent} is not the data of a PostgreSQL: it has no PG_VERSION", f"remove {self.home}"
            ) from error
        if made_by != str(self.binaries.major):
            raise DatabaseError(
                f"{file.parent} was made by PostgreSQL {made_by}, and {self.binaries.directory} is "
                f"{self.binaries.major}",
                f"use the programs of {made_by} (ABREAST_PG_BIN), or remove {self.home}",
            )

    def _configuration(self) -> str:
        """The whole postgresql.conf: what is not in it has the server's default, not what initdb makes of a machine."""
        wanted = {
            "listen_addresses": "127.0.0.1" if self.port else "",
            "port": str(self.port or SOCKET_PORT),
            "unix_socket_directories": str(self.home / SOCKET),
            "lc_messages": "C",
            **dict(self.settings),
        }
        quoted = {name: value.replace("\\", "\\\\").replace("'", "''") for name, value in wanted.items()}
        return "".join(f"{name} = '{value}'\n" for name, value in quoted.items())

    def _becomes_ready(self, deadline: float) -> bool:
        """Wait for a server that is starting; False where it is ending instead, or not ready by then.

        The last line of ``postmaster.pid`` is its state; pg_ctl waits for the same.
        """
        while self.pid() is not None and time.monotonic() < deadline:
            try:
                lines = (self.home / "data" / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            except FileNotFoundError:
                return False
            state = lines[-1].strip()
            if state in {"ready", "stopping"}:
                return state == "ready"
            time.sleep(_POLL_S)
        return False

    def _pg_ctl(self, action: str, *options: str, timeout_s: int) -> tuple[int, str]:
        argv = [self.binaries.program("pg_ctl"), action, "-D", str(self.home / "data"), "-w", "-t", str(timeout_s)]
        told = self.account.run([*argv, *options], cwd=self.home, timeout_s=timeout_s + _SPARE_S)
        return told.returncode, told.stdout.strip()


def _reachable(binaries: Binaries, to: Path, account: Account) -> Binaries:
    """The programs, copied: their own place (a virtual environment of root's) is closed to the account."""
    copied = binaries.copied(to)
    for path in (to, *to.rglob("*")):
        account.own(path)
    return copied


def _telling(text: str) -> str:
    """The lines that say what is wrong, at most five; the last ones where none does."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(([line for line in lines if _TELLING.search(line)] or lines)[-5:])
