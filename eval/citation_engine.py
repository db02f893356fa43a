"""The baseline of LlamaIndex: its CitationQueryEngine over our index, with any LlamaIndex language model.

Follow-ups go through its CondenseQuestionChatEngine.  The engine hands out the chunks it numbered
without where they are from, and its text with `[n]` marks that nothing checks: here the marks are
read, the chunks found again in the articles, and an answer that says it has none counts as refused.
"""

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistant import Assistant, Citation, Claim, Document, Reply, check_claim
from assistant.citation import quote
from assistant.sentences import split_sentences
from eval.cases import Case

CHUNK_TOKENS = 512
"""Size of the engine's chunks: its own default."""
_MARK = re.compile(r"\s*\[\s*(?:Source\s*)?(\d+(?:\s*,\s*(?:Source\s*)?\d+)*)\s*\]", re.IGNORECASE)
_HEAD = re.compile(r"^Source \d+:\n")
_REFUSAL = re.compile(
    r"\bnone of the (?:provided )?(?:sources|information)\b|\bnot in (?:the )?sources?\b"
    r"|\b(?:do|does|did|is|are|was|were|has|have|can)(?: not|n['’]t|not)\b[^.]{0,60}\b(?:mention|provide|contain|specif|state|say|"
    r"include|information|answer|find|determine|given|available)"
    r"|\b(?:there is|contains?|have|has) no\b[^.]{0,40}\b(?:mention|information|answer|source|detail)",
    re.IGNORECASE,
)


def load_llm(name: str) -> Any:
    """The language model that `MODULE:NAME` makes; raises ValueError, ImportError or AttributeError where it does not."""
    module, colon, attribute = name.partition(":")
    if not colon or not module or not attribute:
        raise ValueError(f"{name!r} is not of the form MODULE:NAME")
    made = getattr(importlib.import_module(module), attribute)
    return made() if callable(made) else made


def model_name(llm: Any) -> str:
    """What a model calls itself, without the folder it lies in."""
    return Path(str(getattr(llm.metadata, "model_name", "") or type(llm).__name__)).name


def citation_engine(llm: Any) -> Callable[[Assistant, Case], Reply]:
    """The engine as a system that answers cases."""

    def ask(assistant: Assistant, case: Case) -> Reply:
        from llama_index.core.base.llms.types import ChatMessage
        from llama_index.core.chat_engine import CondenseQuestionChatEngine
        from llama_index.core.memory import ChatMemoryBuffer
        from llama_index.core.query_engine import CitationQueryEngine

        from assistant.llamaindex import ArticleRetriever

        engine = CitationQueryEngine(
            retriever=ArticleRetriever.of(assistant), llm=llm, citation_chunk_size=CHUNK_TOKENS
        )
        if not case.history:
            response = engine.query(case.question)
        else:
            before = [ChatMessage(role=role, content=said) for role, said in case.history]
            # not its default memory, which leaves a database connection open
            memory = ChatMemoryBuffer.from_defaults(chat_history=before, llm=llm)
            chat = CondenseQuestionChatEngine.from_defaults(query_engine=engine, llm=llm, memory=memory)
            response = chat.chat(case.question)
        chunks = [node.node.get_content() for node in response.source_nodes]
        return read_answer(case, str(response), chunks, assistant.documents)

    return ask


def read_answer(case: Case, text: str, chunks: list[str], documents: list[Document]) -> Reply:
    """A reply from the engine's text and the chunks it numbered, the first being [1]."""
    text = text.strip()
    if not text or _REFUSAL.search(text):
        return Reply(
            status="abstained", text=text, question=case.question, reason="the model says that it has no answer"
        )
    found = {number: _find(number, _HEAD.sub("", chunk), documents) for number, chunk in enumerate(chunks, 1)}
    claims = []
    for start, end in split_sentences(_behind(text)):
        claim = _claim(_behind(text)[start:end], found)
        if claim:
            claims.append(claim)
    cited = sorted({number for claim in claims for number in claim.citations})
    citations = [citation for number in cited if (citation := found[number])]
    return Reply(status="answered", text=text, question=case.question, claims=claims, citations=citations)


def _behind(text: str) -> str:
    """Marks that follow a full stop, put before it: they belong to the sentence that ends there."""
    return re.sub(r"([.!?])((?:\s*\[[^\]\n]{1,30}\])+)", lambda own: f"{own[2]}{own[1]}", text)


def _claim(sentence: str, found: dict[int, Citation | None]) -> Claim | None:
    numbers = [int(number) for mark in _MARK.findall(sentence) for number in re.findall(r"\d+", mark)]
    known = list(dict.fromkeys(number for number in numbers if found.get(number)))
    words = " ".join(_MARK.sub("", sentence).split())
    if not re.search(r"\w", words):
        return None
    quotes = [citation.quote for number in known if (citation := found[number])]
    return Claim(text=words, citations=known, verdict=check_claim(words, quotes))


def _find(number: int, chunk: str, documents: list[Document]) -> Citation | None:
    """The chunk as a citation, where it stands word for word in an article."""
    words = chunk.strip()
    for document in documents:
        start = document.text.find(words) if words else -1
        if start >= 0:
            return quote(number, document, start, start + len(words))
    return None
