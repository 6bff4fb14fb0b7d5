"""The access log's file: private from its first byte, bounded, and changed under Envoy's hands without losing a line.

Envoy keeps the file open. So the full one is renamed, into which Envoy goes on writing, a new one is put in its place,
and Envoy is told to open the files of its logs again.
"""

import os
from pathlib import Path
from typing import Final

LIMIT_BYTES: Final = 100 * 2**20
KEPT: Final = 5


class AccessFile:
    """The file at ``path`` with ``kept`` older ones beside it: ``.1`` (the newest) and so on.

    All methods raise OSError when the disk fails them.
    """

    def __init__(self, path: Path, *, limit_bytes: int = LIMIT_BYTES, kept: int = KEPT) -> None:
        self.path = path
        self._limit_bytes = limit_bytes
        self._kept = kept

    def make(self) -> None:
        """Create it, readable by this user alone, unless it is there."""
        os.close(os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def rotate(self) -> bool:
        """If it has outgrown its limit, move it and the older ones on; whether it did, and Envoy must be told."""
        try:
            if self.path.stat().st_size < self._limit_bytes:
                return False
        except FileNotFoundError:
            # Somebody moved it away: with a new one in its place Envoy can be told.
            self.make()
            return True
        for number in range(self._kept - 1, 0, -1):
            if self._older(number).exists():
                self._older(number).replace(self._older(number + 1))
        self.path.replace(self._older(1))
        self.make()
        return True

    def _older(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
