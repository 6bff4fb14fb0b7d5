"""What a plain SQL migration does to the version that was there before it: the rules named ``abreast-…``.

While two versions run, the old one goes on using the schema after the migration, unasked. Each rule says what it will
meet, and how the same end is reached side by side. What a file makes itself, no older version knows: there the rules
are silent.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from abreast.schema.ddl_changes import Change, Reading, Space, Thing, What
from abreast.schema.lexing import Kind, Lines, Statement, split
from abreast.schema.lint_rules import RULES
from abreast.schema.statements import reading

Level = Literal["error", "warning", "notice"]

PREFIX: Final = "abreast-"
ALLOW: Final = "abreast-allow"
"""The rule about comments that allow something: one without a reason, or in vain."""
_ALLOW: Final = re.compile(r"--\s*abreast:\s*allow\b[ \t]*(?P<rule>[^\s,:]*)[ \t,:]*(?P<reason>.*)", re.IGNORECASE)
_NO_MATTER_FOR_ADDED: Final = frozenset(
    {What.CHANGED_TYPE, What.RENAME, What.DROP, What.CHANGED_DEFAULT, What.NULLABLE, What.REWRITTEN}
)
"""Harmless to a column that the same file added. A default taken away or NOT NULL is not: that is what INSERT meets."""


@dataclass(frozen=True, order=True)
class Violation:
    """One finding of a linter: ``line`` and ``column`` count from 1, ``help`` is the remedy and may be empty."""

    file: str
    line: int
    column: int
    rule: str
    level: Level
    message: str
    help: str

    def __str__(self) -> str:
        remedy = f"\n  → {self.help}" if self.help else ""
        return f"{self.file}:{self.line}:{self.column}: {self.level}: {self.message} [{self.rule}]{remedy}"


def lint_sql(file: str, text: str) -> tuple[Violation, ...]:
    """Every violation of our own rules in ``text``, in order; ``file`` is its name in them."""
    known = _Known()
    lines = Lines(text)
    found: list[Violation] = []
    for statement in split(text):
        read = reading(statement)
        changes = [change for change in read.changes if not known.harmless(change)]
        known.learn(read)
        allowed = _Allowed(file, lines, statement)
        found += [violation for change in changes if (violation := allowed.judged(change))]
        found += allowed.faults()
    return tuple(sorted(found))


class _Known:
    """What the file has made so far."""

    def __init__(self) -> None:
        self._made: set[Thing] = set()
        self._added: set[tuple[Thing, str]] = set()

    def harmless(self, change: Change) -> bool:
        """Whether it is about nothing that is older than the file."""
        if change.on is None:
            return False
        if change.on in self._made or Thing(Space.SCHEMA, "", change.on.schema) in self._made:
            return True
        added = change.columns and all((change.on, column) in self._added for column in change.columns)
        return bool(added) and change.what in _NO_MATTER_FOR_ADDED

    def learn(self, read: Reading) -> None:
        """Take in what a statement made, dropped and renamed."""
        if read.moves:
            self._made = {thing for thing in self._made if thing.schema or thing.space is Space.SCHEMA}
            self._added = {(table, column) for table, column in self._added if table.schema}
        for change in read.changes:
            if change.what is What.DROP and change.on:
                self._forget(change.on, change.columns)
        for old, new in read.renamed:
            self._made = {new if thing == old else thing for thing in self._made}
            self._added = {(new if table == old else table, column) for table, column in self._added}
        self._made |= set(read.made)
        self._added |= set(read.added)

    def _forget(self, thing: Thing, columns: tuple[str, ...]) -> None:
        if columns:
            self._added -= {(thing, column) for column in columns}
        else:
            self._made.discard(thing)
            self._added = {(table, column) for table, column in self._added if table != thing}


@dataclass(frozen=True)
class _Allowance:
    rule: str
    reason: str
    start: int


class _Allowed:
    """The comments of one statement that allow something, and which of them were needed."""

    def __init__(self, file: str, lines: Lines, statement: Statement) -> None:
        self._file = file
        self._lines = lines
        self._allowances = [
            _Allowance(match["rule"], match["reason"].strip(), token.start)
            for token in statement.tokens
            if token.kind is Kind.COMMENT and (match := _ALLOW.match(token.text))
        ]
        self._used: set[str] = set()

    def judged(self, change: Change) -> Violation | None:
        """As a violation, unless it is allowed with a reason."""
        name = PREFIX + change.what
        self._used.add(name)
        if any(each.rule == name and each.reason for each in self._allowances):
            return None
        rule = RULES[change.what]
        on = str(change.on) if change.on else ""
        message = rule.message.format(on=on, detail=change.detail)
        return self._violation(change.start, name, rule.level, message, rule.help)

    def faults(self) -> list[Violation]:
        """What is wrong with the comments themselves."""
        found: list[Violation] = []
        for each in self._allowances:
            if each.rule.removeprefix(PREFIX) not in set(What) or not each.rule.startswith(PREFIX):
                message, remedy = f"no rule is called {each.rule!r}", "name one of ours, such as abreast-new-check"
                found.append(self._violation(each.start, ALLOW, "warning", message, remedy))
            elif not each.reason:
                message, remedy = f"{each.rule} is allowed without a reason", "write the reason after the rule's name"
                found.append(self._violation(each.start, ALLOW, "warning", message, remedy))
            elif each.rule not in self._used:
                message = f"{each.rule} is allowed here, but nothing breaks it"
                remedy = "take the comment away; it belongs right above its statement"
                found.append(self._violation(each.start, ALLOW, "notice", message, remedy))
        return found

    def _violation(self, start: int, rule: str, level: Level, message: str, remedy: str) -> Violation:
        line, column = self._lines.position(start)
        return Violation(self._file, line, column, rule, level, message, remedy)
