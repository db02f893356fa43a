"""Markup: the tree of an XML document and the words of a piece of HTML, from hands that are not trusted."""

from html.parser import HTMLParser
from xml.etree.ElementTree import Element, ParseError

from assistant.extract import UnreadableError


def parse_xml(data: bytes | str) -> Element:
    """The root of an XML document; raises UnreadableError for broken XML, and for entities, which can be a trap."""
    from defusedxml import DefusedXmlException, ElementTree

    try:
        root: Element = ElementTree.fromstring(data, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except DefusedXmlException:
        raise UnreadableError("its XML declares entities of its own, which are not expanded: save it without") from None
    except (ParseError, ValueError, LookupError) as error:
        raise UnreadableError(f"broken XML ({error})") from None
    return root


def plain_text(html: str) -> str:
    """The words of a piece of HTML, a blank line between its blocks; without scripts, styles and what is hidden."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    blocks = (" ".join(block.split()) for block in "".join(parser.words).split(_BREAK))
    return "\n\n".join(block for block in blocks if block)


class _Text(HTMLParser):
    """Collects the words of a page; what is not closed properly is no error."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        tag = tag.rpartition(":")[2]
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag in _BLOCKS:
            self.words.append(_BREAK)

    def handle_endtag(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]  # markup inside XML has the prefix of its namespace
        if tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        elif tag in _BLOCKS:
            self.words.append(_BREAK)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data.replace(_BREAK, " "))


_BREAK = "\x00"
_SILENT = frozenset("script style noscript template head title svg math iframe object select button nav".split())
_BLOCKS = frozenset(
    "address article aside blockquote body br caption dd div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6"
    " header hr li main ol p pre section table tbody td tfoot th thead tr ul".split()
)
