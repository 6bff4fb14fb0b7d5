"""The page's scripts fit together: each parses, and imports what is there and what it uses."""

import json
import re

import pytest

from tests.dashboard.modules import EXPORT, IMPORT, as_function, engine, scripts

NAMES = sorted(set(scripts()) - {"early"})
MOST_LINES = 300


def imports_of(text: str) -> list[tuple[str, str]]:
    """Pairs of module and name."""
    return [(module, name.strip()) for names, module in IMPORT.findall(text) for name in names.split(",")]


@pytest.mark.parametrize("name", NAMES)
def test_a_module_is_well_formed(name: str) -> None:
    body = json.dumps("'use strict';" + as_function(scripts()[name]))
    engine().eval(f"new Function('modules', {body}); 0")


@pytest.mark.parametrize("name", NAMES)
def test_a_module_imports_what_is_exported_and_uses_it(name: str) -> None:
    known, text = scripts(), scripts()[name]
    body = IMPORT.sub("", text)
    for module, imported in imports_of(text):
        assert imported in EXPORT.findall(known[module]), f"{module} exports no {imported}"
        assert re.search(rf"\b{imported}\b", body), f"{imported} is imported for nothing"
    assert not re.findall(r"^import (?!\{)", text, re.MULTILINE), "modules import by name"


def test_everything_that_is_exported_is_imported_somewhere() -> None:
    wanted = {pair for text in scripts().values() for pair in imports_of(text)}
    unused = {(module, name) for module, text in scripts().items() for name in EXPORT.findall(text)} - wanted
    assert unused == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_module_says_what_it_is_and_stays_short(name: str) -> None:
    text = scripts()[name]
    assert text.startswith("/** ")
    assert len(text.splitlines()) <= MOST_LINES
    assert max(len(line) for line in text.splitlines()) <= 120


@pytest.mark.parametrize("name", NAMES)
def test_names_that_a_module_uses_are_known(name: str) -> None:
    """Calls of functions that are neither imported, nor defined, nor the browser's."""
    text = re.sub(r'"[^"\n]*"|`[^`]*`|/\*.*?\*/|//[^\n]*', "", scripts()[name], flags=re.DOTALL)
    called = set(re.findall(r"(?<![.\w#])([a-z]\w*)\(", text))
    here = {name for _, name in imports_of(scripts()[name])}
    here |= set(re.findall(r"(?:function|const|let|class)\s+(\w+)", text)) | set(re.findall(r"(\w+)\s*=>", text))
    here |= set(re.findall(r"[(,\[{]\s*(\w+)(?=[\s,)\]}:=])", text))
    methods = set(re.findall(r"^  (?:async |static |get )?#?(\w+)\(", text, re.MULTILINE))
    words = {"if", "for", "while", "switch", "return", "catch", "function", "constructor", "super", "of", "in", "async"}
    browser = {"fetch", "setTimeout", "clearTimeout", "setInterval", "clearInterval", "requestAnimationFrame"}
    browser |= {"encodeURIComponent"}
    assert called - here - methods - words - browser == set()
