"""Reads the spec's file, and looks up on this machine what the file only names."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import orjson
import yaml

from abreast.compare.endpoint import templates_of_openapi
from abreast.drivers.command import require_runnable
from abreast.model.errors import DriverError, Fault, MigrationError, SpecError, UsageError
from abreast.model.service import ACCESS_LOG
from abreast.model.spec import Spec, parse_spec
from abreast.model.spec_data_keys import file_places
from abreast.schema.migration import Migration, read_migration

LARGEST_OPENAPI: Final = 20_000_000
"""Bytes of an OpenAPI document; the largest that are published have a few million."""
_RELATIVE: Final = "(it is taken relative to the spec's directory)"


def load_spec(path: Path, environment: Mapping[str, str] = os.environ) -> Spec:
    """The spec in the file at ``path``, with the paths in it made absolute and the OpenAPI document's routes in it.

    Raises UsageError when there is no such file to read, SpecError with every fault in it.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        remedy = "write one with: abreast init, or name another file"
        raise UsageError(f"there is no spec {str(path)!r}", remedy) from None
    except IsADirectoryError:
        raise UsageError(f"{str(path)!r} is a directory", f"name the file: {path / 'abreast.yaml'}") from None
    except OSError as error:
        message = f"the spec {str(path)!r} cannot be read: {error.strerror}"
        raise UsageError(message, "correct its permissions, or name another file") from None
    return read_spec(raw, str(path), path.absolute().parent, environment)


