"""Commands to repeat a request, run by a real shell and, where it is there, a real curl."""

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from abreast.cli.curl import curl
from tests.cli.found import REDACTED, sample

GATEWAY = "http://127.0.0.1:8080"


def words(text: str) -> list[str]:
    """The words that a shell makes of it, comments left out."""
    return shlex.split(text.replace("\\\n", " "), comments=True)


def notes(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("#")]


def test_it_asks_the_gateway_for_the_same_with_the_same_headers() -> None:
    text = curl(sample(), GATEWAY)
    assert words(text) == [
        *("curl", "--globoff", "--path-as-is", "--compressed", "--include"),
        *("--header", "accept: */*", "--header", "authorization: REDACTED_9f86d081", "--header", "host: shop.example"),
        "http://127.0.0.1:8080/orders/4711?full=1",
    ]
    assert text.endswith("\n")


def test_what_was_redacted_is_a_placeholder_and_said_so() -> None:
    text = curl(sample(), GATEWAY)
    assert notes(text) == [
        "# redacted when it was stored, put your own in place of REDACTED_…: header authorization",
    ]
    text = curl(
        sample(method="POST", path=f"/pay?token={REDACTED}", request_body=f"pin={REDACTED}", request_headers=()),
        GATEWAY,
    )
    assert words(text)[-1] == f"{GATEWAY}/pay?token=REDACTED_9f86d081"
    assert "pin=REDACTED_9f86d081" in words(text)
    assert notes(text)[0].endswith(": path, body")


def test_nothing_is_noted_where_nothing_is_left_out() -> None:
    assert notes(curl(sample(request_headers=(("accept", "a"),)), GATEWAY)) == []


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("GET", "", []),
        ("HEAD", "", ["--head"]),
        ("OPTIONS", "", ["--request", "OPTIONS"]),
        ("POST", "", ["--request", "POST"]),
        ("POST", "a=1", ["--data-binary", "a=1"]),
        ("PUT", "{}", ["--request", "PUT", "--data-binary", "{}"]),
        ("GET", "{}", ["--request", "GET", "--data-binary", "{}"]),
    ],
)
def test_method_and_body(method: str, body: str, expected: list[str]) -> None:
    text = curl(sample(method=method, request_body=body, request_headers=()), GATEWAY)
    known = {"curl", "--globoff", "--path-as-is", "--compressed", "--include", f"{GATEWAY}/orders/4711?full=1"}
    assert [word for word in words(text) if word not in known] == expected
    assert any("may change what users see" in note for note in notes(text)) is (method in {"POST", "PUT"})


def test_headers_of_the_connection_and_of_abreast_are_left_to_curl_and_the_gateway() -> None:
    names = ["content-length", "transfer-encoding", "connection", "accept-encoding", "x-abreast-shadow", ":authority"]
    text = curl(sample(request_headers=tuple((name, "1") for name in names)), GATEWAY)
    assert "--header" not in words(text)


def test_a_header_without_a_value_is_sent_without_one() -> None:
    assert "x-empty;" in words(curl(sample(request_headers=(("x-empty", ""),)), GATEWAY))


def test_a_gateway_with_a_certificate_is_asked_by_https_and_said_so() -> None:
    text = curl(sample(request_headers=()), "https://127.0.0.1:8443")
    assert "--insecure" in words(text)
    assert words(text)[-1].startswith("https://127.0.0.1:8443/")
    assert any(note.startswith("# --insecure") for note in notes(text))


HOSTILE: list[dict[str, Any]] = [
    {"path": "/a'; touch planted; '"},
    {"path": "/$(touch planted)`touch planted`"},
    {"request_headers": (("x", "'\n touch planted\n'"),)},
    {"request_headers": (("x'; touch planted; '", "1"),)},
    {"request_body": "'; touch planted\n#"},
    {"method": "X; touch planted"},
    {"method": "GET\ntouch planted"},
    {"request_headers": ((f"x\ntouch planted\n{REDACTED}", REDACTED),)},
]


@pytest.mark.parametrize("changes", HOSTILE)
def test_a_shell_runs_nothing_but_curl(changes: dict[str, Any], tmp_path: Path) -> None:
    text = curl(sample(**changes), "http://127.0.0.1:1")
    tmp_path.joinpath("curl").write_text("#!/bin/sh\nexit 0\n")
    tmp_path.joinpath("curl").chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(["sh", "-c", text], cwd=tmp_path, env=env, check=False, capture_output=True)
    assert not (tmp_path / "planted").exists()


def test_the_words_reach_the_program_as_they_are(tmp_path: Path) -> None:
    shell = shutil.which("sh")
    assert shell is not None
    tmp_path.joinpath("curl").write_text('#!/bin/sh\nfor word in "$@"; do printf "%s\\0" "$word"; done\n')
    tmp_path.joinpath("curl").chmod(0o755)
    body = 'it\'s\n$HOME {"a": 1}'
    done = subprocess.run(
        [shell, "-c", curl(sample(request_body=body, method="POST"), GATEWAY)],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert body in done.stdout.split("\0")
