"""Versions that are a Deployment of a Kubernetes cluster."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """Which Deployment a version is; either ``deployment`` or ``template`` is there.

    - ``deployment``: the name of one that somebody else made; it is scaled, and never deleted.
    - ``template``: an absolute path of a Deployment's manifest; our own is made from it, and deleted with the version.
    - ``image``: in the place of the template's, in the container named ``container`` (empty: the only one).
    - ``namespace``, ``context``: empty: as the kubeconfig, or the pod that abreast runs in, says.
    - ``port``: what the pods listen at; None: the only TCP port that the container declares.
    """

    deployment: str = ""
    template: str = ""
    namespace: str = ""
    context: str = ""
    image: str = ""
    container: str = ""
    port: int | None = None

    @property
    def adopted(self) -> bool:
        """Whether the Deployment is somebody else's."""
        return bool(self.deployment)
