"""A changed spec, taken over while everything runs."""

from collections.abc import Iterator

from abreast.app import etcd_spec
from abreast.app.foreground import Say
from abreast.app.ground import require
from abreast.app.parts import Up, places, require_files
from abreast.model.errors import (
    AbreastError,
)
from abreast.model.event import EventKind
from abreast.model.service import Service
from abreast.model.spec import Spec
from abreast.rollout.replan import require_same, require_versions
from abreast.rollout.turn import ACTOR
from abreast.spec_source import load_spec


async def reload_spec(running: Up, say: Say) -> None:
    """Take over a changed spec, or say why not and keep the old one."""
    control, controller, config = running.control, running.controller, running.config
    actor = etcd_spec.ACTOR if config else ACTOR
    try:
        spec = await config.load() if config else load_spec(running.spec_file)
        require_files(spec)
        service = spec.service()
        require_same(control.service, service, controller.rollout)
        require_versions(service, controller.rollout)
        candidate = controller.rollout.candidate
        if candidate is not None and service.version(candidate) is not None:
            policy = spec.policy(candidate)
            await controller.replace_policy(policy, "the spec changed; what is not yet done follows it", actor)
        await control.flags.adopt(spec.flags, controller.rollout.number)
    except AbreastError as error:
        where, reason = f" ({config.origin})" if config else "", etcd_spec.told(error)
        controller.note(EventKind.SPEC, f"the changed spec{where} is refused: {reason}", actor)
        if config is not None:
            config.refused = reason
        say(str(error))
        return
    for each in _later(running, spec, service):
        say(f"the changed {each} used from the next `abreast up` on")
    control.service = running.observer.service = running.actor.service = service
    control.policy = spec.policy
    if running.keeper is not None and spec.data is not None:
        running.keeper.spec = spec
    elif running.keeper is not None or spec.data is not None:
        say("the changed `data` is used from the next `abreast up` on")
    control.require = lambda name: require(service, name)
    running.members.follow(places(spec.group))
    running.gateway.adopt(service.gateway)
    controller.note(EventKind.SPEC, "the spec was read again" + (f" ({config.origin})" if config else ""), actor)
    if config is not None:
        config.accepted()
    if running.gateway.outdated:
        say("Envoy's own settings changed: hot restart")
        await running.gateway.restart()


def _later(running: Up, spec: Spec, service: Service) -> Iterator[str]:
    """What has changed and is not taken over now."""
    if service.alerts != running.control.service.alerts:
        yield "addresses in `alerts` are"
    if spec.api != running.api:
        yield "`api` is"
    if _place(service) != _place(running.control.service):
        yield "`gateway.route` is"


def _place(service: Service) -> object:
    """Which route it is; None for a gateway of ours."""
    return service.gateway.route.place if service.gateway.route else None
