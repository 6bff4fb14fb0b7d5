"""Check that the documentation says what is true: links, commands, folders, tables, the diagram, fragments.

    python scripts/docs_check.py        every fault at once, as `file:line: what, and what to do`; exit code 1

Each check is a function from the checkout to its faults, listed in CHECKS: to hold another promise of
the documentation, write one more function and add it there.
"""

from __future__ import annotations

import itertools
import re
import shlex
import sys
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, get_args
from urllib.parse import unquote

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
DIAGRAM_MARKS = ("<!-- diagram -->", "<!-- /diagram -->")
STARTER_VERBS = {"test"}  # done by ./abreast itself, before there is a command line
COMMAND_ENDS = {"&&", "||", "|", ";", "&", ">", ">>", "2>", "<"}
SHELLS = {"sh", "bash", "shell", "console"}
OUR_COMMAND = re.compile(r"^\s*(?:\$ )?(?:[A-Za-z_]\w*=\S* )*(?:\./)?abreast\s+(.*)$")

FENCE = re.compile(r"^\s*(```+|~~~+)\s*(\S*)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")
EXPLICIT_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
INLINE_CODE = re.compile(r"`[^`]*`")
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
LINK_DEFINITION = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?")
SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*:")
FRAGMENT_NAME = re.compile(r"^(?:\d+|\+[a-z0-9-]+)\.([a-z]+)(?:\.\d+)?\.md$")


@dataclass(frozen=True)
class Fault:
    """One thing that the documentation says and that is not so: where, what, and what to do."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Line:
    """One line of a Markdown file; `language` is that of the code block around it, None in prose."""

    number: int
    text: str
    language: str | None


def markdown_files(root: Path) -> list[Path]:
    """Return the project's Markdown files: not those of folders whose name starts with a dot."""
    return sorted(
        path
        for path in root.rglob("*.md")
        if not any(part.startswith(".") or part == "node_modules" for part in path.relative_to(root).parts)
    )


def lines_of(path: Path) -> Iterator[Line]:
    """Yield a Markdown file's lines, less the fences themselves."""
    fence, language = "", None
    for number, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
        match = FENCE.match(text)
        if match and not fence:
            fence, language = match[1], match[2]
        elif match and match[1].startswith(fence) and not match[2]:
            fence, language = "", None
        else:
            yield Line(number, text, language)


def anchors_of(path: Path) -> set[str]:
    """Return the anchors of a Markdown file: its headings in GitHub's spelling, and explicit ones."""
    anchors: set[str] = set()
    for line in lines_of(path):
        if line.language is not None:
            continue
        anchors.update(EXPLICIT_ANCHOR.findall(line.text))
        heading = HEADING.match(line.text)
        if heading:
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            numbered = (f"{anchor}-{count}" for count in itertools.count(1))
            anchors.add(next(name for name in itertools.chain([anchor], numbered) if name not in anchors))
    return anchors


