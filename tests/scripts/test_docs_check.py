"""The documentation's check, on small checkouts that each break one promise."""

from pathlib import Path

import pytest
import typer

from abreast.rollout.transitions import diagram
from scripts import docs_check
from scripts.docs_check import Fault, Verb

TOWNCRIER = """\
[tool.towncrier]
directory = "changelog.d"
ignore = ["README.md"]
[[tool.towncrier.type]]
directory = "added"
[[tool.towncrier.type]]
directory = "fixed"
"""


def written(root: Path, **files: str) -> Path:
    """Write Markdown files: `docs__page` is docs/page.md."""
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


@pytest.mark.parametrize(
    "text",
    [
        "[there](docs/page.md)",
        "[there](docs/page.md#two-words)",
        '[there](docs/page.md#two-words-1 "a title")',
        "[here](#top-of-it)\n\n# Top *of* `it`!",
        '[here](#named)\n\n<a id="named"></a>',
        "[a folder](docs/)",
        "[away](https://example.org/nothing#x), [mail](mailto:a@example.org)",
        "[defined][word]\n\n[word]: docs/page.md",
        "`[code](nowhere.md)`",
        "```text\n[code](nowhere.md)\n```",
        "~~~~\n```\n[code](nowhere.md)\n~~~~",
    ],
)
def test_a_link_that_leads_somewhere_is_no_fault(tmp_path: Path, text: str) -> None:
    root = written(tmp_path, README=text, docs__page="# One\n## Two words\n## Two words\n")
    assert docs_check.check_links(root) == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("\n[gone](docs/gone.md)", 2, "`docs/gone.md` leads nowhere"),
        ("![gone](gone.png)", 1, "`gone.png` leads nowhere"),
        ("[gone]: gone.md", 1, "`gone.md` leads nowhere"),
        ("```sh\n```\n[gone](gone.md)", 3, "`gone.md` leads nowhere"),
        ("[x](docs/page.md#two-word)", 1, "no such heading in page.md; the nearest is `two-words`"),
        ("[x](docs/page.md#two-words-2)", 1, "no such heading in page.md"),
        ("[x](#nowhere)", 1, "no such heading in README.md"),
    ],
)
def test_a_link_that_leads_nowhere_is_told_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    root = written(tmp_path, README=text, docs__page="# One\n## Two words\n## Two words\n")
    (fault,) = docs_check.check_links(root)
    assert (fault.path, fault.line) == ("README.md", line)
    assert words in fault.text


def test_links_of_hidden_folders_are_not_ours(tmp_path: Path) -> None:
    root = written(tmp_path, **{".venv__page": "[gone](gone.md)"})
    assert docs_check.check_links(root) == []


def test_commands_are_read_from_shell_blocks_only(tmp_path: Path) -> None:
    text = """\
./abreast prose
```sh
$ ./abreast weight 20% --json   # moves users
ABREAST_VENV=/tmp/x ./abreast demo && ./abreast other
abreast status | tee log
echo ./abreast no
./abreast start \\
  v2
./abreast events 'a quote
over lines'
```
```yaml
./abreast no
```
"""
    found = list(docs_check.commands_of(written(tmp_path, docs__page=text)))
    assert found == [
        ("docs/page.md", 3, ["weight", "20%", "--json"]),
        ("docs/page.md", 4, ["demo"]),
        ("docs/page.md", 5, ["status"]),
        ("docs/page.md", 8, ["start", "v2"]),
        ("docs/page.md", 9, ["events", "'a", "quote"]),
    ]


def command_line() -> Verb:
    app, bench = typer.Typer(), typer.Typer()

    @app.command()
    def demo(*, keep: bool = False, port: int = 1) -> None:
        """Show it."""

    @bench.command()
    def gateway() -> None:
        """Measure it."""

    @bench.command()
    def rollback() -> None:
        """Measure it."""

    app.add_typer(bench, name="bench")
    return docs_check.verb_of(typer.main.get_command(app))


@pytest.mark.parametrize(
    "words", ["demo", "demo --keep", "demo --no-keep --port=3", "demo --help", "bench gateway", "--help"]
)
def test_a_command_that_the_command_line_has_is_no_fault(words: str) -> None:
    assert docs_check.command_fault(command_line(), words.split()) is None


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("dmo", "`abreast` has no verb `dmo`; the nearest is `demo`"),
        ("demo --kep", "`abreast demo` has no option `--kep`; the nearest is `--keep`"),
        ("--keep demo", "`abreast` has no option `--keep`; the nearest is `--help`"),
        ("bench zzz", "`abreast bench` has no verb `zzz`"),
    ],
)
def test_a_command_that_it_lacks_is_told_with_the_nearest(words: str, fault: str) -> None:
    assert docs_check.command_fault(command_line(), words.split()) == fault


def test_what_is_no_command_of_typer_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a command of Typer, not 3"):
        docs_check.verb_of(3)


def test_the_starters_own_verb_needs_no_command_line(tmp_path: Path) -> None:
    assert docs_check.check_commands(written(tmp_path, README="```sh\n./abreast test -k x\n```")) == []


def source(root: Path, *names: str) -> Path:
    for name in names:
        path = root / "src" / "abreast" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_every_folder_of_the_source_is_described(tmp_path: Path) -> None:
    source(tmp_path, "ports.py", "model/units.py", "envoy/clusters.py", "store/migrations/env.py")
    written(tmp_path, ARCHITECTURE="`model/` the nouns; sub-envoy/ is another; store/migrations/ by Alembic\n")
    assert [fault.text for fault in docs_check.check_folders(tmp_path)] == [
        "src/abreast/envoy is not described; add `envoy/` and one paragraph"
    ]


