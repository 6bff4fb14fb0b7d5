"""YAML text → plain values, and where each of them was written.

Read as YAML 1.2 reads it, so that nothing surprises: only ``true`` and ``false`` are booleans (``on`` and
``yes`` are text), ``12:30`` is text and no number to the base of 60, ``0755`` is text and no octal number.
Keys are always text, just as written: a version called ``1.10`` keeps its zero. Anchors, aliases and merge
keys work; tags do not. Sizes are bounded, so a file of nested aliases cannot fill the memory.

PyYAML's Python parser is used on purpose: its words for a syntax error are the same on every machine, and a
spec is too short for the C parser's speed to be felt.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from abreast.model.errors import Fault

Path = tuple[str | int, ...]
"""Keys and indices from the root of the document: ``("rollout", "steps", 0, "weight")``."""

CHARACTERS: Final = 100_000
"""Longest text that is read."""
VALUES: Final = 10_000
"""Most values a document may hold after its aliases are written out."""
DEPTH: Final = 40
"""Deepest nesting."""

_PLAIN: Final = "plain"
_QUOTED: Final = "quoted"
_STANDARD: Final = frozenset({_PLAIN, _QUOTED, *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq"))})

_NOTHING: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}", re.ASCII)
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)

_HINTS: Final = (
    (r"'\\t'", "indent with spaces; YAML allows no tabs there"),
    (r"character '[%@`]'", "put quotes around a value that starts with this character"),
    (r"mapping values are not allowed", "put quotes around a value that holds ': ', or mend the indentation"),
    (r"could not find expected ':'", "end the key with a colon, or mend the indentation"),
    (r"expected ',' or", "close the bracket, or put quotes around a value that holds brackets or commas"),
    (r"unexpected end of stream", "close the quote or bracket that is opened here or above"),
    (r"expected <block end>", "give all entries of one block the same indentation"),
    (r"undefined alias", "define it with &name before it is used, or quote a value that starts with *"),
    (r"another document", "keep one document in the file: remove everything from the second --- on"),
    (r"not allowed|unacceptable", "remove the character; save the file as plain UTF-8"),
)


@dataclass(frozen=True)
class Document:
    """A YAML document as plain values (dict, list, str, int, float, bool, None).

    ``lines`` maps each path to the 1-based line and column where its key (or list item) was written;
    ``texts`` holds numbers and booleans just as written. ``faults`` are all faults of the text itself;
    with a syntax error there is only that one, and ``value`` is None.
    """

    file: str
    value: object
    lines: Mapping[Path, tuple[int, int]] = field(default_factory=dict)
    texts: Mapping[Path, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def line(self, path: Path) -> int:
        """The line where ``path`` was written; for what is missing, that of what should hold it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]][0]
        return 1

    def fault(self, path: Path, message: str, remedy: str) -> Fault:
        """A fault of the value at ``path``."""
        return Fault(self.file, self.line(path), dotted(path), message, remedy)


def dotted(path: Path) -> str:
    """A path for reading: ``rollout.steps[0].weight``, ``versions."1.2".run``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if _BARE.fullmatch(part) else f'."{part}"'
    return text.removeprefix(".")


def read_document(text: str, file: str) -> Document:
    """The document in ``text``; ``file`` is only its name, for messages. Raises nothing: see `Document.faults`."""
    try:
        _measure(text)
        root = yaml.compose(text, Loader=_Loader)
        reading = _Reading(file)
        value = None if root is None else reading.value(root, (), ())
    except _UnreadableError as error:
        fault = Fault(file, error.line, "", error.message, error.remedy)
        return Document(file, None, faults=(fault,))
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # bad escapes and directives: the last two
        return Document(file, None, faults=(_syntax_fault(error, text, file),))
    if value is None and not reading.faults:
        fault = Fault(file, 1, "", "the file is empty", "write at least `versions`, or run: abreast init --force")
        return Document(file, None, faults=(fault,))
    return Document(file, value, reading.lines, reading.texts, tuple(reading.faults))


class _UnreadableError(Exception):
    """The text is beyond what is read at all."""

    def __init__(self, line: int, message: str, remedy: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.remedy = remedy


class _Loader(yaml.SafeLoader):
    """Composes nodes whose tag says how a scalar was written; what it means is decided in `_scalar`."""

    def resolve(self, kind: type[Node], value: str | None, implicit: tuple[bool, bool] | bool | None) -> str:
        """The tag of a node that has none of its own; ``implicit`` is PyYAML's (plain, quoted) pair for scalars."""
        del value
        if kind is ScalarNode and isinstance(implicit, tuple):
            return _PLAIN if implicit[0] else _QUOTED
        return _QUOTED


