"""Where recordings come from: a state directory, a store, or a file written before."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, func, select

from abreast.model.errors import UsageError
from abreast.model.rollout import Rollout
from abreast.replay.ndjson import parse
from abreast.replay.recording import Recording, recorded
from abreast.state_dir import StateDir
from abreast.store.evidence import rollouts_with_ticks, ticks_of
from abreast.store.postgresql import Address
from abreast.store.postgresql_faults import ServerFaults
from abreast.store.reading import HEADER, reading, reading_server
from abreast.store.rows import all_rollouts, newest_events
from abreast.store.sqlite import FileFaults
from abreast.store.tables import EVENTS, ROLLOUTS
from abreast.store.transactions import Faults

_MENDED = "name a state directory, a store, or a file that was written with --out"


def load(source: Path, number: int | None = None) -> Recording:
    """The recording of rollout ``number``, by default the newest one, in a directory or file.

    Raises UsageError for what is none, StoreError and StoreCorruptError for a store that cannot be read.
    """
    if source.is_dir():
        return _from_store(StateDir(source).store, number)
    try:
        if _first_bytes(source) == HEADER:
            return _from_store(source, number)
        text = source.read_text("utf-8")
    except FileNotFoundError:
        raise UsageError(f"there is no {str(source)!r}", _MENDED) from None
    except OSError as error:
        raise UsageError(f"{str(source)!r} cannot be read: {error.strerror}", _MENDED) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        message = f"{source}:{line}: byte {error.object[error.start]:#04x} is no UTF-8"
        raise UsageError(message, _MENDED) from None
    recording = parse(text, str(source))
    if number not in {None, recording.start.number}:
        message = f"--rollout {number}: {source} is a recording of rollout {recording.start.number}"
        raise UsageError(message, "leave --rollout out, or name a state directory")
    return recording


def _first_bytes(source: Path) -> bytes:
    with source.open("rb") as file:
        return file.read(len(HEADER))


def load_shared(address: Address, service: str, number: int | None = None) -> Recording:
    """That of the service's rollout ``number``, by default the newest, in the store that servers share.

    Raises UsageError, StoreError, StoreCorruptError.
    """
    with reading_server(address) as connection:
        return _recording(connection, ServerFaults(address.name), [service], number)


def _from_store(path: Path, number: int | None) -> Recording:
    with reading(path) as connection:
        services = connection.execute(select(ROLLOUTS.c.service).distinct()).scalars().all()
        return _recording(connection, FileFaults(path), services, number)


def _recording(connection: Connection, faults: Faults, services: Sequence[str], number: int | None) -> Recording:
    rollout = _chosen(connection, faults.name, services, number)
    ticks = ticks_of(connection, faults.damaged, rollout.service, rollout.number)
    count = connection.execute(select(func.count()).select_from(EVENTS)).scalar() or 0
    events = [event for _, event in newest_events(connection, rollout.service, count, 0)]
    if not ticks:
        message = f"rollout {rollout.number} of {rollout.service} has no ticks: no second of it was evidence"
        raise UsageError(message, "name another with --rollout N (abreast history)")
    return recorded(rollout, tuple(ticks), tuple(events))


def _chosen(connection: Connection, name: str, services: Sequence[str], number: int | None) -> Rollout:
    """The newest rollout with ticks, or the one of that number, of the service among these that rolled out last."""
    rollouts = [rollout for service in services for rollout in all_rollouts(connection, service)]
    if not rollouts:
        which = f" of {services[0]}" if services else ""
        raise UsageError(f"{name} holds no rollout{which}", "begin one with: abreast start")
    service = max(rollouts, key=lambda rollout: rollout.started_at).service
    kept = rollouts_with_ticks(connection, service)
    wanted = number if number is not None else max(kept, default=None)
    found = next((each for each in rollouts if (each.service, each.number) == (service, wanted)), None)
    if found is None or wanted not in kept:
        listed = f"recorded are: {', '.join(map(str, kept))}" if kept else "none is; the next rollout will be"
        what = f"rollout {number} of {service}" if number is not None else f"any rollout of {service}"
        raise UsageError(f"{name} has no record of {what}", f"name one that is recorded with --rollout N ({listed})")
    return found
