"""The catalogue: Prometheus' conventions, bounded labels, and the documentation says the same."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from abreast.findings.ledger import CAPTURED
from abreast.metrics.catalogue import BOUNDS_S, CATALOGUE, EXCHANGES, OPEN, OUTCOMES, VALUES, Metric
from abreast.shadow.plan import Skip

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `(abreast_\w+)` \| (\w+) \| (.*?) \| (.*?) \| (.*) \|$", re.MULTILINE)
VERSIONS, GATES = 3, 3
each_metric = pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)


@each_metric
def test_names_follow_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"abreast(_[a-z]+)+", metric.name)
    assert not metric.name.endswith("_total"), "added where it is shown"
    assert not re.search(r"_(ms|milliseconds|percent|minutes)$", metric.name), "base units"
    assert metric.help
    assert not metric.help.endswith(".")
    assert bool(metric.restart) == (metric.type != "gauge"), "what a restart does to what only grows"


@each_metric
def test_every_label_is_bounded(metric: Metric) -> None:
    for label in metric.labels:
        assert label in VALUES or label in OPEN
        assert re.fullmatch(r"[a-z_]+", label)
    assert metric.most(VERSIONS, GATES) <= 100


def test_each_name_is_there_once() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(names) == len(set(names))


def test_the_values_of_a_label_are_different() -> None:
    for values in (*VALUES.values(), BOUNDS_S):
        assert len(values) == len(set(values))
    assert all(below < above for below, above in pairwise(BOUNDS_S))
    assert set(VALUES) == {label for metric in CATALOGUE for label in metric.labels} - set(OPEN)


def test_every_bound_ends_one_of_envoys_buckets() -> None:
    """They have two significant digits of microseconds: no bucket may lie on both sides of a bound."""
    for bound in BOUNDS_S:
        assert float(f"{bound:.1e}") == bound


def test_every_reason_to_skip_that_is_documented_is_a_value() -> None:
    table = re.findall(r"^\| `([a-z-]+)` \| (?:gateway|relay)", (DOCS / "shadow.md").read_text("utf-8"), re.MULTILINE)
    assert len(table) > 10
    assert set(table) <= set(EXCHANGES)
    assert {reason.value for reason in Skip} <= set(EXCHANGES)
    assert CAPTURED not in EXCHANGES, "what is captured is compared, skipped, lost or pending"


def test_a_histogram_has_three_kinds_of_samples_and_a_counter_says_total() -> None:
    by_name = {metric.name: metric for metric in CATALOGUE}
    assert by_name["abreast_requests"].samples == {"abreast_requests_total"}
    assert len(by_name["abreast_request_duration_seconds"].samples) == 3
    assert by_name["abreast_requests"].most(VERSIONS, GATES) == VERSIONS * len(OUTCOMES)
    assert by_name["abreast_request_duration_seconds"].most(VERSIONS, GATES) == VERSIONS * (len(BOUNDS_S) + 3)


def documented() -> dict[str, tuple[str, str, str, str]]:
    text = (DOCS / "metrics.md").read_text("utf-8")
    return {name: (kind, labels, most, means) for name, kind, labels, most, means in ROW.findall(text)}


def test_the_documentation_lists_exactly_the_catalogue() -> None:
    assert list(documented()) == [metric.shown for metric in CATALOGUE]


@each_metric
def test_the_documentation_says_what_the_catalogue_says(metric: Metric) -> None:
    kind, labels, most, means = documented()[metric.shown]
    assert kind == metric.type
    assert re.findall(r"`(\w+)`", labels) == list(metric.labels)
    assert int(most) == metric.most(2, GATES)
    assert means == metric.help + (f"; after a restart it {metric.restart}" if metric.restart else "")


def test_the_documentation_lists_every_value_of_every_label() -> None:
    text = (DOCS / "metrics.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]*) \|$", text, re.MULTILINE))
    assert set(rows) == set(VALUES) | set(OPEN)
    for label, values in VALUES.items():
        assert re.findall(r"`([^`]+)`", rows[label]) == list(values)


def test_the_documentation_says_how_many_series_there_are_at_most() -> None:
    text = (DOCS / "metrics.md").read_text("utf-8")
    total = sum(metric.most(2, GATES) for metric in CATALOGUE)
    assert f"at most {total} series" in text
    bounds = ", ".join(f"{bound:g}" for bound in BOUNDS_S)
    assert bounds in text
