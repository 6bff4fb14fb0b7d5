"""A Kubernetes API server for tests, over real HTTP: kmock's server with versions, selectors, apply, scale and watches.

Everything that is sent is checked against Kubernetes' own schemas first. `tests.fakes.cluster_pods` runs the pods.
"""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp.web
import kmock
import kubernetes_validate
import yaml
from kmock import Request

KUBERNETES: Final = "1.33"
"""Whose schemas hold."""

_CORE: Final = {
    "deployments": ("apps/v1", "Deployment"),
    "pods": ("v1", "Pod"),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice"),
    "services": ("v1", "Service"),
    "secrets": ("v1", "Secret"),
    "httproutes": ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    "parallelruns": ("abreast.dev/v1alpha1", "ParallelRun"),
}
_MERGE: Final = "application/merge-patch+json"
_APPLY: Final = "application/apply-patch+yaml"

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Plural, namespace, name."""


@dataclass
class Fault:
    """What the server answers instead, to the requests that ``fits`` says, so many times."""

    fits: Callable[[Request], bool]
    status: int
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    reason: str = "Fault"
    before: Callable[[], None] | None = None
    """Done before it is answered."""


class Cluster(kmock.KubernetesScaffold):
    """The objects by key; ``writes`` remembers each as (verb, plural, name, body)."""

    def __init__(self, token: str = "") -> None:
        super().__init__()
        self.objects: dict[Key, Object] = {}
        self.faults: list[Fault] = []
        self.writes: list[tuple[str, str, str, Object]] = []
        self.asked: list[Request] = []
        self.token = token
        self.on_write: Callable[[], None] = lambda: None
        self.denied: set[tuple[str, str]] = set()
        """Pairs of a verb and a resource that access reviews deny."""
        self.schema_fault: Callable[[str, Object], str] = lambda _plural, _found: ""
        """What the schema of a custom resource has against an object."""
        self.cut = False
        """Whether every connection is closed without an answer."""
        self._applied: dict[Key, Object] = {}
        self._log: list[tuple[int, str, Key, Object]] = []
        self._version = 100
        self._oldest = 0
        self._pulse = asyncio.Event()
        self._watches: set[asyncio.Event] = set()

    # What tests do to it.

    def write(self, plural: str, found: Object) -> None:
        """Write an object as if by somebody in the cluster."""
        api_version, kind = _CORE[plural]
        found = {"apiVersion": api_version, "kind": kind, **found}
        metadata = found["metadata"]
        key = (plural, metadata.setdefault("namespace", "default"), metadata["name"])
        known = self.objects.get(key)
        self._version += 1
        metadata["resourceVersion"] = str(self._version)
        spec_changed = known is None or known.get("spec") != found.get("spec")
        metadata["generation"] = (known["metadata"].get("generation", 0) if known else 0) + spec_changed
        metadata.setdefault("uid", known["metadata"]["uid"] if known else f"uid-{self._version}")
        self.objects[key] = found
        self._tell("MODIFIED" if known else "ADDED", key, found)

    def remove(self, plural: str, namespace: str, name: str) -> None:
        """Take an object away as if by somebody in the cluster; nothing happens if it is not there."""
        found = self.objects.pop((plural, namespace, name), None)
        self._applied.pop((plural, namespace, name), None)
        if found is not None:
            self._version += 1
            found["metadata"]["resourceVersion"] = str(self._version)
            self._tell("DELETED", (plural, namespace, name), found)

    def all(self, plural: str) -> list[Object]:
        """Every object of that kind."""
        return [found for key, found in self.objects.items() if key[0] == plural]

    def forget(self) -> None:
        """Compact the history: watches from before are answered with 410."""
        self._version += 1
        self._oldest = self._version

    def bookmark(self) -> None:
        """Send every watch the present version."""
        for plural, (api_version, kind) in _CORE.items():
            metadata = {"resourceVersion": str(self._version)}
            self._tell("BOOKMARK", (plural, "", ""), {"apiVersion": api_version, "kind": kind, "metadata": metadata})

    def end_watches(self) -> None:
        """End them all, as a server does from time to time."""
        for ended in self._watches:
            ended.set()
        self._wake()

    def count(self, method: str, plural: str, *, watch: bool = False) -> int:
        """How many such requests came."""
        return sum(
            each.method.value == method
            and each.resource is not None
            and each.resource.plural == plural
            and (each.params.get("watch") == "true") is watch
            for each in self.asked
        )

    # What it answers.

    async def _handle(self, request: Request) -> aiohttp.web.StreamResponse:
        self.asked.append(request)
        if self.cut:
            raw = request._raw_request
            assert raw is not None
            assert raw.transport is not None
            raw.transport.abort()
            return aiohttp.web.Response()
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return _failure(401, "Unauthorized", "Unauthorized")
        for fault in self.faults:
            if fault.times and fault.fits(request):
                fault.times -= 1
                if fault.before is not None:
                    fault.before()
                return _failure(fault.status, fault.reason, "as the test wants it", fault.headers)
        return await self._answer(request)

    async def _answer(self, request: Request) -> aiohttp.web.StreamResponse:
        assert request.resource is not None
        key = (request.resource.plural or "", request.namespace or "", request.name or "")
        method = request.method.value
        if method == "GET" and request.params.get("watch") == "true":
            return await self._watch(request, key)
        if method == "GET" and not request.name:
            return self._list(request, key)
        if method == "PATCH" and request.headers.get("Content-Type") == _APPLY:
            return self._apply(key, yaml.safe_load(request.body))
        if method == "PATCH" and request.headers.get("Content-Type") == _MERGE and key in self.objects:
            return self._merge(request, key, json.loads(request.body))
        if method == "POST" and request.resource.plural == "selfsubjectaccessreviews":
            return self._review(json.loads(request.body))
        return self._of_one(request, key)

    def _list(self, request: Request, key: Key) -> aiohttp.web.Response:
        found = [each for other, each in self.objects.items() if other[:2] == key[:2] and _selected(request, each)]
        return _json({"kind": "List", "metadata": {"resourceVersion": str(self._version)}, "items": found})

    def _of_one(self, request: Request, key: Key) -> aiohttp.web.Response:
        if key not in self.objects:
            return _failure(404, "NotFound", f'{key[0]} "{key[2]}" not found')
        if request.subresource == "scale":
            return self._scale(key, json.loads(request.body) if request.method.value == "PUT" else None)
        if request.method.value == "DELETE":
            return self._delete(key, json.loads(request.body or b"{}"))
        return _json(self.objects[key])

    def _apply(self, key: Key, body: Object) -> aiohttp.web.Response:
        try:
            kubernetes_validate.validate(body, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            return _failure(422, "Invalid", error.message)
        self.writes.append(("apply", key[0], key[2], copy.deepcopy(body)))
        known = self.objects.get(key)
        if known is not None and known["spec"]["selector"] != body["spec"]["selector"]:
            return _failure(422, "Invalid", "spec.selector: field is immutable")
        base = _without(copy.deepcopy(known or {}), self._applied.get(key, {}))
        merged = _merged(base, body)
        self._applied[key] = body
        if known is None or _plain(merged) != _plain(known):
            self.write(key[0], merged)
            self.on_write()
        return _json(self.objects[key], 201 if known is None else 200)

    def _merge(self, request: Request, key: Key, change: Object) -> aiohttp.web.Response:
        """A merge patch of the object without its status, or of its status alone."""
        known = self.objects[key]
        version = change.get("metadata", {}).get("resourceVersion", known["metadata"]["resourceVersion"])
        if version != known["metadata"]["resourceVersion"]:
            return _failure(409, "Conflict", "the object has been modified; please apply your changes to it again")
        status = request.subresource == "status"
        parts = {name: part for name, part in change.items() if (name == "status") is status and name != "metadata"}
        metadata = {} if status else change.get("metadata", {})
        changed = patched(copy.deepcopy(known), {**parts, "metadata": metadata})
        fault = self.schema_fault(key[0], changed)
        if fault:
            return _failure(422, "Invalid", fault)
        self.writes.append(("merge status" if status else "merge", key[0], key[2], copy.deepcopy(change)))
        if changed != known:
            self.write(key[0], changed)
            self.on_write()
        found = self.objects[key]
        if found["metadata"].get("deletionTimestamp") and not found["metadata"].get("finalizers"):
            self.remove(*key)
        return _json(found)

    def _review(self, body: Object) -> aiohttp.web.Response:
        """Whether whoever asks may do it: everything but what `denied` says."""
        kubernetes_validate.validate(body, KUBERNETES, strict=True)
        asked = body["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, (asked["resource"], asked.get("subresource", ""))))
        allowed = (asked["verb"], resource) not in self.denied
        return _json({**body, "status": {"allowed": allowed}}, 201)

    def _scale(self, key: Key, body: Object | None) -> aiohttp.web.Response:
        found = self.objects[key]
        metadata = {name: found["metadata"][name] for name in ("name", "namespace", "uid", "resourceVersion")}
        if body is not None:
            kubernetes_validate.validate(body, KUBERNETES, strict=True)
            if body["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
                return _failure(409, "Conflict", "the object has been modified; please apply your changes to it again")
            self.writes.append(("scale", key[0], key[2], body))
            changed = copy.deepcopy(found)
            changed["spec"]["replicas"] = body["spec"].get("replicas", 0)
            self.write(key[0], changed)
            self.on_write()
        replicas = self.objects[key]["spec"].get("replicas", 1)
        scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": {"replicas": replicas}}
        return _json({**scale, "status": {"replicas": replicas}})

    def _delete(self, key: Key, options: Object) -> aiohttp.web.Response:
        uid = options.get("preconditions", {}).get("uid")
        if uid not in {None, self.objects[key]["metadata"]["uid"]}:
            return _failure(409, "Conflict", "the UID in the precondition does not match")
        self.writes.append(("delete", key[0], key[2], options))
        self.remove(*key)
        self.on_write()
        return _json({"apiVersion": "v1", "kind": "Status", "status": "Success"})

    async def _watch(self, request: Request, key: Key) -> aiohttp.web.StreamResponse:
        since = int(request.params["resourceVersion"])
        response = aiohttp.web.StreamResponse(headers={"Content-Type": "application/json"})
        raw = request._raw_request
        assert raw is not None
        await response.prepare(raw)
        if since < self._oldest:
            gone = {"kind": "Status", "code": 410, "status": "Failure", "reason": "Expired", "message": "too old"}
            await response.write(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
            return response
        ended = asyncio.Event()
        self._watches.add(ended)
        try:
            async for change, found in self._changes(since, key, ended):
                if change == "BOOKMARK" or _selected(request, found):
                    await response.write(json.dumps({"type": change, "object": found}).encode() + b"\n")
        finally:
            self._watches.discard(ended)
        return response

    async def _changes(self, since: int, key: Key, ended: asyncio.Event) -> AsyncIterator[tuple[str, Object]]:
        seen = next((place for place, entry in enumerate(self._log) if entry[0] > since), len(self._log))
        while not ended.is_set():
            for _, change, (plural, namespace, _), found in self._log[seen:]:
                seen += 1
                if plural == key[0] and (namespace == key[1] or change == "BOOKMARK"):
                    yield change, found
            pulse = self._pulse
            await pulse.wait()

    def _tell(self, change: str, key: Key, found: Object) -> None:
        self._log.append((self._version, change, key, copy.deepcopy(found)))
        self._wake()

    def _wake(self) -> None:
        self._pulse.set()
        self._pulse = asyncio.Event()


@asynccontextmanager
async def serving(cluster: Cluster) -> AsyncIterator[str]:
    """The cluster on a port of 127.0.0.1: its URL."""
    async with cluster, kmock.Server(cluster) as server:
        yield str(server.url).rstrip("/")
        cluster.end_watches()


def kubeconfig(url: str, namespace: str = "default", user: Mapping[str, object] | None = None) -> str:
    """A kubeconfig for it, as text."""
    context = {"cluster": "test", "user": "me", "namespace": namespace}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": url}}],
            "users": [{"name": "me", "user": dict(user or {})}],
            "contexts": [{"name": "test", "context": context}],
        }
    )


def now() -> str:
    """The time as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _failure(status: int, reason: str, message: str, headers: Mapping[str, str] | None = None) -> aiohttp.web.Response:
    told = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "reason": reason}
    return aiohttp.web.json_response({**told, "message": message}, status=status, headers=headers)


