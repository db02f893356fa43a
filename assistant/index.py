"""The index: passages with their vectors and postings, in memory or on disk.

Dense vectors stand behind `DenseSearch`: exact in memory, Chroma on disk.  Lexical postings
are bm25s's.  On disk each change makes a new generation beside the old one and then swaps
the pointer `current` (see `docs/decisions/0002-index-generations.md`), so a reader never
sees half an index, and a generation stays as long as somebody reads it.  This is the only
file that imports chromadb.

    index/
    ├── current                 name of the generation that is read
    ├── lock                    held by the one writer
    ├── work/                   vectors of a run that has not finished
    └── generations/000001-9f3c1a20/
        ├── in-use              held open by everyone who reads this generation
        ├── manifest.json       what it was made with and from; written last
        ├── documents.jsonl     the articles, their text as read
        ├── sources.json        the files that they were read from
        ├── columns.npz         spans of passages and sentences
        ├── sentences.npy       sentence vectors, float16
        ├── signatures.npy      by which articles that are nearly the same are found
        ├── copies.npy          the first article that each is nearly the same as
        ├── bm25/               lexical postings
        └── chroma/             passage vectors
"""

import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import sqlite3
import sys
import tempfile
import threading
import weakref
import zipfile
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from assistant.changes import Sources, merge
from assistant.copies import SIGNATURE, Signatures, group, sign
from assistant.corpus import READING_VERSION, Earlier
from assistant.documents import Document, content_hash, join_copies
from assistant.embedding import Embedded, Embedder, Vectors
from assistant.errors import CorpusError, IndexDamagedError, IndexMismatchError, IndexMissingError, IndexStateError
from assistant.journal import Journal, key
from assistant.passages import Passage, embedding_text, split_passages
from assistant.sentences import SPLITTER_VERSION, Span
from assistant.settings import Settings
from assistant.terms import TERMS_VERSION, stems

FORMAT = 3
"""Version of the layout on disk."""
READABLE = (2, FORMAT)
"""Layouts that can be read; the second had no sources.json."""

Progress = Callable[[int, int], None]
"""Called with passages embedded so far and passages to embed in all."""

T = TypeVar("T")
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """Passages nearest to a vector, best first."""

    rows: Rows
    """Row numbers of the passages."""
    scores: Vectors
    """Cosine similarities, -1..1."""


class DenseSearch(Protocol):
    """Nearest passages by vector; every implementation gives the same answers (tested)."""

    def search(self, vector: Vectors, k: int, allowed: Mask | None = None) -> Nearest:
        """The k passages nearest to a unit vector among those `allowed`, or among all."""


class ExactDense:
    """Dense search by one matrix product in memory."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def search(self, vector: Vectors, k: int, allowed: Mask | None = None) -> Nearest:
        rows = np.arange(len(self._vectors)) if allowed is None else np.flatnonzero(allowed)
        scores = (self._vectors if allowed is None else self._vectors[rows]) @ vector
        best = highest(scores, k)
        return Nearest(rows=rows[best], scores=scores[best])


class ChromaDense:
    """Dense search in a Chroma collection, cosine space; raises IndexDamagedError where Chroma cannot search."""

    def __init__(self, collection: Any, keys: Sequence[str], documents: Sequence[str], folder: Path) -> None:
        self._collection = collection
        self._rows = {key: row for row, key in enumerate(keys)}
        self._documents = np.asarray(documents, dtype=object)
        self._folder = folder

    def search(self, vector: Vectors, k: int, allowed: Mask | None = None) -> Nearest:
        k = min(k, len(self._rows) if allowed is None else int(allowed.sum()))
        if k <= 0:
            return Nearest(rows=np.zeros(0, dtype=np.int64), scores=np.zeros(0, dtype=np.float32))
        if allowed is None:
            return self._query(vector, k)
        documents = sorted(set(self._documents[allowed]))
        if len(documents) <= _MOST_IDS:
            return self._query(vector, k, {"document_id": {"$in": documents}})
        wanted = k
        while True:
            wanted = min(4 * wanted, len(self._rows))
            found = self._query(vector, wanted)
            kept = np.flatnonzero(allowed[found.rows])
            if len(kept) >= k or wanted == len(self._rows):
                return Nearest(rows=found.rows[kept[:k]], scores=found.scores[kept[:k]])

    def _query(self, vector: Vectors, k: int, where: dict[str, Any] | None = None) -> Nearest:
        from chromadb.errors import ChromaError

        try:
            found = self._collection.query(query_embeddings=[vector], n_results=k, where=where, include=["distances"])
            rows = np.asarray([self._rows[key] for key in found["ids"][0]], dtype=np.int64)
        except (ChromaError, KeyError) as error:
            raise _chroma_failed(self._folder, error) from error
        return Nearest(rows=rows, scores=1 - np.asarray(found["distances"][0], dtype=np.float32))


class ServerDense(ChromaDense):
    """Dense search in a collection of a Chroma server; raises IndexStateError where it cannot be reached."""

    def _query(self, vector: Vectors, k: int, where: dict[str, Any] | None = None) -> Nearest:
        try:
            return super()._query(vector, k, where)
        except IndexStateError:
            raise
        except Exception as error:  # whatever the client's HTTP library raises
            raise _unreachable(error) from error


_MOST_IDS = 1_000
"""Most document ids in a filter given to Chroma: SQLite refuses more than 32,766, and each costs time.
For more, passages are fetched without the filter until enough of them pass."""


def highest(scores: Vectors, k: int) -> Rows:
    """Positions of the k highest scores, highest first; ties in order of position."""
    if k <= 0:
        return np.zeros(0, dtype=np.int64)
    if k < len(scores):
        edge = np.partition(scores, len(scores) - k)[len(scores) - k]
        above = np.flatnonzero(scores >= edge)
    else:
        above = np.arange(len(scores))
    return above[np.argsort(-scores[above], kind="stable")][:k]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Spans of all passages and sentences as arrays: row i is passage i."""

    document: NDArray[np.int32]
    """Row of the passage's document."""
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    first_sentence: NDArray[np.int32]
    """Row of its first sentence; one more entry at the end."""
    sentence_start: NDArray[np.int32]
    sentence_end: NDArray[np.int32]


_SAMPLED = 2_000
"""Sentences from which the spread of cosines is told."""


