"""The endpoints that registries told last, in a file: who starts while one is away goes on with them."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from abreast.drivers.registry.found import endpoint
from abreast.model.service import Endpoint, Version

log: Final = logging.getLogger(__name__)


class Kept:
    """The file, ``registry.json`` in the state directory. What cannot be read or written is only logged."""

    def __init__(self, file: Path) -> None:
        """Read what is there."""
        self._file = file
        self._by_version = _read(file)

    def endpoints(self, version: Version) -> tuple[Endpoint, ...]:
        """The last ones of that version, if this very registry told them."""
        kept = self._by_version.get(version.name, {})
        return _endpoints(kept.get("endpoints")) if kept.get("registry") == str(version.registry) else ()

    def keep(self, version: Version) -> None:
        """Remember its endpoints over a restart; that there is none is nothing to remember."""
        endpoints = [[each.host, each.port] for each in version.endpoints]
        entry = {"registry": str(version.registry), "endpoints": endpoints}
        if not endpoints or self._by_version.get(version.name) == entry:
            return
        self._by_version[version.name] = entry
        draft = self._file.with_suffix(".new")
        try:
            draft.write_text(json.dumps(self._by_version), encoding="utf-8")
            draft.replace(self._file)
        except OSError as error:
            log.warning("the endpoints of %s cannot be kept in %s: %s", version.name, self._file, error)


def _read(file: Path) -> dict[str, Mapping[str, Any]]:
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("the endpoints kept in %s cannot be read: %s", file, error)
        return {}
    entries = found.items() if isinstance(found, dict) else ()
    return {str(name): entry for name, entry in entries if isinstance(entry, dict)}


def _endpoints(found: object) -> tuple[Endpoint, ...]:
    try:
        return tuple(endpoint(host, port) for host, port in found) if isinstance(found, list) else ()
    except (ValueError, TypeError):
        return ()
