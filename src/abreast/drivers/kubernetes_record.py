"""The pods that were known last, on disk: for a control plane that starts while the API server is away.

Its gateway may still serve (Envoy outlives the control plane), and must not be told that there is nobody.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from abreast.model.service import Instance

_log = logging.getLogger(__name__)
_JSON = TypeAdapter(tuple[Instance, ...])


class KnownPods:
    """One file, written whole or not at all; what it says is only believed until the server answers."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._saved: tuple[Instance, ...] | None = None

    def save(self, instances: Sequence[Instance]) -> None:
        """Remember these; a disk that cannot be written costs a warning and nothing else."""
        if tuple(instances) == self._saved:
            return
        draft = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.touch(mode=0o600)
            draft.write_bytes(_JSON.dump_json(tuple(instances)))
            draft.replace(self._file)
        except OSError as error:
            _log.warning("the pods that are known cannot be written to %s: %s", self._file, error)
        else:
            self._saved = tuple(instances)

    def load(self) -> Sequence[Instance]:
        """Those that were saved last; none if there is no such file, or it is no record."""
        try:
            return _JSON.validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError) as error:
            _log.warning("%s is no record of pods: %s", self._file, error)
            return ()
