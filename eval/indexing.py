"""Indexing: an index of thousands of articles on disk, made in steps so that an interrupted run goes on.

Every step ends with a finished generation of the index; articles that are in it already are
skipped.  Progress goes to standard error.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from assistant import Document
from assistant.embedding import GROUP, Embedder
from assistant.errors import IndexMismatchError
from assistant.index import Index
from assistant.settings import Settings
from assistant.store import open_index, read_manifest
from assistant.update import Update, update_index

REPORT_EVERY = 30.0
"""Seconds between two lines of progress."""


def indexed(
    folder: Path, documents: Sequence[Document], embedder: Embedder, settings: Settings, *, chunk: int
) -> Index:
    """Open the index of just these documents in a folder, after adding those that it lacks, `chunk` at a time.

    Raises IndexMismatchError where the index holds other articles too.
    """
    report = _Report(documents)
    for first in range(0, len(documents), chunk):
        part = documents[first : first + chunk]
        report.begin(part)
        update = update_index(folder, part, embedder, settings, progress=report.tell)
        report.end(part, update)
    others = {entry["id"] for entry in read_manifest(folder)["documents"]} - {document.id for document in documents}
    if others:
        raise IndexMismatchError(
            f"the index in {folder} holds {len(others)} articles that the corpus lacks ({min(others)!r}, …); "
            "give each corpus a folder of its own"
        )
    return open_index(folder, embedder, settings)


class _Report:
    """Lines on how far indexing is; time left is reckoned by the characters of the articles."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._articles = len(documents)
        self._left = sum(len(document.text) for document in documents)
        self._done = self._embedded = self._passages = 0
        self._chars = 0
        self._worked = 0.0
        self._began = self._told = time.monotonic()

    def begin(self, part: Sequence[Document]) -> None:
        self._chars = sum(len(document.text) for document in part)
        self._began = time.monotonic()
        self._passages = 0

    def tell(self, passages: int, of: int) -> None:
        now = time.monotonic()
        self._passages = passages
        # passages of a group arrive together: within one the count says nothing of the speed
        if passages % GROUP == 0 and now - self._told >= REPORT_EVERY:
            self._print(now, passages / of)

    def end(self, part: Sequence[Document], update: Update) -> None:
        now = time.monotonic()
        self._left -= self._chars
        self._done += len(part)
        if update.added or update.changed:
            self._embedded += self._chars
            self._worked += now - self._began
        self._chars = 0
        self._began = now
        self._print(now, 0.0)

    def _print(self, now: float, share: float) -> None:
        seconds = self._worked + now - self._began
        embedded = self._embedded + share * self._chars
        left = ""
        if embedded and seconds > 0:
            minutes = (self._left - share * self._chars) * seconds / embedded / 60
            left = f", {embedded / seconds:,.0f} characters/s, about {minutes:,.0f} min left"
        within = f", {self._passages:,} passages of the next" if share else ""
        print(f"{self._done:,} of {self._articles:,} articles{within}{left}", file=sys.stderr, flush=True)
        self._told = now
