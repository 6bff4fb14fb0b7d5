"""A compose file as its services, every scalar as text. Facts: https://docs.docker.com/reference/compose-file/."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from abreast.model.document import Document, Path, read_document
from abreast.model.errors import Fault, SpecError

Keys = Mapping[str, object]
"""A mapping of the file: values are text, None, lists and mappings."""

RESOLVE: Final = "let compose resolve it: docker compose config > resolved.yml, and import resolved.yml"
_NO_PROJECT: Final = re.compile(r"[^-_a-z0-9]")


@dataclass(frozen=True)
class ComposeFile:
    """``project`` is the name that compose puts before those of volumes and networks."""

    file: str
    project: str
    services: Mapping[str, Keys]
    networks: Keys
    volumes: Keys

    def real_name(self, kind: str, name: str) -> str:
        """The engine's name of one of the file's ``networks`` or ``volumes``."""
        told = (self.networks if kind == "networks" else self.volumes).get(name)
        keys = told if isinstance(told, dict) else {}
        external = keys.get("external")
        written = keys.get("name") or (external.get("name") if isinstance(external, dict) else None)
        if isinstance(written, str):
            return written
        return name if external in {"true", True} else f"{self.project}_{name}"


def read_compose(text: str, file: str, directory: str) -> ComposeFile:
    """The file's services; ``directory`` (absolute) is where it lies. Raises SpecError with every fault."""
    document = read_document(text, file)
    if document.faults:
        raise SpecError(document.faults)
    root = _as_text(document, document.value, ())
    if not isinstance(root, dict):
        raise SpecError((document.fault((), "this is no compose file: it is no mapping", "name another file"),))
    faults = list(_faults(document, root))
    if faults:
        raise SpecError(tuple(faults))
    written = root.get("name")
    name = written if isinstance(written, str) and "$" not in written else PurePosixPath(directory).name
    project = _NO_PROJECT.sub("", name.lower()).lstrip("-_")
    return ComposeFile(file, project, root["services"], _mapping(root, "networks"), _mapping(root, "volumes"))


def _faults(document: Document, root: Keys) -> Iterator[Fault]:
    if "include" in root:
        yield document.fault(("include",), "`include` brings in files that are not read here", RESOLVE)
    services = root.get("services")
    if not isinstance(services, dict) or not services:
        remedy = "name a compose file; one of the oldest kind, without `services:`, is not read"
        yield document.fault(("services",), "there are no services", remedy)
        return
    for name, service in services.items():
        path: Path = ("services", name)
        if not isinstance(service, dict):
            yield document.fault(path, f"{name} is no mapping of keys", "write at least `image` or `build` below it")
        elif "extends" in service:
            yield document.fault((*path, "extends"), "`extends` is not followed here", RESOLVE)


def _mapping(root: Keys, key: str) -> Keys:
    found = root.get(key)
    return found if isinstance(found, dict) else {}


def _as_text(document: Document, value: object, path: Path) -> object:
    """A copy in which numbers and booleans are the text that stands there."""
    if isinstance(value, dict):
        return {name: _as_text(document, inner, (*path, name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_text(document, inner, (*path, index)) for index, inner in enumerate(value)]
    return None if value is None else document.texts.get(path, value)
