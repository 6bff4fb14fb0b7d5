"""Build the Grafana dashboard from code.

    python scripts/grafana.py                writes deploy/grafana/abreast.json
    python scripts/grafana.py --check        writes nothing; exit code 1 if the file is another

A query names metrics alone and no recorded series: the dashboard works without the recording rules.
"""

import itertools
import sys
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, statetimeline, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models import prometheus as prometheus_models

FILE: Final = Path(__file__).resolve().parent.parent / "deploy" / "grafana" / "abreast.json"
SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
OURS: Final = 'service="$service"'
RATE: Final = "[$__rate_interval]"
THIRD, HALF, HEIGHT = 8, 12, 8
_MOVES: Final = '"weight|shadow|verdict|held"'

Panel = timeseries.Panel | heatmap.Panel | statetimeline.Panel


class Marks(Builder[models.AnnotationQuery]):
    """Annotations from a query, with the fields that Prometheus' own have and the SDK's model has not."""

    def __init__(self, name: str, expr: str, color: str, **more: object) -> None:
        self._made = _Annotation(name=name, datasource=SOURCE, enable=True, hide=False, icon_color=color, expr=expr)
        self._made.more = more

    def build(self) -> models.AnnotationQuery:
        """As the dashboard asks for it."""
        return self._made


class _Annotation(models.AnnotationQuery):
    more: dict[str, object]

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), **self.more}


def query(expr: str, legend: str, *, heat: bool = False) -> prometheus.Dataquery:
    """One query; its legend takes labels in double braces."""
    made = prometheus.Dataquery().datasource(SOURCE).expr(expr).legend_format(legend).range()
    return made.format(prometheus_models.PromQueryFormat.HEATMAP) if heat else made


def lines(title: str, unit: str, *queries: tuple[str, str], about: str, width: int = THIRD) -> timeseries.Panel:
    """Lines over time; ``about`` is what the reader is to know of them."""
    panel = timeseries.Panel().title(title).description(about).unit(unit).datasource(SOURCE)
    panel = panel.span(width).height(HEIGHT).min(0).fill_opacity(8).line_width(2)
    legend = common.VizLegendOptions().display_mode(common_models.LegendDisplayMode.LIST).show_legend(show_legend=True)
    panel = panel.legend(legend.placement(common_models.LegendPlacement.BOTTOM))
    for number, (expr, words) in enumerate(queries):
        panel = panel.with_target(query(expr, words).ref_id(chr(ord("A") + number)))
    return panel


def share(title: str, *queries: tuple[str, str], about: str, width: int = THIRD) -> timeseries.Panel:
    """Lines of shares, 0 to 1, shown as percentages."""
    return lines(title, "percentunit", *queries, about=about, width=width)


def latencies(side: str) -> heatmap.Panel:
    """How latencies of one side are distributed over time."""
    rates = f"rate(abreast_request_duration_seconds_bucket{{{OURS}}}{RATE})"
    expr = f'sum by (le) ({rates} and on (service, version) abreast_version_side{{{OURS}, side="{side}"}} == 1)'
    panel = heatmap.Panel().title(f"Latencies, {side}").datasource(SOURCE).span(HALF).height(HEIGHT)
    panel = panel.description("Attempts per second in each of the buckets that docs/metrics.md names.")
    axis = heatmap.YAxisConfig().unit("s")
    color = heatmap.HeatmapColorOptions().scheme("Blues").mode(heatmap_models.HeatmapColorMode.SCHEME)
    return panel.calculate(calculate=False).y_axis(axis).color(color).with_target(query(expr, "{{le}}", heat=True))


def states(title: str, expr: str, legend: str, *, about: str) -> statetimeline.Panel:
    """One row for each state, filled while it is the present one."""
    panel = statetimeline.Panel().title(title).description(about).datasource(SOURCE).span(HALF).height(HEIGHT)
    panel = panel.show_value(common_models.VisibilityMode.NEVER).row_height(0.8)
    return panel.with_target(query(expr, legend))