class Index:
    """Passages of a corpus, ready to be searched; may be used from several threads."""

    def __init__(
        self,
        *,
        documents: Sequence[Document],
        columns: Columns,
        sentence_vectors: NDArray[np.float16],
        dense: DenseSearch,
        lexical: Any,
        made: datetime | None = None,
        copy_of: NDArray[np.int32] | None = None,
        generation: str = "",
        folder: Path | None = None,
        indexed: Mapping[str, datetime] | None = None,
        hold: object = None,
    ) -> None:
        self.generation = generation
        self.documents = list(documents)
        self._copy_of = np.arange(len(documents), dtype=np.int32) if copy_of is None else copy_of
        self.made = made
        self.folder = folder  # None where it is in memory only
        self._indexed = indexed or {}
        self.dense = dense
        self._columns = columns
        self._sentence_vectors = sentence_vectors
        self._lexical = lexical
        self._hold = hold  # what must live as long as the index does
        self._by_id = {alias: document for document in documents for alias in document.aliases}
        # After the aliases: one that is now another document's own id must not hide that document.
        self._by_id.update((document.id, document) for document in documents)

    def __len__(self) -> int:
        return len(self._columns.start)

    @property
    def sentence_count(self) -> int:
        return len(self._columns.sentence_start)

    def document(self, document_id: str) -> Document:
        """The document of an id or alias; raises KeyError where there is none."""
        return self._by_id[document_id]

    def indexed(self, document_id: str) -> datetime | None:
        """When the document's words were indexed; None where that was not written down."""
        return self._indexed.get(document_id, None if self.folder else self.made)

    def document_row(self, row: int) -> int:
        """Row of the document that a passage belongs to."""
        return int(self._columns.document[row])

    def are_copies(self, row: int, other: int) -> bool:
        """Whether two passages are from different documents that are nearly the same."""
        own, its = self.document_row(row), self.document_row(other)
        return own != its and bool(self._copy_of[own] == self._copy_of[its])

    def copies(self, document_id: str) -> list[Document]:
        """The other documents that are nearly the same, as the reports of one agency in several papers are."""
        document = self.document(document_id)
        place = next(row for row, other in enumerate(self.documents) if other.id == document.id)
        rows = np.flatnonzero(self._copy_of == self._copy_of[place])
        return [self.documents[row] for row in rows if row != place]

    def passage(self, row: int) -> Passage:
        columns = self._columns
        document = self.documents[int(columns.document[row])]
        first, last = int(columns.first_sentence[row]), int(columns.first_sentence[row + 1])
        starts, ends = columns.sentence_start[first:last].tolist(), columns.sentence_end[first:last].tolist()
        start, end = int(columns.start[row]), int(columns.end[row])
        return Passage(
            document_id=document.id,
            start=start,
            end=end,
            text=document.text[start:end],
            sentences=tuple(Span(*span) for span in zip(starts, ends, strict=True)),
        )

    def sentence_vectors(self, row: int) -> Vectors:
        """Unit vectors of a passage's sentences, shape (sentences, dimension)."""
        first, last = self._columns.first_sentence[row], self._columns.first_sentence[row + 1]
        return np.asarray(self._sentence_vectors[first:last], dtype=np.float32)

    def dense_spread(self, vector: Vectors) -> float:
        """Standard deviation of a question's cosines over the corpus, from a sample of sentences."""
        return float((self._sample @ vector).std()) if len(self._sample) else 0.0

    @cached_property
    def _sample(self) -> Vectors:
        step = max(1, len(self._sentence_vectors) // _SAMPLED)
        return np.asarray(self._sentence_vectors[::step], dtype=np.float32)

    def lexical_scores(self, query: Sequence[str]) -> Vectors:
        """BM25 score of every passage for the stems of a question."""
        if not query or not len(self) or self._lexical is None:
            return np.zeros(len(self), dtype=np.float32)
        return np.asarray(self._lexical.get_scores(list(query)), dtype=np.float32)

    def documents_with(self, words: Sequence[str]) -> list[Document]:
        """The documents in whose searched text, titles included, all the stems stand; none for no stems."""
        rows: set[int] | None = None
        for word in words:
            found = {int(row) for row in np.unique(self._columns.document[self.lexical_scores([word]) > 0])}
            rows = found if rows is None else rows & found
        return [self.documents[row] for row in sorted(rows or ())]

    def mask(self, accept: Callable[[Document], bool]) -> Mask:
        """Which passages belong to documents that are accepted."""
        accepted = np.asarray([accept(document) for document in self.documents], dtype=bool)
        return accepted[self._columns.document] if len(self) else np.zeros(0, dtype=bool)


# ── making an index ──────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Part:
    """The rows of one document."""

    document: Document
    passages: list[Passage]
    vectors: Vectors | None
    """Passage vectors; None where they are in Chroma already."""
    sentence_vectors: NDArray[np.float16]
    stored_as: str | None = None
    """Id of the document under which the passage vectors are in Chroma."""
    stored_data: str = ""
    """Hash of the document whose data are in Chroma with them."""
    signature: Signatures | None = None
    """Signature of the text, shape (1, …); None where it is to be made."""

    def under(self, document: Document) -> "_Part":
        """The same rows for a document of the same title and text."""
        own = document.id == self.document.id
        passages = self.passages if own else [replace(item, document_id=document.id) for item in self.passages]
        return replace(self, document=document, passages=passages)


def build_index(
    documents: Sequence[Document], embedder: Embedder, settings: Settings, progress: Progress | None = None
) -> Index:
    """Index documents in memory, with exact dense search and nothing left on disk."""
    parts = _embed(documents, embedder, settings, progress)
    vectors = [part.vectors for part in parts if part.vectors is not None]
    dense = ExactDense(np.concatenate(vectors) if vectors else np.zeros((0, embedder.dimension), dtype=np.float32))
    columns, sentence_vectors = _columns(parts, embedder.dimension)
    return Index(
        documents=documents,
        columns=columns,
        sentence_vectors=sentence_vectors,
        dense=dense,
        lexical=_postings(parts),
        made=datetime.now(UTC),
        copy_of=group(sign([document.text for document in documents])) if len(documents) > 1 else None,
    )


def _embed(
    documents: Sequence[Document],
    embedder: Embedder,
    settings: Settings,
    progress: Progress | None,
    journal: Journal | None = None,
) -> list[_Part]:
    split = [
        split_passages(
            document,
            count_tokens=embedder.count_tokens,
            max_tokens=settings.passage_tokens,
            overlap_tokens=settings.overlap_tokens,
        )
        for document in documents
    ]
    texts, spans = [], []
    for document, passages in zip(documents, split, strict=True):
        for passage in passages:
            text = embedding_text(document.title, passage.text, max_tokens=settings.passage_tokens)
            shift = len(text) - len(passage.text) - passage.start
            texts.append(text)
            spans.append([(start + shift, end + shift) for start, end in passage.sentences])
    keys = [key(*pair) for pair in zip(texts, spans, strict=True)] if journal else []
    known = journal.read() if journal else {}
    found = [known.get(name) for name in keys] or [None] * len(texts)
    missing = [row for row, item in enumerate(found) if item is None]
    fresh = embedder.embed([texts[row] for row in missing], [spans[row] for row in missing])
    for done, (row, item) in enumerate(zip(missing, fresh, strict=True), len(texts) - len(missing) + 1):
        found[row] = item
        if journal:
            journal.add(keys[row], item)
        if progress:
            progress(done, len(texts))
    if journal:
        journal.flush()
    embedded = [item for item in found if item is not None]
    parts, first = [], 0
    for document, passages in zip(documents, split, strict=True):
        own = embedded[first : first + len(passages)]
        first += len(passages)
        parts.append(_part(document, passages, own, embedder.dimension))
    return parts


def _part(document: Document, passages: list[Passage], embedded: Sequence[Embedded], dimension: int) -> _Part:
    empty = np.zeros((0, dimension), dtype=np.float32)
    return _Part(
        document,
        passages,
        np.stack([item.vector for item in embedded]) if embedded else empty,
        np.concatenate([item.sentences for item in embedded]).astype(np.float16)
        if embedded
        else empty.astype(np.float16),
    )


def _columns(parts: Sequence[_Part], dimension: int) -> tuple[Columns, NDArray[np.float16]]:
    passages = [(row, passage) for row, part in enumerate(parts) for passage in part.passages]
    spans = [span for _, passage in passages for span in passage.sentences]
    counts = [len(passage.sentences) for _, passage in passages]
    columns = Columns(
        document=np.asarray([row for row, _ in passages], dtype=np.int32),
        start=np.asarray([passage.start for _, passage in passages], dtype=np.int32),
        end=np.asarray([passage.end for _, passage in passages], dtype=np.int32),
        first_sentence=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        sentence_start=np.asarray([start for start, _ in spans], dtype=np.int32),
        sentence_end=np.asarray([end for _, end in spans], dtype=np.int32),
    )
    vectors = [part.sentence_vectors for part in parts] or [np.zeros((0, dimension), dtype=np.float16)]
    return columns, np.concatenate(vectors)


def _postings(parts: Sequence[_Part]) -> Any:
    tokens = [stems(f"{part.document.title}\n{passage.text}") for part in parts for passage in part.passages]
    if not any(tokens):
        return None
    lexical = _bm25s().BM25(k1=1.2, b=0.75)
    lexical.index(tokens, create_empty_token=False, show_progress=False)
    return lexical


def _bm25s() -> Any:
    """The library, told to be quiet: at import it sets its logger to DEBUG, and programs that log would print it all."""
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)
    return bm25s


