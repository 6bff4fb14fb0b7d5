"""What is wrong with where endpoints are looked up."""

from dataclasses import replace

from abreast.model.registry_state import RegistryState
from abreast.model.service import Endpoint, GatewaySettings, Service, Version
from abreast.operations.machine import Finding
from abreast.operations.registries import registry_findings

ONE, TWO = Endpoint("10.0.0.1", 80), Endpoint("10.0.0.2", 80)
SERVICE = Service("shop", (Version("v1"), Version("v2"), Version("v3", endpoints=(TWO,))), "v1")
WELL = RegistryState("v2", "Consul service shop", (ONE,))


def findings(*states: RegistryState, service: Service = SERVICE) -> list[Finding]:
    return list(registry_findings(states, service, 1000.0))


def test_one_that_answers_is_well() -> None:
    assert findings(WELL) == [Finding("ok", "v2: Consul service shop has 1 endpoint", "")]
    assert findings() == []


def test_one_that_does_not_answer_is_a_fault_with_what_is_used_meanwhile() -> None:
    (finding,) = findings(replace(WELL, failure="refused", kept=True))
    assert finding.state == "fault"
    assert finding.what == "v2: Consul service shop does not answer: refused; the last 1 endpoint are used"
    (finding,) = findings(replace(WELL, failure="refused", endpoints=()))
    assert finding.what.endswith("; no endpoint is known")


def test_one_that_says_that_there_is_none_is_a_fault() -> None:
    (finding,) = findings(replace(WELL, empty_since=970.0, detail="no key begins with it", kept=True))
    assert finding.state == "fault"
    assert "has said for 30 s that there is none (no key begins with it); the last 1 endpoint are used" in finding.what


def test_what_is_left_out_is_a_warning() -> None:
    (finding,) = findings(replace(WELL, detail="a: 'x' is no IP address"))
    assert (finding.state, finding.what) == (
        "warning",
        "v2: Consul service shop has 1 endpoint; left out: a: 'x' is no IP address",
    )


def test_two_versions_at_one_address_are_a_fault() -> None:
    told = findings(WELL, RegistryState("v1", "Consul service old", (ONE, TWO)))
    assert [finding.what for finding in told if finding.state == "fault"] == [
        "v1 and v2 are both at 10.0.0.1:80",
        "v1 and v3 are both at 10.0.0.2:80",
    ]


def test_the_gateways_own_address_is_a_fault() -> None:
    service = replace(SERVICE, gateway=GatewaySettings(listen=ONE))
    told = findings(WELL, service=service)
    assert "v2: Consul service shop has the gateway's own address, 10.0.0.1:80" in [each.what for each in told]
