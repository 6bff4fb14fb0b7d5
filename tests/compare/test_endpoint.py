"""Names of endpoints."""

import json

import pytest

from abreast.compare.endpoint import MOST, Endpoints, templates_of_openapi
from abreast.compare.model import Request
from abreast.compare.segments import DISTINCT

AWS_JSON = (("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "DynamoDB_20120810.GetItem"))


def name(path: str, *, method: str = "GET", templates: tuple[str, ...] = ()) -> str:
    return Endpoints(templates).name(Request(method, path))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "GET /"),
        ("/orders", "GET /orders"),
        ("/orders/17", "GET /orders/{id}"),
        ("/orders/17/items/0b6dd2c5-3c41-4b8f-9a3d-0a6d2f9f5c11?expand=all", "GET /orders/{id}/items/{id}"),
        ("/orders/17/", "GET /orders/{id}/"),
        ("//orders", "GET //orders"),
        ("/api/v1/users/ada%40example.org", "GET /api/v1/users/{id}"),
        ("/search?q=/orders/1", "GET /search"),
        ("/a#b", "GET /a"),
        ("http://shop.example:8080/orders/17?x=1", "GET /orders/{id}"),
        ("http://shop.example?x=1", "GET /"),
        ("*", "GET *"),
        ("", "GET "),
    ],
)
def test_identifiers_in_paths_are_inferred_and_queries_do_not_count(path: str, expected: str) -> None:
    assert name(path) == expected


def test_a_name_is_not_of_any_depth_or_length() -> None:
    assert name("/a" * 33) == "GET " + "/a" * 32 + "/**"
    assert name("/a" * 32) == "GET " + "/a" * 32
    assert len(name("/abcdefghijklmnopqrstuvwxyz" * 4_000)) == len(name("*" * 4_000)) == len("GET ") + 400


def test_methods_are_told_apart_and_unheard_of_ones_are_one() -> None:
    assert name("/orders", method="DELETE") == "DELETE /orders"
    assert name("/orders", method="MKCOL-17") == "* /orders"


def test_a_template_comes_before_what_is_inferred_and_the_most_specific_wins() -> None:
    templates = ("/{tenant}/orders", "/orders/{id}", "/orders/latest", "/orders/{id}.json", "/{tenant}/{rest}")
    assert name("/orders/some-slug", templates=templates) == "GET /orders/{id}"
    assert name("/orders/latest", templates=templates) == "GET /orders/latest"
    assert name("/orders/17.json", templates=templates) == "GET /orders/{id}.json"
    assert name("/acme/orders", templates=templates) == "GET /{tenant}/orders"
    assert name("/orders/orders", templates=templates) == "GET /orders/{id}"
    assert name("/acme/invoices/17", templates=templates) == "GET /acme/invoices/{id}"


def test_a_template_is_text_and_not_a_regular_expression() -> None:
    assert name("/files/x+y/a.b", templates=("/files/x+y/{name}.b",)) == "GET /files/x+y/{name}.b"
    assert name("/files/xxy/a.b", templates=("/files/x+y/{name}.b",)) == "GET /files/xxy/a.b"


def test_grpc_paths_stay_as_they_are() -> None:
    request = Request("POST", "/shop.v1.Orders/Get2", (("content-type", "application/grpc+proto"),))
    assert Endpoints().name(request) == "POST /shop.v1.Orders/Get2"


def test_an_operation_is_named_by_a_header_a_query_parameter_or_the_body() -> None:
    endpoints = Endpoints((), ("header:X-Amz-Target", "query:Action", "body:/operationName", "body:/0/method"))
    graphql = json.dumps({"query": "query Cart { cart { id } }", "operationName": "Cart"}).encode()
    batch = b'[{"jsonrpc": "2.0", "method": "sum", "id": 1}]'
    form = (("content-type", "application/x-www-form-urlencoded"),)
    assert endpoints.name(Request("POST", "/", AWS_JSON)) == "POST / [DynamoDB_20120810.GetItem]"
    assert endpoints.name(Request("GET", "/?Action=ListUsers&x=1")) == "GET / [ListUsers]"
    assert endpoints.name(Request("POST", "/graphql", body=graphql)) == "POST /graphql [Cart]"
    assert endpoints.name(Request("POST", "/rpc", body=batch)) == "POST /rpc [sum]"
    assert endpoints.name(Request("POST", "/form", form, b"operationName=Buy")) == "POST /form [Buy]"
    assert endpoints.name(Request("POST", "/rpc", body=b"\xff{")) == "POST /rpc"
    assert endpoints.name(Request("POST", "/rpc", body=b'{"operationName": {"a": 1}}')) == "POST /rpc"
    assert endpoints.name(Request("POST", "/rpc", body=b'"text"')) == "POST /rpc"


