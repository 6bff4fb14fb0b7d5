"""A small .proto file as protoc would describe it, in two releases, and messages of it.

package shop.v1;
enum State { STATE_UNSPECIFIED = 0; OPEN = 1; }
message Item { string sku = 1; int32 count = 2; }
message Order {
  int64 id = 1; double total = 2; State state = 3; repeated Item items = 4; map<string, string> labels = 5;
  google.protobuf.Timestamp made_at = 6; bytes token = 7; optional bool paid = 8; google.protobuf.Any extra = 9;
}
service Orders { rpc Get(Item) returns (Order); rpc Watch(Item) returns (stream Order); }
"""

from typing import Final

from google.protobuf import any_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MessageOptions,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.text_format import Parse

GET: Final = "/shop.v1.Orders/Get"
WATCH: Final = "/shop.v1.Orders/Watch"
ORDER_FILE: Final = "shop/v1/orders.proto"

_Field = FieldDescriptorProto


def _field(
    name: str, number: int, kind: _Field.Type.ValueType, type_name: str = "", *, repeated: bool = False
) -> FieldDescriptorProto:
    label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    return FieldDescriptorProto(name=name, number=number, type=kind, type_name=type_name or None, label=label)


def _order(*, fields: int) -> DescriptorProto:
    order = DescriptorProto(
        name="Order",
        field=[
            _field("id", 1, _Field.TYPE_INT64),
            _field("total", 2, _Field.TYPE_DOUBLE),
            _field("state", 3, _Field.TYPE_ENUM, ".shop.v1.State"),
            _field("items", 4, _Field.TYPE_MESSAGE, ".shop.v1.Item", repeated=True),
            _field("labels", 5, _Field.TYPE_MESSAGE, ".shop.v1.Order.LabelsEntry", repeated=True),
            _field("made_at", 6, _Field.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
            _field("token", 7, _Field.TYPE_BYTES),
            _field("paid", 8, _Field.TYPE_BOOL),
            _field("extra", 9, _Field.TYPE_MESSAGE, ".google.protobuf.Any"),
        ],
        nested_type=[
            DescriptorProto(
                name="LabelsEntry",
                field=[_field("key", 1, _Field.TYPE_STRING), _field("value", 2, _Field.TYPE_STRING)],
                options=MessageOptions(map_entry=True),
            )
        ],
    )
    order.oneof_decl.add(name="_paid")
    order.field[7].proto3_optional = True
    order.field[7].oneof_index = 0
    del order.field[fields:]
    if fields <= 7:
        order.ClearField("oneof_decl")
    return order


def orders_file(*, fields: int = 9) -> FileDescriptorProto:
    """The file; with fewer fields it is an older release's."""
    file = FileDescriptorProto(
        name=ORDER_FILE,
        package="shop.v1",
        syntax="proto3",
        dependency=["google/protobuf/any.proto", "google/protobuf/timestamp.proto"],
        message_type=[
            DescriptorProto(
                name="Item", field=[_field("sku", 1, _Field.TYPE_STRING), _field("count", 2, _Field.TYPE_INT32)]
            ),
            _order(fields=fields),
        ],
    )
    state = file.enum_type.add(name="State")
    state.value.add(name="STATE_UNSPECIFIED", number=0)
    state.value.add(name="OPEN", number=1)
    service = file.service.add(name="Orders")
    service.method.add(name="Get", input_type=".shop.v1.Item", output_type=".shop.v1.Order")
    service.method.add(name="Watch", input_type=".shop.v1.Item", output_type=".shop.v1.Order", server_streaming=True)
    return file


def descriptor_set(*, fields: int = 9) -> bytes:
    """The set with its imports, as bytes; the imports last, which protoc would not do."""
    imports = [FileDescriptorProto(), FileDescriptorProto()]
    any_pb2.DESCRIPTOR.CopyToProto(imports[0])
    timestamp_pb2.DESCRIPTOR.CopyToProto(imports[1])
    return FileDescriptorSet(file=[orders_file(fields=fields), *imports]).SerializeToString()


def order(text: str) -> bytes:
    """The bytes of an order that is written in protobuf's text format."""
    pool = DescriptorPool()
    for file in (any_pb2.DESCRIPTOR, timestamp_pb2.DESCRIPTOR):
        pool.AddSerializedFile(file.serialized_pb)
    pool.AddSerializedFile(orders_file().SerializeToString())
    message = GetMessageClass(pool.FindMessageTypeByName("shop.v1.Order"))()
    return Parse(text, message, descriptor_pool=pool).SerializeToString(deterministic=True)
