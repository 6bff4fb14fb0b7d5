"""A migration's text → its operations, or every fault of it at once.

The text is pgroll's format, YAML or JSON; both are read by the one reader of YAML. Pure: the caller has read the file.
"""

import difflib
import json
import re
import typing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from abreast.model.document import CHARACTERS, Document, Path, dotted, read_document
from abreast.model.errors import Fault, MigrationError
from abreast.schema.mapping_keys import SEVERAL, KeyFault, MigrationKeys
from abreast.schema.migration_forms import Form, todays
from abreast.schema.migration_keys import KINDS
from abreast.schema.migration_values import NOTHING, read_text, show, written
from abreast.schema.operations import Operation, Sql
from abreast.schema.place import Place

_TOP: Final = ("operations", "name", "version_schema", "$schema")
"""Keys of a file. All but the first are read and then left: files are named, versions come from the spec."""
_KINDS: Final = {"model_type": "a mapping of keys", "dict_type": "a mapping of columns", "tuple_type": "a list"}
_NEAR: Final = 0.65
"""How alike a key must be to be taken for a misspelling, as in `abreast.model.spec_faults`."""
_PAIR: Final = re.compile(r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
"""Two halves that are one character (RFC 8259, section 7), or a backslash that begins no such escape."""
_OPERATION: Final = 3
"""The length of an operation's path: ``operations``, its index, its name."""
_LIST: Final = "write `operations:` with a list below it, such as `- drop_index: {name: …}`"


@dataclass(frozen=True)
class Migration:
    """The operations of one file in their order; ``name`` is the file's, without directory and suffix."""

    name: str
    file: str
    operations: tuple[Operation, ...]


def combined(migrations: Iterable[Migration]) -> tuple[Operation, ...]:
    """The operations of several migrations one after the other."""
    return tuple(operation for migration in migrations for operation in migration.operations)


def read_migration(file: str, text: str) -> Migration:
    """The migration in ``text``; ``file`` is its path, for its name and for messages.

    Raises:
        MigrationError: the text has faults; it carries all of them. A mapping is judged as a whole once each of
            its keys is sound by itself.
    """
    document = read_document(_as_yaml(text), file)
    if document.value is None:
        # Its words for an empty file speak of a spec.
        empty = (replace(fault, remedy=_LIST) if "empty" in fault.message else fault for fault in document.faults)
        raise MigrationError(tuple(empty))
    reading = _Reading(document)
    operations = reading.operations(written(document, document.value, ()))
    if document.faults or reading.faults:
        raise MigrationError((*document.faults, *reading.faults))
    return Migration(PurePosixPath(file).stem, file, operations)


def _as_yaml(text: str) -> str:
    """``text`` without what JSON allows and the reader of YAML does not: tabs between values, halves of characters."""
    try:
        if not text.lstrip().startswith("{") or len(text) > CHARACTERS or not json.loads(text):
            return text
    except (ValueError, RecursionError):
        return text
    joined = _PAIR.sub(lambda found: found[0] if found[0] == r"\\" else json.loads(f'"{found[0]}"'), text)
    return joined.replace("\t", " ")  # in a string of JSON a tab is always written \t


class _Reading:
    """One walk over a file's operations; gathers the faults."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.faults: list[Fault] = []
        self.below: dict[Path, list[Path]] = {}
        for path in document.lines:
            self.below.setdefault(path[:_OPERATION], []).append(path)

    def fault(self, path: Path, message: str, remedy: str) -> None:
        self.faults.append(self.document.fault(path, message, remedy))

    def operations(self, value: object) -> tuple[Operation, ...]:
        """The operations of a whole file's value, as far as they are sound."""
        if not isinstance(value, dict):
            self.fault((), f"a migration is a mapping with `operations`, found {show(value)}", _LIST)
            return ()
        for key in value:
            if key not in _TOP:
                self.fault((key,), *_unknown(key, _TOP[:3]))
        for key in _TOP[1:]:
            self.text(value, key)
        items = value.get("operations")
        if "operations" not in value:
            self.fault(("operations",), "`operations` is missing", _LIST)
        elif not isinstance(items, list) or not items:
            wrong = f"{show(items)} is not allowed here, only a list" if items else "nothing is listed under this key"
            self.fault(("operations",), wrong, _LIST)
        else:
            read = [self.operation(("operations", index), item) for index, item in enumerate(items)]
            self.alone(read)
            return tuple(operation for operation in read if operation)
        return ()

    def text(self, value: dict[str, object], key: str) -> None:
        """A key of a file that holds text."""
        if key in value:
            try:
                read_text(value[key], "a name")
            except PydanticCustomError as error:
                told = error.context or {}
                self.fault((key,), told["message"], told["remedy"])

    def operation(self, path: Path, item: object) -> Operation | None:
        """One item of the list of operations, None with faults."""
        if not isinstance(item, dict) or not item:
            found = "an empty mapping" if item == {} else show(item)
            self.fault(path, f"{found} is no operation", "write its name and its keys, such as `drop_index: {name: …}`")
            return None
        if len(item) > 1:
            known = [key for key in item if key in KINDS]
            remedy = f"begin each with a dash: {', '.join(f'`- {key}:`' for key in known)}"
            if len(known) < len(item):
                remedy = "indent the operation's keys below its name"
            self.fault(path, f"an item has one operation, found {', '.join(map(repr, item))}", remedy)
        sound = len(item) == 1
        operation: Operation | None = None
        for name, value in item.items():
            if name in KINDS:
                operation = self.sound((*path, name), todays(name, value))
            elif sound:
                near = difflib.get_close_matches(name.lower().replace("-", "_"), KINDS, 1, _NEAR)
                remedy = f"did you mean `{near[0]}`?" if near else f"write one of {', '.join(KINDS)}"
                self.fault((*path, name), f"there is no operation {name!r}", remedy)
        return operation if sound else None

    def sound(self, path: Path, form: Form) -> Operation | None:
        """The operation written at ``path``, None with faults."""
        model = KINDS[form.name]
        try:
            keys = model.model_validate(form.value)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                inside = tuple(part for part in details["loc"] if part != "[key]")
                for fault in _key_faults(details, inside, model):
                    self.fault(path + form.in_file(fault.keys), fault.message, fault.remedy)
            return None
        return typing.cast("Operation", keys.kind(**keys.values(), place=self.place(path, form)))

    def place(self, path: Path, form: Form) -> Place:
        """The place of an operation, with those of its parts by their paths in today's form."""
        parts = {below[len(path) :]: self._place(below) for below in self.below.get(path, [])}
        inside = {dotted(below): place for below, place in parts.items() if below}
        for new, old in form.written.items():
            moved = {new + below[len(old) :]: place for below, place in parts.items() if below[: len(old)] == old}
            inside.update((dotted(below), place) for below, place in moved.items())
        return replace(self._place(path), inside=tuple(inside.items()))

    def _place(self, path: Path) -> Place:
        return Place(self.document.file, self.document.line(path), dotted(path))

    def alone(self, read: Sequence[Operation | None]) -> None:
        """SQL that runs at the start stands alone: what it does to the tables cannot be known."""
        for index, operation in enumerate(read):
            if isinstance(operation, Sql) and not operation.on_complete and len(read) > 1:
                message = "`sql` stands alone in its file unless it runs on completion"
                remedy = "move it to a file of its own, or add `onComplete: true`"
                self.fault(("operations", index, "sql"), message, remedy)


def _key_faults(details: ErrorDetails, path: Path, model: type[BaseModel]) -> Iterator[KeyFault]:
    """What pydantic found, in our words."""
    kind, found = details["type"], details["input"]
    if kind == "refused":
        yield KeyFault(path, details["ctx"]["message"], details["ctx"]["remedy"])
    elif kind == SEVERAL:
        for fault in details["ctx"]["faults"]:
            yield replace(fault, keys=path + fault.keys)
    elif kind == "extra_forbidden":
        yield KeyFault(path, *_unknown_key(path, model))
    elif kind == "missing":
        yield KeyFault(path, f"`{path[-1]}` is missing", f"add `{path[-1]}: …`")
    elif kind == "too_short":
        if not found:  # otherwise its items have faults, which are told
            yield KeyFault(path, "nothing is listed under this key", "list at least one")
    elif found is None:
        yield KeyFault(path, NOTHING, "write something under it, or remove the key")
    else:
        wanted = _KINDS.get(kind, "another kind of value")
        yield KeyFault(path, f"{show(found)} is not allowed here, only {wanted}", f"write {wanted}")


def _unknown_key(path: Path, model: type[BaseModel]) -> tuple[str, str]:
    """What to say of a key that is not allowed where it stands in an operation."""
    if model is KINDS["alter_column"] and path == ("name",):
        return "a column is renamed by an operation of its own", "write a `rename_column` for it, after this one"
    holder: type[BaseModel] | None = model
    for part in path[:-1]:
        holder = holder if isinstance(part, int) else _held(holder, part)
    return _unknown(str(path[-1]), _names(holder) if holder else ())


def _held(holder: type[BaseModel] | None, key: str) -> type[BaseModel] | None:
    """The mapping of keys that stands (perhaps in a list) under a key."""
    infos = holder.model_fields.items() if holder else ()
    waiting: list[object] = [info.annotation for name, info in infos if (info.alias or name) == key]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, MigrationKeys):
            return annotation
        waiting.extend(typing.get_args(annotation))
    return None


def _names(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(info.alias or name for name, info in model.model_fields.items())


def _unknown(key: str, allowed: Sequence[str]) -> tuple[str, str]:
    near = difflib.get_close_matches(key.lower().replace("-", "_"), allowed, 1, _NEAR)
    message = f"unknown key {key!r}; allowed here: {', '.join(allowed)}"
    return message, f"did you mean `{near[0]}`?" if near else "remove it"
