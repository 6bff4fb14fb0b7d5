"""Refusals say who, why, and what to do."""

from abreast.link.messages import PROTOCOL
from abreast.link.refusals import no_certificate, not_enrolled, other_protocol, taken
from abreast.model.agent import AgentKind, AgentName

R1 = AgentName(AgentKind.RELAY, "r1")


def test_each_has_its_reason_and_names_the_agent() -> None:
    assert not_enrolled(R1).reason == no_certificate().reason == "enrolment"
    assert (taken(R1).reason, other_protocol(7).reason) == ("taken", "protocol")
    assert all("relay/r1" in each.message for each in (not_enrolled(R1), taken(R1)))
    assert "abreast join-token r1 --kind relay" in not_enrolled(R1).remedy
    assert f"protocol 7 of the link, this server {PROTOCOL}" in other_protocol(7).message
