"""Every key that a spec may hold, with its default and its one-line description.

These models say how the file is written; `abreast.model.spec` turns them into the values that the rest of
abreast speaks in. Defaults are taken from those values' classes, so there is one place for each. A key is
written without the unit that its field's name carries: ``timeout_s`` is ``timeout: 15s`` in the file.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from abreast.model.rollout import DEFAULT_STEPS, ApproveStep, BakeStep, ErrorGate, HoldStep, Policy, Step, WeightStep
from abreast.model.service import Endpoint, GatewaySettings, Probe, UserKey, Version
from abreast.model.spec_values import (
    VERSION_PATTERN,
    address,
    choice,
    command,
    duration,
    line,
    note,
    probe,
    share,
    user_key,
    variable,
    whole,
    word,
)
from abreast.model.units import format_duration, format_weight

HOUR: Final = 3600.0
YEAR: Final = 365 * 86_400.0
SLOWEST_START: Final = HOUR
SHORTEST_TIMEOUT_S: Final = 2.0
"""A shorter time-out counts a busy machine's pauses as the candidate's errors."""


def entry(description: str, default: object, written: object = None, *, alias: str | None = None) -> Any:  # noqa: ANN401  # as pydantic.Field, which this calls
    """A key's description and default; ``written`` is the default as it would stand in the file."""
    extra: dict[str, Any] = {} if written is None else {"default": written}
    return Field(default=default, description=description, json_schema_extra=extra, alias=alias)


def seconds(alias: str, description: str, default_s: float) -> Any:  # noqa: ANN401  # as pydantic.Field
    """A duration: its key in the file, its description and its default."""
    return entry(description, default_s, format_duration(default_s), alias=alias)


def many(description: str) -> Any:  # noqa: ANN401  # as pydantic.Field
    """A list's description; it may be left out. YAML gives lists, the models keep tuples."""
    return Field(default=(), description=description, strict=False)


def _share(weight: int) -> str:
    return format_weight(weight).replace(" ", "")


def written_step(step: Step) -> dict[str, Any]:
    """A step as it stands in the file: ``{"weight": "10%", "for": "5m"}``."""
    match step:
        case WeightStep():
            longer = {} if step.for_s is None else {"for": format_duration(step.for_s)}
            return {"weight": _share(step.weight), **longer}
        case ApproveStep():
            return {"approve": step.text}
        case HoldStep() | BakeStep():
            return {step.kind: format_duration(step.for_s)}


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TlsKeys(_Keys):
    """The gateway's certificate; with it users get HTTP/2 by ALPN. Without it the gateway speaks plain HTTP."""

    certificate: Annotated[str, line("a path")] = Field(
        description="PEM certificate chain, relative to the spec's directory"
    )
    key: Annotated[str, line("a path")] = Field(description="PEM private key, relative to the spec's directory")


class GatewayKeys(_Keys):
    """The gateway that users' requests pass through."""

    listen: Annotated[Endpoint, address()] = entry(
        "address that users' requests come in at", GatewaySettings.listen, str(GatewaySettings.listen)
    )
    tls: TlsKeys | None = Field(default=None, description="certificate and key; left out: plain HTTP")
    timeout_s: Annotated[float, duration(SHORTEST_TIMEOUT_S, HOUR)] = seconds(
        "timeout", "slowest answer a user may get, retries included; then 504", GatewaySettings.timeout_s
    )
    drain_s: Annotated[float, duration(0, HOUR)] = seconds(
        "drain",
        "how long requests under way may take to finish before a version is stopped or Envoy replaced",
        GatewaySettings.drain_s,
    )
    concurrency: Annotated[int, whole(0, 256)] = entry(
        "Envoy's worker threads; 0: one for each core", GatewaySettings.concurrency
    )


class UsersKeys(_Keys):
    """Who is one user: what keeps a person on one version."""

    by: tuple[Annotated[UserKey, user_key()], ...] = many(
        "headers and cookies that tell users apart, the first that is present decides; "
        "a request without any gets the cookie abreast-id"
    )


class CapacityKeys(_Keys):
    """How much one version may be given at once; what is above is answered 503 by the gateway."""

    max_connections: Annotated[int, whole(1, 1_000_000)] = entry(
        "connections from the gateway to this version", Version.max_connections
    )
    max_requests: Annotated[int, whole(1, 1_000_000)] = entry(
        "requests under way at this version", Version.max_requests
    )


class VersionKeys(_Keys):
    """One version of the service. Exactly one of ``run`` and ``endpoints`` is needed."""

    run: Annotated[tuple[str, ...], command()] = entry(
        "command that starts one instance, run without a shell; {port} and {instance} are replaced", ()
    )
    endpoints: tuple[Annotated[Endpoint, address()], ...] = many(
        "addresses where this version already runs; abreast only routes there"
    )
    instances: Annotated[int, whole(1, 64)] = entry("how many copies run", Version.instances)
    env: dict[
        Annotated[str, variable()], Annotated[str, line('text, "" for an empty value', empty=True, unquoted=True)]
    ] = Field(default_factory=dict, description="environment variables on top of abreast's own")
    cwd: Annotated[str, line("a path")] = entry(
        "working directory, relative to the spec's directory", Version.cwd, Version.cwd
    )
    ready: Annotated[Probe, probe()] = entry(
        "when an instance may get requests: GET /path (200 to 399) or tcp (accepts a connection)",
        Version.ready,
        "tcp",
    )
    live: Annotated[Probe | None, probe(off=True)] = entry(
        "when a running instance counts as hung and is restarted: GET /path, tcp or off", Version.live, "off"
    )
    start_timeout_s: Annotated[float, duration(1, SLOWEST_START)] = seconds(
        "start_timeout", "how long an instance may take until it is ready for the first time", Version.start_timeout_s
    )
    stop_timeout_s: Annotated[float, duration(0, HOUR)] = seconds(
        "stop_timeout", "how long an instance may take to end after SIGTERM, before SIGKILL", Version.stop_timeout_s
    )
    timeout_s: Annotated[float, duration(SHORTEST_TIMEOUT_S, HOUR)] = seconds(
        "timeout",
        "slowest answer of this version while it is the candidate; then the request counts as failed",
        Version.timeout_s,
    )
    keep_alive_s: Annotated[float, duration(0.1, HOUR)] = seconds(
        "keep_alive",
        "the gateway closes its idle connections after this; must be below the service's own keep-alive",
        Version.keep_alive_s,
    )
    protocol: Annotated[Literal["http1", "h2c"], choice("http1", "h2c")] = entry(
        "what the instances speak: HTTP/1.1, or HTTP/2 without TLS (gRPC needs it)", Version.protocol
    )
    capacity: CapacityKeys = Field(default_factory=CapacityKeys, description="circuit breakers")


