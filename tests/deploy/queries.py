"""What a query asks for: metrics and the values of their labels, to be held against the catalogue."""

import re
from collections.abc import Iterator

from abreast.metrics.catalogue import CATALOGUE, OPEN, VALUES, Metric

SAMPLES = {name: metric for metric in CATALOGUE for name in metric.samples}
PROCESS = frozenset({"process_cpu_seconds_total"})
"""Of the client library's, those that are used."""

_NAME = re.compile(r"\b(?:\w+:)?(?:abreast|process)_\w+(?::\w+)?(\{[^}]*\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


def used(query: str) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Every series' name, with the values that its matchers name."""
    for found in _NAME.finditer(query):
        name = found[0].split("{", maxsplit=1)[0]
        yield name, {label: values.split("|") for label, _, values in _MATCHER.findall(found[1] or "")}


def faults(query: str, recorded: frozenset[str] = frozenset()) -> list[str]:
    """What it asks for that is not there."""
    found = []
    for name, matchers in used(query):
        if name in recorded or name in PROCESS:
            continue
        metric = SAMPLES.get(name)
        if metric is None:
            found.append(f"{name} is exposed by nothing")
            continue
        for label, values in matchers.items():
            found += _of_label(metric, label, values)
    return found


def _of_label(metric: Metric, label: str, values: list[str]) -> list[str]:
    if label not in {"service", *metric.labels}:
        return [f"{metric.name} has no label {label}"]
    if label in OPEN:
        return []
    return [f"{metric.name}: {label} is never {value}" for value in values if value not in VALUES[label]]
