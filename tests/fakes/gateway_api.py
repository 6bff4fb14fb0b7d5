"""The Gateway API for tests: what the CRD of an HTTPRoute (v1, standard channel) asks of one, and a gateway for it.

The schema has what abreast may write, in the API's own limits and patterns; what it never writes is taken as it is.
"""

import copy
from typing import Any, Final

import jsonschema

from tests.fakes.cluster import Cluster, Object

_NAME: Final = {"type": "string", "minLength": 1, "maxLength": 253}
_SERVICE: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "group": {"type": "string", "maxLength": 253},
        "kind": {"type": "string", "minLength": 1, "maxLength": 63},
        "name": _NAME,
        "namespace": {"type": "string", "minLength": 1, "maxLength": 63},
        "port": {"type": "integer", "minimum": 1, "maximum": 65_535},
        "weight": {"type": "integer", "minimum": 0, "maximum": 1_000_000},
        "filters": {"type": "array", "maxItems": 16},
    },
}
_HEADER: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "value"],
    "properties": {
        "type": {"enum": ["Exact", "RegularExpression"]},
        "name": {
            "type": "string",
            "minLength": 1,
            "maxLength": 256,
            "pattern": r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$",
        },
        "value": {"type": "string", "minLength": 1, "maxLength": 4096},
    },
}
_MATCH: Final = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "path": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "type": {"enum": ["Exact", "PathPrefix", "RegularExpression"]},
                "value": {"type": "string", "maxLength": 1024},
            },
        },
        "headers": {"type": "array", "maxItems": 16, "items": _HEADER},
        "queryParams": {"type": "array", "maxItems": 16},
        "method": {"type": "string"},
    },
}
_FILTER: Final = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {
            "enum": [
                *("RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"),
                *("RequestRedirect", "URLRewrite"),
            ]
        },
        "requestHeaderModifier": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "add": {"type": "array", "maxItems": 16},
                "set": {"type": "array", "maxItems": 16},
                "remove": {"type": "array", "maxItems": 16, "items": {"type": "string"}},
            },
        },
    },
}
_RULE: Final = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": _NAME,
        "matches": {"type": "array", "maxItems": 64, "items": _MATCH},
        "filters": {"type": "array", "maxItems": 16, "items": _FILTER},
        "backendRefs": {"type": "array", "maxItems": 16, "items": _SERVICE},
        "timeouts": {"type": "object"},
    },
}
SPEC: Final[Object] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "parentRefs": {"type": "array", "maxItems": 32},
        "hostnames": {"type": "array", "maxItems": 16},
        "rules": {"type": "array", "minItems": 1, "maxItems": 16, "items": _RULE},
    },
}


def fault_of(plural: str, found: Object) -> str:
    """What the CRD has against it; empty if nothing. For `Cluster.schema_fault`."""
    if plural != "httproutes":
        return ""
    error = jsonschema.Draft202012Validator(SPEC).iter_errors(found["spec"])
    return next((f"{each.json_path}: {each.message}" for each in error), "")


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
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


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
        name = "gateway.example/controller"
        return {"parents": [{"parentRef": each, "controllerName": name, "conditions": conditions} for each in parents]}
