"""The keys of ``endpoints`` that are looked up in a registry, and what they have against each other."""

import re
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Discriminator, Field, Tag

from abreast.model.document import Path
from abreast.model.registry import (
    CONSUL_ADDRESS,
    DNS_PORT,
    ETCD_ADDRESS,
    KEEP_S,
    ConsulService,
    Containers,
    DnsName,
    EtcdPrefix,
    Place,
    Registry,
    ServiceSlices,
    SrvName,
)
from abreast.model.service import Endpoint
from abreast.model.spec_conflict import Conflict
from abreast.model.spec_entry import HOUR, Keys, entry, seconds
from abreast.model.spec_gate_values import http_url
from abreast.model.spec_values import Written, address, duration, line, refuse, show, word

NAME_PATTERN: Final = (
    r"^[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?)*\.?$"
)
NAME_AND_PORT_PATTERN: Final = NAME_PATTERN.replace("$", ":[0-9]{1,5}$")
LABEL_PATTERN: Final = r"^[A-Za-z0-9][-A-Za-z0-9._/]{0,253}(=[^\x00-\x1f]{0,1000})?$"
PORT_NAME_PATTERN: Final = r"^(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
CLUSTER_NAME_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
WORD_PATTERN: Final = r"^[^\s/?#]{1,253}$"

_LONGEST_NAME: Final = 253
_LAST_PORT: Final = 65_535


def dns_name() -> Written:
    """A name that a DNS server knows, of at most 253 characters."""
    plain = word(NAME_PATTERN, "a name, such as _http._tcp.shop.internal")

    def read(found: object) -> object:
        if isinstance(found, str) and len(found) > _LONGEST_NAME:
            refuse(f"{show(found)} has {len(found)} characters", f"a name has at most {_LONGEST_NAME}")
        return plain.read(found)

    return Written(read, {**plain.schema, "examples": ["_http._tcp.shop.internal"]})


def dns_name_and_port() -> Written:
    """``NAME:PORT``: the pair of the name and the port."""
    name = dns_name()
    remedy = "write a name and a port, such as shop-v2.internal:8080"

    def read(found: object) -> tuple[str, int]:
        if not isinstance(found, str) or not re.fullmatch(NAME_AND_PORT_PATTERN[1:-1], found, re.ASCII):
            refuse(f"{show(found)} is no name with a port", remedy)
        host, _, port = found.rpartition(":")
        if not 1 <= int(port) <= _LAST_PORT:
            refuse(f"{show(found)}: {port} is no port", f"write a port from 1 to {_LAST_PORT}")
        if re.fullmatch(r"[0-9.]+", host):
            refuse(f"{show(found)} is an IP address, which needs no looking up", f"write: endpoints: [{found!r}]")
        return str(name.read(host)), int(port)

    schema = {"type": "string", "pattern": NAME_AND_PORT_PATTERN, "examples": ["shop-v2.internal:8080"]}
    return Written(read, schema)


def secret() -> Written:
    """A text that is quoted nowhere."""
    text = line("a text")

    def read(found: object) -> object:
        if not isinstance(found, str) or not found:
            refuse("this is no text (it is not shown here)", "write it in quotes, or ${NAME} for a variable")
        return text.read(found)

    return Written(read, {**text.schema, "examples": ["${CONSUL_TOKEN}"]})


def container_labels() -> Written:
    """A container's label, ``NAME`` or ``NAME=VALUE``, or several of them in a list."""
    pattern = re.compile(LABEL_PATTERN[1:-1])
    remedy = "write NAME or NAME=VALUE, such as com.docker.compose.service=shop, or a list of these"

    def read(found: object) -> tuple[str, ...]:
        each = found if isinstance(found, list | tuple) else [found]
        for label in each:
            if not isinstance(label, str) or not pattern.fullmatch(label):
                refuse(f"{show(label)} is no label", remedy)
        if not each:
            refuse("there is no label in it, which would be every container", remedy)
        return tuple(each)

    one = {"type": "string", "pattern": LABEL_PATTERN, "examples": ["com.docker.compose.service=shop"]}
    return Written(read, {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})


def port_or_name() -> Written:
    """A port's number, or its name as a Service has it."""
    pattern = re.compile(PORT_NAME_PATTERN[1:-1])

    def read(found: object) -> str | int:
        if isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= _LAST_PORT:
            return found
        if isinstance(found, str) and pattern.fullmatch(found):
            return found
        remedy = f"write a number from 1 to {_LAST_PORT}, or a name such as http"
        return refuse(f"{show(found)} is no port", remedy)

    number, name = {"type": "integer", "minimum": 1, "maximum": _LAST_PORT}, PORT_NAME_PATTERN
    return Written(read, {"anyOf": [number, {"type": "string", "pattern": name}]})


