"""Feature flags of the running service: what the spec says of them, and what people switched."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from abreast.model.errors import StoreError, UsageError
from abreast.model.event import Event, EventKind
from abreast.model.flag import Flag, KeptFlag
from abreast.model.rollout import Rollout
from abreast.ports import Clock, FlagStore
from abreast.rollout import flags as rules
from abreast.rollout.flags import Evaluation, FlagError, Unanswered
from abreast.rollout.turn import ACTOR


@dataclass(frozen=True)
class FlagRecord:
    """A flag as it is now; ``at`` (Unix seconds), ``actor`` and ``reason`` say since when, by whom and why.

    ``rules`` are in words, a line each, the default last.
    """

    name: str
    on: bool
    default: str
    variants: Mapping[str, object]
    rules: list[str]
    at: float
    actor: str
    reason: str


@dataclass(frozen=True)
class Switch:
    """What a person wants of a flag."""

    name: str
    on: bool
    actor: str
    reason: str


class FlagDesk:
    """The flags of one service; every change is an event, and holds from the moment that it is answered.

    ``forward`` has another server switch them, the one that decides; this one then only follows (`follow`).
    """

    def __init__(
        self,
        service: str,
        store: FlagStore,
        clock: Clock,
        forward: Callable[[Switch], Awaitable[str]] | None = None,
    ) -> None:
        self._service = service
        self._store = store
        self._clock = clock
        self._flags: dict[str, Flag] = {}
        self._kept: dict[str, KeptFlag] = {}
        self._changing = asyncio.Lock()
        self._forward = forward

    def listed(self) -> list[FlagRecord]:
        """Every flag, by name."""
        return [_record(flag, self._kept[name]) for name, flag in sorted(self._flags.items())]

    def evaluate(self, name: str, rollout: Rollout, context: Mapping[str, object]) -> Evaluation | Unanswered:
        """What that flag is for who has this context."""
        flag = self._flags.get(name)
        if flag is None:
            known = ", ".join(sorted(self._flags)) or "none"
            return Unanswered(name, FlagError.FLAG_NOT_FOUND, f"no flag is called {name!r}; the spec has: {known}")
        return rules.evaluate(flag, rollout, context, on=self._kept[name].on)

    def every(self, rollout: Rollout, context: Mapping[str, object]) -> list[Evaluation | Unanswered]:
        """What each flag is for who has this context, by name."""
        return [self.evaluate(name, rollout, context) for name in sorted(self._flags)]

    async def adopt(self, flags: Sequence[Flag], rollout: int) -> None:
        """Take over a spec's flags; what differs from those of before is an event of that rollout.

        What a person switched stays, unless the spec's own `on` has changed since: that is the newer word.
        Raises StoreError, and then nothing has changed.
        """
        async with self._changing:
            before = {each.name: each for each in await self._store.flags(self._service)}
            now = self._clock.now()
            kept: dict[str, KeptFlag] = {}
            events: list[Event] = []
            for flag in flags:
                kept[flag.name], told = _adopted(flag, before.get(flag.name), now)
                events += [self._event(rollout, flag.name, ACTOR, told)] if told else []
            gone = [name for name in before if name not in kept]
            events += [self._event(rollout, name, ACTOR, f"flag {name} is not in the spec any more") for name in gone]
            if events:
                await self._store.keep_flags(self._service, list(kept.values()), events)
            self._flags, self._kept = {flag.name: flag for flag in flags}, kept

    async def follow(self, flags: Sequence[Flag] | None = None) -> None:
        """Take over what is kept of these flags, or of the present ones, and write nothing. Raises StoreError."""
        async with self._changing:
            known = tuple(self._flags.values()) if flags is None else tuple(flags)
            before = {each.name: each for each in await self._store.flags(self._service)}
            now = self._clock.now()
            kept = {flag.name: _adopted(flag, before.get(flag.name), now)[0] for flag in known}
            self._flags, self._kept = {flag.name: flag for flag in known}, kept

    async def switch(self, name: str, rollout: int, actor: str, reason: str, *, on: bool) -> str:
        """Switch a flag; returns a sentence. Raises UsageError for an unknown name, StoreError.

        Off holds even when the store fails: it is there for trouble.
        """
        if self._forward is not None:
            said = await self._forward(Switch(name, on, actor, reason))
            await self.follow()
            return said
        word = "on" if on else "off"
        async with self._changing:
            if name not in self._flags:
                known = ", ".join(sorted(self._flags)) or "none"
                raise UsageError(f"no flag is called {name!r}; the spec has: {known}", "see: abreast flag list")
            was = self._kept[name]
            said = reason or "no reason was given"
            changed = {**self._kept, name: replace(was, on=on, at=self._clock.now(), actor=actor, reason=said)}
            if was.on == on and await self._stored(name) == on:
                return f"{name} is {word} already, since {was.actor} said: {was.reason}"
            if not on:
                self._kept = changed
            event = self._event(rollout, name, actor, f"flag {name} was switched {word}: {said}")
            try:
                await self._store.keep_flags(self._service, list(changed.values()), [event])
            except StoreError as error:
                if on:
                    raise
                message = f"{name} is off, but a restart would forget it: {error.message}"
                raise StoreError(message, f"{error.remedy}; then again: abreast flag off {name}") from error
            self._kept = changed
        return f"{name} is {word}" if on else f"{name} is off: everybody gets {self._flags[name].default!r}"

    async def _stored(self, name: str) -> bool | None:
        """Whether the store has it on; it may lag behind a flag that was switched off while it failed."""
        return next((each.on for each in await self._store.flags(self._service) if each.name == name), None)

    def _event(self, rollout: int, name: str, actor: str, told: str) -> Event:
        return Event(self._clock.now(), rollout, EventKind.FLAG, actor, told, {"flag": name})


def _adopted(flag: Flag, before: KeptFlag | None, now: float) -> tuple[KeptFlag, str]:
    """What is to be kept of a flag of the spec, and what to tell of it ("" when nothing changed)."""
    definition = json.dumps(asdict(flag), sort_keys=True)
    word = "on" if flag.on else "off"
    if before is None:
        told = f"flag {flag.name} is new in the spec, and {word}"
        return KeptFlag(flag.name, definition, flag.on, now, ACTOR, "the spec says so"), told
    if before.definition == definition:
        return before, ""
    old, new = json.loads(before.definition), json.loads(definition)
    told = f"the spec changed {', '.join(f'`{key}`' for key in new if new[key] != old.get(key))} of flag {flag.name}"
    if old["on"] == flag.on:
        return replace(before, definition=definition), told
    return KeptFlag(flag.name, definition, flag.on, now, ACTOR, "the spec says so"), f"{told}: it is {word}"


def _record(flag: Flag, kept: KeptFlag) -> FlagRecord:
    return FlagRecord(flag.name, kept.on, flag.default, flag.variants, flag.lines(), kept.at, kept.actor, kept.reason)
