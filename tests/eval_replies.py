"""Replies, records and runs made by hand, for the tests of the evals."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant import Citation, Claim, Document, Hit, Passage, Reply, Verdict
from eval.cases import Case
from eval.results import Record, Writer, plain_reply
from eval.scoring import score
from eval.systems import SYSTEMS

SENTENCES = (
    "The bridge over the Volta cost 3 million euros.",
    "It was opened in March by the minister.",
    "Fishermen had asked for it since the floods of 2021.",
)
ARTICLE = Document(id="bridge", title="A bridge", text=" ".join(SENTENCES))
ARTICLES = {"bridge": ARTICLE}


def citation(number: int, quote: str, *, document: Document = ARTICLE, shift: int = 0) -> Citation:
    start = document.text.index(quote) + shift
    return Citation(
        number=number, document_id=document.id, title=document.title, author=None, published=None, source=None,
        quote=quote, start=start, end=start + len(quote),
    )  # fmt: skip


def claim(text: str, *numbers: int, label: Any = "supported") -> Claim:
    return Claim(text=text, citations=list(numbers), verdict=Verdict(label=label, score=0.9, reasons=["words"]))


def hit(document: Document = ARTICLE, rank: int = 1) -> Hit:
    passage = Passage(document_id=document.id, start=0, end=len(document.text), text=document.text, sentences=())
    return Hit(passage=passage, score=1.0 / rank, dense=0.5, lexical=2.0, rank=rank)


def reply(status: Any = "answered", *quotes: str, **fields: Any) -> Reply:
    """A reply whose every claim is a quote of the article."""
    made = {
        "text": " ".join(quotes),
        "question": "?",
        "claims": [claim(quote, number) for number, quote in enumerate(quotes, 1)],
        "citations": [citation(number, quote) for number, quote in enumerate(quotes, 1)],
        "hits": [hit()],
        **fields,
    }
    return Reply(status=status, **made)


def case(id: str = "cost", **fields: Any) -> Case:
    made = {
        "kind": "fact",
        "question": "How much did the bridge cost?",
        "status": ["answered"],
        "gold": [["3 million euros"]],
        **fields,
    }
    return Case(id=id, **made)


def record(own: Case, given: Reply, *, system: str = "assistant", suite: str = "seeds") -> Record:
    return Record(
        suite=suite,
        system=system,
        case=own,
        reply=plain_reply(given, ARTICLES, passages=True),
        scores=score(own, given, ARTICLES),
        seconds={"reading": 0.1, "total": 0.2},
    )


def header(records: Sequence[Record], **versions: Any) -> dict[str, Any]:
    """A header that fits records."""
    suites = list(dict.fromkeys(own.suite for own in records))
    systems = {own.system for own in records}
    return {
        "suites": [
            {
                "name": name, "about": "cases made by hand", "leading": "right",
                "cases": len({own.case.id for own in records if own.suite == name}), "corpora": 1, "documents": 1,
                "fingerprint": {"cases": "c", "articles": "a"},
            }
            for name in suites
        ],
        "systems": [{"name": own.name, "about": own.about} for own in SYSTEMS if own.name in systems],
        "records": len(records),
        "versions": {
            "code": {"commit": None, "changed": False, "assistant": "1", "eval": "1"}, "checker": "1", "models": {"embedder": "fake"},
            "settings": {"caution": "balanced"}, **versions,
        },
    }  # fmt: skip


def write(folder: Path, records: Sequence[Record], **versions: Any) -> Path:
    """A run on disk."""
    writer = Writer(folder, header(records, **versions))
    for own in records:
        writer.add(own)
    return folder
