"""The plan that `abreast check` prints: what a rollout of this spec will do, and how long that takes."""

import shlex
from collections.abc import Iterator
from math import ceil, inf

from abreast.model.rollout import Policy, ShadowStep, WeightStep
from abreast.model.service import Service, Version
from abreast.model.units import FULL_WEIGHT, about, format_duration, format_weight
from abreast.rollout.forecast import StepForecast, forecast

Row = dict[str, str | int | float | bool | None]


def plan_rows(policy: Policy, rate_per_s: float | None, bad: float = 0.0) -> list[Row]:
    """One row for each step, for `--json`: seconds, requests, weight in hundredths of a percent."""
    return [
        {
            "step": str(step.step),
            "kind": step.step.kind,
            "weight": step.weight,
            "requests": _finite(step.requests),
            "requests_s": None if step.requests_s is None else _finite(round(step.requests_s, 3)),
            "gate": step.gate,
            "least_s": round(step.least_s, 3),
            "most_s": step.most_s,
            "fits": step.fits,
        }
        for step in forecast(policy, rate_per_s, bad)
    ]


def _finite(number: float) -> float | None:
    """JSON has no infinity: null stands for "never"."""
    return number if number < inf else None


def summary(
    service: Service, policy: Policy, candidate: str, rate_per_s: float | None, bad: float = 0.0
) -> Iterator[str]:
    """The lines that a person reads."""
    yield f"{service.name}: {_gateway(service)}"
    width = max(len(version.name) for version in service.versions)
    for version in service.versions:
        mark = " (stable)" if version.name == service.stable else ""
        ready = version.ready if version.workload is None else "what the cluster says"
        yield f"  {version.name:<{width}}  {_kind(version)}, ready by {ready}{mark}"
    yield ""
    yield f"A rollout of {candidate}, if all goes well:"
    if policy.data is not None:
        made = f"waits for: abreast data expand {candidate}"
        yield f"  first its side of the data {'is made, and every row filled' if policy.data.expand else made}"
    steps = forecast(policy, rate_per_s, bad)
    width = max(len(str(step.step)) for step in steps)
    for number, step in enumerate(steps, 1):
        yield f"  {number:>2}  {step.step!s:<{width}}  {_takes(step)}"
    yield from _ends(policy, steps, rate_per_s)


def _gateway(service: Service) -> str:
    """Where requests come in, and what is kept together there."""
    route = service.gateway.route
    if route is not None:
        return f"gateway HTTPRoute {route.name}, where a weight is a share of requests: users do not stay on a side"
    users = ", then ".join(map(str, service.users)) or "the cookie abreast-id that the gateway sets"
    scheme = "https" if service.gateway.tls else "http"
    return f"gateway {scheme}://{service.gateway.listen}, one user is {users}"


def unprovable(policy: Policy, rate_per_s: float | None, bad: float = 0.0) -> Iterator[str]:
    """A sentence for each step that cannot be proven in time at this rate, with what would fit."""
    for step in forecast(policy, rate_per_s, bad):
        if step.fits or rate_per_s is None or step.requests_s is None or step.most_s is None:
            continue
        times = step.requests_s / step.most_s
        yield (
            f"{step.step}: the {step.gate} gate needs {_requests(step)}, which takes {_long(step.requests_s)} at "
            f"{rate_per_s:g} requests/s, more than step_time.at_most ({about(step.most_s)}); "
            f"then {_on_timeout(policy)}\n  → {_would_fit(policy, step, times)}"
        )


def _would_fit(policy: Policy, step: StepForecast, times: float) -> str:
    if times == inf:
        return "there is no proof without requests"
    longer = f"raise step_time.at_most to {about(step.requests_s or 0.0)}"
    if step.gate == "errors":
        budget = min(FULL_WEIGHT, ceil(policy.errors.budget * times))
        return f"{longer}, or rollout.gates.errors.budget to {format_weight(budget)}, or take a larger weight"
    if step.gate == "differences":
        return f"{longer}, or rollout.gates.differences.tolerance, or copy a larger share"
    return f"{longer}, take a larger weight, or leave latency out: rollout.gates.latency.watch: false"


def _on_timeout(policy: Policy) -> str:
    return "the step is held" if policy.on_timeout == "hold" else "the rollout goes on unproven"


