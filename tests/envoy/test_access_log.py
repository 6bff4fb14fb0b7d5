"""The access log: each request is written once at most, by the logger of its outcome, and nothing secret is named."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from abreast.envoy.access_log import ERROR, FIELDS, HEADER, SERVICE, access_logs
from abreast.envoy.clusters import Resource
from abreast.envoy.collectors import LOGS
from abreast.envoy.messages import MESSAGES
from abreast.envoy.snapshot import build
from abreast.model.secret_names import HEADERS
from abreast.model.service import AccessLog, Endpoint, GatewaySettings
from tests.envoy.told import traffic

COLLECTOR = Endpoint("127.0.0.1", 4317)
FILE = AccessLog(file="/var/log/access.log")


def lets_through(filter_: Resource, status: int, *, flagged: bool, lucky: bool) -> bool:
    """Whether Envoy's filter does; ``lucky`` requests are in every sample, others in none."""
    match filter_:
        case {"and_filter": {"filters": parts}}:
            return all(lets_through(part, status, flagged=flagged, lucky=lucky) for part in parts)
        case {"or_filter": {"filters": parts}}:
            return any(lets_through(part, status, flagged=flagged, lucky=lucky) for part in parts)
        case {"status_code_filter": {"comparison": {"op": op, "value": {"default_value": bound}}}}:
            return bool({"EQ": status == bound, "GE": status >= bound, "LE": status <= bound}[op])
        case {"runtime_filter": {"percent_sampled": {"denominator": "TEN_THOUSAND"}}}:
            return lucky
        case {"response_flag_filter": {}}:
            return flagged
    raise AssertionError(filter_)


def fields(logger: Resource) -> dict[str, str]:
    """Names and operators of either kind of logger."""
    config = logger["typed_config"]
    if "log_format" in config:
        found: dict[str, str] = config["log_format"]["json_format"]
        return found
    return {each["key"]: each["value"]["string_value"] for each in config["attributes"]["values"]}


def loggers(settings: AccessLog, *, traced: bool = False) -> list[Resource]:
    return list(access_logs(settings, "shop", traced=traced))


@pytest.mark.parametrize(("sample", "lucky"), [(10_000, False), (100, True), (100, False), (0, False)])
def test_a_request_is_written_once_if_it_failed_or_was_in_the_sample(sample: int, *, lucky: bool) -> None:
    made = loggers(AccessLog(file="/l", sample=sample))
    for status, flagged in product((0, 101, 200, 304, 404, 499, 500, 503, 599), (False, True)):
        writing = [each for each in made if lets_through(each["filter"], status, flagged=flagged, lucky=lucky)]
        failed = status in {0, 500, 503, 599} or flagged
        assert len(writing) == int(failed or lucky or sample == 10_000), (status, flagged)
        kinds = {0: "%RESPONSE_FLAGS_LONG%", 500: "%RESP(:STATUS)%", 503: "%RESP(:STATUS)%", 599: "%RESP(:STATUS)%"}
        assert [fields(each).get(ERROR) for each in writing] == [kinds.get(status)] * len(writing)


def test_the_sample_is_in_hundredths_of_a_percent() -> None:
    answered = loggers(AccessLog(file="/l", sample=25))[0]["filter"]
    assert {"numerator": 25, "denominator": "TEN_THOUSAND"} in list(values(answered, "percent_sampled"))


def values(value: Any, key: str) -> Iterator[Any]:  # noqa: ANN401  # JSON
    """Every value of that field, wherever it stands."""
    if isinstance(value, dict):
        yield from (below for name, below in value.items() if name == key)
        value = list(value.values())
    if isinstance(value, list):
        for below in value:
            yield from values(below, key)


def test_file_and_collector_are_told_the_same() -> None:
    made = loggers(AccessLog(file="/l", otlp=COLLECTOR, headers=("x-tenant",)))
    assert len(made) == 6
    for file, collector in zip(made[::2], made[1::2], strict=True):
        assert file["filter"] == collector["filter"]
        told = fields(file)
        assert told.pop("timestamp")
        assert told.pop(SERVICE) == "shop-gateway"
        assert told == fields(collector)
        config = collector["typed_config"]
        assert list(values(config["resource_attributes"], "string_value")) == ["shop-gateway"]
        assert config["common_config"]["grpc_service"]["envoy_grpc"]["cluster_name"] == LOGS


def test_only_what_was_asked_for_is_written_to() -> None:
    assert {each["name"] for each in loggers(FILE)} == {"envoy.access_loggers.file"}
    assert {each["typed_config"]["path"] for each in loggers(FILE)} == {FILE.file}
    assert {each["name"] for each in loggers(AccessLog(otlp=COLLECTOR))} == {"envoy.access_loggers.open_telemetry"}


def test_no_operator_reads_a_secret() -> None:
    operators = " ".join(fields(loggers(FILE)[0]).values()).lower()
    read = set(re.findall(r"%(?:req|resp|trailer)\(([^)]*)\)", operators))
    assert read <= {":method", ":scheme", ":authority", ":status", "user-agent", "x-request-id"}
    assert not read & set(HEADERS)
    assert "%path(nq" in operators
    assert "query_param" not in operators, "a query passes through nothing but the filter that redacts it"
    assert "(wq" not in operators


def test_headers_are_added_by_name_and_cut() -> None:
    told = fields(loggers(AccessLog(file="/l", headers=("x-tenant", "accept")))[0])
    assert {name: operator for name, operator in told.items() if name.startswith(HEADER)} == {
        f"{HEADER}x-tenant": "%REQ(x-tenant):500%",
        f"{HEADER}accept": "%REQ(accept):500%",
    }


def test_a_query_that_is_dropped_has_no_field() -> None:
    assert "url.query" in fields(loggers(FILE)[0])
    assert "url.query" not in fields(loggers(AccessLog(file="/l", query="drop"))[0])


def test_ids_are_those_of_the_gateway_s_span_if_it_has_one() -> None:
    for traced, source in ((False, "DYNAMIC_METADATA"), (True, "%TRACE_ID%")):
        assert source in fields(loggers(FILE, traced=traced)[0])["trace_id"]


def test_names_are_those_of_opentelemetry_or_our_own() -> None:
    known = ("http.", "url.", "server.", "client.", "user_agent.", "network.", "abreast.", "envoy.")
    assert [name for name in FIELDS if not name.startswith(known)] == ["timestamp", "trace_id", "span_id"]


def test_envoy_s_messages_have_room_for_it_all() -> None:
    log = AccessLog(file="/l", otlp=COLLECTOR, sample=1, headers=("x-tenant",), query="keep", secrets=("a*",))
    of = traffic("v1", "v2", 100)
    gateway = GatewaySettings(access_log=log)
    snapshot = build(type(of)(of.service, of.split, of.stable, of.candidate, gateway))
    for url, resources in snapshot.resources.items():
        for resource in resources.values():
            assert ParseDict(resource, MESSAGES[url]()).ByteSize() > 0
