"""Chroma: passage vectors on disk, or at a server, searched behind `DenseSearch`.

On disk each generation has a folder of Chroma's for itself; at a server, a collection (see
`docs/decisions/0010-a-chroma-server.md`).  This is the only file that imports chromadb.
"""

import re
import shutil
import sqlite3
import tempfile
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np

from assistant.damage import damaged, digest, unwritable
from assistant.documents import Document, content_hash
from assistant.embedding import Vectors
from assistant.errors import IndexDamagedError, IndexStateError
from assistant.index import Columns, Mask, Nearest
from assistant.parts import Part
from assistant.passages import Passage

T = TypeVar("T")


class ChromaDense:
    """Dense search in a Chroma collection, cosine space; raises IndexDamagedError where Chroma cannot search."""

    def __init__(
        self, collection: Any, keys: Sequence[str], documents: Sequence[str], folder: Path, copied: object
    ) -> None:
        self._collection = collection
        self._rows = {key: row for row, key in enumerate(keys)}
        self._documents = np.asarray(documents, dtype=object)
        self._folder = folder
        self._copied = copied  # what must live as long

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
_COLLECTION = "passages"
"""Name of the one collection in a folder of Chroma's."""
_GRAPH: dict[str, str | int] = {"space": "cosine", "ef_construction": 200, "ef_search": 400, "max_neighbors": 32}
"""High search effort: the answers then hardly differ from exact search, which is what a person can check."""


def open_vectors(chroma: Path, documents: Sequence[Document], columns: Columns, index: Path) -> ChromaDense:
    """Dense search in a folder of Chroma's; raises IndexDamagedError where it does not hold just these passages."""
    client, copied = _client_for_reading(chroma, index)
    return _open(ChromaDense, client, _COLLECTION, documents, columns, index, copied)


def open_server(url: str, generation: str, documents: Sequence[Document], columns: Columns, index: Path) -> ChromaDense:
    """Dense search at a server in the collection of a generation; raises as `open_vectors`, and IndexStateError."""
    return _open(ServerDense, _server(url), _named(generation), documents, columns, index, None)


def check_server(url: str, generation: str, passages: int, index: Path) -> None:
    """Raise IndexDamagedError where a server no longer has the vectors of a generation."""
    with _connected(url) as client:
        _collection(client, _named(generation), passages, index)


def _open(
    kind: type[ChromaDense],
    client: Any,
    name: str,
    documents: Sequence[Document],
    columns: Columns,
    index: Path,
    copied: object,
) -> ChromaDense:
    ids = [documents[row].id for row in columns.document.tolist()]
    keys = [_key(id, start) for id, start in zip(ids, columns.start.tolist(), strict=True)]
    try:
        dense = kind(_collection(client, name, len(ids), index), keys, ids, index, copied)
    except BaseException:
        _unused_clients.append(client)
        raise
    # Not closed by the finalizer itself: it may run inside Chroma, which holds a lock that cannot be taken twice.
    weakref.finalize(dense, _unused_clients.append, client).atexit = False
    return dense


def _collection(client: Any, name: str, passages: int, index: Path) -> Any:
    from chromadb.errors import ChromaError

    try:
        collection = client.get_collection(name, embedding_function=None)
        count = collection.count()
    except (ChromaError, ValueError) as error:
        raise _chroma_failed(index, error) from error
    if count != passages:
        raise damaged(index, f"Chroma holds {count} passages, the manifest names {passages}")
    return collection


def check_database(chroma: Path, expected: str, index: Path) -> None:
    """Raise IndexDamagedError where a folder of Chroma's has other rows than were written, or lists them wrongly."""
    with _database(chroma, index) as database:
        flaws = [str(flaw) for (flaw,) in database.execute("PRAGMA integrity_check(1)")]
    if flaws != ["ok"]:
        raise damaged(index, f"{chroma.name}/{DATABASE}: {flaws[0].splitlines()[-1]}")
    if database_digest(chroma, index) != expected:
        raise damaged(index, f"{chroma.name}/{DATABASE} is not as it was written")


def database_digest(chroma: Path, index: Path) -> str:
    """Digest of the rows from which Chroma answers; the file's bytes change whenever it is read."""
    with _database(chroma, index) as database:
        found = map(database.execute, _ANSWERED_FROM)
        groups = (rows for cursor in found for rows in iter(partial(cursor.fetchmany, 1_000), []))
        return digest(pieces=("".join(map(repr, rows)).encode("utf-8", errors="surrogatepass") for rows in groups))


