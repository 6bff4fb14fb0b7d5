"""How the values are written that say where rows are kept: addresses of databases, names in them, migrations.

Facts: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING (addresses),
https://www.postgresql.org/docs/current/sql-syntax-lexical.html (names).
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from abreast.model.spec_shadow_values import without_secrets
from abreast.model.spec_values import Written, line, refuse, show

DATABASE_PATTERN: Final = r"^(postgres(ql)?://\S*|.*(=|\$\{).*)$"
NAME_BYTES: Final = 63
"""The server cuts longer names."""
SUFFIXES: Final = (".yaml", ".yml", ".json")
LARGEST_PAUSE: Final = 100

_EXAMPLE: Final = "postgresql://USER@HOST:PORT/DATABASE"
_ENCODED: Final = "write signs like @, : or / in a part as %40, %3A, %2F"
_URI: Final = re.compile(r"postgres(?:ql)?://(?:[^/@]*@)?(?P<hosts>[^/?]*)(?:/[^?]*)?(?:\?(?P<options>.*))?", re.DOTALL)
_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+(?:%25\w+)?\]|[^\[\]:@]*)(?::(?P<port>[0-9]*))?", re.ASCII)
_PAIR: Final = re.compile(r"\s*[A-Za-z_]+\s*=\s*(?:'(?:[^'\\]|\\.)*'|(?!')(?:[^\s\\]|\\.)*)\s*", re.DOTALL)
_LAST_PORT: Final = 65_535
_OWN_SCHEMA: Final = "abreast"


def database_url() -> Written:
    """A libpq address; ``${NAME}`` in it is replaced later, so that passwords need not be in the file."""

    def read(found: object) -> str:
        if isinstance(found, str) and "${" in found:
            return found
        return checked_database_url(found)

    examples = ["postgresql:///shop", "postgresql://abreast:${PASSWORD}@db:5432/shop", "host=db dbname=shop"]
    return Written(read, {"type": "string", "pattern": DATABASE_PATTERN, "examples": examples})


def checked_database_url(found: object) -> str:
    """The address, if libpq would take its form. A refusal shows no more of it than its scheme."""
    shown = without_secrets(found)
    if not isinstance(found, str) or not found.strip() or "\0" in found:
        refuse(
            f"{'an empty text' if found == '' else shown} is no address of a PostgreSQL",
            f"write one such as {_EXAMPLE}",
        )
    dialect = re.match(r"postgres(?:ql)?\+\w+://", found)
    if dialect:
        remedy = f"write postgresql:// instead of {dialect[0]}"
        refuse(f"{shown} is an address for SQLAlchemy, not for PostgreSQL's own library", remedy)
    uri = _URI.fullmatch(found)
    if uri is None:
        _refuse_no_pairs(found, shown)
        return found
    for message, remedy in _wrong_in(found, uri["hosts"], uri["options"]):
        refuse(f"{shown}: {message}", remedy)
    return found


def _wrong_in(uri: str, hosts: str, options: str | None) -> Iterator[tuple[str, str]]:
    """What libpq would refuse of a URI, and what to do."""
    if re.search(r"\s", uri):
        yield "there is a blank in it", "write a blank as %20"
    if re.search(r"%(?![0-9A-Fa-f]{2})|%00", uri):
        yield "a % is not followed by the two digits of a character", "write % itself as %25"
    for written in hosts.split(","):
        host = _HOST.fullmatch(written)
        if host is None:
            yield "what stands where the host should is none", _ENCODED
        elif host["port"] and not 1 <= int(host["port"][:6]) <= _LAST_PORT:
            yield "its port is none", f"write a port from 1 to {_LAST_PORT}"
    if options and any(option.count("=") != 1 for option in options.split("&")):
        yield "what follows the ? is no list of options", "write it as ?NAME=VALUE&NAME=VALUE"


def _refuse_no_pairs(found: str, shown: str) -> None:
    """Refuse what is neither a URI nor a list of ``key=value``."""
    if "://" in found.partition("=")[0]:
        refuse(f"{shown} is no address of a PostgreSQL", f"write one such as {_EXAMPLE}")
    at = 0
    while at < len(found):
        pair = _PAIR.match(found, at)
        if pair is None:
            remedy = (
                f"write one such as {_EXAMPLE}, or host=HOST dbname=DATABASE with quotes ' around values with blanks"
            )
            refuse(f"{shown} is no address of a PostgreSQL", remedy)
        at = pair.end()


def sharing() -> Written:
    """How two versions share rows: there is one way so far."""

    def read(found: object) -> str:
        if found == "shared":
            return "shared"
        remedy = "write `shared`, or remove the key"
        if found == "synced":
            refuse(
                "`synced` is not supported by this version of abreast yet: versions with stores of their own", remedy
            )
        return refuse(f"{show(found)} is not allowed here, only `shared`", remedy)

    return Written(read, {"enum": ["shared"]})


def sql_name(what: str) -> Written:
    """A name as the catalog has it: in its case, without quotes."""
    text = line(what)

    def read(found: object) -> str:
        name = str(text.read(found))
        if len(name.encode()) > NAME_BYTES:
            refuse(f"{show(name)} has {len(name.encode())} bytes", f"write {what} of at most {NAME_BYTES}")
        return name

    return Written(read, {"type": ["string", "number", "boolean"], "minLength": 1, "maxLength": NAME_BYTES})


def service_schema() -> Written:
    """The name of a schema of the service's own."""
    name = sql_name("the name of a schema")

    def read(found: object) -> object:
        remedy = "name the schema that the service's tables are in"
        if found == _OWN_SCHEMA:
            refuse(f"{show(found)} is the schema of abreast's own tables", remedy)
        if found == "information_schema" or (isinstance(found, str) and f"{found}_".startswith("pg_")):
            refuse(f"{show(found)} is PostgreSQL's own, or would be with a version behind it", remedy)
        return name.read(found)

    return Written(
        read, {**name.schema, "not": {"type": "string", "pattern": r"^(pg|pg_.*|information_schema|abreast)$"}}
    )