class RegistryKeys(Keys):
    """Whom to ask for the endpoints.

    Exactly one of ``dns``, ``srv``, ``consul``, ``etcd``, ``docker`` and ``kubernetes`` is needed.
    """

    dns: Annotated[tuple[str, int] | None, dns_name_and_port()] = entry(
        "NAME:PORT; every address of the name is an endpoint", None
    )
    srv: Annotated[str | None, dns_name()] = entry("a name whose SRV records say hosts and ports", None)
    server: Annotated[Endpoint | None, address()] = entry(
        "with dns or srv: the name server to ask; left out: those of /etc/resolv.conf", None
    )
    consul: Annotated[str | None, word(WORD_PATTERN, "the name of a service")] = entry(
        "a service in Consul; its instances whose checks all pass are endpoints", None
    )
    tag: Annotated[str | None, line("a tag")] = entry("with consul: only instances with this tag", None)
    datacenter: Annotated[str | None, word(WORD_PATTERN, "the name of a datacenter")] = entry(
        "with consul: the datacenter to ask about; left out: the agent's own", None
    )
    token: Annotated[str | None, secret()] = entry("with consul: the ACL token, as ${CONSUL_TOKEN}", None)
    etcd: Annotated[str | None, line("the beginning of keys, such as /services/shop/v2/")] = entry(
        "the beginning of keys in etcd, whose values are HOST:PORT or JSON with host and port", None
    )
    user: Annotated[str | None, line("a name")] = entry("with etcd: the user, where it asks for one", None)
    password: Annotated[str | None, secret()] = entry("with etcd: the user's password, as ${ETCD_PASSWORD}", None)
    address: Annotated[str | None, http_url("https://consul.internal:8501")] = entry(
        f"with consul or etcd: where it answers; left out: {CONSUL_ADDRESS} or {ETCD_ADDRESS}", None
    )
    docker: Annotated[tuple[str, ...] | None, container_labels()] = entry(
        "a label, or several, of containers that somebody else runs, on this machine's Docker or Podman", None
    )
    network: Annotated[str | None, word(WORD_PATTERN, "the name of a network")] = entry(
        "with docker: the network whose address counts; needed where a container is in several", None
    )
    kubernetes: Annotated[str | None, word(CLUSTER_NAME_PATTERN, "the name of a Service")] = entry(
        "a Service in a Kubernetes cluster; what is ready in its EndpointSlices are endpoints", None
    )
    namespace: Annotated[str | None, word(CLUSTER_NAME_PATTERN, "the name of a namespace")] = entry(
        "with kubernetes: the namespace; left out: as the kubeconfig's context, or abreast's own pod, says", None
    )
    context: Annotated[str | None, line("the name of a context")] = entry(
        "with kubernetes: context of the kubeconfig; left out: the present one, or the cluster abreast runs in", None
    )
    port: Annotated[str | int | None, port_or_name()] = entry(
        "with docker: the containers' port; with kubernetes: the port's name or number; left out: the only one", None
    )
    keep_s: Annotated[float, duration(0, 24 * HOUR)] = seconds(
        "keep", "for how long the last endpoints are kept when it says that there are none", KEEP_S
    )

    def registry(self) -> Registry:
        """The value that the rest of abreast speaks of."""
        return Registry(self._place(), self.keep_s)

    def _place(self) -> Place:
        server, server_port = (self.server.host, self.server.port) if self.server else ("", DNS_PORT)
        if self.dns is not None:
            return DnsName(*self.dns, server, server_port)
        if self.srv is not None:
            return SrvName(self.srv, server, server_port)
        if self.docker is not None:
            return Containers(self.docker, self.network or "", self.port if isinstance(self.port, int) else None)
        if self.kubernetes is not None:
            return ServiceSlices(self.kubernetes, self.namespace or "", self.port, self.context or "")
        at = (self.address or (ETCD_ADDRESS if self.consul is None else CONSUL_ADDRESS)).rstrip("/")
        if self.consul is not None:
            return ConsulService(self.consul, at, self.tag or "", self.datacenter or "", self.token or "")
        return EtcdPrefix(self.etcd or "", at, self.user or "", self.password or "")


_KINDS: Final = ("dns", "srv", "consul", "etcd", "docker", "kubernetes")
_OF_KINDS: Final = {
    "server": ("dns", "srv"),
    "tag": ("consul",),
    "datacenter": ("consul",),
    "token": ("consul",),
    "user": ("etcd",),
    "password": ("etcd",),
    "address": ("consul", "etcd"),
    "network": ("docker",),
    "namespace": ("kubernetes",),
    "context": ("kubernetes",),
    "port": ("docker", "kubernetes"),
}
"""Keys that mean something only beside one of these."""


def registry_conflicts(path: Path, keys: RegistryKeys) -> Iterator[Conflict]:
    """What the keys at ``path`` have against each other, in no particular order."""
    kinds = [kind for kind in _KINDS if getattr(keys, kind) is not None]
    if len(kinds) != 1:
        found = " and ".join(f"`{kind}`" for kind in kinds)
        message = (
            f"{found}: one registry is asked"
            if kinds
            else f"nobody is asked: there is no {', '.join(_KINDS[:-1])} or {_KINDS[-1]}"
        )
        remedy = (
            "keep one of them" if kinds else "write one, such as `dns: shop-v2.internal:8080`, or a list of addresses"
        )
        yield Conflict(path, message, remedy, tuple((*path, kind) for kind in _KINDS))
        return
    for name, beside in _OF_KINDS.items():
        if getattr(keys, name) is not None and kinds[0] not in beside:
            message = f"`{name}` has no effect with `{kinds[0]}`, only with {' or '.join(beside)}"
            yield Conflict((*path, name), message, "remove it")
    if keys.docker is not None and isinstance(keys.port, str):
        yield Conflict(
            (*path, "port"), f"a container's ports have no names, so none is {keys.port!r}", "write a number"
        )
    if keys.etcd is not None and (keys.user is None) != (keys.password is None):
        lacking = "password" if keys.password is None else "user"
        yield Conflict(path, f"`{lacking}` is missing: etcd wants both", f"add `{lacking}: …`", ((*path, lacking),))


def _form(found: object) -> str:
    return "[registry]" if isinstance(found, dict | RegistryKeys) else "[list]"


Endpoints = Annotated[
    Annotated[tuple[Annotated[Endpoint, address()], ...], Field(strict=False), Tag("[list]")]
    | Annotated[RegistryKeys, Tag("[registry]")],
    Discriminator(_form),
]
"""A list of addresses, or whom to ask for them. The tags stand in brackets, as pydantic's own marks do in a place."""