def _json(found: Object, status: int = 200) -> aiohttp.web.Response:
    # Not json_response: its content type must be without a charset for the client to see a Status in it.
    return aiohttp.web.Response(body=json.dumps(found).encode(), status=status, content_type="application/json")


def _selected(request: Request, found: Object) -> bool:
    metadata = found["metadata"]
    for wanted in _parts(request.params.get("fieldSelector", "")):
        place, value = wanted.split("=")
        assert place == "metadata.name"
        if metadata["name"] != value:
            return False
    labels = metadata.get("labels", {})
    for wanted in _parts(request.params.get("labelSelector", "")):
        if " in (" in wanted:
            name, _, values = wanted.partition(" in ")
            if labels.get(name) not in values.strip("()").split(","):
                return False
        elif labels.get(wanted.split("=")[0]) != wanted.split("=")[1]:
            return False
    return True


def _parts(selector: str) -> Iterator[str]:
    part, depth = "", 0
    for letter in selector:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            yield part
            part = ""
        else:
            part += letter
    if part:
        yield part


def _merged(base: Any, change: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(base, dict) and isinstance(change, dict):
        return {**base, **{name: _merged(base.get(name), value) for name, value in change.items()}}
    return copy.deepcopy(change)


def patched(base: Object, change: Object) -> Object:
    """A merge patch as RFC 7396 has it: null removes, lists are replaced whole."""
    for name, value in change.items():
        if value is None:
            base.pop(name, None)
        elif isinstance(value, dict):
            inner = base.get(name)
            base[name] = patched(inner if isinstance(inner, dict) else {}, value)
        else:
            base[name] = copy.deepcopy(value)
    return base


def _without(base: Object, applied: Object) -> Object:
    """The object without what was applied before: fields that are left out now go."""
    for name, value in applied.items():
        if isinstance(value, dict) and isinstance(base.get(name), dict):
            _without(base[name], value)
        elif name not in {"apiVersion", "kind", "name", "namespace"}:
            base.pop(name, None)
    return base


def _plain(found: Object) -> Object:
    metadata = {name: value for name, value in found["metadata"].items() if name not in {"resourceVersion", "uid"}}
    return {**found, "metadata": metadata}
