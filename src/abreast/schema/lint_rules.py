"""The texts of our own rules: for each kind of change, what the old version meets, and the way round it.

Operations named in the remedies are those of the migrations that ``abreast data expand`` carries out.
"""

from dataclasses import dataclass
from typing import Final, Literal

from abreast.schema.ddl_changes import What


@dataclass(frozen=True)
class Rule:
    """``message`` has the places ``{on}`` and ``{detail}``."""

    level: Literal["error", "warning", "notice"]
    message: str
    help: str


_ALTER: Final = "use the operation alter_column"
_CONTRACT: Final = "move it into a migration of its own that runs once the old version is retired"

RULES: Final = {
    What.NEW_CHECK: Rule(
        "error",
        "{on}: {detail} refuses rows that the old version still writes, from this statement on, NOT VALID or not",
        f"{_ALTER} with `check`, or create_constraint: its `up` mends what the old version writes",
    ),
    What.NEW_UNIQUE: Rule(
        "error",
        "{on}: {detail} refuses what the old version still writes twice",
        f"{_ALTER} with `unique`, or create_constraint with type unique: its `up` sets such values apart",
    ),
    What.NEW_FOREIGN_KEY: Rule(
        "error",
        "{on}: {detail} refuses rows of the old version that refer to nothing",
        f"{_ALTER} with `references`, or create_constraint with type foreign_key; its `up` gives what exists",
    ),
    What.NEW_REFERENCE: Rule(
        "notice",
        "{on}: new references {detail} make the old version's DELETE fail, or delete more than it knows",
        "see that the old version never deletes rows there, or add ON DELETE as both versions can bear it",
    ),
    What.NOT_NULL: Rule(
        "error",
        "{on}: {detail} NOT NULL makes the old version's writes fail where it leaves out the value",
        f"{_ALTER} with `nullable: false` and an `up` that gives the value",
    ),
    What.REQUIRED_COLUMN: Rule(
        "error",
        "{on}: {detail} is required, and the old version's INSERT does not know it: it fails",
        "give it a DEFAULT and keep that until the old version is retired, or use add_column with `up`",
    ),
    What.NULLABLE: Rule(
        "warning",
        "{on}: {detail} may become NULL, which the old version has never read",
        f"{_ALTER} with `nullable: true` and a `down` that gives the old version a value",
    ),
    What.CHANGED_DEFAULT: Rule(
        "warning",
        "{on}: {detail} gets its values in another way, in the rows that the old version writes too",
        f"{_ALTER} with `default`: each version's view has its own",
    ),
    What.DROPPED_DEFAULT: Rule(
        "error",
        "{on}: {detail} loses its default, on which the old version's INSERT may rely: NULL, or it fails",
        f"{_ALTER} with `default: null` for the new version only, or {_CONTRACT}",
    ),
    What.CHANGED_TYPE: Rule(
        "error",
        "{on}: {detail} has another type, which the old version neither reads nor writes",
        f"{_ALTER} with `type`, `up` and `down`: each version keeps its own type",
    ),
    What.NEW_ENUM_VALUE: Rule(
        "warning",
        "{on}: once the new version writes {detail}, the old version reads a value that it does not know",
        f"{_ALTER} with `type` (a new enum) and a `down` that gives the old version one of its values; or deploy code"
        " that reads the value before code that writes it",
    ),
    What.DROP: Rule(
        "error",
        "{detail} is dropped while the old version still uses it",
        f"use drop_column or drop_table, which take it from the new version only; or {_CONTRACT}",
    ),
    What.DETACH: Rule(
        "error",
        "{on}: {detail} are no longer among those that the old version reads",
        _CONTRACT,
    ),
    What.DROP_CONSTRAINT: Rule(
        "warning",
        "{on}: without {detail} the old version's ON CONFLICT may fail, and it reads rows it did not expect",
        f"use drop_constraint with `down`, or {_CONTRACT}",
    ),
    What.DROP_INDEX: Rule(
        "notice",
        "{detail} is dropped: the old version may be slow now and, if it was unique, its ON CONFLICT fails",
        f"use drop_index; or {_CONTRACT}",
    ),
    What.DROP_TRIGGER: Rule(
        "warning",
        "{on}: {detail} is dropped, and the old version may rely on what it does",
        _CONTRACT,
    ),
    What.RENAME: Rule(
        "error",
        "{detail}: the old version still uses the old name",
        "use rename_column or rename_table, which rename it for the new version only; for other things make the new one"
        f" beside the old, and {_CONTRACT.replace('it', 'the removal', 1)}",
    ),
    What.RENAME_CONSTRAINT: Rule(
        "warning",
        "{on}: {detail} is renamed: the old version's ON CONFLICT ON CONSTRAINT, or what it reads from errors, has"
        " the old name",
        f"use rename_constraint; or {_CONTRACT}",
    ),
    What.NEW_TRIGGER: Rule(
        "warning",
        "{on}: {detail} works on what the old version writes too",
        "let it do nothing where current_setting('abreast.version', true) is the old version",
    ),
    What.REPLACED: Rule(
        "warning",
        "{detail}: if it is there already, the old version calls it too, and from now on gets the new one",
        "make it under a new name, and drop the old one when the old version is retired",
    ),
    What.ROW_SECURITY: Rule(
        "warning",
        "{on}: {detail} changes which rows the old version sees and may write",
        "make the policy for the new version's role only (TO …)",
    ),
    What.REVOKE: Rule(
        "error",
        "{on}: {detail} are taken away, perhaps from the old version's role",
        _CONTRACT,
    ),
    What.EMPTIED: Rule(
        "error",
        "{detail}: all rows are deleted under the old version",
        f"delete what is meant with WHERE; or {_CONTRACT}",
    ),
    What.REWRITTEN: Rule(
        "warning",
        "{detail}: every row that the old version reads is rewritten, all of them locked until the end",
        f"{_ALTER} with `up`: the backfill goes in small batches, and the old version keeps its values",
    ),
    What.UNKNOWN: Rule(
        "notice",
        "not understood: {detail}",
        "see what the old version will meet, then write above it: -- abreast: allow abreast-unknown <the reason>",
    ),
}
