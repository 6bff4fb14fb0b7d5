"""Why an agent is not served, in words."""

from abreast.link.messages import PROTOCOL, Refused
from abreast.model.agent import AgentName


def refusal(entry: str, agent: AgentName) -> Refused | None:
    """Why an agent is not served, by what became of its report; None if it is."""
    if entry == "unknown":
        return not_enrolled(agent)
    return taken(agent) if entry == "taken" else None


def not_enrolled(agent: AgentName) -> Refused:
    """Its certificate is good no more."""
    remedy = f"let it join anew: abreast join-token {agent.name} --kind {agent.kind}"
    return Refused("enrolment", f"{agent} was revoked, or has joined anew elsewhere", remedy)


def taken(agent: AgentName) -> Refused:
    """There is another of its name and certificate."""
    message = f"another {agent} runs already, with the same certificate"
    return Refused("taken", message, "give each a token and a name of its own")


def no_certificate() -> Refused:
    """It has none, or another fleet's."""
    return Refused("enrolment", "this needs a certificate of this fleet and service", "join first")


def other_protocol(theirs: int) -> Refused:
    """It is of another release."""
    message = f"the agent speaks protocol {theirs} of the link, this server {PROTOCOL}"
    return Refused("protocol", message, "run the same abreast on both")