@contextmanager
def _database(chroma: Path, index: Path) -> Iterator[sqlite3.Connection]:
    try:
        # Not mode=ro: where somebody was killed while reading, what he left must be rolled back first.
        place = f"{(chroma / DATABASE).absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(place, uri=True, timeout=60)) as database:
            yield database
    except sqlite3.Error as error:
        raise _chroma_failed(index, error) from error


DATABASE = "chroma.sqlite3"
"""Name of the database in a folder of Chroma's."""
_ANSWERED_FROM = (
    "SELECT id, name, dimension, config_json_str FROM collections ORDER BY id",
    "SELECT id, type, scope, collection FROM segments ORDER BY id",
    "SELECT id, segment_id, embedding_id FROM embeddings ORDER BY id",
    "SELECT id, key, string_value, int_value, float_value, bool_value FROM embedding_metadata"
    " WHERE key != 'chroma:document' ORDER BY id, key",
)
"""Older versions wrote the passages' words there too, and nothing of ours reads them there."""


# ── writing


def write_vectors(
    folder: Path, parts: Sequence[Part], old: Path | None, before: Mapping[str, Sequence[int]], index: Path
) -> None:
    """Write the vectors of the parts into a folder; those that are stored come from the old one.

    `before` says of each document in the old one where its passages begin.
    """
    from chromadb.errors import ChromaError

    if old:
        _copy_chroma(old, folder, index)
    client = _client(folder, index)
    try:
        collection = _collection_for_writing(client, 1 if old else _rows_together(_fresh_rows(parts)))
        _change_rows(collection, parts, before)
        count, expected = collection.count(), sum(len(part.passages) for part in parts)
        if count != expected:
            raise damaged(index, f"Chroma would hold {count} passages, expected {expected}")
    except ChromaError as error:
        raise unwritable(index, error) from error
    finally:
        with _chroma_clients:
            client.close()
    if not old:
        _compact(folder, index)


def _compact(folder: Path, index: Path) -> None:
    """Give back the room in the database where vectors waited for the graph to be written: more than the rows take."""
    compact = folder / "compact"
    _copy_database(folder, compact, index)
    with suppress(PermissionError):  # on Windows, where Chroma has not let go of it yet
        compact.replace(folder / DATABASE)
    compact.unlink(missing_ok=True)


def _collection_for_writing(client: Any, rows: int) -> Any:
    """The collection in a folder, whose graph is written to its files whenever so many rows have changed.

    In the end all rows must have gone there; else each reader adds the last ones anew, and writes to them.
    """
    graph = {"batch_size": 1, "sync_threshold": rows}
    collection = client.get_or_create_collection(
        _COLLECTION, embedding_function=None, configuration={"hnsw": _GRAPH | graph}
    )
    if collection.configuration_json["hnsw"]["sync_threshold"] != rows:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Chroma warns of how it wrote down that it embeds nothing itself
            _unlocked(lambda: collection.modify(configuration={"hnsw": graph}))  # heeded until the first row is written
    return collection


LOCKED_SECONDS = 30.0
"""Longest wait for a database that Chroma's own threads hold, which they may where the machine is busy."""


def _unlocked(change: Callable[[], None]) -> None:
    """Make a change, again where Chroma finds its database locked: SQLite does not wait where a reader turns writer."""
    from chromadb.errors import InternalError

    until = time.monotonic() + LOCKED_SECONDS
    while True:
        try:
            change()
        except InternalError as error:
            if "database is locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def write_server(url: str, generation: str, parts: Sequence[Part], old: str) -> None:
    """Write all vectors into a new collection, those that are stored from that of the old generation."""
    with _connected(url) as client:
        try:
            collection = client.create_collection(
                _named(generation), embedding_function=None, configuration={"hnsw": _GRAPH}
            )
            stored = client.get_collection(_named(old), embedding_function=None) if old else None
            _add_rows(collection, _fresh_rows(parts))
            for part in parts:
                if part.vectors is None:
                    _add_rows(collection, list(_moved_rows(stored, part)))
            count, expected = collection.count(), sum(len(part.passages) for part in parts)
        except Exception as error:  # whatever the client's HTTP library raises
            raise _unreachable(error) from error
    if count != expected:
        raise IndexStateError(f"the Chroma server holds {count} passages of {expected} written; try again")


def forget(url: str, generations: Sequence[str]) -> None:
    """Delete the collections of generations that are gone; one that stays costs room and nothing else."""
    if url and generations:
        with suppress(Exception), _connected(url) as client:
            for name in generations:
                with suppress(Exception):
                    client.delete_collection(_named(name))


