"""What holds for any two answers."""

import gzip
import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.compare import pointer
from abreast.compare.exchange import compare
from abreast.compare.json_body import MOST_DIFFERENCES, differences
from abreast.compare.model import ABSENT, Answer, Difference, Kind, Value
from abreast.compare.rules import Rules, Tolerance
from abreast.compare.tree import parse, same, shown

NO_RULES = Rules()
SOME_RULES = Rules(
    ignore=("/**/b", "header:x-b*"),
    unordered=("/a", "/*/*"),
    keyed=(("/c", "id"),),
    tolerance=(("/**/n", Tolerance(absolute=1)),),
    mask=("[0-9]+", "^$"),
)
WIDELY = settings(max_examples=150, deadline=None)

MEDIA_TYPES = st.sampled_from(
    [
        "application/json",
        "application/x-ndjson",
        "text/event-stream",
        "text/html",
        "text/xml; charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/grpc",
        "text/plain",
        "image/png",
        "application/json; charset=utf-16",
    ]
)
NAMES = st.sampled_from(["a", "b", "c", "n", "id", "", "a/b", "m~n", "*"])
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 1e300, "1", "a", "", "2024-05-01"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)
BODIES = st.one_of(
    st.binary(max_size=60),
    VALUES.map(lambda value: json.dumps(value).encode()),
    VALUES.map(lambda value: gzip.compress(json.dumps(value).encode())),
    st.text("<>/ab&;:=\n\r\"'[]{}-x0", max_size=40).map(str.encode),
)
HEADER_NAMES = st.sampled_from(["x-a", "x-b", "vary", "set-cookie", "etag", "connection", "content-length", "date"])
FIELDS = st.lists(st.tuples(HEADER_NAMES, st.text('ab,;="\\ ./0', max_size=12)), max_size=4)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """An answer as odd as they come; often one of few, so that two are sometimes alike."""
    headers = draw(FIELDS)
    if draw(st.booleans()):
        headers.append(("content-type", draw(MEDIA_TYPES)))
    if draw(st.integers(0, 3)) == 0:
        headers.append(("content-encoding", draw(st.sampled_from(["gzip", "br", "deflate", "zstd", "", "x"]))))
    return Answer(
        status=draw(st.sampled_from([200, 200, 200, 404])),
        headers=tuple(headers),
        body=draw(BODIES),
        trailers=tuple(draw(FIELDS)),
        failure=draw(st.sampled_from(["", "", "", "", "reset"])),
        truncated=draw(st.integers(0, 5)) == 0,
    )


@WIDELY
@given(answers(), answers())
def test_whatever_two_answers_are_there_is_a_result_that_can_be_kept(left: Answer, right: Answer) -> None:
    for rules in (NO_RULES, SOME_RULES):
        found = compare(left, right, rules)
        assert len(found) <= MOST_DIFFERENCES
        for difference in found:
            assert not same(difference.left, difference.right) or difference.kind is Kind.UNDECODABLE
            f"{difference.path} {difference.pattern} {shown(difference.left)} {shown(difference.right)}".encode()


@given(answers())
def test_an_answer_does_not_differ_from_itself(answer: Answer) -> None:
    copied = Answer(
        answer.status, answer.headers, bytes(bytearray(answer.body)), answer.trailers, answer.failure, answer.truncated
    )
    assert compare(answer, copied) == ()
    assert compare(answer, copied, SOME_RULES) == ()


@WIDELY
@given(answers(), answers())
def test_the_verdict_is_the_same_from_the_other_side(left: Answer, right: Answer) -> None:
    for rules in (NO_RULES, SOME_RULES):
        assert (compare(left, right, rules) == ()) is (compare(right, left, rules) == ())


def mirrored(difference: Difference) -> tuple[Kind, str]:
    kinds = {Kind.MISSING: Kind.ADDED, Kind.ADDED: Kind.MISSING}
    return kinds.get(difference.kind, difference.kind), difference.pattern


def read(value: object) -> Value:
    return parse(json.dumps(value))


@WIDELY
@given(VALUES.map(read), VALUES.map(read))
def test_from_the_other_side_missing_is_added_and_the_rest_is_the_same(left: Value, right: Value) -> None:
    one, other = differences(left, right, NO_RULES), differences(right, left, NO_RULES)
    assert Counter(map(mirrored, one)) == Counter((found.kind, found.pattern) for found in other)


@WIDELY
@given(VALUES.map(read), VALUES.map(read))
def test_nothing_differs_just_when_the_values_are_the_same(left: Value, right: Value) -> None:
    assert (differences(left, right, NO_RULES) == ()) is same(left, right)


def at(value: Value, path: str) -> Value:
    """What is at a pointer."""
    for segment in pointer.split(path):
        if isinstance(value, list) and segment.isdigit() and int(segment) < len(value):
            value = value[int(segment)]
        elif isinstance(value, dict) and segment in value:
            value = value[segment]
        else:
            return ABSENT
    return value


@WIDELY
@given(VALUES.map(read), VALUES.map(read))
def test_every_path_leads_to_its_value_and_matches_its_pattern(left: Value, right: Value) -> None:
    for found in differences(left, right, NO_RULES):
        assert pointer.matches(found.pattern, found.path)
        if found.kind is Kind.LENGTH:
            continue
        if found.kind is Kind.ADDED:
            # The array above it is named by the left one's places, it itself by the right one's.
            *above, last = pointer.split(found.path)
            holder = at(left, pointer.join(*above))
            assert found.left is ABSENT
            assert isinstance(holder, list) or (isinstance(holder, dict) and last not in holder)
            if holder is left:
                assert same(at(right, found.path), found.right)
        else:
            assert same(at(left, found.path), found.left)


@given(VALUES.map(read), VALUES.map(read))
def test_ignoring_what_differs_leaves_nothing(left: Value, right: Value) -> None:
    found = differences(left, right, NO_RULES)
    rules = Rules(ignore=tuple(sorted({difference.path for difference in found})))
    assert all(rules.ignores(difference.path) for difference in found)
    told = {difference.path for difference in differences(left, right, rules)}
    assert not told & {difference.path for difference in found}


@settings(max_examples=50)
@given(st.lists(VALUES.map(read), min_size=1, max_size=30), st.data())
def test_taking_one_element_out_is_one_difference(elements: list[Value], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(elements) - 1))
    found = differences(elements, [*elements[:place], *elements[place + 1 :]], NO_RULES)
    assert [difference.kind for difference in found] == [Kind.MISSING]
    assert same(found[0].left, elements[place])


@settings(max_examples=50)
@given(st.permutations(range(12)), st.lists(VALUES.map(read), max_size=12))
def test_the_order_of_an_unordered_array_is_free(order: list[int], elements: list[Value]) -> None:
    other = [elements[place] for place in order if place < len(elements)]
    assert differences(elements, other, Rules(unordered=("",))) == ()
    assert {found.kind for found in differences(elements, other, NO_RULES)} <= {Kind.ORDER}