def _measure(text: str) -> None:
    """Refuse what would exhaust the time or the stack, before anything recursive sees the text."""
    if len(text) > CHARACTERS:
        message = f"the file has {len(text):,} characters, allowed are {CHARACTERS:,}"
        raise _UnreadableError(1, message, "shorten it")
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise _UnreadableError(line, f"nested more than {DEPTH} levels deep", "nest less")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


@dataclass
class _Reading:
    """One walk over the nodes: gathers positions, source texts and faults on the way."""

    file: str
    lines: dict[Path, tuple[int, int]] = field(default_factory=dict)
    texts: dict[Path, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    count: int = 0

    def value(self, node: Node, path: Path, above: tuple[Node, ...]) -> object:
        """The plain value of ``node``; ``above`` are the nodes that hold it."""
        self.enter(node, path, above)
        self.lines.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        if node.tag not in _STANDARD:
            self.fault(node, path, f"the tag {node.tag!r} is not allowed", "remove the tag")
        if isinstance(node, MappingNode):
            return self.mapping(node, path, above)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index), (*above, node)) for index, item in enumerate(node.value)]
        return self.scalar(node, path)

    def enter(self, node: Node, path: Path, above: tuple[Node, ...]) -> None:
        """Stop at a node inside itself, and when aliases have multiplied beyond the bounds."""
        line = node.start_mark.line + 1
        self.count += 1
        if any(node is holder for holder in above):
            raise _UnreadableError(line, f"{dotted(path)!r} contains itself", "remove the alias inside it")
        if self.count > VALUES or len(above) > DEPTH:
            message = f"aliases make the document larger than {VALUES:,} values or {DEPTH} levels"
            raise _UnreadableError(line, message, "write it with fewer aliases")

    def mapping(self, node: MappingNode, path: Path, above: tuple[Node, ...]) -> dict[str, object]:
        """A mapping; entries of its own go before merged ones."""
        own: dict[str, Node] = {}
        keys: dict[str, Node] = {}
        merged: list[tuple[Node, Node]] = []
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.fault(key, path, "a key must be text", "write one word before the colon")
            elif key.tag == _PLAIN and key.value == "<<":
                merged.extend(self.merged(value, path, (*above, node)))
            elif key.value in own:
                first = keys[key.value].start_mark.line + 1
                message = f"{key.value!r} is here twice, the first time on line {first}"
                self.fault(key, (*path, key.value), message, "keep one of the two")
            else:
                own[key.value], keys[key.value] = value, key
        for key, value in merged:
            own.setdefault(key.value, value)
            keys.setdefault(key.value, key)
        found: dict[str, object] = {}
        for name, value in own.items():
            mark = keys[name].start_mark
            self.lines[*path, name] = (mark.line + 1, mark.column + 1)
            found[name] = self.value(value, (*path, name), (*above, node))
        return found

    def merged(self, node: Node, path: Path, above: tuple[Node, ...]) -> Iterator[tuple[Node, Node]]:
        """The entries that ``<<: *name`` (or a list of names) brings in, nearest first."""
        self.enter(node, path, above)
        if isinstance(node, SequenceNode):
            for item in node.value:
                yield from self.merged(item, path, (*above, node))
        elif isinstance(node, MappingNode):
            later: list[Node] = []
            for key, value in node.value:
                if isinstance(key, ScalarNode) and key.tag == _PLAIN and key.value == "<<":
                    later.append(value)
                elif isinstance(key, ScalarNode):
                    yield key, value
            for value in later:
                yield from self.merged(value, path, (*above, node))
        else:
            self.fault(node, path, "<< needs a mapping", "write <<: *name, with &name at a mapping")

    def scalar(self, node: Node, path: Path) -> object:
        """One value without parts; the text of numbers and booleans is kept beside it."""
        text = str(node.value)
        if _SURROGATE.search(text):
            self.fault(node, path, "half of a surrogate pair is no character", "write the character itself")
            return ""
        value = _scalar(text) if node.tag == _PLAIN else text
        if isinstance(value, int | float):
            self.texts[path] = text
        return value

    def fault(self, node: Node, path: Path, message: str, remedy: str) -> None:
        """Note a fault at the node's own place."""
        self.faults.append(Fault(self.file, node.start_mark.line + 1, dotted(path), message, remedy))


def _scalar(text: str) -> str | int | float | bool | None:
    if text in _NOTHING:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _syntax_fault(error: Exception, text: str, file: str) -> Fault:
    """PyYAML's words for a syntax error with the line, the line's text and a hint at what mends it."""
    line = 1
    problem = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = (error.problem or problem).removeprefix("but ")
    elif isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
    lines = text.splitlines()
    quoted = f" in {lines[line - 1].strip()[:80]!r}" if line <= len(lines) else " at the end of the file"
    remedy = next((hint for pattern, hint in _HINTS if re.search(pattern, problem)), "mend the YAML at this line")
    return Fault(file, line, "", f"this is no valid YAML: {problem}{quoted}", remedy)
