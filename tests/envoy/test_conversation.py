"""What is said to one Envoy, told as conversations."""

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from abreast.envoy.capture import RELAY
from abreast.envoy.conversation import Conversation, Request, Response
from abreast.envoy.messages import CLUSTER, ENDPOINTS, LISTENER, ROUTE_TABLE
from abreast.envoy.snapshot import Snapshot, build
from abreast.model.traffic import Split
from tests.envoy.told import WORDS, PaperEnvoy, moved, traffic

ALONE = build(traffic("v1"))
BOTH = build(traffic("v1", "v2", 1000))
LESS = build(traffic("v1", "v2", 200))
MORE = build(traffic("v1", "v2", 5000))
PROMOTED = build(traffic("v2"))
NEXT = build(traffic("v2", "v3", 100, "t"))
MOVED = build(moved(traffic("v1"), 9009))
BAD = build(traffic("v1", "bad", 100))


@dataclass
class Talk:
    """A conversation with an Envoy on paper; ``past`` is what was published, as the server remembers it."""

    envoy: PaperEnvoy = field(default_factory=PaperEnvoy)
    side: Conversation = field(default_factory=Conversation)
    past: tuple[Snapshot, ...] = ()

    def publish(self, *published: Snapshot) -> None:
        """Tell the conversation, but let nothing arrive yet."""
        for each in published:
            if self.past[-1:] != (each,):
                self.past = (*self.past, each)
            self.envoy.inbox.extend(self.side.publish(each))

    def hear(self) -> tuple[Response, ...]:
        """Let our side take in the next request; returns what it says to that."""
        responses = self.side.hear(self.envoy.outbox.popleft())
        self.envoy.inbox.extend(responses)
        return responses

    def until_silence(self) -> list[str]:
        """Let everything arrive; returns which types were sent, in their order."""
        said: list[str] = []
        for _ in range(200):
            while self.envoy.outbox:
                self.hear()
            if not self.envoy.inbox:
                return said
            said.append(self.envoy.inbox[0].url)
            self.envoy.read()
        message = "the conversation never ends"
        raise AssertionError(message)

    def reconnect(self) -> None:
        """Another stream of the same Envoy."""
        target, known = (self.past[-1], self.past[:-1]) if self.past else (None, ())
        self.side = Conversation(target=target, known=known)
        self.envoy.greet()


def begun(*published: Snapshot, hated: str = "") -> Talk:
    """A conversation in which everything was said."""
    talk = Talk(PaperEnvoy(hated=frozenset({hated} - {""})))
    talk.envoy.greet()
    for each in published:
        talk.publish(each)
        talk.until_silence()
    return talk


def test_nothing_is_said_before_there_is_anything_to_say() -> None:
    talk = begun()
    assert talk.until_silence() == []
    assert (talk.side.acked, talk.side.settled, talk.side.nack) == (None, False, "")


def test_an_envoy_just_born_gets_clusters_first_and_routes_last() -> None:
    talk = begun()
    talk.publish(BOTH)
    assert talk.until_silence() == [CLUSTER, LISTENER, ENDPOINTS, ROUTE_TABLE]
    assert talk.side.settled
    assert talk.side.acked == BOTH.split
    assert talk.envoy.routed == BOTH.routed


def test_a_changed_weight_is_one_message() -> None:
    talk = begun(BOTH)
    talk.publish(MORE)
    assert talk.until_silence() == [ROUTE_TABLE]
    assert talk.side.acked == MORE.split


def test_moved_instances_are_one_message() -> None:
    talk = begun(ALONE)
    talk.publish(MOVED)
    assert talk.until_silence() == [ENDPOINTS]
    assert talk.side.settled


def test_routes_wait_until_the_clusters_are_acknowledged() -> None:
    talk = begun(ALONE)
    talk.publish(BOTH)
    assert [each.url for each in talk.envoy.inbox] == [CLUSTER, ENDPOINTS]
    talk.envoy.read()
    assert talk.envoy.waiting == {"v2", "v2/timed"}
    while talk.envoy.outbox:
        assert ROUTE_TABLE not in [each.url for each in talk.hear()], "the clusters are not warm yet"
    assert talk.side.acked == ALONE.split
    talk.until_silence()
    assert (talk.side.acked, talk.side.settled) == (BOTH.split, True)


