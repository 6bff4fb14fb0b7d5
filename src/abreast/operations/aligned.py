"""Two answers laid beside each other: which line belongs to which, and which of them differ."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from typing import Any, Final, Literal

from abreast.model.visible import visible
from abreast.operations.body_lines import Line, body_lines

Json = dict[str, Any]

Mark = Literal["same", "differs", "noise", "fold"]
"""``differs``: the candidate's; ``noise``: it differs, but that was found to be noise, or a rule says so."""

CONTEXT: Final = 3
"""Equal lines shown around those that differ."""


@dataclass(frozen=True)
class Row:
    """One line of each side; None: this side has none."""

    mark: Mark
    left: str | None
    right: str | None


def sample_rows(sample: Json) -> list[Row]:
    """Both answers of a sample (as the API tells it): who answered, the status, the headers that differ, the body."""
    sides = stable, candidate = sample["stable"], sample["candidate"]
    paths = [each["path"] for each in sample["differences"]]
    cut = [("… (only the beginning is kept)" if each["cut"] else None) for each in sides]
    return [
        Row("same", _title("stable", stable), _title("candidate", candidate)),
        status_row(stable, candidate, paths),
        *header_rows(stable, candidate, paths),
        Row("same", "", ""),
        *body_rows(stable, candidate, paths),
        *([Row("same", *cut)] if any(cut) else []),
    ]


def _title(name: str, answer: Json) -> str:
    return visible(f"{name} ({answer['instance']})" if answer["instance"] else name)


def status_row(left: Json, right: Json, paths: Iterable[str]) -> Row:
    """How both ended."""
    failures = [each["failure"] for each in (left, right)]
    texts = [
        visible(f"no answer: {failure}" if failure else f"status {each['status']}")
        for failure, each in zip(failures, (left, right), strict=True)
    ]
    # Whether there is an answer at all is no matter of noise.
    counts = "status" in paths or bool(failures[0]) != bool(failures[1])
    return Row(_mark(same=texts[0] == texts[1], counts=counts), *texts)


def header_rows(left: Json, right: Json, paths: Sequence[str]) -> Iterator[Row]:
    """The headers that differ, by name."""
    sides = [_headers(each["headers"]) for each in (left, right)]
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        values = [each.get(name, []) for each in sides]
        if values[0] != values[1]:
            mark = _mark(same=False, counts=f"header:{name}" in paths)
            for one, other in zip_longest(*values):
                yield Row(mark, _header(name, one), _header(name, other))


def body_rows(left: Json, right: Json, paths: Sequence[str]) -> list[Row]:
    """The lines of both bodies; long runs of equal ones folded."""
    lines = body_lines(left["body"]), body_lines(right["body"])
    inside = [path for path in paths if path.startswith("/") or path in ("", "body")]
    # Only JSON tells where a line is; of anything else every line may be what differs.
    places = inside if all(line.pointer is not None for side in lines for line in side) else [""][: len(inside)]
    return list(_folded(_aligned(*lines, places)))


def _aligned(left: Sequence[Line], right: Sequence[Line], paths: Sequence[str]) -> Iterator[Row]:
    matcher = SequenceMatcher(None, [line.text for line in left], [line.text for line in right], autojunk=False)
    for what, left_from, left_to, right_from, right_to in matcher.get_opcodes():
        for one, other in zip_longest(left[left_from:left_to], right[right_from:right_to]):
            counts = any(_concerns(path, line) for line in (one, other) if line for path in paths)
            mark = _mark(same=what == "equal", counts=counts)
            yield Row(mark, one.text if one else None, other.text if other else None)


def _concerns(path: str, line: Line) -> bool:
    """Whether the line is what the path leads to, or inside of it."""
    return path in ("", "body") or (line.pointer is not None and f"{line.pointer}/".startswith(f"{path}/"))


def _folded(rows: Iterable[Row]) -> Iterator[Row]:
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row.mark == "same")]
    for place, group in enumerate(groups):
        if group[0].mark != "same":
            yield from group
            continue
        before = CONTEXT if place else 0
        after = CONTEXT if place < len(groups) - 1 else 0
        hidden = len(group) - before - after
        if hidden <= 1:
            yield from group
            continue
        yield from group[:before]
        yield Row("fold", f"… {hidden:,} equal lines", None)
        yield from group[len(group) - after :]


def _mark(*, same: bool, counts: bool) -> Mark:
    return "same" if same else "differs" if counts else "noise"


def _headers(pairs: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name.lower(), []).append(value)
    return found


def _header(name: str, value: str | None) -> str | None:
    return None if value is None else visible(f"{name}: {value}")
