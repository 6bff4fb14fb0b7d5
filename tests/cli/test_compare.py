"""`abreast compare` as a user meets it, against services on loopback."""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from abreast.bench.target import free_port
from abreast.cli.compare import compare
from abreast.compare.model import Request
from abreast.model.errors import AbreastError, NotRunningError, RequestsError, SpecError, UsageError
from abreast.offline.run import NothingComparedError
from abreast.offline.side import UnreachableError
from tests.offline.service import Reply, serving

APP = typer.Typer()
APP.command()(compare)
REQUESTS = '{"path": "/orders/7"}\n{"path": "/calm"}\n{"method": "POST", "path": "/orders"}\n'


def run(*words: str, stdin: str | None = None) -> tuple[int, str, str]:
    """Exit code, what was printed, and what was printed to stderr. Raises what the program would print as an error."""
    result = CliRunner().invoke(APP, list(words), input=stdin)
    if isinstance(result.exception, AbreastError):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@contextmanager
def service(answering: Callable[[Request], Reply]) -> Iterator[str]:
    """A service beside the program, on a thread of its own: the URL."""
    ready, stop, urls = threading.Event(), asyncio.Event(), list[str]()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with serving(answering) as running:
            urls.append(running.url)
            ready.set()
            await stop.wait()

    def work() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(10)
    try:
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def orders(total: object) -> Callable[[Request], Reply]:
    """Answers whose total is this."""

    def answering(request: Request) -> Reply:
        return Reply(body=json.dumps({"total": total if request.path.startswith("/orders") else 0}).encode())

    return answering


@pytest.fixture(scope="module")
def old() -> Iterator[str]:
    """The URL of stable."""
    with service(orders(7)) as url:
        yield url


@pytest.fixture(scope="module")
def new() -> Iterator[str]:
    """The URL of a candidate whose total is text."""
    with service(orders("7")) as url:
        yield url


@pytest.fixture
def requests(tmp_path: Path) -> str:
    """A file of three requests, one of them a write."""
    file = tmp_path / "requests.ndjson"
    file.write_text(REQUESTS)
    return str(file)


def test_a_difference_is_printed_and_told_by_the_exit_code(old: str, new: str, requests: str) -> None:
    code, out, _ = run(old, new, "--requests", requests)

    assert code == 13
    assert "1. GET /orders/{id}: /total is a string, was a number, in 100 % of answers" in out
    assert "3 requests = 2 compared + 1 skipped (1 method POST)" in out
    assert "\x1b" not in out


def test_agreement_is_exit_code_0_and_json_has_it_all(old: str) -> None:
    code, out, _ = run(old, old, "-r", "-", "--json", stdin=REQUESTS)
    told = json.loads(out)

    assert code == 0
    assert told["findings"] == []
    assert told["requests"] == "standard input"
    assert told["ledger"]["compared"] == 2


def test_the_first_requests_and_those_of_one_host_can_be_chosen(old: str, tmp_path: Path) -> None:
    file = tmp_path / "curl.txt"
    file.write_text("curl http://shop/1\ncurl http://cdn/x\ncurl http://shop/2\n")

    _, out, _ = run(old, old, "-r", str(file), "--from", "shop", "--limit", "1", "--json")
    ledger = json.loads(out)["ledger"]
    assert (ledger["seen"], ledger["left_out"]) == (1, {"other host": 1})
    with pytest.raises(UsageError, match="requests of 2 hosts"):
        run(old, old, "-r", str(file))


def test_the_rules_of_a_spec_are_read(old: str, new: str, requests: str, tmp_path: Path) -> None:
    spec = tmp_path / "abreast.yaml"
    spec.write_text("versions: {v1: {endpoints: ['127.0.0.1:9001']}, v2: {endpoints: ['127.0.0.1:9002']}}\n")

    code, _, _ = run(old, new, "-r", requests, "--rules", str(spec))
    assert code == 13
    spec.write_text("versions: 7")
    with pytest.raises(SpecError):
        run(old, new, "-r", requests, "--rules", str(spec))


def test_what_makes_no_sense_is_told_before_anything_is_asked(old: str, requests: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two URLs and a file"):
        run(old, "-r", requests)
    with pytest.raises(UsageError, match="two URLs and a file"):
        run(old, old)
    with pytest.raises(UsageError, match="B: 'shop' is no http"):
        run(old, "shop", "-r", requests)
    with pytest.raises(UsageError, match="compares nothing"):
        run(old, old, "-r", requests, "--record", str(tmp_path / "x"))
    with pytest.raises(UsageError, match="--timeout"):
        run(old, old, "-r", requests, "--timeout", "soon")
    with pytest.raises(RequestsError, match="standard input:1: 'GET /' begins neither"):
        run(old, old, "-r", "-", stdin="GET /")


def test_a_side_that_is_not_there_and_nothing_to_compare_are_errors(old: str, requests: str) -> None:
    with pytest.raises(UnreachableError, match=r"B at .* cannot be reached: connection refused") as raised:
        run(old, f"http://127.0.0.1:{free_port()}", "-r", requests)
    assert raised.value.exit_code == 1
    with pytest.raises(NothingComparedError):
        run(old, old, "-r", "-", stdin='{"method": "PUT", "path": "/"}')


def test_what_takes_long_tells_how_far_it_is(old: str) -> None:
    with service(lambda _: Reply(wait_s=0.08)) as slow:
        lines = "".join(f'{{"path": "/{number}"}}\n' for number in range(16))
        _, _, err = run(slow, slow, "-r", "-", "--concurrency", "1", stdin=lines)

    assert re.fullmatch(r"(?:(?:learned from A and the control|compared): \d+ of 1[06]\n)+", err)


def test_recording_needs_a_control_plane(short_tmp: Path) -> None:
    spec = str(short_tmp / "abreast.yaml")
    with pytest.raises(NotRunningError, match="no abreast listens"):
        run("--record", str(short_tmp / "r.ndjson"), "--file", spec, "--seconds", "1")
