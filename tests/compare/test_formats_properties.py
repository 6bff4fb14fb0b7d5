"""What holds for any input in any format: it ends, raises nothing but what it says, and treats both sides alike."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.compare import events, forms, grpc, markup, pointer, text
from abreast.compare.endpoint import Endpoints
from abreast.compare.model import ABSENT, Answer, Difference, Kind, Request
from abreast.compare.rules import Rules
from abreast.compare.segments import shown
from tests.compare.descriptors import GET, descriptor_set

steady = settings(deadline=None, derandomize=True)
"""The same examples each time, however busy the machine is."""

RULES = Rules()
TYPES = grpc.Types.from_descriptor_set(descriptor_set())

Compare = Callable[[str, str], Sequence[Difference]]


def by_line(left: str, right: str) -> Sequence[Difference]:
    return tuple(text.differences(left, right, RULES))


def by_html(left: str, right: str) -> Sequence[Difference]:
    return tuple(markup.differences(left, right, RULES, html=True))


def by_xml(left: str, right: str) -> Sequence[Difference]:
    return tuple(markup.differences(left, right, RULES, html=False))


def pieces(*alphabet: str) -> st.SearchStrategy[str]:
    """Texts of pieces that mean something in a format, and of anything else."""
    return st.lists(st.sampled_from(alphabet) | st.text(max_size=3), max_size=30).map("".join)


def texts(max_size: int) -> st.SearchStrategy[str]:
    """Any text, lone surrogates too."""
    return st.text(st.characters(), max_size=max_size)


TAGS = pieces(
    *("<p>", "</p>", "<b id=a>", "</b>", "<li>", "<td>", "<tr>", "<table>", "</table>", "<br/>", "<svg>", "<x/>"),
    *("<script>", "</script>", "<pre>", "<!--", "-->", "<![", "]]>", "<?", ">", "<", "</", "&amp", "&", "'", '"', " "),
    *("<!DOCTYPE html>", "\n", "a", "b"),
)
DOCUMENTS = st.recursive(
    st.sampled_from(["", "a", "b", " ", "&lt;", "<!-- c -->"]),
    lambda inner: (
        st.builds(
            "<{0}{1}>{2}</{0}>".format, st.sampled_from("pqr"), st.sampled_from(["", " x='1'", " x='2' y='3'"]), inner
        )
        | st.lists(inner, max_size=4).map("".join)
    ),
    max_leaves=12,
).map("<a>{}</a>".format)
LINES = pieces("a\n", "b\n", "\r\n", "\n")


def outcome(read: Callable[[], object]) -> object:
    """What is read, or the error by which it is refused; any other error fails the test."""
    try:
        return read()
    except ValueError as error:
        return error


def check_both_sides_alike(compare: Compare, left: str, right: str) -> None:
    there, back = compare(left, right), compare(right, left)
    assert compare(left, left) == ()
    assert bool(there) == bool(back)
    for each in there:
        assert each.path == pointer.join(*pointer.split(each.path))
        assert each.left != each.right or each.kind is Kind.ORDER


@steady
@given(LINES, LINES)
def test_text_both_sides_alike(left: str, right: str) -> None:
    check_both_sides_alike(by_line, left, right)
    assert bool(by_line(left, right)) == (left != right)
    # Which of several longest alignments is found may differ, but not how long it is.
    there, back = by_line(left, right), by_line(right, left)
    assert [each.left is ABSENT for each in there].count(False) == [each.right is ABSENT for each in back].count(False)
    assert [each.right is ABSENT for each in there].count(False) == [each.left is ABSENT for each in back].count(False)


@steady
@given(TAGS, TAGS)
def test_html_both_sides_alike(left: str, right: str) -> None:
    check_both_sides_alike(by_html, left, right)


@steady
@given(DOCUMENTS, DOCUMENTS)
def test_xml_both_sides_alike(left: str, right: str) -> None:
    check_both_sides_alike(by_xml, left, right)
    assert all(each.path.startswith("/a") for each in by_xml(left, right))


@steady
@given(DOCUMENTS)
def test_an_element_put_into_a_document_is_one_difference(document: str) -> None:
    # Space beside an element means nothing, so there is one from the beginning.
    document = document.replace("<a>", "<a><first/>", 1)
    end = document.rindex("</a>")
    (added,) = by_xml(document, document[:end] + "<new>x</new>" + document[end:])
    assert (added.kind, added.path) == (Kind.ADDED, "/a/new")


@steady
@given(TAGS | texts(200))
def test_any_text_is_read_or_refused_as_xml(document: str) -> None:
    found = outcome(lambda: by_xml(document, "<a/>"))
    assert isinstance(found, tuple | markup.MarkupError)


@steady
@given(texts(200))
def test_any_text_is_read_as_html_and_nothing_of_it_gets_lost(document: str) -> None:
    visible = document.split("<", maxsplit=1)[0].split("&", maxsplit=1)[0].strip(" \t\n\r\f")
    told = "".join(str(each.right) for each in by_html("", document) if each.kind is Kind.ADDED)
    assert not visible or told


@steady
@given(pieces("data:", "data: {", "}\n", "\n\n", "id: 1\n", "event: x\n", "retry: ", "9", ":", "\r", "\0") | texts(99))
def test_any_text_is_a_stream_of_events(stream: str) -> None:
    found = events.sse(stream)
    assert all(isinstance(event, dict) and event.keys() <= {"data", "event", "id", "retry"} for event in found)
    # What is appended to a complete stream changes nothing of it.
    assert events.sse(stream + "\n\ndata: more\n\n")[: len(found)] == found


@steady
@given(pieces("{", "}", "[1]", '"', "1e9", "\n", "NaN", "null") | texts(99))
def test_any_text_is_lines_of_json_or_refused(stream: str) -> None:
    found = outcome(lambda: events.ndjson(stream))
    if isinstance(found, list):
        assert len(found) == sum(bool(line.strip()) for line in stream.removeprefix("\ufeff").split("\n"))
    else:
        assert str(found).startswith("line ")


@steady
@given(pieces("a", "=", "&", "%", "%41", "%ff", "+") | texts(99))
def test_any_text_is_a_form(form: str) -> None:
    found = forms.fields(form)
    assert isinstance(found, dict)
    assert len(found) <= form.count("&") + 1


@steady
@given(
    st.lists(st.sampled_from([b"--b", b"--b--", b"\r\n", b"\n", b"A: b", b"\xff", b"x"]), max_size=20).map(b"".join),
    st.sampled_from(["multipart/form-data; boundary=b", "multipart/mixed; boundary=b"]) | texts(40),
)
def test_any_bytes_are_multipart_or_refused(body: bytes, content_type: str) -> None:
    found = outcome(lambda: forms.parts(body, content_type))
    assert isinstance(found, dict | list) or "multipart body" in str(found)


FRAMES = st.lists(
    st.binary(max_size=12)
    | st.builds(
        lambda flags, message: bytes([flags]) + len(message).to_bytes(4, "big") + message,
        st.sampled_from([0, 1, 0x80, 0xFF]),
        st.binary(max_size=40),
    ),
    max_size=5,
).map(b"".join)
ANSWERS = st.builds(
    Answer,
    status=st.just(200),
    headers=st.sampled_from([(), (("grpc-encoding", "gzip"),), (("grpc-encoding", "br"),), (("grpc-status", "1"),)]),
    body=FRAMES,
    trailers=st.sampled_from([(), (("grpc-status", "0"),), (("grpc-status", "5"), ("grpc-message", "%f"))]),
    truncated=st.booleans(),
)


@steady
@given(ANSWERS, ANSWERS)
def test_any_two_answers_are_compared_as_grpc(left: Answer, right: Answer) -> None:
    there = tuple(grpc.differences(left, right, RULES, TYPES, method=GET))
    back = tuple(grpc.differences(right, left, RULES, TYPES, method=GET))
    assert tuple(grpc.differences(left, left, RULES, TYPES, method=GET)) == ()
    assert bool(there) == bool(back)


@steady
@given(st.binary(max_size=60))
def test_any_bytes_are_types_or_refused(data: bytes) -> None:
    found = outcome(lambda: grpc.Types.from_descriptor_set(data))
    assert found.output(GET) is None if isinstance(found, grpc.Types) else "FileDescriptorSet" in str(found)


@steady
@given(
    texts(60) | pieces("/", "a", "17", "%2F", "%", "?", "#", ";", "http://", "{id}"),
    st.sampled_from(["GET", "POST", "odd"]),
    st.binary(max_size=30),
)
def test_any_request_has_a_name_on_one_line_and_always_the_same(path: str, method: str, body: bytes) -> None:
    endpoints = Endpoints(("/a/{id}",), ("header:op", "query:a", "body:/a/0"))
    request = Request(method, path, (("content-type", "application/x-www-form-urlencoded"),), body)
    name = endpoints.name(request)
    assert name.isprintable()
    assert endpoints.name(request) == name


@steady
@given(texts(30))
def test_a_segment_that_is_shown_has_no_slash_and_can_be_written(segment: str) -> None:
    assert "/" not in shown(segment)
    assert shown(segment).encode().decode() == shown(segment)


@pytest.mark.parametrize("compare", [by_line, by_html])
def test_nothing_differs_from_nothing(compare: Compare) -> None:
    assert compare("", "") == ()
