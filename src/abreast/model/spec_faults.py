"""What pydantic finds → faults in abreast's words, and the part of a spec that is sound all the same.

A spec with one wrong value still deserves all of its other checks: `read_keys` drops what is wrong, reads
the rest with its defaults, and says what it dropped, so that later checks can leave alone what hangs on it.
"""

import copy
import difflib
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from abreast.model.document import Document, Path
from abreast.model.errors import Fault
from abreast.model.spec_keys import SpecKeys
from abreast.model.spec_shadow_values import without_secrets
from abreast.model.spec_values import show

ANY: Final = "*"
"""Stands in a shape for the name of a version, of a variable, or for an index."""

_NAMED: Final = frozenset(
    {
        *("versions", "versions.*.env", "rollout.gates.differences.endpoints"),
        *("rollout.gates.webhooks.*.metadata", "data.migrations", "data.roles"),
        "group.members",
        *("flags", "flags.*.variants", "flags.*.rules.*.when"),
        *("versions.*.container.labels", "versions.*.container.build.args"),
        *(
            f"rollout.gates.differences.{place}{key}"
            for place in ("", "endpoints.*.")
            for key in ("keyed", "tolerances")
        ),
    }
)
"""Mappings by shape whose names users choose."""

_KINDS: Final = {
    "model_type": "a mapping of keys",
    "dict_type": "a mapping of names",
    "tuple_type": "a list",
}
_NEAR: Final = 0.65
"""How alike a key must be to be taken for a misspelling; at difflib's 0.6 `wait` is taken for `weight`."""
_SURE: Final = 0.85
"""So alike that it is not looked for elsewhere: `tag` where `tags` is allowed."""
_ROUNDS: Final = 50
"""More than a spec nests: each round of dropping removes at least one wrong value."""


@dataclass(frozen=True)
class Reading:
    """What could be read: ``keys`` with what is wrong left out, the ``faults``, and the paths ``dropped``."""

    keys: SpecKeys | None
    faults: tuple[Fault, ...]
    dropped: tuple[Path, ...]

    def doubtful(self, path: Path) -> bool:
        """Whether the value at ``path`` may be another one once the faults are mended."""
        return any(path[: len(dropped)] == dropped or dropped[: len(path)] == path for dropped in self.dropped)


def shape(path: Path) -> str:
    """A path with the names that users choose replaced: ``versions.*.run``, ``rollout.steps.*``."""
    parts: list[str] = []
    for part in path:
        parts.append(ANY if isinstance(part, int) or ".".join(parts) in _NAMED else part)
    return ".".join(parts)


def read_keys(document: Document, value: object) -> Reading:
    """Read a document's plain ``value`` (changed texts included) as far as it is sound."""
    if not isinstance(value, dict):
        fault = document.fault((), f"a spec is a mapping of keys, found {show(value)}", "write at least `versions:`")
        return Reading(None, (fault,), ((),))
    faults: dict[tuple[Path, str], Fault] = {}
    dropped: list[Path] = []
    rest = copy.deepcopy(value)
    for _ in range(_ROUNDS):
        try:
            return Reading(SpecKeys.model_validate(rest), tuple(faults.values()), tuple(dropped))
        except ValidationError as error:
            for details in error.errors(include_url=False):
                path = _path(details["loc"])
                if path in dropped and details["type"] == "missing":
                    _drop(rest, path, missing=True)  # it was there, and its fault is told already
                    continue
                message, remedy = _words(details, path)
                faults.setdefault((path, details["type"]), document.fault(path, message, remedy))
                dropped.append(_drop(rest, path, missing=details["type"] == "missing"))
    return Reading(None, tuple(faults.values()), tuple(dropped))


def _path(location: Sequence[int | str]) -> Path:
    """The path of pydantic's location without its marks: of a mapping's key, and of the form that a value has."""
    return tuple(part for part in location if part not in {"[key]", "[list]", "[registry]"})


