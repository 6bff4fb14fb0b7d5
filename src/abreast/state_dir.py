"""The state directory ``.abreast``: where everything lies, and who holds it."""

import fcntl
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from abreast.model.errors import AlreadyRunningError, StoreError

NAME: Final = ".abreast"

_SOCKET_ROOM: Final = 80
"""A unix socket's path may have 107 bytes (sun_path in unix(7)); the names of ours need the rest."""


@dataclass(frozen=True)
class StateDir:
    """``path`` is ``.abreast`` beside the spec: store, logs, and what runs now."""

    path: Path

    @classmethod
    def beside(cls, directory: Path) -> "StateDir":
        """The state directory of the spec in ``directory``; nothing is made."""
        return cls(directory.resolve() / NAME)

    @property
    def store(self) -> Path:
        """The database."""
        return self.path / "abreast.db"

    @property
    def logs(self) -> Path:
        """Logs of Envoy and of every instance."""
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """Sockets and records of what runs; elsewhere if the path were too long for a socket."""
        inside = self.path / "run"
        if len(os.fsencode(inside)) <= _SOCKET_ROOM:
            return inside
        name = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"abreast-{os.getuid()}" / name

    @property
    def spec(self) -> Path:
        """The last good spec of a key in etcd; there is none where the spec is a file."""
        return self.path / "spec.json"

    @property
    def agent(self) -> Path:
        """What an agent of a fleet proves with who it is; there is none before it has joined."""
        return self.path / "agent.json"

    @property
    def api(self) -> Path:
        """The API's socket."""
        return self.run / "api.sock"

    def make(self) -> None:
        """Create what is missing, for this user alone. Raises StoreError."""
        try:
            for directory in (self.path, self.logs, self.run.parent, self.run):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            message = f"the state directory {str(self.path)!r} cannot be made: {error.strerror}"
            raise StoreError(message, "make the directory writable, or make room on its disk") from error
        # Whoever may write in the parent could put another directory in the place of ours.
        for directory in (self.run.parent, self.run):
            self._require_own(directory)

    def keep_shadow_key(self, key: str) -> None:
        """Write down the key that signs copied requests, for services that check it. Raises StoreError."""
        file, text = self.path / "shadow.key", f"{key}\n".encode("ascii")
        try:
            if file.exists() and file.read_bytes() == text:
                return
            draft = file.with_suffix(".new")
            draft.touch(mode=0o600)
            draft.write_bytes(text)
            draft.replace(file)  # whole or not at all: a torn key would have every copy refused
        except OSError as error:
            message = f"{str(file)!r} cannot be written: {error.strerror}"
            raise StoreError(message, "make the directory writable, or make room on its disk") from error

    def lock(self) -> int:
        """Hold this directory for this process; returns the descriptor that holds it.

        The kernel lets go when the process ends, however it ends. Raises AlreadyRunningError, StoreError.
        """
        file = self.path / "lock"
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            message = f"{str(file)!r} cannot be opened: {error.strerror}"
            raise StoreError(message, "make the directory writable, or make room on its disk") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            message = f"abreast already runs for {str(self.path.parent)!r} (process {self.holder() or 'unknown'})"
            raise AlreadyRunningError(message, "use it: abreast status; or end it with: abreast down") from error
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            # A full disk; the lock holds all the same, only the holder's number stays untold.
            return descriptor
        return descriptor

    def holder(self) -> str:
        """The id of the process that took the lock last, "" if it could not say so. It may have ended."""
        try:
            with (self.path / "lock").open("rb") as file:
                return file.read(32).decode(errors="replace").strip()
        except OSError:
            return ""

    @staticmethod
    def _require_own(directory: Path) -> None:
        """A directory in a shared place must be ours alone, or somebody else could answer on our sockets."""
        facts = directory.lstat()
        if facts.st_uid != os.getuid() or not stat.S_ISDIR(facts.st_mode) or facts.st_mode & 0o077:
            message = f"{str(directory)!r} is not private to this user"
            raise StoreError(message, f"remove it, or: chmod 700 {directory}")
