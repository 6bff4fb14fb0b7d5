"""The spec out of a key in etcd: read at the start, watched, and the last good one kept beside the state.

A change there is a change of the spec. Whatever is wrong (a document with faults, a deleted key, etcd away) changes
nothing: the last good spec stays, and it is said once.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, Self

from abreast.app.etcd_place import EtcdPlace, etcd_client, etcd_place
from abreast.drivers.backoff import Backoff
from abreast.drivers.registry.etcd_client import Entry, Etcd
from abreast.drivers.registry.found import NoAnswerError
from abreast.drivers.timing import Timing
from abreast.model.errors import AbreastError, SpecError, UsageError
from abreast.model.spec import Spec
from abreast.ports import Clock
from abreast.spec_source import read_spec

log: Final = logging.getLogger(__name__)

ACTOR: Final = "etcd"
LARGEST_BYTES: Final = 1_000_000
"""Of a spec: etcd itself takes 1.5 MiB."""
BACKOFF: Final = Timing(backoff_first_s=0.2, backoff_most_s=5.0, steady_s=30.0)
_TOLD_FAULTS: Final = 20
_AWAY_REMEDY: Final = "start etcd, or correct --config; the last good spec would be used, but there is none yet"


@dataclass(frozen=True)
class Written:
    """What stands in the key: ``raw``, None where there is no such key, and the ``revision`` of its last change.

    ``seen_at``: the store's revision when this was read.
    """

    raw: bytes | None
    revision: int
    seen_at: int


class EtcdSpec:
    """One key. ``said`` are sentences of the start for people; ``directory`` is where the spec's paths begin.

    ``refused`` says why what stands there is not in force, ``away`` why it is not known; both are empty if all is well.
    """

    def __init__(self, place: EtcdPlace, client: Etcd, directory: Path, file: Path) -> None:
        """``file`` keeps the last good spec."""
        self.place = place
        self.said: list[str] = []
        self.refused = ""
        self.away = ""
        self._client = client
        self._directory = directory
        self._file = file
        self._seen: Written | None = None
        self._read: Written | None = None
        self._sound: Written | None = None

    @classmethod
    def of(cls, url: str, directory: Path, file: Path) -> Self:
        """The key that ``url`` names. Raises UsageError."""
        place = etcd_place(url)
        return cls(place, etcd_client(place), directory, file)

    def trouble(self) -> str:
        """Why what stands there is not what is in force; empty if it is."""
        return self.away or self.refused

    @property
    def origin(self) -> str:
        """Where the spec that was read last stood: ``etcd://…/shop at revision 12``."""
        return f"{self.place} at revision {self._read.revision}" if self._read else str(self.place)

    async def first(self) -> Spec:
        """The spec to start with: etcd's, else the last good one, which is said. Raises AbreastError without both."""
        try:
            return await self.load()
        except AbreastError as error:
            kept = self._kept()
            if kept is None:
                raise
            entry, spec = kept
            self._read = entry
            self.refused = told(error)
            self.said.append(f"{self.refused}; the last good spec is used, of revision {entry.revision}")
            return spec

    async def load(self) -> Spec:
        """What etcd has now. Raises SpecError with every fault, UsageError if there is none or nobody to ask."""
        self._sound = None
        self._seen = None  # whatever fails now, the watch tells of it once more
        written = self._seen = self._read = await self._now()
        if written.raw is None:
            raise UsageError(f"{self.place}: there is no such key", await self._hint())
        if len(written.raw) > LARGEST_BYTES:
            size = f"{len(written.raw):,} bytes, allowed are {LARGEST_BYTES:,}"
            raise UsageError(f"{self.place}: the value has {size}", "shorten it")
        spec = read_spec(written.raw, str(self.place), self._directory)
        self._sound = written
        return spec

    def accepted(self) -> None:
        """What was loaded last, without faults, is in force: keep it, for a start while etcd is away."""
        if self._sound is not None:
            self.refused = ""
        sound, self._sound = self._sound, None
        if sound is None or sound.raw is None:
            return
        draft = self._file.with_suffix(".new")
        text = json.dumps({"key": self.place.key, "revision": sound.revision, "text": sound.raw.decode()})
        try:
            draft.touch(mode=0o600)
            draft.write_text(text, encoding="utf-8")
            draft.replace(self._file)
        except OSError as error:
            log.warning("the spec cannot be kept in %s: %s", self._file, error)

    async def watch(
        self, clock: Clock, random: Random, changed: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        """Call ``changed`` whenever there is something to `load`, until cancelled; ``say`` if etcd is away or back."""
        backoff, began = Backoff(BACKOFF, random), clock.now()
        while True:
            try:
                written = await self._now()
            except UsageError as error:
                if not self.away:
                    say(f"{error.message}; the spec stays as it is")
                self.away = error.message
                await clock.sleep(backoff.next_s(0.0))
                began = clock.now()
                continue
            if self.away:
                say(f"{self.place}: etcd answers again")
            self.away = ""
            self._compare(written, changed, say)
            try:
                await self._client.changed(self.place.key, written.seen_at)
            except NoAnswerError as error:
                # Whether etcd is away, the next reading tells: a watch also ends when a member is restarted.
                log.info("the watch of %s broke off: %s", self.place, error)
                await clock.sleep(backoff.next_s(clock.now() - began))
                began = clock.now()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    def _compare(self, written: Written, changed: Callable[[], None], say: Callable[[str], None]) -> None:
        """Tell what is new in the key; the same document again is nothing new."""
        before, self._seen = self._seen, written
        if before is not None and before.raw == written.raw:
            return
        if written.raw is None:
            self.refused = f"{self.place}: the key is gone"
            say(f"{self.refused}; the last good spec stays")
        else:
            changed()

    async def _now(self) -> Written:
        """What stands there now. Raises UsageError."""
        try:
            reading = await self._client.read(self.place.key)
        except NoAnswerError as error:
            raise UsageError(f"{self.place}: etcd does not answer: {error}", _AWAY_REMEDY) from None
        entry: Entry | None = next(iter(reading.entries), None)
        if entry is None:
            return Written(None, reading.revision, reading.revision)
        return Written(entry.value, entry.revision, reading.revision)

    async def _hint(self) -> str:
        """What to do where there is no such key."""
        other = f"/{self.place.key}"
        try:
            if (await self._client.read(other)).entries:
                return f"there is a key {other!r}: write two slashes, the first one ends the address"
        except NoAnswerError:
            log.debug("etcd went away while it was asked for %s", other)
        return f"write it: etcdctl put {self.place.key} < abreast.yaml"

    def _kept(self) -> tuple[Written, Spec] | None:
        """The last good spec of this key, if it still is good."""
        try:
            found = json.loads(self._file.read_bytes())
            entry = Written(found["text"].encode(), int(found["revision"]), 0)
            if found["key"] != self.place.key:
                return None
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            log.warning("the spec kept in %s cannot be read: %s", self._file, error)
            return None
        try:
            return entry, read_spec(entry.raw or b"", f"{self.place} at revision {entry.revision}", self._directory)
        except SpecError as error:
            log.warning("the spec kept in %s is not good any more: %s", self._file, error)
            return None


def told(error: AbreastError) -> str:
    """The error in one line: of a spec every fault, each with its line."""
    if not isinstance(error, SpecError):
        return error.message
    faults = [f"line {each.line}: {each.path}: {each.message}".replace(": : ", ": ") for each in error.faults]
    more = f"; and {len(faults) - _TOLD_FAULTS} more" if len(faults) > _TOLD_FAULTS else ""
    return f"{error.message}: {'; '.join(faults[:_TOLD_FAULTS])}{more}"
