"""Whole files, as projects have them: what is proposed has no fault, and what is left out is said."""

from pathlib import Path

import pytest

from abreast.compose.carried import Surroundings
from abreast.compose.choice import application
from abreast.compose.document import read_compose
from abreast.compose.proposal import proposal
from abreast.compose.variables import Variables
from abreast.model.container import Build, Mount
from abreast.model.errors import SpecError, UsageError
from abreast.model.service import Version
from abreast.model.spec import Spec, parse_spec

FILES = sorted((Path(__file__).parent / "files").glob("*.yaml"))
NAMED = {"django": "web", "services": "orders"}
KNOWN = {"DB_PASSWORD": "hidden"}


def proposed(text: str, service: str = "", **env: str) -> str:
    file = read_compose(text, "docker-compose.yml", "/srv/shop")
    files = {".env": env} if env else {}
    return proposal(file, application(file, service), Surroundings(Variables(KNOWN), files))


def of(name: str) -> tuple[str, Spec]:
    text = proposed((Path(__file__).parent / f"files/{name}.yaml").read_text(), NAMED.get(name, ""))
    return text, parse_spec(text, directory="/srv/shop", environment={**KNOWN, "HOME": "/root"})


def version(name: str) -> Version:
    return of(name)[1].service().versions[0]


@pytest.mark.parametrize("name", [file.stem for file in FILES])
def test_each_file_becomes_a_spec_without_a_fault(name: str) -> None:
    text, spec = of(name)

    assert [each.name for each in spec.service().versions] == ["v1"]
    assert "hidden" not in text, "a value of the environment was copied"


@pytest.mark.parametrize("name", [file.stem for file in FILES])
def test_the_next_version_is_without_a_fault_once_its_comment_is_taken_away(name: str) -> None:
    text, _ = of(name)
    lines = [
        line.replace("  # ", "  ", 1) if line.startswith(("  # v2", "  #  ")) else line for line in text.split("\n")
    ]

    spec = parse_spec("\n".join(lines), environment={**KNOWN, "HOME": "/root"})

    first, second = spec.service().versions
    assert (first.name, second.name) == ("v1", "v2")
    assert first.container is not None
    assert second.container is not None
    assert first.container.image != second.container.image or first.container.image == ""


def test_a_web_application_with_its_database() -> None:
    text, spec = of("django")
    told = version("django").container

    assert told is not None
    assert told.build == Build("/srv/shop")
    assert told.command[:2] == ("gunicorn", "config.wsgi:application")
    assert told.volumes == (Mount("/code", "/srv/shop"), Mount("/code/static", "shop_static_volume"))
    assert told.networks == ("shop_default",)
    assert str(spec.service().gateway.listen) == "0.0.0.0:8000"
    assert "docker compose up -d --wait db redis" in text
    assert "left to compose: worker" in text
    assert "# It needs these variables in the environment of `abreast up`: DB_PASSWORD." in text


def test_a_node_service() -> None:
    _, spec = of("node")
    told = version("node")

    assert str(spec.service().gateway.listen) == "127.0.0.1:8080"
    assert told.ready.path == "/health"
    assert told.stop_timeout_s == 30
    assert dict(told.env) == {"NODE_ENV": "production", "MONGO_URL": "mongodb://mongo:27017/api"}
    assert told.container is not None
    assert (told.container.image, told.container.port, told.container.user) == ("ghcr.io/acme/api:1.4.2", 3000, "node")
    assert told.container.networks == ("acme-backend",)


def test_a_java_service_with_everything() -> None:
    text, _ = of("spring")
    told = version("spring")

    assert told.container is not None
    assert told.instances == 2
    assert told.start_timeout_s == 150
    assert told.container.entrypoint == ("java", "-jar")
    assert told.container.memory_bytes == 768 << 20
    assert dict(told.env)["JAVA_OPTS"] == "-Xmx512m -Dprice=$5"
    for key in ("secrets", "ulimits", "extra_hosts", "working_dir", "labels.traefik.enable", "build.cache_from"):
        assert f"\n# - {key}: " in text


def test_a_small_one_of_an_older_format() -> None:
    told = version("small")

    assert told.container is not None
    assert told.container.volumes == (Mount("/usr/share/site", "/root/site", read_only=True), Mount("/cache"))
    assert (told.container.pull, told.container.cpus, told.instances) == ("always", 0.5, 2)
    assert told.container.networks == ()


def test_what_a_spec_refuses_is_left_out_with_its_words() -> None:
    text = proposed(
        """
services:
  web:
    image: web
    mem_limit: 4m
    networks: [host-like, default]
    ports: ["80:99999"]
    stop_grace_period: 5 years
    environment: {"bad name": x, GOOD: y}
    volumes: ["cache:relative/path", "cache:/ok"]
""",
    )
    told = parse_spec(text).service().versions[0]

    assert told.container is not None
    assert told.container.memory_bytes is None
    assert told.container.volumes == (Mount("/ok", "shop_cache"),)
    assert dict(told.env) == {"GOOD": "y"}
    for words in (
        "- memory: '4m' is less than",
        "- stop_timeout: ",
        "- volumes: 'shop_cache:relative/path'",
        "- port: ",
    ):
        assert words in text


def test_what_only_lacks_a_variable_stays() -> None:
    text = proposed("services: {web: {image: 'web:${TAG:?which}', mem_limit: '${MEM:?}'}}")

    assert "image: web:${TAG}" in text
    assert "memory: ${MEM}" in text
    assert "MEM, TAG" in text


def test_files_of_variables_are_named_and_not_copied() -> None:
    text = proposed("services: {web: {image: web, env_file: .env}}", API_KEY="secret-value")

    assert "API_KEY: ${API_KEY}" in text
    assert "set -a; . ./.env; set +a" in text
    assert "secret-value" not in text


def test_nothing_to_run_and_nothing_to_say_are_errors() -> None:
    with pytest.raises(UsageError, match="neither `image` nor `build`"):
        proposed("services: {web: {command: x}}")
    with pytest.raises(SpecError) as caught:
        proposed("services: {web: {image: 'not a name'}}")
    assert "no name of an image" in caught.value.faults[0].message


def test_without_anything_left_out_there_is_no_list() -> None:
    text = proposed("services: {web: {image: web, healthcheck: {disable: true}}}")

    assert text.endswith("stable: v1\n")
