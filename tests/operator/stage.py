"""A cluster with the CRD's schema, a real control plane's API, and operators over both."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import yaml

from abreast.model.rollout import Rollout
from abreast.model.token import Role
from abreast.operator.plane import Plane
from abreast.operator.run import Operator
from abreast.ports import Clock
from tests.api.served import Served, serving
from tests.drivers.kubernetes_stage import KubernetesStage, kubernetes_stage
from tests.fakes.cluster import Object
from tests.process.programs import WallClock

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes" / "operator"
URL = "http://abreast:9090"


def schema() -> Object:
    """The CRD's own schema, which is JSON Schema but for the list types of Kubernetes."""
    crd = yaml.safe_load((FOLDER / "crd.yaml").read_text("utf-8"))
    found: Object = closed(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    return found


def closed(found: Any) -> Any:  # noqa: ANN401  # JSON
    """The schema as an API server holds it: what it does not name is dropped, here refused."""
    if isinstance(found, list):
        return [closed(each) for each in found]
    if not isinstance(found, dict):
        return found
    made = {name: closed(each) for name, each in found.items()}
    if isinstance(found.get("properties"), dict) and "type" in found:
        made["additionalProperties"] = False
    return made


def fault_of(plural: str, found: Object) -> str:
    """What the CRD has against it."""
    if plural != "parallelruns":
        return ""
    checked = {**found, "metadata": {}}
    error = next(jsonschema.Draft202012Validator(schema()).iter_errors(checked), None)
    return f"{error.json_path}: {error.message}" if error else ""


def parallel_run(candidate: str = "v2", name: str = "shop", **spec: Any) -> Object:  # noqa: ANN401  # JSON
    """One as somebody applies it."""
    plane = {"url": URL, "tokenSecret": {"name": "abreast-token", "key": "token"}}
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"controlPlane": plane, "candidate": candidate, **spec},
    }


@dataclass
class OperatorStage:
    """``answers`` False: the control plane is away; ``lose`` drops the answers to so many orders, which it got."""

    stage: KubernetesStage
    served: Served
    answers: bool = True
    lose: int = 0
    orders: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def plane(self, url: str) -> Plane:
        """The way to the control plane, whatever it is called."""
        assert url == URL

        async def handle(request: httpx.Request) -> httpx.Response:
            if not self.answers:
                raise httpx.ConnectError("refused", request=request)
            async with httpx.AsyncClient(trust_env=False, timeout=20.0) as client:
                target = request.url.copy_with(scheme="http", host="127.0.0.1", port=httpx.URL(self.served.origin).port)
                headers = {name: value for name, value in request.headers.items() if name != "host"}
                answer = await client.request(request.method, target, headers=headers, content=request.content)
            if request.method == "POST":
                self.orders.append(request.url.path.rpartition("/")[2])
                if self.lose:
                    self.lose -= 1
                    raise httpx.ReadError("lost", request=request)
            return httpx.Response(answer.status_code, headers={"x": "y"}, content=answer.content)

        return Plane(url, httpx.MockTransport(handle))

    @asynccontextmanager
    async def operator(self, clock: Clock | None = None) -> AsyncIterator[Operator]:
        """One that runs."""
        stage = self.stage
        made = Operator(
            clock or Hurried(),
            self.said.append,
            environ=stage.environ,
            service_account=stage.folder / "nowhere",
            timing=stage.timing,
            make_plane=self.plane,
        )
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def apply(self, found: Object) -> None:
        """As kubectl does: what is not there is made, of what is there the spec is replaced."""
        known = self.stage.cluster.objects.get(("parallelruns", "default", found["metadata"]["name"]))
        if known is not None:
            found = {**known, "metadata": dict(known["metadata"]), "spec": found["spec"]}
        assert fault_of("parallelruns", {"apiVersion": "abreast.dev/v1alpha1", "kind": "ParallelRun", **found}) == ""
        self.stage.cluster.write("parallelruns", found)

    def delete(self, name: str = "shop") -> None:
        """As the API server does: with finalizers it is only marked."""
        cluster = self.stage.cluster
        found = cluster.objects["parallelruns", "default", name]
        if not found["metadata"].get("finalizers"):
            cluster.remove("parallelruns", "default", name)
            return
        metadata = {**found["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
        cluster.write("parallelruns", {**found, "metadata": metadata})

    def secret(self, token: str | None = None) -> None:
        """Write the Secret of the token."""
        text = self.served.tokens[Role.OPERATOR] if token is None else token
        data = {"token": base64.b64encode(text.encode()).decode()}
        self.stage.cluster.write("secrets", {"metadata": {"name": "abreast-token"}, "data": data})

    def found(self, name: str = "shop") -> Object:
        """The object as it is."""
        return self.stage.cluster.objects["parallelruns", "default", name]

    def status(self, name: str = "shop") -> Object:
        """Its status."""
        found: Object = self.found(name).get("status") or {}
        return found

    def holds(self, kind: str, name: str = "shop") -> bool | None:
        """Whether the condition holds; None: it is not told."""
        known = {each["type"]: each["status"] for each in self.status(name).get("conditions") or ()}
        return known[kind] == "True" if kind in known else None

    @property
    def rollout(self) -> Rollout:
        """The control plane's."""
        return self.served.desk.control.controller.rollout


class Hurried(WallClock):
    """Time in which an operator's pauses are a twentieth."""

    async def sleep(self, seconds: float) -> None:
        """Wait less."""
        await super().sleep(seconds / 20)


@asynccontextmanager
async def operator_stage(folder: Path, rollout: Rollout) -> AsyncIterator[OperatorStage]:
    """A stage whose control plane has this rollout."""
    async with kubernetes_stage(folder) as stage, serving(rollout) as served:
        stage.cluster.schema_fault = fault_of
        made = OperatorStage(stage, served)
        made.secret()
        yield made
