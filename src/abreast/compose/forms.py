"""The short and the long forms of compose's keys, as one."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_NO_MODES: Final = frozenset({"ro", "rw", "z", "Z", "cached", "delegated", "consistent", "nocopy"})
_SHORT_PORT: Final = re.compile(
    r"(?:(?P<host>\[[0-9a-fA-F:]+\]|[0-9]+(?:\.[0-9]+){3}):)?(?:(?P<published>[-0-9]*):)?(?P<target>[-0-9]+)(?:/(?P<kind>\w+))?"
)
_URL: Final = re.compile(r"https?://(?P<host>\[[^\]]*\]|[^/:\s'\"]+)(?::(?P<port>\d+))?(?P<path>/[^\s'\"|;&)]*)?")


@dataclass(frozen=True)
class Port:
    """A port of the container, and where it is published: "" for any address, any number."""

    target: int
    published: str = ""
    host: str = ""


@dataclass(frozen=True)
class Volume:
    """Something mounted at ``target``; ``kind`` is bind, volume or tmpfs, ``source`` "" for a fresh volume."""

    target: str
    source: str = ""
    kind: str = "volume"
    read_only: bool = False


def pairs(found: object) -> dict[str, str | None]:
    """A mapping, or a list of ``NAME=VALUE``; None where there is a name only."""
    if isinstance(found, dict):
        return {name: None if value is None else str(value) for name, value in found.items()}
    told: dict[str, str | None] = {}
    for each in listed(found):
        name, sign, value = each.partition("=")
        told[name] = value if sign else None
    return told


def listed(found: object) -> list[str]:
    """One text or a list of them; of a mapping its names."""
    if isinstance(found, str):
        return [found]
    return [str(each) for each in found] if isinstance(found, list | dict) else []


def words(found: object) -> list[str]:
    """A command's words. Raises ValueError for a quote that is not closed."""
    return shlex.split(found) if isinstance(found, str) else listed(found)


def ports(found: object) -> Iterator[Port | str]:
    """TCP ports one by one, and the text of each entry that is none: UDP, a range, or not understood."""
    for each in found if isinstance(found, list) else []:
        if isinstance(each, dict):
            told = {key: str(value) for key, value in each.items() if value is not None}
            target, kind = told.get("target", ""), told.get("protocol", "tcp")
            published, host = told.get("published", ""), told.get("host_ip", "")
        else:
            match = _SHORT_PORT.fullmatch(str(each))
            if match is None:
                yield str(each)
                continue
            target, kind = match["target"], match["kind"] or "tcp"
            published, host = match["published"] or "", match["host"] or ""
        if kind != "tcp" or not target.isdigit() or "-" in published:
            yield f"{target}/{kind}"
        else:
            yield Port(int(target), published, host)


def volumes(found: object) -> Iterator[Volume]:
    """What is mounted. An entry without a place in the container is left out by compose too."""
    for each in found if isinstance(found, list) else []:
        if isinstance(each, dict):
            told = {key: str(value) for key, value in each.items() if value is not None}
            kind, read_only = told.get("type", "volume"), told.get("read_only") == "true"
            yield Volume(told.get("target", ""), told.get("source", ""), kind, read_only)
        else:
            yield _volume(str(each))


def _volume(text: str) -> Volume:
    parts = _parts(text)
    modes = parts.pop().split(",") if len(parts) > 1 and set(parts[-1].split(",")) <= _NO_MODES else []
    source, target = ("", parts[0]) if len(parts) == 1 else (parts[0], ":".join(parts[1:]))
    kind = "bind" if source[:1] in {".", "/", "~", "$"} else "volume"
    return Volume(target, source, kind, read_only="ro" in modes)


def _parts(text: str) -> list[str]:
    """Divided at colons, but not at those within ``${…}``."""
    parts, depth = [""], 0
    for sign in text:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if sign == ":" and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def page(test: object, port: int | None) -> str | None:
    """The path that a health check asks the container itself for by curl or wget; None if it does something else."""
    text = " ".join(listed(test))
    match = _URL.search(text)
    if match is None or not re.search(r"\b(curl|wget)\b", text) or match["host"] not in {"localhost", "127.0.0.1", "0"}:
        return None
    if port is not None and int(match["port"] or 80) != port:
        return None
    return match["path"] or "/"
