"""Starting and stopping what is measured; one that does not start says why."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from abreast.bench.origin import Behaviour, Origin
from abreast.bench.target import Direct, ProxyTarget, TargetError, Upstream, answers, free_port

if TYPE_CHECKING:
    from pathlib import Path

_SERVE = (
    "import http.server as h, sys; "
    "h.HTTPServer(('127.0.0.1', int(sys.argv[1])), h.SimpleHTTPRequestHandler).serve_forever()"
)
_STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + _SERVE


class Scripted(ProxyTarget):
    """A proxy that is a line of Python."""

    name = "scripted one"
    code = _SERVE

    @classmethod
    def installed(cls) -> bool:
        return True

    def command(self, directory: Path) -> list[str]:
        (directory / "index.html").write_text("hello")
        return [sys.executable, "-u", "-c", self.code, str(self.port)]


class Dying(Scripted):
    code = "raise SystemExit('no licence')"


class Stubborn(Scripted):
    code = _STUBBORN


async def test_it_starts_when_it_answers_and_stops_without_a_trace() -> None:
    target = Scripted([Upstream(1)], workers=1)
    await target.start()
    (pid,) = target.pids
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(target.url)).text == "hello"
    await target.stop()

    assert target.pids == ()
    assert not psutil.pid_exists(pid)


async def test_it_may_be_started_again() -> None:
    target = Scripted([Upstream(1)], workers=1)
    for _ in range(2):
        await target.start()
        await target.stop()
    await target.stop()


async def test_one_that_dies_is_quoted() -> None:
    with pytest.raises(TargetError, match=r"scripted one: it ended with 1 before it answered; it said: no licence"):
        await Dying([Upstream(1)], workers=1).start()


async def test_one_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abreast.bench.target._STOP_S", 0.1)
    target = Stubborn([Upstream(1)], workers=1)
    await target.start()
    (pid,) = target.pids

    await target.stop()

    assert not psutil.pid_exists(pid)


async def test_a_bad_answer_is_not_readiness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abreast.bench.target._READY_S", 0.2)
    async with Origin(behaviour=Behaviour("fail")) as origin:
        with pytest.raises(TargetError, match=r"within 0\.2 s \(status 500\)"):
            await answers(origin.url)


async def test_direct_is_the_first_upstream_and_costs_nobody() -> None:
    async with Origin() as origin:
        direct = Direct([Upstream(origin.port, 9), Upstream(1)])
        await direct.start()
        await direct.stop()

        assert direct.url == origin.url
        assert direct.pids == ()


def test_a_free_port_can_be_listened_on() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
        listener.listen()
