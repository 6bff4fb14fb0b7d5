"""What of an HTTPRoute's rules is ours, and how it is to read; and what its gateways say of it. Pure.

Kubernetes' Gateway API, v1. A rule is ours to weigh when it refers to a version's Service. Of it only the weights of
these references are written, and references that are missing are added. Rules for testers are copies of such a rule
that ask for abreast's header too. They are known by that header: a rule's `name` is not in every release of the API.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from abreast.model.route import RouteSettings, ServicePort
from abreast.model.service import Side
from abreast.model.traffic import Split
from abreast.model.units import FULL_WEIGHT

TESTER_HEADER: Final = "x-abreast-version"
MOST_RULES: Final = 16
"""The API's own limit for the rules of one route."""
MOST_MATCHES: Final = 128
"""And for the matches of all of them; a rule without matches has one, for every path."""

Rule = dict[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Rewrite:
    """How the rules are to read; or ``fault``: why that cannot be said."""

    rules: Sequence[Rule] = ()
    fault: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the route's gateways say of it: ``accepted`` by all of them, refused (``fault``), or nothing yet."""

    accepted: bool = False
    fault: str = ""


def rewritten(
    rules: Sequence[Rule], namespace: str, settings: RouteSettings, split: Split, tester_secret: str
) -> Rewrite:
    """The route's rules with this split; the same where nothing is to be changed.

    Weights are hundredths of a percent: those of a rule come to 10000. A version that the split does not name has 0.
    """
    services = {service: name for name, service in settings.services}
    weights = {split.stable: FULL_WEIGHT - split.weight}
    if split.candidate is not None:
        weights[split.candidate] = split.weight
    lost = [name for name in weights if settings.service(name) is None]
    if lost:
        return Rewrite(fault=f"gateway.route.backends names no Service of {', '.join(lost)}")
    kept = [rule for rule in rules if not _for_testers(rule)]
    found: list[Rule] = []
    touched = 0
    for number, rule in enumerate(kept):
        own = [_service(each, namespace) for each in rule.get("backendRefs") or ()]
        if not any(each in services for each in own):
            found.append(rule)
            continue
        touched += 1
        for each, service in zip(rule["backendRefs"], own, strict=True):
            if service not in services and each.get("weight", 1):
                return Rewrite(fault=_stranger(number, each))
        weighed = _weighed(rule, own, settings, weights)
        if settings.testers and split.candidate is not None:
            found += _of_testers(weighed, namespace, settings, split, tester_secret)
        found.append(weighed)
    if not touched:
        named = ", ".join(str(service) for service in services)
        return Rewrite(fault=f"none of its rules refers to {named}: a first reference has to be there")
    beyond = _beyond(found)
    return Rewrite(fault=beyond) if beyond else Rewrite(found)


def _beyond(rules: Sequence[Rule]) -> str:
    """Which limit of the API the rules are beyond; empty if none."""
    matches = sum(len(rule.get("matches") or ("any",)) for rule in rules)
    for many, most, what in ((len(rules), MOST_RULES, "rules"), (matches, MOST_MATCHES, "matches")):
        if many > most:
            words = f"with the rules for testers it would have {many} {what}, and {most} are allowed"
            return f"{words}: set gateway.route.testers to false"
    return ""


def _stranger(number: int, reference: Mapping[str, Any]) -> str:
    words = f"rule {number + 1} also sends requests to {reference.get('name')}:{reference.get('port')}"
    return f"{words}, which is no version: no weight of a version would be the share that it says"


def shares(rules: Sequence[Rule], namespace: str, settings: RouteSettings) -> str:
    """What the rules of users give each version now, for people: ``v1 90, v2 10``; rules that agree are told once."""
    names: dict[ServicePort | None, str] = {service: name for name, service in settings.services}
    told = []
    for rule in rules:
        if _for_testers(rule):
            continue
        own = [(_service(each, namespace), each.get("weight", 1)) for each in rule.get("backendRefs") or ()]
        words = ", ".join(f"{names[service]} {weight}" for service, weight in own if service in names)
        if words:
            told.append(words)
    return "; ".join(dict.fromkeys(told)) or "no version"


def verdict(route: Mapping[str, Any], namespace: str) -> Verdict:
    """Whether every parent of the route has accepted this generation of it, all its references resolved."""
    generation = route["metadata"].get("generation", 0)
    parents = route.get("spec", {}).get("parentRefs") or []
    if not parents:
        return Verdict(fault="it names no parentRefs: no gateway is asked to serve it")
    said = (route.get("status") or {}).get("parents") or []
    waiting = False
    for parent in parents:
        own = [each for each in said if _parent(each.get("parentRef") or {}, namespace) == _parent(parent, namespace)]
        waiting = waiting or not own
        for each in own:
            for kind in ("Accepted", "ResolvedRefs"):
                condition = _condition(each, kind, generation)
                if condition is None:
                    waiting = True
                elif condition.get("status") != "True":
                    return Verdict(fault=_refusal(parent, kind, condition))
    return Verdict(accepted=not waiting)


def _condition(parent: Mapping[str, Any], kind: str, generation: int) -> Mapping[str, Any] | None:
    """The condition, if it speaks of this generation or a later one, and knows."""
    for each in parent.get("conditions") or ():
        if each.get("type") == kind and each.get("observedGeneration", 0) >= generation:
            return each if each.get("status") in {"True", "False"} else None
    return None


def _refusal(parent: Mapping[str, Any], kind: str, condition: Mapping[str, Any]) -> str:
    words = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
    return f"{parent.get('kind', 'Gateway')} {parent.get('name')} says {kind}=False: {words or 'no reason'}"


def _parent(reference: Mapping[str, Any], namespace: str) -> tuple[object, ...]:
    return (
        reference.get("group", "gateway.networking.k8s.io"),
        reference.get("kind", "Gateway"),
        reference.get("namespace", namespace),
        reference.get("name"),
        reference.get("sectionName"),
        reference.get("port"),
    )


def _service(reference: Mapping[str, Any], namespace: str) -> ServicePort | None:
    """The Service that is referred to; None for what is none, or is in another namespace."""
    plain = (reference.get("group", ""), reference.get("kind", "Service"), reference.get("namespace", namespace))
    if plain != ("", "Service", namespace):
        return None
    return ServicePort(str(reference.get("name")), int(reference.get("port") or 0))


def _weighed(
    rule: Rule, own: Sequence[ServicePort | None], settings: RouteSettings, weights: Mapping[str, int]
) -> Rule:
    """The rule with these weights; each reference keeps whatever else stands in it."""
    found = copy.deepcopy(rule)
    due = {service: weights.get(name, 0) for name, service in settings.services}
    for reference, service in zip(found["backendRefs"], own, strict=True):
        if service in due:
            # One that stands there twice must not count twice.
            reference["weight"] = due[service]
            due[service] = 0
    for name, weight in weights.items():
        wanted = settings.service(name)
        if wanted is not None and wanted not in own:
            found["backendRefs"].append({"name": wanted.name, "port": wanted.port, "weight": weight})
    return found


def _of_testers(
    rule: Rule, namespace: str, settings: RouteSettings, split: Split, tester_secret: str
) -> Iterator[Rule]:
    """For each side the rule once more, for those who send its header; more headers go before fewer."""
    for side, name in ((Side.STABLE, split.stable), (Side.CANDIDATE, split.candidate)):
        forced = copy.deepcopy({key: value for key, value in rule.items() if key != "name"})
        wanted = settings.service(name or "")
        header = {"type": "Exact", "name": TESTER_HEADER, "value": f"{side}:{tester_secret}"}
        for match in forced.setdefault("matches", [{"path": {"type": "PathPrefix", "value": "/"}}]):
            match["headers"] = [*(match.get("headers") or ()), header]
        forced["backendRefs"] = [
            {**each, "weight": 1} for each in forced["backendRefs"] if _service(each, namespace) == wanted
        ][:1]
        forced["filters"] = _without_secret(forced.get("filters") or [])
        yield forced


def _without_secret(filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The filters, and no version gets the header: it is a secret. A rule has one filter of this kind at most."""
    for each in filters:
        if each.get("type") == "RequestHeaderModifier":
            modifier = each["requestHeaderModifier"]
            modifier["remove"] = [*(modifier.get("remove") or ()), TESTER_HEADER]
            return filters
    return [*filters, {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": [TESTER_HEADER]}}]


def _for_testers(rule: Mapping[str, Any]) -> bool:
    matches = rule.get("matches") or ()
    return bool(matches) and all(
        any(str(header.get("name")).lower() == TESTER_HEADER for header in match.get("headers") or ())
        for match in matches
    )
