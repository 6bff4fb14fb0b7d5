"""What is written down about a running instance, so that the next control plane can take it over.

The token in a process's environment is the truth about what runs; the record adds what a process cannot tell:
its port and what it was started as. It is written before the start (without a process) and completed after
it, so that a control plane killed at any moment leaves nothing unknown.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from abreast.model.service import Version
from abreast.process.supervised import Mark

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Record:
    """One start of one instance. The version comes without its environment, which may hold secrets."""

    id: str
    number: int
    birth: str
    port: int
    fingerprint: str
    version: Version
    restarts: int = 0
    mark: Mark | None = None


_JSON = TypeAdapter(Record)


class Records:
    """The records of one driver: a folder of files named after the instances."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, record: Record) -> None:
        """Write it whole or not at all. Raises OSError."""
        draft = self._file(record.id).with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_bytes(_JSON.dump_json(replace(record, version=replace(record.version, env=()))))
        draft.replace(self._file(record.id))

    def remove(self, instance: str) -> None:
        """Forget the instance; nothing happens if it is not known."""
        self._file(instance).unlink(missing_ok=True)

    def load(self) -> Sequence[Record]:
        """All of them; a file that is no record (any more) is removed, for its process is found by its token."""
        found = []
        for file in sorted(self._folder.glob("*.json")):
            try:
                found.append(_JSON.validate_json(file.read_bytes()))
            except ValidationError as error:
                _log.warning("%s is no record of an instance and is removed: %s", file, error)
                file.unlink(missing_ok=True)
        return found

    def _file(self, instance: str) -> Path:
        return self._folder / f"{instance}.json"
