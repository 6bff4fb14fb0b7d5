"""One visit: what stands still stands still, what is killed comes again, and users notice neither."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from abreast.bench.shadow import shadowing
from abreast.bench.shadow_case import GET, POST, Case, Sizes
from abreast.bench.shadow_visit import Visit, hung, kill

TINY = Sizes(rounds=1, visit_s=1.6, settle_s=2.0, connections=8, users=100, workers=1)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def state(pid: int) -> str:
    return psutil.Process(pid).status()


def stopped(pid: int) -> bool:
    """Whether it stands still; waits until it does."""
    _, status = os.waitpid(pid, os.WUNTRACED)
    return os.WIFSTOPPED(status)


def test_a_process_stands_still_only_within(sleeper: subprocess.Popen[bytes]) -> None:
    with hung([sleeper.pid]):
        assert stopped(sleeper.pid)

    assert state(sleeper.pid) != psutil.STATUS_STOPPED


def test_a_process_goes_on_whatever_happened_within(sleeper: subprocess.Popen[bytes]) -> None:
    with pytest.raises(ProcessLookupError), hung([sleeper.pid]):
        os.kill(2**22 + 1, 0)  # beyond the greatest process id

    assert state(sleeper.pid) != psutil.STATUS_STOPPED


def test_killing_is_as_a_crash_and_nobody_twice(sleeper: subprocess.Popen[bytes]) -> None:
    kill([sleeper.pid])
    assert sleeper.wait(10) == -signal.SIGKILL

    kill([sleeper.pid])
    with hung([sleeper.pid]):
        pass


@pytest.mark.acceptance
@pytest.mark.timeout(120)
async def test_users_notice_neither_a_hung_candidate_nor_a_hung_or_killed_relay() -> None:
    async with shadowing(1) as (target, candidate):
        cases = (Case.CANDIDATE_HUNG, Case.RELAY_HUNG, Case.RELAY_KILLED)
        requests = ((GET, 100.0), (POST, 30.0), (GET, 100.0))
        relays, found = [], []
        for case, (request, rate_per_s) in zip(cases, requests, strict=True):
            relays.append(target.relays)
            found.append(await Visit(target, candidate, case, TINY).made(0, request, rate_per_s))
        relays.append(target.relays)
        assert state(candidate.pid) != psutil.STATUS_STOPPED

    for each, case in zip(found, cases, strict=True):
        assert each.failed == 0, each
        assert (each.case, each.copies.seen) == (case, each.sent)
        assert each.copies.skipped["sampled-out"] > 0
        assert each.envoy_cpu_us > 10
        assert 0 < each.p50_ms <= each.p99_ms
    # A relay that stands still uses no processor time, another one all that it took to start.
    assert found[1].relay_cpu_us == 0 < found[2].relay_cpu_us
    assert relays[0] == relays[1] == relays[2] != relays[3]
