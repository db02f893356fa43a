"""LlamaIndex: our search as a retriever that its query engines can use, spans kept.

What a query engine cites from a node can be found again: `node.start_char_idx` and
`node.end_char_idx` are offsets in the article's text.  Nothing of LlamaIndex's global `Settings`
is read; the embedder is the one that the index was made with.  This is the only file that
imports llama_index, and nothing of the house imports this file.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeRelationship, NodeWithScore, QueryBundle, RelatedNodeInfo, TextNode

from assistant.documents import Document
from assistant.embedding import Embedder
from assistant.filters import Filters, read_filters
from assistant.index import Index
from assistant.pipeline import Assistant
from assistant.question import parse_question
from assistant.retrieval import Hit, retrieve
from assistant.settings import Settings

_NOT_FOR_MODELS = ["document_id", "start", "end"]
"""Metadata that tells a language model and an embedder nothing."""


class ArticleRetriever(BaseRetriever):  # type: ignore[misc]  # its types take minutes to follow
    """Hybrid search over an index as a LlamaIndex retriever; may be used from several threads.

    `retrieve` and `aretrieve` take a str or a QueryBundle, of which the text counts: an embedding in it
    may come from any model.  Raises FilterError for a filter that cannot be applied.
    """

    def __init__(
        self,
        index: Index,
        embedder: Embedder,
        settings: Settings | None = None,
        *,
        filters: Filters | Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._index = index
        self._embedder = embedder
        self._settings = settings or Settings()
        self._filters = read_filters(filters)

    @classmethod
    def of(cls, assistant: Assistant, *, filters: Filters | Mapping[str, Any] | None = None) -> "ArticleRetriever":
        """A retriever that finds for a question what the assistant finds for it."""
        return cls(assistant.index, assistant._embedder, assistant.settings, filters=filters)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        asked = parse_question(query_bundle.query_str)
        vector = self._embedder.embed_query(asked.query)
        hits = retrieve(self._index, asked.text, vector, self._settings, filters=self._filters, words=asked.stems)
        return [_node(hit, self._index.document(hit.passage.document_id)) for hit in hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def _node(hit: Hit, document: Document) -> NodeWithScore:
    passage = hit.passage
    metadata = {
        "document_id": document.id,
        "title": document.title,
        "author": document.author,
        "published": document.published.isoformat() if document.published else None,
        "source": document.source,
        "start": passage.start,
        "end": passage.end,
    }
    unknown = [name for name, value in metadata.items() if value is None]
    node = TextNode(
        id_=f"{document.id}:{passage.start}",
        text=passage.text,
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        metadata=metadata,
        excluded_llm_metadata_keys=_NOT_FOR_MODELS + unknown,
        excluded_embed_metadata_keys=_NOT_FOR_MODELS + unknown,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document.id)},
    )
    return NodeWithScore(node=node, score=hit.score)
