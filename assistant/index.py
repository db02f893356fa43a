"""The index: passages with their vectors and postings, in memory or on disk.

Dense vectors stand behind `DenseSearch`: exact in memory, Chroma on disk.  Lexical postings
are bm25s's.  On disk each change makes a new generation beside the old one and then swaps
the pointer `current` (see `docs/decisions/0002-index-generations.md`), so a reader never
sees half an index.  This is the only file that imports chromadb.

    index/
    ├── current                 name of the generation that is read
    ├── lock                    held by the one writer
    └── generations/000001/
        ├── manifest.json       what it was made with and from; written last
        ├── documents.jsonl     the articles, their text as read
        ├── columns.npz         spans of passages and sentences
        ├── sentences.npy       sentence vectors, float16
        ├── bm25/               lexical postings
        └── chroma/             passage vectors
"""

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.documents import Document, content_hash
from assistant.embedding import Embedded, Embedder, Vectors
from assistant.errors import IndexDamagedError, IndexMismatchError, IndexMissingError, IndexStateError
from assistant.passages import Passage, embedding_text, split_passages
from assistant.sentences import SPLITTER_VERSION, Span
from assistant.settings import Settings
from assistant.terms import stems

FORMAT = 1
"""Version of the layout on disk; a reader refuses any other."""

Progress = Callable[[int, int], None]
"""Called with passages embedded so far and passages to embed in all."""

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
        best = _best(scores, k)
        return Nearest(rows=rows[best], scores=scores[best])


class ChromaDense:
    """Dense search in a Chroma collection, cosine space."""

    def __init__(self, collection: Any, keys: Sequence[str], documents: Sequence[str]) -> None:
        self._collection = collection
        self._rows = {key: row for row, key in enumerate(keys)}
        self._documents = np.asarray(documents, dtype=object)

    def search(self, vector: Vectors, k: int, allowed: Mask | None = None) -> Nearest:
        k = min(k, len(self._rows) if allowed is None else int(allowed.sum()))
        if k == 0:
            return Nearest(rows=np.zeros(0, dtype=np.int64), scores=np.zeros(0, dtype=np.float32))
        where = None if allowed is None else {"document_id": {"$in": sorted(set(self._documents[allowed]))}}
        found = self._collection.query(query_embeddings=[vector], n_results=k, where=where, include=["distances"])
        rows = np.asarray([self._rows[key] for key in found["ids"][0]], dtype=np.int64)
        return Nearest(rows=rows, scores=1 - np.asarray(found["distances"][0], dtype=np.float32))


def _best(scores: Vectors, k: int) -> Rows:
    """Positions of the k highest scores, highest first; ties in order of position."""
    k = min(k, len(scores))
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
    ) -> None:
        self.documents = list(documents)
        self.made = made
        self.dense = dense
        self._columns = columns
        self._sentence_vectors = sentence_vectors
        self._lexical = lexical
        self._by_id = {name: document for document in documents for name in (*document.aliases, document.id)}

    def __len__(self) -> int:
        return len(self._columns.start)

    @property
    def sentence_count(self) -> int:
        return len(self._columns.sentence_start)

    def document(self, document_id: str) -> Document:
        """The document of an id or alias; raises KeyError where there is none."""
        return self._by_id[document_id]

    def document_row(self, row: int) -> int:
        """Row of the document that a passage belongs to."""
        return int(self._columns.document[row])

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

    def lexical_scores(self, query: Sequence[str]) -> Vectors:
        """BM25 score of every passage for the stems of a question."""
        if not query or not len(self) or self._lexical is None:
            return np.zeros(len(self), dtype=np.float32)
        return np.asarray(self._lexical.get_scores(list(query)), dtype=np.float32)

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
    )


def _embed(
    documents: Sequence[Document], embedder: Embedder, settings: Settings, progress: Progress | None
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
            text = embedding_text(document.title, passage.text)
            shift = len(text) - len(passage.text) - passage.start
            texts.append(text)
            spans.append([(start + shift, end + shift) for start, end in passage.sentences])
    embedded = []
    for item in embedder.embed(texts, spans):
        embedded.append(item)
        if progress:
            progress(len(embedded), len(texts))
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
    import bm25s

    lexical = bm25s.BM25(k1=1.2, b=0.75)
    lexical.index(tokens, show_progress=False)
    return lexical


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


def update_index(
    folder: Path,
    documents: Sequence[Document],
    embedder: Embedder,
    settings: Settings,
    *,
    rebuild: bool = False,
    progress: Progress | None = None,
) -> Update:
    """Add documents to the index in a folder and replace those that changed; only these are embedded.

    With `rebuild` the old index is left out of account: it then holds just these documents.
    Raises IndexMismatchError where the index there was made by another model or version, and
    IndexStateError where another process is writing.
    """
    import filelock

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / "lock", timeout=0):
            return _update(folder, documents, embedder, settings, rebuild, progress)
    except filelock.Timeout:
        raise IndexStateError(f"another process is writing the index {folder}; wait until it is done") from None