# ── on disk ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What an update of the index on disk did."""

    added: list[str]
    """Ids of documents that were not there before."""
    changed: list[str]
    """Ids of documents whose text or data differed."""
    unchanged: list[str]
    """Ids of documents that were skipped."""
    passages: int
    """Passages in the index now."""
    removed: list[str] = field(default_factory=list)
    """Ids of documents that were taken out because they are no longer in their files."""
    gone: list[str] = field(default_factory=list)
    """Ids of documents that are no longer in their files, and stay."""
    embedded: int = 0
    """Passages for which vectors were made."""
    mended: str | None = None
    """What was damaged, where the index was made anew from the articles stored in it."""


def update_index(
    folder: Path,
    documents: Sequence[Document],
    embedder: Embedder,
    settings: Settings,
    *,
    rebuild: bool = False,
    sources: Sources | None = None,
    prune: bool = False,
    progress: Progress | None = None,
) -> Update:
    """Add documents to the index in a folder and replace those that changed; only new text is embedded.

    With `sources` the index remembers which files they were read from; with `prune`, documents that
    are no longer in these are taken out.  With `rebuild` the old index is left out of account: it
    then holds just these documents.  An index that is damaged is made anew from the articles that it
    holds.  Raises IndexMismatchError where the index there was made by another model or version,
    IndexDamagedError where not even its articles can be read, and IndexStateError where another
    process is writing or the folder cannot be written.
    """
    with _writing(folder):
        run = _Run(folder, documents, embedder, settings, sources or Sources(), prune, progress)
        if rebuild or not has_index(folder):
            return run.update(None)
        try:
            old = _Generation.read(folder)
            _check_made_with(old.manifest, embedder, settings, folder)
            _check_server(old, settings, folder)
            return run.update(old)
        except IndexDamagedError as error:
            return run.mend(error)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Hold the lock of the one writer."""
    import filelock

    lock = filelock.FileLock(folder / "lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout:
        raise IndexStateError(f"another process is writing the index {folder}; wait until it is done") from None
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the writer."""

    folder: Path
    documents: Sequence[Document]
    embedder: Embedder
    settings: Settings
    sources: Sources
    prune: bool
    progress: Progress | None

    def update(self, old: "_Generation | None") -> Update:
        """Write a generation that holds what the old one does and the documents given, if there is a difference."""
        before = old.sources if old else Sources()
        merged = merge(before, self.sources)
        given = {document.id for document in self.documents}
        known = {document.id: document for document in old.documents} if old else {}
        present = _names(known.values())
        gone = (merged.gone & present) - given
        # A file that has another name now needs no leave to go: its text is there.
        texts = {document.text for document in self.documents}
        removed = gone if self.prune else {id for id in gone if id in known and known[id].text in texts}
        documents = _together(known, self.documents, removed)
        parts = self._parts(documents, old)
        changed = [document.id for document in documents if document.id in known and _differ(document, known)]
        added = [document.id for document in documents if document.id not in present]
        sources = merged.held(_names(documents))
        if old is None or list(known.values()) != documents:
            _write_generation(self.folder, parts, self.embedder, self.settings, old, sources)
            shutil.rmtree(self.folder / "work", ignore_errors=True)
        elif sources != before:
            _write_sources(old.folder, sources)
        touched = {*added, *changed}
        return Update(
            added=added,
            changed=changed,
            unchanged=[document.id for document in self.documents if document.id not in touched],
            passages=sum(len(part.passages) for part in parts),
            removed=sorted(removed),
            gone=sorted((gone - removed) & _names(documents)),
            embedded=sum(len(part.passages) for part in parts if part.vectors is not None),
        )

    def remove(self, old: "_Generation", ids: Collection[str]) -> list[str]:
        """Write a generation without some documents of the old one; the ids of those that were there."""
        parts = [part for part in old.parts() if part.document.id not in ids]
        gone = [document.id for document in old.documents if document.id in ids]
        if gone:
            # Their files stay known; a run over these reads again what is in no index, so that it comes back.
            sources = merge(old.sources, self.sources).held(_names(part.document for part in parts))
            _write_generation(self.folder, parts, self.embedder, self.settings, old, sources)
        return gone

    def mend(self, damage: IndexDamagedError) -> Update:
        """Make a damaged index anew from the articles that it holds; raises the damage where they are lost too."""
        stored = _stored(self.folder)
        if stored is None:
            raise damage
        given = {document.id for document in self.documents}
        everything = [*(document for document in stored.documents if document.id not in given), *self.documents]
        merged = merge(stored.sources, self.sources)
        removed = merged.gone - given if self.prune else frozenset()
        kept = join_copies(document for document in everything if document.id not in removed)
        run = replace(self, documents=kept, sources=merged.held(_names(kept)), prune=False)
        return replace(run.update(None), mended=str(damage))

    def _parts(self, documents: Sequence[Document], old: "_Generation | None") -> list[_Part]:
        """The rows of each document, those of the old generation where title and text are the same."""
        stored = {(part.document.title, part.document.text): part for part in old.parts()} if old else {}
        fresh = [document for document in documents if (document.title, document.text) not in stored]
        journal = Journal(self.folder / "work", _made_with(self.embedder, self.settings))
        made = iter(_embed(fresh, self.embedder, self.settings, self.progress, journal) if fresh else [])
        parts = []
        for document in documents:
            part = stored.get((document.title, document.text))
            parts.append(part.under(document) if part else next(made))
        return parts


