"""The bootstrap: what an Envoy knows at birth."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abreast.envoy.binary import envoy_binary
from abreast.envoy.bootstrap import ADS, bootstrap
from abreast.envoy.clusters import Resource
from abreast.envoy.counts import parse

ADMIN, SOCKET = Path("/run/abreast/admin.sock"), Path("/run/abreast/ads.sock")

READ = (
    "att.n.version.v1.2.code.200",
    "att.n.version.v2.code.0",
    "usr.n.version..code.503",
    "usr.n.version.v2.code.404",
    "cluster.v1.2.upstream_rq_active",
    "cluster.v2/timed.upstream_rq_active",
)
"""Names as an Envoy told them, of which `parse` makes something; and one of its histograms."""
HISTOGRAM = "att.us.version.v1.2"

FOR_PEOPLE = (
    "cluster.v2.membership_healthy",
    "cluster.v2/unsafe.upstream_cx_active",
    "server.live",
    "control_plane.connected_state",
    "cluster_manager.cds.update_rejected",
    "listener_manager.lds.update_rejected",
    "http.gateway.downstream_cx_active",
    "http.gateway.rds.routes.update_rejected",
    "filesystem.write_failed",
    "access_logs.open_telemetry_access_log.logs_dropped",
    "tracing.opentelemetry.spans_sent",
)

COSTLY = (
    "cluster.v2.upstream_rq_200",
    "cluster.v2.upstream_rq_total",
    "cluster.v2.upstream_rq_time",
    "cluster.v2.external.upstream_rq_2xx",
    "cluster.v2/idempotent.retry.upstream_rq_503",
    "cluster.v2.upstream_cx_rx_bytes_total",
    "cluster.v2.health_check.attempt",
    "cluster.v2.outlier_detection.ejections_active",
    "cluster.v2.circuit_breakers.default.rq_open",
    "listener.127.0.0.1_8080.http.gateway.downstream_rq_2xx",
    "listener.127.0.0.1_8080.downstream_cx_length_ms",
    "vhost.shop.vcluster.other.upstream_rq_200",
    "filesystem.write_completed",
    "runtime.load_success",
    "main_thread.watchdog_miss",
)
"""Others of Envoy's names; each would be kept for each cluster or listener, and most counted for each request."""


def made(max_connections: int = 8000) -> Resource:
    """A bootstrap."""
    return bootstrap("gateway-7.0", ADMIN, SOCKET, max_connections)


def kept(name: str) -> bool:
    """Whether the matcher keeps it, as Envoy does: a regular expression matches whole names."""
    patterns = made()["stats_config"]["stats_matcher"]["inclusion_list"]["patterns"]
    return any(
        name.startswith(pattern["prefix"])
        if "prefix" in pattern
        else re.fullmatch(pattern["safe_regex"]["regex"], name) is not None
        for pattern in patterns
    )


def found(value: Any, key: str) -> Iterator[Any]:  # noqa: ANN401  # JSON
    """Every value of that field, wherever it stands."""
    if isinstance(value, dict):
        for name, below in value.items():
            if name == key:
                yield below
            yield from found(below, key)
    elif isinstance(value, list):
        for below in value:
            yield from found(below, key)


def test_the_admin_socket_is_its_owner_s_alone() -> None:
    pipe = made()["admin"]["address"]["pipe"]
    assert pipe == {"path": str(ADMIN), "mode": 0o600}


def test_no_port_is_opened() -> None:
    assert list(found(made(), "socket_address")) == []
    assert [pipe["path"] for pipe in found(made(), "pipe")] == [str(ADMIN), str(SOCKET)]


def test_everything_else_is_asked_for_over_the_ads_socket() -> None:
    [cluster] = made()["static_resources"]["clusters"]
    assert cluster["name"] == ADS
    assert list(found(cluster, "pipe")) == [{"path": str(SOCKET)}]
    dynamic = made()["dynamic_resources"]
    [service] = dynamic["ads_config"]["grpc_services"]
    assert service["envoy_grpc"]["cluster_name"] == ADS
    assert all("ads" in dynamic[kind] for kind in ("cds_config", "lds_config"))
    assert list(found(cluster, "http2_protocol_options")) != [], "gRPC needs HTTP/2"


def test_it_waits_for_the_control_plane_rather_than_serving_nothing() -> None:
    dynamic = made()["dynamic_resources"]
    assert {dynamic[kind]["initial_fetch_timeout"] for kind in ("cds_config", "lds_config")} == {"0s"}


def test_after_an_outage_it_is_back_within_a_second() -> None:
    [back_off] = found(made(), "retry_back_off")
    assert back_off == {"base_interval": "0.1s", "max_interval": "1s"}
    [keep_alive] = found(made(), "connection_keepalive")
    assert keep_alive == {"interval": "5s", "timeout": "5s"}, "a control plane that hangs is noticed"


def test_it_says_who_it_is() -> None:
    assert made()["node"] == {"id": "gateway-7.0", "cluster": "abreast"}


def test_users_connections_are_bounded() -> None:
    [monitor] = made(1234)["overload_manager"]["resource_monitors"]
    assert monitor["name"] == "envoy.resource_monitors.global_downstream_max_connections"
    assert monitor["typed_config"]["max_active_downstream_connections"] == 1234


@pytest.mark.parametrize("name", [*READ, HISTOGRAM, *FOR_PEOPLE])
def test_what_is_read_is_kept(name: str) -> None:
    assert kept(name)


@pytest.mark.parametrize("name", COSTLY)
def test_what_nobody_reads_is_not_kept(name: str) -> None:
    assert not kept(name)


def test_what_is_kept_for_counting_is_understood() -> None:
    details = [{"name": HISTOGRAM, "totals": [{"lower_bound": 160, "width": 10, "count": 1}]}]
    for name in READ:
        understood = parse(json.dumps({"stats": [{"name": name, "value": 3}]}).encode())
        assert [*understood.attempts, *understood.users, *understood.in_flight] != [], name
    assert parse(json.dumps({"stats": [{"histograms": {"details": details}}]}).encode()).latencies != {}


def test_histograms_are_brought_up_to_date_when_asked_for() -> None:
    assert made()["stats_flush_on_admin"] is True


def test_envoy_accepts_it(short_tmp: Path) -> None:
    file = short_tmp / "bootstrap.json"
    file.write_text(json.dumps(bootstrap("gateway-7.0", short_tmp / "admin.sock", short_tmp / "ads.sock", 8000)))
    command = [str(envoy_binary()), "--mode", "validate", "-c", str(file), "-l", "warning", "--concurrency", "1"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert told.returncode == 0, told.stderr
