"""Pages of metrics as a scraper reads them."""

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families
from prometheus_client.samples import Sample

from abreast.metrics.exposition import Exposition
from tests.controller.stage import Stage
from tests.operations.desk import desk_of

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
OURS = "abreast_"


class Page:
    """One scrape, parsed back."""

    def __init__(self, families: Iterable[Family]) -> None:
        self.families = {family.name: family for family in families}
        self.samples: list[Sample] = [sample for family in self.families.values() for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """Of the one sample with this name and these labels among its own."""
        (found,) = [each.value for each in self.samples if each.name == name and labels.items() <= each.labels.items()]
        return float(found)

    def names(self) -> set[str]:
        """Of all our samples."""
        return {sample.name for sample in self.samples if sample.name.startswith(OURS)}

    def hot(self, name: str, label: str, **labels: str) -> list[str]:
        """The values of ``label`` whose sample is 1."""
        return [
            each.labels[label]
            for each in self.samples
            if each.name == name and each.value == 1 and labels.items() <= each.labels.items()
        ]


def parsed(page: bytes, *, openmetrics: bool = False) -> Page:
    """The page; raises ValueError where it is not well-formed."""
    text = page.decode()
    if openmetrics:
        return Page(openmetrics_families(text))  # type: ignore[no-untyped-call]  # the client's parser has no types
    return Page(text_families(text))


async def scraped(exposition: Exposition) -> Page:
    """In the text format."""
    page, _ = await exposition.scrape("")
    return parsed(page)


async def scrape_of(stage: Stage) -> Page:
    """The first scrape of this stage."""
    return await scraped(Exposition(desk_of(stage).control))
