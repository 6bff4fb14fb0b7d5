"""An open-loop load generator: a fixed schedule, latency from the intended time, and cheap.

A closed-loop tool waits for a slow answer before it sends the next request, and so never sees what
the users behind that answer would have waited (coordinated omission). Here the schedule is fixed
beforehand; a request that finds no free connection waits with its clock running.

    report = await Load(Plan(url="http://127.0.0.1:8080", rate_per_s=500, duration_s=10)).run()
"""

from abreast.load.plan import Plan, PlanError, Request
from abreast.load.process import LoadError, LoadProcess, saturate
from abreast.load.report import Report
from abreast.load.run import Load
from abreast.load.saturation import Saturation, SaturationRun
from abreast.load.tally import Failure, Result, Tally

__all__ = [
    "Failure",
    "Load",
    "LoadError",
    "LoadProcess",
    "Plan",
    "PlanError",
    "Report",
    "Request",
    "Result",
    "Saturation",
    "SaturationRun",
    "Tally",
    "saturate",
]
