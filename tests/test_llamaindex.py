import asyncio
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest
from fake_embedder import FakeEmbedder, write_articles
from llama_index.core import Settings as Globals
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import NodeWithScore, QueryBundle

from assistant.errors import FilterError
from assistant.filters import Filters
from assistant.index import build_index
from assistant.llamaindex import ArticleRetriever
from assistant.pipeline import Assistant
from assistant.settings import Settings

SETTINGS = Settings(passage_tokens=40, overlap_tokens=10)
ARTICLES = [
    replace(article, author="Ada Writer", published=date(2024, 5, 30), source="news/a.txt") if number % 2 else article
    for number, article in enumerate(write_articles(20))
]
QUESTION = "Where were the army talks about the border?"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No connection can be made, and no global model is set or asked for."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    yield
    assert (Globals._llm, Globals._embed_model, Globals._node_parser) == (None, None, None)


@pytest.fixture(scope="module")
def assistant() -> Assistant:
    embedder = FakeEmbedder()
    return Assistant(build_index(ARTICLES, embedder, SETTINGS), embedder, SETTINGS)


@pytest.fixture(scope="module")
def retriever(assistant: Assistant) -> ArticleRetriever:
    return ArticleRetriever.of(assistant)


def assert_exact(assistant: Assistant, nodes: list[NodeWithScore]) -> None:
    assert nodes
    for found in nodes:
        node = found.node
        document = assistant.index.document(node.metadata["document_id"])
        assert document.text[node.start_char_idx : node.end_char_idx] == node.text == node.get_content()
        assert (node.metadata["start"], node.metadata["end"]) == (node.start_char_idx, node.end_char_idx)
        assert node.ref_doc_id == document.id


def test_it_is_a_retriever_of_llama_index(retriever: ArticleRetriever) -> None:
    assert isinstance(retriever, BaseRetriever)


def test_its_nodes_are_the_hits_of_the_assistant_in_their_order(
    assistant: Assistant, retriever: ArticleRetriever
) -> None:
    nodes = retriever.retrieve(QUESTION)
    hits = assistant.ask(QUESTION).hits
    assert len(hits) == SETTINGS.hits
    expected = [(hit.passage.document_id, hit.passage.start, hit.passage.end, hit.score) for hit in hits]
    assert [
        (node.metadata["document_id"], node.metadata["start"], node.metadata["end"], node.score) for node in nodes
    ] == expected
    assert_exact(assistant, nodes)


def test_a_node_tells_what_is_known_of_its_article(retriever: ArticleRetriever) -> None:
    found = {node.metadata["document_id"]: node.metadata for node in retriever.retrieve(QUESTION)}
    known = next(data for data in found.values() if data["author"])
    assert list(known) == ["document_id", "title", "author", "published", "source", "start", "end"]
    assert (known["author"], known["published"], known["source"]) == ("Ada Writer", "2024-05-30", "news/a.txt")
    unknown = next(data for data in found.values() if not data["author"])
    assert (unknown["author"], unknown["published"], unknown["source"]) == (None, None, None)
    json.dumps(list(found.values()))


def test_each_node_has_an_id_that_stays_the_same(assistant: Assistant, retriever: ArticleRetriever) -> None:
    ids = [node.node_id for node in retriever.retrieve(QUESTION)]
    embedder = FakeEmbedder()
    again = ArticleRetriever(build_index(ARTICLES, embedder, SETTINGS), embedder, SETTINGS)
    assert [node.node_id for node in again.retrieve(QUESTION)] == ids
    assert len(set(ids)) == len(ids)


def test_of_a_query_bundle_only_the_text_counts(retriever: ArticleRetriever) -> None:
    plain = retriever.retrieve(QUESTION)
    assert retriever.retrieve(QueryBundle(QUESTION)) == plain
    assert retriever.retrieve(QueryBundle(QUESTION, embedding=[1.0, 2.0, 3.0])) == plain


@pytest.mark.parametrize("filters", [{"since": "2024-01-01"}, Filters(author="ada")], ids=str)
def test_filters_limit_the_articles(assistant: Assistant, filters: Filters | dict[str, str]) -> None:
    nodes = ArticleRetriever.of(assistant, filters=filters).retrieve(QUESTION)
    assert {node.metadata["author"] for node in nodes} == {"Ada Writer"}


def test_a_filter_that_cannot_be_applied_is_refused_at_once(assistant: Assistant) -> None:
    with pytest.raises(FilterError, match="no filter is called writer"):
        ArticleRetriever.of(assistant, filters={"writer": "Ada"})


def test_an_empty_index_gives_no_nodes() -> None:
    embedder = FakeEmbedder()
    assert ArticleRetriever(build_index([], embedder, SETTINGS), embedder).retrieve(QUESTION) == []


def test_it_retrieves_in_an_event_loop_and_in_several_threads(retriever: ArticleRetriever) -> None:
    async def several() -> list[list[NodeWithScore]]:
        return await asyncio.gather(*(retriever.aretrieve(QUESTION) for _ in range(5)))

    plain = retriever.retrieve(QUESTION)
    assert asyncio.run(several()) == [plain] * 5
    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(retriever.retrieve, [QUESTION] * 5)) == [plain] * 5


def test_a_query_engine_hands_its_passages_to_the_model_and_keeps_their_spans(
    assistant: Assistant, retriever: ArticleRetriever
) -> None:
    engine = RetrieverQueryEngine.from_args(retriever, llm=MockLLM())
    for response in (engine.query(QUESTION), asyncio.run(engine.aquery(QUESTION))):
        assert response.source_nodes == retriever.retrieve(QUESTION)
        assert_exact(assistant, response.source_nodes)
        prompt = str(response)  # the mock answers with what it was given
        for found in response.source_nodes:
            assert found.node.text in prompt
            assert f"title: {found.node.metadata['title']}" in prompt
        assert QUESTION in prompt
        assert not any(word in prompt for word in ("None", "start: ", "document_id"))
