"""Documents: articles as they were read, and what their headers say of them.

The text of a document is exactly what was read from its file, and every offset here is an
offset into it: for a plain file all that it holds after decoding, for a web page or a PDF the
text taken out of it.  This file knows nothing of files, indexes or questions.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from assistant.errors import CorpusError, DuplicateIdError
from assistant.header import Header, opening_words, read_header
from assistant.sentences import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One article; raises CorpusError where a field cannot be used."""

    id: str
    """Name of the article, the same on every machine."""
    text: str
    """The text exactly as read: after decoding, or taken out of a web page or a PDF."""
    title: str = ""
    """Headline, or the opening words where there is none; empty until described."""
    author: str | None = None
    """Who wrote it, where known."""
    published: date | None = None
    """Day of publication, where known; an ISO 8601 string or a datetime is accepted too."""
    source: str | None = None
    """Publisher, address or path, where known."""
    aliases: tuple[str, ...] = ()
    """Ids of other documents with the same text."""
    url: str | None = None
    """Address that it was published at, where known."""
    path: str | None = None
    """File that it was read from, from the folder that was named; `news.zip/a.html` where it lay in an archive."""
    pages: tuple[int, ...] = ()
    """Where each page of a PDF begins, as offsets into the text; empty for what has no pages."""

    def __post_init__(self) -> None:
        _check_text("id", self.id, "a document")
        if not self.id.strip():
            raise CorpusError(
                f"a document has the id {self.id!r}, expected a name: give each document an id of its own"
            )
        _check_text("text", self.text, f"document {self.id!r}")
        for name in ("title", "author", "source"):
            value = getattr(self, name)
            if value is None and name == "title":
                object.__setattr__(self, name, "")
            elif value is not None:
                _check_text(name, value, f"document {self.id!r}")
        object.__setattr__(self, "published", _as_date(self.published, self.id))
        object.__setattr__(self, "aliases", tuple(self.aliases))
        for name in ("url", "path"):
            if getattr(self, name) is not None:
                _check_text(name, getattr(self, name), f"document {self.id!r}")
        object.__setattr__(self, "pages", _as_pages(self.pages, self.text, self.id))

    def page(self, offset: int) -> int | None:
        """Number of the page, from 1, on which a character of the text stands; None where there are no pages."""
        return max(1, bisect_right(self.pages, offset)) if self.pages else None


# ---- what an article says of itself


def describe(document: Document) -> Document:
    """The document with title, author, published and source filled in from its header; given ones win."""
    header = _header(document)
    return replace(
        document,
        title=document.title.strip() or header.title or opening_words(document.text, header.content),
        author=document.author or header.author,
        published=document.published or header.published,
        source=document.source or header.source,
    )


def content_spans(document: Document) -> list[Span]:
    """The parts of the text that are searched: all but front matter, header lines and links at the end.

    In reading order, trimmed and apart.  All of the text where nothing would be left; none where it is blank.
    A headline is left out where it is the document's title, which is searched with every passage.
    """
    return _header(document).content


def author_span(document: Document) -> Span | None:
    """Where the header names the author, None where it does not."""
    return _header(document).author_span


def published_span(document: Document) -> Span | None:
    """Where the header gives the day of publication, None where it does not."""
    return _header(document).published_span


def _header(document: Document) -> Header:
    return read_header(document.text, document.title)


def content_hash(document: Document) -> str:
    """SHA-256 (hex) over text and metadata, the same on every machine: another hash, another index entry."""
    published = document.published.isoformat() if document.published else None
    fields: list[Any] = [document.text, document.title, document.author, published, document.source]
    fields.append(list(document.aliases))
    # Only where they are known, so that what an older version indexed keeps its hash.
    path = document.path if document.path != document.source else None
    known = {"url": document.url, "path": path, "pages": list(document.pages)}
    if any(known.values()):
        fields.append({name: value for name, value in known.items() if value})
    return hashlib.sha256(json.dumps(fields).encode("ascii")).hexdigest()


# ---- documents together


def gather(documents: Iterable[Document]) -> list[Document]:
    """Describe documents and join those of identical text: the first stands, the others are its aliases.

    Raises DuplicateIdError for an id given twice, even with equal text.
    """
    by_id: dict[str, Document] = {}
    for document in documents:
        if document.id in by_id:
            raise DuplicateIdError(f"two documents have the id {document.id!r}: give each an id of its own")
        by_id[document.id] = document
    return [describe(document) for document in join_copies(by_id.values())]


def join_copies(documents: Iterable[Document]) -> list[Document]:
    """Documents without those whose text stands before them already, which become aliases of the first."""
    by_text: dict[str, Document] = {}
    for document in documents:
        first = by_text.setdefault(document.text, document)
        if first is not document:
            known = dict.fromkeys([*first.aliases, document.id, *document.aliases])
            by_text[document.text] = replace(first, aliases=tuple(known))
    return list(by_text.values())


# ---- values given


def _check_text(name: str, value: object, owner: str) -> None:
    if not isinstance(value, str):
        raise CorpusError(f"{owner} has the {name} {value!r} ({type(value).__name__}), expected a str")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CorpusError(
            f"the {name} of {owner if name != 'id' else repr(value)} has half a character (a lone surrogate) at offset"
            f" {error.start}, expected Unicode text: decode it with errors='replace'"
        ) from None


def _as_date(value: object, id: str) -> date | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.strip()).date()
        except ValueError:
            pass
    raise CorpusError(
        f"document {id!r} was published {value!r}, expected a date or an ISO 8601 string such as '2024-03-03'"
    )


def _as_pages(value: Iterable[int], text: str, id: str) -> tuple[int, ...]:
    pages = tuple(value)
    if any(not isinstance(start, int) or not 0 <= start <= len(text) for start in pages) or list(pages) != sorted(
        pages
    ):
        raise CorpusError(f"document {id!r} has the pages {pages[:10]!r}, expected rising offsets into its text")
    return pages
