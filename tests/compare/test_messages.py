"""Protobuf messages as values."""

import math
from decimal import Decimal

import pytest
from google.protobuf import any_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

from abreast.compare.messages import MAX_DEPTH, Types
from abreast.compare.model import Value
from tests.compare.descriptors import GET, WATCH, descriptor_set, order, orders_file

EMPTY_ORDER: dict[str, Value] = {
    "id": 0,
    "total": 0,
    "state": "STATE_UNSPECIFIED",
    "items": [],
    "labels": {},
    "token": "",
}


@pytest.fixture(scope="module")
def types() -> Types:
    return Types.from_descriptor_set(descriptor_set())


def output(types: Types) -> Descriptor:
    found = types.output(GET)
    assert found is not None
    return found


def test_a_method_is_found_by_its_path(types: Types) -> None:
    assert output(types).full_name == "shop.v1.Order"
    assert types.output(WATCH) is types.output(GET)
    for unknown in ("/shop.v1.Orders/Put", "/shop.v2.Orders/Get", "/shop.v1.Order/Get", "", "/", "//", "Get"):
        assert types.output(unknown) is None


def test_fields_are_by_name_and_exact(types: Types) -> None:
    data = order(
        """
        id: 9007199254740993 total: 12.1 state: OPEN items { sku: "tea" count: 2 } items { count: -1 }
        labels { key: "b" value: "2" } labels { key: "a" value: "1" } token: "\\000\\377"
        made_at { seconds: 1795398602 nanos: 120000000 }
        """
    )
    assert types.read(data, output(types)) == {
        "id": 9007199254740993,
        "total": Decimal("12.1"),
        "state": "OPEN",
        "items": [{"sku": "tea", "count": 2}, {"sku": "", "count": -1}],
        "labels": {"a": "1", "b": "2"},
        "token": "AP8=",
        "made_at": "2026-11-23T01:50:02.12Z",
    }


def test_fields_that_cannot_be_absent_are_there_and_optional_ones_only_when_set(types: Types) -> None:
    assert types.read(b"", output(types)) == EMPTY_ORDER
    assert types.read(order("paid: false"), output(types)) == {**EMPTY_ORDER, "paid": False}


def test_an_enumeration_of_an_unknown_number_is_the_number(types: Types) -> None:
    assert types.read(order("state: 7"), output(types)) == {**EMPTY_ORDER, "state": 7}


def test_numbers_that_are_not_finite_are_floats(types: Types) -> None:
    value = types.read(order("total: inf"), output(types))
    assert isinstance(value, dict)
    assert value["total"] == math.inf


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("made_at {}", "1970-01-01T00:00:00Z"),
        ("made_at { seconds: -1 nanos: 1 }", "1969-12-31T23:59:59.000000001Z"),
        ("made_at { seconds: 1000000000000000 }", {"seconds": 1000000000000000, "nanos": 0}),
        ("made_at { nanos: -1 }", {"seconds": 0, "nanos": -1}),
    ],
)
def test_a_timestamp_is_iso_8601_or_its_fields_if_it_is_none(types: Types, text: str, expected: Value) -> None:
    assert types.read(order(text), output(types)) == {**EMPTY_ORDER, "made_at": expected}


def test_a_message_within_any_is_read_if_its_type_is_known(types: Types) -> None:
    known = 'extra { type_url: "type.googleapis.com/shop.v1.Item" value: "\\n\\003tea" }'
    unknown = 'extra { type_url: "type.googleapis.com/shop.v9.Item" value: "\\n\\003tea" }'
    broken = 'extra { type_url: "type.googleapis.com/shop.v1.Item" value: "\\n\\377" }'
    read = [types.read(order(text), output(types)) for text in (known, unknown, broken)]
    assert read == [
        {**EMPTY_ORDER, "extra": {"@type": "type.googleapis.com/shop.v1.Item", "value": {"sku": "tea", "count": 0}}},
        {**EMPTY_ORDER, "extra": {"type_url": "type.googleapis.com/shop.v9.Item", "value": "CgN0ZWE="}},
        {**EMPTY_ORDER, "extra": {"type_url": "type.googleapis.com/shop.v1.Item", "value": "Cv8="}},
    ]


def test_fields_that_the_descriptor_does_not_know_are_there_by_number() -> None:
    older = Types.from_descriptor_set(descriptor_set(fields=1))
    data = order('id: 3 state: OPEN token: "ab" items { sku: "x" } items { sku: "y" }') + b"\x53\x08\x05\x54"
    assert older.read(data, output(older)) == {
        "id": 3,
        "3": 1,
        "4": ["CgF4", "CgF5"],
        "7": "YWI=",
        "10": {"1": 5},
    }


def test_bytes_that_are_no_such_message_are_refused(types: Types) -> None:
    with pytest.raises(ValueError, match=r"2 bytes that are no shop\.v1\.Order"):
        types.read(b"\x08\xff", output(types))


def test_a_set_that_is_not_complete_says_what_is_missing() -> None:
    alone = FileDescriptorSet(file=[orders_file()]).SerializeToString()
    with pytest.raises(ValueError, match="--include_imports") as raised:
        Types.from_descriptor_set(alone)
    assert "shop/v1/orders.proto imports google/protobuf/any.proto" in str(raised.value)
    assert "imports google/protobuf/timestamp.proto" in str(raised.value)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"not a set", "9 bytes that are no FileDescriptorSet"),
        (b"", "without files"),
        (
            FileDescriptorSet(
                file=[
                    FileDescriptorProto(name="a.proto", dependency=["b.proto"]),
                    FileDescriptorProto(name="b.proto", dependency=["a.proto"]),
                ]
            ).SerializeToString(),
            "in a circle: a.proto, b.proto",
        ),
        (
            FileDescriptorSet(
                file=[
                    FileDescriptorProto(name="a.proto", package="p", message_type=[DescriptorProto(name="not a name")])
                ]
            ).SerializeToString(),
            r"a\.proto in the FileDescriptorSet cannot be used",
        ),
    ],
)
def test_what_is_no_usable_set_says_why(data: bytes, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        Types.from_descriptor_set(data)


def test_messages_that_nest_too_deep_are_refused_and_within_any_they_stay_bytes(types: Types) -> None:
    group = b"\x53" * MAX_DEPTH + b"\x08\x05" + b"\x54" * MAX_DEPTH
    with pytest.raises(ValueError, match=f"nested deeper than {MAX_DEPTH}"):
        types.read(group, output(types))
    assert types.read(group[1:-1], output(types)) != EMPTY_ORDER
    nested = any_pb2.Any()
    for _ in range(1_000):
        nested = any_pb2.Any(type_url="/google.protobuf.Any", value=nested.SerializeToString())
    read = types.read(b"\x4a" + _varint(nested.ByteSize()) + nested.SerializeToString(), output(types))
    levels = 0
    value = read["extra"] if isinstance(read, dict) else None
    while isinstance(value, dict) and "@type" in value:
        value, levels = value["value"], levels + 1
    assert isinstance(value, dict)
    assert value["type_url"] == "/google.protobuf.Any"
    assert levels == MAX_DEPTH - 2


def _varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80]) + _varint(number >> 7) if number > 0x7F else bytes([number])
