"""Changes: what differs between the files that an index was made from and those that are there now."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from assistant.corpus import ARCHIVE, READERS, Corpus, Found, SourceFile, Unread, file_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the articles of an index come from."""

    files: tuple[SourceFile, ...] = ()
    """The files that were looked at."""
    roots: tuple[str, ...] = ()
    """The folders that were named, absolute; a file or glob that was named has none here."""
    closed: tuple[str, ...] = ()
    """Folders below these that this run could not open, absolute: of their files nothing is known, so they stay."""

    @classmethod
    def of(cls, corpus: Corpus) -> "Sources":
        """The sources of a corpus that was read."""
        return cls(files=tuple(corpus.files), roots=tuple(corpus.roots), closed=tuple(corpus.closed))

    def to_dict(self) -> dict[str, Any]:
        return {"roots": self.roots, "files": [asdict(file) for file in self.files]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Sources":
        """The inverse of `to_dict`; raises KeyError or TypeError for anything else."""
        return cls(roots=tuple(data["roots"]), files=tuple(_file(entry) for entry in data["files"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a run of `assistant index` would find."""

    new: list[str] = field(default_factory=list)
    """Files that were not there, or not seen, by path."""
    changed: list[str] = field(default_factory=list)
    """Files whose bytes are others."""
    gone: list[str] = field(default_factory=list)
    """Files that are no longer there."""
    missing: list[str] = field(default_factory=list)
    """Folders that are no longer there; their files are not counted as gone."""

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone or self.missing)


def find_changes(sources: Sources, found: Found) -> Changes:
    """Compare files with those found below the same roots; only those whose size or time differs are read."""
    missing = [root for root in sources.roots if not Path(root).is_dir()]
    hidden = [*map(Path, missing), *found.closed]
    known = {file.path: file for file in sources.files if not any(file.path.is_relative_to(root) for root in hidden)}
    changed, gone = [], []
    for path, file in known.items():
        if not _holds_articles(path):
            continue
        try:
            status = found.files[path] if path in found.files else path.stat()
        except OSError:
            gone.append(path.as_posix())
            continue
        same = file.settled and (file.size, file.modified) == (status.st_size, status.st_mtime_ns)
        if not same and file_digest(path) != file.digest:
            changed.append(path.as_posix())
    new = [path.as_posix() for path in found.files if path not in known and _holds_articles(path)]
    return Changes(new=sorted(new), changed=sorted(changed), gone=sorted(gone), missing=sorted(missing))


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What is known of the files after a run over some of them."""

    sources: Sources
    gone: frozenset[str]
    """Ids of articles whose file, or whose row in a file, is no longer there."""
    gone_files: frozenset[Path]
    """Files that are no longer there."""

    def held(self, present: Collection[str]) -> Sources:
        """The sources without what is gone and has no article in the index any more; `present` are the ids in it."""
        files = []
        for file in self.sources.files:
            if file.path not in self.gone_files or any(id in present for id in (*file.documents, *file.left)):
                left = tuple(id for id in file.left if id in present)
                files.append(file if left == file.left else replace(file, left=left))
        return replace(self.sources, files=tuple(files))


def merge(before: Sources, now: Sources) -> Merged:
    """Join what was known of the files with what a run over some of them found.

    A run says something of the files that it looked at and of those below the folders that it
    was given and could open.  A file that could be read before and cannot now keeps its articles.
    """
    files = {file.path: file for file in now.files}
    gone: set[str] = set()
    gone_files: set[Path] = set()
    for file in before.files:
        again = files.get(file.path)
        held = {*file.documents, *file.left}
        if again is None:
            closed = any(file.path.is_relative_to(folder) for folder in now.closed)
            if not closed and any(file.path.is_relative_to(root) for root in now.roots):
                gone |= held
                gone_files.add(file.path)
            files[file.path] = file
        elif again.documents:
            left = held - set(again.documents)
            gone |= left
            files[file.path] = replace(again, left=tuple(sorted(left)))
        else:
            files[file.path] = replace(
                again, documents=file.documents, left=file.left, digest="" if held else again.digest
            )
    gone -= {id for path, file in files.items() if path not in gone_files for id in file.documents}
    return Merged(
        sources=Sources(
            files=tuple(sorted(files.values(), key=lambda file: (file.root, file.name))),
            roots=tuple(sorted({*before.roots, *now.roots})),
        ),
        gone=frozenset(gone),
        gone_files=frozenset(gone_files),
    )


def _holds_articles(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in READERS or suffix == ARCHIVE


def _file(entry: dict[str, Any]) -> SourceFile:
    flaws = tuple(Unread(**flaw) for flaw in entry["flaws"])
    return SourceFile(**entry | {"documents": tuple(entry["documents"]), "flaws": flaws})
