"""Updates: how the index in a folder comes about, grows, is pruned and is mended.

There is one writer at a time.  Every change is a new generation, written whole before readers
are led to it; only text that is new is embedded, and a run that was interrupted goes on where it stopped.
"""

import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from assistant.changes import Sources, merge
from assistant.chroma import check_server
from assistant.damage import unwritable
from assistant.documents import Document, content_hash, join_copies
from assistant.embedding import Embedder
from assistant.errors import IndexDamagedError, IndexStateError
from assistant.generation import (
    Generation,
    check_made_with,
    has_index,
    made_with,
    stored_articles,
    write_generation,
    write_sources,
)
from assistant.journal import Journal
from assistant.parts import Part, Progress, embed_documents
from assistant.settings import Settings


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
            old = Generation.read(folder, whole=True)
            check_made_with(old.manifest, embedder, settings, folder)
            if settings.chroma_url:
                check_server(settings.chroma_url, old.folder.name, old.manifest["passages"], folder)
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
        raise unwritable(folder, error) from error
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

    def update(self, old: Generation | None) -> Update:
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
            write_generation(self.folder, parts, self.embedder, self.settings, old, sources)
            shutil.rmtree(self.folder / "work", ignore_errors=True)
        elif sources != before:
            write_sources(old.folder, sources)
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

    def remove(self, old: Generation, ids: Collection[str]) -> list[str]:
        """Write a generation without some documents of the old one; the ids of those that were there."""
        parts = [part for part in old.parts() if part.document.id not in ids]
        gone = [document.id for document in old.documents if document.id in ids]
        if gone:
            # Their files stay known; a run over these reads again what is in no index, so that it comes back.
            sources = merge(old.sources, self.sources).held(_names(part.document for part in parts))
            write_generation(self.folder, parts, self.embedder, self.settings, old, sources)
        return gone

    def mend(self, damage: IndexDamagedError) -> Update:
        """Make a damaged index anew from the articles that it holds; raises the damage where they are lost too."""
        stored = stored_articles(self.folder)
        if stored is None:
            raise damage
        given = {document.id for document in self.documents}
        everything = [*(document for document in stored.documents if document.id not in given), *self.documents]
        merged = merge(stored.sources, self.sources)
        removed = merged.gone - given if self.prune else frozenset()
        kept = join_copies(document for document in everything if document.id not in removed)
        run = replace(self, documents=kept, sources=merged.held(_names(kept)), prune=False)
        return replace(run.update(None), mended=str(damage))

    def _parts(self, documents: Sequence[Document], old: Generation | None) -> list[Part]:
        """The rows of each document, those of the old generation where title and text are the same."""
        stored = {(part.document.title, part.document.text): part for part in old.parts()} if old else {}
        fresh = [document for document in documents if (document.title, document.text) not in stored]
        journal = Journal(self.folder / "work", made_with(self.embedder, self.settings))
        made = iter(embed_documents(fresh, self.embedder, self.settings, self.progress, journal) if fresh else [])
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
        old = Generation.read(folder, whole=True)
        check_made_with(old.manifest, embedder, settings, folder)
        run = _Run(folder, (), embedder, settings, Sources(), False, None)
        return run.remove(old, set(ids))


def _names(documents: Iterable[Document]) -> set[str]:
    """Ids and aliases."""
    return {name for document in documents for name in (document.id, *document.aliases)}


def _differ(document: Document, known: dict[str, Document]) -> bool:
    before = known[document.id]
    return document is not before and content_hash(document) != content_hash(before)


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
