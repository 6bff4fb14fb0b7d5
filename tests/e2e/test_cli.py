"""A user's days with abreast: one service, the real Envoy, and every verb typed as a user types it."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.e2e.service import Service, origin

LASTING = {
    "steps": [{"weight": "10%"}, {"weight": "50%"}, {"bake": "1h"}],
    "step_time": {"at_least": "1h", "at_most": "2h"},
}
SHORT = {
    "steps": [{"weight": "10%"}, {"bake": "300ms"}],
    "step_time": {"at_least": "1h", "at_most": "2h"},
    "retire": {"after": "500ms", "unused_for": "300ms"},
}


@pytest.fixture
def service(short_tmp: Path) -> Iterator[Service]:
    """Two cheap versions in a directory; not started yet."""
    made = Service.of(short_tmp, {"v1": origin("v1"), "v2": origin("v2")}, **LASTING)
    made.spec["gateway"]["drain"] = "500ms"
    made.write()
    yield made
    if made.process is not None:
        made.close()


def asked(service: Service, user: str) -> str:
    """The version that answers this user."""
    with httpx.Client(transport=httpx.HTTPTransport(verify=False)) as browser:  # no TLS: no certificates to read
        answer = browser.get(service.url, headers={"x-user-id": user})
    assert answer.status_code == 200
    return answer.headers["x-version"]


def pids(service: Service) -> dict[str, int]:
    """The process of each instance."""
    return {
        instance["id"]: instance["pid"] for version in service.status()["versions"] for instance in version["instances"]
    }


def events(service: Service) -> list[dict[str, Any]]:
    """The whole audit log."""
    rows: list[dict[str, Any]] = service.client().get("/events", limit=1000)
    return rows


def typed(service: Service, *words: str, code: int = 0) -> str:
    """What a command prints that must end with that code."""
    ended = service.run(*words)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def gone(pid: int) -> bool:
    """Whether that process has ended."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def reloaded(service: Service, words: str) -> str:
    """Write the spec, have it read again, and what is said then."""
    before = len(service.log)
    service.write()
    assert service.process is not None
    service.process.send_signal(signal.SIGHUP)
    service.until(lambda: words in service.log[before:])
    return service.log[before:]


def test_a_rollout_from_the_first_file_to_the_last_process(service: Service) -> None:
    service.file.unlink()
    assert "abreast.yaml" in typed(service, "init")
    service.write()
    assert "no faults" in typed(service, "check")
    service.up()
    assert f"shop is up: {service.url} → v1" in service.log
    assert asked(service, "ada") == "v1"

    assert "rollout 1: v1 → v2 begins" in typed(service, "start", "v2", "-m", "release 2")
    service.until(lambda: service.status()["phase"] == "progressing")
    assert re.search(r"^shop  v1 → v2   progressing   step 1 of 2   10 % of users", typed(service, "status", code=3))
    promoted_and_undone(service)

    service.spec["rollout"] = SHORT
    reloaded(service, "the spec was read again")
    old = pids(service)["v1-1"]
    service.give("start", version="v2")
    service.until(lambda: service.status()["phase"] == "progressing")
    service.give("promote", full=True)
    assert re.search(r"^shop  v1 → v2   (retiring|completed)", typed(service, "status", "--wait"), re.MULTILINE)
    service.until(lambda: service.status()["phase"] == "completed")
    assert gone(old)
    assert asked(service, "ada") == "v2"

    user = psutil.Process().username()
    log = typed(service, "events", "-n", "1000")
    assert f"rollout of v2 beside v1 began: release 2  [{user}]" in log
    assert f"promotion undone: a complaint  [{user}]" in log
    assert [row["phase"] for row in service.client().get("/history")] == ["completed", "rolled-back", "completed"]

    running = [*pids(service).values(), *envoys(service)]
    assert service.down() == 0
    assert all(gone(pid) for pid in running)


def promoted_and_undone(service: Service) -> None:
    """Some users, all users, and nobody again on v2."""
    said = typed(service, "weight", "30%")
    assert re.search(r"30 % of users go to v2; the steps are paused\nevery gateway obeys, \d+ ms after", said)
    users = {user: asked(service, user) for user in map(str, range(100))}
    assert 10 <= sum(side == "v2" for side in users.values()) <= 50
    assert service.status()["exit_code"] == 4
    service.give("resume")

    assert "all users go to v2" in typed(service, "promote", "--full")
    assert {asked(service, user) for user in users} == {"v2"}
    service.until(lambda: service.status()["phase"] == "baking")
    assert "all users go back to v1" in typed(service, "undo", "-m", "a complaint")
    assert {asked(service, user) for user in users} == {"v1"}
    service.until(lambda: service.status()["phase"] == "rolled-back")


def envoys(service: Service) -> list[int]:
    """The living processes of the gateway, by what the audit log says of them."""
    named = [re.search(r"^Envoy .* started \(process (\d+)\)", event["reason"]) for event in events(service)]
    found = [int(match[1]) for match in named if match]
    assert found
    return [pid for pid in found if not gone(pid)]


