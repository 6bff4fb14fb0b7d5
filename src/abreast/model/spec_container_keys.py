"""The keys of a version that is a container, written as users of compose files know them."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import Field

from abreast.model.container import Build, Container, Mount
from abreast.model.document import Path
from abreast.model.spec_conflict import Conflict
from abreast.model.spec_entry import Keys, entry, many
from abreast.model.spec_values import Written, choice, line, refuse, show, variable, whole
from abreast.model.spec_values import command as argv

LABELS: Final = "abreast."
"""Labels that begin so are abreast's own: by them it knows its containers."""

_IMAGE_PATTERN: Final = r"^([a-zA-Z0-9]|\$\{)[-a-zA-Z0-9._/:@${}]*$"
_NAME_PATTERN: Final = r"^[a-zA-Z0-9][-a-zA-Z0-9_.]*$"
_MEMORY_PATTERN: Final = r"^[0-9]{1,15}(\.[0-9]{1,3})? ?([kmgKMG]i?)?[bB]?$"
_LEAST_MEMORY: Final = 6 << 20
"""Docker refuses less."""
_LAST_PORT: Final = 65_535
_VARIABLE: Final = re.compile(r"\$\{")
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_BAD_NETWORKS: Final = ("host", "none")
_VOLUME: Final = "write SOURCE:TARGET or SOURCE:TARGET:ro, such as ./data:/data:ro, cache:/var/cache, or /scratch"


def later(known: Written) -> Written:
    """As ``known`` reads it, or with ``${NAME}`` in it the text as it stands: it is read once that is replaced."""

    def read(found: object) -> object:
        if isinstance(found, str) and _VARIABLE.search(found):
            return found
        return known.read(found)

    return Written(read, {"anyOf": [dict(known.schema), {"type": "string", "pattern": r"\$\{"}]})


def image_name() -> Written:
    """The name of an image as engines take it: ``shop:2``, ``ghcr.io/acme/shop@sha256:…``, with ``${NAME}`` allowed."""

    def read(found: object) -> str:
        if not isinstance(found, str) or not re.fullmatch(_IMAGE_PATTERN[1:-1], found):
            remedy = "write a name and a tag, such as shop:2 or ghcr.io/acme/shop:2"
            refuse(f"{show(found)} is no name of an image", remedy)
        return found

    return Written(read, {"type": "string", "pattern": _IMAGE_PATTERN, "examples": ["shop:2"]})


def volume() -> Written:
    """A volume in compose's short syntax: ``./data:/data:ro``, ``cache:/var/cache``, ``/scratch``."""

    def read(found: object) -> Mount:
        if not isinstance(found, str) or not found or "\0" in found:
            refuse(f"{show(found)} is no volume", _VOLUME)
        parts = found.split(":")
        mode = parts.pop() if len(parts) > 1 and not parts[-1].startswith("/") else "rw"
        if mode not in {"ro", "rw"}:
            refuse(f"{show(found)}: {mode!r} is no mode of a volume", "write ro, rw, or nothing")
        source, target = ("", parts[0]) if len(parts) == 1 else (parts[0], ":".join(parts[1:]))
        if not target.startswith("/") or ":" in target:
            refuse(f"{show(found)} does not say where in the container, by an absolute path", _VOLUME)
        if source.startswith("~"):
            refuse(f"{show(found)}: ~ is not replaced", "write the whole path")
        if source and source[0] not in "./" and not re.fullmatch(_NAME_PATTERN[1:-1], source):
            refuse(f"{show(found)}: {source!r} is neither a path nor the name of a volume", _VOLUME)
        return Mount(target, source, read_only=mode == "ro")

    return Written(read, {"type": "string", "examples": ["./data:/data:ro", "cache:/var/cache"]})


def memory() -> Written:
    """An amount of memory in bytes: ``512m``, ``1.5g``, with 1k = 1024 bytes as in compose files."""

    def read(found: object) -> int:
        text = str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""
        match = re.fullmatch(r"([0-9.]+) ?([kmgKMG]?)i?[bB]?", text) if re.match(_MEMORY_PATTERN, text) else None
        if match is None:
            refuse(f"{show(found)} is no amount of memory", "write for example 512m or 1g")
        amount_bytes = int(float(match[1]) * _UNITS[match[2].lower()])
        if amount_bytes < _LEAST_MEMORY:
            refuse(f"{show(found)} is less than engines allow", "write at least 6m")
        return amount_bytes

    schema = {"anyOf": [{"type": "string", "pattern": _MEMORY_PATTERN}, {"type": "integer"}], "examples": ["512m"]}
    return Written(read, schema)


def processors() -> Written:
    """A number of processors, parts of one included."""

    def read(found: object) -> float:
        text = str(found) if isinstance(found, int | float | str) and not isinstance(found, bool) else ""
        if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or float(text) <= 0:
            refuse(f"{show(found)} is no number of processors", "write for example 2 or 0.5")
        return float(text)

    schema = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}], "examples": [0.5]}
    return Written(read, schema)


def network() -> Written:
    """The name of a network of the engine's."""

    def read(found: object) -> str:
        if not isinstance(found, str) or not re.fullmatch(_NAME_PATTERN[1:-1], found):
            refuse(f"{show(found)} is no name of a network", "write the name that `docker network ls` shows")
        if found in _BAD_NETWORKS:
            refuse(f"{show(found)} gives instances no address of their own", "remove it, or name another network")
        return found

    return Written(read, {"type": "string", "pattern": _NAME_PATTERN})