def remove_documents(folder: Path, ids: Iterable[str], embedder: Embedder, settings: Settings) -> list[str]:
    """Take documents out of the index in a folder, and say which were there; their files are left alone.

    With a document goes its text, so also what was joined to it as an alias.  Raises IndexMissingError,
    and as `update_index` does, IndexDamagedError for every damage.
    """
    with _writing(folder):
        old = _Generation.read(folder)
        _check_made_with(old.manifest, embedder, settings, folder)
        run = _Run(folder, (), embedder, settings, Sources(), False, None)
        return run.remove(old, set(ids))


def _names(documents: Iterable[Document]) -> set[str]:
    """Ids and aliases."""
    return {name for document in documents for name in (document.id, *document.aliases)}


def _differ(document: Document, known: dict[str, Document]) -> bool:
    return content_hash(document) != content_hash(known[document.id])


def _together(known: dict[str, Document], given: Sequence[Document], removed: Collection[str]) -> list[Document]:
    """The documents of the old index in their order, those given in their place or behind; identical ones joined."""
    news = {document.id: document for document in given}
    # An id that is given, or removed, is no other document's alias any more.
    own = {*news, *removed}
    together = []
    for id, document in known.items():
        if id in news:
            together.append(news.pop(id))
        elif id in removed:
            # One of its aliases may be there still: its text is kept under that name.
            heirs = [alias for alias in document.aliases if alias not in own and alias not in known]
            if heirs:
                together.append(replace(document, id=heirs[0], aliases=tuple(heirs[1:])))
        else:
            aliases = tuple(alias for alias in document.aliases if alias not in own)
            together.append(document if aliases == document.aliases else replace(document, aliases=aliases))
    return join_copies([*together, *news.values()])


def has_index(folder: Path) -> bool:
    """Whether a folder holds a finished index."""
    return (folder / "current").is_file()


def newest_generation(folder: Path) -> str:
    """Name of the generation that is read now, to tell whether an open index is of it; empty where it cannot be told."""
    try:
        return _current(folder)
    except IndexDamagedError:
        return ""


def open_index(folder: Path, embedder: Embedder, settings: Settings) -> Index:
    """Open the index in a folder.

    Raises IndexMissingError, IndexMismatchError (another model or version) or IndexDamagedError.
    """
    generation = _Generation.read(folder)
    _check_made_with(generation.manifest, embedder, settings, folder)
    if settings.chroma_url:
        client, copied = _server(settings.chroma_url), None
    else:
        client, copied = _chroma_for_reading(generation.folder / "chroma", folder)
    try:
        dense = _open_dense(client, generation, folder)
        lexical = _open_lexical(generation, folder)
    except BaseException:
        _unused_clients.append(client)
        raise
    # Not closed by the finalizer itself: it may run inside Chroma, which holds a lock that cannot be taken twice.
    weakref.finalize(dense, _unused_clients.append, client).atexit = False
    return Index(
        documents=generation.documents,
        columns=generation.columns,
        sentence_vectors=generation.sentence_vectors,
        dense=dense,
        lexical=lexical,
        made=generation.made,
        copy_of=generation.copy_of,
        generation=generation.folder.name,
        folder=folder,
        indexed={
            entry["id"]: datetime.fromisoformat(entry["indexed"])
            for entry in generation.manifest["documents"]
            if entry.get("indexed")
        },
        hold=(generation.hold, copied),
    )


def _chroma_for_reading(source: Path, index: Path) -> tuple[Any, object]:
    """A client of a Chroma folder, and what must live as long.

    Chroma writes to its database even to read it.  Where it cannot, on a full disk or a
    read-only one, it is given a copy among the temporary files.
    """
    try:
        return _chroma(source, index), None
    except IndexDamagedError:
        raise
    except IndexStateError:
        try:
            copied = _Copy(source)
        except OSError as error:
            raise _unwritable(index, error) from error
        return _chroma(copied.folder, index), copied


class _Copy:
    """A copy of a folder among the temporary files, there as long as this is."""

    def __init__(self, source: Path) -> None:
        place = tempfile.mkdtemp(prefix="assistant-")
        weakref.finalize(self, shutil.rmtree, place, ignore_errors=True)
        self.folder = Path(place, source.name)
        shutil.copytree(source, self.folder)


