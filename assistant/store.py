"""The store: the index in a folder, as a reader finds it.

It opens the generation that the pointer names, and tells of it without opening it; what changes
it stands in `update.py`.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from assistant.changes import Sources
from assistant.chroma import open_server, open_vectors
from assistant.corpus import READING_VERSION, Earlier
from assistant.damage import UNREADABLE, damaged
from assistant.embedding import Embedder
from assistant.errors import IndexDamagedError, IndexMismatchError, IndexMissingError
from assistant.generation import Generation, check_made_with, current_generation, has_index
from assistant.index import Index
from assistant.postings import Postings, open_postings
from assistant.settings import Settings


def newest_generation(folder: Path) -> str:
    """Name of the generation that is read now, to tell whether an open index is of it; empty where it cannot be told."""
    try:
        return current_generation(folder)
    except IndexDamagedError:
        return ""


def open_index(folder: Path, embedder: Embedder, settings: Settings) -> Index:
    """Open the index in a folder.

    Raises IndexMissingError, IndexMismatchError (another model or version) or IndexDamagedError.
    """
    return open_generation(Generation.read(folder), folder, embedder, settings)


def open_generation(generation: Generation, folder: Path, embedder: Embedder, settings: Settings) -> Index:
    """The index in a folder, of a generation that was read; raises as `open_index` does."""
    check_made_with(generation.manifest, embedder, settings, folder)
    own, documents, columns = generation.folder, generation.documents, generation.columns
    if settings.chroma_url:
        dense = open_server(settings.chroma_url, own.name, documents, columns, folder)
    else:
        dense = open_vectors(own / "chroma", documents, columns, folder)
    return Index(
        documents=documents,
        columns=columns,
        sentence_vectors=generation.sentence_vectors,
        dense=dense,
        lexical=_open_postings(generation, folder),
        made=generation.made,
        copy_of=generation.copy_of,
        generation=own.name,
        folder=folder,
        indexed={
            entry["id"]: datetime.fromisoformat(entry["indexed"])
            for entry in generation.manifest["documents"]
            if entry.get("indexed")
        },
        hold=generation.hold,
    )


def _open_postings(generation: Generation, folder: Path) -> Postings | None:
    if not generation.manifest["lexical"]:
        return None
    try:
        postings = open_postings(generation.folder / "bm25")
        count = len(postings)
    except UNREADABLE as error:
        raise damaged(folder, f"bm25: {type(error).__name__}: {error}") from error
    if count != len(generation.columns.start):
        raise damaged(folder, f"bm25 holds {count} passages, the manifest names {len(generation.columns.start)}")
    return postings


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the index in a folder, without opening it; raises IndexMissingError or IndexDamagedError."""
    return Generation.read(folder).manifest


def read_whole(folder: Path) -> Generation:
    """The generation that is read now, after every byte of it was looked at; raises as `open_index` does."""
    return Generation.read(folder, whole=True)


def read_sources(folder: Path) -> Sources:
    """The files that the index in a folder was made from; raises IndexMissingError or IndexDamagedError."""
    return Generation.read(folder).sources


def read_earlier(folder: Path) -> Earlier | None:
    """What was read when the index was made, so that only other files are read again; None where that is no use."""
    if not has_index(folder):
        return None
    try:
        generation = Generation.read(folder)
    except (IndexDamagedError, IndexMismatchError, IndexMissingError):
        return None
    if generation.manifest.get("reading") != READING_VERSION:
        return None
    return Earlier(
        files={file.path: file for file in generation.sources.files},
        documents={document.id: document for document in generation.documents},
    )
