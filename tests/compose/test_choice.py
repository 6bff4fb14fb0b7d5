"""Which service is meant."""

import pytest

from abreast.compose.choice import application, keeps_data, what
from abreast.compose.document import ComposeFile, Keys
from abreast.model.errors import UsageError


def file(**services: Keys) -> ComposeFile:
    return ComposeFile("compose.yaml", "shop", services, {}, {})


DATABASE: Keys = {"image": "docker.io/library/postgres:16-alpine@sha256:00"}
PROXY: Keys = {"image": "nginx:1.25", "ports": ["80:80"]}


def test_the_only_one_that_is_no_database_and_no_proxy() -> None:
    assert application(file(db=DATABASE, web={"image": "acme/web"}, proxy=PROXY)) == "web"
    assert application(file(mine={"build": ".", "image": "postgres"})) == "mine"


def test_a_proxy_is_it_if_it_is_named() -> None:
    assert application(file(db=DATABASE, proxy=PROXY), "proxy") == "proxy"


def test_several_are_listed_with_what_tells_them_apart() -> None:
    with pytest.raises(UsageError) as caught:
        application(file(db=DATABASE, a={"build": ".", "ports": ["81:80"]}, b={"image": "b:1", "command": "work"}))

    assert "2 services" in caught.value.message
    assert "built here, port 80" in caught.value.message
    assert "image b:1, no published port, runs: work" in caught.value.message
    assert "db" not in caught.value.message
    assert "--service a" in caught.value.remedy


def test_none_at_all_says_what_there_is() -> None:
    with pytest.raises(UsageError, match=r"db is image docker\.io/library/postgres"):
        application(file(db=DATABASE))


def test_a_name_that_there_is_not_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="no service 'wbe'") as caught:
        application(file(web={"image": "a"}, db=DATABASE), "wbe")

    assert "db, web" in caught.value.remedy


def test_a_database_is_left_to_compose_even_when_it_is_named() -> None:
    with pytest.raises(UsageError, match="two truths") as caught:
        application(file(web={"image": "a"}, db=DATABASE), "db")

    assert "docs/data.md" in caught.value.remedy


@pytest.mark.parametrize(
    ("image", "kept"),
    [
        ("redis", True),
        ("bitnami/kafka:3", True),
        ("localhost:5000/mysql", True),
        ("mysql:${TAG:-8.0}", True),
        ("acme/redis-client", False),
        ("${IMAGE}", False),
    ],
)
def test_databases_are_known_by_the_last_part_of_the_images_name(image: str, *, kept: bool) -> None:
    assert keeps_data({"image": image}) is kept


def test_a_service_is_told_in_a_few_words() -> None:
    assert what({}) == "without an image, no published port"