def _open_dense(client: Any, generation: "_Generation", folder: Path) -> ChromaDense:
    from chromadb.errors import ChromaError

    columns, documents = generation.columns, generation.documents
    ids = [documents[row].id for row in columns.document.tolist()]
    try:
        collection = client.get_collection(_collection_name(generation), embedding_function=None)
        count = collection.count()
    except (ChromaError, ValueError) as error:
        raise _chroma_failed(folder, error) from error
    if count != len(ids):
        raise _damaged(folder, f"Chroma holds {count} passages, the manifest names {len(ids)}")
    keys = [_key(name, start) for name, start in zip(ids, columns.start.tolist(), strict=True)]
    kind = ServerDense if generation.manifest.get("server") else ChromaDense
    return kind(collection, keys, ids, folder)


def _collection_name(generation: "_Generation") -> str:
    return _named(generation.folder.name) if generation.manifest.get("server") else "passages"


def _open_lexical(generation: "_Generation", folder: Path) -> Any:
    if not generation.manifest["lexical"]:
        return None
    try:
        lexical = _bm25s().BM25.load(generation.folder / "bm25", mmap=True, show_progress=False)
        count = lexical.scores["num_docs"]
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise _damaged(folder, f"bm25: {type(error).__name__}: {error}") from error
    if count != len(generation.columns.start):
        raise _damaged(folder, f"bm25 holds {count} passages, the manifest names {len(generation.columns.start)}")
    return lexical


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the index in a folder, without opening it; raises IndexMissingError or IndexDamagedError."""
    return _Generation.read(folder).manifest


@dataclass(slots=True)
class _Generation:
    """One finished generation as it lies on disk."""

    folder: Path
    manifest: dict[str, Any]
    documents: list[Document]
    columns: Columns
    sentence_vectors: NDArray[np.float16]
    signatures: Signatures | None
    """None in a layout that had none."""
    copy_of: NDArray[np.int32] | None
    """Row of the first document that each is nearly the same as; None in a layout that had none."""
    sources: Sources
    made: datetime
    hold: "_Hold"
    """Keeps the generation from being removed."""

    @classmethod
    def read(cls, folder: Path) -> "_Generation":
        """The current generation; raises IndexMissingError, IndexMismatchError or IndexDamagedError."""
        while True:
            if not has_index(folder):
                raise IndexMissingError(f"there is no index in {folder}; make one with: assistant index PATH")
            name = _current(folder)
            try:
                return cls._read(folder, folder / "generations" / name)
            except IndexDamagedError:
                if _current(folder) == name:
                    raise
                # A writer went on to the next generation, and removed this one before it was held.

    @classmethod
    def _read(cls, folder: Path, own: Path) -> "_Generation":
        try:
            hold = _Hold(own)
            manifest = json.loads((own / "manifest.json").read_text(encoding="utf-8"))
            if manifest["format"] not in READABLE:
                raise IndexMismatchError(
                    f"the index in {folder} has layout {manifest['format']}, this version reads {FORMAT}; "
                    "make it anew with: assistant index --rebuild PATH"
                )
            for name, size in manifest["files"].items():
                if (found := (own / name).stat().st_size) < size:
                    raise _damaged(folder, f"{name} has {found:,} bytes, {size:,} were written")
            texts = (own / "documents.jsonl").read_bytes()
            if hashlib.sha256(texts).hexdigest() != manifest["documents_sha256"]:
                raise _damaged(folder, "documents.jsonl is not as it was written")
            documents = [_read_document(line) for line in texts.decode("utf-8").split("\n") if line]
            with np.load(own / "columns.npz") as arrays:
                columns = Columns(**{name: arrays[name] for name in arrays.files})
            vectors = np.load(own / "sentences.npy", mmap_mode="r")
            made = datetime.fromisoformat(manifest["made"])
            sources = _read_sources(own, manifest)
            signatures = np.load(own / "signatures.npy") if manifest["format"] >= FORMAT else None
            copy_of = np.load(own / "copies.npy") if manifest["format"] >= FORMAT else None
            generation = cls(own, manifest, documents, columns, vectors, signatures, copy_of, sources, made, hold)
            flaw = generation._flaw()
        except _UNREADABLE as error:
            raise _damaged(folder, f"{type(error).__name__}: {error}") from error
        if flaw:
            raise _damaged(folder, flaw)
        return generation

    def _flaw(self) -> str | None:
        """What does not fit together, None where all does."""
        manifest, columns = self.manifest, self.columns
        passages, sentences = manifest["passages"], manifest["sentences"]
        names = [entry["id"] for entry in manifest["documents"]]
        if names != [document.id for document in self.documents]:
            return "documents.jsonl and the manifest name other documents"
        if self.sentence_vectors.shape != (sentences, manifest["made_with"]["dimension"]):
            return f"sentences.npy holds {self.sentence_vectors.shape}, the manifest names {sentences} sentences"
        if self.signatures is not None and self.signatures.shape != (len(names), SIGNATURE):
            return f"signatures.npy holds {self.signatures.shape}, the manifest names {len(names)} documents"
        if self.copy_of is not None and self.copy_of.shape != (len(names),):
            return f"copies.npy holds {self.copy_of.shape}, the manifest names {len(names)} documents"
        if manifest["lexical"] != (self.folder / "bm25").is_dir():
            return "bm25 is not there, or should not be"
        if np.any((columns.document < 0) | (columns.document >= len(names))):
            return "columns.npz has passages of documents that are not there"
        counts = np.bincount(columns.document, minlength=len(names)).tolist()
        if counts != [entry["passages"] for entry in manifest["documents"]] or sum(counts) != passages:
            return "columns.npz and the manifest give documents other numbers of passages"
        if np.any(np.diff(columns.document) < 0) or not _nested(columns, passages, sentences):
            return "the spans in columns.npz do not fit together"
        lengths = np.asarray([len(document.text) for document in self.documents], dtype=np.int64)
        if np.any(columns.end > lengths[columns.document]):
            return "a passage in columns.npz ends behind its document"
        return None

    def parts(self) -> Iterable[_Part]:
        index = Index(
            documents=self.documents,
            columns=self.columns,
            sentence_vectors=self.sentence_vectors,
            dense=ExactDense(np.zeros((0, 1), dtype=np.float32)),
            lexical=None,
        )
        bounds = np.searchsorted(self.columns.document, np.arange(len(self.documents) + 1))
        for row, document in enumerate(self.documents):
            first, last = int(bounds[row]), int(bounds[row + 1])
            own = slice(self.columns.first_sentence[first], self.columns.first_sentence[last])
            passages = [index.passage(i) for i in range(first, last)]
            data = self.manifest["documents"][row]["hash"]
            signature = None if self.signatures is None else self.signatures[row : row + 1]
            yield _Part(document, passages, None, self.sentence_vectors[own], document.id, data, signature)


_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, CorpusError)
"""What reading a file that is cut short or overwritten raises."""


def _nested(columns: Columns, passages: int, sentences: int) -> bool:
    """Whether each passage begins with its first sentence and ends with its last."""
    first = columns.first_sentence
    if (len(columns.start), len(columns.end), len(first)) != (passages, passages, passages + 1):
        return False
    if (len(columns.sentence_start), len(columns.sentence_end)) != (sentences, sentences):
        return False
    if first[0] != 0 or first[-1] != sentences or np.any(np.diff(first) < 1):
        return False
    starts, ends = columns.sentence_start, columns.sentence_end
    return not (
        np.any(starts < 0)
        or np.any(starts >= ends)
        or np.any(starts[first[:-1]] != columns.start)
        or np.any(ends[first[1:] - 1] != columns.end)
    )


def _current(folder: Path) -> str:
    try:
        name = (folder / "current").read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise _damaged(folder, f"{type(error).__name__}: {error}") from error
    if not _GENERATION.fullmatch(name):
        raise _damaged(folder, f"'current' is {name[:40]!r}, which names no generation")
    return name


_GENERATION = re.compile(r"(\d{6,})(?:-[0-9a-f]{8})?")


def _damaged(folder: Path, what: str) -> IndexDamagedError:
    return IndexDamagedError(
        f"the index in {folder} is damaged ({what}); make it anew with: assistant index --rebuild PATH"
    )


def _chroma_failed(folder: Path, error: Exception) -> IndexStateError:
    """What Chroma's failure means: a disk without room is no damage, and must not be mended as one."""
    if _NO_ROOM.search(str(error)):
        return _unwritable(folder, error)
    return _damaged(folder, f"Chroma: {type(error).__name__}: {error}")


