"""What was told, on disk: a file of its own, because one of the causes is that the store cannot be written."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from abreast.alerts.register import ENTRIES_JSON, Entry

log: Final = logging.getLogger(__name__)


class Memory:
    """One file of JSON, for this user alone; a disk that fails costs nothing but what would be told twice."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._failed = False

    def load(self) -> list[Entry]:
        """What an earlier control plane had told; nothing if that cannot be read, which is logged."""
        try:
            return ENTRIES_JSON.validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            log.warning("%s cannot be read, so what stands is told once more: %s", self._file.name, error)
            return []

    def save(self, entries: Sequence[Entry]) -> None:
        """Replace it, whole or not at all. A failure is logged once, until it works again."""
        draft = self._file.with_suffix(".new")
        try:
            draft.touch(mode=0o600)
            draft.write_bytes(ENTRIES_JSON.dump_json(list(entries)))
            draft.replace(self._file)
        except OSError as error:
            if not self._failed:
                log.warning("%s cannot be written: %s", self._file.name, error.strerror)
            self._failed = True
        else:
            self._failed = False
