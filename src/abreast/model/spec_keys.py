"""Every key that a spec may hold, with its default and its one-line description.

These models say how the file is written; `abreast.model.spec` turns them into the values that the rest of
abreast speaks in. Defaults are taken from those values' classes, so there is one place for each. A key is
written without the unit that its field's name carries: ``timeout_s`` is ``timeout: 15s`` in the file.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from abreast.model.rollout import (
    DEFAULT_STEPS,
    ApproveStep,
    BakeStep,
    ErrorGate,
    HoldStep,
    LatencyGate,
    Policy,
    ShadowStep,
    Step,
    WeightStep,
)
from abreast.model.service import Endpoint, GatewaySettings, Probe, UserKey, Version
from abreast.model.spec_api_keys import ApiKeys
from abreast.model.spec_container_keys import PORT, ContainerKeys, image_name
from abreast.model.spec_data_keys import DataGateKeys, DataKeys
from abreast.model.spec_entry import HOUR, YEAR, Keys, entry, many, seconds, written_share
from abreast.model.spec_flag_keys import NamedFlags
from abreast.model.spec_gate_keys import PromqlKeys, WebhookKeys
from abreast.model.spec_group_keys import GroupKeys
from abreast.model.spec_kubernetes_keys import SOME_KUBERNETES, KubernetesKeys, deployment_name
from abreast.model.spec_log_keys import SOMETHING, LogsKeys, TracesKeys
from abreast.model.spec_registry_keys import Endpoints, RegistryKeys
from abreast.model.spec_route_keys import RouteKeys
from abreast.model.spec_shadow_keys import DifferencesKeys, ShadowKeys
from abreast.model.spec_shadow_values import alert_url
from abreast.model.spec_values import (
    VERSION_PATTERN,
    address,
    choice,
    command,
    duration,
    line,
    note,
    only_true,
    probe,
    share,
    truth,
    user_key,
    variable,
    whole,
    word,
)
from abreast.model.units import format_duration

SLOWEST_START: Final = HOUR
SHORTEST_TIMEOUT_S: Final = 2.0
"""A shorter time-out counts a busy machine's pauses as the candidate's errors."""


def written_step(step: Step) -> dict[str, Any]:
    """A step as it stands in the file: ``{"weight": "10%", "for": "5m"}``."""
    match step:
        case ShadowStep():
            return {"shadow": written_share(step.share), **_written_for(step.for_s)}
        case WeightStep():
            beside = {} if step.shadow is None else {"shadow": written_share(step.shadow)}
            return {"weight": written_share(step.weight), **beside, **_written_for(step.for_s)}
        case ApproveStep():
            return {"approve": step.text}
        case HoldStep() | BakeStep():
            return {step.kind: format_duration(step.for_s)}


def _written_for(for_s: float | None) -> dict[str, Any]:
    return {} if for_s is None else {"for": format_duration(for_s)}


class TlsKeys(Keys):
    """The gateway's certificate; with it users get HTTP/2 by ALPN. Without it the gateway speaks plain HTTP."""

    certificate: Annotated[str, line("a path")] = Field(
        description="PEM certificate chain, relative to the spec's directory"
    )
    key: Annotated[str, line("a path")] = Field(description="PEM private key, relative to the spec's directory")


class GatewayKeys(Keys):
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
    route: Annotated[RouteKeys | None, SOMETHING] = Field(
        default=None, description="an HTTPRoute whose weights are written, in the place of abreast's own gateway"
    )


class UsersKeys(Keys):
    """Who is one user: what keeps a person on one version."""

    by: tuple[Annotated[UserKey, user_key()], ...] = many(
        "headers and cookies that tell users apart, the first that is present decides; "
        "a request without any gets the cookie abreast-id"
    )


class CapacityKeys(Keys):
    """How much one version may be given at once; what is above is answered 503 by the gateway."""

    max_connections: Annotated[int, whole(1, 1_000_000)] = entry(
        "connections from the gateway to this version", Version.max_connections
    )
    max_requests: Annotated[int, whole(1, 1_000_000)] = entry(
        "requests under way at this version", Version.max_requests
    )