_NO_ROOM = re.compile(r"disk is full|no space left|read-?only", re.IGNORECASE)


def _unwritable(folder: Path, error: Exception) -> IndexStateError:
    return IndexStateError(
        f"the index {folder} cannot be written ({type(error).__name__}: {error}); make the folder writable and see "
        "that there is room on the disk, or set ASSISTANT_INDEX to another folder"
    )


def _made_with(embedder: Embedder, settings: Settings) -> dict[str, Any]:
    return {
        "embedder": embedder.name,
        "fingerprint": embedder.fingerprint,
        "dimension": embedder.dimension,
        "splitter": SPLITTER_VERSION,
        "terms": TERMS_VERSION,
        "passage_tokens": settings.passage_tokens,
        "overlap_tokens": settings.overlap_tokens,
    }


def _check_made_with(manifest: dict[str, Any], embedder: Embedder, settings: Settings, folder: Path) -> None:
    expected = _made_with(embedder, settings)
    found = manifest["made_with"]
    differences = [
        f"{name} {found.get(name)!r}, now {value!r}" for name, value in expected.items() if found.get(name) != value
    ]
    if bool(manifest.get("server")) != bool(settings.chroma_url):
        where = "a Chroma server" if manifest.get("server") else "the folder"
        differences.append(f"vectors in {where}, ASSISTANT_CHROMA_URL now {settings.chroma_url!r}")
    if differences:
        raise IndexMismatchError(
            f"the index in {folder} was made with other settings ({'; '.join(differences)}); either set them back, "
            "or make it anew with: assistant index --rebuild PATH"
        )


