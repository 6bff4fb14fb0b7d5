"""abreast copying requests: two origins, the candidate without users, and as large a share copied as is asked for."""

import asyncio
import time
from typing import Any, Final

import yaml

from abreast.bench.abreast_target import ACTOR, CANDIDATE, STABLE, Abreast
from abreast.bench.target import TargetError
from abreast.model.units import FULL_WEIGHT, format_weight
from abreast.shadow.crew import KIND as RELAY
from abreast.up_process import Json

SHARES: Final = (2000, FULL_WEIGHT)
"""The shares that can be asked for besides none, in hundredths of a percent: the steps of the rollout."""

_BRING_S: Final = 30.0
_LOOK_S: Final = 0.05
_QUIET_S: Final = 1.2
"""The ledger has settled when it stays the same for so long: two turns of who collects it, and some."""


def spec_text(port: int, stable: int, candidate: int, workers: int) -> str:
    """A spec with two external versions on those ports, whose rollout copies ever more and sends nobody.

    No gate ends it, whatever the candidate answers, and a hung candidate counts as ready: all of that would spare the
    gateway what is to be measured.
    """
    versions = {
        STABLE: {"endpoints": [f"127.0.0.1:{stable}"], "ready": "GET /healthz"},
        CANDIDATE: {"endpoints": [f"127.0.0.1:{candidate}"], "ready": "tcp", "isolated": True},
    }
    spec: dict[str, Any] = {  # Any: YAML
        "service": "bench",
        "gateway": {"listen": f"127.0.0.1:{port}", "drain": "1s", "concurrency": workers},
        "users": {"by": ["header:x-user-id"]},
        "versions": versions,
        "stable": STABLE,
        "rollout": {
            "steps": [{"shadow": format_weight(share).replace(" ", "")} for share in SHARES],
            "step_time": {"at_least": "1d", "at_most": "2d"},
            "shadow": {"at_most": "100000/s", "unsafe": [{"methods": ["POST"]}]},
            "gates": {"differences": {"tolerance": "100%", "ignore": ["header:x-version"]}},
            "retire": {"after": "1d", "unused_for": "1d"},
        },
    }
    return yaml.safe_dump(spec, sort_keys=False)


class ShadowingAbreast(Abreast):
    """The whole of abreast with a rollout that copies requests of users who all stay on the first upstream."""

    def spec(self, port: int) -> str:
        """The spec that it runs with."""
        return spec_text(port, self._stable.port, self._candidate.port, self._workers)

    async def begin(self) -> None:
        """Copy the smallest share."""
        await self.up.order("start", ACTOR, version=CANDIDATE)
        await self._copies(SHARES[0])

    @property
    def relays(self) -> list[int]:
        """The relay's process; none for a moment after it has ended."""
        return list(self.pids_of(RELAY))

    async def bring(self, share: int) -> None:
        """Copy that share, 0 or one of `SHARES`. Returns when it is so. Raises TargetError, AbreastError."""
        present = await self._share()
        if present == share:
            return
        if present and share < present:
            await self.up.order("abort", ACTOR)
            present = 0
        if share and not present:
            await self.up.order("retry", ACTOR)
            await self._copies(SHARES[0])
            present = SHARES[0]
        for higher in (each for each in SHARES if present < each <= share):
            await self.up.order("promote", ACTOR)
            await self._copies(higher)

    async def ledger(self) -> Json:
        """What became of the requests so far: seen, compared, skipped by reason, lost, pending."""
        return (await self.up.status())["shadow"] or {"seen": 0, "compared": 0, "skipped": {}, "lost": 0, "pending": 0}

    async def settled(self, seen: int, at_most_s: float) -> Json:
        """The ledger once it has seen so many requests and does not change any more, or after that long.

        While a relay hangs who collects the counts waits for it, and so they may come late.
        """
        deadline_s = time.monotonic() + at_most_s
        ledger, since_s = await self.ledger(), time.monotonic()
        while time.monotonic() < min(deadline_s, since_s + _QUIET_S):
            await asyncio.sleep(_LOOK_S)
            before, ledger = ledger, await self.ledger()
            if ledger != before or ledger["seen"] < seen:
                since_s = time.monotonic()
        return ledger

    async def _share(self) -> int:
        return int(((await self.up.status())["shadow"] or {"share": 0})["share"])

    async def _copies(self, share: int) -> None:
        """Wait until every gateway copies that share, and there is a relay. Raises TargetError."""
        deadline_s = time.monotonic() + _BRING_S
        status: Json = {}
        while time.monotonic() < deadline_s:
            status = await self.up.status()
            obeyed = bool(status["nodes"]) and all(node["obeys"] for node in status["nodes"])
            if obeyed and status["phase"] == "progressing" and await self._share() == share and self.relays:
                return
            await asyncio.sleep(_LOOK_S)
        message = f"{format_weight(share)} of requests are not copied after {_BRING_S:g} s: {status.get('because')}"
        raise TargetError(message)
