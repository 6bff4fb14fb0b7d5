"""The page's modules in V8, without a browser: those that touch no page can be run, all can be parsed."""

import json
import re
from functools import cache
from typing import Any

from py_mini_racer import MiniRacer

from abreast.dashboard.routes import assets

PURE = ("format", "words", "verbs", "points", "scale", "state")
"""Modules that know no page, each after those that it imports."""

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:const|function|class) (\w+)", re.MULTILINE)


def scripts() -> dict[str, str]:
    """Every script's text, by its name without the ending."""
    return {
        name.removesuffix(".js"): asset.content.decode() for name, asset in assets().items() if name.endswith(".js")
    }


def as_function(text: str) -> str:
    """A module as a function that has its imports in ``modules`` and returns its exports."""
    body = IMPORT.sub(lambda found: f"const {{{found[1]}}} = modules['{found[2]}'];\n", text)
    exports = ", ".join(EXPORT.findall(text))
    return re.sub(r"^export ", "", body, flags=re.MULTILINE) + f"\nreturn {{{exports}}};"


@cache
def engine() -> MiniRacer:
    """V8 with the pure modules in it."""
    made = MiniRacer()
    made.eval("const modules = {};")
    known = scripts()
    for name in PURE:
        made.eval(f"modules[{json.dumps(name)}] = (() => {{ 'use strict'; {as_function(known[name])} }})();")
    return made


def call(module: str, function: str, *arguments: object) -> Any:  # noqa: ANN401  # any JSON may come back
    """What a function answers, as JSON has it; a function among the arguments is JavaScript's text in `Script`."""
    words = ", ".join(each.text if isinstance(each, Script) else json.dumps(each) for each in arguments)
    return value(f"modules[{json.dumps(module)}].{function}({words})")


def value(expression: str) -> Any:  # noqa: ANN401  # any JSON may come back
    """What an expression is, as JSON has it; undefined and NaN come back as None."""
    told = engine().eval(f"JSON.stringify({expression}) ?? 'null'")
    return json.loads(str(told))


class Script:
    """An argument that is JavaScript."""

    def __init__(self, text: str) -> None:
        self.text = text