class StepKeys(_Keys):
    """One step of a rollout: exactly one of ``weight``, ``hold``, ``approve`` and ``bake``."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [kind]} for kind in ("weight", "hold", "approve", "bake")]}
    )

    weight: Annotated[int | None, share()] = entry("send this share of users to the candidate and watch it", None)
    for_s: Annotated[float | None, duration(0, YEAR)] = entry(
        "with weight: how long at least, instead of step_time.at_least", None, alias="for"
    )
    hold: Annotated[float | None, duration(0, YEAR)] = entry("stay as it is for this long", None)
    approve: Annotated[str | None, note()] = entry(
        "wait for a person to say `abreast promote`; the text says what to look at", None
    )
    bake: Annotated[float | None, duration(0, YEAR)] = entry(
        "after 100%: keep the old version warm for this long, so that undo is instant", None
    )


class StepTimeKeys(_Keys):
    """How long each weight step takes."""

    at_least_s: Annotated[float, duration(0, YEAR)] = seconds(
        "at_least", "shortest time on a weight, even if all is well", Policy.at_least_s
    )
    at_most_s: Annotated[float, duration(1, YEAR)] = seconds(
        "at_most", "longest time on a weight without proof; then `on_timeout` decides", Policy.at_most_s
    )


class ErrorsGateKeys(_Keys):
    """The errors gate: the candidate is worse when it fails more of its requests than stable does."""

    limit: Annotated[int, share()] = entry(
        "how many points more of its requests the candidate may fail than stable",
        ErrorGate.limit,
        _share(ErrorGate.limit),
    )
    min_requests: Annotated[int, whole(1, 1_000_000)] = entry(
        "requests to the candidate before the gate decides, and before a weight step may end",
        ErrorGate.min_requests,
    )
    window_s: Annotated[float, duration(5, HOUR)] = seconds(
        "window", "how far back requests are counted", ErrorGate.window_s
    )


class GatesKeys(_Keys):
    """What must hold for the rollout to go on."""

    errors: ErrorsGateKeys = Field(default_factory=ErrorsGateKeys, description="the errors gate")


class RetireKeys(_Keys):
    """When the old version is stopped after a rollout."""

    after_s: Annotated[float, duration(0, YEAR)] = seconds(
        "after", "how long after the bake the old version still runs", Policy.retire_after_s
    )
    unused_for_s: Annotated[float, duration(0, YEAR)] = seconds(
        "unused_for", "how long it must have had no request", Policy.unused_for_s
    )


class RolloutKeys(_Keys):
    """How a rollout moves."""

    steps: tuple[StepKeys, ...] | None = Field(
        default=None,
        description="the steps in order; weight: 100% is implied at the end",
        strict=False,
        json_schema_extra={"default": [written_step(step) for step in DEFAULT_STEPS]},
    )
    approve: tuple[Annotated[str, line("the name of a step")], ...] = many(
        "steps that wait for a person first, each as `weight 50%`"
    )
    step_time: StepTimeKeys = Field(default_factory=StepTimeKeys, description="how long weight steps take")
    on_timeout: Annotated[Literal["hold", "promote-unproven"], choice("hold", "promote-unproven")] = entry(
        "what happens after step_time.at_most without proof", Policy.on_timeout
    )
    on_failure: Annotated[Literal["roll-back", "freeze"], choice("roll-back", "freeze")] = entry(
        "what happens when the candidate is worse", Policy.on_failure
    )
    gates: GatesKeys = Field(default_factory=GatesKeys, description="what must hold to go on")
    retire: RetireKeys = Field(default_factory=RetireKeys, description="when the old version is stopped")


class SpecKeys(_Keys):
    """The whole file."""

    service: Annotated[str | None, word(VERSION_PATTERN, "lower-case letters, digits, - and ., at most 40")] = entry(
        "the service's name; left out: the name of the spec's directory", None
    )
    gateway: GatewayKeys = Field(default_factory=GatewayKeys, description="where users' requests come in")
    users: UsersKeys = Field(default_factory=UsersKeys, description="who is one user")
    versions: dict[
        Annotated[str, word(VERSION_PATTERN, "lower-case letters, digits, - and ., at most 40")], VersionKeys
    ] = Field(description="the versions by name", json_schema_extra={"minProperties": 1})
    stable: Annotated[str | None, line("the name of a version")] = entry(
        "the version that serves users at the very first start; left out: the first of `versions`", None
    )
    rollout: RolloutKeys = Field(default_factory=RolloutKeys, description="how a rollout moves")
