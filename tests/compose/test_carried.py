"""A service as the keys of a version."""

import pytest

from abreast.compose.carried import Carried, Surroundings, carried, env_files
from abreast.compose.document import ComposeFile, Keys
from abreast.compose.variables import Variables


def carry(keys: Keys, up: str = "", **files: dict[str, str] | None) -> Carried:
    file = ComposeFile("compose.yaml", "shop", {"web": {"image": "web", **keys}}, {}, {"kept": {"name": "real"}})
    return carried(file, "web", Surroundings(Variables({"SET": "x"}), files, up))


def container(keys: Keys, up: str = "") -> object:
    return carry(keys, up).version.get("container")


def words(keys: Keys, key: str) -> list[str]:
    return [told for name, told in carry(keys).notes if name == key]


def test_an_image_alone_is_a_version() -> None:
    assert carry({}).version == {"image": "web"}


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (".", {"context": "."}),
        ("app", {"context": "./app"}),
        (
            {"context": "./app", "dockerfile": "D", "target": "t"},
            {"context": "./app", "dockerfile": "D", "target": "t"},
        ),
        ({"args": ["A=$SET", "B", "SET"]}, {"context": ".", "args": {"A": "${SET}", "B": "${B:-}", "SET": "${SET}"}}),
    ],
)
def test_a_build_is_kept(build: object, told: object) -> None:
    assert container({"build": build}) == {"build": told}


def test_paths_are_seen_from_where_the_spec_lies() -> None:
    keys: Keys = {"build": "./app", "volumes": ["./data:/data", "/abs:/abs", "kept:/kept", "~/x:/x"]}

    assert container(keys, "../compose") == {
        "build": {"context": "../compose/app"},
        "volumes": ["../compose/data:/data", "/abs:/abs", "real:/kept", "${HOME}/x:/x"],
    }
    assert container({"build": "."}, "..") == {"build": {"context": ".."}}


def test_a_repository_is_no_directory() -> None:
    keys: Keys = {"build": {"context": "https://example.com/shop.git", "ssh": "default"}}

    assert container(keys) == {"build": {"context": "."}}
    assert "fetch it" in words(keys, "build")[0]
    assert words(keys, "build.ssh")


def test_commands_are_words() -> None:
    keys: Keys = {"entrypoint": "/init -v", "command": ["serve", "--tag=${SET}"]}

    assert container(keys) == {"entrypoint": ["/init", "-v"], "command": ["serve", "--tag=${SET}"]}
    assert "cannot be split" in words({"command": "it's"}, "command")[0]


def test_copies_and_limits_are_kept_from_either_place() -> None:
    limits: Keys = {"limits": {"cpus": "0.5", "memory": "64M", "pids": "9"}, "reservations": {}}
    new = carry({"deploy": {"replicas": "3", "resources": limits, "update_config": {}, "mode": "global"}})
    old = carry({"scale": "2", "cpus": "1", "mem_limit": "1g"})

    assert new.version == {"image": "web", "instances": 3, "container": {"cpus": "0.5", "memory": "64M"}}
    assert old.version == {"image": "web", "instances": 2, "container": {"cpus": "1", "memory": "1g"}}
    told = dict(new.notes)
    assert told["deploy.update_config"] == "the rollout's steps do this"
    assert told["deploy.mode"] == "it is for a swarm"
    assert {"deploy.resources.limits.pids", "deploy.resources.reservations"} <= told.keys()


def test_times_are_kept() -> None:
    check = {"test": "true", "start_period": "40s", "interval": "10s", "retries": "2"}

    assert carry({"stop_grace_period": "1m", "healthcheck": check}).version["stop_timeout"] == "1m"
    assert "start_timeout" not in carry({"healthcheck": check}).version, "the usual minute is enough"
    assert carry({"healthcheck": {**check, "retries": "9"}}).version["start_timeout"] == "2m10s"
    assert words({"healthcheck": {**check, "start_period": "soon"}}, "healthcheck.start_period")


def test_the_environment_goes_before_files_whose_values_are_not_copied() -> None:
    keys: Keys = {"environment": {"A": "1", "B": None, "PORT": "80"}, "env_file": ["f", {"path": "gone"}]}

    told = carry(keys, f={"A": "hidden", "SECRET": "hidden"}, gone=None)

    assert told.version["env"] == {"A": "1", "SECRET": "${SECRET}", "B": "${B:-}"}
    assert env_files(keys) == ["f", "gone"]
    assert "gone cannot be read" in " ".join(text for name, text in told.notes if name == "env_file")
    assert "environment.PORT" in dict(told.notes)


def test_labels_that_lead_past_the_gateway_are_left_out() -> None:
    keys: Keys = {"labels": ["team=shop", "traefik.enable=true", "abreast.home=x"], "user": "1000:1000"}

    assert container(keys) == {"labels": {"team": "shop"}, "user": "1000:1000"}
    assert words(keys, "labels.traefik.enable") == ["it would lead users past the gateway"]


def test_when_to_pull_is_kept_where_it_says_something() -> None:
    assert container({"pull_policy": "always"}) == {"pull": "always"}
    assert container({"pull_policy": "if_not_present"}) is None
    assert words({"pull_policy": "daily"}, "pull_policy")


def test_what_is_written_by_both_versions_is_said() -> None:
    keys: Keys = {"volumes": ["kept:/kept", "kept:/read:ro", {"type": "tmpfs", "target": "/quick"}]}

    assert words(keys, "volumes") == [
        "/kept: every instance of both versions writes there",
        "/quick: tmpfs has no key; `/path` alone is a fresh volume",
    ]


def test_every_other_key_has_its_reason() -> None:
    told = carry({"restart": "always", "x-mine": "1", "new_key": "1"}).notes

    assert ("new_key", "it is not a key that abreast knows") in told
    assert "restart" in dict(told)
    assert "x-mine" not in dict(told)
