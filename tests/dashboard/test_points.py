"""What is drawn over time: lines, breaks, steps and marks."""

import pytest

from tests.dashboard.modules import Script, call, value
from tests.dashboard.statuses import Json

BEGIN = 1_800_000_000
ACROSS = Script("(at) => at")
"""A chart with a pixel for each second."""


def point(at: float, rps: float | None = 10.0, **fields: float | None) -> Json:
    return {"at": at, "seen": {} if rps is None else {"v1": {"rps": rps, "error_share": 0.0, "p99_ms": 5.0, **fields}}}


def minute(at: float, requests: int = 600, errors: int = 6) -> Json:
    return {"at": at, "version": "v1", "requests": requests, "errors": errors, "p50_ms": 4.0, "p99_ms": 40.0}


def line(points: list[Json], minutes: list[Json], field: str = "rps", bin_s: float = 1) -> list[list[float | None]]:
    found: list[list[float | None]] = call("points", "lineOf", points, minutes, "v1", field, BEGIN - 600, bin_s)
    return found


class TestLine:
    def test_a_point_each_second(self) -> None:
        assert line([point(BEGIN), point(BEGIN + 1, 12.0)], []) == [[BEGIN + 0.5, 10.0], [BEGIN + 1.5, 12.0]]

    def test_a_wide_window_has_the_mean_of_rates_and_the_peak_of_latencies(self) -> None:
        points = [point(BEGIN, 10.0, p99_ms=5.0), point(BEGIN + 1, 20.0, p99_ms=90.0), point(BEGIN + 2, 30.0)]
        assert line(points, [], bin_s=3) == [[BEGIN + 1.5, 20.0]]
        assert line(points, [], "p99_ms", bin_s=3) == [[BEGIN + 1.5, 90.0]]

    def test_what_was_not_seen_breaks_the_line(self) -> None:
        points = [point(BEGIN, error_share=None), point(BEGIN + 1, error_share=0.5), point(BEGIN + 2, None)]
        assert [pair[1] for pair in line(points, [], "error_share")] == [None, 0.5, None]

    def test_a_lost_connection_breaks_the_line(self) -> None:
        points = [point(BEGIN), point(BEGIN + 1), point(BEGIN + 30)]
        assert [pair[1] for pair in line(points, [])] == [10.0, 10.0, None, 10.0]
        assert [pair[1] for pair in line(points[:2], [])] == [10.0, 10.0]

    def test_before_the_page_was_opened_there_are_minutes(self) -> None:
        found = line([point(BEGIN)], [minute(BEGIN - 120), minute(BEGIN - 60)])
        assert found == [[BEGIN - 90, 10.0], [BEGIN - 30, 10.0], [BEGIN + 0.5, 10.0]]
        shares = line([], [minute(BEGIN - 120), minute(BEGIN - 60, 0, 0)], "error_share")
        assert [pair[1] for pair in shares] == [0.01, None]

    def test_a_minute_that_was_seen_by_the_second_is_not_drawn_twice(self) -> None:
        assert line([point(BEGIN + 70)], [minute(BEGIN + 60)]) == [[BEGIN + 70.5, 10.0]]

    def test_minutes_without_requests_are_a_break(self) -> None:
        found = line([], [minute(BEGIN - 420), minute(BEGIN - 60)])
        assert [pair[1] for pair in found] == [10.0, None, 10.0]

    def test_what_is_before_the_window_is_not_drawn(self) -> None:
        assert line([point(BEGIN - 700)], [minute(BEGIN - 720)]) == []


def test_an_hour_of_seconds_is_kept_and_no_more() -> None:
    count = value(
        "(() => { const kept = []; for (let at = 0; at < 9000; at += 1) modules.points.keep(kept, {at}); "
        "return [kept.length, kept[kept.length - 1].at]; })()"
    )
    assert 3600 <= count[0] <= 3960
    assert count[1] == 8999


