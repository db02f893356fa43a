"""The shelf: the articles that are searched, and how files join and leave them.

Files that are handed in are read where they were put, indexed, and not kept: an article's text
lives in the index.  What is read is what `corpus.py` reads.  This file knows nothing of pages.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from assistant.corpus import ARCHIVE, READERS, Unread, read_corpus
from assistant.documents import Document
from assistant.errors import AssistantError, CorpusError
from assistant.extract import MAX_FILE_BYTES
from assistant.pipeline import Assistant

UPLOADS = "uploads/"
"""How ids of articles that were handed in begin, so that they never replace one of the corpus folder."""
MOST_FILES = 500
"""Files that are taken at once."""
BATCH = 16
"""Files that are indexed together, between two reports of progress."""

Outcome = Literal["added", "replaced", "already there", "not read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one file."""

    name: str
    """The file's name."""
    outcome: Outcome
    """Whether it is searched now."""
    note: str = ""
    """Why it is not, or as what article it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One article as a person looks at it."""

    id: str
    title: str
    author: str | None
    published: str | None
    source: str | None
    characters: int
    """Length of its text."""
    indexed: datetime | None
    """When it was indexed."""
    uploaded: bool
    """Whether it was handed in, and is in no folder."""


def suffixes() -> list[str]:
    """The endings of files that are read, such as `.txt`."""
    return sorted((*READERS, ARCHIVE))


def most_bytes() -> int:
    """Size of the largest file that is read."""
    return MAX_FILE_BYTES


class Shelf:
    """The articles of one assistant; changes are made one after the other."""

    def __init__(self, assistant: Assistant, corpus: Path) -> None:
        self._assistant = assistant
        self._corpus = corpus
        self._changing = threading.Lock()

    def rows(self, wanted: str = "") -> list[Row]:
        """The articles in whose title, author, date, source or id all the words stand, by title."""
        index = self._assistant.index
        words = wanted.casefold().split()
        rows = [
            Row(
                id=document.id,
                title=document.title or document.id,
                author=document.author,
                published=document.published.isoformat() if document.published else None,
                source=document.source,
                characters=len(document.text),
                indexed=index.indexed(document.id),
                uploaded=document.id.startswith(UPLOADS),
            )
            for document in index.documents
        ]
        found = [row for row in rows if all(word in _searched(row) for word in words)]
        return sorted(found, key=lambda row: (row.title.casefold(), row.id))

    def upload(self, files: Sequence[Path]) -> Iterator[list[Result]]:
        """Index files and remove them, telling after each batch what became of those so far."""
        results: list[Result] = []
        taken, left = files[:MOST_FILES], files[MOST_FILES:]
        with self._changing:
            for first in range(0, len(taken), BATCH):
                results.extend(self._take(taken[first : first + BATCH]))
                yield list(results)
        if left:
            note = f"more than {MOST_FILES} files at once; hand it in with the next ones"
            results.extend(Result(name=file.name, outcome="not read", note=note) for file in left)
            yield list(results)
        for file in left:
            file.unlink(missing_ok=True)

    def _take(self, files: Sequence[Path]) -> list[Result]:
        results: list[Result] = []
        documents: dict[str, Document] = {}
        known = {document.text: document for document in self._assistant.documents}
        ids = {document.id for document in self._assistant.documents}
        for file in files:
            read, notes = _read(file, self._assistant.settings.pdf_seconds)
            results.extend(notes)
            for document in read:
                aliases = tuple(UPLOADS + alias for alias in document.aliases)
                named = replace(document, id=UPLOADS + document.id, aliases=aliases)
                if document.text in known:
                    note = f"the same text as “{known[document.text].title}”"
                    results.append(Result(name=file.name, outcome="already there", note=note))
                    continue
                replaced = named.id in ids or named.id in documents
                documents[named.id] = named
                known[named.text] = named
                outcome: Outcome = "replaced" if replaced else "added"
                results.append(Result(name=file.name, outcome=outcome, note=named.title))
        try:
            if documents:
                self._assistant.add(list(documents.values()))
        except AssistantError as error:
            taken = ("added", "replaced")
            return [replace(r, outcome="not read", note=str(error)) if r.outcome in taken else r for r in results]
        return results

    def remove(self, document_id: str) -> str:
        """Take an article out of the index; its title. Raises CorpusError where it is not there."""
        with self._changing:
            titles = {document.id: document.title for document in self._assistant.documents}
            if not self._assistant.remove([document_id]):
                raise CorpusError("this article is no longer in the index; look at the list again")
        return titles[document_id]

    def reread(self) -> tuple[list[str], list[Result]]:
        """Read the corpus folder again: ids of the articles that are new or changed, and what was not read.

        Files of formats that hold no articles are passed over.  Raises CorpusError where the folder is not
        there or holds no article.
        """
        with self._changing:
            fresh, unread = self._assistant.add_corpus(self._corpus)
        return fresh, [_unread(note, Path(note.path).name) for note in unread if not note.foreign]


def _searched(row: Row) -> str:
    return " ".join(part for part in (row.title, row.author, row.published, row.source, row.id) if part).casefold()


def _read(file: Path, pdf_seconds: float) -> tuple[list[Document], list[Result]]:
    try:
        corpus = read_corpus(file, pdf_seconds=pdf_seconds)
    except AssistantError as error:
        # Where the file was put is no concern of the reader's.
        reason = str(error).rpartition(" Not read: ")[2]
        reason = reason.replace(str(file), file.name).replace(file.as_posix(), file.name)
        reason = reason.removeprefix(f"{file.name!r}: ").removesuffix(".")
        return [], [Result(name=file.name, outcome="not read", note=reason)]
    finally:
        file.unlink(missing_ok=True)
    return corpus.documents, [_unread(note, file.name) for note in corpus.unread]


def _unread(note: Unread, name: str) -> Result:
    return Result(name=name, outcome="not read", note=f"{note.part}: {note.reason}" if note.part else note.reason)
