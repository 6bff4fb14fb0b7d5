"""Services, versions, instances and endpoints."""

import pytest

from abreast.model.service import (
    Endpoint,
    GatewaySettings,
    Instance,
    InstanceState,
    Probe,
    Service,
    Side,
    UserKey,
    Version,
)


@pytest.mark.parametrize(
    ("endpoint", "text"), [(Endpoint("127.0.0.1", 80), "127.0.0.1:80"), (Endpoint("::1", 80), "[::1]:80")]
)
def test_an_endpoint_reads_as_an_address(endpoint: Endpoint, text: str) -> None:
    assert str(endpoint) == text


def test_endpoints_have_an_order() -> None:
    assert Endpoint("a", 1) < Endpoint("a", 2) < Endpoint("b", 1)


def test_a_probe_reads_as_it_is_written() -> None:
    assert str(Probe("http", "/healthz")) == "GET /healthz"
    assert str(Probe()) == "TCP connect"


def test_a_version_that_is_run_wants_its_instances() -> None:
    version = Version("v1", run=("app",), instances=3)
    assert not version.external
    assert version.wanted == 3


def test_an_external_version_wants_all_of_its_endpoints() -> None:
    version = Version("v1", endpoints=(Endpoint("127.0.0.1", 1), Endpoint("127.0.0.1", 2)))
    assert version.external
    assert version.wanted == 2


@pytest.mark.parametrize("state", InstanceState)
def test_only_a_ready_instance_may_get_requests(state: InstanceState) -> None:
    instance = Instance("v1-1", "v1", Endpoint("127.0.0.1", 1), state, since=0.0)
    assert instance.ready == (state.value == "ready")


def test_a_user_key_reads_as_it_is_written() -> None:
    assert str(UserKey("cookie", "session")) == "cookie:session"


def test_a_service_knows_its_versions_by_name() -> None:
    one = Version("v1", run=("app",))
    service = Service("shop", (one,), "v1")
    assert service.version("v1") is one
    assert service.version("v2") is None


def test_a_version_times_out_before_the_gateway_does() -> None:
    assert Version("v1").timeout_s < GatewaySettings().timeout_s


def test_there_are_two_sides() -> None:
    assert {str(side) for side in Side} == {"stable", "candidate"}