def test_a_missing_architecture_is_a_fault(tmp_path: Path) -> None:
    (fault,) = docs_check.check_folders(source(tmp_path, "model/units.py"))
    assert str(fault) == "ARCHITECTURE.md:1: there is none; it says what each folder of src/abreast is for"


@pytest.mark.parametrize("name", ["2.added", "2.fixed.1", "+lock-wait.fixed", "README"])
def test_a_well_named_fragment_is_no_fault(tmp_path: Path, name: str) -> None:
    (tmp_path / "pyproject.toml").write_text(TOWNCRIER, "utf-8")
    written(tmp_path, **{f"changelog.d__{name}": "It waits for the lock.\n"})
    assert docs_check.check_changelog(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("2", "Said.", "KIND is one of added, fixed"),
        ("2.improved", "Said.", "KIND is one of added, fixed"),
        ("wait.fixed", "Said.", "name it ISSUE.KIND.md or +word.KIND.md"),
        ("2.added", " \n", "it is empty"),
    ],
)
def test_a_badly_made_fragment_is_told(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / "pyproject.toml").write_text(TOWNCRIER, "utf-8")
    written(tmp_path, **{f"changelog.d__{name}": text})
    (fault,) = docs_check.check_changelog(tmp_path)
    assert fault.path == f"changelog.d/{name}.md"
    assert words in fault.text


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(TOWNCRIER, "utf-8")
    written(tmp_path, README="[a](a.md)\n[b](b.md)", ARCHITECTURE="", **{"changelog.d__x": "Said."})
    source(tmp_path, "model/units.py")
    assert [(fault.path, fault.line) for fault in docs_check.faults_of(tmp_path)] == [
        ("README.md", 1),
        ("README.md", 2),
        ("ARCHITECTURE.md", 1),
        ("changelog.d/x.md", 1),
    ]


def test_a_fault_is_shown_as_editors_follow_it() -> None:
    assert str(Fault("docs/a.md", 3, "said")) == "docs/a.md:3: said"


def test_the_exit_code_says_whether_there_were_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text(TOWNCRIER, "utf-8")
    written(tmp_path, ARCHITECTURE="", changelog__d="", README="[a](a.md)")
    (tmp_path / "changelog.d").mkdir()
    monkeypatch.setattr(docs_check, "ROOT", tmp_path)
    assert docs_check.main() == 1
    assert capsys.readouterr().out.splitlines()[-1] == "documentation: 1 faults"
    written(tmp_path, README="[a](ARCHITECTURE.md)")
    assert docs_check.main() == 0
    assert capsys.readouterr().out == "documentation: as the code is\n"


ROLLOUTS = (docs_check.ROOT / "docs" / "rollouts.md").read_text("utf-8")


def test_the_page_on_rollouts_has_everything(tmp_path: Path) -> None:
    assert docs_check.check_rollouts(written(tmp_path, docs__rollouts=ROLLOUTS)) == []
    assert docs_check.check_diagram(tmp_path) == []


@pytest.mark.parametrize(
    ("row", "other"),
    [
        ("| `rolled-back` | none |", "| `rolledback` | none |"),
        ("| `approve` | waits", "| waits"),
        ("| `weight` | sets", "| `wait` | sets"),
        ("| `weight` | gives", "| `wait` | gives"),
        ("| 4 | a person", "| 6 | a person"),
        ("| `nack` | Envoy refused a snapshot; the last good one stays |", "| `nack` | Envoy refused |"),
        ("| `DriverError` | 11 | 502 |", "| `DriverError` | 12 | 502 |"),
    ],
)
def test_a_row_that_is_missing_or_says_something_else_is_a_fault(tmp_path: Path, row: str, other: str) -> None:
    assert row in ROLLOUTS
    (fault,) = docs_check.check_rollouts(written(tmp_path, docs__rollouts=ROLLOUTS.replace(row, other)))
    assert (fault.path, fault.line) == ("docs/rollouts.md", 1)
    assert row.split(" | ", maxsplit=1)[0] in fault.text


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("promoting --> baking", "promoting --> retiring"), 4, "the diagram is not the code's"),
        (("    [*] --> completed: first deployment\n", ""), 4, "the diagram is not the code's"),
        (("```mermaid", "```text"), 4, "the diagram is not the code's"),
        (("<!-- /diagram -->\n", ""), 4, "put both"),
        (("<!-- /diagram -->", "<!-- diagram -->"), 4, "put both"),
    ],
)
def test_a_diagram_that_is_not_the_codes_is_a_fault(
    tmp_path: Path, change: tuple[str, str], line: int, words: str
) -> None:
    drawn = "\n".join(["```mermaid", *diagram(), "```"])
    page = f"# Phases\n\nAs here:\n<!-- diagram -->\n{drawn}\n<!-- /diagram -->\n"
    assert docs_check.check_diagram(written(tmp_path, ARCHITECTURE=page)) == []
    assert change[0] in page
    (fault,) = docs_check.check_diagram(written(tmp_path, ARCHITECTURE=page.replace(*change)))
    assert (fault.path, fault.line) == ("ARCHITECTURE.md", line)
    assert words in fault.text