def label() -> Written:
    """The name of a label that is not one of abreast's own."""

    def read(found: object) -> str:
        if not isinstance(found, str) or not found or re.search(r"[\s\0=]", found):
            refuse(f"{show(found)} is no name of a label", "write letters, digits, dots and dashes")
        if found.startswith(LABELS):
            refuse(f"{show(found)}: labels {LABELS}… are abreast's own", "give it another name")
        return found

    return Written(read, {"type": "string", "minLength": 1})


_TEXT = line('text, "" for an empty value', empty=True, unquoted=True)


class BuildKeys(Keys):
    """How the image is made."""

    context: Annotated[str, line("a path")] = entry(
        "directory that is sent to the engine, relative to the spec's directory", ".", "."
    )
    dockerfile: Annotated[str, line("a path")] = entry(
        "path of the Dockerfile in that directory", Build.dockerfile, Build.dockerfile
    )
    args: dict[Annotated[str, variable()], Annotated[str, _TEXT]] = Field(
        default_factory=dict, description="values of the Dockerfile's ARGs"
    )
    target: Annotated[str | None, line("the name of a stage")] = entry(
        "stage of the Dockerfile to stop at; left out: the last", None
    )


class ContainerKeys(Keys):
    """How a version's image is made and run."""

    build: BuildKeys | None = Field(
        default=None, description="build the image from a Dockerfile instead of pulling it; `image` is then its name"
    )
    entrypoint: Annotated[tuple[str, ...], argv()] = entry(
        "instead of the image's ENTRYPOINT, and of its CMD; {port} and {instance} are replaced", ()
    )
    command: Annotated[tuple[str, ...], argv()] = entry(
        "instead of the image's command; {port} and {instance} are replaced", ()
    )
    volumes: tuple[Annotated[Mount | str, later(volume())], ...] = many(
        "what is mounted: SOURCE:TARGET[:ro], SOURCE a path relative to the spec's directory or a volume's name"
    )
    networks: tuple[Annotated[str, later(network())], ...] = many(
        "networks of the engine's that instances join; the gateway reaches them by their address in the first"
    )
    cpus: Annotated[float | str | None, later(processors())] = entry(
        "processors that an instance may use at most", None
    )
    memory_bytes: Annotated[int | str | None, later(memory())] = entry(
        "memory that an instance may use at most, such as 512m", None, alias="memory"
    )
    user: Annotated[str | None, line("a user, or user:group", unquoted=True)] = entry(
        "user that the command runs as; left out: the image's", None
    )
    labels: dict[Annotated[str, label()], Annotated[str, _TEXT]] = Field(
        default_factory=dict, description="labels of the containers, beside abreast's own"
    )
    pull: Annotated[Literal["missing", "always", "never"], choice("missing", "always", "never")] = entry(
        "when the image is fetched from its registry", Container.pull
    )


PORT: Final = whole(1, _LAST_PORT)


def container(keys: ContainerKeys | None, image: str, port: int | None, directory: str) -> Container | None:
    """The container that the keys of a version tell of; None if they tell of none. Paths start at ``directory``.

    The keys are those in which variables have been replaced already.
    """
    if not image and (keys is None or keys.build is None):
        return None
    keys = keys or ContainerKeys()
    build = keys.build
    return Container(
        image=image,
        build=_build(build, directory) if build else None,
        port=port,
        entrypoint=keys.entrypoint,
        command=keys.command,
        volumes=tuple(
            Mount(mount.target, _source(directory, mount.source), read_only=mount.read_only)
            for mount in keys.volumes
            if isinstance(mount, Mount)
        ),
        networks=keys.networks,
        cpus=keys.cpus if isinstance(keys.cpus, float) else None,
        memory_bytes=keys.memory_bytes if isinstance(keys.memory_bytes, int) else None,
        user=keys.user or "",
        labels=tuple(keys.labels.items()),
        pull=keys.pull,
    )


def container_conflicts(path: Path, keys: ContainerKeys | None, image: str, port: int | None) -> Iterator[Conflict]:
    """What a version has against keys of containers when it is none, and what these have against each other."""
    built = keys is not None and keys.build is not None
    if image or built:
        if keys is not None and built and keys.pull != Container.pull:
            message = f"`pull: {keys.pull}` has no effect with `build`: the image is made here"
            yield Conflict((*path, "container", "pull"), message, "remove it")
        return
    for name, there in (("container", keys is not None), ("port", port is not None)):
        if there:
            message = f"`{name}` has no effect without an image: the version is no container"
            yield Conflict((*path, name), message, "remove it, or add `image: NAME` in the place of what there is")


def _build(keys: BuildKeys, directory: str) -> Build:
    return Build(_path(directory, keys.context), keys.dockerfile, tuple(keys.args.items()), keys.target or "")


def _source(directory: str, source: str) -> str:
    """A path made absolute; the name of a volume as it is."""
    return _path(directory, source) if source.startswith((".", "/")) else source


def _path(directory: str, written: str) -> str:
    return str(PurePosixPath(directory) / written)
