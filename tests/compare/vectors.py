"""Pairs of documents and the places where they differ.

Written after the cases of the JSON Patch test suite (github.com/json-patch/json-patch-tests, tests.json): its
documents before and after a patch, and the pointers that its plain additions, removals and replacements name. A
pointer that ends in ``-`` is written as the index that it means; moves and copies name no place here.
"""

from typing import Final, NamedTuple


class Change(NamedTuple):
    """Two documents, and pointers at which they differ (among others, if need be)."""

    name: str
    before: object
    after: object
    paths: tuple[str, ...] = ()


_MANY: Final = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}

JSON_PATCH: Final = (
    Change("empty documents", {}, {}),
    Change("no patch", {"foo": 1}, {"foo": 1}),
    Change("members rearranged", {"foo": 1, "bar": 2}, {"bar": 2, "foo": 1}),
    Change("members rearranged in an array", [{"foo": 1, "bar": 2}], [{"bar": 2, "foo": 1}]),
    Change("members rearranged below", {"foo": {"foo": 1, "bar": 2}}, {"foo": {"bar": 2, "foo": 1}}),
    Change("add replaces a member", {"foo": None}, {"foo": 1}, ("/foo",)),
    Change("add to an empty array", [], ["foo"], ("/0",)),
    Change("array unchanged", ["foo"], ["foo"]),
    Change("add a numeric string", {}, {"foo": "1"}, ("/foo",)),
    Change("add an integer", {}, {"foo": 1}, ("/foo",)),
    Change("replace a scalar document", "foo", "bar", ("",)),
    Change("an object becomes an array", {}, [], ("",)),
    Change("an array becomes an object", [], {}, ("",)),
    Change("append to the root", [], ["hi"], ("/0",)),
    Change("add a member without a name", {}, {"": 1}, ("/",)),
    Change("add a member without a name below", {"foo": {}}, {"foo": {"": 1}}, ("/foo/",)),
    Change("add an array", {"foo": 1}, {"foo": 1, "bar": [1, 2]}, ("/bar",)),
    Change(
        "add into an element",
        {"foo": 1, "baz": [{"qux": "hello"}]},
        {"foo": 1, "baz": [{"qux": "hello", "foo": "world"}]},
        ("/baz/0/foo",),
    ),
    Change("add true", {"foo": 1}, {"foo": 1, "bar": True}, ("/bar",)),
    Change("add false", {"foo": 1}, {"foo": 1, "bar": False}, ("/bar",)),
    Change("add null", {"foo": 1}, {"foo": 1, "bar": None}, ("/bar",)),
    Change("a digit names a member", {"foo": 1}, {"foo": 1, "0": "bar"}, ("/0",)),
    Change("append", ["foo"], ["foo", "bar"], ("/1",)),
    Change("insert", ["foo", "sil"], ["foo", "bar", "sil"], ("/1",)),
    Change("insert first", ["foo", "sil"], ["bar", "foo", "sil"], ("/0",)),
    Change("push", ["foo", "sil"], ["foo", "sil", "bar"], ("/2",)),
    Change("a number-like name", {"1e0": "foo"}, {"1e0": "foo"}),
    Change("an array is inserted whole", ["foo", "sil"], ["foo", ["bar", "baz"], "sil"], ("/1",)),
    Change("remove an array", {"foo": 1, "bar": [1, 2, 3, 4]}, {"foo": 1}, ("/bar",)),
    Change("remove below", {"foo": 1, "baz": [{"qux": "hello"}]}, {"foo": 1, "baz": [{}]}, ("/baz/0/qux",)),
    Change(
        "replace by an array",
        {"foo": 1, "baz": [{"qux": "hello"}]},
        {"foo": [1, 2, 3, 4], "baz": [{"qux": "hello"}]},
        ("/foo",),
    ),
    Change(
        "replace below",
        {"foo": [1, 2, 3, 4], "baz": [{"qux": "hello"}]},
        {"foo": [1, 2, 3, 4], "baz": [{"qux": "world"}]},
        ("/baz/0/qux",),
    ),
    Change("replace an element", ["foo"], ["bar"], ("/0",)),
    Change("an empty string becomes 0", [""], [0], ("/0",)),
    Change("an empty string becomes true", [""], [True], ("/0",)),
    Change("an empty string becomes false", [""], [False], ("/0",)),
    Change("an empty string becomes null", [""], [None], ("/0",)),
    Change("replace by an array in an array", ["foo", "sil"], ["foo", ["bar", "baz"]], ("/1",)),
    Change("replace the whole document", {"foo": "bar"}, {"baz": "qux"}),
    Change("null is a value", {"foo": None}, {"foo": None}),
    Change("replace null", {"foo": None}, {"foo": "truthy"}, ("/foo",)),
    Change("move null", {"foo": None}, {"bar": None}),
    Change("copy null", {"foo": None}, {"foo": None, "bar": None}),
    Change("remove null", {"foo": None}, {}, ("/foo",)),
    Change("replace by null", {"foo": "bar"}, {"foo": None}, ("/foo",)),
    Change("names of every kind", _MANY, dict(reversed(_MANY.items()))),
    Change("move to a new name", {"foo": 1, "baz": [{"qux": "hello"}]}, {"baz": [{"qux": "hello"}], "bar": 1}),
    Change("move into an array", {"baz": [{"qux": "hello"}], "bar": 1}, {"baz": [{}, "hello"], "bar": 1}),
    Change(
        "copy an object",
        {"baz": [{"qux": "hello"}], "bar": 1},
        {"baz": [{"qux": "hello"}], "bar": 1, "boo": {"qux": "hello"}},
    ),
    Change("append an object", [1, 2], [1, 2, {"foo": ["bar", "baz"]}], ("/2",)),
    Change(
        "append some levels below",
        [1, 2, [3, [4, 5]]],
        [1, 2, [3, [4, 5, {"foo": ["bar", "baz"]}]]],
        ("/2/1/2",),
    ),
    Change("remove the first", [1, 2, 3, 4], [2, 3, 4], ("/0",)),
    Change("remove twice", [1, 2, 3, 4], [1, 3]),
)
"""All of the suite's cases that have two documents; errors of patches are none of ours."""
