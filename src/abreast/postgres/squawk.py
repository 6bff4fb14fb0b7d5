"""squawk (https://squawkhq.com), run over plain SQL migrations: what they lock, and for how long.

What ``--reporter json`` gives was read off squawk 2.70: lines and columns count from 0, columns in bytes; a file that
does not parse has ``syntax-error`` only, and it exits 1 where it finds something. ``--exclude`` would *replace* the
list in the user's ``.squawk.toml``, so that rules are left out here instead, and that file keeps its say.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, TypeAdapter, ValidationError

from abreast.model.errors import AbreastError, UsageError
from abreast.schema.lint import Level, Violation, lint_sql

TIMEOUT_S: Final = 30
SAID_BY_OURS: Final = frozenset(
    {
        "adding-required-field",
        "ban-drop-column",
        "ban-drop-table",
        "ban-drop-database",
        "renaming-column",
        "renaming-table",
    }
)
"""Rules of squawk that are about clients, not locks: ours say the same, with the remedy."""
_LEVELS: Final[dict[str, Level]] = {"Error": "error", "Warning": "warning"}
_PLACEHOLDER: Final = re.compile(r"\$\{[^}\n]*\}")


class _Finding(BaseModel):
    """One element of squawk's JSON."""

    line: int
    column: int
    level: str
    message: str
    help: str | None
    rule_name: str


_FINDINGS: Final = TypeAdapter(list[_Finding])


def linted(
    files: Mapping[str, str],
    *,
    pg_version: int | None = None,
    in_transaction: bool = False,
    excluded: Collection[str] = (),
) -> tuple[Violation, ...]:
    """Our rules and squawk's over the same texts, by file and line; ``excluded`` names rules of either.

    AbreastError and UsageError as ``squawk``.
    """
    ours = tuple(violation for file, text in files.items() for violation in lint_sql(file, text))
    theirs = squawk(files, pg_version, in_transaction=in_transaction)
    left_out = {*excluded, *SAID_BY_OURS}
    return tuple(sorted(each for each in (*ours, *theirs) if each.rule not in left_out))


def squawk(
    files: Mapping[str, str], pg_version: int | None = None, *, in_transaction: bool = False
) -> tuple[Violation, ...]:
    """What squawk finds in each text of ``files``, by name; ``pg_version`` is a major.

    ``in_transaction``: the tool that will run the files wraps each in a transaction (Alembic, Django, Flyway do).
    UsageError if squawk is not installed or refuses its settings; AbreastError if it does not finish.
    """
    program = _program()
    options = [
        "--reporter=json",
        *([f"--pg-version={pg_version}"] if pg_version else []),
        *(["--assume-in-transaction"] if in_transaction else []),
    ]
    found: list[Violation] = []
    for file, text in files.items():
        plain = _plain(text)
        found += _findings(file, plain, _run([program, *options, f"--stdin-filepath={file}"], plain))
    return tuple(sorted(found))


def _plain(text: str) -> str:
    """Without Flyway's placeholders, which squawk does not know: a name of the same length stands for each."""
    return _PLACEHOLDER.sub(lambda found: "p" * len(found.group()), text)


def _program() -> str:
    beside = Path(sys.executable).with_name("squawk")
    found = str(beside) if beside.is_file() else shutil.which("squawk")
    if found is None:
        raise UsageError("squawk is neither beside this Python nor on PATH", "install it: pip install squawk-cli")
    return found


def _run(command: list[str], text: str) -> str:
    try:
        ended = subprocess.run(  # noqa: S603 - squawk with options of our own making; no shell is involved
            command, input=text, capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise AbreastError(
            f"squawk did not finish in {TIMEOUT_S} s", "split the file, or lint fewer at once"
        ) from error
    if not ended.stdout.strip():
        raise UsageError(f"squawk: {ended.stderr.strip()}", "mend .squawk.toml, or the option that it names")
    return ended.stdout


def _findings(file: str, text: str, output: str) -> list[Violation]:
    try:
        findings = _FINDINGS.validate_json(output)
    except ValidationError as error:
        raise AbreastError(
            f"squawk's answer for {file} is not understood: {output[:200]!r}", "install squawk-cli 2.60 or later"
        ) from error
    lines = text.split("\n")
    found: list[Violation] = []
    for each in findings:
        before = lines[each.line].encode()[: each.column].decode(errors="ignore") if each.line < len(lines) else ""
        level = _LEVELS.get(each.level, "notice")
        place = (each.line + 1, len(before) + 1)
        found.append(Violation(file, *place, each.rule_name, level, each.message, each.help or ""))
    return found