def _update(
    folder: Path,
    documents: Sequence[Document],
    embedder: Embedder,
    settings: Settings,
    rebuild: bool,
    progress: Progress | None,
) -> Update:
    old = None if rebuild or not has_index(folder) else _Generation.read(folder)
    if old:
        _check_made_with(old.manifest, embedder, settings, folder)
    known = {entry["id"]: entry["hash"] for entry in old.manifest["documents"]} if old else {}
    added = [document for document in documents if document.id not in known]
    changed = [document for document in documents if known.get(document.id, "") not in ("", content_hash(document))]
    fresh = {document.id: document for document in (*added, *changed)}
    unchanged = [document.id for document in documents if document.id not in fresh]
    if old and not fresh:
        return Update(added=[], changed=[], unchanged=unchanged, passages=old.manifest["passages"])
    new = {part.document.id: part for part in _embed(list(fresh.values()), embedder, settings, progress)}
    parts = [new.pop(part.document.id, part) for part in old.parts()] if old else []
    parts.extend(new.values())
    _write_generation(folder, parts, embedder, settings, old)
    return Update(
        added=[document.id for document in added],
        changed=[document.id for document in changed],
        unchanged=unchanged,
        passages=sum(len(part.passages) for part in parts),
    )


def has_index(folder: Path) -> bool:
    """Whether a folder holds a finished index."""
    return (folder / "current").is_file()


