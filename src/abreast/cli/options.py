"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

from abreast.model.spec import FILE_NAME

SpecFile = Annotated[Path, typer.Option("--file", "-f", envvar="ABREAST_FILE", help="the spec", show_default=True)]
DEFAULT_FILE = Path(FILE_NAME)
AsJson = Annotated[bool, typer.Option("--json", help="print JSON, the same fields as the API")]
FleetStore = Annotated[
    str,
    typer.Option("--store", help="instead of asking: the PostgreSQL that a fleet shares, as abreast server is told it"),
]
Reason = Annotated[str, typer.Option("--reason", "-m", help="why, for the audit log")]
Alone = Annotated[bool, typer.Option("--alone", help="without the release group, which this rollout leaves by it")]
Wait = Annotated[bool, typer.Option("--wait", help="wait until the rollout rests, and exit with its code")]
Timeout = Annotated[str, typer.Option("--timeout", help="the longest wait, such as 30m; exit code 12 after it")]
