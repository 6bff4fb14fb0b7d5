"""Samples under the catalogue's names, for one scrape."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family

from abreast.metrics.catalogue import Metric


class Sheet:
    """What one service has to show; a sample's labels must be those of its metric, in any order."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._families: dict[str, CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily] = {}

    def add(self, metric: Metric, value: float, **labels: str) -> None:
        """One number of a counter or a gauge."""
        family = self._family(metric)
        if isinstance(family, HistogramMetricFamily):
            message = f"{metric.name} is a histogram: use `spread`"
            raise TypeError(message)
        family.add_metric(self._of(metric, labels), value)

    def one_hot(self, metric: Metric, values: Sequence[str], present: str, **labels: str) -> None:
        """1 for the ``present`` one of the values of the metric's last label, 0 for the others."""
        for each in values:
            self.add(metric, float(each == present), **labels, **{metric.labels[-1]: each})

    def spread(self, metric: Metric, buckets: Sequence[tuple[str, float]], sum_: float, **labels: str) -> None:
        """One histogram: (upper bound, count up to it), the last bound is ``+Inf``."""
        family = self._family(metric)
        if not isinstance(family, HistogramMetricFamily):
            message = f"{metric.name} is a {metric.type}: use `add`"
            raise TypeError(message)
        family.add_metric(self._of(metric, labels), buckets, sum_)

    def collect(self) -> Iterator[Family]:
        """Every family with its samples."""
        yield from self._families.values()

    def _family(self, metric: Metric) -> CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily:
        known = self._families.get(metric.name)
        if known is None:
            labels = ("service", *metric.labels)
            made = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}
            known = made[metric.type](metric.name, metric.help, labels=labels)
            self._families[metric.name] = known
        return known

    def _of(self, metric: Metric, labels: dict[str, str]) -> list[str]:
        if set(labels) != set(metric.labels):
            message = f"{metric.name} has the labels {metric.labels}, got {tuple(labels)}"
            raise ValueError(message)
        return [self._service, *(labels[label] for label in metric.labels)]
