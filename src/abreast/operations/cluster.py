"""What is wrong with the clusters that a spec needs: looked at from outside, nothing is changed."""

import os
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from lightkube.resources.apps_v1 import Deployment

from abreast.drivers.kubernetes_access import SERVICE_ACCOUNT, find_access
from abreast.drivers.kubernetes_api import Api, HttpRoute, RequestError, Right, Selection
from abreast.drivers.route_rules import verdict
from abreast.model.errors import DriverError
from abreast.model.route import RouteSettings
from abreast.model.service import Service, Version
from abreast.operations.machine import Finding

_LOOKING: Final = tuple(
    Right(group, kind, verb) for group, kind in (("apps", "deployments"), ("", "pods")) for verb in ("list", "watch")
)
_SCALING: Final = tuple(Right("apps", "deployments", verb, "scale") for verb in ("get", "update"))
_MAKING: Final = tuple(Right("apps", "deployments", verb) for verb in ("create", "patch", "delete"))
_ROUTING: Final = tuple(
    Right("gateway.networking.k8s.io", "httproutes", verb) for verb in ("get", "list", "watch", "patch")
)


async def cluster_findings(
    service: Service, environ: Mapping[str, str] = os.environ, service_account: Path = SERVICE_ACCOUNT
) -> list[Finding]:
    """Of every cluster: is it reached, may we do what we must, and is there what the spec names?"""
    by_context: dict[str, list[Version]] = defaultdict(list)
    for version in service.versions:
        if version.workload is not None:
            by_context[version.workload.context].append(version)
    route = service.gateway.route
    if route is not None:
        by_context.setdefault(route.context, [])
    found: list[Finding] = []
    for context, versions in by_context.items():
        mine = route if route is not None and route.context == context else None
        try:
            async with _api(context, environ, service_account) as api:
                found += [each async for each in _of_cluster(api, versions, mine)]
        except DriverError as error:
            found.append(Finding("fault", error.message, error.remedy))
        except RequestError as error:
            what = f"the API server of {f'context {context}' if context else 'the cluster'}: {error.message}"
            found.append(Finding("fault", what, "see that it runs and is reached from here: kubectl version"))
    return found


@asynccontextmanager
async def _api(context: str, environ: Mapping[str, str], service_account: Path) -> AsyncIterator[Api]:
    api = Api(find_access(context, environ, service_account))
    try:
        yield api
    finally:
        await api.close()


async def _of_cluster(api: Api, versions: Iterable[Version], route: RouteSettings | None) -> AsyncIterator[Finding]:
    """Raises RequestError when it does not answer."""
    needed: dict[str, set[Right]] = defaultdict(set)
    for version in versions:
        if version.workload is not None:
            rights = {*_LOOKING, *(_SCALING if version.workload.adopted else _MAKING)}
            needed[version.workload.namespace or api.namespace] |= rights
    if route is not None:
        needed[route.namespace or api.namespace] |= set(_ROUTING)
    for namespace, rights in needed.items():
        denied = [right for right in sorted(rights) if not await api.allowed(namespace, right)]
        if denied:
            what = f"not allowed in namespace {namespace}: {', '.join(map(str, denied))}"
            yield Finding(
                "fault", what, "bind the Roles of deploy/kubernetes there; docs/kubernetes.md lists the rights"
            )
        else:
            yield Finding("ok", f"{api.server} answers, and allows what is needed in namespace {namespace}")
    for version in versions:
        if version.workload is not None and version.workload.adopted:
            yield await _adopted(api, version.workload.namespace or api.namespace, version.workload.deployment)
    if route is not None:
        yield await _route(api, route.namespace or api.namespace, route)


async def _adopted(api: Api, namespace: str, name: str) -> Finding:
    _, found = await api.list(Selection(Deployment, namespace, fields=f"metadata.name={name}"))
    if found:
        return Finding("ok", f"Deployment {namespace}/{name} is there")
    what = f"Deployment {namespace}/{name} is not there"
    return Finding("fault", what, "make it, with any number of replicas, or write the name of one that is there")


async def _route(api: Api, namespace: str, route: RouteSettings) -> Finding:
    """Services are not asked for: a parent that does not find one says so, and no right is needed for it."""
    _, found = await api.list(Selection(HttpRoute, namespace, fields=f"metadata.name={route.name}"))
    if not found:
        what = f"HTTPRoute {namespace}/{route.name} is not there"
        return Finding("fault", what, "make it, with a rule that refers to the stable version's Service")
    told = verdict(found[0], namespace)
    if told.fault:
        return Finding(
            "fault", f"HTTPRoute {namespace}/{route.name}: {told.fault}", "mend what it names in the cluster"
        )
    if not told.accepted:
        what = f"HTTPRoute {namespace}/{route.name}: not every parent has accepted it yet"
        return Finding("warning", what, "see its status.parents, and whether a Gateway of that name has a controller")
    return Finding("ok", f"HTTPRoute {namespace}/{route.name} is accepted by all its parents")
