"""Generations: the index as it lies on disk.

Each change makes a new generation beside the old one and then swaps the pointer `current` (see
`docs/decisions/0002-index-generations.md`), so a reader never sees half an index, and a
generation stays as long as somebody reads it.

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
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from assistant.changes import Sources
from assistant.chroma import DATABASE, check_database, database_digest, forget, write_server, write_vectors
from assistant.copies import SIGNATURE, Signatures, group, sign
from assistant.corpus import READING_VERSION
from assistant.damage import UNREADABLE, damaged, digest, seal, unseal, unwritable
from assistant.documents import Document, content_hash
from assistant.embedding import Embedder
from assistant.errors import IndexDamagedError, IndexMismatchError, IndexMissingError
from assistant.hold import Hold, remove_unused
from assistant.index import Columns, columns_of
from assistant.parts import Part
from assistant.postings import make_postings, open_postings
from assistant.sentences import SPLITTER_VERSION
from assistant.settings import Settings
from assistant.terms import TERMS_VERSION

T = TypeVar("T")

FORMAT = 4
"""Version of the layout on disk."""
READABLE = (2, 3, FORMAT)
"""Layouts that can be read; the second had no sources.json, the third no digests."""
CHECKED_AT_OPENING = 32_000_000
"""Bytes of the largest file whose digest is looked at whenever the index is opened, 35 ms; larger ones are read in
full by `assistant status`, `assistant doctor`, the chat page and each update; indexes of some 500 articles have none."""


@dataclass(slots=True)
class Generation:
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
    hold: Hold
    """Keeps the generation from being removed."""

    @classmethod
    def read(cls, folder: Path, *, whole: bool = False) -> "Generation":
        """The current generation; with `whole`, every byte of it is looked at, however many there are.

        Raises IndexMissingError, IndexMismatchError or IndexDamagedError.
        """
        return _of_current(folder, lambda own: cls._read(folder, own, whole))

    @classmethod
    def _read(cls, folder: Path, own: Path, whole: bool) -> "Generation":
        try:
            hold = Hold(own)
            manifest, texts = _checked(folder, own, None if whole else CHECKED_AT_OPENING)
            documents = _documents(texts)
            with np.load(own / "columns.npz") as arrays:
                columns = Columns(**{name: arrays[name] for name in arrays.files})
            vectors = np.load(own / "sentences.npy", mmap_mode="r")
            made = datetime.fromisoformat(manifest["made"])
            layout = manifest["format"]
            sources = _read_sources(own, sealed=layout == FORMAT) if layout > 2 else Sources()
            signatures = np.load(own / "signatures.npy") if layout > 2 else None
            copy_of = np.load(own / "copies.npy") if layout > 2 else None
            generation = cls(own, manifest, documents, columns, vectors, signatures, copy_of, sources, made, hold)
            flaw = generation._flaw()
        except UNREADABLE as error:
            raise damaged(folder, f"{type(error).__name__}: {error}") from error
        if flaw:
            raise damaged(folder, flaw)
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

    def parts(self) -> Iterable[Part]:
        bounds = np.searchsorted(self.columns.document, np.arange(len(self.documents) + 1))
        for row, document in enumerate(self.documents):
            first, last = int(bounds[row]), int(bounds[row + 1])
            own = slice(self.columns.first_sentence[first], self.columns.first_sentence[last])
            passages = self.columns.passages(first, last, document)
            data = self.manifest["documents"][row]["hash"]
            signature = None if self.signatures is None else self.signatures[row : row + 1]
            yield Part(document, passages, None, self.sentence_vectors[own], document.id, data, signature, first)

    def starts(self) -> dict[str, list[int]]:
        """Where the passages of each document begin."""
        bounds = np.searchsorted(self.columns.document, np.arange(len(self.documents) + 1)).tolist()
        return {
            document.id: self.columns.start[first:last].tolist()
            for document, (first, last) in zip(self.documents, pairwise(bounds), strict=True)
        }


def check_generation(folder: Path) -> None:
    """Look at every byte of the current generation, and keep none; raises as `Generation.read` does."""

    def check(own: Path) -> None:
        try:
            hold = Hold(own)
            _checked(folder, own, None)
            del hold
        except UNREADABLE as error:
            raise damaged(folder, f"{type(error).__name__}: {error}") from error

    _of_current(folder, check)


def _of_current(folder: Path, read: Callable[[Path], T]) -> T:
    """What is read of the folder of the current generation."""
    while True:
        if not has_index(folder):
            raise IndexMissingError(f"there is no index in {folder}; make one with: assistant index PATH")
        name = current_generation(folder)
        try:
            return read(folder / "generations" / name)
        except IndexDamagedError:
            if current_generation(folder) == name:
                raise
            # A writer went on to the next generation, and removed this one before it was held.


def _checked(folder: Path, own: Path, most: int | None) -> tuple[dict[str, Any], bytes]:
    """The manifest and the articles of a generation, once files of at most so many bytes are as they were written."""
    manifest = _read_manifest(own)
    if manifest["format"] not in READABLE:
        raise IndexMismatchError(
            f"the index in {folder} has layout {manifest['format']}, this version reads {FORMAT}; "
            "make it anew with: assistant index --rebuild PATH"
        )
    for name, size in manifest["files"].items():
        if (found := (own / name).stat().st_size) < size:
            raise damaged(folder, f"{name} has {found:,} bytes, {size:,} were written")
    _check_digests(own, manifest, folder, most)
    texts = (own / "documents.jsonl").read_bytes()
    if hashlib.sha256(texts).hexdigest() != manifest["documents_sha256"]:
        raise damaged(folder, "documents.jsonl is not as it was written")
    return manifest, texts


def _read_manifest(own: Path) -> dict[str, Any]:
    manifest, sealed = _unsealed(own / "manifest.json")
    if manifest["format"] == FORMAT and not sealed:
        raise ValueError("manifest.json is not as it was written")
    return manifest


def _unsealed(path: Path) -> tuple[dict[str, Any], bool]:
    try:
        return unseal(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path.name} is not as it was written") from error


def _check_digests(own: Path, manifest: dict[str, Any], folder: Path, most: int | None) -> None:
    """Raise IndexDamagedError for a file of at most so many bytes that is not as it was written."""
    for name, expected in manifest.get("digests", {}).items():
        path = own / name
        if most is not None and path.stat().st_size > most:
            continue
        if path.name == DATABASE:
            check_database(path.parent, expected, folder)
        elif digest(path=path) != expected:
            raise damaged(folder, f"{name} is not as it was written")


def _digests(own: Path, folder: Path) -> dict[str, str]:
    """Digests of the files of a generation that have none elsewhere."""
    names = [path for path in sorted(own.rglob("*")) if path.is_file() and path.name not in _DIGEST_ELSEWHERE]
    return {
        path.relative_to(own).as_posix(): database_digest(path.parent, folder)
        if path.name == DATABASE
        else digest(path=path)
        for path in names
    }


_DIGEST_ELSEWHERE = ("in-use", "documents.jsonl", "manifest.json", "sources.json")
"""Nothing is in the first, the manifest has that of the second, and the last two are sealed."""


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


def stored_articles(folder: Path) -> "Stored | None":
    """The articles of a damaged index, from the newest generation whose copy of them is whole; None where none is."""
    with suppress(OSError):
        names = [path.name for path in (folder / "generations").iterdir() if _GENERATION.fullmatch(path.name)]
        newest = _newest_first(names)
        with suppress(IndexDamagedError):
            newest.insert(0, current_generation(folder))
        for name in newest:
            with suppress(*UNREADABLE):
                return Stored.read(folder / "generations" / name)
    return None


@dataclass(frozen=True, slots=True)
class Stored:
    """What of a generation does not depend on a model."""

    documents: list[Document]
    sources: Sources

    @classmethod
    def read(cls, own: Path) -> "Stored":
        """Raises one of UNREADABLE where the articles are not as they were written."""
        texts = (own / "documents.jsonl").read_bytes()
        # Looked for in its bytes: a manifest that is damaged elsewhere can still vouch for the articles.
        if hashlib.sha256(texts).hexdigest().encode("ascii") not in (own / "manifest.json").read_bytes():
            raise ValueError("documents.jsonl is not as it was written")
        documents = _documents(texts)
        sources = Sources()
        with suppress(*UNREADABLE):
            sources = _read_sources(own)
        return cls(documents, sources)


def _documents(texts: bytes) -> list[Document]:
    """What documents.jsonl holds."""
    return [Document(**json.loads(line)) for line in texts.decode("utf-8").split("\n") if line]


def write_sources(own: Path, sources: Sources) -> None:
    """Write down which files a generation was made from; the one thing in it that changes."""
    new = own / "sources.new"
    new.write_bytes(seal(sources.to_dict()))
    new.replace(own / "sources.json")


def _read_sources(own: Path, *, sealed: bool = False) -> Sources:
    values, is_sealed = _unsealed(own / "sources.json")
    if sealed and not is_sealed:
        raise ValueError("sources.json is not as it was written")
    return Sources.from_dict(values)


def has_index(folder: Path) -> bool:
    """Whether a folder holds a finished index."""
    return (folder / "current").is_file()


def current_generation(folder: Path) -> str:
    """The name that the pointer gives; raises IndexDamagedError where it gives none."""
    try:
        name = (folder / "current").read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise damaged(folder, f"{type(error).__name__}: {error}") from error
    if not _GENERATION.fullmatch(name):
        raise damaged(folder, f"'current' is {name[:40]!r}, which names no generation")
    return name


_GENERATION = re.compile(r"(\d{6,})(?:-[0-9a-f]{8})?")


def _newest_first(names: Iterable[str]) -> list[str]:
    numbered = [(int(found[1]), name) for name in names if (found := _GENERATION.fullmatch(name))]
    return [name for _, name in sorted(numbered, reverse=True)]


def made_with(embedder: Embedder, settings: Settings) -> dict[str, Any]:
    """All on which passages and vectors depend beside the articles."""
    return {
        "embedder": embedder.name,
        "fingerprint": embedder.fingerprint,
        "dimension": embedder.dimension,
        "splitter": SPLITTER_VERSION,
        "terms": TERMS_VERSION,
        "passage_tokens": settings.passage_tokens,
        "overlap_tokens": settings.overlap_tokens,
    }


def check_made_with(manifest: dict[str, Any], embedder: Embedder, settings: Settings, folder: Path) -> None:
    """Raise IndexMismatchError where an index was made with something else."""
    expected = made_with(embedder, settings)
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


# ── writing


def write_generation(
    folder: Path,
    parts: Sequence[Part],
    embedder: Embedder,
    settings: Settings,
    old: Generation | None,
    sources: Sources,
) -> None:
    """Write the parts as a generation behind the old one, and lead readers to it.

    Raises IndexStateError where the disk or the server does not take it; then nothing of it stays.
    """
    generations = folder / "generations"
    own = generations / _next_name(generations)
    before = ""
    with suppress(IndexDamagedError):  # where all is made anew
        before = current_generation(folder)
    try:
        own.mkdir(parents=True)
        (own / "in-use").touch()
        columns = columns_of(parts)
        np.savez(own / "columns.npz", **asdict(columns))
        _save_rows(own / "sentences.npy", [part.sentence_vectors for part in parts], embedder.dimension)
        signed = [sign([part.document.text]) if part.signature is None else part.signature for part in parts]
        signatures = np.concatenate([sign([]), *signed])
        np.save(own / "signatures.npy", signatures)
        np.save(own / "copies.npy", group(signatures))
        texts = "".join(json.dumps(asdict(part.document), default=str) + "\n" for part in parts).encode("ascii")
        (own / "documents.jsonl").write_bytes(texts)
        write_sources(own, sources)
        held = old and old.manifest["lexical"]
        lexical = make_postings(parts, open_postings(old.folder / "bm25") if old and held else None)
        if lexical is not None:
            lexical.save(own / "bm25")
        # Chroma writes a graph that was emptied once more when it is opened, and shorter: so it is made anew.
        emptied = not any(part.passages for part in parts)
        if settings.chroma_url:
            write_server(settings.chroma_url, own.name, parts, old.folder.name if old else "")
        else:
            kept = None if emptied else old
            stored = kept.folder / "chroma" if kept else None
            write_vectors(own / "chroma", parts, stored, kept.starts() if kept else {}, folder)
        made = datetime.now(UTC).isoformat(timespec="seconds")
        indexed = {entry["id"]: entry.get("indexed") for entry in old.manifest["documents"]} if old else {}
        manifest = {
            "format": FORMAT,
            "made": made,
            "made_with": made_with(embedder, settings),
            "passages": len(columns.start),
            "sentences": len(columns.sentence_start),
            "lexical": lexical is not None,
            "server": bool(settings.chroma_url),
            "undated": sum(part.document.published is None for part in parts),
            "files": {
                path.relative_to(own).as_posix(): path.stat().st_size
                for path in sorted(own.rglob("*"))
                if path.is_file() and path.name != "sources.json"  # which changes, if a file is only touched
            },
            "digests": _digests(own, folder),
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
        (own / "manifest.json").write_bytes(seal(manifest))
        pointer = folder / "current.new"
        pointer.write_text(own.name, encoding="ascii")
        _flush(own, pointer)
        pointer.replace(folder / "current")
        _flush_folder(folder)
    except BaseException as error:
        shutil.rmtree(own, ignore_errors=True)
        forget(settings.chroma_url, [own.name])
        if isinstance(error, OSError):
            raise unwritable(folder, error) from error
        raise
    # The one before stays, for readers of old versions and for those who just read the pointer.
    others = [path for path in generations.iterdir() if _GENERATION.match(path.name)]
    for path in others:
        if path.name not in (own.name, before):
            remove_unused(path)
    forget(settings.chroma_url, [path.name for path in others if not path.exists()])


def _save_rows(path: Path, pieces: Sequence[NDArray[np.float16]], width: int) -> None:
    """Write rows as numpy.save does, piece by piece: together they may be larger than the memory."""
    shape = (sum(len(piece) for piece in pieces), width)
    with path.open("wb") as file:
        header = {"descr": np.dtype(np.float16).str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for piece in pieces:
            file.write(piece.tobytes())


def _next_name(generations: Path) -> str:
    """A name behind all there are, and never used before: Chroma keeps what it knows of a path in memory."""
    names = [path.name for path in generations.iterdir()] if generations.is_dir() else []
    numbers = [int(found[1]) for name in names if (found := _GENERATION.match(name))]
    return f"{max(numbers, default=0) + 1:06d}-{secrets.token_hex(4)}"


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
