"""The program: its verbs, and how an error ends it."""

import sys

import typer

from abreast.cli import (
    alerts,
    bench,
    compare,
    data,
    decisions,
    demo,
    doctor,
    down,
    finding,
    findings,
    flag,
    gateway,
    import_compose,
    join_token,
    operator,
    relay,
    replay,
    server,
    simulate,
    spec_commands,
    start,
    token,
    up,
    verbs,
    watch,
)
from abreast.model.errors import AbreastError

app = typer.Typer(
    name="abreast",
    help="Run two versions of a service side by side until the new one has earned the traffic.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for verb in (
    up.up,
    down.down,
    server.server,
    gateway.gateway,
    relay.relay,
    operator.operator,
    start.start,
    watch.status,
    verbs.promote,
    verbs.pause,
    verbs.resume,
    verbs.weight,
    verbs.abort,
    verbs.undo,
    verbs.retry,
    verbs.retire,
    verbs.explain,
    findings.findings,
    finding.finding,
    decisions.accept,
    decisions.reopen,
    compare.compare,
    verbs.events,
    verbs.history,
    doctor.doctor,
    spec_commands.check,
    spec_commands.schema,
    spec_commands.init,
    simulate.simulate,
    replay.replay,
    demo.demo,
):
    app.command()(verb)
app.add_typer(bench.app, name="bench")
app.add_typer(alerts.app, name="alerts")
app.add_typer(token.app, name="token")
app.add_typer(data.app, name="data")
app.add_typer(flag.app, name="flag")
app.command("import")(import_compose.import_compose)
app.command("join-token")(join_token.join_token)
app.command("tester")(verbs.show_tester)
app.command("restart-gateway")(verbs.restart)


def run() -> None:
    """Run the program; an error of ours is one message on stderr and its own exit code."""
    try:
        app()
    except AbreastError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