def test_a_changed_spec_is_taken_over_or_refused_with_the_reason(service: Service) -> None:
    service.up()
    service.give("start", version="v2")
    service.until(lambda: service.status()["phase"] == "progressing")

    steps = service.spec["rollout"]["steps"]
    service.spec["rollout"] = {**LASTING, "steps": [{"weight": "20%"}, *steps[1:]]}
    assert "10 % → 20 %: step 1: 20 %" in reloaded(service, "the spec was read again")
    service.until(lambda: service.status()["weight"] == 2000)

    service.spec["rollout"] = {**LASTING, "steps": [{"hold": "1m"}, *steps]}
    said = reloaded(service, "the changed spec is refused")
    assert "step 1 is under way: `weight 20 %`; the changed spec says: `hold 1m`" in said
    assert "→ put `weight 20 %` back as step 1" in said

    service.spec["rollout"] = {**LASTING, "steps": [steps[0], {"weight": "120%"}], "step_tmie": {}}
    said = reloaded(service, "the changed spec is refused")
    assert "'120%' is no share" in said
    assert "did you mean `step_time`?" in said

    service.spec["rollout"] = LASTING
    candidate = service.spec["versions"].pop("v2")
    service.spec["versions"]["v3"] = candidate
    said = reloaded(service, "the changed spec is refused")
    assert "versions: v2 is missing in the spec, but the rollout of shop uses it" in said

    service.spec["versions"]["v2"] = candidate
    service.spec["rollout"] = {**LASTING, "steps": [*steps[:2], {"weight": "75%"}, steps[2]]}
    reloaded(service, "the spec was read again")
    state = service.status()
    assert (state["step"], state["steps"], state["phase"], state["weight"]) == (1, 3, "progressing", 1000)
    kinds = [event["reason"] for event in events(service) if event["kind"] == "spec"]
    assert len(kinds) == 7, kinds
    assert asked(service, "ada") in {"v1", "v2"}


def test_a_killed_control_plane_finds_everything_again(service: Service) -> None:
    service.up()
    service.give("start", version="v2")
    service.until(lambda: service.status()["phase"] == "progressing")
    service.give("weight", weight=5000)
    before, gateway = pids(service), envoys(service)
    users = {user: asked(service, user) for user in map(str, range(40))}
    service.kill()
    assert {user: asked(service, user) for user in users} == users, "served as before while nobody is in charge"
    assert "no abreast runs" in typed(service, "status", code=7)
    service.up()
    assert "taking over: the gateway of an earlier run still serves" in service.log
    assert (pids(service), envoys(service)) == (before, gateway)
    assert {user: asked(service, user) for user in users} == users
    state = service.status()
    assert (state["phase"], state["weight"]) == ("paused", 5000)
    assert service.down() == 0
    assert all(gone(pid) for pid in [*before.values(), *gateway])


def test_doctor_says_why_a_candidate_gets_no_requests(service: Service) -> None:
    service.up()
    service.give("start", version="v2")
    service.until(lambda: service.status()["phase"] == "progressing")
    service.give("weight", weight=5000)
    # The split is monotone and the same after a retry: who is on v1 at 50 % is on v1 at 10 %.
    loyal = next(user for user in map(str, range(100)) if asked(service, user) == "v1")
    service.give("abort")
    # All that was asked so far is counted before the new attempt begins.
    state = service.status
    service.until(lambda: state()["phase"] == "rolled-back" and state()["users_requests"] == int(loyal) + 1)
    service.give("retry")
    service.until(lambda: service.status()["phase"] == "progressing")

    def said() -> str:
        found = [each["what"] for each in service.client().get("/doctor") if each["state"] == "fault"]
        return "\n".join(found)

    service.until(lambda: "got no request" in said())
    report = typed(service, "doctor", code=1)
    assert re.search(
        r"✘ v2 got no request for \d+ s although its weight is 10 %: v1 got none either; no user reaches the gateway\n"
        r"  → see the cause named",
        report,
    )
    assert "✔ v2: 1 of 1 instances are ready" in report

    for _ in range(5):
        assert asked(service, loyal) == "v1"
    service.until(lambda: "v1 had" in said())
    assert "the users seen all fall into stable's buckets" in said()


def test_a_gateway_that_does_not_obey_is_named(service: Service) -> None:
    service.up()
    service.give("start", version="v2")
    service.until(lambda: service.status()["phase"] == "progressing")
    (envoy,) = envoys(service)
    os.kill(envoy, signal.SIGSTOP)
    try:
        said = typed(service, "weight", "20%")
        assert "not every gateway obeys yet: see abreast status" in said
        assert "1 node, not obeying: gateway-" in typed(service, "status", code=4)
        assert re.search(r"! gateway-\S+ (has not yet acknowledged|is not connected)", service.run("doctor").stdout)
    finally:
        os.kill(envoy, signal.SIGCONT)
    service.until(lambda: all(node["obeys"] for node in service.status()["nodes"]))
