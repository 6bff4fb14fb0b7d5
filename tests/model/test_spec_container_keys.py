"""Versions that are containers, as the spec writes them."""

import pytest

from abreast.model.container import Build, Container, Mount
from abreast.model.errors import SpecError
from abreast.model.spec import parse_spec


def container(text: str) -> Container | None:
    spec = parse_spec(f"versions: {{v1: {text}}}", directory="/srv/shop", environment={"TAG": "7"})
    return spec.service().versions[0].container


def refusal(text: str) -> tuple[str, str, str]:
    """Path, message and remedy of the one fault."""
    with pytest.raises(SpecError) as caught:
        container(text)
    (fault,) = caught.value.faults
    return fault.path, fault.message, fault.remedy


def test_an_image_is_enough() -> None:
    assert container("{image: 'shop:2'}") == Container("shop:2")
    assert container("{image: 'shop:${TAG}'}") == Container("shop:7")
    assert container("{run: serve}") is None


def test_every_key_is_kept() -> None:
    text = """{image: 'shop:2', port: 9000, container: {command: serve --port {port}, networks: [inner], cpus: 0.5,
    memory: 512m, user: 1000, labels: {team: shop, tier: 1}, pull: always,
    volumes: ['./data:/data:ro', 'cache:/var/cache', /scratch, '/etc/x:/x:rw']}}"""
    assert container(text.replace("serve --port {port}", "'serve --port {port}'")) == Container(
        image="shop:2",
        port=9000,
        command=("serve", "--port", "{port}"),
        volumes=(
            Mount("/data", "/srv/shop/data", read_only=True),
            Mount("/var/cache", "cache"),
            Mount("/scratch"),
            Mount("/x", "/etc/x"),
        ),
        networks=("inner",),
        cpus=0.5,
        memory_bytes=512 << 20,
        user="1000",
        labels=(("team", "shop"), ("tier", "1")),
        pull="always",
    )


def test_a_build_needs_no_image() -> None:
    told = container("{container: {build: {context: app, dockerfile: D, args: {A: 1.10}, target: last}}}")
    assert told == Container(build=Build("/srv/shop/app", "D", (("A", "1.10"),), "last"))
    assert container("{container: {build: {}}}") == Container(build=Build("/srv/shop"))


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("{image: a b}", "versions.v1.image", "is no name of an image"),
        ("{image: a, run: b}", "versions.v1", "`run` and `image`: a version is run in one way only"),
        ("{image: a, endpoints: ['127.0.0.1:1']}", "versions.v1", "`image` and `endpoints`"),
        ("{image: a, cwd: b}", "versions.v1.cwd", "the image says where its command runs"),
        ("{run: a, port: 8080}", "versions.v1.port", "`port` has no effect without an image"),
        ("{run: a, container: {user: b}}", "versions.v1.container", "`container` has no effect without an image"),
        ("{container: {build: {}, pull: never}}", "versions.v1.container.pull", "has no effect with `build`"),
        ("{image: a, container: {volumes: [data]}}", "versions.v1.container.volumes[0]", "does not say where"),
        ("{image: a, container: {volumes: ['a:/b:rx']}}", "versions.v1.container.volumes[0]", "'rx' is no mode"),
        ("{image: a, container: {volumes: ['~/a:/b']}}", "versions.v1.container.volumes[0]", "~ is not replaced"),
        ("{image: a, container: {volumes: ['a b:/b']}}", "versions.v1.container.volumes[0]", "neither a path nor"),
        ("{image: a, container: {memory: much}}", "versions.v1.container.memory", "'much' is no amount of memory"),
        ("{image: a, container: {memory: 1m}}", "versions.v1.container.memory", "less than engines allow"),
        ("{image: a, container: {cpus: 0}}", "versions.v1.container.cpus", "no number of processors"),
        ("{image: a, container: {networks: [host]}}", "versions.v1.container.networks[0]", "no address of their own"),
        ("{image: a, container: {networks: [a/b]}}", "versions.v1.container.networks[0]", "no name of a network"),
        ("{image: a, port: 0}", "versions.v1.port", "`0` is not allowed here"),
    ],
)
def test_what_cannot_be_is_one_fault_at_its_place(text: str, path: str, message: str) -> None:
    found = refusal(text)
    assert found[0] == path
    assert message in found[1]
    assert found[2]


def test_labels_of_abreast_are_its_own() -> None:
    _, message, _ = refusal("{image: a, container: {labels: {abreast.home: x}}}")
    assert "labels abreast.… are abreast's own" in message


@pytest.mark.parametrize(
    ("text", "amount_bytes"), [("6m", 6 << 20), ("1.5g", 3 << 29), ("8192k", 8 << 20), ("16777216", 1 << 24)]
)
def test_memory_is_counted_as_compose_does(text: str, amount_bytes: int) -> None:
    told = container(f"{{image: a, container: {{memory: {text}}}}}")
    assert told is not None
    assert told.memory_bytes == amount_bytes
