"""The tree that people read, from the JSON of the API."""

import pytest

from abreast.cli.status_view import change, lines
from abreast.operations.status import GateStatus, InstanceStatus, NodeStatus
from tests.cli.plane import CLIMBING, NODE, completed, state, version


def tree(status: dict[str, object]) -> str:
    return "\n".join(lines(status))


def test_a_rollout_that_climbs() -> None:
    assert tree(state()) == (
        "shop  v1 → v2   progressing   step 2 of 7   10 % of users   12 m\n"
        "  gateway   1 node   set 10 %   seen 10.03 % of 41,210 requests   users 0.00 % failed (2 of 50,000)\n"
        "  v1 stable     2/2 ready     612.4 rps   0.02 % errors   p50 8.0 ms   p99 41 ms\n"
        "  v2 candidate  2/2 ready      68.1 rps   0.03 % errors   p50 7.0 ms   p99 38 ms\n"
        "  gates\n"
        "    ✔ errors       not worse: at most 0.2 points more fail\n"
        "  next: weight 10 %: 20 s of 1 m left"
    )


def test_nothing_under_way() -> None:
    assert tree(completed(users_requests=0)) == (
        "shop  v1   completed   12 m\n"
        "  gateway   1 node\n"
        "  v1 stable     2/2 ready       0.0 rps   – errors   p50 –   p99 –"
    )


@pytest.mark.parametrize(
    ("phase", "stepping"), [("paused", True), ("frozen", True), ("pending", False), ("baking", False)]
)
def test_the_step_is_told_while_steps_are_walked(phase: str, *, stepping: bool) -> None:
    assert ("step 2 of 7" in tree(state(phase=phase))) is stepping


def test_a_policy_without_steps_has_none_to_tell() -> None:
    assert "step" not in tree(state(steps=0)).splitlines()[0]


def test_a_promoted_candidate_has_all_users_until_the_end() -> None:
    text = tree(state(phase="retiring", weight=10_000, gates=[], because="v1 stays warm", wake_in_s=None))
    assert text.startswith("shop  v1 → v2   retiring   100 % of users   12 m\n")
    assert text.endswith("  next: v1 stays warm")


def test_no_counts_yet() -> None:
    text = tree(state(seen_share=None, seen_requests=0, users_failed=0, users_requests=0))
    assert text.splitlines()[1] == "  gateway   1 node"


def test_what_the_database_says_is_one_line() -> None:
    text = tree(state(data=["v1 may write", "v2 is fenced and only reads"]))
    assert "\n  data      v1 may write; v2 is fenced and only reads\n" in text


def test_how_the_group_stands_is_one_line() -> None:
    text = tree(state(group=["payments is baking: ready", "cart has not answered yet"]))
    assert "\n  group     payments is baking: ready; cart has not answered yet\n" in text


def test_a_store_that_fails_comes_first() -> None:
    text = tree(state(store_error="the store cannot be written: disk full\n  → make room"))
    assert text.splitlines()[1] == "  ! the store cannot be written: disk full"


def test_a_silent_candidate_is_told_with_the_cause() -> None:
    assert "\n  ! v2 got no request for 12 s: no user\n" in tree(state(silence="v2 got no request for 12 s: no user"))


class TestGateways:
    """Those that do not obey are named, with their own words."""

    def test_all_obey(self) -> None:
        assert "  gateway   2 nodes   set 10 %" in tree(state(nodes=[NODE, NODE]))

    def test_one_refuses_and_one_is_late(self) -> None:
        refuses = NodeStatus("gateway-2", connected=True, obeys=False, weight=0, nack="no such cluster 'v2'")
        late = NodeStatus("gateway-3", connected=False, obeys=False, weight=None, nack="")
        line = tree(state(nodes=[NODE, refuses, late])).splitlines()[1]
        assert line.startswith("  gateway   3 nodes, not obeying: gateway-2: no such cluster 'v2', gateway-3   set")

    def test_none_is_there(self) -> None:
        assert "  gateway   0 nodes   set" in tree(state(nodes=[]))


class TestVersions:
    """Each on its line, and under it the instances that are not ready."""

    def test_kinds_of_errors_are_counted(self) -> None:
        bad = version("v2", "candidate", error_share=0.051, errors_by_code={"503": 4, "no answer": 1})
        assert "   5.10 % errors   p50 –   p99 –   (4 × 503, 1 × no answer)" in tree(state(versions=[bad]))

    def test_requests_that_hang_are_counted(self) -> None:
        assert tree(state(versions=[version("v2", "candidate", waiting_long=3)])).count("   3 wait too long") == 1

    def test_an_instance_that_is_not_ready_says_why(self) -> None:
        instances = [
            InstanceStatus("v2-1", "127.0.0.1:1", "unready", "GET /healthz answered 500", 0, 1),
            InstanceStatus("v2-2", "127.0.0.1:2", "starting", "", 0, 2),
            InstanceStatus("v2-3", "127.0.0.1:3", "ready", "GET /healthz answered 200", 0, 3),
        ]
        text = tree(state(versions=[version("v2", "candidate", ready=1, wanted=3, instances=instances)]))
        assert "1/3 ready" in text
        assert "\n      v2-1 unready: GET /healthz answered 500\n      v2-2 starting: …\n" in text
        assert "v2-3" not in text

    def test_names_of_different_lengths_stand_in_columns(self) -> None:
        versions = [version("v1", "stable"), version("2026-11-22", "candidate")]
        one, two = (line for line in tree(state(versions=versions)).splitlines() if "ready" in line)
        assert one.index("2/2 ready") == two.index("2/2 ready")

    @pytest.mark.parametrize(("ms", "text"), [(0.44, "0.4 ms"), (9.94, "9.9 ms"), (10.0, "10 ms"), (1234.5, "1234 ms")])
    def test_a_decimal_where_it_matters(self, ms: float, text: str) -> None:
        assert f"p50 {text}" in tree(state(versions=[version("v2", "candidate", p50_ms=ms)]))


