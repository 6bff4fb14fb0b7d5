"""A running demo: the service, its users, and what both of them tell, printed as it comes."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from abreast.demo.crowd import Crowd
from abreast.demo.journal import percentile_ms
from abreast.demo.teller import Teller
from abreast.demo.words import Versions, in_words
from abreast.envoy.counts import AdminSocket, Totals
from abreast.model.errors import AbreastError
from abreast.model.units import percent
from abreast.up_process import UpProcess

ACTOR: Final = "the demo"

_LOOK_S: Final = 0.1
_USERS_S: Final = 2.5
"""How often the users' line is printed."""

Json = dict[str, Any]  # Any: JSON


class DemoError(AbreastError):
    """The story did not go on as it must; the message says what was waited for."""


@dataclass(frozen=True)
class Seen:
    """The gateway's own count in one step: the candidate's share of ``requests``."""

    share: float
    requests: int


class Stage:
    """Orders, waiting and telling. ``events`` and ``seen`` (by rollout and begin of the weight) grow meanwhile."""

    def __init__(self, up: UpProcess, crowd: Crowd, teller: Teller) -> None:
        self.up = up
        self.crowd = crowd
        self.events: list[Json] = []
        self.seen: dict[float, Seen] = {}
        self._teller = teller
        self._versions = Versions()
        self._told = 0
        self._told_at_s = 0.0
        self._weight_since_s = 0.0

    async def order(self, verb: str, version: str = "", reason: str = "") -> float:
        """Give an order as a person would; returns the Unix second just before it was sent."""
        words = f"$ abreast {verb}{f' {version}' if version else ''}"
        self._teller.tell("you", f'{words} -m "{reason}"' if reason else words, "order")
        sent_s = time.time()
        done = await self.up.order(verb, ACTOR, version=version or None, reason=reason)
        await self.look()
        if done["obeyed_s"] is not None and verb not in {"start", "retry"}:
            self._teller.tell(
                "abreast", f"every gateway obeys, {done['obeyed_s'] * 1e3:.0f} ms after the order", "good"
            )
        return sent_s

    async def until(self, true: Callable[[Json], bool], timeout_s: float, what: str) -> Json:
        """Tell on until the status is as wanted. Raises DemoError that says what was waited for."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            status = await self.look()
            if true(status):
                return status
            if time.monotonic() > deadline_s:
                now = f"the rollout is {status['phase']} at {status['weight'] / 100:g} %: {status['because']}"
                message = f"waited {timeout_s:g} s for {what}; {now}"
                raise DemoError(message, f"see {self.up.log} and {self.up.state.logs}")
            await asyncio.sleep(_LOOK_S)

    async def rest(self, seconds: float) -> None:
        """Let things happen, telling on."""
        deadline_s = time.monotonic() + seconds
        while time.monotonic() < deadline_s:
            await self.look()
            await asyncio.sleep(_LOOK_S)

    async def look(self) -> Json:
        """One look: new events are told and kept, the users' line is due now and then. Returns the status."""
        self.crowd.check()
        status = await self.up.status()
        for event in await self.up.events(self.events[-1]["id"] if self.events else 0):
            self.events.append(event)
            if event["kind"] == "weight":
                self._weight_since_s = event["at"]
            line = in_words(event, self._versions)
            if line:
                self._teller.tell("abreast", line.text, line.tone, event["at"])
        if status["seen_share"] is not None and status["weight"]:
            self.seen[self._weight_since_s] = Seen(status["seen_share"], status["seen_requests"])
        if time.monotonic() - self._told_at_s > _USERS_S:
            self._tell_users(status)
        return status

    async def counted(self) -> Totals:
        """Everything that the gateway counted since it started; read from Envoy itself."""
        newest = max(self.up.state.run.glob("admin-*.sock"), key=lambda path: path.stat().st_mtime)
        admin = AdminSocket(newest)
        try:
            return await admin.totals()
        finally:
            await admin.close()

    def _tell_users(self, status: Json) -> None:
        """What users got since the last line, and what the candidate did meanwhile."""
        answers = self.crowd.answers
        recent = answers[self._told :]
        if not recent:
            return
        self._told, self._told_at_s = len(answers), time.monotonic()
        versions = sorted({answer.version for answer in recent if answer.version})
        shares = ", ".join(
            f"{name} {percent(sum(answer.version == name for answer in recent), len(recent))}" for name in versions
        )
        failed = sum(1 for answer in answers if answer.failure)
        text = f"{len(answers):,} requests so far, {failed} failed"
        if shares:
            text += f"; answered by {shares}"
        text += f"; p99 {percentile_ms(recent, 99):.0f} ms"
        self._teller.tell("users", text, "bad" if failed else "news")
        shadow = status["shadow"]
        if shadow and shadow["share"]:
            compared = f"{shadow['compared']:,} answers of {status['candidate']} compared with {status['stable']}'s"
            self._teller.tell("abreast", f"{compared} so far, {shadow['findings_open']} findings", "detail")
        for version in status["versions"]:
            if version["name"] == status["candidate"] and version["errors"]:
                self._teller.tell(
                    "abreast",
                    f"{version['name']} failed {version['errors']} of {version['requests']} in this step; "
                    f"{status['stable']} answered them instead",
                    "bad",
                )
        for gate in status["gates"]:
            if gate["state"] == "undecided" and gate["share"]:
                known = gate["sentence"].partition(" (")[0]
                told = f"gate {gate['name']}: {gate['share'] * 100:.0f} % of the proof that it is not worse; {known}"
                self._teller.tell("abreast", told, "detail")