class VersionKeys(Keys):
    """One version: exactly one of ``run``, ``image``, ``deployment``, ``kubernetes.template`` and ``endpoints``."""

    run: Annotated[tuple[str, ...], command()] = entry(
        "command that starts one instance, run without a shell; {port} and {instance} are replaced", ()
    )
    endpoints: Endpoints = entry(
        "addresses where this version already runs, or a registry that knows them; abreast only routes there", ()
    )
    instances: Annotated[int, whole(1, 64)] = entry(
        "how many copies run; with a registry: how many at least are ready before a rollout begins", Version.instances
    )
    image: Annotated[str | None, image_name()] = entry("image whose containers are the instances", None)
    port: Annotated[int | None, PORT] = entry(
        "port that the container listens at; left out: the only one that the image exposes, else 8080", None
    )
    container: ContainerKeys | None = Field(default=None, description="how the image is made and run")
    deployment: Annotated[str | None, deployment_name()] = entry(
        "Kubernetes Deployment that is this version; abreast scales it and never deletes it", None
    )
    kubernetes: KubernetesKeys | None = SOME_KUBERNETES
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
    isolated: Annotated[bool, truth()] = entry(
        "whether what it writes is nobody else's: it has a database, schema or tenant of its own", Version.isolated
    )

    @property
    def listed(self) -> tuple[Endpoint, ...]:
        """The endpoints that the spec itself lists."""
        return () if isinstance(self.endpoints, RegistryKeys) else self.endpoints

    @property
    def registry(self) -> RegistryKeys | None:
        """Who is asked for endpoints, if the spec lists none."""
        return self.endpoints if isinstance(self.endpoints, RegistryKeys) else None


class StepKeys(Keys):
    """One step of a rollout, of exactly one kind; only a weight may have a shadow beside it."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["shadow"], "not": {"required": ["weight"]}},
                {"required": ["weight"]},
                {"required": ["hold"]},
                {"required": ["approve"]},
                {"required": ["bake"]},
                {"required": ["expand"]},
                {"required": ["contract"]},
            ]
        }
    )

    shadow: Annotated[int | None, share()] = entry(
        "copy this share of requests to the candidate and compare the answers; with weight: from there on", None
    )
    weight: Annotated[int | None, share()] = entry("send this share of users to the candidate and watch it", None)
    for_s: Annotated[float | None, duration(0, YEAR)] = entry(
        "with shadow or weight: how long at least, instead of step_time.at_least", None, alias="for"
    )
    hold: Annotated[float | None, duration(0, YEAR)] = entry("stay as it is for this long", None)
    approve: Annotated[str | None, note()] = entry(
        "wait for a person to say `abreast promote`; the text says what to look at", None
    )
    bake: Annotated[float | None, duration(0, YEAR)] = entry(
        "after 100%: keep the old version warm for this long, so that undo is instant", None
    )
    expand: Annotated[Literal[True] | None, only_true()] = entry(
        "as the first step: make the candidate's side of the data before it is started", None
    )
    contract: Annotated[float | None, duration(0, YEAR)] = entry(
        "as the last step: drop the old version's side of the data so long after it was stopped", None
    )


class StepTimeKeys(Keys):
    """How long each shadow and each weight step takes."""

    at_least_s: Annotated[float, duration(0, YEAR)] = seconds(
        "at_least", "shortest time on a shadow or weight step, even if all is well", Policy.at_least_s
    )
    at_most_s: Annotated[float, duration(1, YEAR)] = seconds(
        "at_most", "longest time on a shadow or weight step without proof; then `on_timeout` decides", Policy.at_most_s
    )


class ErrorsGateKeys(Keys):
    """The errors gate: the candidate is worse when it fails more of its requests than stable does."""

    watch: Annotated[bool, truth()] = entry(
        "whether failures are counted at all; false only with `gateway.route`, where nobody counts", default=True
    )
    budget: Annotated[int, share(1)] = entry(
        "what the next step may cost: that more of all users' requests fail is ruled out before it begins",
        ErrorGate.budget,
        written_share(ErrorGate.budget),
    )
    window_s: Annotated[float, duration(1, HOUR)] = seconds(
        "window", "failures within so long are one burst, which decides nothing by itself", ErrorGate.window_s
    )


class LatencyGateKeys(Keys):
    """The latency gate: the candidate is worse when it is slower than stable's own past quantiles."""

    watch: Annotated[bool, truth()] = entry("whether latency has a say at all", default=True)
    tolerance: Annotated[int, share()] = entry(
        "how much slower than stable's p50, p90 and p99 it may be",
        LatencyGate.tolerance,
        written_share(LatencyGate.tolerance),
    )
    window_s: Annotated[float, duration(1, HOUR)] = seconds(
        "window", "slowness within so long is one stall, which decides nothing by itself", LatencyGate.window_s
    )
    warm_up_s: Annotated[float, duration(0, HOUR)] = seconds(
        "warm_up", "how long a new instance of the candidate's may be slow", LatencyGate.warm_up_s
    )


