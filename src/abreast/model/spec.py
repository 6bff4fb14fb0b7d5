"""The spec: what the user writes, read whole or refused with every fault at once.

    text ── document ──► plain values, each with its line          (abreast.model.document)
         ── spec_keys ─► the keys by name, each value by itself    (spec_values reads, spec_faults explains)
         ── spec_checks, spec_steps ─► what values have against each other
         ──► Spec: a Service and, for a candidate, a Policy

Pure: the environment and the directory are passed in. What must be looked up on the machine (does the
certificate exist, is the command there) is not asked here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from abreast.model.document import Document, Path, read_document
from abreast.model.errors import Fault, SpecError, UsageError
from abreast.model.rollout import ErrorGate, Policy
from abreast.model.service import GatewaySettings, Service, Tls, Version
from abreast.model.spec_checks import conflicts
from abreast.model.spec_faults import read_keys, shape
from abreast.model.spec_keys import SpecKeys, VersionKeys
from abreast.model.spec_steps import compile_steps

SCHEMA_ID: Final = "urn:abreast:spec:1"
"""The published JSON Schema's name; the number rises with a change that an old file would not survive."""
FILE_NAME: Final = "abreast.yaml"

_AS_WRITTEN: Final = frozenset(
    {"service", "stable", "versions.*.run.*", "versions.*.env.*", "versions.*.cwd", "rollout.steps.*.approve"}
)
"""Where ``1.10`` or ``true`` is the text that stands there, and no number or truth."""

_VARIABLE: Final = re.compile(r"\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|(\{))", re.ASCII)


@dataclass(frozen=True)
class Spec:
    """A spec without faults of its own.

    ``directory`` is where it lies: relative paths in it start there. ``document`` knows the lines, for faults
    that only a look at the machine can find.
    """

    keys: SpecKeys
    document: Document = field(compare=False, repr=False)
    directory: str = ""

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
            ),
        )

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
        errors = rollout.gates.errors
        return Policy(
            steps=compile_steps(rollout),
            at_least_s=rollout.step_time.at_least_s,
            at_most_s=rollout.step_time.at_most_s,
            on_timeout=rollout.on_timeout,
            on_failure=rollout.on_failure,
            errors=ErrorGate(errors.limit, errors.min_requests, errors.window_s),
            retire_after_s=rollout.retire.after_s,
            unused_for_s=rollout.retire.unused_for_s,
            drain_s=self.keys.gateway.drain_s,
            start_timeout_s=version.start_timeout_s,
        )

    def _version(self, name: str, keys: VersionKeys) -> Version:
        return Version(
            name=name,
            run=keys.run,
            endpoints=keys.endpoints,
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
        )

    def _path(self, written: str) -> str:
        return str(PurePosixPath(self.directory) / written)


def parse_spec(
    text: str, file: str = FILE_NAME, *, directory: str = "", environment: Mapping[str, str] | None = None
) -> Spec:
    """Read a spec. ``file`` is its name for messages, ``directory`` where it lies (absolute, or "").

    ``environment`` is what ``${NAME}`` in `run` and `env` is taken from. Raises SpecError with every fault.
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
        for conflict in conflicts(reading.keys)
        if not any(reading.doubtful(path) for path in (conflict.path, *conflict.hangs_on))
    )
    keys, unset = _expanded(reading.keys, document, environment or {})
    faults.extend(unset)
    if faults:
        raise SpecError(tuple(faults))
    return Spec(keys, document, directory)


def schema() -> dict[str, Any]:
    """The JSON Schema of the spec (draft 2020-12), for editors and for `abreast schema`."""
    generated = SpecKeys.model_json_schema(schema_generator=_Schema)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": SCHEMA_ID,
        **generated,
        "title": "abreast.yaml",
    }


def service_name(directory: str) -> str:
    """A service name made from a directory's: ``/srv/My Shop`` → ``my-shop``; ``service`` when nothing is left."""
    name = re.sub(r"[^a-z0-9.]+", "-", PurePosixPath(directory).name.lower(), flags=re.ASCII)
    return name.lstrip("-.")[:40].rstrip("-.") or "service"


class _Schema(GenerateJsonSchema):
    """Says what pydantic leaves out (a name that fits no pattern is refused), and no titles that repeat names."""

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A mapping with names of the user's own."""
        found = super().dict_schema(schema)
        return {**found, "additionalProperties": False} if "patternProperties" in found else found

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401  # as pydantic declares it
        """Never."""
        del schema
        return False


def _as_written(document: Document, value: object, path: Path) -> object:
    """A copy of ``value`` in which numbers and booleans are text wherever text is meant."""
    if isinstance(value, dict):
        return {name: _as_written(document, inner, (*path, name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_written(document, inner, (*path, index)) for index, inner in enumerate(value)]
    return document.texts.get(path, value) if shape(path) in _AS_WRITTEN else value


def _expanded(keys: SpecKeys, document: Document, environment: Mapping[str, str]) -> tuple[SpecKeys, list[Fault]]:
    """The keys with each ``${NAME}`` in commands and variables replaced, and a fault for each that cannot be."""
    faults: list[Fault] = []
    versions: dict[str, VersionKeys] = {}

    def expand(text: str, path: Path) -> str:
        def replace(match: re.Match[str]) -> str:
            dollar, name, default, brace = match.groups()
            if dollar:
                return "$"
            found = environment.get(name or "") or default
            if brace or found is None:
                message = f"{text!r} needs {name}, which is not set" if name else f"{text!r}: ${{ without a name"
                remedy = f"set {name}, or write ${{{name}:-DEFAULT}}" if name else "write ${NAME}, or $${ for ${"
                faults.append(document.fault(path, message, remedy))
                return ""
            return found

        return _VARIABLE.sub(replace, text)

    for name, version in keys.versions.items():
        place: Path = ("versions", name)
        run = tuple(expand(text, (*place, "run")) for text in version.run)
        env = {key: expand(text, (*place, "env", key)) for key, text in version.env.items()}
        versions[name] = version.model_copy(update={"run": run, "env": env})
    return keys.model_copy(update={"versions": versions}), faults
