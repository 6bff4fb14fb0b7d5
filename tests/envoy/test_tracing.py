"""Spans: who decides which are recorded, and that they hold neither a query nor a user's wish."""

from google.protobuf.json_format import ParseDict

from abreast.envoy.clusters import TYPE
from abreast.envoy.collectors import TRACES
from abreast.envoy.messages import LISTENER, MESSAGES
from abreast.envoy.snapshot import build
from abreast.envoy.tracing import TAGS, tracing
from abreast.model.service import Endpoint, GatewaySettings, Traces
from tests.envoy.told import traffic

SETTINGS = Traces(Endpoint("127.0.0.1", 4317), sample=250)


def test_a_share_of_the_traces_that_begin_here_is_recorded_and_of_others_their_beginning_decides() -> None:
    tracer = tracing(SETTINGS, "shop")["tracing"]["provider"]["typed_config"]
    parent = tracer["sampler"]["typed_config"]
    assert parent["@type"].endswith("ParentBasedSamplerConfig")
    ratio = parent["wrapped_sampler"]["typed_config"]
    assert ratio["@type"].endswith("TraceIdRatioBasedSamplerConfig")
    assert ratio["sampling_percentage"] == {"numerator": 250, "denominator": "TEN_THOUSAND"}


def test_nothing_but_the_sampler_decides() -> None:
    made = tracing(SETTINGS, "shop")["tracing"]
    assert (made["client_sampling"], made["random_sampling"]) == ({"value": 0}, {"value": 100})


def test_there_is_a_span_for_each_attempt_told_to_the_collector() -> None:
    made = tracing(SETTINGS, "shop")["tracing"]
    assert made["spawn_upstream_span"] is True
    tracer = made["provider"]["typed_config"]
    assert tracer["grpc_service"]["envoy_grpc"]["cluster_name"] == TRACES
    assert tracer["service_name"] == "shop-gateway"


def test_the_request_id_stays_what_the_route_was_chosen_by() -> None:
    made = tracing(SETTINGS, "shop")["request_id_extension"]["typed_config"]
    assert made["pack_trace_reason"] is False


def test_a_span_says_the_version_and_no_query() -> None:
    made = tracing(SETTINGS, "shop")["tracing"]
    tags = {each["tag"]: each["value"] for each in made["custom_tags"]}
    assert tags == dict(TAGS)
    assert tags["abreast.version"] == "%UPSTREAM_METADATA(abreast:version)%"
    assert all("PATH(" not in operator or "PATH(NQ" in operator for operator in tags.values())
    assert "REQ(:PATH" not in " ".join(tags.values())
    assert "http.url" in tags, "Envoy's own, with the query, is overwritten"
    assert made["max_path_tag_length"] == 0, "and if it were not, it would be empty"


def test_envoy_s_messages_have_room_for_it() -> None:
    of = traffic("v1", "v2", 100)
    snapshot = build(type(of)(of.service, of.split, of.stable, of.candidate, GatewaySettings(traces=SETTINGS)))
    assert TRACES in snapshot.names(TYPE + "envoy.config.cluster.v3.Cluster")
    for resource in snapshot.resources[LISTENER].values():
        assert ParseDict(resource, MESSAGES[LISTENER]()).ByteSize() > 0