def _drop(rest: dict[str, object], path: Path, *, missing: bool) -> Path:
    """Take the value at ``path`` out of ``rest``; returns the path that is in doubt from now on."""
    if missing and len(path) == 1:
        rest[str(path[0])] = {}
        return path
    if missing:
        _drop(rest, path[:-1], missing=False)
        return path[:-1]
    holder: object = rest
    for part in path[:-1]:
        holder = _at(holder, part)
    if isinstance(holder, dict):
        holder.pop(path[-1], None)
    elif isinstance(holder, list) and shape(path) == "rollout.steps.*":
        holder[typing.cast("int", path[-1])] = {}  # keeps its place, so that the others keep theirs
    elif isinstance(holder, list):
        return _drop(rest, path[:-1], missing=False)
    return path  # without a holder it went with another wrong value


def _at(holder: object, part: str | int) -> object:
    if isinstance(holder, dict):
        return holder.get(part)
    return holder[part] if isinstance(holder, list) and isinstance(part, int) else None


def _words(details: ErrorDetails, path: Path) -> tuple[str, str]:
    """What is wrong, and the remedy."""
    kind = details["type"]
    if kind == "refused":
        return details["ctx"]["message"], details["ctx"]["remedy"]
    if kind == "extra_forbidden":
        return _unknown(path)
    if kind == "missing":
        return f"`{path[-1]}` is missing", f"add `{path[-1]}: …`"
    secret = path[:1] in {("alerts",), ("data",), ("group",)} or path[:3] == ("rollout", "gates", "webhooks")
    found = without_secrets(details["input"]) if secret else show(details["input"])
    wanted = _KINDS.get(kind, "another kind of value")
    if kind == "model_type" and shape(path) == "rollout.steps.*":
        return f"{found} is no step", "write a mapping, such as `- weight: 10%` or `- approve:`"
    if details["input"] is None and wanted != "a list":
        return "nothing is written under this key", "write something under it, or remove the key for its defaults"
    return f"{found} is not allowed here, only {wanted}", f"write {wanted}"


def _unknown(path: Path) -> tuple[str, str]:
    """What to say of a key that is not allowed where it stands."""
    name, place = str(path[-1]), shape(path)
    allowed = keys_at(shape(path[:-1]))
    near = difflib.get_close_matches(name.lower().replace("-", "_"), allowed, 1, _NEAR)
    elsewhere = [where for where in _places(name) if where != place]
    message = f"unknown key {name!r}; allowed here: {', '.join(allowed)}"
    if near and difflib.get_close_matches(near[0], [name], 1, _SURE):
        return message, f"did you mean `{near[0]}`?"
    if elsewhere:
        return message, f"move it to `{elsewhere[0].replace(ANY, 'NAME', 1)}`"
    if near:
        return message, f"did you mean `{near[0]}`?"
    return message, "remove it, or see `abreast schema` for every key"


def _places(name: str) -> Iterator[str]:
    """Every place where a key of this name is allowed."""
    for place, model in MODELS.items():
        if name in _names(model):
            yield f"{place}.{name}" if place else name


def keys_at(place: str) -> list[str]:
    """The keys allowed in the mapping of this shape, in the order of the documentation."""
    model = MODELS.get(place)
    return _names(model) if model else []


def _names(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def _models(model: type[BaseModel], place: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Each mapping of the spec by its shape, from the root down."""
    yield place, model
    for name, info in model.model_fields.items():
        here = f"{place}.{info.alias or name}".removeprefix(".")
        yield from _held(info.annotation, here)


def _held(annotation: object, place: str) -> Iterator[tuple[str, type[BaseModel]]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _models(annotation, place)
    origin = typing.get_origin(annotation)
    inside = f"{place}.{ANY}" if origin in {dict, tuple} else place
    for argument in typing.get_args(annotation):
        yield from _held(argument, inside)


MODELS: Final = dict(_models(SpecKeys, ""))
