"""Parts: the rows of one document each, its passages with the vectors of these and of their sentences.

An index is made of parts; an update takes those of unchanged documents over from the index before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assistant.copies import Signatures
from assistant.documents import Document
from assistant.embedding import Embedded, Embedder, Vectors
from assistant.journal import Journal, key
from assistant.passages import Passage, embedding_text, split_passages
from assistant.settings import Settings

Progress = Callable[[int, int], None]
"""Called with passages embedded so far and passages to embed in all."""


@dataclass(slots=True)
class Part:
    """The rows of one document."""

    document: Document
    passages: list[Passage]
    vectors: Vectors | None
    """Passage vectors, shape (passages, dimension); None where they are stored already."""
    sentence_vectors: NDArray[np.float16]
    """Shape (sentences, dimension)."""
    stored_as: str | None = None
    """Id of the document under which the passage vectors are stored."""
    stored_data: str = ""
    """Hash of the document whose data are stored with them."""
    signature: Signatures | None = None
    """Signature of the text, shape (1, …); None where it is to be made."""
    first_row: int | None = None
    """Row that its first passage has in the generation it is taken from."""

    def under(self, document: Document) -> "Part":
        """The same rows for a document of the same title and text."""
        own = document.id == self.document.id
        passages = self.passages if own else [replace(item, document_id=document.id) for item in self.passages]
        return replace(self, document=document, passages=passages)


def embed_documents(
    documents: Sequence[Document],
    embedder: Embedder,
    settings: Settings,
    progress: Progress | None,
    journal: Journal | None = None,
) -> list[Part]:
    """Split documents into passages and embed these; what the journal holds already is taken from it."""
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
    known.clear()
    fresh = embedder.embed([texts[row] for row in missing], [spans[row] for row in missing])
    first, done, parts = 0, len(texts) - len(missing), []
    for document, passages in zip(documents, split, strict=True):
        own = []
        for row in range(first, first + len(passages)):
            item, found[row] = found[row], None  # for all together take as much room as the index
            if item is None:
                item, done = next(fresh), done + 1
                if journal:
                    journal.add(keys[row], item)
                if progress:
                    progress(done, len(texts))
            own.append(item)
        first += len(passages)
        # Made at once: of the vectors of sentences only half the bytes stay.
        parts.append(_part(document, passages, own, embedder.dimension))
    if journal:
        journal.flush()
    return parts


def _part(document: Document, passages: list[Passage], embedded: Sequence[Embedded], dimension: int) -> Part:
    empty = np.zeros((0, dimension), dtype=np.float32)
    return Part(
        document,
        passages,
        np.stack([item.vector for item in embedded]) if embedded else empty,
        np.concatenate([item.sentences for item in embedded]).astype(np.float16)
        if embedded
        else empty.astype(np.float16),
    )
