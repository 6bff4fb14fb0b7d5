"""The keys of a gateway that is somebody else's HTTPRoute."""

import re
from typing import Annotated, Final

from pydantic import Field

from abreast.model.route import RouteSettings, ServicePort
from abreast.model.spec_entry import Keys, entry
from abreast.model.spec_values import Written, line, refuse, show, truth, word

_LABEL_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_NAME_PATTERN: Final = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
_SERVICE_PATTERN: Final = r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?:[0-9]{1,5}$"
_LAST_PORT: Final = 65_535


def service_port() -> Written:
    """``NAME:PORT`` of a Service."""

    def read(found: object) -> ServicePort:
        if not isinstance(found, str) or not re.fullmatch(_SERVICE_PATTERN[1:-1], found, re.ASCII):
            refuse(f"{show(found)} is no Service with a port", "write its name and its port, such as shop-v1:80")
        name, _, port = found.partition(":")
        if not 1 <= int(port) <= _LAST_PORT:
            refuse(f"{show(found)}: {port} is no port", f"write a port from 1 to {_LAST_PORT}")
        return ServicePort(name, int(port))

    return Written(read, {"type": "string", "pattern": _SERVICE_PATTERN, "examples": ["shop-v1:80"]})


class RouteKeys(Keys):
    """An HTTPRoute of the Gateway API whose weights abreast writes, instead of a gateway of its own."""

    name: Annotated[str, word(_NAME_PATTERN, "the name of an HTTPRoute: lower-case letters, digits, - and .")] = Field(
        description="HTTPRoute, which must be there; only what refers to the versions' Services is changed"
    )
    backends: dict[str, Annotated[ServicePort, service_port()]] = Field(
        description="Service and port of each version, in the namespace of the route",
        json_schema_extra={"minProperties": 1},
    )
    namespace: Annotated[str | None, word(_LABEL_PATTERN, "the name of a namespace")] = entry(
        "namespace; left out: as the kubeconfig's context, or the pod that abreast runs in, says", None
    )
    context: Annotated[str | None, line("the name of a context")] = entry(
        "context of the kubeconfig; left out: the present one, or the cluster that abreast runs in", None
    )
    testers: Annotated[bool, truth()] = entry(
        "whether rules are added with which testers force a side; who may read the route reads their secret",
        RouteSettings.testers,
    )

    def settings(self) -> RouteSettings:
        """As the rest of abreast speaks of it."""
        return RouteSettings(
            name=self.name,
            services=tuple(self.backends.items()),
            namespace=self.namespace or "",
            context=self.context or "",
            testers=self.testers,
        )