def _copy_chroma(source: Path, target: Path, index: Path) -> None:
    """Copy a Chroma folder that readers may have open: they write to its database, so SQLite copies that itself."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(f"{DATABASE}*"))
    _copy_database(source, target / DATABASE, index)


def _copy_database(source: Path, target: Path, index: Path) -> None:
    """Copy the database in a folder of Chroma's without the room in it that is empty."""
    with _database(source, index) as database:
        database.execute("VACUUM INTO ?", (str(target),))


def _change_rows(collection: Any, parts: Sequence[Part], before: Mapping[str, Sequence[int]]) -> None:
    """Make the rows before those of the parts."""
    stay = {part.document.id for part in parts if part.stored_as == part.document.id}
    moved = [part for part in parts if part.stored_as not in (None, part.document.id)]
    # Read before anything goes: a file that was renamed takes its vectors along.
    rows = [*_fresh_rows(parts), *(row for part in moved for row in _moved_rows(collection, part))]
    gone = [_key(id, start) for id, starts in before.items() if id not in stay for start in starts]
    for keys in _batches(gone):
        collection.delete(ids=keys)
    together = _rows_together(rows)
    for first in range(0, len(rows) - together + 1, together):
        last = first + together
        _add_rows(collection, rows[first : last if last + together <= len(rows) else None])
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
            metadatas=[_metadata(document, passage) for document, passage, _ in batch],
        )


def _fresh_rows(parts: Sequence[Part]) -> list[tuple[Document, Passage, Any]]:
    """The rows of the parts whose vectors are stored nowhere yet."""
    return [
        (part.document, passage, vector)
        for part in parts
        if part.vectors is not None
        for passage, vector in zip(part.passages, part.vectors, strict=True)
    ]


def _moved_rows(collection: Any, part: Part) -> Iterator[tuple[Document, Passage, Any]]:
    for batch in _batches(part.passages):
        keys = [_key(part.stored_as or "", passage.start) for passage in batch]
        found = collection.get(ids=keys, include=["embeddings"])
        vectors = dict(zip(found["ids"], found["embeddings"], strict=True))
        for name, passage in zip(keys, batch, strict=True):
            yield part.document, passage, vectors[name]


def _rows_together(rows: Sequence[object]) -> int:
    """Rows after which a new graph is written to its files, the last time with what is left over.

    It is written whole each time: after each batch, that would take time by the square of the rows.
    """
    return len(rows) // (len(rows) // _WRITTEN_AFTER or 1) or 1


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """All items in as few calls as Chroma allows, of about the same size."""
    calls = -(-len(items) // _CHROMA_BATCH)
    bounds = [len(items) * call // calls for call in range(calls + 1)] if calls else []
    for first, last in pairwise(bounds):
        yield items[first:last]


_WRITTEN_AFTER = 50_000
"""Rows after which a new graph is written to its files, about; until then their vectors wait in the database."""
_CHROMA_BATCH = 5_000
"""Rows per call: Chroma refuses more than 5,461."""


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


# ── clients


def _client_for_reading(source: Path, index: Path) -> tuple[Any, object]:
    """A client of a Chroma folder, and what must live as long.

    Chroma writes to its database even to read it.  Where it cannot, on a full disk or a
    read-only one, it is given a copy among the temporary files.
    """
    try:
        return _client(source, index), None
    except IndexDamagedError:
        raise
    except IndexStateError:
        try:
            copied = _Copy(source)
        except OSError as error:
            raise unwritable(index, error) from error
        return _client(copied.folder, index), copied


class _Copy:
    """A copy of a folder among the temporary files, there as long as this is."""

    def __init__(self, source: Path) -> None:
        place = tempfile.mkdtemp(prefix="assistant-")
        weakref.finalize(self, shutil.rmtree, place, ignore_errors=True)
        self.folder = Path(place, source.name)
        shutil.copytree(source, self.folder)


def _client(folder: Path, index: Path) -> Any:
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


def _chroma_failed(folder: Path, error: Exception) -> IndexStateError:
    """What Chroma's failure means: a disk without room is no damage, and must not be mended as one."""
    if _NO_ROOM.search(str(error)):
        return unwritable(folder, error)
    return damaged(folder, f"Chroma: {type(error).__name__}: {error}")


_NO_ROOM = re.compile(r"disk is full|no space left|read-?only", re.IGNORECASE)
