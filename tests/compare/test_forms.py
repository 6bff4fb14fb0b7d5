"""Form bodies as values."""

import hashlib
from decimal import Decimal

import pytest

from abreast.compare.forms import digest, fields, parts
from abreast.compare.model import Value

FORM_TYPE = 'multipart/form-data; boundary="----FormBoundary7MA4YWxk"'
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff"
FORM = (
    b"------FormBoundary7MA4YWxk\r\n"
    b'Content-Disposition: form-data; name="title"\r\n\r\n'
    b"Caf\xc3\xa9\r\nau lait\r\n"
    b"------FormBoundary7MA4YWxk\r\n"
    b'Content-Disposition: form-data; name="tag"\r\n\r\n'
    b"a\r\n"
    b"------FormBoundary7MA4YWxk\r\n"
    b'Content-Disposition: form-data; name="tag"\r\n\r\n'
    b"b\r\n"
    b"------FormBoundary7MA4YWxk\r\n"
    b'Content-Disposition: form-data; name="photo"; filename="my \\"cat\\".png"\r\n'
    b"Content-Type: image/png\r\n\r\n" + PNG + b"\r\n"
    b"------FormBoundary7MA4YWxk\r\n"
    b'Content-Disposition: form-data; name="meta"\r\n'
    b"Content-Type: application/json; charset=utf-8\r\n\r\n"
    b'{"price": 12.50}\r\n'
    b"------FormBoundary7MA4YWxk--\r\nepilogue"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a=1&b=two+words", {"a": "1", "b": "two words"}),
        ("a=1&b=2&a=3", {"a": ["1", "3"], "b": "2"}),
        ("flag&empty=", {"flag": "", "empty": ""}),
        ("name=%C3%A9&%5B0%5D=x", {"name": "é", "[0]": "x"}),
        ("bytes=%FF", {"bytes": "\\xff"}),
        ("a=b=c;d&&", {"a": "b=c;d"}),
        ("100%=%zz", {"100%": "%zz"}),
    ],
)
def test_fields_are_by_name_and_a_list_where_they_repeat(text: str, expected: Value) -> None:
    assert fields(text) == expected


def test_form_data_is_by_name_with_texts_files_and_json() -> None:
    assert parts(FORM, FORM_TYPE) == {
        "title": "Café\r\nau lait",
        "tag": ["a", "b"],
        "photo": {
            "filename": 'my "cat".png',
            "type": "image/png",
            "content": {"digest": hashlib.sha256(PNG).hexdigest(), "length": len(PNG)},
        },
        "meta": {"type": "application/json; charset=utf-8", "content": {"price": Decimal("12.5")}},
    }


def test_another_boundary_does_not_make_another_form() -> None:
    renamed = FORM.replace(b"----FormBoundary7MA4YWxk", b"xyz")
    assert parts(renamed, "multipart/form-data;boundary=xyz") == parts(FORM, FORM_TYPE)


def test_other_multiparts_are_in_order_with_their_headers() -> None:
    body = b"preamble\n--b\nContent-Type: text/plain;\n  charset=utf-8\n\none\n--b  \n\ntwo\n--b--"
    assert parts(body, "multipart/mixed; boundary=b") == [
        {"headers": {"content-type": "text/plain;\n  charset=utf-8"}, "content": "one"},
        {"headers": {}, "content": "two"},
    ]


def test_a_file_name_may_be_said_in_unicode_and_json_that_is_none_is_text() -> None:
    body = (
        b"--b\r\nContent-Disposition: form-data; name=f; filename*=UTF-8''na%C3%AFve.txt\r\n"
        b"Content-Type: application/json\r\n\r\n{oops\r\n--b--\r\n"
    )
    expected = {"f": {"filename": "naïve.txt", "type": "application/json", "content": "{oops"}}
    assert parts(body, "multipart/form-data; boundary=b") == expected


def test_text_with_a_nul_is_bytes() -> None:
    body = b"--b\r\nContent-Disposition: form-data; name=f\r\n\r\na\x00b\r\n--b--"
    assert parts(body, "multipart/form-data; boundary=b") == {"f": digest(b"a\x00b")}


@pytest.mark.parametrize(
    ("body", "content_type", "wrong"),
    [
        (FORM, "multipart/form-data", "without a boundary"),
        (FORM, "multipart/form-data; boundary=" + "b" * 201, "without a boundary of 1 to 200"),
        (b"", FORM_TYPE, "without its first boundary"),
        (FORM[: FORM.index(b"PNG")], FORM_TYPE, "without the closing boundary after part 4"),
        (b"--b\r\nno colon\r\n\r\nx\r\n--b--", "multipart/mixed; boundary=b", "part 1 .* without a colon"),
        (b"--b\r\nA: b\r\n--b--", "multipart/mixed; boundary=b", "part 1 .* no empty line"),
    ],
)
def test_what_is_no_multipart_body_says_why(body: bytes, content_type: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        parts(body, content_type)


def test_a_boundary_within_a_line_is_content() -> None:
    body = b"--b\r\n\r\nx --b y\r\n--bee\r\n--b--"
    assert parts(body, "multipart/mixed; boundary=b") == [{"headers": {}, "content": "x --b y\r\n--bee"}]
