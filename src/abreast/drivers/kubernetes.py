"""Versions as Deployments of Kubernetes clusters."""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random

from abreast.drivers.kubernetes_access import SERVICE_ACCOUNT, find_access
from abreast.drivers.kubernetes_api import Api
from abreast.drivers.kubernetes_deployment import KeptDeployment
from abreast.drivers.kubernetes_instances import Ears
from abreast.drivers.kubernetes_manifest import Owner, manifest, read_template, workload_of
from abreast.drivers.kubernetes_mirror import Line, Reach
from abreast.drivers.kubernetes_record import KnownPods
from abreast.drivers.timing import Timing
from abreast.model.errors import DriverError
from abreast.model.service import Instance, Version
from abreast.ports import Clock

_Place = tuple[str, str, str, str]
"""A version, and where it is: context, namespace, and the name of its Deployment or of its template."""


class KubernetesDriver:
    """`abreast.ports.Driver` for versions with a ``workload``. Call `start` before anything else.

    ``say`` hears what no instance can tell: that an API server is away, or why a Deployment gets no pods. Nothing is
    asked of a cluster before a version needs it. ``known`` is a file of its own.
    """

    def __init__(
        self,
        owner: Owner,
        clock: Clock,
        ears: Ears,
        known: Path,
        *,
        environ: Mapping[str, str] = os.environ,
        service_account: Path = SERVICE_ACCOUNT,
        random: Random | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._owner = owner
        self._clock = clock
        self._ears = Ears(self._changed, ears.on_event, ears.say)
        self._tell = ears.on_change
        self._environ = environ
        self._service_account = service_account
        self._random = random or Random()  # noqa: S311  # jitter is no secret
        self._timing = timing or Timing()
        self._known = KnownPods(known)
        self._lines: dict[str, Line] = {}
        self._kept: dict[_Place, KeptDeployment] = {}
        self._saving = False
        """Not before `start` has read what is saved."""
        self._current: dict[str, KeptDeployment] = {}
        """Where each version is to be now, by its name."""
        self._chores: set[asyncio.Task[None]] = set()

    async def start(self, versions: Iterable[Version]) -> None:
        """Look at what is there of these, as long as a cluster takes to answer; nothing is changed.

        Of a cluster that does not answer the pods are shown that an earlier control plane knew.
        """
        looks = []
        for version in versions:
            try:
                looks.append(asyncio.create_task(self._keep(version).looked()))
            except DriverError as error:
                self._ears.say(error.message)
        if looks:
            _, slow = await asyncio.wait(looks, timeout=self._timing.first_answer_s)
            for look in slow:
                look.cancel()
            known = self._known.load() if slow else ()
            for kept in self._kept.values():
                kept.remember(known)
        self._saving = True

    async def run(self, version: Version) -> None:
        """Keep ``version.wanted`` pods of it running. Raises DriverError if that is hopeless.

        Hopeless is: no way to a cluster, a template that is none, a Deployment that is not there or not ours, and
        what the server refuses. While the server is away the wish waits.
        """
        self._current[version.name] = kept = self._keep(version)
        await kept.want(version, self._timing.first_answer_s)
        self._settle()

    async def stop(self, name: str) -> None:
        """Begin to end the version; returns at once."""
        self._current.pop(name, None)
        for kept in list(self._kept.values()):
            if kept.version == name:
                kept.end()

    def instances(self) -> Sequence[Instance]:
        """Every pod there is of the versions that were started or looked at."""
        return [shown for kept in self._kept.values() for shown in kept.shown()]

    async def close(self, *, stop: bool) -> None:  # noqa: ARG002  # see the docstring
        """Let go of everything; Deployments are left as they are.

        Whatever ends the control plane's pod, a drained node among it, must not end what serves users: the next
        control plane finds it by its labels.
        """
        self._saving = False
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await asyncio.gather(*(kept.release() for kept in self._kept.values()))
        self._kept.clear()
        await asyncio.gather(*(line.api.close() for line in self._lines.values()))
        self._lines.clear()

    def _keep(self, version: Version) -> KeptDeployment:
        """Who keeps the version where it now is to be. Raises DriverError without a way there."""
        workload = workload_of(version)
        line = self._line(workload.context)
        namespace = workload.namespace or line.api.namespace
        place = (version.name, workload.context, namespace, workload.deployment)
        if place not in self._kept:
            kept = KeptDeployment(version, namespace, self._owner, line, self._ears)
            self._kept[place] = kept
            kept.begin()
        return self._kept[place]

    def _line(self, context: str) -> Line:
        if context not in self._lines:
            api = Api(find_access(context, self._environ, self._service_account))
            reach = Reach(api.server, self._clock, self._ears.say)
            self._lines[context] = Line(api, reach, self._clock, self._timing, self._random)
        return self._lines[context]

    def _changed(self) -> None:
        self._settle()
        if self._saving:
            self._known.save(self.instances())
        self._tell()

    def _settle(self) -> None:
        """End a version where it is no longer to be once it is ready where it is; forget what is over."""
        for place, kept in list(self._kept.items()):
            current = self._current.get(kept.version)
            if kept.over:
                del self._kept[place]
                self._chore(kept)
            elif current is not None and kept is not current and current.ready:
                kept.end()

    def _chore(self, kept: KeptDeployment) -> None:
        task = asyncio.create_task(kept.release())
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)


def require_template(version: Version) -> None:
    """Raise DriverError if the version's template cannot be used; one that is adopted needs none."""
    workload = workload_of(version)
    if not workload.adopted:
        manifest(version, read_template(workload), Owner("", ""), workload.namespace)
