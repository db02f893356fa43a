"""Rows: exports with one article a row, as JSON lines or as comma-separated values.

A column is known by its name in any case: text (or body, content, article), title, author,
date, url, source, id.  A cell is text and nothing else; a formula in it is not worked out.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from assistant.dates import read_date
from assistant.decoding import decode
from assistant.extract import MAX_FILE_BYTES, Extract, Flaw, UnreadableError, address, one_line

COLUMNS = {
    "text": ("text", "body", "content", "article", "fulltext", "full_text", "article_text", "maintext"),
    "title": ("title", "headline"),
    "author": ("author", "authors", "byline"),
    "published": ("published", "date", "published_at", "date_published", "publish_date", "pubdate", "publication_date"),
    "url": ("url", "link"),
    "source": ("source", "publisher", "publication", "outlet", "newspaper"),
    "id": ("id", "guid", "article_id", "uid"),
}
"""Names of columns by what they hold; the first that a file has is taken."""


def read_jsonl(data: bytes) -> Iterator[Extract | Flaw]:
    """One article a line; raises UnreadableError where no line is one."""
    rows = _Rows("line")
    for number, line in enumerate(decode(data).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield rows.flaw(number, f"not JSON ({error})")
            continue
        if isinstance(row, dict):
            yield rows.take(number, {str(key).strip().casefold(): value for key, value in row.items()})
        else:
            yield rows.flaw(
                number, f'a JSON {type(row).__name__}, expected an object such as {{"title": …, "text": …}}'
            )
    rows.check()


def read_csv(data: bytes) -> Iterator[Extract | Flaw]:
    """One article a row, below a row of column names; raises UnreadableError where no column holds the text."""
    text = decode(data)
    before = csv.field_size_limit(MAX_FILE_BYTES)
    try:
        delimiter, names = _header(text)
        yield from _cells(text, delimiter, names)
    finally:
        csv.field_size_limit(before)


def _header(text: str) -> tuple[str, list[str]]:
    """The delimiter, and the names of the columns."""
    first: list[str] = []
    for delimiter in DELIMITERS:
        try:
            cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
        except csv.Error:
            continue
        names = [cell.strip().casefold() for cell in cells]
        if any(name in names for name in COLUMNS["text"]):
            return delimiter, names
        first = max(first, cells, key=len)
    found = ", ".join(one_line(cell)[:30] for cell in first[:8])
    raise UnreadableError(
        f"no column of texts: the first row is {found!r}, expected one called {' or '.join(COLUMNS['text'][:3])}"
    )


def _cells(text: str, delimiter: str, names: list[str]) -> Iterator[Extract | Flaw]:
    rows = _Rows("row")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    next(lines)
    number = 1
    while True:
        number += 1
        try:
            cells = next(lines)
        except StopIteration:
            break
        except csv.Error as error:
            yield rows.flaw(number, f"quoted wrongly near line {lines.line_num} ({error})")
            continue
        if len(cells) > len(names):
            yield rows.flaw(number, f"{len(cells)} cells, expected {len(names)} as in the first row")
        elif any(cell.strip() for cell in cells):
            yield rows.take(number, dict(zip(names, cells, strict=False)))
    rows.check()


class _Rows:
    """Takes articles out of rows, and knows which keys were given already."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._keys: dict[str, int] = {}
        self._first: Flaw | None = None

    def flaw(self, number: int, reason: str) -> Flaw:
        flaw = Flaw(part=f"{self._kind} {number}", reason=reason)
        self._first = self._first or flaw
        return flaw

    def take(self, number: int, row: Mapping[str, Any]) -> Extract | Flaw:
        """The article of a row whose names are in lower case."""
        text = _value(row, "text")
        if not isinstance(text, str) or not text.strip():
            return self.flaw(
                number,
                "no text" if text in (None, "") or isinstance(text, str) else f"its text is a {type(text).__name__}",
            )
        url = address(_words(_value(row, "url")))
        key = _key(number, _words(_value(row, "id")), url)
        if key in self._keys:
            return self.flaw(
                number, f"its id is that of {self._kind} {self._keys[key]} too: give each an id of its own"
            )
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return self.flaw(number, "half a character (a lone surrogate) in its text")
        self._keys[key] = number
        return Extract(
            text=text,
            title=one_line(_words(_value(row, "title"))),
            author=one_line(_words(_value(row, "author"))) or None,
            published=read_date(_words(_value(row, "published"))),
            source=one_line(_words(_value(row, "source"))) or None,
            url=url,
            key=key,
        )

    def check(self) -> None:
        """Raise UnreadableError where there was no article."""
        if not self._keys:
            raise UnreadableError(f"no article: {self._first.part}: {self._first.reason}" if self._first else "no rows")


def _value(row: Mapping[str, Any], meaning: str) -> Any:
    return next((row[name] for name in COLUMNS[meaning] if row.get(name) not in (None, "")), None)


def _words(value: Any) -> str:
    if isinstance(value, list):
        return " and ".join(_words(item) for item in value)
    if isinstance(value, dict):
        return _words(value.get("name"))
    # A lone surrogate of a JSON escape can be written nowhere.
    return "" if value is None else str(value).encode("utf-8", errors="replace").decode("utf-8")


def _key(number: int, id: str, url: str | None) -> str:
    """What a row is called: its own id, else its address; its number, which moves, only where it has neither."""
    if id.strip():
        return one_line(id)[:MAX_KEY_CHARS]
    return hashlib.sha256(url.encode("utf-8")).hexdigest()[:12] if url else f"row{number}"


DELIMITERS = ",;\t|"
"""What may stand between cells."""
MAX_KEY_CHARS = 100
"""Longest id of a row that is kept."""