def test_an_operation_is_shown_on_one_line_and_not_at_any_length() -> None:
    endpoints = Endpoints((), ("header:op",))
    assert endpoints.name(Request("GET", "/", (("op", "a\nb" + "c" * 500),))) == "GET / [a%0Ab" + "c" * 77 + "]"


@pytest.mark.parametrize("wrong", ["cookie:op", "body:operationName", "header:", "X-Amz-Target"])
def test_an_operation_that_is_nowhere_is_refused_with_what_may_be_written(wrong: str) -> None:
    with pytest.raises(ValueError, match="write header:NAME, query:NAME or body:/json/pointer") as raised:
        Endpoints((), (wrong,))
    assert repr(wrong) in str(raised.value)


def test_slugs_become_identifiers_once_there_are_many() -> None:
    endpoints = Endpoints()
    slugs = ["".join(chr(97 + int(digit)) for digit in str(number)) for number in range(DISTINCT * 3)]
    names = [endpoints.name(Request("GET", f"/products/{slug}")) for slug in slugs]
    assert names[0] == "GET /products/a"
    assert set(names[DISTINCT:]) == {"GET /products/{id}"}
    assert endpoints.name(Request("GET", "/products/a")) == "GET /products/{id}"


def test_there_are_so_many_endpoints_at_most_and_the_rest_is_one_per_method() -> None:
    endpoints = Endpoints()
    letters = "abcdefghijklmnopqrstuvwxyz"
    paths = [f"/{one}/{two}" for one in letters for two in letters]
    names = {endpoints.name(Request("GET", path)) for path in paths}
    assert len(paths) > MOST
    assert len(names) == MOST + 1
    assert "GET *" in names
    assert endpoints.name(Request("POST", "/one-more")) == "POST *"
    assert endpoints.name(Request("GET", "/a/a")) == "GET /a/a"


def test_names_that_learning_made_impossible_give_their_room_back() -> None:
    endpoints = Endpoints()
    words = ["w" * (size + 1) for size in range(DISTINCT + 1)]
    for shelf in "abcdefghijklmnop":
        for word in words:
            endpoints.name(Request("GET", f"/{shelf}/{word}"))
    assert endpoints.name(Request("GET", "/q/new")) == "GET /q/new"
    assert len(endpoints._names) < MOST


def test_templates_of_an_openapi_document_have_their_servers_paths_before_them() -> None:
    document = {
        "openapi": "3.1.0",
        "servers": [
            {"url": "https://api.example/{version}/", "variables": {"version": {"default": "v2"}}},
            {"url": "/beta"},
            {"url": "https://api.example/v2"},
        ],
        "paths": {"/orders/{id}": {}, "/orders": {}, "x-internal": {}},
    }
    assert templates_of_openapi(document) == ("/v2/orders/{id}", "/v2/orders", "/beta/orders/{id}", "/beta/orders")
    assert templates_of_openapi({"swagger": "2.0", "basePath": "/api", "paths": {"/a": {}}}) == ("/api/a",)
    assert templates_of_openapi({"paths": {"/a": {}}, "servers": "odd"}) == ("/a",)
    assert templates_of_openapi({"paths": {"/a": {}}, "servers": [{"url": "/{who}"}]}) == ("/{who}/a",)


@pytest.mark.parametrize("document", [{}, {"paths": []}, {"openapi": "3.1.0", "info": {}}, {"paths": {"x-y": {}}}])
def test_a_document_without_routes_is_refused_with_what_it_has(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not an OpenAPI document") as raised:
        templates_of_openapi(document)
    assert all(member in str(raised.value) for member in document)