def read_spec(raw: bytes, name: str, directory: Path, environment: Mapping[str, str] = os.environ) -> Spec:
    """The spec in these bytes, which are called ``name`` in messages; its paths start in ``directory``, absolute.

    Raises SpecError with every fault in it.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise SpecError((_no_text(name, error),)) from None
    spec = parse_spec(text, name, directory=str(directory), environment=environment)
    return replace(spec, routes=_routes(spec)) if spec.openapi else spec


def missing_files(spec: Spec) -> Iterator[Fault]:
    """A fault for each file and directory that the spec names and that cannot be read."""
    service = spec.service()
    for place, tls in (("gateway", service.gateway.tls), ("api", spec.api.tls)):
        for key, file in (("certificate", tls.certificate), ("key", tls.key)) if tls else ():
            fault = _unreadable(Path(file))
            if fault:
                yield spec.document.fault((place, "tls", key), fault, f"create it, or correct the path {_RELATIVE}")
    yield from _unwritable(spec)
    descriptors = spec.descriptors
    fault = _unreadable(Path(descriptors)) if descriptors else ""
    if fault:
        remedy = f"make it with: protoc --descriptor_set_out --include_imports, or correct the path {_RELATIVE}"
        yield spec.document.fault(("rollout", "shadow", "descriptors"), fault, remedy)
    for path, file in file_places(spec.data.migrations) if spec.data else ():
        fault = _unreadable(Path(file))
        if fault:
            yield spec.document.fault(path, fault, f"create it, or correct the path {_RELATIVE}")
    for version in service.versions:
        fault = _unreadable(Path(version.workload.template)) if version.workload and version.workload.template else ""
        if fault:
            path = ("versions", version.name, "kubernetes", "template")
            yield spec.document.fault(path, fault, f"create it, or correct the path {_RELATIVE}")
        if version.run and not Path(version.cwd).is_dir():
            message = f"there is no directory {version.cwd!r}"
            remedy = f"create it, or correct `cwd` {_RELATIVE}"
            yield spec.document.fault(("versions", version.name, "cwd"), message, remedy)


def migrations_of(spec: Spec, version: str) -> tuple[Migration, ...]:
    """The migrations of a version in their order; none when it needs nothing new.

    Raises UsageError with every file that cannot be read, else MigrationError with every fault of all of them.
    """
    made: list[Migration] = []
    faults: list[Fault] = []
    unread: list[str] = []
    for file in spec.data.files(version) if spec.data else ():
        try:
            made.append(_migration(Path(file)))
        except MigrationError as error:
            faults.extend(error.faults)
        except OSError as error:
            unread.append(_reason(Path(file), error))
    if unread:
        remedy = f"create what is missing, or correct `data.migrations.{version}` {_RELATIVE}"
        raise UsageError("; ".join(unread), remedy)
    if faults:
        raise MigrationError(tuple(faults))
    return tuple(made)


def migration_faults(spec: Spec) -> Iterator[Fault]:
    """Every fault in the migrations that the spec names; of files that cannot be read `missing_files` tells."""
    for _, file in file_places(spec.data.migrations) if spec.data else ():
        try:
            _migration(Path(file))
        except MigrationError as error:
            yield from error.faults
        except OSError:
            continue


def _migration(file: Path) -> Migration:
    """The migration in a file. Raises OSError when it cannot be read, MigrationError with every fault in it."""
    raw = file.read_bytes()
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise MigrationError((_no_text(str(file), error),)) from None
    return read_migration(str(file), text)


def _no_text(file: str, error: UnicodeDecodeError) -> Fault:
    """The fault of a file that is no UTF-8, at its line."""
    line = error.object.count(b"\n", 0, error.start) + 1
    message = f"byte {error.object[error.start]:#04x} is no UTF-8"
    return Fault(file, line, "", message, "save the file as UTF-8")


def doubts(spec: Spec, environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """A sentence for each thing that is no fault of the spec but will be in the way on this machine."""
    for version in spec.service().versions:
        if not version.run or not Path(version.cwd).is_dir():
            continue
        try:
            require_runnable(version, environment)
        except DriverError as error:
            yield str(error)


def _unwritable(spec: Spec) -> Iterator[Fault]:
    """A fault if the access log cannot be where the spec says; abreast makes its own directory itself."""
    access = spec.keys.logs.access
    log = spec.service().gateway.access_log
    if access is None or log is None or access.file in {None, ACCESS_LOG}:
        return
    file = Path(log.file)
    message = ""
    if file.is_dir():
        message = f"{str(file)!r} is a directory"
    elif not file.parent.is_dir():
        message = f"there is no directory {str(file.parent)!r}"
    if message:
        yield spec.document.fault(("logs", "access", "file"), message, f"create it, or correct the path {_RELATIVE}")


def _unreadable(file: Path) -> str:
    """Why the file cannot be read; empty when it can."""
    try:
        with file.open("rb"):
            return ""
    except OSError as error:
        return _reason(file, error)


def _reason(file: Path, error: OSError) -> str:
    """Why reading the file failed."""
    if isinstance(error, FileNotFoundError):
        return f"there is no file {str(file)!r}"
    return f"{str(file)!r} cannot be read: {error.strerror}"


def _routes(spec: Spec) -> tuple[str, ...]:
    """The routes of the OpenAPI document that the spec names. Raises SpecError, also with all other missing files."""
    file = Path(spec.openapi)
    remedy = f"name an OpenAPI document in YAML or JSON {_RELATIVE}, or write the routes under `templates`"
    problem = _unreadable(file)
    if not problem and file.stat().st_size > LARGEST_OPENAPI:
        problem = f"{str(file)!r} has more than {LARGEST_OPENAPI:,} bytes"
    if not problem:
        try:
            return templates_of_openapi(_openapi(file.read_bytes()))
        except yaml.MarkedYAMLError as error:
            where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
            problem = f"{str(file)!r} is no YAML: {error.problem}{where}"
        except (ValueError, yaml.YAMLError) as error:
            problem = f"{str(file)!r}: {' '.join(str(error).split())}"
    fault = spec.document.fault(("rollout", "shadow", "openapi"), problem, remedy)
    raise SpecError((fault, *missing_files(spec)))


def _openapi(raw: bytes) -> Mapping[str, object]:
    """A document in JSON or YAML, every YAML scalar as text. Raises ValueError or YAMLError when it is neither."""
    if raw.lstrip()[:1] == b"{":
        found: object = orjson.loads(raw)
    else:
        found = yaml.load(raw.decode(), Loader=yaml.CBaseLoader)  # noqa: S506  # makes text, lists and mappings only
    if not isinstance(found, dict):
        raise ValueError("not an OpenAPI document: no mapping of keys")  # noqa: TRY004  # its content is wrong, not its type
    return found