def side_by_side() -> list[Panel]:
    """What users get from either version."""
    by_version = "sum by (version)"
    requests = f"{by_version} (rate(abreast_requests_total{{{OURS}}}{RATE}))"
    errors = f'{by_version} (rate(abreast_requests_total{{{OURS}, outcome!="ok"}}{RATE}))'
    buckets = f"sum by (version, le) (rate(abreast_request_duration_seconds_bucket{{{OURS}}}{RATE}))"
    users = f'sum(rate(abreast_user_requests_total{{{OURS}, class=~"5xx|none"}}{RATE}))'
    all_users = f"sum(rate(abreast_user_requests_total{{{OURS}}}{RATE}))"
    outcomes = f'sum by (version, outcome) (rate(abreast_requests_total{{{OURS}, outcome!="ok"}}{RATE})) > 0'
    return [
        lines("Requests", "reqps", (requests, "{{version}}"), about="Attempts at each version."),
        share(
            "Errors",
            (f"{errors} / ({requests} > 0)", "{{version}}"),
            (f"{users} / ({all_users} > 0)", "users, in the end"),
            about="Attempts that failed: 5xx, or no answer at all. Users see less where another attempt went well.",
        ),
        lines("Errors by kind", "reqps", (outcomes, "{{version}} {{outcome}}"), about="5xx by code; none: no answer."),
        lines(
            "Latency",
            "s",
            (f"histogram_quantile(0.5, {buckets})", "{{version}} p50"),
            (f"histogram_quantile(0.99, {buckets})", "{{version}} p99"),
            about="Quantiles from buckets: the distributions are below.",
        ),
        lines(
            "In flight",
            "short",
            (f"abreast_requests_in_flight{{{OURS}}}", "{{version}}"),
            about="Attempts under way: a version that hangs shows here first.",
        ),
        lines(
            "Instances",
            "short",
            (f"abreast_instances_ready{{{OURS}}}", "{{version}} ready"),
            (f"abreast_instances_wanted{{{OURS}}}", "{{version}} wanted"),
            about="Of each version: ready ones, and how many there should be.",
        ),
        latencies("stable"),
        latencies("candidate"),
    ]


def rollout() -> list[Panel]:
    """Where the rollout is, and what moves it."""
    evidence = f"abreast_evidence_nats{{{OURS}}} / abreast_evidence_needed_nats{{{OURS}}}"
    return [
        share(
            "Weight",
            (f"abreast_weight_set_ratio{{{OURS}}}", "set"),
            (f"abreast_weight_seen_ratio{{{OURS}}}", "seen"),
            (f"abreast_shadow_ratio{{{OURS}}}", "copied"),
            about="Share of users that the candidate is to have, and that it had in this step.",
            width=HALF,
        ),
        states(
            "Phase",
            f"abreast_rollout_phase{{{OURS}}} == 1",
            "{{phase}}",
            about="docs/rollouts.md says what each means.",
        ),
        share(
            "Proof",
            (f"abreast_gate_proof_ratio{{{OURS}}}", "{{gate}}"),
            about="How much there is of each gate's proof. At 100 % the gate has decided.",
        ),
        share(
            "Evidence",
            (f"clamp_min({evidence}, -1)", "{{lane}}"),
            about="Of each lane, in shares of what is a proof (docs/verdicts.md). Below zero it speaks against.",
        ).min(-1),
        states(
            "Verdicts",
            f"abreast_gate_state{{{OURS}}} == 1",
            "{{gate}} {{gate_state}}",
            about="What each gate says.",
        ).span(THIRD),
    ]


