"""Traffic by somebody else's gateway: an HTTPRoute of Kubernetes' Gateway API, of which abreast writes the weights."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class ServicePort:
    """A Service in the route's namespace, and the port of it that the route names."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"


@dataclass(frozen=True)
class RouteSettings:
    """Which HTTPRoute it is, and which Service each version is behind.

    - ``services``: pairs of a version's name and its Service.
    - ``namespace``, ``context``: empty: as the kubeconfig, or the pod that abreast runs in, says.
    - ``testers``: whether rules are added that let testers force a side; who may read the route reads their secret.
    """

    name: str
    services: tuple[tuple[str, ServicePort], ...]
    namespace: str = ""
    context: str = ""
    testers: bool = False

    @property
    def place(self) -> tuple[str, str, str]:
        """Which route it is."""
        return self.context, self.namespace, self.name

    def service(self, version: str) -> ServicePort | None:
        """What the version is behind, if the spec says so."""
        return dict(self.services).get(version)