def _requests(step: StepForecast) -> str:
    what = "compared answers" if step.gate == "differences" else "candidate requests"
    return f"{step.requests:,.0f} {what}" if step.requests < inf else f"no number of {what} proves it"


def _long(seconds: float) -> str:
    return about(seconds) if seconds < inf else "for ever"


def _kind(version: Version) -> str:
    if version.registry is not None:
        return f"runs elsewhere; its endpoints are looked up: {version.registry}"
    if version.external:
        return f"runs elsewhere at {', '.join(map(str, version.endpoints))}"
    if version.workload is not None and version.workload.adopted:
        return f"the Deployment {version.workload.deployment}, scaled to {version.instances}"
    if version.workload is not None:
        return f"a Deployment of {version.instances} made from {version.workload.template}"
    noun = "instance" if version.instances == 1 else "instances"
    if version.container is not None:
        image, build = version.container.image, version.container.build
        return f"{version.instances} {noun} of the image {image or (f'built from {build.context}' if build else '')}"
    return f"{version.instances} {noun} of `{shlex.join(version.run)}`"


def _takes(step: StepForecast) -> str:
    if step.step.kind == "approve":
        return "until a person says: abreast promote"
    if not step.requests:
        return "at once" if not step.least_s else format_duration(step.least_s)
    least = f"at least {about(step.least_s)}, at most {about(step.most_s or 0)}"
    if isinstance(step.step, ShadowStep):
        needs = f"needs about {step.requests:,} compared answers if none differs"
    else:
        needs = f"needs about {_requests(step)} for {step.gate}"
    if step.requests_s is None:
        return f"{least}; {needs}"
    longer = about(step.requests_s) if step.fits else f"{_long(step.requests_s)}, more than that"
    return f"{least}; {needs}: {longer}"


def _ends(policy: Policy, steps: tuple[StepForecast, ...], rate_per_s: float | None) -> Iterator[str]:
    moved = sum(step.least_s for step in steps if step.step.kind != "bake")
    waits = " and the approvals" if any(step.most_s is None for step in steps) else ""
    where = "" if rate_per_s is None else f" at {rate_per_s:g} requests/s"
    full = format_weight(steps[-1].weight)
    yield f"  {full} of users after about {about(moved)}{waits}{where}; done after {about(moved + policy.bake_s)}"
    yield (
        f"  the old version stops {format_duration(policy.retire_after_s)} later, "
        f"once no request came for {format_duration(policy.unused_for_s)}; "
        f"open streams keep it {format_duration(policy.open_for_s)} longer at most"
    )
    if policy.data is not None:
        after_s = policy.data.contract_after_s
        by_hand = "stays until: abreast data contract"
        dropped = by_hand if after_s is None else f"is dropped for good {format_duration(after_s)} after that"
        yield f"  its side of the data {dropped}"
    copied = _copies(policy)
    latency = policy.latency
    slower = "" if latency is None else f", or is more than {format_weight(latency.tolerance)} slower,"
    differs = f", or more than {format_weight(policy.differences.tolerance)} of its answers differ" if copied else ""
    if policy.data is not None:
        rows = policy.data.max_drift
        differs += f", or {f'more than {rows:,} rows contradict' if rows else 'a row contradicts'} the other side's"
    if not policy.errors.watch:
        rest = "everybody goes back to stable" if policy.on_failure == "roll-back" else "the rollout freezes"
        yield f"  nobody counts failures; if a query or a webhook says no{differs}: {rest}"
        return
    yield (
        f"  if it fails more{slower} than stable in the same seconds{differs}: "
        f"{'everybody goes back to stable' if policy.on_failure == 'roll-back' else 'the rollout freezes'}"
    )
    if copied:
        shadow = policy.shadow
        unsafe = "".join(f", and {' and '.join(each.methods)} below {each.prefix}" for each in shadow.isolated)
        yield f"  copied to the candidate: GET, HEAD and OPTIONS{unsafe}; at most {shadow.at_most_per_s:g} a second"


def _copies(policy: Policy) -> bool:
    """Whether any step copies requests to the candidate."""
    shares = (
        step.share if isinstance(step, ShadowStep) else step.shadow
        for step in policy.steps
        if isinstance(step, ShadowStep | WeightStep)
    )
    return any(shares)
