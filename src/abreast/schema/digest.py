"""Digests of rows: two sides are compared bucket by bucket, and only where the buckets differ row by row. Pure.

A bucket holds the rows whose key's hash ends in the same bits. Of each bucket one pass gives ``count(*)`` and the sum
of the rows' hashes. A sum and not XOR: under XOR the same change made to two rows cancels out.

Everything is compared as text, key and values alike, so that sides whose types differ (integer here, text there) can
be equal; ``postgres/connection.py`` pins the settings that text depends on. The key is part of a row's hash: values
that two rows have swapped show.

``hashtextextended`` is promised neither across majors nor across architectures, so there it is 64 bits of md5, which
takes two to three times as long: https://www.postgresql.org/docs/current/functions-binarystring.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from abreast.schema.names import Relation, ident

Key = tuple[str, ...]
"""The text of each key column, in the order of ``Source.key``."""
Row = tuple[str | None, ...]
"""The text of each value, in the order of ``Source.values``; None is SQL's NULL."""

BUCKET_ROWS: Final = 1000
BUCKETS_MAX: Final = 1 << 16
"""Bounds what one pass returns; tables of more than 65 million rows get larger buckets."""


class Algorithm(StrEnum):
    """How text becomes 64 bits."""

    HASH = "hashtextextended"
    MD5 = "md5"


class Kind(StrEnum):
    """How the two sides differ in one key."""

    MISSING_LEFT = "missing_left"
    MISSING_RIGHT = "missing_right"
    DIFFERS = "differs"


@dataclass(frozen=True)
class Value:
    """One compared value: its name for people, and SQL over the rows as ``t``."""

    name: str
    sql: str


@dataclass(frozen=True)
class Source:
    """Rows to compare. ``rows``: a relation, or a SELECT in parentheses; its rows are called ``t``.

    ``key``: columns of ``rows``, unique together and never NULL. ``stamp``: SQL over ``t`` that changes with every
    write of a row; without it a row counts as written when its values changed. ``relation``: where the rows can be
    written, and read page by page.
    """

    rows: str
    key: tuple[str, ...]
    values: tuple[Value, ...]
    stamp: str | None = None
    relation: Relation | None = None

    @classmethod
    def of(cls, relation: Relation, key: Sequence[str], columns: Sequence[str]) -> Self:
        """Columns of a table (no view: those have no ``xmin``, which says who wrote a row last)."""
        values = tuple(Value(name, f"t.{ident(name)}") for name in columns)
        return cls(relation.sql, tuple(key), values, "t.xmin::text", relation)

    @property
    def names(self) -> tuple[str, ...]:
        """The values' names."""
        return tuple(value.name for value in self.values)


