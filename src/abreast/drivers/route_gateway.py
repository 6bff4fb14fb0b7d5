"""Traffic by an HTTPRoute of somebody else's gateway: the rollout's split is kept in it, and read from what it says."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from lightkube.generic_resource import GenericNamespacedResource

from abreast.drivers.kubernetes_access import SERVICE_ACCOUNT, find_access
from abreast.drivers.kubernetes_api import Api, HttpRoute, RequestError, Selection, Trouble
from abreast.drivers.kubernetes_manifest import FIELD_MANAGER
from abreast.drivers.kubernetes_mirror import Line, Mirror, Reach
from abreast.drivers.route_rules import Rewrite, rewritten, shares, verdict
from abreast.drivers.timing import Timing
from abreast.model.route import RouteSettings
from abreast.model.traffic import Split
from abreast.ports import Clock
from abreast.rollout.observed import NodeState

UNHEARD_S: Final = 10.0
"""A route of which no gateway has said anything for so long after a change has none, or one that is not well."""
_QUIET_S: Final = 60.0
"""Whoever goes on changing it is told of once, until it has stood for so long."""


@dataclass(frozen=True)
class _Wish:
    """What the route shall say."""

    settings: RouteSettings
    split: Split
    secret: str


class RouteGateway:
    """`abreast.ports.Gateway` over one HTTPRoute: one node, which obeys once every parent has accepted it.

    Nothing is written before `publish`, nothing is taken away at the end: users go on as the route says. ``say`` hears
    what is worth an event: somebody else's change, a refusal, a server that is away.
    """

    def __init__(
        self,
        settings: RouteSettings,
        clock: Clock,
        on_change: Callable[[], None],
        say: Callable[[str], None],
        *,
        environ: Mapping[str, str] = os.environ,
        service_account: Path = SERVICE_ACCOUNT,
        random: Random | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Raises DriverError when nothing says how to reach a cluster."""
        api = Api(find_access(settings.context, environ, service_account))
        self._clock = clock
        self._on_change = on_change
        self._say = say
        self._timing = timing or Timing()
        self._namespace = settings.namespace or api.namespace
        self._name = settings.name
        self._reach = Reach(api.server, clock, self._told)
        self._line = Line(api, self._reach, clock, self._timing, random or Random())  # noqa: S311  # jitter is no secret
        self._pauses, self._yielding = self._line.pauses(), self._line.pauses()
        selection = Selection(HttpRoute, self._namespace, fields=f"metadata.name={self._name}")
        self._mirror = Mirror(self._line, selection, self._seen)
        self._wish: _Wish | None = None
        self._stood: _Wish | None = None
        """What the route was last seen to say, as it shall."""
        self._unheard_since = 0.0
        self._meddled_at = 0.0
        self._acked: Split | None = None
        self._nack = ""
        self._said = ""
        self._stirred, self._looked, self._ordered = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def place(self) -> str:
        """Which route it is, for people."""
        return f"HTTPRoute {self._namespace}/{self._name}"

    async def start(self) -> None:
        """Look at the route from now on; waits a moment for the first look."""
        self._tasks = [asyncio.create_task(self._mirror.run()), asyncio.create_task(self._keep())]
        try:
            async with asyncio.timeout(self._timing.first_answer_s):
                await self._looked.wait()
        except TimeoutError:
            return  # the server is away: it is looked at when that is back

    def publish(self, settings: RouteSettings, split: Split, secret: str) -> None:
        """Keep the route so from now on; returns at once."""
        wish = _Wish(settings, split, secret)
        if wish != self._wish:
            self._wish, self._acked, self._nack = wish, None, ""
            self._unheard_since = self._clock.now()
            self._stirred.set()
            self._ordered.set()

    def nodes(self) -> Sequence[NodeState]:
        """The route: what it is known to say, and that its gateways have accepted it."""
        nack = self._nack
        unheard_s = self._clock.now() - self._unheard_since
        if not nack and self._stood is not None and self._acked is None and unheard_s > UNHEARD_S:
            nack = f"no gateway has said for {unheard_s:.0f} s whether it accepts it; see its status.parents"
        connected = self._mirror.listed and not self._reach.away
        # Of what nobody can look at it is not known what it says: somebody else may have written it.
        return [NodeState(self.place, self._acked if connected else None, connected, nack)]

    def settled(self) -> bool:
        """Whether the route says what was published last, and every parent has accepted that."""
        return self._wish is not None and self._acked == self._wish.split

    async def close(self) -> None:
        """Look away; the route is left as it is, for users' requests go through it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._line.api.close()

    def _seen(self) -> None:
        """Something of the route has changed, or become known."""
        self._looked.set()
        self._stirred.set()

    def _told(self, words: str) -> None:
        """The server is away, or is back: what is known of the route changes with that."""
        self._say(words)
        self._on_change()

    @property
    def _found(self) -> GenericNamespacedResource | None:
        return self._mirror.objects.get(self._name)

    async def _keep(self) -> None:
        while True:
            self._stirred.clear()
            self._ordered.clear()
            pause_s = await self._step()
            if pause_s:
                await self._rest(pause_s)
            else:
                await self._stirred.wait()

    async def _rest(self, pause_s: float) -> None:
        """Wait so long; but an order, a roll-back above all, waits for nothing."""
        waits = {asyncio.create_task(self._clock.sleep(pause_s)), asyncio.create_task(self._ordered.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _step(self) -> float:
        """Compare the route with the wish, and write it if need be; the pause until the next look, 0: until stirred."""
        wish, found = self._wish, self._found
        if wish is None or not (self._mirror.listed or self._mirror.refusal):
            return 0.0
        if found is None:
            self._stood = None
            gone = f"{self.place} is not there; make it, with a rule that refers to the stable version's Service"
            self._refused(f"{self.place}: {self._mirror.refusal}" if self._mirror.refusal else gone)
            return 0.0
        rules = found["spec"].get("rules") or []
        rewrite = rewritten(rules, self._namespace, wish.settings, wish.split, wish.secret)
        if rewrite.fault:
            self._stood = None
            self._refused(f"{self.place}: {rewrite.fault}")
            return 0.0
        if list(rewrite.rules) == rules:
            self._standing(wish, found)
            return 0.0
        meddled = self._meddled(wish, found)
        failed_s = await self._write(found, rewrite)
        # Whoever changes it at once again must not keep us busy.
        return failed_s or (self._yielding.after_s(_MEDDLING) if meddled else 0.0)

    def _standing(self, wish: _Wish, found: Mapping[str, Any]) -> None:
        """It says what it shall: do its gateways accept it?"""
        if self._stood != wish:
            self._stood, self._unheard_since = wish, self._clock.now()
        told = verdict(found, self._namespace)
        if told.fault:
            self._refused(f"{self.place}: {told.fault}")
            return
        acked = wish.split if told.accepted else None
        if (acked, "") != (self._acked, self._nack):
            self._acked, self._nack, self._said = acked, "", ""
            self._on_change()

    def _refused(self, words: str) -> None:
        """It cannot be as it shall, or is not accepted; said once."""
        if (self._acked, self._nack) != (None, words):
            self._acked, self._nack = None, words
            self._on_change()
        if words != self._said:
            self._said = words
            self._say(words)

    def _meddled(self, wish: _Wish, found: Mapping[str, Any]) -> bool:
        """Whether somebody has changed what stood as it shall; told once in a while."""
        if self._stood != wish:
            return False
        self._stood, self._acked = None, None
        who = _last_writer(found)
        now_says = shares(found["spec"].get("rules") or [], self._namespace, wish.settings)
        now = self._clock.now()
        if now - self._meddled_at > _QUIET_S:
            self._yielding.reset()
            self._say(f"{who} changed the weights of {self.place} ({now_says}); they are put back")
        self._meddled_at = now
        self._on_change()
        return True

    async def _write(self, found: GenericNamespacedResource, rewrite: Rewrite) -> float:
        """Replace the rules, unless somebody has written meanwhile: then read again, and decide anew.

        How long to wait before that, in seconds.
        """
        api, version = self._line.api, found["metadata"]["resourceVersion"]
        change = {"metadata": {"resourceVersion": version}, "spec": {"rules": list(rewrite.rules)}}
        try:
            try:
                answer = await api.merge(HttpRoute, self._namespace, self._name, change)
            except RequestError as error:
                if error.trouble is not Trouble.CONFLICT:
                    raise
                answer = await api.get(HttpRoute, self._namespace, self._name)
        except RequestError as error:
            if error.trouble in {Trouble.REFUSED, Trouble.MISSING}:
                self._refused(f"{self.place}: {error.message}")
            else:
                self._reach.failed(error)
            return self._pauses.after_s(error)
        self._reach.answered()
        self._pauses.reset()
        self._mirror.learn(answer)
        return 0.0


_MEDDLING: Final = RequestError(Trouble.CONFLICT, "somebody else writes the same route")


def _last_writer(found: Mapping[str, Any]) -> str:
    """Who wrote it last, as the API server remembers; status, and what we wrote ourselves, aside."""
    wrote = [
        each
        for each in found["metadata"].get("managedFields") or ()
        if each.get("subresource") != "status" and each.get("manager") != FIELD_MANAGER
    ]
    newest = max(wrote, key=lambda each: str(each.get("time", "")), default=None)
    return str(newest["manager"]) if newest else "somebody"
