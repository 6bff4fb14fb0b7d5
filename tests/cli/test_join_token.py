"""``abreast join-token``: what is asked of a server, and what is printed."""

import json
from pathlib import Path

import pytest

from abreast.model.errors import UsageError
from tests.cli.plane import Plane, Run

MADE = {"kind": "gateway", "name": "g1", "token": "abreast-join_x", "expires_at": 1_770_000_000.0}


def test_the_token_alone_is_printed(plane: Plane, abreast: Run) -> None:
    plane.answers("/join-tokens", MADE, status=201)
    ended = abreast("join-token", "g1", "--kind", "gateway", "--expires", "10m")
    assert (ended.code, ended.out) == (0, "abreast-join_x\n")
    assert ended.err == "it lets gateway/g1 in, once, within 10m; it is shown this once:\n"
    (asked,) = plane.asked
    assert asked.body is not None
    assert asked.body.pop("actor")
    assert asked.body == {"kind": "gateway", "name": "g1", "valid_s": 600.0}


def test_as_json_it_is_one_document(plane: Plane, abreast: Run) -> None:
    plane.answers("/join-tokens", MADE, status=201)
    ended = abreast("join-token", "g1", "--json")
    assert (json.loads(ended.out), ended.err) == (MADE, "")
    assert plane.asked[0].body is not None
    assert plane.asked[0].body["valid_s"] == 3600.0


def test_revoking_says_what_the_server_says(plane: Plane, abreast: Run) -> None:
    plane.answers("/agents/gateway/g1/revoke", {"message": "gateway/g1 is revoked"})
    assert abreast("join-token", "g1", "--revoke").out == "gateway/g1 is revoked\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a/b",), "'a/b' is no name"),
        (("g1", "--expires", "soon"), "--expires: "),
        (("g1", "--expires", "0s"), "is over at once"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anybody_is_asked(
    plane: Plane, abreast: Run, words: tuple[str, ...], said: str
) -> None:
    ended = abreast("join-token", *words)
    assert ended.code == UsageError.exit_code
    assert said in ended.err
    assert plane.asked == []


@pytest.mark.parametrize("words", [["g1"], ["g1", "--revoke"]])
def test_with_a_fleets_store_no_server_is_asked(plane: Plane, abreast: Run, short_tmp: Path, words: list[str]) -> None:
    spec = "service: shop\nversions: {v1: {endpoints: ['127.0.0.1:9001']}}\n"
    (short_tmp / "abreast.yaml").write_text(spec, "utf-8")
    ended = abreast("join-token", *words, "--store", "mysql://db/x")
    assert ended.code == UsageError.exit_code
    assert "--store: that is no address of a PostgreSQL" in ended.err
    assert plane.asked == []
