"""What the parts of a spec have against each other."""

import pytest

from abreast.model.document import dotted, read_document
from abreast.model.spec_checks import conflicts
from abreast.model.spec_faults import read_keys


def found(text: str) -> list[tuple[str, str, str]]:
    """Path, message and remedy of each conflict in a spec whose values are each sound."""
    document = read_document(text, "a.yaml")
    reading = read_keys(document, document.value)
    assert reading.keys
    assert reading.faults == ()
    return [(dotted(each.path), each.message, each.remedy) for each in conflicts(reading.keys, "shop")]


@pytest.mark.parametrize(
    "text",
    [
        "versions: {v1: {run: a}}",
        "versions: {v1: {run: a}, v2: {endpoints: ['127.0.0.1:1', '127.0.0.1:2']}}\nstable: v2",
        "versions: {v1: {run: a, timeout: 14900ms}}",
        "versions: {v1: {run: a, timeout: 2s}}\ngateway: {timeout: 2100ms}",
        "versions: {v1: {endpoints: ['127.0.0.1:8080']}}\ngateway: {listen: '127.0.0.2:8080'}",
        "versions: {v1: {endpoints: ['10.0.0.1:8080']}}\ngateway: {listen: '0.0.0.0:8080'}",
        "versions: {v1: {endpoints: ['127.0.0.1:1'], ready: GET /, start_timeout: 5s, protocol: h2c}}",
    ],
)
def test_what_agrees_has_no_conflict(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "path", "message", "remedy"),
    [
        ("versions: {}", "versions", "there is no version", "at least one"),
        ("versions: {v1: {instances: 2}}", "versions.v1", "none of `run`, `image`, `deployment`", "add `run"),
        ("versions: {v1: {run: a, endpoints: ['127.0.0.1:1']}}", "versions.v1", "`run` and `endpoints`", "keep one"),
        ("versions: {v1: {run: a}}\nstable: v2", "stable", "'v2'; `versions` has: v1", "add `v2`"),
        ("versions: {v1: {run: a, timeout: 15s}}", "versions.v1.timeout", "15s is not below", "less than 15s"),
        ("versions: {v1: {run: a}}\ngateway: {timeout: 10s}", "gateway.timeout", "10s where none", "more than 10s"),
        (
            "versions: {v1: {run: a}, v2: {run: a}}\ngateway: {timeout: 5s}",
            "gateway.timeout",
            "5s is not above",
            "in each version",
        ),
        ("versions: {v1: {endpoints: ['127.0.0.1:8080']}}", "versions.v1.endpoints[0]", "gateway's own", "itself"),
        (
            "versions: {v1: {endpoints: ['[::1]:9']}}\ngateway: {listen: '[::]:9'}",
            "versions.v1.endpoints[0]",
            "gateway's own",
            "itself",
        ),
        (
            "versions: {v1: {endpoints: ['127.0.0.1:1', 'localhost:1']}}",
            "versions.v1.endpoints[1]",
            "127.0.0.1:1 is here twice",
            "keep one",
        ),
        (
            "versions: {v1: {endpoints: ['127.0.0.1:1']}, v2: {endpoints: ['127.0.0.1:2', '127.0.0.1:1']}}",
            "versions.v2.endpoints[1]",
            "endpoint of 'v1' already",
            "of its own",
        ),
        (
            "versions: {v1: {run: a}}\nusers: {by: ['header:A', 'cookie:a', 'header:a']}",
            "users.by[2]",
            "'header:a' is here twice",
            "keep one",
        ),
        (
            "versions: {v1: {run: a}}\nrollout: {step_time: {at_least: 2h}}",
            "rollout.step_time.at_least",
            "2h, longer than at_most, 1h",
            "make at_most the longer one",
        ),
    ],
)
def test_what_disagrees_is_one_conflict(text: str, path: str, message: str, remedy: str) -> None:
    ((where, said, next_move),) = found(text)
    assert where == path
    assert message in said
    assert remedy in next_move


@pytest.mark.parametrize("key", ["instances: 2", "env: {A: b}", "cwd: x", "live: tcp", "stop_timeout: 5s"])
def test_keys_of_processes_mean_nothing_for_what_runs_elsewhere(key: str) -> None:
    ((path, message, remedy),) = found(f"versions: {{v1: {{endpoints: ['127.0.0.1:1'], {key}}}}}")
    name = key.partition(":")[0]
    assert path == f"versions.v1.{name}"
    assert f"`{name}` has no effect with `endpoints`" in message
    assert remedy == "remove it"