def _write_generation(
    folder: Path,
    parts: Sequence[_Part],
    embedder: Embedder,
    settings: Settings,
    old: _Generation | None,
    sources: Sources,
) -> None:
    from chromadb.errors import ChromaError

    generations = folder / "generations"
    own = generations / _next_name(generations)
    before = ""
    with suppress(IndexDamagedError):  # where all is made anew
        before = _current(folder)
    try:
        own.mkdir(parents=True)
        (own / "in-use").touch()
        columns, vectors = _columns(parts, embedder.dimension)
        np.savez(own / "columns.npz", **asdict(columns))
        np.save(own / "sentences.npy", vectors)
        signed = [sign([part.document.text]) if part.signature is None else part.signature for part in parts]
        signatures = np.concatenate([sign([]), *signed])
        np.save(own / "signatures.npy", signatures)
        np.save(own / "copies.npy", group(signatures))
        texts = "".join(json.dumps(asdict(part.document), default=str) + "\n" for part in parts).encode("ascii")
        (own / "documents.jsonl").write_bytes(texts)
        _write_sources(own, sources)
        lexical = _postings(parts)
        if lexical is not None:
            lexical.save(own / "bm25", show_progress=False)
        # Chroma writes a graph that was emptied once more when it is opened, and shorter: so it is made anew.
        emptied = not any(part.passages for part in parts)
        if settings.chroma_url:
            _write_server(settings.chroma_url, own.name, parts, old)
        else:
            _write_chroma(own / "chroma", parts, None if emptied else old, folder)
        made = datetime.now(UTC).isoformat(timespec="seconds")
        indexed = {entry["id"]: entry.get("indexed") for entry in old.manifest["documents"]} if old else {}
        manifest = {
            "format": FORMAT,
            "made": made,
            "made_with": _made_with(embedder, settings),
            "passages": len(columns.start),
            "sentences": len(vectors),
            "lexical": lexical is not None,
            "server": bool(settings.chroma_url),
            "undated": sum(part.document.published is None for part in parts),
            "files": {
                path.relative_to(own).as_posix(): path.stat().st_size
                for path in sorted(own.rglob("*"))
                if path.is_file() and path.name != "sources.json"  # which changes, if a file is only touched
            },
            "reading": READING_VERSION,
            "documents_sha256": hashlib.sha256(texts).hexdigest(),
            "documents": [
                {
                    "id": part.document.id,
                    "hash": content_hash(part.document),
                    "passages": len(part.passages),
                    "indexed": indexed.get(part.stored_as or "", made),
                }
                for part in parts
            ],
        }
        (own / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        pointer = folder / "current.new"
        pointer.write_text(own.name, encoding="ascii")
        _flush(own, pointer)
        pointer.replace(folder / "current")
        _flush_folder(folder)
    except BaseException as error:
        shutil.rmtree(own, ignore_errors=True)
        _forget(settings.chroma_url, [own.name])
        if isinstance(error, OSError | ChromaError):
            raise _unwritable(folder, error) from error
        raise
    # The one before stays, for readers of old versions and for those who just read the pointer.
    others = [path for path in generations.iterdir() if _GENERATION.match(path.name)]
    for path in others:
        if path.name not in (own.name, before):
            _remove_unused(path)
    _forget(settings.chroma_url, [path.name for path in others if not path.exists()])


def _next_name(generations: Path) -> str:
    """A name behind all there are, and never used before: Chroma keeps what it knows of a path in memory."""
    names = [path.name for path in generations.iterdir()] if generations.is_dir() else []
    numbers = [int(found[1]) for name in names if (found := _GENERATION.match(name))]
    return f"{max(numbers, default=0) + 1:06d}-{secrets.token_hex(4)}"


def _write_chroma(folder: Path, parts: Sequence[_Part], old: _Generation | None, index: Path) -> None:
    if old:
        _copy_chroma(old.folder / "chroma", folder, index)
    client = _chroma(folder, index)
    try:
        # High search effort: the answers then hardly differ from exact search, which is what a person can check.
        effort = {"space": "cosine", "ef_construction": 200, "ef_search": 400, "max_neighbors": 32}
        # All rows go to the files of the graph at once; else each reader adds the last ones anew, and writes to them.
        effort |= {"batch_size": 1, "sync_threshold": 1}
        collection = client.get_or_create_collection(
            "passages", embedding_function=None, configuration={"hnsw": effort}
        )
        _change_rows(collection, parts, old)
        count, expected = collection.count(), sum(len(part.passages) for part in parts)
        if count != expected:
            raise _damaged(index, f"Chroma would hold {count} passages, expected {expected}")
    finally:
        with _chroma_clients:
            client.close()


# ── a Chroma server ──────────────────────────────────────────────────────────────────────


def _named(generation: str) -> str:
    """The collection of a generation: as on disk, each has its own, and is whole before the pointer names it."""
    return f"passages-{generation}"


def _server(url: str) -> Any:
    """A client of a Chroma server; raises IndexStateError where it cannot be reached."""
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    try:
        return chromadb.HttpClient(
            host=parts.hostname or "",
            port=parts.port or (443 if secure else 80),
            ssl=secure,
            settings=ChromaSettings(anonymized_telemetry=False),
        )
    except Exception as error:  # whatever the client's HTTP library raises
        raise _unreachable(error) from error


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    client = _server(url)
    try:
        yield client
    finally:
        _close(client)


def _close(client: Any) -> None:
    """Close a client of Chroma, and the connections of one of a server, which Chroma leaves open."""
    client.close()
    session = getattr(getattr(client, "_server", None), "_session", None)
    if session is not None:
        session.close()


def _unreachable(error: Exception) -> IndexStateError:
    return IndexStateError(
        f"the Chroma server cannot be used ({type(error).__name__}: {error}); see that it runs at ASSISTANT_CHROMA_URL"
    )


def _check_server(generation: "_Generation", settings: Settings, folder: Path) -> None:
    """Raise IndexDamagedError where a server no longer has the vectors of a generation."""
    if settings.chroma_url:
        with _connected(settings.chroma_url) as client:
            _open_dense(client, generation, folder)


def _write_server(url: str, generation: str, parts: Sequence[_Part], old: "_Generation | None") -> None:
    """Write all vectors into a new collection, those that are there already from the one before."""
    effort = {"space": "cosine", "ef_construction": 200, "ef_search": 400, "max_neighbors": 32}
    fresh = [
        (part.document, passage, vector)
        for part in parts
        if part.vectors is not None
        for passage, vector in zip(part.passages, part.vectors, strict=True)
    ]
    with _connected(url) as client:
        try:
            collection = client.create_collection(
                _named(generation), embedding_function=None, configuration={"hnsw": effort}
            )
            stored = client.get_collection(_collection_name(old), embedding_function=None) if old else None
            _add_rows(collection, fresh)
            for part in parts:
                if part.vectors is None:
                    _add_rows(collection, list(_moved_rows(stored, part)))
            count, expected = collection.count(), sum(len(part.passages) for part in parts)
        except Exception as error:  # whatever the client's HTTP library raises
            raise _unreachable(error) from error
    if count != expected:
        raise IndexStateError(f"the Chroma server holds {count} passages of {expected} written; try again")


def _forget(url: str, generations: Sequence[str]) -> None:
    """Delete the collections of generations that are gone; one that stays costs room and nothing else."""
    if url and generations:
        with suppress(Exception), _connected(url) as client:
            for name in generations:
                with suppress(Exception):
                    client.delete_collection(_named(name))


def _copy_chroma(source: Path, target: Path, index: Path) -> None:
    """Copy a Chroma folder that readers may have open: they write to its database, so SQLite copies that itself."""
    database = "chroma.sqlite3"
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(f"{database}*"))
    try:
        with closing(sqlite3.connect(source / database)) as old, closing(sqlite3.connect(target / database)) as new:
            old.backup(new)
    except sqlite3.Error as error:
        raise _chroma_failed(index, error) from error


def _change_rows(collection: Any, parts: Sequence[_Part], old: _Generation | None) -> None:
    """Make the rows of the old generation those of the parts."""
    stay = {part.document.id for part in parts if part.stored_as == part.document.id}
    moved = [part for part in parts if part.stored_as not in (None, part.document.id)]
    rows = [
        (part.document, passage, vector)
        for part in parts
        if part.vectors is not None
        for passage, vector in zip(part.passages, part.vectors, strict=True)
    ]
    # Read before anything goes: a file that was renamed takes its vectors along.
    rows.extend(row for part in moved for row in _moved_rows(collection, part))
    gone = [
        _key(part.document.id, passage.start)
        for part in (old.parts() if old else ())
        if part.document.id not in stay
        for passage in part.passages
    ]
    for keys in _batches(gone):
        collection.delete(ids=keys)
    _add_rows(collection, rows)
    retold = [
        (part.document, passage)
        for part in parts
        if part.document.id in stay and part.stored_data != content_hash(part.document)
        for passage in part.passages
    ]
    for pairs in _batches(retold):
        collection.update(
            ids=[_key(document.id, passage.start) for document, passage in pairs],
            metadatas=[_metadata(document, passage) for document, passage in pairs],
        )


def _add_rows(collection: Any, rows: Sequence[tuple[Document, Passage, Any]]) -> None:
    for batch in _batches(rows):
        collection.add(
            ids=[_key(document.id, passage.start) for document, passage, _ in batch],
            embeddings=[vector for *_, vector in batch],
            documents=[passage.text for _, passage, _ in batch],
            metadatas=[_metadata(document, passage) for document, passage, _ in batch],
        )


