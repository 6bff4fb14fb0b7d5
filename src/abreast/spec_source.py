"""Reads the spec's file, and looks up on this machine what the file only names."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from abreast.drivers.command import require_runnable
from abreast.model.errors import DriverError, Fault, SpecError, UsageError
from abreast.model.spec import Spec, parse_spec


def load_spec(path: Path, environment: Mapping[str, str] = os.environ) -> Spec:
    """The spec in the file at ``path``, with the paths in it made absolute.

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
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"byte {raw[error.start]:#04x} is no UTF-8"
        fault = Fault(str(path), line, "", message, "save the file as UTF-8")
        raise SpecError((fault,)) from None
    return parse_spec(text, str(path), directory=str(path.absolute().parent), environment=environment)


def missing_files(spec: Spec) -> Iterator[Fault]:
    """A fault for each file and directory that the spec names and that cannot be read."""
    service = spec.service()
    tls = service.gateway.tls
    for key, file in (("certificate", tls.certificate), ("key", tls.key)) if tls else ():
        fault = _unreadable(Path(file))
        if fault:
            remedy = "create it, or correct the path (it is taken relative to the spec's directory)"
            yield spec.document.fault(("gateway", "tls", key), fault, remedy)
    for version in service.versions:
        if version.run and not Path(version.cwd).is_dir():
            message = f"there is no directory {version.cwd!r}"
            remedy = "create it, or correct `cwd` (it is taken relative to the spec's directory)"
            yield spec.document.fault(("versions", version.name, "cwd"), message, remedy)


def doubts(spec: Spec, environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """A sentence for each thing that is no fault of the spec but will be in the way on this machine."""
    for version in spec.service().versions:
        if not version.run or not Path(version.cwd).is_dir():
            continue
        try:
            require_runnable(version, environment)
        except DriverError as error:
            yield str(error)


def _unreadable(file: Path) -> str:
    """Why the file cannot be read; empty when it can."""
    try:
        with file.open("rb"):
            return ""
    except FileNotFoundError:
        return f"there is no file {str(file)!r}"
    except OSError as error:
        return f"{str(file)!r} cannot be read: {error.strerror}"
