"""Corpus: the articles of folders, files, globs and archives, and what could not be read of them.

A folder is what people have: with broken files, other formats, links and archives in it.  One
bad file never stops the rest; it is named with the reason.  Ids come from paths below the
folder that was named, so they are the same on every machine.
"""

import errno
import glob
import hashlib
import os
import stat
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from assistant.archive import members, open_archive, read_member
from assistant.child import Child
from assistant.decoding import decode
from assistant.documents import Document, describe, gather
from assistant.docx import read_docx
from assistant.errors import CorpusError, DuplicateIdError
from assistant.extract import Extract, Flaw, Reader, UnreadableError, too_large
from assistant.feed import read_feed
from assistant.header import read_header
from assistant.pdf import read_pdf
from assistant.rows import read_csv, read_jsonl
from assistant.settings import PDF_SECONDS
from assistant.webpage import read_webpage

READING_VERSION = 1
"""Raised whenever the same file gives another document, so that files read before are read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A file, or a part of one, that was found and could not be read as an article."""

    path: str
    """The path as it was reached from the path given; what lies in an archive stands behind the archive's name."""
    reason: str
    """What was found, and what to do where something can be done."""
    part: str = ""
    """Which part of the file, where the rest was read: "row 7"."""
    foreign: bool = False
    """Whether it is of a format that holds no articles: a picture, a style sheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file that was looked at, so that a later run can tell whether it is another now."""

    root: str
    """The folder that was named, absolute, with links followed."""
    name: str
    """Its path below that folder, POSIX."""
    size: int
    """Bytes."""
    modified: int
    """When it was last changed, in nanoseconds since 1970."""
    settled: bool
    """Whether that was some seconds before it was read: a change within a clock's tick leaves the time as it was."""
    digest: str
    """SHA-256 of its bytes, hex; empty where they could not be read."""
    documents: tuple[str, ...]
    """Ids of the articles read from it, also of those that are another's alias."""
    flaws: tuple[Unread, ...] = ()
    """What could not be read of it."""
    left: tuple[str, ...] = ()
    """Ids of articles that were read from it once, are no longer in it, and are in the index still."""

    @property
    def path(self) -> Path:
        return Path(self.root, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What was read, and what was not."""

    documents: list[Document]
    """The articles, described, in the order of their ids."""
    unread: list[Unread]
    """Files left out, in the order of their paths."""
    files: list[SourceFile] = field(default_factory=list)
    """The files that were looked at, in the order of their roots and names."""
    roots: list[str] = field(default_factory=list)
    """The folders that were named, absolute; files and globs are not among them."""
    closed: list[str] = field(default_factory=list)
    """Folders below these that could not be opened, absolute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What an earlier run read: files that did not change since are taken from it."""

    files: Mapping[Path, SourceFile]
    """By absolute path."""
    documents: Mapping[str, Document]
    """By id, aliases not among them."""


def read_corpus(*paths: str | Path, earlier: Earlier | None = None, pdf_seconds: float = PDF_SECONDS) -> Corpus:
    """Read articles from folders, files and globs (`**` too).

    A PDF that is not read within `pdf_seconds` is left out.  Raises CorpusError for a path that does not
    exist and where no article can be read, DuplicateIdError where two files would have one id.
    """
    if not paths:
        raise CorpusError("no path was given, expected a folder, a file or a glob of articles")
    places = [_find(path) for path in paths]
    found = _once([file for place in places for file in place.files])
    leaves = {file: list(_leaves(file)) for file in found}
    ids = _ids([leaf for own in leaves.values() for leaf in own])
    documents: dict[str, Document] = {}
    unread = [note for place in places for note in place.unread]
    files: list[SourceFile] = []
    read: set[Path] = set()
    for file, taken in _take_all(found, leaves, ids, earlier, pdf_seconds):
        fresh = {document.id: document for document in taken.documents if document.id not in documents}
        documents |= fresh
        twice = [document for document in taken.documents if document.id not in fresh]
        flaws = [*taken.flaws, *(_twice(file, document) for document in twice)]
        unread.extend(flaws)
        if fresh:
            read.add(file.real)
        files.append(replace(taken.source, documents=tuple(fresh), flaws=tuple(flaws)))
    notes = sorted(set(unread), key=lambda note: (note.path, note.part, note.reason))
    for place in places:
        # One bad file among several is a note; a folder with nothing in it is the wrong folder.
        if (place.folder or not read) and not any(file.real in read for file in place.files):
            raise CorpusError(_nothing_read(place, notes))
    return Corpus(
        documents=gather(documents[id] for id in sorted(documents)),
        unread=notes,
        files=sorted(files, key=lambda file: (file.root, file.name)),
        roots=sorted({place.root.as_posix() for place in places if place.root}),
        closed=sorted({folder.as_posix() for place in places for folder in place.closed}),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What lies below folders, unread."""

    files: dict[Path, os.stat_result]
    """The files that `read_corpus` would look at, by absolute path; none of a folder that is gone."""
    unread: list[Unread]
    """Links that lead nowhere or out of the folder, and folders that cannot be opened."""
    closed: list[Path]
    """Folders that cannot be opened, absolute."""


def find_files(*roots: str) -> Found:
    """Look at what lies below folders, and open none of it."""
    places = {root: _find_in_folder(root, Path(root)) for root in roots if Path(root).is_dir()}
    files: dict[Path, os.stat_result] = {}
    for root, place in places.items():
        for file in _once(place.files):
            with suppress(OSError):
                files[Path(root, file.name)] = file.path.stat()
    return Found(
        files,
        [note for place in places.values() for note in place.unread],
        [folder for place in places.values() for folder in place.closed],
    )


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hex; empty where it cannot be read as a file of articles."""
    try:
        return _digest(path, path.stat())
    except (OSError, UnreadableError):
        return ""


# ---- one file


class _File(NamedTuple):
    path: Path
    """As reached from the path given."""
    relative: str
    """POSIX, NFC, from the folder that was named."""
    real: Path
    """With links followed: two files are the same where these are equal."""
    root: Path
    """The folder that was named, with links followed."""
    name: str
    """The relative path as the disk has it, which need not be NFC."""

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.relative).suffix.lower()


class _Leaf(NamedTuple):
    """What one reader reads: a file, or a file in an archive."""

    file: _File
    relative: str
    member: str | None
    """Its name in the archive."""

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.relative).suffix.lower()


class _Reading(NamedTuple):
    """How the files of one run are read."""

    readers: Mapping[str, Reader]
    earlier: Earlier | None
    late: str
    """What is said of a file whose reading takes too long."""


class _Taken(NamedTuple):
    source: SourceFile
    documents: list[Document]
    flaws: list[Unread]


def _leaves(file: _File) -> Iterator[_Leaf]:
    """The file itself, or the files of an archive; none where it cannot be opened, which reading it will say."""
    if file.suffix != ARCHIVE:
        yield _Leaf(file, file.relative, None)
        return
    with suppress(UnreadableError, OSError):
        if stat.S_ISREG(file.path.stat().st_mode):
            with open_archive(file.path) as archive:
                names = [member.name for member in members(archive) if not member.reason]
            for name in names:
                yield _Leaf(file, unicodedata.normalize("NFC", f"{file.relative}/{name}"), name)


def _take_all(
    files: list[_File],
    leaves: Mapping[_File, list[_Leaf]],
    ids: Mapping[_Leaf, str],
    earlier: Earlier | None,
    pdf_seconds: float,
) -> Iterator[tuple[_File, _Taken]]:
    with Child(read_pdf, pdf_seconds, "ASSISTANT_PDF_SECONDS") as child:
        reading = _Reading(READERS | {".pdf": child.read}, earlier, child.late)
        for file in files:
            yield file, _take(file, leaves[file], ids, reading)


def _take(file: _File, leaves: list[_Leaf], ids: Mapping[_Leaf, str], reading: _Reading) -> _Taken:
    """The articles of a file, from the earlier run where it is unchanged."""
    earlier, readers = reading.earlier, reading.readers
    before = earlier.files.get(Path(file.root, file.name)) if earlier else None
    source = SourceFile(
        root=_shown(file.root.as_posix()),
        name=_shown(file.name),
        size=0,
        modified=0,
        settled=False,
        digest="",
        documents=(),
    )
    try:
        file.relative.encode("utf-8")
        status = file.path.stat()
        settled = time.time_ns() - status.st_mtime_ns > SETTLED_NS
        source = replace(source, size=status.st_size, modified=status.st_mtime_ns, settled=settled)
        if before and before.settled and (before.size, before.modified) == (source.size, source.modified):
            source = replace(source, digest=before.digest)
        else:
            source = replace(source, digest=_digest(file.path, status))
        known = _known(before, source, leaves, ids, earlier)
        if known is not None and before is not None:
            return _Taken(source, known, list(before.flaws))
        if before and before.digest == source.digest != "" and any(f.reason == reading.late for f in before.flaws):
            return _Taken(source, [], list(before.flaws))  # it would take too long again
        archived = file.suffix == ARCHIVE
        read = list(
            _read_archive(file, leaves, ids, readers) if archived else _read_leaf(leaves[0], ids, readers, None)
        )
    except UnreadableError as error:
        foreign = file.suffix not in READERS and file.suffix != ARCHIVE
        return _Taken(source, [], [Unread(path=_shown(file.path.as_posix()), reason=str(error), foreign=foreign)])
    except OSError as error:
        return _Taken(source, [], [Unread(path=_shown(file.path.as_posix()), reason=_os_reason(error))])
    except UnicodeEncodeError:
        return _Taken(
            source, [], [Unread(path=_shown(file.path.as_posix()), reason="its name is not UTF-8: rename it")]
        )
    documents = [item for item in read if isinstance(item, Document)]
    return _Taken(source, documents, [item for item in read if isinstance(item, Unread)])


def _known(
    before: SourceFile | None,
    source: SourceFile,
    leaves: list[_Leaf],
    ids: Mapping[_Leaf, str],
    earlier: Earlier | None,
) -> list[Document] | None:
    """The articles as they were read before; None where the file, or what its articles are called, is another now."""
    if not before or not earlier or not before.digest or before.digest != source.digest or not before.documents:
        return None
    names = [ids[leaf] for leaf in leaves]
    for id in before.documents:
        if id not in earlier.documents or not any(id == name or id.startswith(f"{name}#") for name in names):
            return None
    # Which other articles are the same is found out anew.
    return [replace(earlier.documents[id], aliases=()) for id in before.documents]


def _read_archive(
    file: _File, leaves: list[_Leaf], ids: Mapping[_Leaf, str], readers: Mapping[str, Reader]
) -> Iterator[Document | Unread]:
    by_name = {leaf.member: leaf for leaf in leaves}
    with open_archive(file.path) as archive:
        for member in members(archive):
            path = _shown(f"{file.path.as_posix()}/{member.name}")
            if member.reason:
                yield Unread(path=path, reason=member.reason)
                continue
            leaf = by_name[member.name]
            try:
                if leaf.suffix == ARCHIVE:
                    raise UnreadableError("an archive inside an archive: unpack it")
                yield from _read_leaf(leaf, ids, readers, lambda member=member: read_member(archive, member.info))  # type: ignore[misc]
            except UnreadableError as error:
                yield Unread(path=path, reason=str(error), foreign=leaf.suffix not in (*READERS, ARCHIVE))


def _read_leaf(
    leaf: _Leaf, ids: Mapping[_Leaf, str], readers: Mapping[str, Reader], member: Callable[[], bytes] | None
) -> Iterator[Document | Unread]:
    """The articles of a file, or of a file in an archive; raises UnreadableError where it is none."""
    if leaf.suffix not in READERS:
        known = ", ".join(sorted((*READERS, ARCHIVE)))
        raise UnreadableError(
            f"format {leaf.suffix} is not read" if leaf.suffix else f"no suffix, expected one of {known}"
        )
    data = member() if member else _bytes(leaf.file.path)
    if not data:
        raise UnreadableError("empty")
    path = leaf.file.path.as_posix() + (f"/{leaf.member}" if leaf.member else "")
    for item in readers[leaf.suffix](data):
        if isinstance(item, Flaw):
            yield Unread(path=_shown(path), reason=item.reason, part=item.part)
        else:
            yield _document(ids[leaf], leaf.relative, item)


def _document(id: str, path: str, extract: Extract) -> Document:
    author, published, title = extract.author, extract.published, extract.title
    if extract.of_file:
        header = read_header(extract.text, "")
        author, published = header.author or author, header.published or published
        title = header.title or title
    described = describe(
        Document(
            id=f"{id}#{extract.key}" if extract.key else id,
            text=extract.text,
            title=title,
            author=author,
            published=published,
            source=extract.source,
            url=extract.url,
            path=path,
            pages=extract.pages,
        )
    )
    return replace(described, source=described.source or path)


def _bytes(path: Path) -> bytes:
    _check_file(path)
    return path.read_bytes()


def _digest(path: Path, status: os.stat_result) -> str:
    suffix = path.suffix.lower()
    if suffix in READERS:
        return hashlib.sha256(_bytes(path)).hexdigest()
    if suffix != ARCHIVE:
        return ""
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableError("not a regular file")
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _check_file(path: Path) -> None:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableError("not a regular file")
    if reason := too_large(path.name, status.st_size):
        raise UnreadableError(reason)


def _twice(file: _File, document: Document) -> Unread:
    path = _shown(file.path.as_posix())
    return Unread(path=path, reason=f"its id {document.id!r} is that of another article: rename the file")


def _shown(path: str) -> str:
    """A path that can be printed and kept: a name need not be text."""
    return path.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")


def read_text(data: bytes) -> Iterator[Extract | Flaw]:
    """A plain text is one article; raises UnreadableError where there is nothing but white space."""
    text = decode(data)
    if not text.strip():
        raise UnreadableError("empty: it has no characters but white space" if text else "empty")
    yield Extract(text=text)


# ---- finding files


class _Place(NamedTuple):
    given: str
    root: Path | None
    """The folder, with links followed, where it is one; it must hold an article."""
    files: list[_File]
    unread: list[Unread]
    closed: list[Path]
    """Folders below the root that cannot be opened."""

    @property
    def folder(self) -> bool:
        return self.root is not None


def _find(given: str | Path) -> _Place:
    path = Path(given).expanduser()
    try:
        if path.is_dir():
            return _find_in_folder(str(given), path)
        if path.exists():
            return _Place(str(given), None, [_file(path, path.parent)], [], [])
    except OSError as error:
        raise CorpusError(f"{str(given)!r} cannot be opened ({error.strerror}): check the path") from None
    if not glob.has_magic(str(path)):
        raise CorpusError(f"{str(given)!r} does not exist, expected a folder, a file or a glob: check the path")
    parts = path.parts
    fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:fixed]) if fixed else Path()
    matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))
    indexes = {folder for folder in {parent for match in matches for parent in match.parents} if _is_index(folder)}
    files = [_file(match, base) for match in matches if not match.is_dir() and indexes.isdisjoint(match.parents)]
    if not files:
        raise CorpusError(f"the glob {str(given)!r} matches no file: check the pattern")
    return _Place(str(given), None, files, [], [])


def _find_in_folder(given: str, folder: Path) -> _Place:
    unread: list[Unread] = []
    files: list[_File] = []
    links: list[_File] = []
    closed: list[Path] = []
    root = folder.resolve()

    def note(path: Path, reason: str) -> None:
        unread.append(Unread(path=_shown(path.as_posix()), reason=reason))

    def refused(error: OSError) -> None:
        note(Path(error.filename), _os_reason(error))
        closed.append(root / Path(error.filename).relative_to(folder))

    for parent, folders, names in os.walk(folder, onerror=refused):
        if _is_index(Path(parent)):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not _of_a_page(name, names))
        linked = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in sorted([*names, *linked]):
            path = Path(parent) / name
            if name.startswith("."):
                continue
            if not path.is_symlink():
                files.append(_file(path, folder))
            elif not path.exists():
                note(path, _dead_link(path))
            elif not path.resolve().is_relative_to(root):
                note(path, f"a link that leaves the folder {given!r}: name its target as a path of its own")
            elif path.is_file():
                links.append(_file(path, folder))
    in_order = [*sorted(files, key=lambda file: file.relative), *sorted(links, key=lambda file: file.relative)]
    return _Place(given, root, in_order, unread, closed)


def _is_index(folder: Path) -> bool:
    """Whether an index of ours lies in a folder: its own copy of the articles would else be read, and grow by each run."""
    return (folder / "lock").is_file() and (folder / "generations").is_dir()


def _of_a_page(folder: str, names: list[str]) -> bool:
    """Whether a browser made the folder beside a page that it saved: scripts, pictures and frames of advertisers."""
    stem, mark, _ = folder.rpartition("_files")
    return bool(mark) and folder.endswith(mark) and any(f"{stem}{suffix}" in names for suffix in (".html", ".htm"))


def _dead_link(path: Path) -> str:
    try:
        path.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return _os_reason(error)
    return "a link to nothing: mend or remove it"


def _file(path: Path, base: Path) -> _File:
    name = path.relative_to(base).as_posix()
    return _File(path, unicodedata.normalize("NFC", name), path.resolve(), base.resolve(), name)


def _once(files: list[_File]) -> list[_File]:
    by_real: dict[Path, _File] = {}
    for file in files:
        by_real.setdefault(file.real, file)
    return list(by_real.values())


def _ids(leaves: list[_Leaf]) -> dict[_Leaf, str]:
    """An id for each file: its relative path, with the suffix or the folder's name where needed to tell two apart."""
    articles = [leaf for leaf in leaves if leaf.suffix in READERS]
    names = Counter((leaf.file.root, _without_suffix(leaf.relative)) for leaf in articles)
    ids = {
        leaf: leaf.relative
        if names[leaf.file.root, _without_suffix(leaf.relative)] > 1
        else _without_suffix(leaf.relative)
        for leaf in articles
    }
    shared = Counter(ids.values())
    ids = {leaf: _in_folder(leaf.file, id) if shared[id] > 1 else id for leaf, id in ids.items()}
    users: dict[str, list[_Leaf]] = defaultdict(list)
    for leaf, id in ids.items():
        users[id].append(leaf)
    for id, sharing in users.items():
        if len(sharing) > 1:
            paths = " and ".join(repr(_shown(leaf.file.path.as_posix())) for leaf in sharing[:2])
            raise DuplicateIdError(f"{paths} would both have the id {id!r}: rename one, or read a folder above both")
    return {leaf: ids.get(leaf, leaf.relative) for leaf in leaves}


def _in_folder(file: _File, id: str) -> str:
    return f"{unicodedata.normalize('NFC', file.root.name)}/{id}"


def _without_suffix(relative: str) -> str:
    return relative[: -len(Path(relative).suffix)] if Path(relative).suffix else relative


def _os_reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "a link that leads back to itself: remove it"
    if isinstance(error, PermissionError):
        return "permission denied: make it readable"
    return f"cannot be opened: {error.strerror or error}"


def _lies_in(path: str, file: str) -> bool:
    return path == file or path.startswith(f"{file}/")


def _nothing_read(place: _Place, notes: list[Unread]) -> str:
    own = {_shown(file.path.as_posix()) for file in place.files} | {note.path for note in place.unread}
    reasons = [f"{note.path!r}: {note.reason}" for note in notes if any(_lies_in(note.path, path) for path in own)]
    more = f"; and {len(reasons) - 5} more" if len(reasons) > 5 else ""
    unread = f" Not read: {'; '.join(reasons[:5])}{more}." if reasons else ""
    known = " or ".join(sorted((*READERS, ARCHIVE)))
    return f"{place.given!r} has no article that can be read, expected {known} files with text: add some.{unread}"


READERS: dict[str, Reader] = {
    ".txt": read_text,
    ".md": read_text,
    ".html": read_webpage,
    ".htm": read_webpage,
    ".xhtml": read_webpage,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".rss": read_feed,
    ".atom": read_feed,
    ".xml": read_feed,
}
"""How the bytes of a file become articles, by suffix in lower case."""
ARCHIVE = ".zip"
"""Suffix of the archives that are looked into."""
SETTLED_NS = 2_000_000_000
"""Some file systems count in steps of two seconds."""