@pytest.mark.parametrize(("verdict", "mark"), [("worse", "✘"), ("not-worse", "✔"), ("undecided", "◌")])
def test_each_verdict_has_its_mark(verdict: str, mark: str) -> None:
    gate = GateStatus("errors", verdict, "as it is", 0.4, None, None)
    assert tree(state(gates=[gate])).splitlines()[-2] == f"    {mark} errors       as it is"


@pytest.mark.parametrize(
    ("missing", "missing_s", "left"),
    [
        (60, 3.0, " (40 % of the proof, about 3 s at this rate)"),
        (60, None, " (40 % of the proof)"),
        (None, None, ""),
    ],
)
def test_an_undecided_gate_says_how_far_it_is(missing: int | None, missing_s: float | None, left: str) -> None:
    gate = GateStatus("errors", "undecided", "as it is", 0.4, missing, missing_s)
    assert tree(state(gates=[gate])).splitlines()[-2] == f"    ◌ errors       as it is{left}"


class TestNext:
    """What is waited for, and for how long at most."""

    def test_a_limit_that_the_reason_does_not_tell(self) -> None:
        text = tree(state(because="errors at 10 %: undecided", wake_in_s=53.0))
        assert text.endswith("  next: errors at 10 %: undecided (for at most 53 s more)")

    @pytest.mark.parametrize(("missing_s", "left"), [(None, ""), (90.0, ", about 1 m 30 s at this rate")])
    def test_a_gate_s_sentence_is_not_said_twice(self, missing_s: float | None, left: str) -> None:
        sentences = ("undecided: at most 3 points", "at most 20 % differ")
        gates = [
            GateStatus("differences", "not-worse", sentences[1], 1.0, None, None),
            GateStatus("errors", "undecided", sentences[0], 0.4, 60, missing_s),
        ]
        text = tree(state(gates=gates, because=f"errors at weight 10 %: {sentences[0]}", wake_in_s=53.0))
        assert text.endswith(f"\n  next: the next step when errors is proven{left} (for at most 53 s more)")
        proven = tree(state(gates=gates, because=f"differences: {sentences[1]}", wake_in_s=None))
        assert proven.endswith(f"\n  next: differences: {sentences[1]}")

    @pytest.mark.parametrize("wake_in_s", [None, 0.0, -3.0])
    def test_no_limit(self, wake_in_s: float | None) -> None:
        assert tree(state(because="a person has to resume", wake_in_s=wake_in_s)).endswith("a person has to resume")

    def test_a_finished_rollout_has_no_next(self) -> None:
        assert "next" not in tree(completed(candidate="v2"))


def test_a_change_is_a_line_that_stays_the_same_while_only_time_goes_by() -> None:
    line = change(state())
    assert line == f"shop  v1 → v2   progressing   step 2 of 7   10 % of users   {CLIMBING.reason}"
    assert change(state(phase_s=9999.0, because="weight 10 %: 1 s of 1 m left", wake_in_s=1.0)) == line
    assert change(state(weight=2500)) != line


def test_a_fleets_servers_are_one_line() -> None:
    a = {"name": "a", "decides": True, "silent_s": 0.0, "lost": False}
    b = {"name": "b", "decides": False, "silent_s": 61.0, "lost": True}
    assert "\n  servers   2: a, b   a decides   silent: b for 1 m 1 s\n" in tree(state(servers=[a, b]))
    assert "\n  servers   1: a   none decides at present\n" in tree(state(servers=[{**a, "decides": False}]))


def test_relays_elsewhere_are_named() -> None:
    assert "\n  relays    2: r1, r2\n" in tree(state(relays=["r1", "r2"]))
    assert "relays" not in tree(state(relays=[]))


def test_gateways_apart_from_servers_are_one_line() -> None:
    g1 = {"name": "g1", "server": "a", "weight": 2000, "obeys": True, "silent_s": 0.0, "lost": False}
    g2 = {**g1, "name": "g2", "server": "b", "weight": 100, "obeys": False}
    g3 = {**g1, "name": "g3", "weight": None, "obeys": False}
    g4 = {**g1, "name": "g4", "silent_s": 61.0, "lost": True}
    shown = tree(state(gateways=[g1, g2, g3, g4]))
    told = "g1 20 % through a, g2 1 % (not as ordered) through b, g3 not known yet, through a"
    assert f"\n  gateways  4: {told}   silent: g4 for 1 m 1 s\n" in shown
