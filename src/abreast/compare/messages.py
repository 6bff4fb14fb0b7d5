"""Reads protobuf messages as values by their descriptors, so that they are compared field by field like JSON."""

import base64
import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet

from abreast.compare.model import Value

MAX_DEPTH: Final = 32
"""Messages within each other, at most; each may be two levels of a value, an array and an object."""

_GROUP: Final = 3
"""The wire type of a group (protobuf encoding, "Message Structure")."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS: Final = 1_000_000_000


class Types:
    """The services and messages of a FileDescriptorSet, as ``protoc --include_imports --descriptor_set_out`` makes it.

    Make it with `from_descriptor_set`.
    """

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool

    @classmethod
    def from_descriptor_set(cls, data: bytes) -> "Types":
        """Read the bytes of the set.

        Raises:
            ValueError: It is none, is empty, or a file imports what is not in it; says which.
        """
        try:
            files = list(FileDescriptorSet.FromString(data).file)
        except DecodeError as error:
            raise ValueError(f"{len(data)} bytes that are no FileDescriptorSet: {error}") from error
        if not files:
            raise ValueError("a FileDescriptorSet without files; make one with protoc --descriptor_set_out")
        pool = DescriptorPool()
        for file in _imports_first(files):
            try:
                pool.AddSerializedFile(file.SerializeToString())
            except TypeError as error:
                raise ValueError(f"{file.name} in the FileDescriptorSet cannot be used: {error}") from error
        return cls(pool)

    def output(self, path: str) -> Descriptor | None:
        """What the method of a path ``/pkg.Service/Method`` answers; None when the set does not know it."""
        service, _, method = path.removeprefix("/").partition("/")
        try:
            found = self._pool.FindServiceByName(service).methods_by_name.get(method)
        except KeyError:
            return None
        return None if found is None else found.output_type

    def read(self, data: bytes, kind: Descriptor) -> Value:
        """A message as a dict of its fields, by their names in the .proto file.

        Integers and enumerations (by name) are exact, other numbers are Decimal (or float if not finite), bytes are
        base64, maps are dicts, ``Timestamp`` is ISO 8601 text, and an ``Any`` of a known type is read. Fields that
        cannot be absent are there with their default; fields that the descriptor does not know are there by number.

        Raises:
            ValueError: The bytes are no such message, or one nested deeper than `MAX_DEPTH`.
        """
        return self._read(data, kind, MAX_DEPTH)

    def _read(self, data: bytes, kind: Descriptor, room: int) -> Value:
        """``room``: how many levels of messages may still be there."""
        try:
            message = GetMessageClass(kind).FromString(data)
        except DecodeError as error:
            raise ValueError(f"{len(data)} bytes that are no {kind.full_name}") from error
        return self._message(message, kind, room)

    def _message(self, message: Message, kind: Descriptor, room: int) -> Value:
        _check_room(room)
        meaning = self._meaning(message, kind, room)
        if meaning is not None:
            return meaning
        fields: dict[str, Value] = {
            field.name: self._field(field, getattr(message, field.name), room)
            for field in kind.fields
            if not field.has_presence
        }
        for field, value in message.ListFields():
            name = f"[{field.full_name}]" if field.is_extension else field.name
            fields[name] = self._field(field, value, room)
        fields.update(_unknown(UnknownFieldSet(message), room))
        return fields

    def _field(self, field: FieldDescriptor, value: object, room: int) -> Value:
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            of_value = entry.fields_by_name["value"]
            items = value.items() if hasattr(value, "items") else ()
            return {str(key): self._single(of_value, each, room) for key, each in items}
        if field.is_repeated and isinstance(value, Iterable):
            return [self._single(field, each, room) for each in value]
        return self._single(field, value, room)

    def _single(self, field: FieldDescriptor, value: object, room: int) -> Value:
        if isinstance(value, Message) and field.message_type is not None:
            return self._message(value, field.message_type, room - 1)
        if field.enum_type is not None and isinstance(value, int):
            known = field.enum_type.values_by_number.get(value)
            return value if known is None else known.name
        if isinstance(value, float):
            return Decimal(repr(value)) if math.isfinite(value) else value
        return _base64(value) if isinstance(value, bytes) else value

    def _meaning(self, message: Message, kind: Descriptor, room: int) -> Value:
        """What a message of a well-known type means; None when it is none, or means nothing by that."""
        if kind.full_name == "google.protobuf.Timestamp":
            return _timestamp(getattr(message, "seconds", 0), getattr(message, "nanos", 0))
        if kind.full_name != "google.protobuf.Any":
            return None
        url: str = getattr(message, "type_url", "")
        try:
            contained = self._pool.FindMessageTypeByName(url.rpartition("/")[2])
            return {"@type": url, "value": self._read(getattr(message, "value", b""), contained, room - 1)}
        except (KeyError, ValueError):
            return None


def _check_room(room: int) -> None:
    if room <= 0:
        raise ValueError(f"messages nested deeper than {MAX_DEPTH}")


def _imports_first(files: list[FileDescriptorProto]) -> list[FileDescriptorProto]:
    """The files, each after those that it imports.

    Raises:
        ValueError: An import is not in the set, or files import each other in a circle.
    """
    names = {file.name for file in files}
    missing = sorted({f"{file.name} imports {each}" for file in files for each in file.dependency if each not in names})
    if missing:
        raise ValueError(
            f"a FileDescriptorSet that is not complete: {', '.join(missing)}; make it with protoc --include_imports"
        )
    ordered: dict[str, FileDescriptorProto] = {}
    while len(ordered) < len(names):
        ready = [
            file for file in files if file.name not in ordered and all(each in ordered for each in file.dependency)
        ]
        if not ready:
            circle = ", ".join(sorted(names - ordered.keys()))
            raise ValueError(f"a FileDescriptorSet whose files import each other in a circle: {circle}")
        ordered.update((file.name, file) for file in ready)
    return list(ordered.values())


def _unknown(fields: UnknownFieldSet, room: int) -> dict[str, Value]:
    """Unknown fields by number: an int, base64 or (a group) a dict; a list when there are several."""
    _check_room(room)
    found: dict[str, list[Value]] = {}
    for field in (fields[at] for at in range(len(fields))):
        value = _unknown(field.data, room - 1) if field.wire_type == _GROUP else field.data
        found.setdefault(str(field.field_number), []).append(_base64(value) if isinstance(value, bytes) else value)
    return {number: values[0] if len(values) == 1 else values for number, values in found.items()}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _timestamp(seconds: int, nanos: int) -> str | None:
    """RFC 3339 as protobuf's JSON has it, with as many decimals as needed; None beyond the years 1 to 9999."""
    if not 0 <= nanos < _NANOS:
        return None
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None
    return f"{moment.isoformat().removesuffix('+00:00')}{f'.{nanos:09d}'.rstrip('0') if nanos else ''}Z"
