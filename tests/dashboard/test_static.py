"""What holds for the page's files: nothing from elsewhere, no markup from text, colours that can be read."""

import re
from html.parser import HTMLParser
from itertools import product

import pytest

from abreast.dashboard.routes import PAGE, assets

TEXTS = {name: asset.content.decode() for name, asset in assets().items()}
CODE = {name: text for name, text in TEXTS.items() if name.endswith(".js")}
STYLES = {name: text for name, text in TEXTS.items() if name.endswith(".css")}
NAMESPACE = "http://www.w3.org/2000/svg"
COLOURS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", STYLES["colours.css"]
    )
}


class Tags(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def tags() -> list[tuple[str, dict[str, str | None]]]:
    """The page's own."""
    parser = Tags()
    parser.feed(TEXTS[PAGE])
    return parser.found


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_no_file_names_another_host(name: str) -> None:
    assert re.findall(r"\b(?:https?|wss?):|[\"'(]//", TEXTS[name].replace(NAMESPACE, "")) == []


@pytest.mark.parametrize("name", sorted(CODE))
def test_no_script_makes_markup_or_code_of_text(name: str) -> None:
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser|createContextualFragment|setHTML"
        r"|\beval\b|new Function|\bimport\(|javascript:|cssText|\"style\"|\.style\s*="
    )
    assert re.findall(forbidden, CODE[name]) == []


@pytest.mark.parametrize("name", sorted(CODE))
def test_no_script_leaves_anything_but_the_theme_in_the_browser(name: str) -> None:
    stored = re.findall(r"(localStorage|sessionStorage|document\.cookie|indexedDB)(?:\.\w+\(([^,)]*))?", CODE[name])
    assert {key for _, key in stored} <= {'"abreast-theme"', "KEY"}
    assert {place for place, _ in stored} <= {"localStorage"}


def test_the_page_has_no_inline_style_or_script(tags: list[tuple[str, dict[str, str | None]]]) -> None:
    for tag, attributes in tags:
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_everything_that_the_page_loads_is_there(tags: list[tuple[str, dict[str, str | None]]]) -> None:
    addresses = [value for _, attributes in tags for name in ("href", "src") if (value := attributes.get(name))]
    files = {each.removeprefix("/dashboard/") for each in addresses if not each.startswith("#")}
    assert files == set(TEXTS) - {PAGE}, "every file is named by the page, and every name is a file"


def test_the_page_can_be_read_by_everybody(tags: list[tuple[str, dict[str, str | None]]]) -> None:
    assert ("html", {"lang": "en"}) in tags
    assert ("a", {"class": "skip", "href": "#main"}) in tags
    metas = {attributes.get("name"): attributes.get("content") for tag, attributes in tags if tag == "meta"}
    assert metas["viewport"] == "width=device-width, initial-scale=1", "a page that cannot be zoomed cannot be read"
    assert metas["color-scheme"] == "light dark"


def test_every_field_has_a_label() -> None:
    """Each field is made with an id that a label is for, by its variable."""
    for name, text in CODE.items():
        for variable, attributes in re.findall(
            r"const (\w+) = el\(\"(?:input|select|textarea)\", \{(.*?)\}", text, re.DOTALL
        ):
            wrapped = 'type: "radio"' in attributes and "el(" in text.split(f"const {variable} = ")[1]
            labelled = re.search(rf"for: {variable}\.id|field\([^()]*\([^()]*\)[^()]*, {variable}\)", text)
            by_id = (found := re.search(r'id: "([\w-]+)"', attributes)) and f'for: "{found[1]}"' in text
            assert labelled or by_id or wrapped, f"{name}: {variable}"
    assert all(words.strip() for text in CODE.values() for words in re.findall(r'for: [^}]*\}, "([^"]*)"', text))


class TestColours:
    """Text can be read on everything it may stand on, by the formula of WCAG 2.2 for contrast."""

    def test_every_colour_is_light_and_dark(self) -> None:
        assert set(re.findall(r"^  --([\w-]+):", STYLES["colours.css"], re.MULTILINE)) == set(COLOURS)
        assert len(COLOURS) > 20

    @pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
    def test_every_ink_can_be_read_on_every_paper(self, theme: int) -> None:
        inks, papers = ([name for name in COLOURS if name.startswith(kind)] for kind in ("ink-", "paper-"))
        ratios = {
            (ink, paper): contrast(COLOURS[ink][theme], COLOURS[paper][theme]) for ink, paper in product(inks, papers)
        }
        assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}

    @pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
    def test_every_filled_button_can_be_read_and_seen(self, theme: int) -> None:
        fills = [name.removeprefix("fill-") for name in COLOURS if name.startswith("fill-")]
        assert fills
        for fill in fills:
            assert contrast(COLOURS[f"on-{fill}"][theme], COLOURS[f"fill-{fill}"][theme]) >= 4.5
            assert contrast(COLOURS["paper-card"][theme], COLOURS[f"fill-{fill}"][theme]) >= 3

    @pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
    def test_a_field_s_edge_can_be_seen(self, theme: int) -> None:
        for paper in ("paper-card", "paper-page"):
            assert contrast(COLOURS["edge-strong"][theme], COLOURS[paper][theme]) >= 3

    @pytest.mark.parametrize("name", sorted(set(STYLES) - {"colours.css"}))
    def test_no_style_has_a_colour_of_its_own(self, name: str) -> None:
        text = STYLES[name].replace("rgb(0 0 0 / 55%)", "")  # what lies behind a dialog carries no text
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?!\")|\brgba?\(|\bhsl", text) == []
        written = set(re.findall(r"(?<![\w-])color: ([^;]+);", text))
        assert all(re.match(r"var\(--(ink|on|tone-ink|side)", each) for each in written), written
        grounds = set(re.findall(r"background: ([^;]+);", text))
        # A tone's ink fills the bar of a proof, which carries no text.
        assert all(re.match(r"var\(--(paper|fill|tone-paper|tone-ink)", each) for each in grounds), grounds
        used = set(re.findall(r"var\(--((?:ink|paper|on|fill|edge)[\w-]*)", text))
        assert used <= set(COLOURS)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_of_contrast_is_the_standard_s() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