def test_clusters_stay_until_the_routes_are_acknowledged() -> None:
    talk = begun(BOTH)
    talk.publish(PROMOTED)
    said = [each.url for each in talk.envoy.inbox]
    assert said == [ENDPOINTS, ROUTE_TABLE], "v2 is there already, only on the other side now, and v1 must stay"
    for _ in said:
        talk.envoy.read()
    assert "v1" in talk.envoy.clusters
    assert not talk.hear(), "that the endpoints are acknowledged is not enough"
    answers = talk.hear()
    assert [each.url for each in answers] == [CLUSTER, ENDPOINTS]
    assert [each["name"] for each in answers[0].resources] == [RELAY, "v2"]
    talk.until_silence()
    assert set(talk.envoy.clusters) == {RELAY, "v2"}
    assert talk.side.settled


def test_endpoints_are_said_again_after_clusters() -> None:
    """A cluster that changed warms up anew and waits for them, though they are the same."""
    talk = begun(ALONE)
    told = traffic("v1")
    patient = replace(told.stable, version=replace(told.stable.version, keep_alive_s=9.0))
    changed = build(replace(told, stable=patient))
    assert changed.resources[ENDPOINTS] == ALONE.resources[ENDPOINTS]
    talk.publish(changed)
    assert talk.until_silence() == [CLUSTER, ENDPOINTS]
    assert (talk.side.settled, talk.envoy.waiting) == (True, frozenset())


def test_a_refusal_keeps_the_last_good_and_is_not_sent_again() -> None:
    talk = begun(ALONE)
    talk.envoy.hated = frozenset({"bad"})
    talk.publish(BAD)
    assert talk.until_silence().count(CLUSTER) == 1
    assert talk.side.nack == WORDS
    assert talk.side.acked == ALONE.split
    assert not talk.side.settled
    talk.publish(BAD)
    assert talk.until_silence() == []


def test_a_good_snapshot_after_a_refused_one_recovers_whole() -> None:
    """Nothing of the refused one is sent with it."""
    talk = begun(ALONE, BAD, hated="bad")
    talk.publish(BOTH)
    talk.until_silence()
    assert (talk.side.nack, talk.side.settled, talk.side.acked) == ("", True, BOTH.split)


def test_a_snapshot_refused_twice_is_reported_twice() -> None:
    talk = begun(ALONE, BAD, ALONE, hated="bad")
    assert (talk.side.nack, talk.side.settled) == ("", True)
    talk.publish(BAD)
    talk.until_silence()
    assert talk.side.nack == WORDS


def test_an_answer_to_something_older_is_no_answer_to_the_newest() -> None:
    talk = begun(BOTH)
    talk.publish(MORE, BOTH, MORE)
    talk.envoy.read()
    old = talk.envoy.outbox[0]
    assert talk.hear() == ()
    talk.side.hear(Request(old.url, old.version, old.nonce, old.names, "refused, long ago"))
    assert talk.side.nack == ""
    talk.until_silence()
    assert (talk.side.acked, talk.side.settled) == (MORE.split, True)


def test_what_envoy_obeys_is_known_even_if_it_refuses_what_came_later() -> None:
    talk = begun(BOTH)
    talk.publish(MORE)
    talk.envoy.read()
    obeys_more = talk.envoy.outbox.popleft()
    talk.publish(LESS)
    talk.side.hear(Request(ROUTE_TABLE, obeys_more.version, talk.envoy.inbox[0].nonce, obeys_more.names, "refused"))
    assert (talk.side.acked, talk.side.nack) == (MORE.split, "refused")


def test_nothing_is_known_for_certain_while_an_answer_is_due() -> None:
    talk = begun(BOTH)
    talk.publish(MORE)
    assert (talk.side.acked, talk.side.settled) == (None, False)
    talk.until_silence()
    assert talk.side.acked == MORE.split


