"""Reads HTML into a tree of elements."""

from html.parser import HTMLParser
from typing import Final

from abreast.compare.elements import MAX_DEPTH, Builder, Element, Numbers, check_size

_VOID: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_FOREIGN: Final = frozenset({"svg", "math"})
_VERBATIM: Final = frozenset({"pre", "textarea", "script", "style"})
_CELLS: Final = frozenset({"td", "th"})
_ROWS: Final = _CELLS | {"tr"}
_BLOCKS: Final = [
    "address",
    "article",
    "aside",
    "blockquote",
    "details",
    "div",
    "dl",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "ul",
]
_CLOSES: Final = {
    **dict.fromkeys(_BLOCKS, frozenset({"p"})),
    "li": frozenset({"li", "p"}),
    "dt": frozenset({"dt", "dd", "p"}),
    "dd": frozenset({"dt", "dd", "p"}),
    "option": frozenset({"option"}),
    "optgroup": frozenset({"option", "optgroup"}),
    "td": _CELLS | {"p"},
    "th": _CELLS | {"p"},
    "tr": _ROWS | {"p"},
    **dict.fromkeys(("thead", "tbody", "tfoot"), _ROWS | {"thead", "tbody", "tfoot", "p"}),
    "body": frozenset({"head"}),
}
"""Which open elements the start of another one ends (HTML, 13.1.2.4, optional tags)."""


def read_html(text: str, numbers: Numbers) -> Element:
    """The document as it was written: elements that are left out (html, tbody) are not put in.

    Never refuses anything but its size: what is not understood is text. Comments are left out; the document type is
    the attribute ``doctype`` of the whole.

    Raises:
        MarkupError: Too large.
    """
    check_size(text)
    reader = _HtmlReader(numbers)
    reader.feed(text)
    reader.end()
    return reader.builder.finish()


class _HtmlReader(HTMLParser):
    """Tells the builder what the standard library's tokenizer finds.

    The whole text is fed at once, so a construct without end has none: it is text, to the last character. Left to
    itself, the tokenizer would look for the end again from each following ``<``, which takes quadratic time.
    """

    def __init__(self, numbers: Numbers) -> None:
        super().__init__(convert_charrefs=True)
        self.builder = Builder(numbers)

    def parse_starttag(self, i: int) -> int:
        return self._or_rest(super().parse_starttag(i), i)

    def parse_endtag(self, i: int) -> int:
        return self._or_rest(super().parse_endtag(i), i)

    def parse_comment(self, i: int, report: bool = True) -> int:
        return self._or_rest(super().parse_comment(i, report), i)

    def parse_pi(self, i: int) -> int:
        return self._or_rest(super().parse_pi(i), i)

    def parse_html_declaration(self, i: int) -> int:
        return self._or_rest(super().parse_html_declaration(i), i)

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        # HTML knows none outside of SVG: a comment up to the next ">". The inherited one raises AssertionError.
        return self.parse_bogus_comment(i, report)

    def _or_rest(self, end: int, begin: int) -> int:
        if end >= 0:
            return end
        self.builder.data(self.rawdata[begin:])
        return len(self.rawdata)

    def end(self) -> None:
        """Takes what the tokenizer still holds: the end of a text, or a script without end (which it would drop)."""
        if self.cdata_elem:
            self.builder.data(self.rawdata)
        else:
            self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        closes = _CLOSES.get(tag, frozenset())
        while self.builder.open[-1].element.name in closes:
            self.builder.end()
        # Of a repeated attribute the first counts (HTML, 13.2.5.33).
        deep = len(self.builder.open) > MAX_DEPTH
        attributes = {name: value or "" for name, value in reversed(attrs)}
        self.builder.start(tag, attributes, verbatim=tag in _VERBATIM)
        if deep or tag in _VOID:
            self.builder.end()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # The slash ends an element in SVG and MathML only (HTML, 13.1.2.1).
        self.handle_starttag(tag, attrs)
        names = {each.element.name for each in self.builder.open}
        if self.builder.open[-1].element.name == tag and names & _FOREIGN:
            self.builder.end()

    def handle_endtag(self, tag: str) -> None:
        # An end without a start is nothing.
        if any(each.element.name == tag for each in reversed(self.builder.open)):
            while self.builder.open[-1].element.name != tag:
                self.builder.end()
            self.builder.end()

    def handle_data(self, data: str) -> None:
        self.builder.data(data)

    def handle_decl(self, decl: str) -> None:
        self.builder.root.attributes["doctype"] = decl
