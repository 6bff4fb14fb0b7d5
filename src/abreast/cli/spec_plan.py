"""The plan that `abreast check` prints: what a rollout of this spec will do, and how long that takes."""

import shlex
from collections.abc import Iterator

from abreast.model.rollout import Policy, ShadowStep, WeightStep
from abreast.model.service import Service, Version
from abreast.model.units import about, format_duration, format_weight
from abreast.rollout.forecast import StepForecast, forecast

Row = dict[str, str | int | float | bool | None]


def plan_rows(policy: Policy, rate_per_s: float | None) -> list[Row]:
    """One row for each step, for `--json`: seconds, requests, weight in hundredths of a percent."""
    return [
        {
            "step": str(step.step),
            "kind": step.step.kind,
            "weight": step.weight,
            "requests": step.requests,
            "requests_s": None if step.requests_s is None else round(step.requests_s, 3),
            "least_s": round(step.least_s, 3),
            "most_s": step.most_s,
            "blind": step.blind,
        }
        for step in forecast(policy, rate_per_s)
    ]


def summary(service: Service, policy: Policy, candidate: str, rate_per_s: float | None) -> Iterator[str]:
    """The lines that a person reads."""
    users = ", then ".join(map(str, service.users)) or "the cookie abreast-id that the gateway sets"
    scheme = "https" if service.gateway.tls else "http"
    yield f"{service.name}: gateway {scheme}://{service.gateway.listen}, one user is {users}"
    width = max(len(version.name) for version in service.versions)
    for version in service.versions:
        mark = " (stable)" if version.name == service.stable else ""
        yield f"  {version.name:<{width}}  {_kind(version)}, ready by {version.ready}{mark}"
    yield ""
    yield f"A rollout of {candidate}, if all goes well:"
    steps = forecast(policy, rate_per_s)
    width = max(len(str(step.step)) for step in steps)
    for number, step in enumerate(steps, 1):
        yield f"  {number:>2}  {step.step!s:<{width}}  {_takes(step)}"
    yield from _ends(policy, steps, rate_per_s)


def blind_spots(policy: Policy, rate_per_s: float | None) -> Iterator[str]:
    """A sentence for each step whose gate could never decide at this rate."""
    for step in forecast(policy, rate_per_s):
        if step.blind and rate_per_s is not None:
            rate = rate_per_s * step.weight / 10_000
            yield (
                f"{step.step}: at {rate:g} candidate requests/s fewer than {step.requests} fall into "
                f"{format_duration(policy.errors.window_s)}, so the errors gate cannot judge\n"
                "  → raise rollout.gates.errors.window, or start with a larger weight"
            )


def _kind(version: Version) -> str:
    if version.external:
        return f"runs elsewhere at {', '.join(map(str, version.endpoints))}"
    noun = "instance" if version.instances == 1 else "instances"
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
        needs = f"needs {step.requests:,} candidate requests"
    if step.requests_s is None:
        return f"{least}; {needs}"
    longer = "more than that" if step.requests_s > (step.most_s or 0) else about(step.requests_s)
    return f"{least}; {needs}: {longer}"


def _ends(policy: Policy, steps: tuple[StepForecast, ...], rate_per_s: float | None) -> Iterator[str]:
    moved = sum(step.least_s for step in steps if step.step.kind != "bake")
    waits = " and the approvals" if any(step.most_s is None for step in steps) else ""
    where = "" if rate_per_s is None else f" at {rate_per_s:g} requests/s"
    full = format_weight(steps[-1].weight)
    yield f"  {full} of users after about {about(moved)}{waits}{where}; done after {about(moved + policy.bake_s)}"
    yield (
        f"  the old version stops {format_duration(policy.retire_after_s)} later, "
        f"once it had no request for {format_duration(policy.unused_for_s)}"
    )
    copied = _copies(policy)
    differs = f", or more than {format_weight(policy.differences.tolerance)} of its answers differ" if copied else ""
    yield (
        f"  errors {format_weight(policy.errors.limit)} above stable's{differs}: "
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
