"""Reads XML into a tree of elements."""

from xml.parsers import expat

from abreast.compare.elements import MAX_DEPTH, Builder, Element, MarkupError, Numbers, check_size


def read_xml(text: str, numbers: Numbers) -> Element:
    """The document; its one child is the root element. Comments and processing instructions are left out.

    An element is named by its namespace's URI (``{urn:x}a``) where that is not its parent's; prefixes mean nothing.

    Raises:
        MarkupError: Not well-formed, too large or too deep, or it declares entities: those are how a small document
            becomes a huge one, or reads files.
    """
    check_size(text)
    builder = Builder(numbers)

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(builder.open) > MAX_DEPTH:
            raise MarkupError(f"XML nested deeper than {MAX_DEPTH} elements")
        namespace, _, local = name.rpartition("}")
        inherited = namespace == builder.open[-1].namespace
        builder.start(
            local if inherited else f"{{{namespace}}}{local}",
            {f"{{{key}" if "}" in key else key: value for key, value in attributes.items()},
            verbatim=True,
            namespace=namespace,
        )

    def refuse_entity(*_: object) -> None:
        raise MarkupError("XML that declares entities is not read by element")

    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: builder.end()
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = refuse_entity
    parser.SkippedEntityHandler = refuse_entity
    try:
        parser.Parse(text, True)  # noqa: FBT003 - it takes no keywords
    except expat.ExpatError as error:
        raise MarkupError(f"XML that is not well-formed: {error}") from error
    except UnicodeEncodeError as error:
        raise MarkupError("XML with a surrogate, which is no character") from error
    return builder.finish()
