"""Findings as text: the list, and what is known of one."""

from collections.abc import Iterator, Mapping
from typing import Any

from abreast.cli.terminal import moment
from abreast.model.units import percent
from abreast.model.visible import visible

Json = dict[str, Any]


def list_lines(found: Json, state: str) -> Iterator[str]:
    """What was compared, and each finding with when and how often; the gravest first."""
    rollout, findings = found["rollout"], found["findings"]
    yield f"rollout {rollout}   {ledger_line(found['ledger'])}"
    if not findings:
        which = "" if state == "all" else f" {state}"
        yield f"no{which} finding" + ("" if state == "all" else "; all states: abreast findings --state all")
        return
    width = max(len(str(each["number"])) for each in findings)
    for each in findings:
        yield f"{each['number']:>{width}}  {each['state']:<8}  {visible(each['title'])}"
        indent = " " * (width + 12)
        if each["last_at"]:
            yield f"{indent}{_times(each)}{_again(each)}"
        if each["actor"] or each["reason"]:
            yield f"{indent}{_settled(each)}"
    yield f"one in full: abreast finding {findings[0]['number']}"


def facts(finding: Json) -> Iterator[tuple[str, str]]:
    """What is known of one finding: name and text, one line each."""
    yield "what", visible(finding["title"])
    yield "state", " ".join(part for part in (finding["state"], _settled(finding)) if part)
    share = percent(finding["share"], 1)
    yield "share", f"{share}: {finding['exchanges']:,} of {finding['compared']:,} compared answers{_again(finding)}"
    if finding["last_at"]:
        yield "seen", _times(finding)
    yield "evidence", finding["strength"]
    others = [visible(each) for each in finding["endpoints"]]
    if len(others) > 1:
        yield "endpoints", ", ".join(others)
    if len(finding["keys"]) > 1:
        yield "together", ", ".join(f"{visible(key['pattern'])} ({key['kind']})" for key in finding["keys"])
    yield "next", finding["next"]


def ledger_line(ledger: Mapping[str, Any]) -> str:
    """What became of the requests, in one line."""
    skipped = ledger["skipped"]
    parts = [f"{ledger['compared']:,} of {ledger['seen']:,} requests compared"]
    if sum(skipped.values()):
        reasons = sorted(skipped.items(), key=lambda each: (-each[1], each[0]))
        told = ", ".join(f"{reason} {count:,}" for reason, count in reasons if count)
        parts.append(f"{sum(skipped.values()):,} skipped ({told})")
    parts += [f"{ledger[name]:,} {name}" for name in ("lost", "pending") if ledger[name]]
    return ", ".join(parts)


def _times(finding: Json) -> str:
    return f"first {moment(finding['first_at'])}, last {moment(finding['last_at'])}"


def _again(finding: Json) -> str:
    """What asking again has shown."""
    confirmed, transient = finding["confirmed"], finding["transient"]
    if not confirmed + transient:
        return ""
    return f"; asked again, {confirmed:,} differed again and {transient:,} did not"


def _settled(finding: Json) -> str:
    """Who or what brought the finding into its state, why, and until when."""
    parts = [f"by {visible(finding['actor'])}" if finding["actor"] else ""]
    parts.append(f"until {moment(finding['until'])}" if finding["until"] is not None else "")
    who = " ".join(part for part in parts if part)
    return ": ".join(part for part in (who, visible(finding["reason"])) if part)
