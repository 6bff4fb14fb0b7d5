"""The text of a proposed spec: the keys that were carried over, and as comments what was not."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Final

import yaml

from abreast.compose.carried import Carried, Surroundings, carried
from abreast.compose.choice import what
from abreast.compose.document import ComposeFile
from abreast.compose.network import Note
from abreast.model.errors import Fault, SpecError, UsageError
from abreast.model.spec import parse_spec, service_name

_WIDTH: Final = 118
_STEP: Final = re.compile(r'"([^"]*)"|([^.\[\]"]+)|\[(\d+)\]')
_VERSION: Final = "v1"


def proposal(file: ComposeFile, name: str, around: Surroundings) -> str:
    """A spec for the service, which has no fault where its variables are set; it ends with what was left out.

    Raises UsageError for a service that has nothing to run, SpecError if something is left that no spec can say.
    """
    keys = file.services[name]
    if not keys.get("image") and not keys.get("build"):
        raise UsageError(
            f"{file.file}: the service {name} has neither `image` nor `build`",
            "correct the file: docker compose config says what compose makes of it",
        )
    found = carried(file, name, around)
    _drop_faults(name, found, around)
    others = [f"{other} ({what(service)})" for other, service in file.services.items() if other != name]
    if others:
        found.notes.append(("services", f"left to compose: {'; '.join(others)}"))
    return "\n".join(
        [*_head(file, name, around), _spec(name, found), *_next(found), f"stable: {_VERSION}", *_foot(found)]
    )


def _drop_faults(name: str, found: Carried, around: Surroundings) -> None:
    """Take out what a spec refuses, with its words; what only lacks a variable stays."""
    variables = around.variables
    of_files = {name: value for told in around.env_files.values() for name, value in (told or {}).items()}
    environment = {"HOME": "/", **of_files, **variables.known}
    while True:
        try:
            parse_spec(f"{_spec(name, found)}\nstable: {_VERSION}\n", environment=environment)
        except SpecError as error:
            faults = [fault for fault in error.faults if not _lacks_variable(found, fault, around)]
            if not faults:
                return
            # From the last to the first: what stands behind a removed entry of a list moves up.
            dropped = [_drop(found, fault) for fault in reversed(faults)]
            if not any(dropped):
                raise SpecError(tuple(faults)) from None
        else:
            return


def _drop(found: Carried, fault: Fault) -> bool:
    """Remove what the fault is of, and say so; False if it is of nothing that can be removed."""
    if fault.path == "gateway.listen" and found.listen:
        found.notes.append(("ports", f"{found.listen}: {fault.message}; {fault.remedy}"))
        found.listen = ""
        return True
    path = _steps(fault.path)
    holder = _at(found.version, path[:-1]) if path else None
    if not path or path == ["image"]:
        return False
    if not isinstance(holder, dict | list) or _at(holder, path[-1:]) is None:
        return False
    del holder[path[-1]]  # type: ignore[arg-type]  # `_at` has found it there
    found.notes.append((str(path[0] if path[0] != "container" else path[1]), f"{fault.message}; {fault.remedy}"))
    return True


def _lacks_variable(found: Carried, fault: Fault, around: Surroundings) -> bool:
    value = _at(found.version, _steps(fault.path))
    unset = around.variables.needed - around.variables.known.keys()
    return any(f"${{{name}}}" in str(value) for name in unset)


def _steps(path: str) -> list[str | int]:
    """A fault's path below the version, as keys and indices."""
    steps = [int(index) if index else quoted or bare for quoted, bare, index in _STEP.findall(path)]
    return steps[2:] if steps[:2] == ["versions", _VERSION] else []


def _at(value: object, path: list[str | int]) -> object:
    for step in path:
        inside = isinstance(value, Mapping) and step in value
        if not inside and not (isinstance(value, list) and isinstance(step, int) and step < len(value)):
            return None
        value = value[step]  # type: ignore[index]  # one of the two
    return value


def _spec(name: str, found: Carried) -> str:
    """Everything but `stable`, which stands behind the proposal of a second version."""
    lines = [_yaml({"service": service_name(name)})]
    if found.listen:
        lines.append(_yaml({"gateway": {"listen": found.listen}}))
    lines += ["versions:", f"  {_VERSION}: &{_VERSION}", textwrap.indent(_yaml(found.version), "    ")]
    return "\n".join(lines)


def _next(found: Carried) -> Iterator[str]:
    """The next release, to be filled in."""
    image = str(found.version.get("image") or "")
    container = found.version.get("container")
    built = isinstance(container, Mapping) and "build" in container
    yield "  # The next release is a version of its own; take the signs away once there is one:"
    yield "  # v2:"
    yield f"  #   <<: *{_VERSION}"
    if image:
        bare = re.sub(r"(@sha256:.*|:[^:/{}]*|:\$\{.*)$", "", image)
        yield f"  #   image: {bare}:{'v2' if built else 'NEXT'}"
    if built:
        yield "  # It is built from the files that lie there when it is started."


def _head(file: ComposeFile, name: str, around: Surroundings) -> Iterator[str]:
    yield f"# Proposed from the service {name} of {file.file}. Look through it, then run: abreast check"
    yield "# Every key: docs/spec.md; containers: docs/docker.md. What was not carried over stands at the end."
    variables = around.variables
    if variables.needed:
        words = ", ".join(sorted(variables.needed))
        yield from _comment(f"It needs these variables in the environment of `abreast up`: {words}.")
        files = [path for path in around.env_files if around.env_files[path]]
        if files or variables.needed & variables.known.keys():
            named = dict.fromkeys(path if "/" in path else f"./{path}" for path in [".env", *files])
            sources = " ".join(f". {path};" for path in named)
            yield f"# Compose reads such files by itself, abreast does not: set -a; {sources} set +a"
    if variables.empty:
        words = ", ".join(sorted(variables.empty))
        yield from _comment(f"These are set nowhere, so compose takes them for empty, and so does this: {words}.")


def _foot(found: Carried) -> Iterator[str]:
    notes: list[Note] = list(dict.fromkeys(found.notes))
    yield ""
    if not notes:
        return
    yield "# Not carried over, or to be known:"
    for key, words in notes:
        yield from _comment(f"- {key}: {words}", "  ")
    yield ""


def _comment(text: str, indent: str = "") -> list[str]:
    lines = textwrap.wrap(
        text.replace("\n", " "),
        _WIDTH,
        drop_whitespace=True,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [f"# {line}" for line in lines]


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=1000, allow_unicode=True).rstrip("\n")
