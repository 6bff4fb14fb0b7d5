"""What of a spec several servers can run together."""

from pathlib import Path

from abreast.app.parts import require_files
from abreast.model.errors import SpecError, UsageError
from abreast.model.spec import Spec
from abreast.spec_source import load_spec


def read_spec(spec_file: Path) -> Spec:
    """The spec, if a fleet can run it. Raises SpecError, UsageError."""
    spec = load_spec(spec_file)
    require_files(spec)
    own = ", ".join(version.name for version in spec.service().versions if not version.external)
    if own:
        message = f"versions: {own} would run on the machine of one server alone"
        raise UsageError(message, "run them elsewhere and name their `endpoints`; or use: abreast up")
    if spec.keys.gateway.route is not None:
        message = "gateway.route: each server has an Envoy of its own, and an HTTPRoute is written by one control plane"
        raise UsageError(message, "use: abreast up; or take `gateway.route` out of this spec")
    fleet_service(spec)
    return spec


def fleet_service(spec: Spec) -> str:
    """What the service is called in the store that all servers share. Raises SpecError where the spec does not say."""
    if not spec.keys.service:
        fault = spec.document.fault(
            ("service",), "a fleet's service has a name", "write service: NAME, the same everywhere"
        )
        raise SpecError((fault,))
    return spec.keys.service
