"""Three members of a release group in one made-up world: what each hears of the others, and when, is drawn by lot.

Between any two moves of one member anything can happen to the others: a control plane is killed and comes back knowing
nothing but its rollout, two no longer hear each other, a gate finds a candidate worse, a person gives an order.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from abreast.model.group import Heard, Standing
from abreast.model.rollout import BakeStep, Group, Phase, Policy, WeightStep
from abreast.rollout import group
from abreast.rollout.actions import RunVersion, StopVersion
from abreast.rollout.observed import Differences, Verb
from tests.rollout.play import BEGIN, POLICY, Play, differing, serving

NAMES: Final = ("payments", "cart", "shop")
ORDER: Final = Group("spring", NAMES)
POLICY_OF_ALL: Final = Policy(
    steps=(WeightStep(10_000), BakeStep(2.0)),
    group=ORDER,
    at_most_s=1e9,
    latency=None,
    retire_after_s=1.0,
    unused_for_s=0.0,
    open_for_s=0.0,
    drain_s=0.5,
    start_timeout_s=POLICY.start_timeout_s,
)
_ORDERS: Final[tuple[Verb, ...]] = ("abort", "undo", "pause", "resume", "promote", "retire", "start", "retry", "weight")


@dataclass
class Service:
    """One member: its story, whether its control plane runs, and whom it cannot hear."""

    play: Play
    alive: bool = True
    deaf_to: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The service's name."""
        return self.play.rollout.service

    @property
    def standing(self) -> Standing:
        """What it says of itself at this moment."""
        return group.standing(self.play.rollout, self.play.observed, self.play.decision.because)


@dataclass
class World:
    """The members, one time for all, and which attempts ended how: by number, the members for which they did."""

    lot: Random
    now: float = BEGIN
    services: dict[str, Service] = field(init=False)
    completed: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    back: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        self.services = {name: Service(_play(name)) for name in NAMES}

    def happens(self) -> None:
        """One move, drawn by lot."""
        service = self.services[self.lot.choice(NAMES)]
        other = self.lot.choice([name for name in NAMES if name != service.name])
        match self.lot.choices(
            ("turn", "hear", "time", "cut", "mend", "kill", "revive", "worse", "order"),
            (40, 40, 10, 1, 6, 1, 8, 0.1, 0.5),
        )[0]:
            case "turn":
                self.turn(service)
            case "hear":
                self.hear(service, other)
            case "time":
                self.now += self.lot.choice((0.1, 0.5, 1.0, 5.0))
            case "cut":
                service.deaf_to.add(other)
            case "mend":
                service.deaf_to.clear()
            case "kill":
                service.alive = False
            case "revive":
                self.revive(service)
            case "worse":
                service.play.differences = differing(500, 500)
                self.turn(service)
            case _:
                self.order(service, self.lot.choice(_ORDERS))

    def regrets(self) -> None:
        """Now and then somebody wants a member back whose old version is leaving."""
        service = self.services[self.lot.choice(NAMES)]
        if service.play.rollout.phase is Phase.RETIRING and self.lot.random() < 0.03:
            self.order(service, "undo")

    def turn(self, service: Service) -> None:
        """One cycle: what was decided is done at once, and its gateways obey, mostly."""
        if not service.alive:
            return
        play = service.play
        play.now = self.now
        play.turn()
        if play.rollout.phase in {Phase.ROLLED_BACK, Phase.COMPLETED}:
            play.differences = Differences()
        self._acts(play)
        self._counts(service)

    def order(self, service: Service, verb: Verb) -> None:
        """A person orders that; a refusal is as good as an order."""
        if not service.alive:
            return
        service.play.now = self.now
        weight = 10_000 if verb == "weight" else None
        service.play.orders(verb, version="v2" if verb == "start" else None, weight=weight, full=verb == "promote")
        self._acts(service.play)
        self._counts(service)

    def hear(self, service: Service, other: str) -> None:
        """It asks the other one, which says how it stands, if it can."""
        if service.alive and self.services[other].alive and other not in service.deaf_to:
            self.services[other].play.now = self.now
            heard = Heard(self.services[other].standing, self.now)
            service.play.group = {**(service.play.group or {}), other: heard}

    def revive(self, service: Service) -> None:
        """A killed control plane comes back: what it had heard is gone."""
        if not service.alive:
            service.alive, service.play.group = True, {}

    def heals(self) -> None:
        """Everything works again for a few minutes, and whoever is paused is resumed."""
        for service in self.services.values():
            self.revive(service)
            service.deaf_to.clear()
            service.play.differences = Differences()
            if service.play.rollout.phase in {Phase.PAUSED, Phase.FROZEN}:
                self.order(service, "resume")
        for _ in range(100):
            if {each.play.rollout.phase for each in self.services.values()} <= {Phase.COMPLETED, Phase.ROLLED_BACK}:
                return
            self.now += 1.0
            for service in self.services.values():
                for other in NAMES:
                    if other != service.name:
                        self.hear(service, other)
                self.turn(service)

    def _acts(self, play: Play) -> None:
        if self.lot.random() < 0.8:  # a gateway may lag behind
            play.acked = {"gateway-1": play.split}
        for action in play.decision.actions:
            match action:
                case RunVersion(version):
                    play.ready[version] = 2
                case StopVersion(version):
                    play.ready.pop(version, None)

    def _counts(self, service: Service) -> None:
        """Note how an attempt ended here; a retry takes another number, so a number ends once."""
        rollout = service.play.rollout
        assert not rollout.alone
        if rollout.number and rollout.phase is Phase.COMPLETED:
            self.completed[rollout.attempt].add(service.name)
        if rollout.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}:
            self.back[rollout.attempt].add(service.name)

    @property
    def torn(self) -> set[int]:
        """Attempts that ended otherwise for one member than for another."""
        return {number for number, names in self.completed.items() if names and self.back.get(number)}


def _play(name: str) -> Play:
    rollout = replace(serving(POLICY_OF_ALL), service=name)
    play = Play(rollout, ready={"v1": 2})
    play.group = {}
    return play
