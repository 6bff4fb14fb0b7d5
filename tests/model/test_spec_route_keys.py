"""A gateway that is somebody else's route, as the spec writes it."""

import pytest

from abreast.model.errors import SpecError
from abreast.model.route import RouteSettings, ServicePort
from abreast.model.spec import Spec, parse_spec

SPEC = """
gateway: {{route: {route}}}
versions: {{v1: {{endpoints: ["127.0.0.1:1"]}}, v2: {{endpoints: ["127.0.0.1:2"]}}}}
rollout:
  steps: [{{weight: 10%}}, {{approve: look at the dashboard}}]
  gates: {{errors: {{watch: false}}, latency: {{watch: false}}}}
"""
SERVICES = "{v1: 'shop-v1:80', v2: 'shop-v2:8080'}"


def spec(route: str) -> Spec:
    return parse_spec(SPEC.format(route=route))


def test_a_name_and_the_services_are_enough() -> None:
    settings = spec(f"{{name: shop, backends: {SERVICES}}}").service().gateway.route
    assert settings == RouteSettings("shop", (("v1", ServicePort("shop-v1", 80)), ("v2", ServicePort("shop-v2", 8080))))


def test_every_key_is_kept() -> None:
    read = spec(f"{{name: shop, namespace: web, context: prod, testers: true, backends: {SERVICES}}}")
    settings = read.service().gateway.route
    assert settings is not None
    assert (settings.namespace, settings.context, settings.testers) == ("web", "prod", True)
    assert not read.policy("v2").errors.watch


def test_without_it_the_gateway_is_ours_and_counts() -> None:
    own = parse_spec("versions: {v1: {run: serve}}")
    assert own.service().gateway.route is None
    assert own.policy("v1").errors.watch


@pytest.mark.parametrize(
    ("route", "message"),
    [
        ("{backends: {v1: 'a:1', v2: 'b:1'}}", "name"),
        ("{name: shop}", "backends"),
        ("{name: Shop, backends: {v1: 'a:1', v2: 'b:1'}}", "'Shop' is not allowed here"),
        ("{name: shop, backends: {v1: shop, v2: 'b:1'}}", "'shop' is no Service with a port"),
        ("{name: shop, backends: {v1: 'a:0', v2: 'b:1'}}", "'a:0': 0 is no port"),
        ("{name: shop, backends: {v1: 'a:66000', v2: 'b:1'}}", "66000 is no port"),
        ("{name: shop, backends: {v1: '1a:80', v2: 'b:1'}}", "no Service with a port"),
        ("{name: shop, namespace: 'We b', backends: {v1: 'a:1', v2: 'b:1'}}", "'We b' is not allowed here"),
        ("{name: shop, testers: maybe, backends: {v1: 'a:1', v2: 'b:1'}}", "maybe"),
    ],
)
def test_what_is_none_is_refused(route: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        spec(route)
    assert all(fault.remedy for fault in caught.value.faults)
