"""Citations: the exact words of an article that a claim stands on.

A citation knows nothing of how it was found; it only promises that
`document.text[start:end] == quote`.
"""

from dataclasses import dataclass
from datetime import date

from assistant.documents import Document

MAX_QUOTE_CHARS = 400
"""A quote is what a person would read: a sentence or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """One numbered quote with where it stands and who wrote it."""

    number: int
    """Number of its [n] marker in the reply, from 1."""
    document_id: str
    """Id of the cited document."""
    title: str
    """Title of the cited document, as shown to a person."""
    author: str | None
    """Author of the cited document where known."""
    published: date | None
    """Publication date of the cited document where known."""
    source: str | None
    """Path, address or publisher of the cited document where known."""
    quote: str
    """The words themselves, `document.text[start:end]`, at most 400 characters."""
    start: int
    """Offset of the quote in the document's text, in characters."""
    end: int
    """Offset behind the quote in the document's text, in characters."""
    page: int | None = None
    """Page of a PDF on which the quote begins, from 1; None where there are no pages."""
    url: str | None = None
    """Address of the cited document where known."""
    file: str | None = None
    """File that the cited document was read from, where it was one."""


def cite(number: int, document: Document, start: int, end: int) -> Citation:
    """Make the citation of `document.text[start:end]`; raises ValueError for an empty or too long span."""
    if not 0 <= start < end <= len(document.text):
        raise ValueError(
            f"span {start}:{end} does not lie in document {document.id!r} of {len(document.text)} characters"
        )
    if end - start > MAX_QUOTE_CHARS:
        raise ValueError(f"a quote has at most {MAX_QUOTE_CHARS} characters, this span has {end - start}")
    return quote(number, document, start, end)


def quote(number: int, document: Document, start: int, end: int) -> Citation:
    """The same for a span of any length that lies in the document: what a baseline quotes, not what a reply does."""
    return Citation(
        number=number,
        document_id=document.id,
        title=document.title,
        author=document.author,
        published=document.published,
        source=document.source,
        quote=document.text[start:end],
        start=start,
        end=end,
        page=document.page(start),
        url=document.url,
        file=document.path,
    )