def check_links(root: Path) -> list[Fault]:
    """Every relative link leads to a file or folder of the checkout, and every anchor to a heading."""
    faults: list[Fault] = []
    anchors: dict[Path, set[str]] = {}
    for path in markdown_files(root):
        name = str(path.relative_to(root))
        for line in lines_of(path):
            if line.language is not None:
                continue
            prose = INLINE_CODE.sub("``", line.text)
            for target in LINK.findall(prose) + LINK_DEFINITION.findall(prose):
                if SCHEME.match(target):
                    continue
                file, _, anchor = unquote(target).partition("#")
                linked = (path.parent / file).resolve() if file else path
                if not linked.exists():
                    faults.append(Fault(name, line.number, f"`{target}` leads nowhere; mend the path"))
                elif anchor and linked.suffix == ".md":
                    known = anchors.setdefault(linked, anchors_of(linked))
                    if anchor not in known:
                        text = f"`{target}`: no such heading in {linked.name}{nearest(anchor, known)}"
                        faults.append(Fault(name, line.number, text))
    return faults


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; the nearest is …`, or nothing where nothing is near."""
    near = get_close_matches(word, list(known), n=1)
    return f"; the nearest is `{near[0]}`" if near else ""


def commands_of(root: Path) -> Iterator[tuple[str, int, list[str]]]:
    """Yield (file, line, words after `abreast`) for each command of ours in a ```sh block.

    A line that ends in a backslash goes on in the next; a quote that does not end is left as it is.
    """
    for path in markdown_files(root):
        begun = ""
        for line in lines_of(path):
            text = begun + line.text
            begun = text.removesuffix("\\") if line.language in SHELLS and text.endswith("\\") else ""
            found = OUR_COMMAND.match(text)
            if begun or line.language not in SHELLS or found is None:
                continue
            try:
                words = shlex.split(found[1], comments=True)
            except ValueError:
                words = found[1].split()
            ours = itertools.takewhile(lambda word: word not in COMMAND_ENDS, words)
            yield str(path.relative_to(root)), line.number, list(ours)


@dataclass(frozen=True)
class Verb:
    """One verb of the command line, with its options (`--keep`) and the verbs below it."""

    options: frozenset[str]
    verbs: Mapping[str, Verb]


def verb_of(command: object) -> Verb:
    """Return what a Typer command accepts. Raises TypeError for anything else."""
    if not isinstance(command, TyperCommand | TyperGroup):
        raise TypeError(f"expected a command of Typer, not {command!r}")
    options = {name for entry in command.params for name in (*entry.opts, *entry.secondary_opts)}
    below = command.commands if isinstance(command, TyperGroup) else {}
    return Verb(frozenset(options | {"--help"}), {name: verb_of(child) for name, child in below.items()})


def command_fault(verb: Verb, words: list[str]) -> str | None:
    """Say what is wrong with the words of one command: an unknown verb or an unknown option."""
    said = "abreast"
    for word in words:
        if word.startswith("-"):
            option = word.partition("=")[0]
            if option not in verb.options:
                return f"`{said}` has no option `{option}`{nearest(option, verb.options)}"
        elif verb.verbs:
            if word not in verb.verbs:
                return f"`{said}` has no verb `{word}`{nearest(word, verb.verbs)}"
            verb = verb.verbs[word]
            said += f" {word}"
    return None


def check_commands(root: Path) -> list[Fault]:
    """Every command of ours in a shell block names a verb and options that the command line has."""
    commands = [entry for entry in commands_of(root) if not STARTER_VERBS.intersection(entry[2][:1])]
    if not commands:
        return []
    # Imported here, so that the other checks work while the command line does not.
    from abreast.cli.main import app  # noqa: PLC0415  # likewise

    command_line = verb_of(typer.main.get_command(app))
    judged = ((path, line, command_fault(command_line, words)) for path, line, words in commands)
    return [Fault(path, line, text) for path, line, text in judged if text is not None]


def check_folders(root: Path) -> list[Fault]:
    """Every folder of the source is named in ARCHITECTURE.md."""
    name = "ARCHITECTURE.md"
    if not (root / name).exists():
        return [Fault(name, 1, "there is none; it says what each folder of src/abreast is for")]
    text = (root / name).read_text("utf-8")
    source = root / "src" / "abreast"
    folders = sorted(path.parent.relative_to(source) for path in source.rglob("*.py"))
    return [
        Fault(name, 1, f"src/abreast/{folder} is not described; add `{folder.name}/` and one paragraph")
        for folder in dict.fromkeys(folders)
        if folder.name and not re.search(rf"(?<![\w-]){re.escape(folder.name)}/", text)
    ]


def check_changelog(root: Path) -> list[Fault]:
    """Every changelog fragment is named `ISSUE.KIND.md` or `+word.KIND.md` and says something."""
    settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["towncrier"]
    kinds = [kind["directory"] for kind in settings["type"]]
    faults: list[Fault] = []
    for path in sorted((root / settings["directory"]).iterdir()):
        if path.name in settings["ignore"] or path.name.startswith("."):
            continue
        name = str(path.relative_to(root))
        match = FRAGMENT_NAME.match(path.name)
        if match is None or match[1] not in kinds:
            text = f"name it ISSUE.KIND.md or +word.KIND.md; KIND is one of {', '.join(kinds)}"
            faults.append(Fault(name, 1, text))
        elif not path.read_text("utf-8").strip():
            faults.append(Fault(name, 1, "it is empty; say in a sentence what changes for the user"))
    return faults


def check_diagram(root: Path) -> list[Fault]:
    """Wherever a page has a diagram between DIAGRAM_MARKS, it is the one that the code makes."""
    from abreast.rollout.transitions import diagram  # noqa: PLC0415  # the other checks work without it

    expected = ["```mermaid", *diagram(), "```"]
    begin, end = DIAGRAM_MARKS
    faults: list[Fault] = []
    for path in markdown_files(root):
        name = str(path.relative_to(root))
        lines = [line.rstrip() for line in path.read_text("utf-8").splitlines()]
        marks = [(number, line) for number, line in enumerate(lines, start=1) if line in DIAGRAM_MARKS]
        if [mark for _, mark in marks] != [begin, end] * (len(marks) // 2):
            text = f"a diagram stands between `{begin}` and `{end}`, each on a line of its own; put both"
            faults.append(Fault(name, marks[0][0], text))
            continue
        for (first, _), (last, _) in zip(marks[::2], marks[1::2], strict=True):
            if [line for line in lines[first : last - 1] if line] != expected:
                text = "the diagram is not the code's; put there: python -m abreast.rollout.transitions"
                faults.append(Fault(name, first, text))
    return faults


def rows_of_rollouts() -> Iterator[tuple[str, str]]:
    """Yield (heading, how a table's row below it must begin) for docs/rollouts.md; rows of events are whole."""
    from abreast.model import errors  # noqa: PLC0415  # the other checks work without it
    from abreast.model.event import EVENT_DOCS  # noqa: PLC0415  # likewise
    from abreast.model.rollout import ApproveStep, BakeStep, HoldStep, Phase, WeightStep  # noqa: PLC0415  # likewise
    from abreast.operations import status  # noqa: PLC0415  # likewise
    from abreast.rollout.observed import Verb  # noqa: PLC0415  # likewise

    steps = [step.kind for step in (WeightStep, HoldStep, ApproveStep, BakeStep)]
    for heading, words in (("Phases", [*Phase]), ("Steps", steps), ("Commands", get_args(Verb))):
        yield from ((heading, f"| `{word}` | ") for word in words)
    for kind, text in EVENT_DOCS.items():
        yield "Events", f"| `{kind}` | {text} |"
    for code in (status.EXIT_HEALTHY, status.EXIT_PROGRESSING, status.EXIT_PAUSED, status.EXIT_ROLLED_BACK):
        yield "Exit codes", f"| {code} | "
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.AbreastError):
            yield "Exit codes", f"| `{error.__name__}` | {error.exit_code} | {error.http_status} | "


def check_rollouts(root: Path) -> list[Fault]:
    """docs/rollouts.md, where there is one, has every phase, step, command, event and error, as the code has them."""
    path = root / "docs" / "rollouts.md"
    if not path.exists():
        return []
    heading, rows = "", set[tuple[str, str]]()
    for line in lines_of(path):
        found = HEADING.match(line.text)
        heading = found[1] if found and line.language is None else heading
        rows.add((heading, line.text))
    return [
        Fault(str(path.relative_to(root)), 1, f"below `{wanted}` no table's row begins with `{row.strip()}`; add it")
        for wanted, row in rows_of_rollouts()
        if not any(heading == wanted and text.startswith(row) for heading, text in rows)
    ]


CHECKS: tuple[Callable[[Path], list[Fault]], ...] = (
    check_links,
    check_commands,
    check_folders,
    check_changelog,
    check_diagram,
    check_rollouts,
)


def faults_of(root: Path) -> list[Fault]:
    """Return the faults of all checks."""
    return [fault for check in CHECKS for fault in check(root)]


def main() -> int:
    """Print every fault; return the exit code."""
    faults = faults_of(ROOT)
    for fault in faults:
        print(fault)
    print(f"documentation: {len(faults)} faults" if faults else "documentation: as the code is")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