def _moved_rows(collection: Any, part: _Part) -> Iterator[tuple[Document, Passage, Any]]:
    for batch in _batches(part.passages):
        keys = [_key(part.stored_as or "", passage.start) for passage in batch]
        found = collection.get(ids=keys, include=["embeddings"])
        vectors = dict(zip(found["ids"], found["embeddings"], strict=True))
        for name, passage in zip(keys, batch, strict=True):
            yield part.document, passage, vectors[name]


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(items), _CHROMA_BATCH):
        yield items[first : first + _CHROMA_BATCH]


_CHROMA_BATCH = 5_000
"""Rows per call: Chroma refuses more than 5,461."""


def _chroma(folder: Path, index: Path) -> Any:
    """A client of a Chroma folder, to be closed; raises IndexDamagedError for a folder that Chroma cannot open."""
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    with _chroma_clients:
        while _unused_clients:
            _close(_unused_clients.popleft())
        try:
            return chromadb.PersistentClient(str(folder), settings=ChromaSettings(anonymized_telemetry=False))
        except (chromadb.errors.ChromaError, ValueError, AttributeError) as error:  # the last from its own clearing up
            raise _chroma_failed(index, error) from error


_chroma_clients = threading.Lock()
"""Chroma shares what it has open between the clients of a path, and looks that up without a lock of its own."""
_unused_clients: deque[Any] = deque()
"""Clients of indexes that are gone, closed when the next one is opened."""


def _metadata(document: Document, passage: Passage) -> dict[str, str | int]:
    data: dict[str, str | int | None] = {
        "document_id": document.id,
        "start": passage.start,
        "end": passage.end,
        "title": document.title,
        "author": document.author,
        "source": document.source,
        "published": _as_number(document.published),
    }
    return {key: value for key, value in data.items() if value is not None}


def _as_number(day: date | None) -> int | None:
    """Chroma compares numbers only: 2024-12-31 becomes 20241231."""
    return day.year * 10_000 + day.month * 100 + day.day if day else None


def _key(document_id: str, start: int) -> str:
    return f"{document_id}:{start}"


def _read_document(line: str) -> Document:
    data = json.loads(line)
    return Document(**data)


def _write_sources(own: Path, sources: Sources) -> None:
    new = own / "sources.new"
    new.write_text(json.dumps(sources.to_dict()), encoding="ascii")
    new.replace(own / "sources.json")


def _read_sources(own: Path, manifest: dict[str, Any]) -> Sources:
    if manifest["format"] < FORMAT:
        return Sources()
    return Sources.from_dict(json.loads((own / "sources.json").read_text(encoding="ascii")))


def _stored(folder: Path) -> "_Stored | None":
    """The articles of a damaged index, from the newest generation whose copy of them is whole; None where none is."""
    with suppress(OSError):
        names = [path.name for path in (folder / "generations").iterdir() if _GENERATION.fullmatch(path.name)]
        newest = _newest_first(names)
        with suppress(IndexDamagedError):
            newest.insert(0, _current(folder))
        for name in newest:
            with suppress(*_UNREADABLE):
                return _Stored.read(folder / "generations" / name)
    return None


@dataclass(frozen=True, slots=True)
class _Stored:
    """What of a generation does not depend on a model."""

    documents: list[Document]
    sources: Sources

    @classmethod
    def read(cls, own: Path) -> "_Stored":
        """Raises one of _UNREADABLE where the articles are not as they were written."""
        manifest = json.loads((own / "manifest.json").read_text(encoding="utf-8"))
        texts = (own / "documents.jsonl").read_bytes()
        if hashlib.sha256(texts).hexdigest() != manifest["documents_sha256"]:
            raise ValueError("documents.jsonl is not as it was written")
        documents = [_read_document(line) for line in texts.decode("utf-8").split("\n") if line]
        sources = Sources()
        with suppress(*_UNREADABLE):
            sources = _read_sources(own, manifest)
        return cls(documents, sources)


def _newest_first(names: Iterable[str]) -> list[str]:
    numbered = [(int(found[1]), name) for name in names if (found := _GENERATION.fullmatch(name))]
    return [name for _, name in sorted(numbered, reverse=True)]


def read_sources(folder: Path) -> Sources:
    """The files that the index in a folder was made from; raises IndexMissingError or IndexDamagedError."""
    return _Generation.read(folder).sources


def read_earlier(folder: Path) -> Earlier | None:
    """What was read when the index was made, so that only other files are read again; None where that is no use."""
    if not has_index(folder):
        return None
    try:
        generation = _Generation.read(folder)
    except (IndexDamagedError, IndexMismatchError, IndexMissingError):
        return None
    if generation.manifest.get("reading") != READING_VERSION:
        return None
    return Earlier(
        files={file.path: file for file in generation.sources.files},
        documents={document.id: document for document in generation.documents},
    )


def _flush(own: Path, pointer: Path) -> None:
    """Have the disk hold a generation before the pointer names it: a power cut may come right behind."""
    for path in [*own.rglob("*"), pointer]:
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    for path in [own, *own.rglob("*")]:
        if path.is_dir():
            _flush_folder(path)


def _flush_folder(folder: Path) -> None:
    if sys.platform == "win32":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ── generations in use ───────────────────────────────────────────────────────────────────


class _Hold:
    """Keeps a generation from being removed while it is read: Chroma opens its files again and again.

    An open file, so the hold ends with the process at the latest.
    """

    def __init__(self, generation: Path) -> None:
        descriptor = os.open(generation / "in-use", os.O_RDONLY)
        weakref.finalize(self, os.close, descriptor).atexit = False
        if sys.platform != "win32":
            import fcntl

            # Waits while the generation is being removed, and then finds nothing in it.
            fcntl.flock(descriptor, fcntl.LOCK_SH)


def _remove_unused(generation: Path) -> None:
    """Remove a generation unless somebody reads it; one that stays is tried again at the next update."""
    gone = generation.with_name(f"{generation.name}.gone")
    with suppress(OSError), _alone(generation):
        generation.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


@contextmanager
def _alone(generation: Path) -> Iterator[None]:
    """Keep readers out of a generation; raises OSError where there is one."""
    if sys.platform == "win32":  # a folder in which a file is open cannot be renamed there
        yield
        return
    import fcntl

    with (generation / "in-use").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