def test_an_envoy_that_comes_back_unchanged_is_believed_its_routes() -> None:
    """Its clusters are said again, which changes nothing: of a refused response it may have obeyed the removals."""
    talk = begun(ALONE, BOTH)
    talk.reconnect()
    while talk.envoy.outbox:
        talk.hear()
    assert talk.side.acked == BOTH.split
    assert set(talk.until_silence()) == {CLUSTER, ENDPOINTS}
    assert talk.side.settled


def test_an_envoy_that_comes_back_with_an_older_snapshot_is_led_on_safely() -> None:
    talk = begun(ALONE, BOTH)
    talk.past = (*talk.past, PROMOTED)
    talk.reconnect()
    assert talk.until_silence() == [CLUSTER, ENDPOINTS, ROUTE_TABLE, CLUSTER, ENDPOINTS]
    assert (talk.side.acked, talk.side.settled) == (PROMOTED.split, True)


def test_what_an_unknown_envoy_obeys_is_not_known() -> None:
    talk = begun(BOTH)
    talk.past = (MORE,)
    talk.reconnect()
    talk.hear()
    assert talk.side.acked is None
    talk.until_silence()
    assert talk.side.acked == MORE.split


def test_the_past_is_not_sent_to_an_envoy_just_born() -> None:
    talk = Talk(past=(BOTH, MORE, NEXT))
    talk.reconnect()
    talk.until_silence()
    assert set(talk.envoy.clusters) == NEXT.names(CLUSTER)


def test_a_version_that_went_and_came_back_is_warm_before_it_is_routed_to() -> None:
    talk = begun(BOTH, PROMOTED)
    talk.publish(BOTH)
    talk.envoy.read()
    talk.publish(PROMOTED, BOTH)
    talk.until_silence()
    assert (talk.side.acked, talk.side.settled) == (BOTH.split, True)


def test_types_that_nobody_serves_are_ignored() -> None:
    talk = begun(ALONE)
    assert talk.side.hear(Request("type.googleapis.com/envoy.extensions.Secret", "", "", frozenset({"x"}))) == ()


def test_the_same_split_is_obeyed_though_other_things_changed() -> None:
    talk = begun(ALONE)
    talk.publish(MOVED)
    assert talk.side.acked == Split("v1")
    assert not talk.side.settled


class AnyOrder(RuleBasedStateMachine):
    """Publishing, arriving, refusing and reconnecting in any order: `PaperEnvoy` objects to what would hurt users."""

    CHOICE = (ALONE, BOTH, MORE, PROMOTED, NEXT, MOVED, BAD, build(traffic("v3")), build(traffic("v3", "v1", 50)))

    def __init__(self) -> None:
        super().__init__()
        self.talk = Talk(PaperEnvoy(hated=frozenset({"bad"})))
        self.talk.envoy.greet()

    @rule(number=st.integers(0, len(CHOICE) - 1))
    def publish(self, number: int) -> None:
        self.talk.publish(self.CHOICE[number])

    @precondition(lambda self: self.talk.envoy.inbox)
    @rule()
    def envoy_reads(self) -> None:
        self.talk.envoy.read()

    @precondition(lambda self: self.talk.envoy.outbox)
    @rule()
    def we_hear(self) -> None:
        self.talk.hear()

    @rule()
    def the_stream_breaks(self) -> None:
        self.talk.reconnect()

    @rule()
    def the_stream_breaks_after_everything_arrived(self) -> None:
        while self.talk.envoy.inbox:
            self.talk.envoy.read()
        self.talk.reconnect()

    @invariant()
    def nothing_is_believed_that_is_not_so(self) -> None:
        side, envoy = self.talk.side, self.talk.envoy
        if side.settled and not envoy.inbox:
            assert side.target is not None
            assert envoy.routed == side.target.routed
            assert envoy.routes == side.target.resources[ROUTE_TABLE]["routes"]

    def teardown(self) -> None:
        """In the end everything arrives, unless it is refused."""
        self.talk.until_silence()
        if not self.talk.past:
            return
        target = self.talk.past[-1]
        assert self.talk.side.settled == (target is not BAD)
        if target is not BAD:
            assert self.talk.side.acked == target.split
            assert set(self.talk.envoy.clusters) == target.names(CLUSTER)
        else:
            assert self.talk.side.nack == WORDS


AnyOrder.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
TestAnyOrder = AnyOrder.TestCase
