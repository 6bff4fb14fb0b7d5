"""The status as text: the tree that people read."""

from collections.abc import Iterator
from typing import Any

from abreast.model.units import about, format_weight, percent

Json = dict[str, Any]

_MARKS = {"worse": "✘", "not-worse": "✔", "undecided": "◌"}


def lines(status: Json) -> Iterator[str]:
    """The tree, one line each, from the JSON of the API."""
    yield _headline(status)
    if status["store_error"]:
        yield f"  ! {status['store_error'].splitlines()[0]}"
    yield f"  {_gateway(status)}"
    if status.get("servers"):
        yield f"  servers   {_servers(status['servers'])}"
    if status.get("gateways"):
        yield f"  gateways  {_gateways(status['gateways'])}"
    if status.get("relays"):
        yield f"  relays    {len(status['relays'])}: {', '.join(status['relays'])}"
    width = max((len(version["name"]) for version in status["versions"]), default=0)
    for version in status["versions"]:
        yield f"  {_version(version, width)}"
        for instance in version["instances"]:
            if instance["state"] != "ready":
                yield f"      {instance['id']} {instance['state']}: {instance['detail'] or '…'}"
    yield from _evidence(status)
    if status["silence"]:
        yield f"  ! {status['silence']}"
    if status["phase"] != "completed":
        yield f"  next: {awaited(status)}"


def _evidence(status: Json) -> Iterator[str]:
    if status["shadow"]:
        yield f"  {_shadow(status['shadow'])}"
    if status["data"]:
        yield f"  data      {'; '.join(status['data'])}"
    if status.get("group"):  # without one, and for what an older control plane says
        yield f"  group     {'; '.join(status['group'])}"
    if status["gates"]:
        yield "  gates"
    for gate in status["gates"]:
        yield f"    {_MARKS[gate['state']]} {gate['name']:<12} {gate['sentence']}{_left(gate)}"


def change(status: Json) -> str:
    """One line that changes only when the rollout moves, and says why it is in its phase."""
    *place, _lasting = _place(status)
    return "   ".join([*place, status["reason"]])


def _left(gate: Json) -> str:
    """How far an undecided gate is, and how long the rest takes at the present rate."""
    if gate["state"] != "undecided" or gate["missing"] is None:
        return ""
    left = f", about {about(gate['missing_s'])} at this rate" if gate["missing_s"] is not None else ""
    return f" ({gate['share'] * 100:.0f} % of the proof{left})"


def awaited(status: Json) -> str:
    """What is waited for. A gate's sentence stands above already: here it is named alone."""
    waiting = next((gate for gate in status["gates"] if gate["sentence"] in status["because"]), None)
    if waiting is None or waiting["state"] != "undecided":
        return f"{status['because']}{_limit(status)}"
    left = f", about {about(waiting['missing_s'])} at this rate" if waiting["missing_s"] is not None else ""
    return f"the next step when {waiting['name']} is proven{left}{_limit(status)}"


def _limit(status: Json) -> str:
    """When it is looked at again at the latest, unless the reason says so itself."""
    wake_s = status["wake_in_s"]
    if wake_s is None or wake_s <= 0 or about(wake_s) in status["because"]:
        return ""
    return f" (for at most {about(wake_s)} more)"


def _headline(status: Json) -> str:
    return "   ".join(_place(status))


def _place(status: Json) -> list[str]:
    """Versions, phase, step, weight, and how long the phase lasts."""
    versions = f"{status['stable']} → {status['candidate']}" if status["candidate"] else status["stable"]
    parts = [f"{status['service']}  {versions}", status["phase"]]
    if status["phase"] in {"progressing", "paused", "frozen"} and status["steps"]:
        parts.append(f"step {status['step']} of {status['steps']}")
    if status["candidate"] and status["phase"] != "completed":
        parts.append(f"{format_weight(status['weight'])} of users")
    return [*parts, about(status["phase_s"])]


def _gateway(status: Json) -> str:
    nodes = status["nodes"]
    obeying = sum(1 for node in nodes if node["obeys"])
    count = f"{len(nodes)} node{'' if len(nodes) == 1 else 's'}"
    text = f"gateway   {count}"
    if obeying < len(nodes):
        behind = ", ".join(
            f"{node['id']}{': ' + node['nack'] if node['nack'] else ''}" for node in nodes if not node["obeys"]
        )
        text += f", not obeying: {behind}"
    if status["seen_share"] is not None and status["phase"] != "completed":
        seen = percent(status["seen_share"], 1)
        text += f"   set {format_weight(status['weight'])}   seen {seen} of {status['seen_requests']:,} requests"
    failed, requests = status["users_failed"], status["users_requests"]
    if requests:
        text += f"   users {percent(failed, requests)} failed ({failed:,} of {requests:,})"
    return text


def _servers(servers: list[Json]) -> str:
    """Who decides, and who is silent."""
    decides = next((each["name"] for each in servers if each["decides"]), "")
    text = f"{len(servers)}: {', '.join(each['name'] for each in servers)}   "
    text += f"{decides} decides" if decides else "none decides at present"
    lost = [f"{each['name']} for {about(each['silent_s'])}" for each in servers if each["lost"]]
    return f"{text}   silent: {', '.join(lost)}" if lost else text


def _gateways(gateways: list[Json]) -> str:
    """What each acknowledged, and who is silent."""
    here = [each for each in gateways if not each["lost"]]
    told = [f"{each['name']} {_weight(each)} through {each['server']}" for each in here]
    silent = ", ".join(f"{each['name']} for {about(each['silent_s'])}" for each in gateways if each["lost"])
    text = f"{len(gateways)}: {', '.join(told)}" if told else f"{len(gateways)}"
    return f"{text}   silent: {silent}" if silent else text


def _weight(gateway: Json) -> str:
    if gateway["weight"] is None:
        return "not known yet,"
    return f"{format_weight(gateway['weight'])}{'' if gateway['obeys'] else ' (not as ordered)'}"


def _shadow(shadow: Json) -> str:
    """How much is copied, what became of it, and how many findings wait for somebody."""
    seen, compared = shadow["seen"], shadow["compared"]
    text = f"shadow    {format_weight(shadow['share'])} of requests   {compared:,} of {seen:,} compared"
    if shadow["lost"]:
        text += f", {shadow['lost']:,} lost"
    accepted = f", {shadow['findings_accepted']} accepted" if shadow["findings_accepted"] else ""
    return f"{text}   findings: {shadow['findings_open']} open{accepted}"


def _version(version: Json, width: int) -> str:
    share = version["error_share"]
    errors = percent(share, 1) if share is not None else "–"
    times = [f"p{name} {_time(version[f'p{name}_ms'])}" for name in (50, 99)]
    kinds = ", ".join(f"{count} × {kind}" for kind, count in version["errors_by_code"].items())
    text = (
        f"{version['name']:<{width}} {version['side']:<10} {version['ready']}/{version['wanted']} ready"
        f"  {version['rps']:8.1f} rps   {errors} errors   {'   '.join(times)}"
    )
    if kinds:
        text += f"   ({kinds})"
    if version["waiting_long"]:
        text += f"   {version['waiting_long']} wait too long"
    return text


def _time(ms: float | None) -> str:
    if ms is None:
        return "–"
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms"  # noqa: PLR2004  # one decimal where it matters