@dataclass(frozen=True)
class Difference:
    """One key in which the sides differ; ``columns`` are the values that do, all of them where a row is missing."""

    key: Key
    kind: Kind
    left: Row | None
    right: Row | None
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One row of a differing bucket. ``text``: the whole key as one text, by which entries of a bucket are sorted."""

    bucket: int
    text: str
    key: Key
    digest: int


def difference(key: Key, left: Row | None, right: Row | None, names: Sequence[str]) -> Difference | None:
    """What differs between the rows of one key; None if nothing does."""
    if left == right:
        return None
    if left is None:
        return Difference(key, Kind.MISSING_LEFT, left, right, tuple(names))
    if right is None:
        return Difference(key, Kind.MISSING_RIGHT, left, right, tuple(names))
    columns = tuple(name for name, one, other in zip(names, left, right, strict=True) if one != other)
    return Difference(key, Kind.DIFFERS, left, right, columns)


def differing_buckets(left: Mapping[int, tuple[int, int]], right: Mapping[int, tuple[int, int]]) -> list[int]:
    """Buckets whose (count, sum) are not the same on both sides, in order."""
    return sorted(bucket for bucket in left.keys() | right.keys() if left.get(bucket) != right.get(bucket))


def differing_keys(left: Iterator[Entry], right: Iterator[Entry]) -> Iterator[Key]:
    """Keys that one side lacks or whose digests differ. Both are sorted by (bucket, text), which is unique in each."""
    one, other = next(left, None), next(right, None)
    while one or other:
        if one and (other is None or (one.bucket, one.text) < (other.bucket, other.text)):
            yield one.key
            one = next(left, None)
        elif other and (one is None or (other.bucket, other.text) < (one.bucket, one.text)):
            yield other.key
            other = next(right, None)
        elif one and other:
            if one.digest != other.digest:
                yield one.key
            one, other = next(left, None), next(right, None)


def bucket_count(rows: int, bucket_rows: int = BUCKET_ROWS) -> int:
    """How many buckets for about so many rows: a power of two, so that a bucket is the hash's last bits."""
    wanted = max(1, -(-rows // bucket_rows))
    return min(BUCKETS_MAX, 1 << (wanted - 1).bit_length())


def buckets_sql(source: Source, buckets: int, algorithm: Algorithm, pages: tuple[int, int | None] | None = None) -> str:
    """(bucket, count, sum of digests as text) of the rows, or of those in ``pages`` (from, up to; None: the rest).

    The bucket is NULL for rows whose key has a NULL. Digests of several ranges of pages add up.
    """
    where = ""
    if pages is not None:
        start, end = pages
        where = f" WHERE t.ctid >= '({start:d},0)'" + ("" if end is None else f" AND t.ctid < '({end:d},0)'")
    return (
        f"SELECT {_bucket(source, buckets, algorithm)}, count(*), sum({_digest(source, algorithm)})::text "
        f"FROM {source.rows} AS t{where} GROUP BY 1"
    )


def entries_sql(source: Source, buckets: int, algorithm: Algorithm, wanted: Sequence[int]) -> str:
    """(bucket, key as one text, key, digest) of every row in the wanted buckets, sorted as ``differing_keys`` wants."""
    bucket = _bucket(source, buckets, algorithm)
    listed = ",".join(str(int(each)) for each in wanted)
    # Bytes of UTF-8 sort as Python sorts text, whatever the collation and the encoding of the database.
    return (
        f"SELECT {bucket}, {_key_text(source)}, {_key(source)}, {_digest(source, algorithm)} "
        f"FROM {source.rows} AS t WHERE {bucket} = ANY ('{{{listed}}}'::bigint[]) "
        f"ORDER BY 1, convert_to({_key_text(source)}, 'UTF8')"
    )


def by_keys_sql(source: Source, types: Sequence[str]) -> str:
    """(key, values, stamp) of the rows with given keys; one parameter for each key column: an array of texts.

    ``types``: of the key's columns, as SQL. The columns are compared as they are, so that an index serves.
    """
    names = [ident(f"~{number}") for number, _ in enumerate(source.key)]
    arrays = ", ".join(["%s::text[]"] * len(source.key))
    joined = " AND ".join(
        f"t.{ident(column)} = w.{name}::{kind}" for column, name, kind in zip(source.key, names, types, strict=True)
    )
    select = f"{_key(source)}, {values_sql(source)}, {source.stamp or 'NULL'}"
    return (
        f"SELECT {placeholder_safe(select)} FROM unnest({arrays}) AS w ({', '.join(map(placeholder_safe, names))}) "
        f"JOIN {placeholder_safe(source.rows)} AS t ON {placeholder_safe(joined)}"
    )


def columns_sql(source: Source) -> str:
    """No row, but the types of the key's columns and then of the values."""
    wanted = [*(f"t.{ident(name)}" for name in source.key), *(f"({value.sql})" for value in source.values)]
    return f"SELECT {', '.join(wanted)} FROM {source.rows} AS t LIMIT 0"


def values_sql(source: Source) -> str:
    """The texts of a row's values as one array."""
    return _texts([value.sql for value in source.values])


def placeholder_safe(text: str) -> str:
    """SQL for a statement with parameters, where a percent sign of its own is written twice."""
    return text.replace("%", "%%")


def _key(source: Source) -> str:
    return _texts([f"t.{ident(name)}" for name in source.key])


def _texts(expressions: Sequence[str]) -> str:
    return f"ARRAY[{', '.join(f'({each})::text' for each in expressions)}]::text[]"


def _key_text(source: Source) -> str:
    """The key as one text, NULL if a part is; parts are quoted so that no two keys have the same."""
    parts = [f"(t.{ident(name)})::text" for name in source.key]
    whole = parts[0] if len(parts) == 1 else f"({' || '.join(f'quote_literal({part})' for part in parts)})"
    # A column's collation may be one that takes different texts for equal, and hashes them so.
    return f'{whole} COLLATE "C"'


def _bucket(source: Source, buckets: int, algorithm: Algorithm) -> str:
    return f"({_hash(_key_text(source), 1, algorithm)} & {buckets - 1:d})"


def _digest(source: Source, algorithm: Algorithm) -> str:
    # Each as text by itself: char(n) and boolean read otherwise as part of a row.
    parts = [*(f"t.{ident(name)}" for name in source.key), *(value.sql for value in source.values)]
    row = f"ROW({', '.join(f'({part})::text' for part in parts)})::text"
    return _hash(f'{row} COLLATE "C"', 0, algorithm)


def _hash(text: str, seed: int, algorithm: Algorithm) -> str:
    if algorithm is Algorithm.HASH:
        return f"hashtextextended({text}, {seed:d})"
    return f"('x' || left(md5(convert_to({text}, 'UTF8')), 16))::bit(64)::bigint"
