"""The spec: what the user writes, read whole or refused with every fault at once.

    text ── document ──► plain values, each with its line          (abreast.model.document)
         ── spec_keys ─► the keys by name, each value by itself    (spec_values reads, spec_faults explains)
         ── spec_checks, spec_steps, spec_shadow_checks ─► what values have against each other
         ── spec_variables ─► ${NAME} replaced from the environment
         ──► Spec: a Service and, for a candidate, a Policy

Pure: the environment and the directory are passed in. What must be looked up on the machine (does the
certificate exist, is the command there) is not asked here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from abreast.model.api_settings import ApiSettings
from abreast.model.data_settings import DataSettings
from abreast.model.document import Document, Path, read_document
from abreast.model.errors import SpecError, UsageError
from abreast.model.flag import Flag
from abreast.model.group import GroupSettings
from abreast.model.rollout import DataGate, DifferenceGate, ErrorGate, LatencyGate, Policy
from abreast.model.service import ACCESS_LOG, AccessLog, GatewaySettings, Service, Tls, Traces, Version
from abreast.model.shadow import ShadowPolicy
from abreast.model.spec_checks import conflicts
from abreast.model.spec_container_keys import container
from abreast.model.spec_faults import read_keys, shape
from abreast.model.spec_keys import SpecKeys, VersionKeys
from abreast.model.spec_kubernetes_keys import workload
from abreast.model.spec_steps import compile_steps
from abreast.model.spec_variables import expanded

FILE_NAME: Final = "abreast.yaml"

_AS_WRITTEN: Final = frozenset(
    {
        *("service", "stable", "versions.*.run.*", "versions.*.env.*", "versions.*.cwd", "rollout.steps.*.approve"),
        *(
            f"versions.*.container.{key}"
            for key in ("entrypoint.*", "command.*", "user", "labels.*", "build.args.*", "build.target")
        ),
        *("data.schema", "data.roles.*", "data.tags.*"),
        *("flags.*.default", "flags.*.rules.*.variant"),
        *(f"versions.*.endpoints.{key}" for key in ("consul", "tag", "datacenter", "etcd", "user")),
        *("rollout.gates.promql.*.name", "rollout.gates.webhooks.*.name", "rollout.gates.webhooks.*.metadata.*"),
        *(f"rollout.gates.differences.{place}{key}.*" for place in ("", "endpoints.*.") for key in ("keyed", "mask")),
    }
)
"""Where ``1.10`` or ``true`` is the text that stands there, and no number or truth."""


@dataclass(frozen=True)
class Spec:
    """A spec without faults of its own.

    ``directory`` is where it lies: relative paths in it start there. ``document`` knows the lines, for faults
    that only a look at the machine can find. ``routes`` are those of the OpenAPI document that the spec names: whoever
    reads files puts them there.
    """

    keys: SpecKeys
    document: Document = field(compare=False, repr=False)
    directory: str = ""
    routes: tuple[str, ...] = ()

    def service(self) -> Service:
        """The service, its versions and its gateway."""
        keys = self.keys
        gateway = keys.gateway
        tls = gateway.tls
        return Service(
            name=keys.service or service_name(self.directory),
            versions=tuple(self._version(name, version) for name, version in keys.versions.items()),
            stable=keys.stable or next(iter(keys.versions)),
            users=keys.users.by,
            gateway=GatewaySettings(
                listen=gateway.listen,
                tls=Tls(self._path(tls.certificate), self._path(tls.key)) if tls else None,
                timeout_s=gateway.timeout_s,
                concurrency=gateway.concurrency,
                drain_s=gateway.drain_s,
                access_log=self._access_log(),
                traces=Traces(keys.traces.otlp, keys.traces.sample) if keys.traces else None,
                route=gateway.route.settings() if gateway.route else None,
            ),
            alerts=keys.alerts,
        )

    @property
    def api(self) -> ApiSettings:
        """Where the API listens."""
        tls = self.keys.api.tls
        return ApiSettings(self.keys.api.listen, Tls(self._path(tls.certificate), self._path(tls.key)) if tls else None)

    @property
    def data(self) -> DataSettings | None:
        """The database that the versions share; None when the spec names none."""
        return self.keys.data.settings(self._path) if self.keys.data else None

    @property
    def group(self) -> GroupSettings | None:
        """The release group and where its other members answer; None when the spec names none."""
        return self.keys.group.settings(self._path) if self.keys.group else None

    def policy(self, candidate: str) -> Policy:
        """How a rollout of this version moves. Raises UsageError when the spec has no such version."""
        version = self.keys.versions.get(candidate)
        if version is None:
            names = ", ".join(self.keys.versions)
            raise UsageError(
                f"no version is called {candidate!r}; the spec has: {names}",
                f"name one of these, or add `{candidate}` to `versions`",
            )
        rollout = self.keys.rollout
        errors, latency = rollout.gates.errors, rollout.gates.latency
        return Policy(
            steps=compile_steps(rollout),
            at_least_s=rollout.step_time.at_least_s,
            at_most_s=rollout.step_time.at_most_s,
            on_timeout=rollout.on_timeout,
            on_failure=rollout.on_failure,
            errors=ErrorGate(errors.budget, errors.window_s, errors.watch),
            latency=LatencyGate(latency.tolerance, latency.window_s, latency.warm_up_s) if latency.watch else None,
            differences=DifferenceGate(rollout.gates.differences.tolerance, rollout.gates.differences.window_s),
            promql=tuple(keys.gate() for keys in rollout.gates.promql),
            webhooks=tuple(keys.webhook() for keys in rollout.gates.webhooks),
            data=self._data_gate(),
            group=self.keys.group.group() if self.keys.group else None,
            shadow=self._shadow(version),
            retire_after_s=rollout.retire.after_s,
            unused_for_s=rollout.retire.unused_for_s,
            open_for_s=rollout.retire.open_for_s,
            drain_s=self.keys.gateway.drain_s,
            start_timeout_s=version.start_timeout_s,
        )

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The feature flags."""
        return tuple(keys.flag(name) for name, keys in self.keys.flags.items())

    @property
    def openapi(self) -> str:
        """Path of the OpenAPI document that names routes; empty when there is none."""
        written = self.keys.rollout.shadow.openapi
        return self._path(written) if written else ""

    @property
    def descriptors(self) -> str:
        """Path of the protobuf FileDescriptorSet; empty when there is none."""
        written = self.keys.rollout.shadow.descriptors
        return self._path(written) if written else ""

    def _data_gate(self) -> DataGate | None:
        if self.keys.data is None:
            return None
        rollout = self.keys.rollout
        steps = rollout.steps or ()
        contracts = [step.contract for step in steps if step.contract is not None]
        return DataGate(
            max_drift=rollout.gates.data.max_drift,
            expand=any(step.expand for step in steps),
            contract_after_s=contracts[0] if contracts else None,
        )

    def _shadow(self, candidate: VersionKeys) -> ShadowPolicy:
        """How requests are copied. Without isolation nothing unsafe is, whatever the spec says beside it."""
        keys = self.keys.rollout.shadow
        differences = self.keys.rollout.gates.differences
        return ShadowPolicy(
            at_most_per_s=keys.at_most_per_s,
            controls=keys.controls,
            isolated=tuple(unsafe.route() for unsafe in keys.unsafe) if candidate.isolated else (),
            rules=tuple(differences.every_rule()),
            redact=differences.redact,
            operation=keys.operation,
            templates=tuple(dict.fromkeys((*keys.templates, *self.routes))),
            timeout_s=keys.timeout_s,
            sample_ttl_s=keys.keep_s,
            descriptors=self.descriptors,
        )

    def _access_log(self) -> AccessLog | None:
        keys = self.keys.logs.access
        if keys is None:
            return None
        written = keys.file or (None if keys.otlp else ACCESS_LOG)
        redact = self.keys.rollout.gates.differences.redact
        return AccessLog(
            file=self._path(written) if written else "",
            otlp=keys.otlp,
            sample=keys.sample,
            headers=keys.headers,
            query=keys.query,
            secrets=tuple(place.removeprefix("query:") for place in redact if place.startswith("query:")),
        )

    def _version(self, name: str, keys: VersionKeys) -> Version:
        return Version(
            name=name,
            run=keys.run,
            endpoints=keys.listed,
            registry=keys.registry.registry() if keys.registry else None,
            instances=keys.instances,
            env=tuple(keys.env.items()),
            cwd=self._path(keys.cwd),
            ready=keys.ready,
            live=keys.live,
            protocol=keys.protocol,
            start_timeout_s=keys.start_timeout_s,
            stop_timeout_s=keys.stop_timeout_s,
            timeout_s=keys.timeout_s,
            keep_alive_s=keys.keep_alive_s,
            max_connections=keys.capacity.max_connections,
            max_requests=keys.capacity.max_requests,
            isolated=keys.isolated,
            workload=workload(keys.kubernetes, keys.deployment, self.directory),
            container=container(keys.container, keys.image or "", keys.port, self.directory),
        )

    def _path(self, written: str) -> str:
        return str(PurePosixPath(self.directory) / written)


