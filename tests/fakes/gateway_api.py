"""The Gateway API for tests: what the CRD of an HTTPRoute (v1) asks of one, and a gateway for it.

The fields, limits and patterns are those of the published models (npm's `@kubernetes-models/gateway-api`). What the CRD
says in CEL they do not have: of it only the rules that abreast's own writing could break are here.
"""

import copy
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.fakes.cluster import Cluster, Object
from tests.fakes.npm import Checker

_MOST_MATCHES: Final = 128


@cache
def models() -> Checker:
    """The published models; the test is skipped where they cannot be had."""
    return Checker(Path(__file__).parent / "httproute")


def fault_of(plural: str, found: Object) -> str:
    """What the CRD has against it; empty if nothing. For `Cluster.schema_fault`."""
    if plural != "httproutes":
        return ""
    return str(models().ask(found)) or _fault_in_cel(defaulted(found)["spec"]["rules"])


def _fault_in_cel(rules: list[Object]) -> str:
    """In the CRD's own words (`x-kubernetes-validations`)."""
    if sum(len(each["matches"]) for each in rules) > _MOST_MATCHES:
        return "the total number of matches across all rules in a route must be less than 128"
    for each in rules:
        kinds = [one["type"] for one in each.get("filters", ())]
        if kinds.count("RequestHeaderModifier") > 1:
            return "RequestHeaderModifier filter cannot be repeated"
    return ""


def defaulted(found: Object) -> Object:
    """As the API server keeps it: with the CRD's defaults."""
    made: Object = copy.deepcopy(found)
    for rule in made["spec"]["rules"]:
        rule.setdefault("matches", [{"path": {"type": "PathPrefix", "value": "/"}}])
        for match in rule["matches"]:
            match.setdefault("path", {"type": "PathPrefix", "value": "/"})
        for reference in rule.get("backendRefs", ()):
            for name, default in (("group", ""), ("kind", "Service"), ("weight", 1)):
                reference.setdefault(name, default)
    return made


def route(*rules: Object, name: str = "shop", namespace: str = "default") -> Object:
    """An HTTPRoute of the gateway `public`, as its owner applied it."""
    spec = {"parentRefs": [{"name": "public"}], "hostnames": ["shop.example"], "rules": list(rules)}
    kind = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute"}
    return {**kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def rule(*references: Object, **more: Any) -> Object:  # noqa: ANN401  # JSON
    """A rule to these backends."""
    return {"backendRefs": list(references), **more}


def reference(name: str, port: int = 80, **more: Any) -> Object:  # noqa: ANN401  # JSON
    """A reference to a Service."""
    return {"name": name, "port": port, **more}


class GatewayController:
    """Some implementation's controller: gives routes the CRD's defaults, and says what it makes of each.

    ``refusal`` is a pair of a reason and a message for ResolvedRefs; while ``asleep`` it says nothing.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.refusal: tuple[str, str] | None = None
        self.asleep = False
        models()  # here, where a test can be skipped: the API server is asked by a client
        cluster.schema_fault = fault_of
        before = cluster.on_write

        def written() -> None:
            before()
            self.look()

        cluster.on_write = written

    def look(self) -> None:
        """Say it of every route, if it is not said."""
        for found in self.cluster.all("httproutes"):
            whole = defaulted(found)
            if whole != found:
                self.cluster.write("httproutes", whole)
            if self.asleep:
                continue
            told = {**whole, "status": self._status(whole["spec"]["parentRefs"], whole["metadata"]["generation"])}
            if told != whole:
                self.cluster.write("httproutes", copy.deepcopy(told))

    def _status(self, parents: list[Object], generation: int) -> Object:
        reason, message = self.refusal or ("ResolvedRefs", "")
        resolved = {"status": "False" if self.refusal else "True", "reason": reason, "message": message}
        conditions = [
            {"type": "Accepted", "status": "True", "reason": "Accepted", "observedGeneration": generation},
            {"type": "ResolvedRefs", "observedGeneration": generation, **resolved},
        ]
        for each in conditions:
            each.setdefault("message", "")
            each["lastTransitionTime"] = "2026-01-01T00:00:00Z"
        name = "gateway.example/controller"
        return {"parents": [{"parentRef": each, "controllerName": name, "conditions": conditions} for each in parents]}
