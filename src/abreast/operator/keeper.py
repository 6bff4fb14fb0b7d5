"""One ParallelRun: ordered once from its control plane, followed, and told."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from lightkube.generic_resource import GenericNamespacedResource
from lightkube.resources.core_v1 import Secret

from abreast.drivers.kubernetes_api import Api, RequestError, Trouble
from abreast.operator.course import Order, course
from abreast.operator.plane import Plane, PlaneError, Standing
from abreast.operator.resource import FINALIZER, ParallelRun, Wanted, wanted
from abreast.operator.told import Told, bare, phase_of, same, status
from abreast.ports import Clock

POLL_S: Final = 2.0
"""Between two looks at a control plane."""
SENTENCES_S: Final = 10.0
"""No status is written more often only because its sentences have changed."""
REFUSED_S: Final = 15.0
"""After a refusal: only a change of the control plane's spec, or of this object, mends it."""


@dataclass
class Keeper:
    """Keeps one object's promise. Each `look` is whole: what it does not get done, the next one does.

    ``learn`` is told the object as it is after a write; ``make_plane`` opens the way to a control plane by its URL.
    """

    api: Api
    clock: Clock
    learn: Callable[[GenericNamespacedResource], None]
    make_plane: Callable[[str], Plane] = Plane
    _told_at: float = -inf
    _plane: Plane | None = None
    _url: str = ""

    async def look(self, found: Mapping[str, Any]) -> float:
        """Do what is due for the object as it was read; when to look again, in seconds. Raises RequestError."""
        want = wanted(found)
        if want.deleted:
            return await self._part(want, found)
        held = FINALIZER in want.finalizers
        if held is not want.abort_on_delete:
            await self._hold(want, found, hold=want.abort_on_delete)
            return 0.0
        try:
            told = await self._follow(want, found)
        except PlaneError as error:
            told = self._failed(want, found, error)
        await self._tell(found, told)
        return REFUSED_S if told.phase == "Invalid" else POLL_S

    async def close(self) -> None:
        """Let go of the control plane."""
        if self._plane is not None:
            await self._plane.close()
            self._plane = None

    async def _follow(self, want: Wanted, found: Mapping[str, Any]) -> Told:
        """See how it stands, and order it if that is due. Raises PlaneError, RequestError."""
        token = await self._token(want)
        plane = await self._open(want.url)
        standing = await plane.standing(token)
        before = Order.of(found.get("status") or {})
        move, order = course(want, before, standing)
        if move == "order" and order is not None:
            return await self._order(want, found, order, standing, token)
        if move == "follow":
            return Told(want.generation, phase_of(standing), standing.because, order, standing)
        if move == "served":
            return Told(want.generation, "Completed", f"{want.candidate} serves all users", order)
        other = f"rollout {standing.rollout} of {standing.candidate or standing.stable}"
        if move == "superseded":
            return Told(want.generation, "Superseded", f"{other} came after that of {want.candidate}", order)
        waits = f"{other} is under way ({standing.phase}); {want.candidate} waits for its end"
        return Told(want.generation, "Waiting", waits, order)

    async def _order(
        self, want: Wanted, found: Mapping[str, Any], order: Order, standing: Standing, token: str
    ) -> Told:
        """Keep the order, then give it: whoever starts again sees by the rollout's number whether it was given."""
        starting = Told(want.generation, "Starting", f"{want.candidate} is ordered", order)
        if Order.of(found.get("status") or {}) != order:
            await self._tell(found, starting)
        body: dict[str, object] = {"version": want.candidate, "actor": want.place, "reason": want.reason}
        plane = await self._open(want.url)
        try:
            await plane.order("start", token, standing.revision, **body, **({"alone": True} if want.alone else {}))
        except PlaneError as error:
            if error.away:
                raise
            phase = "Invalid" if error.invalid else "Waiting"
            return Told(want.generation, phase, error.message, order)
        return starting

    def _failed(self, want: Wanted, found: Mapping[str, Any], error: PlaneError) -> Told:
        order = Order.of(found.get("status") or {})
        if error.away:
            return Told(want.generation, "Waiting", error.message, order, away=error.message)
        return Told(want.generation, "Invalid", error.message, order)

    async def _part(self, want: Wanted, found: Mapping[str, Any]) -> float:
        """It is being deleted: roll back what is under way of it, if that was asked for, and let it go."""
        if FINALIZER not in want.finalizers:
            return POLL_S
        try:
            token = await self._token(want)
            plane = await self._open(want.url)
            standing = await plane.standing(token)
            order = Order.of(found.get("status") or {})
            ours = order is not None and standing.rollout in {order.rollout, order.after + 1}
            if ours and standing.candidate == want.candidate and "abort" in standing.allowed:
                reason = f"{want.place} was deleted"
                await plane.order("abort", token, standing.revision, actor=want.place, reason=reason)
        except PlaneError as error:
            words = f"it is not rolled back yet, so it is not let go: {error.message}"
            await self._tell(found, Told(want.generation, "Waiting", words, away=words if error.away else ""))
            return POLL_S
        await self._hold(want, found, hold=False)
        return POLL_S

    async def _hold(self, want: Wanted, found: Mapping[str, Any], *, hold: bool) -> None:
        """Add our finalizer, or take it away; those of others stay."""
        others = [each for each in want.finalizers if each != FINALIZER]
        metadata = {
            "resourceVersion": found["metadata"]["resourceVersion"],
            "finalizers": [*others, FINALIZER] if hold else others,
        }
        self.learn(await self.api.merge(ParallelRun, want.namespace, want.name, {"metadata": metadata}))

    async def _tell(self, found: Mapping[str, Any], told: Told) -> None:
        """Write the status if it says anything new; of sentences, which count seconds, only once in a while."""
        before, at = found.get("status") or {}, self.clock.now()
        now = status(told, before, at)
        if bare(now) == bare(before) and (at - self._told_at < SENTENCES_S or same(now, before)):
            return
        metadata, change = found["metadata"], {"status": now}
        name = metadata["name"]
        self.learn(await self.api.merge(ParallelRun, metadata["namespace"], name, change, status=True))
        self._told_at = at

    async def _token(self, want: Wanted) -> str:
        """The token of the control plane's API; empty where none is named. Raises PlaneError, RequestError."""
        if not want.secret:
            return ""
        try:
            secret = await self.api.get(Secret, want.namespace, want.secret)
            return base64.b64decode((secret.data or {})[want.key], validate=True).decode().strip()
        except KeyError:
            raise PlaneError(f"Secret {want.secret} has no key {want.key!r}", invalid=True) from None
        except (binascii.Error, UnicodeDecodeError):
            raise PlaneError(f"{want.key!r} of Secret {want.secret} is no token", invalid=True) from None
        except RequestError as error:
            if error.trouble in {Trouble.MISSING, Trouble.REFUSED}:
                words = f"Secret {want.secret} cannot be read: {error.message}"
                raise PlaneError(words, invalid=True) from error
            raise

    async def _open(self, url: str) -> Plane:
        if self._plane is None or url != self._url:
            await self.close()
            self._plane, self._url = self.make_plane(url), url
        return self._plane