def copies() -> list[Panel]:
    """Comparing, and what it found."""
    exchanges = f"abreast_shadow_exchanges{{{OURS}}}"
    lost = f'abreast_shadow_exchanges{{{OURS}, exchange="lost"}}'
    captured = f'sum by (service) (abreast_shadow_exchanges{{{OURS}, exchange=~"compared|lost"}})'
    return [
        lines(
            "Exchanges", "short", (f"{exchanges} > 0", "{{exchange}}"), about="What became of them, in this rollout."
        ),
        share(
            "Lost",
            (f"sum by (service) ({lost}) / ({captured} > 0)", "lost"),
            about="Share of what was copied and neither compared nor skipped.",
        ),
        lines(
            "Findings",
            "short",
            (f"abreast_findings{{{OURS}}}", "{{finding_state}}"),
            about="`abreast findings` lists them.",
        ),
    ]


def machinery() -> list[Panel]:
    """The gateways and the control plane."""
    of_ours = f"and on (job, instance) abreast_build_info{{{OURS}}}"
    return [
        lines(
            "Gateways",
            "short",
            (f"abreast_gateway_nodes{{{OURS}}}", "{{node_state}}"),
            about="Envoys; those that do not obey have another split than the one that was decided.",
        ),
        lines(
            "Events",
            "short",
            (f"sum by (kind) (increase(abreast_events_total{{{OURS}}}{RATE})) > 0", "{{kind}}"),
            about="Of the audit log, by kind: `abreast events` has their sentences.",
        ),
        lines(
            "Control plane",
            "percentunit",
            (f"rate(process_cpu_seconds_total{RATE}) {of_ours}", "of a processor"),
            (f"1 - abreast_store_up{{{OURS}}}", "store fails"),
            about="Processor time of the control plane, and whether its store works.",
        ),
    ]


def marks() -> list[Marks]:
    """What moved the rollout: phases to the second, other events by the interval that they are in."""
    since = f"abreast_rollout_phase_start_timestamp_seconds{{{OURS}}}"
    phases = f"(abreast_rollout_phase{{{OURS}}} == 1) * on (service) group_left () ({since} * 1000)"
    moves = f"ceil(sum by (kind) (increase(abreast_events_total{{{OURS}, kind=~{_MOVES}}}[1m]))) > 0"
    return [
        Marks("Phases", phases, "blue", titleFormat="{{phase}}", useValueForTime=True, step="15s"),
        Marks("Events", moves, "orange", titleFormat="{{kind}}", step="60s"),
    ]


def built() -> models.Dashboard:
    """The whole dashboard."""
    service = dashboard.QueryVariable("service").label("Service").datasource(SOURCE)
    service = service.query("label_values(abreast_build_info, service)")
    service = service.refresh(models.VariableRefresh.ON_DASHBOARD_LOAD).sort(models.VariableSort.ALPHABETICAL_ASC)
    board = dashboard.Dashboard("abreast").uid("abreast").tags(["abreast", "rollout"]).readonly()
    board = board.description("Two versions of a service side by side. Made by scripts/grafana.py: change it there.")
    board = board.time("now-1h", "now").refresh("10s").tooltip(models.DashboardCursorSync.CROSSHAIR)
    board = board.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    board = board.with_variable(service)
    for each in marks():
        board = board.annotation(each)
    rows = {"Side by side": side_by_side, "Rollout": rollout, "Copies": copies, "abreast": machinery}
    numbers = itertools.count(1)
    for title, panels in rows.items():
        board = board.with_row(dashboard.Row(title).id(next(numbers)))
        for panel in panels():
            board = board.with_panel(panel.id(next(numbers)))
    return board.build()


def written() -> str:
    """The dashboard as the file has it."""
    return f"{JSONEncoder(sort_keys=True, indent=2).encode(built())}\n"


def main(words: list[str], file: Path = FILE) -> int:
    """Write it, or check what was written. Returns the exit code."""
    text = written()
    if words == ["--check"]:
        if file.exists() and file.read_text("utf-8") == text:
            return 0
        print(f"{file}: is not what scripts/grafana.py makes; run it and commit the file", file=sys.stderr)
        return 1
    if words:
        print(f"{' '.join(words)}: unknown; allowed is --check, or nothing", file=sys.stderr)
        return 2
    file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
