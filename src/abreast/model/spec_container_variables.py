"""``${NAME}`` in the keys of a container: replaced in every value, which is then read as if it had stood there."""

from collections.abc import Callable
from typing import Any

from abreast.model.document import Path
from abreast.model.spec_container_keys import BuildKeys, ContainerKeys, memory, network, processors, volume

Replace = Callable[[str, Path, Callable[[object], object]], Any]  # Any: what the reader makes of the text
"""The text at a path with its variables replaced, as the reader takes it; it keeps note of what cannot be."""


def expanded_container(keys: ContainerKeys, path: Path, replace: Replace) -> ContainerKeys:
    """The keys with each variable replaced; where one cannot be, ``replace`` has heard of it."""

    def text(written: str | None, name: str, key: str | int = "") -> str | None:
        place: Path = (*path, name) if key == "" else (*path, name, key)
        return written and str(replace(written, place, str))

    def read(written: object, place: Path, reader: Callable[[object], object]) -> object:
        return replace(written, place, reader) if isinstance(written, str) and "$" in written else written

    volumes = tuple(read(each, (*path, "volumes", at), volume().read) for at, each in enumerate(keys.volumes))
    networks = tuple(read(each, (*path, "networks", at), network().read) for at, each in enumerate(keys.networks))
    update = {
        "build": keys.build and _build(keys.build, (*path, "build"), replace),
        "entrypoint": tuple(text(each, "entrypoint") for each in keys.entrypoint),
        "command": tuple(text(each, "command") for each in keys.command),
        "volumes": volumes,
        "networks": networks,
        "cpus": read(keys.cpus, (*path, "cpus"), processors().read),
        "memory_bytes": read(keys.memory_bytes, (*path, "memory"), memory().read),
        "user": text(keys.user, "user"),
        "labels": {name: text(value, "labels", name) for name, value in keys.labels.items()},
    }
    return keys.model_copy(update=update)


def _build(keys: BuildKeys, path: Path, replace: Replace) -> BuildKeys:
    update = {
        "context": replace(keys.context, (*path, "context"), str),
        "dockerfile": replace(keys.dockerfile, (*path, "dockerfile"), str),
        "args": {name: replace(value, (*path, "args", name), str) for name, value in keys.args.items()},
        "target": keys.target and replace(keys.target, (*path, "target"), str),
    }
    return keys.model_copy(update=update)
