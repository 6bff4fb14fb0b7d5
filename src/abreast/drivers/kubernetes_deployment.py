"""One version as a Deployment: looked at all the time, and made what is wanted."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from lightkube.models.meta_v1 import LabelSelector
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Pod

from abreast.drivers.kubernetes_api import RequestError, Selection, Trouble
from abreast.drivers.kubernetes_instances import Ears, PodInstances
from abreast.drivers.kubernetes_manifest import FINGERPRINT, Owner, manifest, port_of, read_template, workload_of
from abreast.drivers.kubernetes_mirror import Line, Mirror
from abreast.drivers.kubernetes_pods import belongs, complaints
from abreast.model.errors import DriverError
from abreast.model.service import Instance, InstanceState, Version

_OPERATORS: Final = {"In": "{0} in ({1})", "NotIn": "{0} notin ({1})", "Exists": "{0}", "DoesNotExist": "!{0}"}


class KeptDeployment:
    """The Deployment of one version. Until `want` or `end` it is only looked at.

    One task makes it what is wanted, again whenever it turns out not to be: `want` says so and waits for the first try.
    """

    def __init__(self, version: Version, namespace: str, owner: Owner, line: Line, ears: Ears) -> None:
        self.version = version.name
        self.over = False
        """Whether it was ended, and nothing is left of it."""
        self._workload = workload_of(version)
        self._name = self._workload.deployment or owner.name(version.name)
        self._where = f"Deployment {namespace}/{self._name}"
        self._namespace = namespace
        self._owner = owner
        self._line = line
        self._ears = ears
        self._wanted: Version | None = None
        self._manifest: dict[str, Any] = {}
        self._ending = False
        self._refusal: DriverError | None = None
        self._complaints: Sequence[str] = ()
        self._instances = PodInstances(version.name, line.clock, ears)
        self._pauses = line.pauses()
        self._deployments = Mirror(
            line, Selection(Deployment, namespace, fields=f"metadata.name={self._name}"), self._seen
        )
        self._pods: Mirror[Pod] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._ordered, self._stirred = asyncio.Event(), asyncio.Event()
        self._tried, self._looked = asyncio.Event(), asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether as many as are wanted of it are ready."""
        return self._wanted is not None and sum(each.ready for each in self.shown()) >= self._wanted.wanted

    def begin(self) -> None:
        """Look at it from now on."""
        self._task(self._deployments.run())
        self._task(self._keep())
        if not self._workload.adopted:
            self._look_at_pods(LabelSelector(matchLabels=self._owner.labels(self.version)))

    async def looked(self) -> None:
        """Wait until it and its pods have been seen once, or may not be looked at."""
        await self._looked.wait()

    async def want(self, version: Version, timeout_s: float) -> None:
        """Keep it so from now on. Raises DriverError if that is hopeless, as far as ``timeout_s`` is enough to tell."""
        if version != self._wanted or self._ending:
            workload = workload_of(version)
            made = {} if workload.adopted else manifest(version, read_template(workload), self._owner, self._namespace)
            self._wanted, self._manifest, self._workload = version, made, workload
            self._ending = self.over = False
            self._order()
            self._seen()  # what showed as stopping shows as it is
            try:
                async with asyncio.timeout(timeout_s):
                    await self._tried.wait()
            except TimeoutError:
                return  # the server is away: it is made so when that is back
        if self._refusal is not None:
            raise DriverError(self._refusal.message, self._refusal.remedy)

    def end(self) -> None:
        """Scale it to nothing, or delete it if it is ours; its pods show as stopping until they are gone."""
        if not self._ending:
            self._ending, self._wanted = True, None
            self._order()
            self._seen()

    def remember(self, instances: Iterable[Instance]) -> None:
        """Show these of an earlier control plane's as long as nothing has been seen."""
        if not self._looked.is_set():
            self._instances.remember(each for each in instances if each.version == self.version)

    def shown(self) -> Sequence[Instance]:
        """Its pods."""
        shown = self._instances.shown
        # Those of an earlier control plane's that nobody has seen yet are not told that they are being stopped.
        return [replace(each, state=InstanceState.STOPPING) for each in shown] if self._ending else shown

    async def release(self) -> None:
        """Look away, and leave it as it is."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    @property
    def _found(self) -> Deployment | None:
        return self._deployments.objects.get(self._name)

    def _order(self) -> None:
        self._refusal = None
        self._tried.clear()
        self._ordered.set()
        self._stirred.set()

    def _seen(self) -> None:
        """Something of it has changed, or become known."""
        found = self._found
        if found is not None and self._pods is None:
            self._look_at_pods(found.spec.selector)
        if found is not None and (told := complaints(found)) != self._complaints:
            self._complaints = told
            for each in told:
                self._ears.say(f"{self._where}: {each}")
        refused = self._deployments.refusal or (self._pods.refusal if self._pods else "")
        if refused or (self._deployments.listed and (self._pods is None or self._pods.listed)):
            self._looked.set()
        if self._pods is not None and self._pods.listed:
            self._show(self._pods)
        self._stirred.set()

    def _show(self, pods: Mirror[Pod]) -> None:
        present = [pod for pod in pods.objects.values() if belongs(pod, self._name)]
        spec = self._found.spec.template.spec if self._found else present[0].spec if present else None
        try:
            port = port_of(spec, self._workload) if present else 0
        except DriverError:
            return  # whoever wants it is told
        self._instances.see(present, port, ending=self._ending)

    def _look_at_pods(self, selector: LabelSelector) -> None:
        self._pods = Mirror(self._line, Selection(Pod, self._namespace, labels=_written(selector)), self._seen)
        self._task(self._pods.run())

    async def _keep(self) -> None:
        """Make it what is wanted, for ever."""
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            self._ordered.clear()
            pause_s = await self._try()
            if pause_s:
                await self._pause(pause_s)
                self._stirred.set()

    async def _try(self) -> float:
        """One try; the pause before the next in seconds, 0 if there need not be one."""
        error: DriverError | RequestError | None = None
        try:
            if not await self._make():
                return 0.0
        except (DriverError, RequestError) as caught:
            error = caught
        if self._ordered.is_set():
            return 0.0  # something else is wanted by now: what became of this says nothing of that
        if error is None:
            self._refusal = None
            self._pauses.reset()
        self._tried.set()
        return self._failed(error) if error is not None else 0.0

    def _failed(self, error: DriverError | RequestError) -> float:
        """What to say of it; the pause before the next try, in seconds."""
        if isinstance(error, DriverError):
            return self._refused(error)
        if error.trouble in {Trouble.REFUSED, Trouble.MISSING}:
            remedy = "mend what it names, or give abreast the right to do it (docs/kubernetes.md has them)"
            return self._refused(DriverError(f"{self._where}: {error.message}", remedy))
        self._line.reach.failed(error)
        return self._pauses.after_s(error)

    def _refused(self, error: DriverError) -> float:
        if self._refusal is None or self._refusal.message != error.message:
            self._ears.say(error.message)
        self._refusal = error
        return self._pauses.hopeless_s

    async def _make(self) -> bool:
        """Do what is missing; False while it is not known what is there. Raises DriverError, RequestError."""
        refused = self._deployments.refusal or (self._pods.refusal if self._pods else "")
        if refused:
            remedy = "give abreast the right to look at Deployments and pods (docs/kubernetes.md has them)"
            raise DriverError(f"{self._where}: {refused}", remedy)
        if not self._deployments.listed:
            return False
        if self._ending:
            await self._end(self._found)
        elif self._wanted is not None and self._workload.adopted:
            await self._scale(self._found, self._wanted.wanted)
        elif self._wanted is not None:
            await self._apply(self._found, self._wanted)
        return True

    async def _scale(self, found: Deployment | None, replicas: int) -> None:
        if found is None:
            remedy = "correct `deployment`, `kubernetes.namespace` or `kubernetes.context`, or make it"
            raise DriverError(f"there is no {self._where}", remedy)
        port_of(found.spec.template.spec, self._workload)
        if found.spec.replicas != replicas:
            await self._line.api.scale(self._namespace, self._name, replicas)

    async def _apply(self, found: Deployment | None, wanted: Version) -> None:
        if found is not None:
            self._require_ours(found)
        told = (found.metadata.annotations or {}).get(FINGERPRINT) if found and found.metadata else None
        fresh = self._manifest["metadata"]["annotations"][FINGERPRINT]
        if found is None or told != fresh or found.spec.replicas != wanted.wanted:
            # At once, not only when the watch tells: until then it would be applied again.
            self._deployments.objects[self._name] = await self._line.api.apply(self._manifest)

    async def _end(self, found: Deployment | None) -> None:
        if found is not None and self._workload.adopted:
            if found.spec.replicas:
                await self._line.api.scale(self._namespace, self._name, 0)
            gone = not found.spec.replicas
        elif found is not None:
            self._require_ours(found)
            if found.metadata and not found.metadata.deletionTimestamp:
                await self._line.api.delete(self._namespace, self._name, found.metadata.uid or "")
            gone = False
        else:
            gone = True
        if gone and (self._pods is None or self._pods.listed) and not self.shown():
            self.over = True
            self._ears.on_change()

    def _require_ours(self, found: Deployment) -> None:
        if not self._owner.owns(found):
            message = f"{self._where} is there already, and was not made from this state directory"
            remedy = f"delete it, or adopt it: `deployment: {self._name}` in the place of `kubernetes.template`"
            raise DriverError(message, remedy)

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until something else is wanted."""
        waits = [asyncio.create_task(self._ordered.wait()), asyncio.create_task(self._slept(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _slept(self, seconds: float) -> bool:
        await self._line.clock.sleep(seconds)
        return True

    def _task(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(_report)
        self._tasks.append(task)


def _report(task: asyncio.Task[None]) -> None:
    """These tasks end only by being cancelled; one that fails must not do so in silence."""
    if not task.cancelled() and (error := task.exception()) is not None:
        context = {"message": "a Deployment is not looked after any more", "exception": error, "task": task}
        task.get_loop().call_exception_handler(context)


def _written(selector: LabelSelector) -> str:
    """A selector as a parameter of a request: ``app=shop,tier in (web)``."""
    told = [f"{key}={value}" for key, value in (selector.matchLabels or {}).items()]
    told += [
        _OPERATORS[each.operator].format(each.key, ",".join(each.values or []))
        for each in selector.matchExpressions or []
    ]
    return ",".join(told)