def parse_spec(
    text: str, file: str = FILE_NAME, *, directory: str = "", environment: Mapping[str, str] | None = None
) -> Spec:
    """Read a spec. ``file`` is its name for messages, ``directory`` where it lies (absolute, or "").

    ``environment`` is what ``${NAME}`` in `run`, `env`, `alerts` and other addresses is taken from. Raises SpecError
    with every fault.
    """
    document = read_document(text, file)
    if document.faults and document.value is None:
        raise SpecError(document.faults)
    reading = read_keys(document, _as_written(document, document.value, ()))
    faults = [*document.faults, *reading.faults]
    if reading.keys is None:
        raise SpecError(tuple(faults))
    faults.extend(
        document.fault(conflict.path, conflict.message, conflict.remedy)
        for conflict in conflicts(reading.keys, reading.keys.service or service_name(directory))
        if not any(reading.doubtful(path) for path in (conflict.path, *conflict.hangs_on))
    )
    keys, unset = expanded(reading.keys, document, environment or {})
    faults.extend(unset)
    if faults:
        raise SpecError(tuple(faults))
    return Spec(keys, document, directory)


def service_name(directory: str) -> str:
    """A service name made from a directory's: ``/srv/My Shop`` → ``my-shop``; ``service`` when nothing is left."""
    name = re.sub(r"[^a-z0-9.]+", "-", PurePosixPath(directory).name.lower(), flags=re.ASCII)
    return name.lstrip("-.")[:40].rstrip("-.") or "service"


def _as_written(document: Document, value: object, path: Path) -> object:
    """A copy of ``value`` in which numbers and booleans are text wherever text is meant."""
    if isinstance(value, dict):
        return {name: _as_written(document, inner, (*path, name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_written(document, inner, (*path, index)) for index, inner in enumerate(value)]
    return document.texts.get(path, value) if shape(path) in _AS_WRITTEN else value
