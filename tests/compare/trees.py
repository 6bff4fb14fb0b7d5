"""Trees of elements, written so that a test can show them."""

from abreast.compare.elements import Element, Numbers
from abreast.compare.rules import Rules, compiled


def numbers(*, html: bool) -> Numbers:
    """Numbers without rules."""
    return Numbers(compiled(Rules()), html=html)


def outline(element: Element) -> str:
    """``p(a=1)['text' b[]]`` for the element with its attributes in order and its children."""
    attributes = ",".join(f"{name}={value}" for name, value in sorted(element.attributes.items()))
    children = " ".join(repr(each) if isinstance(each, str) else outline(each) for each in element.children)
    return f"{element.name}{f'({attributes})' if attributes else ''}[{children}]"
