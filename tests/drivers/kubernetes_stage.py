"""A Kubernetes driver's surroundings for tests: a fake cluster over HTTP, and a memory of what the driver told."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import yaml

from abreast.drivers.kubernetes import KubernetesDriver
from abreast.drivers.kubernetes_access import find_access
from abreast.drivers.kubernetes_api import Api
from abreast.drivers.kubernetes_instances import Ears
from abreast.drivers.kubernetes_manifest import Owner
from abreast.drivers.kubernetes_mirror import Line, Reach
from abreast.drivers.timing import Timing
from abreast.model.service import Instance, InstanceState, Version
from abreast.model.workload import Workload
from abreast.ports import Clock
from tests.drivers.stage import HURRIED
from tests.fakes.cluster import Cluster, Fault, Object, kubeconfig, serving
from tests.fakes.cluster_pods import Pods
from tests.process.programs import WallClock

OWNER = Owner("0123456789abcdef", "shop")

CONTAINER: Object = {"name": "shop", "image": "shop:1", "ports": [{"containerPort": 8080}]}

TEMPLATE: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "anything", "labels": {"team": "shop"}},
    "spec": {
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [CONTAINER]}},
    },
}


def deployment(name: str, replicas: int = 0, namespace: str = "default") -> Object:
    """One that somebody else made."""
    labels = {"app": name}
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [CONTAINER]}},
        },
    }


@dataclass
class KubernetesStage:
    """``events`` holds (instance id, state, reason), ``said`` what the driver said beside them."""

    folder: Path
    url: str
    cluster: Cluster
    pods: Pods
    clock: Clock = field(default_factory=WallClock)
    timing: Timing = HURRIED
    events: list[tuple[str, InstanceState, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    changes: int = 0

    def __post_init__(self) -> None:
        (self.folder / "kubeconfig").write_text(kubeconfig(self.url))
        self.write_template(TEMPLATE)

    @property
    def environ(self) -> dict[str, str]:
        """What names the cluster."""
        return {"KUBECONFIG": str(self.folder / "kubeconfig")}

    @property
    def ears(self) -> Ears:
        """Who hears the driver."""
        return Ears(self._changed, lambda each, why: self.events.append((each.id, each.state, why)), self.said.append)

    def driver(self) -> KubernetesDriver:
        """A driver of this stage's state directory."""
        owner, nowhere = OWNER, self.folder / "nowhere"
        return KubernetesDriver(
            owner,
            self.clock,
            self.ears,
            self.folder / "run" / "kubernetes.json",
            environ=self.environ,
            service_account=nowhere,
            random=Random(1),
            timing=self.timing,
        )

    def line(self) -> Line:
        """A connection by itself."""
        api = Api(find_access(environ=self.environ))
        return Line(api, Reach(api.server, self.clock, self.said.append), self.clock, self.timing, Random(1))

    def write_template(self, found: Object) -> None:
        """Write the template that `version` names."""
        (self.folder / "deployment.yaml").write_text(yaml.safe_dump(found))

    def version(self, name: str = "v1", instances: int = 1, image: str = "") -> Version:
        """A version made from the template."""
        workload = Workload(template=str(self.folder / "deployment.yaml"), image=image)
        return Version(name, instances=instances, workload=workload)

    def adopted(self, deployment: str, instances: int = 1, name: str = "v1") -> Version:
        """A version that is somebody's Deployment."""
        return replace(self.version(name, instances), workload=Workload(deployment=deployment))

    def fail(self, status: int, method: str, plural: str, times: int = 1, **fault: object) -> Fault:
        """Let the next such requests be answered so; ``watch`` says whether watches are meant."""
        watch = bool(fault.pop("watch", False))
        made = Fault(
            lambda each: (
                each.method.value == method
                and each.resource is not None
                and each.resource.plural == plural
                and (each.params.get("watch") == "true") is watch
            ),
            status,
            times,
        )
        for name, value in fault.items():
            setattr(made, name, value)
        self.cluster.faults.append(made)
        return made

    def _changed(self) -> None:
        self.changes += 1


@asynccontextmanager
async def kubernetes_stage(folder: Path, clock: Clock | None = None) -> AsyncIterator[KubernetesStage]:
    """A stage whose cluster serves."""
    cluster = Cluster()
    async with serving(cluster) as url:
        yield KubernetesStage(folder, url, cluster, Pods(cluster), clock or WallClock())


def ready(driver: KubernetesDriver, name: str = "v1") -> Callable[[], list[Instance]]:
    """The ready instances of a version, when asked."""
    return lambda: [each for each in driver.instances() if each.version == name and each.ready]
