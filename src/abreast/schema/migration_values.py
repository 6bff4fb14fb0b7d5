"""How single values of a migration are written: what YAML gave in, model values out, or the reason why not.

A reader raises `PydanticCustomError` through `refuse`, as those of a spec do.
"""

import difflib
from collections.abc import Callable, Mapping
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, PlainValidator

from abreast.model.document import Document, Path
from abreast.model.spec_values import refuse
from abreast.model.spec_values import show as shown
from abreast.schema.columns import Action, ConstraintKind, Match
from abreast.schema.names import NAME_BYTES
from abreast.schema.operations import IndexMethod, Unset

OWN_PREFIX: Final = "_abreast_"
"""What the names of abreast's own columns begin with."""

NOTHING: Final = "nothing is written under this key"


class Unquoted(str):
    """The text of a number or a boolean, as it stands in the file without quotes."""

    __slots__ = ()


def written(document: Document, value: object, path: Path) -> object:
    """``value`` with every number and boolean as the `Unquoted` text of the file: ``0.10`` keeps its zero."""
    if isinstance(value, dict):
        return {key: written(document, item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [written(document, item, (*path, index)) for index, item in enumerate(value)]
    return Unquoted(document.texts[path]) if isinstance(value, bool | int | float) else value


def show(found: object) -> str:
    """What was found, for a sentence."""
    return f"`{found}`" if isinstance(found, Unquoted) else shown(found)


def read_text(found: object, what: str) -> str:
    """Text with something in it; ``what`` says in words what it should be."""
    if found is None:
        refuse(NOTHING, f"write {what}, or remove the key")
    if not isinstance(found, str):
        refuse(f"{show(found)} is not allowed here", f"write {what}")
    if "\0" in found:
        refuse(f"{show(found)} holds a NUL character", "remove it")
    if not found.strip():
        refuse("the text is empty", f"write {what}")
    return str(found)


def read_name(found: object) -> str:
    """A name as the catalog has it: without quotes, and in the case in which it is written."""
    name = read_text(found, "a name")
    size = len(name.encode())
    if size > NAME_BYTES:
        refuse(f"{show(found)} has {size} bytes, and PostgreSQL keeps {NAME_BYTES} of them", "choose a shorter name")
    if name.startswith(OWN_PREFIX):
        refuse(f"{show(found)}: names that begin with {OWN_PREFIX} are abreast's own", "choose another name")
    return name


def read_expression(found: object) -> str:
    """SQL that must not be empty."""
    return read_text(found, "an SQL expression")


def read_optional(found: object) -> str | None:
    """Text that may be empty, which is as if its key were absent; pgroll's defaults are written so."""
    return None if isinstance(found, str) and not found.strip() else read_text(found, "text")


def read_default(found: object) -> str:
    """The SQL of a default; empty text is none, though it may well be meant as one."""
    if isinstance(found, str) and not found.strip():
        refuse("the text is empty", "write \"''\" for the empty text, or remove the key")
    return read_text(found, "an SQL expression")


def read_new_default(found: object) -> str | None:
    """The SQL of a default, or ``null`` for none from now on."""
    return None if found is None else read_default(found)


def read_new_comment(found: object) -> str | None:
    """A comment, or ``null`` for none from now on; PostgreSQL takes an empty one for none."""
    return None if found is None else read_optional(found)


def read_flag(found: object) -> bool:
    """``true`` or ``false``, without quotes."""
    text = found.lower() if isinstance(found, Unquoted) else ""
    if text not in {"true", "false"}:
        refuse(NOTHING if found is None else f"{show(found)} is not allowed here", "write `true` or `false`, unquoted")
    return text == "true"


def one_of(
    *words: str, empty: bool = False, unsupported: Mapping[str, str] | None = None
) -> Callable[[object], str | None]:
    """A reader of one of ``words`` in any case; with ``empty`` also of the empty text, which is None.

    ``unsupported`` has words with the reason why they are refused.
    """
    spelled = {word.lower(): word for word in words}

    def read(found: object) -> str | None:
        text = " ".join(found.lower().split()) if isinstance(found, str) else ""
        if text not in spelled:
            if empty and found == "":
                return None
            refuse(*_not_one_of(found, text, spelled, unsupported or {}))
        return spelled[text]

    return read


def _not_one_of(
    found: object, text: str, spelled: Mapping[str, str], unsupported: Mapping[str, str]
) -> tuple[str, str]:
    allowed = ", ".join(f"`{word}`" for word in spelled.values())
    if text in unsupported:
        return f"{show(found)} is not allowed here: {unsupported[text]}", f"write one of {allowed}"
    near = difflib.get_close_matches(text, spelled, 1)
    remedy = f"did you mean `{spelled[near[0]]}`?" if near else f"write one of {allowed}"
    return NOTHING if found is None else f"{show(found)} is not allowed here, only one of {allowed}", remedy


Name: TypeAlias = Annotated[str, PlainValidator(read_name)]
Names: TypeAlias = Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]
MaybeName: TypeAlias = Annotated[str | None, PlainValidator(read_name)]
Text: TypeAlias = Annotated[str, PlainValidator(lambda found: read_text(found, "text"))]
Expression: TypeAlias = Annotated[str, PlainValidator(read_expression)]
ByColumn: TypeAlias = Annotated[dict[Name, Expression], Field(min_length=1)]
Optional: TypeAlias = Annotated[str | None, PlainValidator(read_optional)]
Default: TypeAlias = Annotated[str | None, PlainValidator(read_default)]
NewDefault: TypeAlias = Annotated[str | Unset | None, PlainValidator(read_new_default)]
NewComment: TypeAlias = Annotated[str | Unset | None, PlainValidator(read_new_comment)]
Flag: TypeAlias = Annotated[bool, PlainValidator(read_flag)]

Sort: TypeAlias = Annotated[Literal["ASC", "DESC"] | None, PlainValidator(one_of("ASC", "DESC", empty=True))]
Nulls: TypeAlias = Annotated[Literal["FIRST", "LAST"] | None, PlainValidator(one_of("FIRST", "LAST", empty=True))]
OnChange: TypeAlias = Annotated[
    Action, PlainValidator(one_of("NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"))
]
MatchType: TypeAlias = Annotated[
    Match, PlainValidator(one_of("SIMPLE", "FULL", unsupported={"partial": "no PostgreSQL has it"}))
]
TableConstraint: TypeAlias = Annotated[
    ConstraintKind, PlainValidator(one_of("unique", "check", "primary_key", "foreign_key", "exclude"))
]
NewConstraint: TypeAlias = Annotated[
    ConstraintKind,
    PlainValidator(
        one_of(
            *("unique", "check", "foreign_key", "primary_key"),
            unsupported={"exclude": "an exclusion is made together with its table, or by `sql`"},
        )
    ),
]
Method: TypeAlias = Annotated[IndexMethod, PlainValidator(one_of("btree", "hash", "gist", "spgist", "gin", "brin"))]