def open_index(folder: Path, embedder: Embedder, settings: Settings) -> Index:
    """Open the index in a folder.

    Raises IndexMissingError, IndexMismatchError (another model or version) or IndexDamagedError.
    """
    if not has_index(folder):
        raise IndexMissingError(f"there is no index in {folder}; make one with: assistant index PATH")
    generation = _Generation.read(folder)
    _check_made_with(generation.manifest, embedder, settings, folder)
    keys = [_key(part.document, passage) for part in generation.parts() for passage in part.passages]
    ids = [part.document.id for part in generation.parts() for _ in part.passages]
    collection = _collection(generation.folder / "chroma")
    if collection.count() != len(keys):
        raise _damaged(folder, f"Chroma holds {collection.count()} passages, the manifest names {len(keys)}")
    lexical = None
    if (generation.folder / "bm25").is_dir():
        import bm25s

        lexical = bm25s.BM25.load(generation.folder / "bm25", mmap=True, show_progress=False)
    return Index(
        documents=generation.documents,
        columns=generation.columns,
        sentence_vectors=generation.sentence_vectors,
        dense=ChromaDense(collection, keys, ids),
        lexical=lexical,
        made=datetime.fromisoformat(generation.manifest["made"]),
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the index in a folder, without opening it; raises IndexMissingError or IndexDamagedError."""
    if not has_index(folder):
        raise IndexMissingError(f"there is no index in {folder}; make one with: assistant index PATH")
    return _Generation.read(folder).manifest


@dataclass(slots=True)
class _Generation:
    """One finished generation as it lies on disk."""

    folder: Path
    manifest: dict[str, Any]
    documents: list[Document]
    columns: Columns
    sentence_vectors: NDArray[np.float16]

    @classmethod
    def read(cls, folder: Path) -> "_Generation":
        try:
            own = folder / "generations" / (folder / "current").read_text(encoding="ascii").strip()
            manifest = json.loads((own / "manifest.json").read_text(encoding="utf-8"))
            if manifest["format"] != FORMAT:
                raise IndexMismatchError(
                    f"the index in {folder} has layout {manifest['format']}, this version reads {FORMAT}; "
                    "make it anew with: assistant index --rebuild PATH"
                )
            with (own / "documents.jsonl").open(encoding="utf-8", newline="\n") as lines:
                documents = [_read_document(line) for line in lines]
            with np.load(own / "columns.npz") as arrays:
                columns = Columns(**{name: arrays[name] for name in arrays.files})
            vectors = np.load(own / "sentences.npy", mmap_mode="r")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(folder, f"{type(error).__name__}: {error}") from error
        generation = cls(own, manifest, documents, columns, vectors)
        found = (len(documents), len(columns.start), len(vectors), len(columns.sentence_start))
        sentences = manifest["sentences"]
        if found != (len(manifest["documents"]), manifest["passages"], sentences, sentences):
            raise _damaged(folder, "its files and its manifest do not agree")
        return generation

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
            yield _Part(document, [index.passage(i) for i in range(first, last)], None, self.sentence_vectors[own])


def _damaged(folder: Path, what: str) -> IndexDamagedError:
    return IndexDamagedError(
        f"the index in {folder} is damaged ({what}); make it anew with: assistant index --rebuild PATH"
    )


def _made_with(embedder: Embedder, settings: Settings) -> dict[str, Any]:
    return {
        "embedder": embedder.name,
        "fingerprint": embedder.fingerprint,
        "dimension": embedder.dimension,
        "splitter": SPLITTER_VERSION,
        "passage_tokens": settings.passage_tokens,
        "overlap_tokens": settings.overlap_tokens,
    }


def _check_made_with(manifest: dict[str, Any], embedder: Embedder, settings: Settings, folder: Path) -> None:
    expected = _made_with(embedder, settings)
    found = manifest["made_with"]
    differences = [
        f"{name} {found.get(name)!r}, now {value!r}" for name, value in expected.items() if found.get(name) != value
    ]
    if differences:
        raise IndexMismatchError(
            f"the index in {folder} was made with other settings ({'; '.join(differences)}); either set them back, "
            "or make it anew with: assistant index --rebuild PATH"
        )


def _write_generation(
    folder: Path, parts: Sequence[_Part], embedder: Embedder, settings: Settings, old: _Generation | None
) -> None:
    generations = folder / "generations"
    existing = sorted(path.name for path in generations.iterdir()) if generations.is_dir() else []
    name = f"{int(existing[-1]) + 1:06d}" if existing else "000001"
    own = generations / name
    own.mkdir(parents=True)
    try:
        columns, vectors = _columns(parts, embedder.dimension)
        np.savez(own / "columns.npz", **asdict(columns))
        np.save(own / "sentences.npy", vectors)
        with (own / "documents.jsonl").open("w", encoding="utf-8", newline="\n") as lines:
            lines.writelines(json.dumps(asdict(part.document), default=str) + "\n" for part in parts)
        lexical = _postings(parts)
        if lexical is not None:
            lexical.save(own / "bm25", show_progress=False)
        _write_chroma(own / "chroma", parts, old)
        manifest = {
            "format": FORMAT,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "made_with": _made_with(embedder, settings),
            "passages": len(columns.start),
            "sentences": len(vectors),
            "documents": [
                {"id": part.document.id, "hash": content_hash(part.document), "passages": len(part.passages)}
                for part in parts
            ],
        }
        (own / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    except BaseException:
        shutil.rmtree(own, ignore_errors=True)
        raise
    pointer = folder / "current.new"
    pointer.write_text(name, encoding="ascii")
    pointer.replace(folder / "current")
    for stale in existing[:-1]:
        shutil.rmtree(generations / stale, ignore_errors=True)


def _write_chroma(folder: Path, parts: Sequence[_Part], old: _Generation | None) -> None:
    if old:
        shutil.copytree(old.folder / "chroma", folder)
    collection = _collection(folder, create=True)
    fresh = [part for part in parts if part.vectors is not None]
    if old:
        replaced = {part.document.id for part in fresh}
        gone = [
            _key(part.document, passage)
            for part in old.parts()
            if part.document.id in replaced
            for passage in part.passages
        ]
        for first in range(0, len(gone), _CHROMA_BATCH):
            collection.delete(ids=gone[first : first + _CHROMA_BATCH])
    rows = [
        (_key(part.document, passage), vector, part.document, passage)
        for part in fresh
        if part.vectors is not None
        for passage, vector in zip(part.passages, part.vectors, strict=True)
    ]
    for first in range(0, len(rows), _CHROMA_BATCH):
        batch = rows[first : first + _CHROMA_BATCH]
        collection.add(
            ids=[key for key, *_ in batch],
            embeddings=[vector for _, vector, *_ in batch],
            documents=[passage.text for *_, passage in batch],
            metadatas=[_metadata(document, passage) for *_, document, passage in batch],
        )


_CHROMA_BATCH = 5_000
"""Rows per call: Chroma refuses more than 5,461."""


def _collection(folder: Path, *, create: bool = False) -> Any:
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    client = chromadb.PersistentClient(str(folder), settings=ChromaSettings(anonymized_telemetry=False))
    if not create:
        try:
            return client.get_collection("passages", embedding_function=None)
        except chromadb.errors.NotFoundError as error:
            raise _damaged(folder, "Chroma has no collection 'passages'") from error
    # High search effort: the answers then hardly differ from exact search, which is what a person can check.
    effort = {"space": "cosine", "ef_construction": 200, "ef_search": 400, "max_neighbors": 32}
    return client.get_or_create_collection("passages", embedding_function=None, configuration={"hnsw": effort})


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


def _key(document: Document, passage: Passage) -> str:
    return f"{document.id}:{passage.start}"


def _read_document(line: str) -> Document:
    data = json.loads(line)
    data["aliases"] = tuple(data["aliases"])
    return Document(**data)
