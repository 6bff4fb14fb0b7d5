"""``python -m abreast.load``: one run in a process of its own; the report as JSON on the last line.

With ``--progress`` a line of JSON comes every second before it. SIGINT and SIGTERM end the run
early, with its report. A plan with faults exits 2 and names them all.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import signal
import sys
from pathlib import Path
from typing import Any

import orjson
import uvloop

from abreast.load.plan import Plan, PlanError, Request
from abreast.load.run import Load
from abreast.load.saturation import SaturationRun

_PROGRESS_S = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Run, print, and return the exit code: 0, or 2 for a plan that cannot be run."""
    options = _parser().parse_args(arguments)
    try:
        plan = _plan(options)
        loop_factory = uvloop.new_event_loop
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            if options.saturate:
                found = runner.run(SaturationRun(plan).run()).as_dict()
            else:
                found = runner.run(_run(plan, progress=options.progress))
    except PlanError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    _print(found)
    return 0


async def _run(plan: Plan, *, progress: bool) -> dict[str, Any]:  # Any: JSON
    load = Load(plan)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, load.stop)
    gc.freeze()  # what is imported lives to the end: collections need not walk it
    teller = loop.create_task(_tell(load)) if progress else None
    report = await load.run()
    if teller is not None:
        teller.cancel()
    return report.as_dict()


async def _tell(load: Load) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_S)
        tally = load.tally
        _print(
            {
                "progress": True,
                "elapsed_s": round(asyncio.get_running_loop().time() - load.started_s, 3) if load.started_s else 0.0,
                "connections": load.connections,
                "sent": tally.sent,
                "done": tally.done,
                "failed": tally.failed,
                "failures": tally.failures,
                "versions": tally.versions,
                "last_sent_s": tally.last_sent_s,
                "p50_ms": round(tally.latency.percentile_s(50) * 1e3, 3),
                "p99_ms": round(tally.latency.percentile_s(99) * 1e3, 3),
            }
        )


def _print(data: dict[str, Any]) -> None:  # Any: JSON
    sys.stdout.write(orjson.dumps(data).decode() + "\n")
    sys.stdout.flush()


def _plan(options: argparse.Namespace) -> Plan:
    """Build the plan from ``--plan`` (a file, or - for standard input), else from the flags."""
    if options.plan:
        text = sys.stdin.read() if options.plan == "-" else Path(options.plan).read_text("utf-8")
        try:
            return Plan.from_dict(json.loads(text))
        except (TypeError, json.JSONDecodeError) as error:
            raise PlanError([f"{options.plan}: {error}; it must be what Plan.as_dict() writes"]) from None
    if not options.url:
        raise PlanError(["url: give the address to load, such as http://127.0.0.1:8080, or --plan FILE"])
    return Plan(
        url=options.url,
        rate_per_s=options.rate,
        duration_s=None if options.count else options.duration,
        count=options.count,
        connections=options.connections,
        keep_alive=not options.one_shot,
        users=options.users,
        user_by=options.user_by,
        requests=tuple(Request.parse(text) for text in options.request or ["GET /"]),
        arrivals="poisson" if options.poisson else "constant",
        seed=options.seed,
        protocol="h2c" if options.h2c else "http/1.1",
        timeout_s=options.timeout,
        watch_header=options.watch,
        id_header=options.id_header,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="abreast.load", description="Open-loop load on a loopback address.")
    add = parser.add_argument
    add("url", nargs="?", help="http://127.0.0.1:8080")
    add("--plan", help="a plan as JSON: a file, or - for standard input; the flags are then ignored")
    add("--rate", type=float, default=100.0, help="requests per second")
    add("--duration", type=float, default=10.0, help="seconds")
    add("--count", type=int, help="requests, in place of a duration")
    add("--connections", type=int, default=16, help="kept alive")
    add("--one-shot", action="store_true", help="one connection per request")
    add("--h2c", action="store_true", help="HTTP/2 by prior knowledge")
    add("--users", type=int, default=100)
    add("--user-by", default="header:x-user-id", help="header:NAME, cookie:NAME or empty")
    add("--request", action="append", help="'GET /products*3' (times 3 in the mix); repeat for a mix")
    add("--poisson", action="store_true", help="arrivals as independent users make them")
    add("--seed", type=int, default=1)
    add("--timeout", type=float, default=10.0, help="seconds from the intended time")
    add("--watch", default="", help="the answer's header that names the version")
    add("--id-header", default="", help="a header that gives every request an identity")
    add("--saturate", action="store_true", help="closed loop: as many as the connections carry")
    add("--progress", action="store_true", help="a line of JSON every second")
    add("--json", action="store_true", help="JSON is the only form; accepted for clarity")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
