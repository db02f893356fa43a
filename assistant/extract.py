"""Extracts: what a reader of one format takes out of a file, before it is an article with an id.

A file is untrusted: each reader has limits, and answers for what it cannot read with a reason
that a person can act on.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath

MAX_FILE_BYTES = 20_000_000
"""A larger file is a book or a dump, not an article."""
MAX_TABLE_BYTES = 200_000_000
"""A table holds many articles; its text takes some five times as many bytes of memory while it is read."""
TABLES = (".jsonl", ".ndjson", ".csv", ".tsv")
"""Suffixes of tables."""


class UnreadableError(Exception):
    """A file, or a part of one, that is no article; its text is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """One article as it stands in a file."""

    text: str
    """The text that citations will point into."""
    title: str = ""
    """Headline, where the format keeps one."""
    author: str | None = None
    """Who wrote it, where the format says so."""
    published: date | None = None
    """Day of publication, where the format says so."""
    source: str | None = None
    """Publisher, where the format says so."""
    url: str | None = None
    """Address that it was published at, where the format says so."""
    pages: tuple[int, ...] = ()
    """Where each page begins in the text."""
    key: str = ""
    """What tells it from the other articles of its file, the same whenever it is read; empty for the only one."""
    of_file: bool = False
    """Whether author and date are those of the file, not of the article: what the text says goes before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """A part of a file that could not be read, where the rest could."""

    part: str
    """Which part: "row 7", "page 3"."""
    reason: str
    """What was found, and what was expected."""


Reader = Callable[[bytes], Iterator[Extract | Flaw]]
"""Takes the articles out of the bytes of a file; raises UnreadableError where the whole of it cannot be read."""


def most_bytes(name: str) -> int:
    """Size of the largest file of such a name that is read."""
    return MAX_TABLE_BYTES if PurePath(name).suffix.lower() in TABLES else MAX_FILE_BYTES


def too_large(name: str, size: int) -> str:
    """Why a file of so many bytes is not read; empty where it is."""
    most = most_bytes(name)
    what = "a table" if most == MAX_TABLE_BYTES else "an article"
    return f"{size / 1e6:.1f} MB, expected {what} of at most {most // 1_000_000} MB: split it" if size > most else ""


def needs(library: str, suffix: str) -> UnreadableError:
    """What to say of a format whose library is not installed."""
    return UnreadableError(
        f"format {suffix} needs {library}: install it with pip install 'cited-articles-assistant[formats]'"
    )


def address(value: str | None) -> str | None:
    """A web address that is safe to show as one; None for anything else (`javascript:` among it)."""
    value = (value or "").strip()
    return value if len(value) <= MAX_ADDRESS_CHARS and _ADDRESS.fullmatch(value) else None


def one_line(value: str | None) -> str:
    """A field's words with white space folded and control characters left out, so that it can stand in a line."""
    return " ".join(_CONTROL.sub(" ", value or "").split())[:MAX_FIELD_CHARS]


@contextmanager
def unheard(name: str) -> Iterator[None]:
    """Keep a library from logging about a file: what matters of it is in the reason that is given."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.disabled = before
        logger.setLevel(level)


MAX_ADDRESS_CHARS = 2_000
"""Longest web address."""
MAX_FIELD_CHARS = 500
"""Longest title or name that is kept."""
_ADDRESS = re.compile(r"https?://[^\s<>\"'\\\x00-\x1f\x7f]+", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
