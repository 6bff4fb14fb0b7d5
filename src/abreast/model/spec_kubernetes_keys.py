"""The keys of a version that is a Deployment, and what they have against each other."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Annotated, Final

from pydantic import Field

from abreast.model.document import Path
from abreast.model.spec_conflict import Conflict
from abreast.model.spec_entry import Keys, entry
from abreast.model.spec_values import Written, line, whole, word
from abreast.model.workload import Workload

DEPLOYMENT_PATTERN: Final = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
_LABEL_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_IMAGE_PATTERN: Final = r"^[a-zA-Z0-9\x24][-a-zA-Z0-9._/:@\x24{}]*$"
_LAST_PORT: Final = 65_535

_BY_CLUSTER: Final = {
    "cwd": "the image says where its command runs",
    "ready": "the cluster says what is ready, by the pods' own readinessProbe",
    "live": "the cluster restarts what hangs, by the pods' own livenessProbe",
    "stop_timeout_s": "the pods' own terminationGracePeriodSeconds says it",
}
"""Fields that mean nothing for a version that is a Deployment, and why."""


def deployment_name() -> Written:
    """The name of a Deployment."""
    return word(DEPLOYMENT_PATTERN, "the name of a Deployment: lower-case letters, digits, - and ., at most 253")


class KubernetesKeys(Keys):
    """Where in a cluster a version runs, and the template that it is made from."""

    template: Annotated[str | None, line("a path")] = entry(
        "manifest of a Deployment that this version's own is made from, relative to the spec's directory", None
    )
    image: Annotated[str | None, word(_IMAGE_PATTERN, "the name of an image, such as shop:2")] = entry(
        "image in the place of the template's", None
    )
    container: Annotated[str | None, word(_LABEL_PATTERN, "the name of a container")] = entry(
        "container that serves, which gets `image` and `env`; left out: the pod's only one", None
    )
    namespace: Annotated[str | None, word(_LABEL_PATTERN, "the name of a namespace")] = entry(
        "namespace; left out: as the kubeconfig's context, or the pod that abreast runs in, says", None
    )
    context: Annotated[str | None, line("the name of a context")] = entry(
        "context of the kubeconfig; left out: the present one, or the cluster that abreast runs in", None
    )
    port: Annotated[int | None, whole(1, _LAST_PORT)] = entry(
        "port that the pods listen at; left out: the only TCP port that the container declares", None
    )


SOME_KUBERNETES: Final = Field(default=None, description="where in a cluster it runs, and from which template")


def workload(keys: KubernetesKeys | None, deployment: str | None, directory: str) -> Workload | None:
    """The Deployment that a version's keys tell of; None if they tell of none. Paths start at ``directory``."""
    if deployment is None and (keys is None or keys.template is None):
        return None
    keys = keys or KubernetesKeys()
    return Workload(
        deployment=deployment or "",
        template=str(PurePosixPath(directory) / keys.template) if keys.template else "",
        namespace=keys.namespace or "",
        context=keys.context or "",
        image=keys.image or "",
        container=keys.container or "",
        port=keys.port,
    )


def kubernetes_conflicts(
    path: Path, keys: KubernetesKeys | None, deployment: str | None, written: Collection[str]
) -> Iterator[Conflict]:
    """What a version has against its keys of Kubernetes; ``written``: the fields of the version that the spec has."""
    here: Path = (*path, "kubernetes")
    template = keys is not None and keys.template is not None
    if deployment is None and not template:
        if keys is not None:
            message = "`kubernetes` has no effect without a Deployment"
            yield Conflict(here, message, "add `deployment: NAME` to the version, or `template: FILE` here")
        return
    if not str(path[-1])[-1].isalnum():
        message = f"{path[-1]!r} becomes a label in a cluster, and these end in a letter or a digit"
        yield Conflict(path, message, "give it another name")
    for field, reason in _BY_CLUSTER.items():
        if field in written:
            name = field.removesuffix("_s")
            yield Conflict((*path, name), f"`{name}` has no effect in a cluster: {reason}", "remove it")
    if deployment is not None:
        yield from _adopted(path, keys, written)


def deployment_conflicts(places: Iterable[tuple[Path, KubernetesKeys | None, str | None]]) -> Iterator[Conflict]:
    """One Deployment cannot be two versions; of each version its path, its keys and the name that it adopts."""
    holders: dict[tuple[str | None, str | None, str], Path] = {}
    for path, keys, deployment in places:
        if deployment is None:
            continue
        place = (keys.context if keys else None, keys.namespace if keys else None, deployment)
        holder = holders.setdefault(place, path)
        if holder != path:
            message = f"the Deployment {deployment} is version {holder[-1]!r} already"
            yield Conflict((*path, "deployment"), message, "give each version a Deployment of its own", (holder,))


def _adopted(path: Path, keys: KubernetesKeys | None, written: Collection[str]) -> Iterator[Conflict]:
    if "instances" not in written:
        message = "`instances` is missing: abreast scales the Deployment, and must not guess how many serve"
        yield Conflict(path, message, "add `instances: N`, as many as it shall have while it serves")
    untouched = [(*path, "env")] if "env" in written else []
    untouched += [(*path, "kubernetes", "image")] if keys is not None and keys.image is not None else []
    for place in untouched:
        message = f"`{place[-1]}` has no effect with `deployment`: abreast changes nothing of it but its replicas"
        yield Conflict(place, message, "remove it, or set it in the Deployment")
