"""The keys that say what is copied to the candidate, how its answers are compared, and what is never kept."""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from abreast.model.rollout import DifferenceGate
from abreast.model.shadow import IsolatedRoute, RulePolicy, ShadowPolicy, TolerancePolicy
from abreast.model.spec_entry import HOUR, YEAR, Keys, entry, many, seconds, written_share
from abreast.model.spec_shadow_values import (
    array,
    endpoint,
    expression,
    operation_source,
    path_prefix,
    place,
    rate,
    template,
    tolerance,
    unsafe_method,
)
from abreast.model.spec_values import duration, line, share

MINUTE: Final = 60.0
SHORTEST_ANSWER_S: Final = 0.1

Array = Annotated[str, array()]
Compared = Annotated[str, place("header", "trailer")]


class UnsafeKeys(Keys):
    """Requests that may change something and are copied all the same: only to an isolated candidate."""

    methods: tuple[Annotated[str, unsafe_method()], ...] = Field(
        description="the methods, such as POST", strict=False, json_schema_extra={"minItems": 1}
    )
    prefix: Annotated[str, path_prefix()] = entry("how the paths begin", IsolatedRoute.prefix, IsolatedRoute.prefix)

    def route(self) -> IsolatedRoute:
        """The value that the rest of abreast speaks of."""
        return IsolatedRoute(self.methods, self.prefix)


class ShadowKeys(Keys):
    """How requests are copied to the candidate, and how long samples of them are kept."""

    at_most_per_s: Annotated[float, rate()] = entry(
        "copies per second at most, over the whole gateway; what is above is counted and left out",
        ShadowPolicy.at_most_per_s,
        f"{ShadowPolicy.at_most_per_s:g}/s",
        alias="at_most",
    )
    controls: Annotated[int, share()] = entry(
        "share of the copies that another instance of stable answers too, which shows what differs by itself",
        ShadowPolicy.controls,
        written_share(ShadowPolicy.controls),
    )
    unsafe: tuple[UnsafeKeys, ...] = many(
        "routes whose unsafe methods are copied too, if the candidate has `isolated: true`"
    )
    operation: tuple[Annotated[str, operation_source()], ...] = many(
        "where a request names its operation, when one path serves many; the first that is present counts"
    )
    templates: tuple[Annotated[str, template()], ...] = many(
        "routes, so that /orders/1 and /orders/2 are one endpoint; what fits none is inferred"
    )
    openapi: Annotated[str | None, line("a path")] = entry(
        "OpenAPI document (YAML or JSON) whose paths are templates, relative to the spec's directory", None
    )
    descriptors: Annotated[str | None, line("a path")] = entry(
        "protobuf FileDescriptorSet with which gRPC messages are compared by field, relative to the spec's directory",
        None,
    )
    timeout_s: Annotated[float, duration(SHORTEST_ANSWER_S, HOUR)] = seconds(
        "timeout", "slowest answer to a copy; then it counts as none", ShadowPolicy.timeout_s
    )
    keep_s: Annotated[float, duration(MINUTE, YEAR)] = seconds(
        "keep", "how long samples of differing answers are kept, redacted", ShadowPolicy.sample_ttl_s
    )


class RuleKeys(Keys):
    """Rules of comparing, at the endpoints that one pattern names."""

    ignore: tuple[Annotated[str, place("header", "trailer", whole=True)], ...] = many(
        "places that are not compared: JSON Pointers with * and **, header:NAME, trailer:NAME, status, body"
    )
    unordered: tuple[Array, ...] = many("arrays whose order does not count")
    keyed: dict[Array, Annotated[str, line("the name of a member", unquoted=True)]] = Field(
        default_factory=dict, description="arrays whose elements are matched by one of their members"
    )
    tolerances: dict[Compared, Annotated[TolerancePolicy, tolerance()]] = Field(
        default_factory=dict, description="how far apart two values may be: 0.01, 1%, or for times 5s"
    )
    mask: tuple[Annotated[str, expression()], ...] = many(
        "regular expressions: what they match in a text is not compared"
    )

    def rules(self, endpoint: str = RulePolicy.endpoint) -> RulePolicy:
        """The value that the rest of abreast speaks of, for the endpoints that match the glob."""
        return RulePolicy(
            endpoint,
            ignore=self.ignore,
            unordered=self.unordered,
            keyed=tuple(self.keyed.items()),
            tolerance=tuple(self.tolerances.items()),
            mask=self.mask,
        )


class DifferencesKeys(RuleKeys):
    """The differences gate: the candidate is worse when it answers otherwise than stable does, beyond noise."""

    tolerance: Annotated[int, share()] = entry(
        "share of the compared answers that may differ, beyond those that stable gives otherwise itself",
        DifferenceGate.tolerance,
        written_share(DifferenceGate.tolerance),
    )
    window_s: Annotated[float, duration(1, HOUR)] = seconds(
        "window", "differences within so long are one burst, which decides nothing by itself", DifferenceGate.window_s
    )
    redact: tuple[Annotated[str, place("header", "query")], ...] = many(
        "places whose values are never kept, only salted hashes of them; credentials always are"
    )
    endpoints: dict[Annotated[str, endpoint()], RuleKeys] = Field(
        default_factory=dict, description="rules for the endpoints that match, on top of those for all"
    )

    def every_rule(self) -> Iterator[RulePolicy]:
        """The rules for all endpoints, then those for some; none that says nothing."""
        for glob, keys in [(RulePolicy.endpoint, self), *self.endpoints.items()]:
            rules = keys.rules(glob)
            if rules != RulePolicy(glob):
                yield rules
