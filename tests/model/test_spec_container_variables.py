"""Variables in the keys of a container."""

import pytest

from abreast.model.container import Build, Container, Mount
from abreast.model.errors import SpecError
from abreast.model.spec import parse_spec

ENVIRONMENT = {"DATA": "./data", "NET": "inner", "MEM": "64m", "CPUS": "0.5", "WHO": "1000", "TAG": "7", "LOUD": "A B"}


def container(text: str) -> Container | None:
    spec = parse_spec(f"versions:\n  v1:\n{text}", directory="/srv/shop", environment=ENVIRONMENT)
    return spec.service().versions[0].container


def test_variables_are_replaced_in_every_key() -> None:
    assert container(
        """
    image: shop:${TAG}
    container:
      build: {context: "app-${TAG}", dockerfile: "Docker${TAG}", target: "t${TAG}", args: {A: "${TAG}-${NO:-x}"}}
      entrypoint: ["/init-${TAG}"]
      command: [serve, "--tag=${TAG}", "${LOUD}"]
      volumes: ["${DATA}:/data:ro", "cache-${TAG}:/cache", "${NO:-/etc/x}:/x"]
      networks: ["${NET}"]
      cpus: ${CPUS}
      memory: ${MEM}
      user: ${WHO}
      labels: {tag: "${TAG}"}
"""
    ) == Container(
        image="shop:7",
        build=Build("/srv/shop/app-7", "Docker7", (("A", "7-x"),), "t7"),
        entrypoint=("/init-7",),
        command=("serve", "--tag=7", "A B"),
        volumes=(Mount("/data", "/srv/shop/data", read_only=True), Mount("/cache", "cache-7"), Mount("/x", "/etc/x")),
        networks=("inner",),
        cpus=0.5,
        memory_bytes=64 << 20,
        user="1000",
        labels=(("tag", "7"),),
    )


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("image: a\n    container: {volumes: ['${GONE}:/data']}", "container.volumes[0]", "GONE, which is not set"),
        ("image: a\n    container: {volumes: ['${LOUD}:/data']}", "container.volumes[0]", "neither a path nor"),
        ("image: a\n    container: {memory: '${WHO}'}", "container.memory", "less than engines allow"),
        ("image: a\n    container: {cpus: '${WHO}x'}", "container.cpus", "'1000x' is no number of processors"),
        ("image: a\n    container: {networks: ['${NO:-host}']}", "container.networks[0]", "no address of their own"),
        ("image: a\n    container: {labels: {x: '${GONE}'}}", "container.labels.x", "GONE"),
        ("container: {build: {args: {A: '${GONE}'}}}", "container.build.args.A", "GONE"),
        ("image: 'a${LOUD}'", "image", "is no name of an image"),
    ],
)
def test_what_cannot_be_replaced_is_a_fault_at_its_place(text: str, path: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        container(f"    {text}\n")

    (fault,) = caught.value.faults
    assert fault.path == f"versions.v1.{path}"
    assert message in fault.message
    assert fault.remedy


def test_a_dollar_without_a_brace_is_left_alone() -> None:
    told = container("    image: a\n    container: {labels: {price: 5$}, command: [sh, -c, 'exec echo $HOME']}")

    assert told is not None
    assert told.labels == (("price", "5$"),)
    assert told.command[-1] == "exec echo $HOME"