def role_name() -> Written:
    """The name of a role that a version may have."""
    name = sql_name("the name of a role")

    def read(found: object) -> object:
        if isinstance(found, str) and reserved_role(found):
            refuse(f"{show(found)} is a name that PostgreSQL keeps for itself", "write another one")
        return name.read(found)

    return Written(read, {**name.schema, "not": {"type": "string", "pattern": "^(pg_.*|public|none)$"}})


def reserved_role(name: str) -> bool:
    """Whether PostgreSQL refuses to make a role of this name, quoted or not."""
    return name.startswith("pg_") or name in {"public", "none"}


def migration_files() -> Written:
    """One path of a migration, or a list of them."""
    path = line("a path")

    def one(found: object) -> str:
        file = str(path.read(found))
        suffix = PurePosixPath(file).suffix.lower()
        if suffix == ".sql":
            remedy = "write an operation `- sql: {up: …}` in a file of YAML; `abreast data lint` reads plain SQL"
            refuse(f"{show(file)} is no migration in pgroll's format", remedy)
        if suffix not in SUFFIXES:
            refuse(f"{show(file)} is no migration", f"name a file that ends in {', '.join(SUFFIXES)}")
        return file

    def read(found: object) -> tuple[str, ...]:
        if isinstance(found, list) and not found:
            refuse("no file is listed", "name one, or remove the version: it needs nothing new then")
        return tuple(map(one, found)) if isinstance(found, list) else (one(found),)

    single = {"type": "string", "pattern": r"\.([yY][aA]?[mM][lL]|[jJ][sS][oO][nN])$"}
    several = {"type": "array", "minItems": 1, "items": single}
    return Written(read, {"anyOf": [single, several], "examples": ["migrations/02_price.yaml"]})


def tables() -> Written:
    """Names of tables, or ``true`` for every one."""
    name = sql_name("the name of a table")

    def read(found: object) -> object:
        if isinstance(found, bool):
            return found or ()
        if not isinstance(found, list):
            refuse(f"{show(found)} is not allowed here", "write a list of tables, or `true` for every one")
        return tuple(name.read(item) for item in found)

    return Written(read, {"anyOf": [{"type": "boolean"}, {"type": "array", "items": dict(name.schema)}]})


def multiple() -> Written:
    """A multiple, not below 0."""

    def read(found: object) -> float:
        if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= LARGEST_PAUSE:
            return float(found)
        return refuse(f"{show(found)} is not allowed here", f"write a number from 0 to {LARGEST_PAUSE}, such as 0.5")

    return Written(read, {"type": "number", "minimum": 0, "maximum": LARGEST_PAUSE})
