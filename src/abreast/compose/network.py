"""What of a compose service has to do with its surroundings: ports, health, networks, neighbours."""

from collections.abc import Iterator, Mapping
from typing import Final

from abreast.compose.document import ComposeFile, Keys
from abreast.compose.forms import Port, listed, page, pairs, ports
from abreast.compose.variables import Variables

Note = tuple[str, str]
"""A key of the service, and why it is not in the proposal or what is to be known of it."""

_ANY: Final = "0.0.0.0"  # noqa: S104  # where compose publishes a port that names no address
_DEFAULT: Final = "default"


def listening(keys: Keys, variables: Variables) -> tuple[int | None, str, list[Note]]:
    """The container's port (None: as the image says), the gateway's address ("" for its default), and notes."""
    written = keys.get("ports")
    found = list(ports([_resolved(each, variables) for each in written] if isinstance(written, list) else []))
    tcp = [each for each in found if isinstance(each, Port)]
    chosen = next((each for each in tcp if each.published), tcp[0] if tcp else None)
    others = [each for each in found if each is not chosen]
    notes = [("ports", _unpublished(each)) for each in others]
    if chosen is None:
        exposed = [each.partition("/")[0] for each in listed(keys.get("expose"))]
        numbers = [*exposed, pairs(keys.get("environment")).get("PORT") or ""]
        return next((int(each) for each in numbers if each.isdigit()), None), "", notes
    if not chosen.published:
        return chosen.target, "", notes
    # Users came in here until now, so that is where the gateway stands.
    return chosen.target, f"{chosen.host or _ANY}:{chosen.published}", notes


def health(keys: Keys, port: int | None) -> tuple[str, list[Note]]:
    """The probe that the health check amounts to ("" for none), and notes."""
    check = keys.get("healthcheck")
    if not isinstance(check, dict):
        return "", [("healthcheck", "there is none, so any connection counts as ready: `ready: GET /path` is better")]
    test = listed(check.get("test"))
    if check.get("disable") == "true" or test[:1] == ["NONE"]:
        return "", []
    path = page(test, port)
    if path is not None:
        return f"GET {path}", [("healthcheck", "its page is asked by abreast, each second; its times are not kept")]
    words = "it is a command: put it into the Dockerfile as HEALTHCHECK, which abreast heeds, or name a page: `ready:`"
    return "", [("healthcheck", words)]


def networks(file: ComposeFile, name: str) -> tuple[list[str], list[Note]]:
    """The networks to join, by the engine's names, and notes. None where there is nobody to meet."""
    keys = file.services[name]
    if "network_mode" in keys:
        return [], []
    told = keys.get("networks")
    if not told and len(file.services) == 1:
        return [], []
    notes: list[Note] = []
    for network, settings in told.items() if isinstance(told, dict) else ():
        for key in settings if isinstance(settings, dict) else ():
            words = "instances have no fixed names and addresses; others reach them through the gateway"
            notes.append(("networks", f"{network}.{key}: {words}"))
    wanted = listed(told) or [_DEFAULT]
    real = [file.real_name("networks", each) for each in wanted]
    words = "compose makes them, so it has to be up first; the gateway then reaches instances by their addresses"
    notes.append(("networks", f"{', '.join(real)}: {words}, which a rootless engine does not allow"))
    return real, notes


def neighbours(file: ComposeFile, name: str) -> Iterator[Note]:
    """Who is needed, and who asked this service by its name."""
    needs = [*listed(file.services[name].get("depends_on")), *listed(file.services[name].get("links"))]
    needed = list(dict.fromkeys(each.partition(":")[0] for each in needs))
    if needed:
        yield "depends_on", f"left to compose; before `abreast up`: docker compose up -d --wait {' '.join(needed)}"
    askers = [
        other for other, keys in file.services.items() if other != name and name in listed(keys.get("depends_on"))
    ]
    if askers:
        words = f"{', '.join(askers)} must ask the gateway instead of http://{name}: instances have no such name"
        yield "depends_on", words


def _unpublished(port: Port | str) -> str:
    if isinstance(port, str):
        return f"{port}: only single TCP ports get requests through the gateway"
    return f"{port.target}: one port gets the requests; this one is left unpublished"


def _resolved(entry: object, variables: Variables) -> object:
    if isinstance(entry, Mapping):
        return {key: _resolved(value, variables) for key, value in entry.items()}
    return variables.resolved(entry) if isinstance(entry, str) else entry
