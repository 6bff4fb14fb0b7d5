"""Collectors: there when something is sent to them, and bounded in what may wait for them."""

import pytest

from abreast.envoy.clusters import HTTP_OPTIONS
from abreast.envoy.collectors import LOGS, TRACES, collector_service, collectors, gateway_name
from abreast.envoy.messages import CLUSTER
from abreast.envoy.snapshot import packed
from abreast.model.service import AccessLog, Endpoint, GatewaySettings, Traces

HERE, THERE = Endpoint("127.0.0.1", 4317), Endpoint("::1", 4318)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (GatewaySettings(), {}),
        (GatewaySettings(access_log=AccessLog(file="/var/log/access.log")), {}),
        (GatewaySettings(access_log=AccessLog(otlp=HERE)), {LOGS: HERE}),
        (GatewaySettings(traces=Traces(THERE)), {TRACES: THERE}),
        (GatewaySettings(access_log=AccessLog(otlp=HERE), traces=Traces(HERE)), {LOGS: HERE, TRACES: HERE}),
    ],
)
def test_there_is_one_for_each_use(settings: GatewaySettings, expected: dict[str, Endpoint]) -> None:
    found = {}
    for each in collectors(settings):
        [locality] = each["load_assignment"]["endpoints"]
        address = locality["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
        found[each["name"]] = Endpoint(address["address"], address["port_value"])
        assert packed(CLUSTER, each).ByteSize() > 0, "in Envoy's own words"
    assert found == expected


def test_it_speaks_http_2_and_little_may_wait_for_it() -> None:
    [cluster] = collectors(GatewaySettings(traces=Traces(HERE)))
    assert "http2_protocol_options" in cluster["typed_extension_protocol_options"][HTTP_OPTIONS]["explicit_http_config"]
    [limits] = cluster["circuit_breakers"]["thresholds"]
    assert max(limits.values()) <= 64
    assert limits["max_retries"] == 0, "what is lost is lost: a retry would only add to a load that is too much"


def test_a_message_is_given_up_in_time() -> None:
    service = collector_service(LOGS)
    assert service["envoy_grpc"] == {"cluster_name": LOGS}
    assert 0 < float(service["timeout"].removesuffix("s")) < 30


def test_no_version_s_name_is_like_theirs_and_the_gateway_is_not_the_service() -> None:
    assert "/" in LOGS
    assert "/" in TRACES
    assert gateway_name("shop") == "shop-gateway"
