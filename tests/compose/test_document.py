"""Compose files as their services."""

import pytest

from abreast.compose.document import read_compose
from abreast.model.errors import SpecError

TEXT = """
x-base: &base {restart: always}
services:
  web:
    <<: *base
    image: shop:1.10
    scale: 2
    read_only: true
networks:
  given: {name: acme}
  outer: {external: true}
  older: {external: {name: from-before}}
volumes: {data: }
"""


def test_numbers_and_truths_are_the_text_that_stands_there() -> None:
    file = read_compose(TEXT, "compose.yaml", "/srv/My Shop.d")

    assert file.services["web"] == {"image": "shop:1.10", "scale": "2", "read_only": "true", "restart": "always"}
    assert file.project == "myshopd"


@pytest.mark.parametrize(
    ("kind", "name", "real"),
    [
        ("networks", "given", "acme"),
        ("networks", "outer", "outer"),
        ("networks", "older", "from-before"),
        ("networks", "default", "web-shop_default"),
        ("volumes", "data", "web-shop_data"),
    ],
)
def test_the_engine_knows_networks_and_volumes_by_these_names(kind: str, name: str, real: str) -> None:
    file = read_compose(f"name: web-shop\n{TEXT}", "compose.yaml", "/srv/shop")

    assert file.real_name(kind, name) == real


@pytest.mark.parametrize(
    ("text", "line", "message", "remedy"),
    [
        ("services: [", 1, "no valid YAML", "mend the YAML"),
        ("[a, b]", 1, "no compose file", "another file"),
        ("web: {image: a}", 1, "there are no services", "oldest kind"),
        ("services:\n  web: nginx", 2, "web is no mapping", "`image` or `build`"),
        ("services:\n  web:\n    extends: {service: base}", 3, "`extends` is not followed", "docker compose config"),
        ("include: [other.yaml]\nservices: {web: {image: a}}", 1, "`include`", "docker compose config"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, line: int, message: str, remedy: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_compose(text, "compose.yaml", "/srv/shop")

    (fault,) = caught.value.faults
    assert fault.line == line
    assert message in fault.message
    assert remedy in fault.remedy


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        read_compose("include: a\nservices: {a: 1, b: {extends: a}}", "compose.yaml", "/srv/shop")

    assert [fault.path for fault in caught.value.faults] == ["include", "services.a", "services.b.extends"]
