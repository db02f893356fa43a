"""Word files (.docx): the paragraphs in reading order, and the file's properties.

Read with the standard library's zip and a parser that refuses entities: python-docx opens any
archive without limits, and leaves out words in tracked insertions, content controls and text boxes.
"""

import io
import zipfile
from collections.abc import Iterator
from datetime import date
from xml.etree.ElementTree import Element

from assistant.archive import read_member
from assistant.dates import read_date
from assistant.extract import Extract, Flaw, UnreadableError, one_line
from assistant.markup import parse_xml

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_CORE = "{http://schemas.openxmlformats.org/package/2006/metadata/core-properties}"
_DUBLIN = "{http://purl.org/dc/elements/1.1/}"
_TERMS = "{http://purl.org/dc/terms/}"
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read_docx(data: bytes) -> Iterator[Extract | Flaw]:
    """The text of a Word file; raises UnreadableError where it is encrypted, broken or empty."""
    if data.startswith(_OLD_OFFICE):
        raise UnreadableError("encrypted, or a .doc of old: save it as .docx without a password")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            body = parse_xml(read_member(file, file.getinfo("word/document.xml")))
            has_properties = "docProps/core.xml" in file.namelist()
            properties = parse_xml(read_member(file, file.getinfo("docProps/core.xml"))) if has_properties else None
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError) as error:
        raise UnreadableError(f"not a Word file, or a damaged one ({type(error).__name__})") from None
    text = "\n\n".join(words for words in _paragraphs(body) if words)
    if not text:
        raise UnreadableError("the Word file has no text")
    yield Extract(
        text=text,
        title=one_line(_property(properties, f"{_DUBLIN}title")),
        author=one_line(_property(properties, f"{_DUBLIN}creator")) or None,
        published=_day(properties),
        of_file=True,
    )


def _paragraphs(root: Element) -> Iterator[str]:
    """The words of each paragraph in reading order; a paragraph in a text box follows the one that holds it."""
    for paragraph in _own(root, f"{_WORD}p"):
        yield "\n".join(" ".join(line.split()) for line in "".join(_words(paragraph)).split("\n")).strip()
        for child in paragraph:
            yield from _paragraphs(child)


def _own(root: Element, wanted: str) -> Iterator[Element]:
    """The elements of a kind that are not inside another of the kind, nor in what is deleted."""
    stack = [root]
    while stack:
        element = stack.pop()
        if element.tag == wanted:
            yield element
        elif element.tag not in _LEFT_OUT:
            stack.extend(reversed(element))


def _words(paragraph: Element) -> Iterator[str]:
    stack = list(reversed(paragraph))
    while stack:
        element = stack.pop()
        if element.tag == f"{_WORD}t":
            yield element.text or ""
        elif element.tag in _SPACES:
            yield _SPACES[element.tag]
        elif element.tag != f"{_WORD}p" and element.tag not in _LEFT_OUT:
            stack.extend(reversed(element))


def _property(properties: Element | None, name: str) -> str:
    return (properties.findtext(name) or "") if properties is not None else ""


def _day(properties: Element | None) -> date | None:
    return read_date(_property(properties, f"{_TERMS}created"))


_LEFT_OUT = {
    f"{_WORD}del",
    f"{_WORD}moveFrom",
    f"{_WORD}pPr",
    f"{_WORD}rPr",
    # A text box stands in a file twice, the second time for programs of before 2010.
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
}
_SPACES = {f"{_WORD}tab": " ", f"{_WORD}br": "\n", f"{_WORD}cr": "\n", f"{_WORD}noBreakHyphen": "-"}
