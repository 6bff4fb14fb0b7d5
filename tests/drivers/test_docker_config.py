"""What an engine is asked for, and what is read back."""

from dataclasses import replace
from typing import Any

import pytest

from abreast.drivers.docker_config import (
    Seat,
    configuration,
    container_of,
    container_port,
    endpoint,
    fingerprint,
    found,
    health,
    how_it_ended,
    image_tag,
)
from abreast.model.container import Build, Container, Mount
from abreast.model.errors import DriverError
from abreast.model.service import Endpoint, Probe, Version

PLAIN = Version("v1", container=Container("shop:2"), env=(("TOKEN", "secret"), ("AT", "{port}")))
SEAT = Seat("a1b2c3d4e5f6", "shop", "v1-2", 2, "f1", restarts=3)


def asked(version: Version = PLAIN, **container: object) -> dict[str, Any]:
    told = replace(container_of(version), **container)  # type: ignore[arg-type]  # any field of any type
    return configuration(replace(version, container=told), SEAT, image="sha256:1", port=9000)


def test_a_port_is_published_on_loopback_at_a_number_of_the_engines_choice() -> None:
    body = asked()
    assert body["HostConfig"]["PortBindings"] == {"9000/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    assert body["Image"] == "sha256:1"
    assert "Cmd" not in body
    assert SEAT.name == "shop-v1-2-a1b2c3d4"


def test_the_environment_is_filled_and_tells_who_it_is() -> None:
    assert {*asked()["Env"]} == {
        *("TOKEN=secret", "AT=9000", "PORT=9000"),
        *("ABREAST_SERVICE=shop", "ABREAST_VERSION=v1", "ABREAST_INSTANCE=v1-2"),
    }


def test_everything_that_is_told_is_asked_for() -> None:
    body = asked(
        entrypoint=("/init", "{instance}"),
        command=("serve", "{port}", "{instance}"),
        volumes=(Mount("/a", "/srv/a", read_only=True), Mount("/b", "cache"), Mount("/c")),
        networks=("inner", "outer"),
        cpus=0.5,
        memory_bytes=1 << 29,
        user="1000",
        labels=(("team", "shop"),),
    )
    host = body["HostConfig"]
    assert body["Entrypoint"] == ["/init", "v1-2"]
    assert body["Cmd"] == ["serve", "9000", "v1-2"]
    assert body["User"] == "1000"
    assert body["Volumes"] == {"/c": {}}
    assert [mount["Type"] for mount in host["Mounts"]] == ["bind", "volume"]
    assert host["Mounts"][0]["ReadOnly"] is True
    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"]) == (500_000_000, 1 << 29, 1 << 29)
    assert host["NetworkMode"] == "inner"
    assert "PortBindings" not in host
    assert body["Labels"]["team"] == "shop"


def test_labels_of_the_spec_never_hide_ours_and_hold_no_secret() -> None:
    labels = asked(labels=(("abreast.home", "other"),), build=Build("/x", args=(("KEY", "hidden"),)))["Labels"]
    assert labels["abreast.home"] == SEAT.home
    assert "secret" not in str(labels)
    assert "hidden" not in str(labels)


def test_a_container_is_read_back_from_its_labels() -> None:
    version = replace(PLAIN, ready=Probe("http", "/healthz"), stop_timeout_s=3.0)
    labels = configuration(version, SEAT, image="i", port=9000)["Labels"]
    told = found({"Id": "c1", "Config": {"Labels": labels}})
    assert told is not None
    assert (told.container_id, told.instance, told.number, told.restarts) == ("c1", "v1-2", 2, 3)
    assert told.version == replace(version, env=())


@pytest.mark.parametrize("missing", ["abreast.instance", "abreast.number", "abreast.spec"])
def test_one_whose_labels_are_not_whole_is_not_known(missing: str) -> None:
    labels = dict(asked()["Labels"])
    del labels[missing]
    assert found({"Id": "c1", "Config": {"Labels": labels}}) is None
    assert found({"Id": "c1", "Config": {"Labels": {**labels, missing: "{"}}}) is None or missing == "abreast.instance"


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAIN, env=()),
        replace(PLAIN, container=Container("shop:3")),
        replace(PLAIN, container=Container("shop:2", memory_bytes=1 << 29)),
        replace(PLAIN, container=Container("shop:2", build=Build("/x"))),
    ],
)
def test_what_makes_another_container_has_another_fingerprint(other: Version) -> None:
    assert fingerprint(other) != fingerprint(PLAIN)


def test_what_takes_effect_on_a_running_one_has_the_same_fingerprint() -> None:
    same = replace(PLAIN, ready=Probe("http"), instances=3, container=Container("shop:2", pull="always"))
    assert fingerprint(same) == fingerprint(PLAIN)


def test_the_port_is_the_told_the_only_exposed_or_8080() -> None:
    told = replace(PLAIN, container=Container("shop:2", port=7))
    assert container_port(told, ["9000/tcp"]) == 7
    assert container_port(PLAIN, ["9000/tcp", "53/udp"]) == 9000
    assert container_port(PLAIN, []) == 8080
    assert container_port(PLAIN, ["8080/tcp", "9000/tcp"]) == 8080
    with pytest.raises(DriverError, match="exposes the ports 80, 443") as caught:
        container_port(PLAIN, ["443/tcp", "80/tcp"])
    assert "port: 80" in caught.value.remedy


def test_an_image_that_is_built_without_a_name_is_called_after_the_version() -> None:
    assert image_tag(PLAIN, "shop") == "shop:2"
    assert image_tag(Version("v2", container=Container(build=Build("/x"))), "shop") == "abreast/shop:v2"
    with pytest.raises(ValueError, match="no container"):
        image_tag(Version("v3"), "shop")


def test_the_address_is_the_published_one_or_that_in_the_first_network() -> None:
    config = {"Labels": {"abreast.port": "9000"}}
    published = {"Ports": {"9000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "32768"}]}}
    assert endpoint({"Config": config, "NetworkSettings": published}, PLAIN) == Endpoint("127.0.0.1", 32768)
    inner = replace(PLAIN, container=Container("shop:2", networks=("inner",)))
    settings = {"Networks": {"inner": {"IPAddress": "172.18.0.2"}}}
    assert endpoint({"Config": config, "NetworkSettings": settings}, inner) == Endpoint("172.18.0.2", 9000)
    assert endpoint({"Config": config, "NetworkSettings": {}}, PLAIN) is None


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"ExitCode": 3}, "exit code 3"),
        ({"ExitCode": 137}, "SIGKILL"),
        ({"ExitCode": 137, "OOMKilled": True}, "OOM"),
        ({"ExitCode": 127, "Error": "no such file"}, "exit code 127: no such file"),
    ],
)
def test_how_it_ended_is_said(state: dict[str, Any], words: str) -> None:
    assert words in how_it_ended(state)


def test_only_an_unhealthy_healthcheck_counts() -> None:
    assert health({}) == ""
    assert health({"Health": {"Status": "starting"}}) == ""
    assert health({"Health": {"Status": "unhealthy", "Log": [{"Output": "a\ncold cache\n"}]}}).endswith("cold cache")
    assert health({"Healthcheck": {"Status": "unhealthy", "Log": []}}) == "HEALTHCHECK: unhealthy"
