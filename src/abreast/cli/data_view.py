"""What ``abreast data`` prints: a plan for people who know SQL, a status for those who are tired."""

import json
from typing import Final
from urllib.parse import quote

from abreast.model.visible import visible
from abreast.postgres.consistency import TableCheck
from abreast.postgres.records import Migration
from abreast.postgres.roles import RoleState
from abreast.schema.plan import Plan, Step
from abreast.schema.repair import Change, Outcome, Proposal, Undo, Verdict

_VERBS: Final = {"expanding": "expand", "contracting": "contract", "undoing": "undo"}


def about(made: Plan, title: str) -> str:
    """What part of a plan comes to."""
    if title == "expand":
        return f"{made.new_version} can run beside {made.old_version} then"
    stays, goes = (made.new_version, made.old_version) if title == "contract" else (made.old_version, made.new_version)
    return f"{stays} alone; what only {goes} saw is dropped. It waits until {goes} is not connected, and is asked for"


def step(made: Plan, one: Step, number: int, lock_ms: int) -> str:
    """One step with its locks, as SQL with comments."""
    lines = [f"\n-- {number}. {visible(one.name)}"]
    lines += [f"--    {visible(str(lock))}; waits for it {lock_ms} ms at most, then tries again" for lock in one.locks]
    if one.kind == "backfill":
        table = next(table for table in made.tables if table.relation == one.table)
        columns = ", ".join(f"{name} = {text}" for name, text in table.assignments)
        lines.append(f"--    in batches by {', '.join(table.key)}, each a transaction: SET {visible(columns)}")
    lines += [visible(line) for statement in one.statements for line in f"{statement};".splitlines()]
    return "\n".join(lines) + "\n"


def where(migration: Migration | None) -> str:
    """Where the migration stands, and the next move if it stands still."""
    if migration is None:
        return "no migration yet: see abreast data plan"
    made, phase = migration.plan, migration.phase
    between = f"{made.old_version} → {made.new_version}  {phase}"
    verb = _VERBS.get(phase)
    if verb is None:
        return f"{between} since {migration.changed:%Y-%m-%d %H:%M:%S} UTC"
    steps = {"expand": made.expand, "contract": made.contract, "undo": made.undo}[verb]
    doing = steps[migration.step].name if migration.step < len(steps) else "about to end"
    return (
        f"{between}, step {migration.step + 1} of {len(steps)}: {visible(doing)}\n"
        f"  → if nobody works on it, go on with: abreast data {verb}"
    )


def role(state: RoleState) -> str:
    """A version's role in a line."""
    if not (state.exists and state.sided):
        return f"{state.version:<8} has no side of its own here: abreast data adopt {state.version}"
    writes = "reads and writes" if state.writes else "fenced: reads only"
    beside = f"; a fence would leave it {', '.join(state.beside)}" if state.beside else ""
    return f"{state.version:<8} {state.role}, {writes}, {state.sessions} connected{beside}"


def connect(name: str) -> str:
    """How a version connects as its role."""
    password = f"a password of its own: \\password {name} in psql"
    return f"  → connect it as that role: postgresql://{quote(name, safe='')}@HOST/DATABASE ({password})\n"


def checks(found: tuple[TableCheck, ...]) -> str:
    """What a look at the rows came to, with the first that contradict themselves."""
    if not found:
        return "no table has columns that both versions write in a form of their own: nothing can contradict\n"
    return "".join(_check(table) for table in found)


def change(one: Change) -> str:
    """One write, in a line."""
    verb = {"i": "inserted", "u": "updated", "d": "deleted", "t": "truncated"}[one.op]
    request = f"  request {visible(one.request_id)}" if one.request_id else ""
    images = f"  {_changed(one.old, one.new)}" if one.op != "t" else ""
    return f"{one.at:%Y-%m-%d %H:%M:%S}  {one.relation.name} {visible(one.key)} {verb}{request}{visible(images)}\n"


def proposal(made: Proposal) -> str:
    """Every row that a version wrote, and what can be done about it."""
    if not made.rows and not made.truncates:
        return f"{made.version} wrote nothing that is journalled\n"
    lines = [_undo(row) for row in made.rows if row.verdict is not Verdict.REPAIRED]
    lines += [
        f"  truncated    {one.relation.name} at {one.at:%H:%M:%S}: nobody can take that back" for one in made.truncates
    ]
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in made.counts.items())
    since = f"; the journal begins {made.journal_from:%Y-%m-%d %H:%M:%S}" if made.journal_from else ""
    return "\n".join([*lines, f"{rows(len(made.rows))}: {counts}{since}"]) + "\n"


def outcome(done: Outcome) -> str:
    """What a repair did."""
    kept = "".join(f"{_undo(row)}\n" for row in done.kept)
    return f"put back {rows(done.restored)}\n{kept}"


def rows(count: int) -> str:
    """So many of them."""
    return f"{count:,} row{'s' * (count != 1)}"


def _undo(row: Undo) -> str:
    what = {"update": "put back", "delete": "delete again", "insert": "insert again", "none": "is as it was"}[
        row.action
    ]
    said = what if row.verdict is Verdict.CLEAN else f"left alone: {row.reason}"
    image = ""
    if row.verdict is Verdict.CLEAN:
        image = _changed(row.bad, row.before)
    elif row.bad and row.found:
        image = _changed(row.bad, row.found)
    return f"  {row.verdict:<12} {row.relation.name} {visible(row.key)}  {visible(said)}  {visible(image)}".rstrip()


def _changed(before: str | None, after: str | None) -> str:
    """The columns in which two images differ, as name: before → after."""
    if before is None or after is None:
        return before or after or ""
    one, other = (json.loads(image, parse_int=_Digits, parse_float=_Digits) for image in (before, after))
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    return ", ".join(f"{name}: {_value(one.get(name))} → {_value(other.get(name))}" for name in names)


class _Digits(str):
    """A number as the server writes it: what is exact there stays so."""

    __slots__ = ()


def _value(value: object) -> str:
    """As JSON."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_value(key)}: {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return str(value) if isinstance(value, _Digits) else json.dumps(value, ensure_ascii=False)


def _check(table: TableCheck) -> str:
    name = table.relation.name
    if not table.divergent:
        return f"✔ {name}: {rows(table.rows)} looked at, the sides agree\n"
    lines = [f"✘ {name}: the sides contradict each other in {table.divergent:,} of {rows(table.rows)}"]
    for each in table.found:
        key = ", ".join(f"{column} = {text}" for column, text in zip(table.key, each.key, strict=True))
        sides = "; ".join(
            f"{column}: {_side(left)} by the old side, {_side(right)} by the new"
            for column, left, right in zip(table.names, each.left or (), each.right or (), strict=True)
            if left != right
        )
        lines.append(f"    {visible(key)}: {visible(sides)}")
    if table.divergent > len(table.found):
        lines.append(f"    and {table.divergent - len(table.found):,} more")
    lines.append("  → make them again of the side that is right: abreast data check --mend old, or --mend new")
    return "\n".join(lines) + "\n"


def _side(text: str | None) -> str:
    return "NULL" if text is None else repr(text)
