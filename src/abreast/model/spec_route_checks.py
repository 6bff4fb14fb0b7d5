"""What a spec has against a gateway that is somebody else's HTTPRoute."""

from collections.abc import Iterator
from typing import Final

from abreast.model.document import Path
from abreast.model.route import ServicePort
from abreast.model.spec_conflict import Conflict
from abreast.model.spec_keys import SpecKeys

ROUTE: Final[Path] = ("gateway", "route")
_GATES: Final[Path] = ("rollout", "gates")
_STEPS: Final[Path] = ("rollout", "steps")

_JUDGES: Final = frozenset({"rollout", "confirm-traffic-increase", "confirm-promotion"})
"""Webhooks that say on the way whether the candidate is well."""

_OF_ENVOY: Final = {
    "listen": "the Gateway says where users' requests come in",
    "tls": "the Gateway has the certificate",
    "concurrency": "there is no Envoy of ours",
}
"""Keys of the gateway that mean nothing where traffic goes through somebody else's, and why."""


def route_conflicts(keys: SpecKeys) -> Iterator[Conflict]:
    """Every conflict of a spec with a route, in no particular order; of one without, what only a route excuses."""
    route, gates = keys.gateway.route, keys.rollout.gates
    if route is None:
        if not gates.errors.watch:
            message = "abreast's own gateway counts failures, and without the errors gate they say nothing"
            remedy = "remove it: it is for `gateway.route` alone"
            yield Conflict((*_GATES, "errors", "watch"), message, remedy, (ROUTE,))
        return
    for name, reason in _OF_ENVOY.items():
        if name in keys.gateway.model_fields_set:
            yield Conflict(("gateway", name), f"`{name}` has no effect with `route`: {reason}", "remove it")
    if keys.users.by:
        message = "`users.by` has no effect with `gateway.route`: a weight there is a share of requests, not of users"
        yield Conflict(("users", "by"), message, "remove it; docs/kubernetes.md says what is not promised")
    yield from _services(keys)
    yield from _evidence(keys)


def _services(keys: SpecKeys) -> Iterator[Conflict]:
    route = keys.gateway.route
    services = route.backends if route is not None else {}
    here: Path = (*ROUTE, "backends")
    for name in keys.versions:
        if name not in services:
            yield Conflict(here, f"version {name!r} has no Service here", f"add `{name}: SERVICE:PORT`")
    holders: dict[ServicePort, str] = {}
    for name, service in services.items():
        if name not in keys.versions:
            message = f"no version is called {name!r}"
            yield Conflict((*here, name), message, f"name one of: {', '.join(keys.versions)}", (("versions", name),))
        holder = holders.setdefault(service, name)
        if holder != name:
            message = f"{service} is the Service of {holder!r} already"
            yield Conflict((*here, name), message, "give each version a Service of its own", ((*here, holder),))


def _evidence(keys: SpecKeys) -> Iterator[Conflict]:
    """A route counts nothing and copies nothing that could be compared: what would wait for it would wait for ever."""
    gates = keys.rollout.gates
    remedy = "and let `promql`, `webhooks` or an `approve` step say whether the candidate is well"
    for name, watched in (("errors", gates.errors.watch), ("latency", gates.latency.watch)):
        if watched:
            message = f"the {name} gate can never be proven with `gateway.route`: nothing counts the versions' answers"
            yield Conflict((*_GATES, name), message, f"write `{name}: {{watch: false}}`, {remedy}", (ROUTE,))
    steps = keys.rollout.steps
    asked = keys.rollout.approve or any(step.approve is not None for step in steps or ())
    queried = any(not query.dry_run for query in gates.promql) or any(each.kind in _JUDGES for each in gates.webhooks)
    if not (queried or asked):
        message = "nothing would say whether the candidate is well: with `gateway.route` abreast sees no answers"
        yield Conflict(_GATES, message, "add a query to `promql`, a URL to `webhooks`, or an `approve` step", (ROUTE,))
    advice = "write `steps` of weight, hold, approve and bake"
    if steps is None:
        message = "the steps that hold where none are written begin with `shadow`, which `gateway.route` cannot do"
        yield Conflict(("rollout",), message, advice, (ROUTE,))
    for index, step in enumerate(steps or ()):
        if step.shadow is not None:
            message = "`shadow` needs abreast's own gateway: the answers of a mirror are thrown away, not compared"
            yield Conflict((*_STEPS, index), message, advice, (ROUTE,))
