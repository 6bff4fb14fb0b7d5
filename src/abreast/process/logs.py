"""Log files that children write to themselves, and that are rotated under their hands.

The child holds the file open in append mode, so there is no pipe that breaks when the control plane dies.
Rotation copies and truncates: after a truncation an appending writer goes on at the new end.
"""

import os
import re
from pathlib import Path

MIB = 1 << 20
_CHUNK_BYTES = MIB
_TAIL_BYTES = 8192
_LINE_CHARACTERS = 300
# Colours and other terminal sequences (ECMA-48 control sequences), then any control character.
_NOISE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


class LogFile:
    """One log at ``path`` with ``kept`` older ones beside it: ``.1`` (the newest) and so on.

    All methods raise OSError when the disk fails them.
    """

    def __init__(self, path: Path, *, limit_bytes: int = 10 * MIB, kept: int = 5) -> None:
        self.path = path
        self._limit_bytes = limit_bytes
        self._kept = kept

    def open(self) -> int:
        """A descriptor to append to, for a child's output; the caller closes it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @property
    def size_bytes(self) -> int:
        """Its present length; 0 if there is no file."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def tail(self, since_bytes: int = 0) -> str:
        """The last 8 KiB at most of what was written after ``since_bytes``, as clean text.

        If it was rotated in between it is shorter than that; then everything in it is newer.
        """
        size_bytes = self.size_bytes
        begin = max(since_bytes if since_bytes <= size_bytes else 0, size_bytes - _TAIL_BYTES)
        try:
            with self.path.open("rb") as file:
                file.seek(begin)
                text = file.read(_TAIL_BYTES).decode(errors="replace")
        except FileNotFoundError:
            return ""
        return _NOISE.sub("", text)

    def last_line(self, since_bytes: int = 0) -> str:
        """The last line with anything in it, shortened to 300 characters; "" if there is none."""
        lines = [line.strip() for line in self.tail(since_bytes).splitlines() if line.strip()]
        return lines[-1][:_LINE_CHARACTERS] if lines else ""

    def rotate(self) -> bool:
        """If it has outgrown its limit, move what it holds to ``.1`` and the older ones on; whether it did.

        Everything is copied until nothing new appears, and only then is it cut. What a child is just writing by then
        is lost: some lines, or one long write.
        """
        if self.size_bytes < self._limit_bytes:
            return False
        draft = self._older(0)
        try:
            with self.path.open("r+b", buffering=0) as source, draft.open("wb", buffering=0) as copy:
                while chunk := source.read(_CHUNK_BYTES):
                    copy.write(chunk)
                source.truncate(0)
            for number in range(self._kept - 1, 0, -1):
                if self._older(number).exists():
                    self._older(number).replace(self._older(number + 1))
            draft.replace(self._older(1))
        finally:
            draft.unlink(missing_ok=True)
        return True

    def _older(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
