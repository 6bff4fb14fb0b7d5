"""Seconds of any gateways put together by the minute, for the history."""

from collections.abc import Iterable, Mapping

from abreast.nodes.second import NodeSecond
from abreast.ports import VersionCounts


def by_minute(seconds: Iterable[NodeSecond]) -> Mapping[int, Mapping[str, VersionCounts]]:
    """What each version did in each minute (Unix time // 60); one without requests in a minute is not in it.

    A second belongs to the minute in which it began.
    """
    minutes: dict[int, dict[str, VersionCounts]] = {}
    for second in seconds:
        for version, each in second.versions.items():
            if each.counts.requests:
                versions = minutes.setdefault(int((second.at - 1) // 60), {})
                versions[version] = versions.get(version, VersionCounts()) + each.counts
    return minutes
