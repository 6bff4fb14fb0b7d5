"""The few requests that abreast makes of a Kubernetes API server, and what can be wrong with each."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

import httpx2
import msgspec
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import SingleConfig
from lightkube.core.decoders import decode_object, decode_status, decode_watch_event
from lightkube.core.exceptions import ConfigError
from lightkube.core.generic_client import GenericAsyncClient
from lightkube.generic_resource import GenericNamespacedResource, create_namespaced_resource
from lightkube.models.authorization_v1 import ResourceAttributes, SelfSubjectAccessReviewSpec
from lightkube.resources.apps_v1 import Deployment, DeploymentScale
from lightkube.resources.authorization_v1 import SelfSubjectAccessReview
from lightkube.resources.core_v1 import Pod, Secret
from lightkube.resources.discovery_v1 import EndpointSlice
from lightkube.types import PatchType

from abreast.drivers.kubernetes_manifest import FIELD_MANAGER

Kind = TypeVar("Kind", Deployment, Pod, Secret, EndpointSlice, GenericNamespacedResource)

HttpRoute = create_namespaced_resource("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
"""Of the Gateway API: a mapping as the server has it, for lightkube has no model of it."""

REQUEST_TIMEOUT_S: Final = 10.0
WATCH_S: Final = 120
"""How long the server lets a watch run; it sends a bookmark at its end, and about each minute."""
SILENCE_S: Final = WATCH_S + 30.0
"""A watch that has said nothing for so long is a connection that nobody holds any more."""

_RETRY_CONFLICTS: Final = 5
_PAGE: Final = 500


class Trouble(StrEnum):
    """What a request met.

    - away: no answer, or one that says the server cannot now (5xx)
    - throttled: too many requests (429)
    - gone: the version that a watch goes on from is forgotten (410)
    - conflict: somebody else wrote in between (409)
    - missing: there is no such thing (404)
    - refused: anything else that trying again does not mend: not allowed, not valid, no credentials
    """

    AWAY = "away"
    THROTTLED = "throttled"
    GONE = "gone"
    CONFLICT = "conflict"
    MISSING = "missing"
    REFUSED = "refused"


_BY_STATUS: Final = {404: Trouble.MISSING, 409: Trouble.CONFLICT, 410: Trouble.GONE, 429: Trouble.THROTTLED}
_SERVER_ERRORS: Final = 500


class RequestError(Exception):
    """A request that came to nothing: ``trouble``, the server's words, and how long it wants to be left alone."""

    def __init__(self, trouble: Trouble, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.trouble = trouble
        self.message = message
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Selection(Generic[Kind]):
    """Which objects are looked at: one kind in one namespace, by labels and fields as ``kubectl -l`` writes them."""

    kind: type[Kind]
    namespace: str
    labels: str = ""
    fields: str = ""

    @property
    def params(self) -> dict[str, str]:
        """As parameters of a request."""
        told = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one kind of object, as a Role has it."""

    group: str
    resource: str
    verb: str
    subresource: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {'/'.join(filter(None, (self.resource, self.subresource)))}"


@dataclass(frozen=True)
class Change(Generic[Kind]):
    """One message of a watch: ADDED, MODIFIED or DELETED and the object, or BOOKMARK; ``version`` is the newest now."""

    type: str
    version: str
    object: Kind | None


class Api:
    """One API server, by one identity. Every method raises RequestError."""

    def __init__(self, config: SingleConfig) -> None:
        params = ConnectionParams(timeout=httpx2.Timeout(REQUEST_TIMEOUT_S))
        self._client = GenericAsyncClient(params, config, field_manager=FIELD_MANAGER)
        self.server = config.cluster.server
        self.namespace = config.namespace
        """Where whoever names no namespace is."""

    async def list(self, selection: Selection[Kind]) -> tuple[str, Sequence[Kind]]:
        """All of them, and the version from which a watch goes on."""
        params = {**selection.params, "limit": str(_PAGE)}
        with _told():
            request = self._client.prepare_request("list", selection.kind, namespace=selection.namespace, params=params)
            pages = self._client.list(request)
            found = [each async for each in pages]
            return pages.resourceVersion, found

    async def watch(self, selection: Selection[Kind], version: str) -> AsyncGenerator["Change[Kind]", None]:
        """Each change after ``version``, and bookmarks.

        Ends when the server ends it; whoever wants more goes on from the last version. Trouble.GONE: list again.
        """
        params = {
            **selection.params,
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_S),
        }
        with _told():
            request = self._client.prepare_request(
                "list", selection.kind, namespace=selection.namespace, watch=True, params=params
            )
            request.timeout = httpx2.Timeout(REQUEST_TIMEOUT_S, read=SILENCE_S)
            sent = self._client.build_adapter_request(request)
            response = await self._client.send(sent, stream=True)  # type: ignore[no-untyped-call]  # lightkube's own
            async with aclosing(response):
                if response.is_error:
                    await response.aread()
                    self._client.raise_for_status(response)  # type: ignore[no-untyped-call]  # lightkube's own
                async for line in response.aiter_lines():
                    event = decode_watch_event(line.encode())
                    if event.type == "ERROR":
                        status = decode_status(event.object)
                        raise _of_status(status.code or 0, status.message or "", 0.0)
                    yield _change(event.type, bytes(event.object), selection.kind)

    async def apply(self, manifest: Mapping[str, Any]) -> Deployment:
        """Make it so, by server-side apply: what others manage of it stays theirs. What it then is."""
        metadata = manifest["metadata"]
        with _told():
            found: Deployment = await self._client.request(
                "patch",
                Deployment,
                obj=manifest,
                name=metadata["name"],
                namespace=metadata["namespace"],
                headers={"Content-Type": PatchType.APPLY.value},
                params={"force": "true"},
            )
            return found

    async def scale(self, namespace: str, name: str, replicas: int) -> None:
        """Let it have so many replicas, by its `scale` alone; read again and retried when somebody writes meanwhile."""
        for attempt in range(_RETRY_CONFLICTS):
            with _told():
                scale = await self._client.request("get", DeploymentScale, name=name, namespace=namespace)
                if scale.spec.replicas == replicas:
                    return
                scale.spec.replicas = replicas
                try:
                    await self._client.request("put", DeploymentScale, obj=scale, name=name, namespace=namespace)
                except httpx2.HTTPStatusError as error:
                    if error.response.status_code != 409 or attempt + 1 == _RETRY_CONFLICTS:  # noqa: PLR2004  # HTTP's own number
                        raise
                else:
                    return

    async def merge(
        self, kind: type[Kind], namespace: str, name: str, change: Mapping[str, Any], *, status: bool = False
    ) -> Kind:
        """Merge the change into it: lists are replaced whole. What it then is.

        A ``metadata.resourceVersion`` in the change is a condition: Trouble.CONFLICT when somebody has written since.
        ``status``: it is its status that is changed, and nothing else.
        """
        with _told():
            request = self._client.prepare_request(
                "patch",
                kind,
                obj=dict(change),
                name=name,
                namespace=namespace,
                headers={"Content-Type": PatchType.MERGE.value},
            )
            if status:
                request.url += "/status"
            response = await self._client.send(self._client.build_adapter_request(request))  # type: ignore[no-untyped-call]  # lightkube's own
            self._client.raise_for_status(response)  # type: ignore[no-untyped-call]  # lightkube's own
            found: Kind = decode_object(response.content, kind)
            return found

    async def allowed(self, namespace: str, right: "Right") -> bool:
        """Whether we may do that there, as the server itself says."""
        asked = SelfSubjectAccessReview(
            spec=SelfSubjectAccessReviewSpec(
                resourceAttributes=ResourceAttributes(
                    namespace=namespace,
                    verb=right.verb,
                    group=right.group,
                    resource=right.resource,
                    subresource=right.subresource,
                )
            )
        )
        with _told():
            answer = await self._client.request("post", SelfSubjectAccessReview, obj=asked)
            return bool(answer.status and answer.status.allowed)

    async def get(self, kind: type[Kind], namespace: str, name: str) -> Kind:
        """It as it is now."""
        with _told():
            found: Kind = await self._client.request("get", kind, name=name, namespace=namespace)
            return found

    async def delete(self, namespace: str, name: str, uid: str) -> None:
        """Delete the one of this ``uid``, and in the background its pods; nothing happens if it is gone."""
        with _told():
            request = self._client.prepare_request("delete", Deployment, name=name, namespace=namespace)
            request.data = {
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "preconditions": {"uid": uid},
                "propagationPolicy": "Background",
            }
            sent = self._client.build_adapter_request(request)
            response = await self._client.send(sent)  # type: ignore[no-untyped-call]  # lightkube's own
            if response.status_code != 404:  # noqa: PLR2004  # HTTP's own number
                self._client.raise_for_status(response)  # type: ignore[no-untyped-call]  # lightkube's own

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]  # lightkube's own


class _Metadata(msgspec.Struct):
    resourceVersion: str  # noqa: N815  # as the API has it


class _Versioned(msgspec.Struct):
    metadata: _Metadata


def _change(type_: str, found: bytes, kind: type[Kind]) -> Change[Kind]:
    """The object of a bookmark is empty but for its version: as its kind it would not be valid."""
    version = msgspec.json.decode(found, type=_Versioned).metadata.resourceVersion
    return Change(type_, version, None if type_ == "BOOKMARK" else decode_object(found, kind))


@contextmanager
def _told() -> Iterator[None]:
    """Whatever the library raises, as RequestError."""
    try:
        yield
    except httpx2.HTTPStatusError as error:
        answer = error.response
        raise _of_status(answer.status_code, _words(answer), _retry_after_s(answer)) from error
    except (httpx2.TransportError, httpx2.StreamError) as error:
        raise RequestError(Trouble.AWAY, str(error) or type(error).__name__) from error
    except (ConfigError, OSError) as error:
        raise RequestError(Trouble.REFUSED, f"no credentials: {error}") from error
    except (msgspec.MsgspecError, KeyError) as error:
        raise RequestError(Trouble.AWAY, f"an answer that is none: {error}") from error


def _of_status(code: int, message: str, retry_after_s: float) -> RequestError:
    trouble = _BY_STATUS.get(code, Trouble.AWAY if code >= _SERVER_ERRORS else Trouble.REFUSED)
    return RequestError(trouble, " ".join(f"{code} {message}".split()), retry_after_s)


def _words(answer: httpx2.Response) -> str:
    """The server's own words, or what somebody before it answers instead."""
    try:
        return decode_status(answer.content).message or ""
    except msgspec.MsgspecError:
        return answer.text[:200]


def _retry_after_s(answer: httpx2.Response) -> float:
    """Seconds as the header says; it has no other form here."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else 0.0