class GatesKeys(Keys):
    """What must hold for the rollout to go on."""

    errors: ErrorsGateKeys = Field(default_factory=ErrorsGateKeys, description="the errors gate")
    latency: LatencyGateKeys = Field(default_factory=LatencyGateKeys, description="the latency gate")
    differences: DifferencesKeys = Field(
        default_factory=DifferencesKeys, description="the differences gate, and what counts as a difference"
    )
    data: DataGateKeys = Field(default_factory=DataGateKeys, description="the data gate, where there is `data`")
    promql: tuple[PromqlKeys, ...] = many("queries on a Prometheus whose every sample must keep to a bound")
    webhooks: tuple[WebhookKeys, ...] = many("URLs that are asked, or told, at the turns of a rollout")


class RetireKeys(Keys):
    """When the old version is stopped after a rollout."""

    after_s: Annotated[float, duration(0, YEAR)] = seconds(
        "after", "how long after the bake the old version still runs", Policy.retire_after_s
    )
    unused_for_s: Annotated[float, duration(0, YEAR)] = seconds(
        "unused_for", "how long no request must have come to it", Policy.unused_for_s
    )
    open_for_s: Annotated[float, duration(0, YEAR)] = seconds(
        "open_for", "how long streams that are open by then keep it at most", Policy.open_for_s
    )


class RolloutKeys(Keys):
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
    shadow: ShadowKeys = Field(
        default_factory=ShadowKeys, description="how requests are copied; how many is for the steps to say"
    )
    gates: GatesKeys = Field(default_factory=GatesKeys, description="what must hold to go on")
    retire: RetireKeys = Field(default_factory=RetireKeys, description="when the old version is stopped")


class SpecKeys(Keys):
    """The whole file."""

    service: Annotated[str | None, word(VERSION_PATTERN, "lower-case letters, digits, - and ., at most 40")] = entry(
        "the service's name; left out: the name of the spec's directory", None
    )
    gateway: GatewayKeys = Field(default_factory=GatewayKeys, description="where users' requests come in")
    api: ApiKeys = Field(default_factory=ApiKeys, description="where programs and browsers steer abreast")
    users: UsersKeys = Field(default_factory=UsersKeys, description="who is one user")
    versions: dict[
        Annotated[str, word(VERSION_PATTERN, "lower-case letters, digits, - and ., at most 40")], VersionKeys
    ] = Field(description="the versions by name", json_schema_extra={"minProperties": 1})
    stable: Annotated[str | None, line("the name of a version")] = entry(
        "the version that serves users at the very first start; left out: the first of `versions`", None
    )
    rollout: RolloutKeys = Field(default_factory=RolloutKeys, description="how a rollout moves")
    data: Annotated[DataKeys | None, SOMETHING] = Field(
        default=None, description="the database that the versions share; left out: abreast touches none"
    )
    group: Annotated[GroupKeys | None, SOMETHING] = Field(
        default=None, description="the release group; left out: the service is promoted by itself"
    )
    flags: NamedFlags = Field(default_factory=dict, description="feature flags by name, served by OFREP")
    logs: LogsKeys = Field(default_factory=LogsKeys, description="what is written down of users' requests")
    traces: Annotated[TracesKeys | None, SOMETHING] = Field(
        default=None, description="spans of the gateway; left out: trace context passes through untouched"
    )
    alerts: tuple[Annotated[str, alert_url()], ...] = many(
        "who is told: URLs that apprise takes, alertmanager://HOST:PORT, or webhook+https://HOST/PATH"
    )
