"""Endpoints out of DNS: the addresses of a name, or the targets of its SRV records."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.rdtypes.IN.SRV
import dns.resolver

from abreast.drivers.registry.found import Found, NoAnswerError, endpoint, found
from abreast.model.registry import DnsName, SrvName
from abreast.model.service import Endpoint

LEAST_S: Final = 1.0
"""A record that may be kept for less (0 is common) is asked for again after this."""
MOST_S: Final = 60.0
"""A record that may be kept for longer is asked for again after this: asking costs next to nothing."""
EMPTY_S: Final = 5.0
"""Between two questions for a name that is not there, or has no address."""
LIFETIME_S: Final = 5.0
"""One question, all name servers and repetitions included."""
TRY_S: Final = 1.5
"""One try with one name server."""
_PAYLOAD: Final = 1232
"""Bytes of an answer over UDP that no path splits (https://www.dnsflagday.net/2020/); what is larger comes by TCP."""
_TARGETS: Final = 100


@dataclass(frozen=True)
class _Records:
    """``addresses`` of a name, for how long they may be kept, and why there are none."""

    addresses: tuple[str, ...]
    ttl_s: float
    detail: str = ""


class Names:
    """`abreast.drivers.registry.found.Source` over DNS. A new resolver for each question sees a new resolv.conf."""

    def __init__(
        self, place: DnsName | SrvName, resolver: Callable[[], dns.asyncresolver.Resolver] | None = None
    ) -> None:
        """Ask the place's own name server, else the system's, or those of ``resolver``."""
        self._place = place
        self._resolver = resolver or self._own

    async def ask(self) -> Found:
        """Look it up. A name that does not exist, or has no address, is an answer; raises NoAnswerError."""
        try:
            resolver = _hurried(self._resolver())
            if isinstance(self._place, SrvName):
                return await _targets(resolver, self._place.name)
            records = await _addresses(resolver, self._place.name)
            port = self._place.port
        except dns.exception.DNSException as error:
            raise NoAnswerError(_words(error)) from None
        except OSError as error:
            raise NoAnswerError(f"asking failed: {error.strerror or error}") from None
        endpoints, left_out = _valid([(address, port) for address in records.addresses])
        return found(endpoints, [*left_out, *filter(None, [records.detail])], records.ttl_s)

    async def close(self) -> None:
        """Nothing is open between two questions."""

    def _own(self) -> dns.asyncresolver.Resolver:
        if not self._place.server:
            return dns.asyncresolver.Resolver()
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [self._place.server]
        resolver.port = self._place.server_port
        return resolver


def _hurried(resolver: dns.asyncresolver.Resolver) -> dns.asyncresolver.Resolver:
    resolver.timeout, resolver.lifetime = TRY_S, LIFETIME_S
    resolver.use_edns(0, 0, _PAYLOAD)
    return resolver


async def _ask(resolver: dns.asyncresolver.Resolver, name: str, kind: str) -> dns.resolver.Answer | None:
    """The answer, without records if there are none of that kind; None: no such name. Raises DNSException."""
    try:
        return await resolver.resolve(name, kind, search=True, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return None


async def _addresses(resolver: dns.asyncresolver.Resolver, name: str) -> _Records:
    """A records, else AAAA: with both, every instance would count twice. Raises DNSException."""
    for kind in ("A", "AAAA"):
        answer = await _ask(resolver, name, kind)
        if answer is None:
            return _Records((), EMPTY_S, f"the name {name} does not exist")
        if answer.rrset:
            return _Records(tuple(record.to_text() for record in answer.rrset), _ttl_s(answer))
    return _Records((), EMPTY_S, f"the name {name} has neither A nor AAAA records")


async def _targets(resolver: dns.asyncresolver.Resolver, name: str) -> Found:
    """The targets of the lowest priority number that has any address. Raises DNSException, NoAnswerError."""
    answer = await _ask(resolver, name, "SRV")
    if answer is None or not answer.rrset:
        why = "does not exist" if answer is None else "has no SRV records"
        return found((), [f"the name {name} {why}"], EMPTY_S)
    records = [record for record in answer.rrset if isinstance(record, dns.rdtypes.IN.SRV.SRV)]
    if len(records) > _TARGETS:
        raise NoAnswerError(f"it has {len(records):,} SRV records, more than {_TARGETS}: is that the right name?")
    left_out: list[str] = []
    ttl_s = _ttl_s(answer)
    for priority in sorted({record.priority for record in records}):
        group = [record for record in records if record.priority == priority]
        looked_up = await asyncio.gather(*(_target(resolver, record) for record in group))
        pairs = [(address, record.port) for record, (got, _) in zip(group, looked_up, strict=True) for address in got]
        ttl_s = min(ttl_s, *(each_s for _, each_s in looked_up))
        left_out += [
            f"{each.target} has no address" for each, (got, _) in zip(group, looked_up, strict=True) if not got
        ]
        endpoints, wrong = _valid(pairs)
        left_out += wrong
        if endpoints:
            return found(endpoints, left_out, ttl_s)
    return found((), left_out, EMPTY_S)


async def _target(
    resolver: dns.asyncresolver.Resolver, record: dns.rdtypes.IN.SRV.SRV
) -> tuple[tuple[str, ...], float]:
    """A target's addresses and their time to live; the root as target says that there is decidedly no service."""
    if record.target.to_text() == ".":
        return (), MOST_S
    records = await _addresses(resolver, record.target.to_text())
    return records.addresses, records.ttl_s


def _valid(pairs: list[tuple[str, int]]) -> tuple[list[Endpoint], list[str]]:
    endpoints: list[Endpoint] = []
    left_out: list[str] = []
    for address, port in pairs:
        try:
            endpoints.append(endpoint(address, port))
        except ValueError as error:
            left_out.append(str(error))
    return endpoints, left_out


def _ttl_s(answer: dns.resolver.Answer) -> float:
    """The least time to live on the way to the records, aliases included, within our bounds."""
    return min(max(float(answer.chaining_result.minimum_ttl), LEAST_S), MOST_S)


def _words(error: dns.exception.DNSException) -> str:
    """What dnspython says, each server's repeated failure once."""
    parts = {part.rpartition(" after ")[0] or part: part for part in " ".join(str(error).split()).split("; ")}
    return "; ".join(parts.values())[:300] or type(error).__name__
