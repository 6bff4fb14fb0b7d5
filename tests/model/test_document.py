"""YAML in, plain values with their lines out; what cannot be read is one fault that says what to do."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from abreast.model.document import CHARACTERS, DEPTH, VALUES, Document, dotted, read_document


def read(text: str) -> Document:
    """The document, which must have no fault."""
    document = read_document(text, "a.yaml")
    assert document.faults == ()
    return document


def only_fault(text: str) -> tuple[int, str, str]:
    """Line, message and remedy of the one fault in the text."""
    (fault,) = read_document(text, "a.yaml").faults
    assert fault.file == "a.yaml"
    return fault.line, fault.message, fault.remedy


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("n", "n"),
        ("~", None),
        ("", None),
        ("null", None),
        ("12", 12),
        ("-3", -3),
        ("0755", "0755"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("12:30", "12:30"),
        ("190:20:30", "190:20:30"),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2001-12-14", "2001-12-14"),
        ("9" * 5000, "9" * 5000),
        ("'12'", "12"),
        ('"true"', "true"),
        ("10%", "10%"),
        ("=", "="),
    ],
)
def test_a_plain_value_means_what_it_looks_like(written: str, value: object) -> None:
    found = read(f"key: {written}").value
    assert found == {"key": value}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(value)


def test_keys_are_text_as_written() -> None:
    assert read("1.10: a\ntrue: b\non: c\n0755: d").value == {"1.10": "a", "true": "b", "on": "c", "0755": "d"}


def test_numbers_and_booleans_keep_their_text() -> None:
    assert read("a: 1.10\nb: [True, 007]").texts == {("a",): "1.10", ("b", 0): "True"}


def test_every_value_knows_where_its_key_was_written() -> None:
    document = read("a:\n  b:\n    - x\n    -   y: 1\n")
    assert document.lines[("a",)] == (1, 1)
    assert document.lines[("a", "b")] == (2, 3)
    assert document.lines[("a", "b", 1)] == (4, 9)
    assert document.line(("a", "b", 1, "y")) == 4


def test_what_is_missing_is_looked_for_where_it_should_be() -> None:
    document = read("a:\n  b: 1\n")
    assert document.line(("a", "c", "d")) == 1
    assert document.fault(("a", "b", "c"), "m", "r").line == 2
    assert Document("a.yaml", None).line(("a",)) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("rollout", "steps", 0, "weight"), "rollout.steps[0].weight"),
        (("versions", "1.2", "run"), 'versions."1.2".run'),
        (("1.2",), '"1.2"'),
    ],
)
def test_paths_read_with_dots(path: tuple[str | int, ...], text: str) -> None:
    assert dotted(path) == text


def test_aliases_and_merge_keys_are_written_out() -> None:
    document = read(
        "base: &base {a: 1, b: 2}\nmore: &more {b: 9, c: 3}\none: *base\n"
        "two: {<<: *base, b: 5}\nthree: {<<: [*base, *more]}"
    )
    assert document.value == {
        "base": {"a": 1, "b": 2},
        "more": {"b": 9, "c": 3},
        "one": {"a": 1, "b": 2},
        "two": {"b": 5, "a": 1},
        "three": {"a": 1, "b": 2, "c": 3},
    }
    assert document.lines[("two", "a")][0] == 1
    assert document.lines[("two", "b")][0] == 4


def test_merges_reach_through_merges() -> None:
    document = read("a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}")
    assert isinstance(document.value, dict)
    assert document.value["c"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("text", "line", "message", "remedy"),
    [
        ("", 1, "the file is empty", "abreast init"),
        ("# nothing\n---\n", 1, "the file is empty", "versions"),
        ("a: 1\n\tb: 2", 2, "'\\t' that cannot start any token", "indent with spaces"),
        ("a: 1\nb: %x", 2, "character '%'", "quotes"),
        ("a: b: c", 1, "mapping values are not allowed here in 'a: b: c'", "': '"),
        ("a: [1, 2", 1, "expected ',' or ']'", "close the bracket"),
        ('a: "x', 1, "unexpected end of stream", "close the quote"),
        ("a:\n  b: 1\n c: 2", 3, "expected <block end>", "same indentation"),
        ("a: *b", 1, "undefined alias 'b'", "&name"),
        ("a: 1\n---\nb: 2", 2, "another document", "one document"),
        ("a: 1\nb: \x07", 2, "special characters are not allowed", "UTF-8"),
        ("a: 1\nb: \ud800", 2, "special characters are not allowed", "UTF-8"),
        ('a: "\\ud800"', 1, "surrogate", "the character itself"),
        ('a: "\\UFFFFFFFF"', 1, "no valid YAML", "mend"),
        ("%YAML 1." + "9" * 5000 + "\n---\na: 1", 1, "no valid YAML", "mend"),
        ("a: &a [*a]", 1, "contains itself", "remove the alias"),
        ("a: &a {<<: *a}", 1, "contains itself", "remove the alias"),
        ("[" * (DEPTH + 1), 1, "nested more than 40 levels", "nest less"),
        ("a: " + "x" * CHARACTERS, 1, "characters, allowed are 100,000", "shorten"),
        ("a: 1\nb: 2\na: 3", 3, "'a' is here twice, the first time on line 1", "keep one"),
        ("? [a]\n: b", 1, "a key must be text", "before the colon"),
        ("a: 1\n<<: 3", 2, "<< needs a mapping", "*name"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]", 2, "tag 'tag:yaml.org,2002:python/object", "remove the tag"),
        ("a: !mine 1", 1, "tag '!mine'", "remove the tag"),
    ],
)
def test_what_cannot_be_read_is_one_fault(text: str, line: int, message: str, remedy: str) -> None:
    found = only_fault(text)
    assert found[0] == line
    assert message in found[1]
    assert remedy in found[2]


@pytest.mark.parametrize("tag", ["!!str", "!"])
def test_the_tags_of_plain_yaml_are_allowed(tag: str) -> None:
    assert read(f"a: {tag} x").value == {"a": "x"}


def test_faults_that_leave_the_rest_readable_come_with_it() -> None:
    document = read_document("a: 1\na: 2\nb: !x 3\nc: 4", "a.yaml")
    assert [fault.line for fault in document.faults] == [2, 3]
    assert document.value == {"a": 1, "b": "3", "c": 4}


@pytest.mark.parametrize("kind", ["values", "merges"])
def test_aliases_cannot_fill_the_memory(kind: str) -> None:
    lines = ["a0: &a0 {x: 1}"]
    for level in range(1, 12):
        holders = ", ".join([f"*a{level - 1}"] * 10)
        content = f"[{holders}]" if kind == "values" else f"{{<<: [{holders}]}}"
        lines.append(f"a{level}: &a{level} {content}")
    _, message, remedy = only_fault("\n".join(lines))
    assert f"{VALUES:,} values" in message
    assert "fewer aliases" in remedy


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from("abc"), PLAIN, min_size=1))
def test_what_pyyaml_writes_is_read_back(value: dict[str, object]) -> None:
    assert read(yaml.safe_dump(value)).value == value


YAML_LIKE = st.text(st.sampled_from(list("ab: -[]{}&*!|>'\"%@#?,<\n\t\\01xU~")), max_size=60)


@given(st.text(max_size=200) | YAML_LIKE)
def test_no_text_does_anything_but_give_a_document(text: str) -> None:
    document = read_document(text, "a.yaml")
    last = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + text.count("\u2029") + 1
    assert document.faults or document.value is not None
    for fault in document.faults:
        assert 1 <= fault.line <= last
        assert fault.message
        assert fault.remedy