class TestWeight:
    @staticmethod
    def move(at: float, before: int, after: int) -> Json:
        return {"id": at, "at": at, "kind": "weight", "data": {"before": before, "after": after}}

    def steps(self, events: list[Json], present: int) -> list[list[float]]:
        found: list[list[float]] = call("points", "weightSteps", events, 100, 200, present)
        return found

    def test_it_holds_until_the_next_move(self) -> None:
        moves = [self.move(50, 0, 100), self.move(120, 100, 1000), self.move(150, 1000, 2500)]
        assert self.steps(moves, 2500) == [[100, 100], [120, 1000], [150, 2500], [200, 2500]]

    def test_without_older_moves_it_was_what_the_first_moved_from(self) -> None:
        assert self.steps([self.move(120, 100, 1000)], 1000)[0] == [100, 100]

    def test_without_any_move_it_is_what_it_is(self) -> None:
        assert self.steps([], 5000) == [[100, 5000], [200, 5000]]

    def test_after_a_rollout_there_is_no_candidate_to_be_on(self) -> None:
        over: Json = {"id": 2, "at": 160, "kind": "phase", "data": {"before": "retiring", "after": "completed"}}
        baked: Json = {"id": 1, "at": 140, "kind": "phase", "data": {"before": "promoting", "after": "baking"}}
        assert self.steps([self.move(120, 5000, 10_000), baked, over], 0) == [
            [100, 5000],
            [120, 10_000],
            [160, 0],
            [200, 0],
        ]

    def test_a_new_rollout_begins_without_users(self) -> None:
        began: Json = {"id": 1, "at": 130, "kind": "started", "data": {"stable": "v1", "candidate": "v2"}}
        assert self.steps([self.move(50, 5000, 10_000), began], 0) == [[100, 10_000], [130, 0], [200, 0]]

    def test_other_events_move_nothing(self) -> None:
        other: Json = {"id": 1, "at": 130, "kind": "phase", "data": {"before": "pending", "after": "progressing"}}
        assert self.steps([other], 100) == [[100, 100], [200, 100]]


def test_marks_that_would_cover_each_other_are_one() -> None:
    events = [{"id": number, "at": at} for number, at in enumerate((10, 20, 37, 38, 90))]
    found = call("points", "groups", events, ACROSS, 28)
    assert [(group["x"], [each["id"] for each in group["events"]]) for group in found] == [
        (10, [0, 1, 2]),
        (38, [3]),
        (90, [4]),
    ]


@pytest.mark.parametrize("rounds", [1, 100, 1000])
def test_thinned_pairs_stay_few_and_keep_their_ends(rounds: int) -> None:
    first, last, length = value(
        f"(() => {{ let all = []; for (let at = 0; at < {rounds}; at += 1)"
        " all = modules.points.thinned(all, [at, at], 50); return [all[0], all[all.length - 1], all.length]; })()"
    )
    assert first == [0, 0]
    assert last[0] >= rounds - 2
    assert length <= 50


class TestState:
    RUN = "(() => {{ const state = modules.state.createState({{role: 'viewer'}}); {steps} return {answer}; }})()"

    def run(self, steps: str, answer: str) -> object:
        return value(self.RUN.format(steps=steps, answer=answer))

    def test_events_that_come_twice_or_late_are_known_once_and_in_order(self) -> None:
        steps = "".join(
            f"modules.state.takeEvents(state, [{', '.join(f'{{id: {number}}}' for number in batch)}]);"
            for batch in ((5, 6), (7,), (6, 7, 8), (1, 2), ())
        )
        assert self.run(steps, "state.events.map((entry) => entry.id)") == [1, 2, 5, 6, 7, 8]
        assert self.run(steps, "modules.state.newestEvent(state)") == 8
        assert self.run("", "modules.state.newestEvent(state)") == 0

    def test_the_growth_of_a_proof_begins_anew_with_each_step(self) -> None:
        take = (
            "modules.state.takeStatus(state, {{rollout: 1, step: {step}, phase: 'progressing', versions: [], "
            "gates: [{{name: 'errors', share: {share}}}]}}, {at});"
        )
        steps = take.format(step=1, share=0.2, at=1) + take.format(step=1, share=0.6, at=2)
        assert self.run(steps, "state.gates.get('errors')") == [[1, 0.2], [2, 0.6]]
        assert self.run(steps + take.format(step=2, share=0.1, at=3), "state.gates.get('errors')") == [[3, 0.1]]

    @pytest.mark.parametrize(("role", "steers"), [("viewer", False), ("operator", True), ("admin", True)])
    def test_who_may_steer(self, role: str, *, steers: bool) -> None:
        assert call("state", "maySteer", {"role": role}) is steers

    def test_findings_are_asked_for_when_they_changed(self) -> None:
        shadow = {"findings_open": 1, "findings_accepted": 0}
        marks = [
            call("state", "findingsMark", {"rollout": rollout, "shadow": each})
            for rollout, each in ((1, shadow), (1, {**shadow, "findings_open": 2}), (2, shadow), (1, None))
        ]
        assert len(set(marks)) == 4
