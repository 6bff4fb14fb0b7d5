"""Names and values in SQL text, always quoted: no name is too strange.

Rules: https://www.postgresql.org/docs/current/sql-syntax-lexical.html
"""

import hashlib
from dataclasses import dataclass
from typing import Final

NAME_BYTES: Final = 63
"""Longer names are cut by the server (NAMEDATALEN - 1)."""
OWN: Final = "abreast"
"""The schema of abreast's own tables."""


def ident(name: str) -> str:
    """``name`` as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def idents(names: tuple[str, ...] | list[str]) -> str:
    """Several identifiers with commas between them."""
    return ", ".join(map(ident, names))


def literal(text: str) -> str:
    """``text`` as a string constant, whatever standard_conforming_strings says."""
    quoted = "'" + text.replace("'", "''") + "'"
    return f" E{quoted.replace(chr(92), chr(92) * 2)}" if "\\" in text else quoted


def made_name(prefix: str, name: str) -> str:
    """``prefix`` and ``name`` as one name that the server does not cut: a long one ends in a digest of itself."""
    whole = prefix + name
    if len(whole.encode()) <= NAME_BYTES:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    kept = whole.encode()[: NAME_BYTES - 9].decode(errors="ignore")
    return f"{kept}_{digest}"


@dataclass(frozen=True, order=True)
class Relation:
    """A table, view, index or sequence by its schema and name, as the catalog has them."""

    schema: str
    name: str

    @property
    def sql(self) -> str:
        """Quoted, with its schema."""
        return f"{ident(self.schema)}.{ident(self.name)}"

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"
