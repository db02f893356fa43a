"""Replies: what a user gets for a question, and its forms as dict, JSON and Markdown."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Literal

from assistant.citation import Citation
from assistant.language_model import Usage
from assistant.passages import Passage
from assistant.retrieval import Hit
from assistant.verification import Claim

Status = Literal["answered", "partial", "abstained", "clarify"]
"""`answered`: what was asked is given. `partial`: its subject is in the sources, the asked
detail is not, or its premise is denied. `abstained`: not in the sources. `clarify`: not a
question, or one that can be read in ways that matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to one question, with everything needed to check it."""

    status: Status
    """How far the sources answer the question."""
    text: str
    """The answer as Markdown, with [n] markers that number the citations."""
    question: str
    """The standalone question that was searched."""
    reason: str | None = None
    """Why the status is not `answered`, or what a reader should know of the answer; else None."""
    short: str | None = None
    """The short answer where the question asks for one ("5,000"), else None."""
    missing: list[str] = field(default_factory=list)
    """What was asked and is not in the sources; empty where answered."""
    claims: list[Claim] = field(default_factory=list)
    """The sentences of the answer with their citations and verdicts, and those of a draft that were taken out, so marked."""
    citations: list[Citation] = field(default_factory=list)
    """The quotes, in the order of their numbers, from 1."""
    hits: list[Hit] = field(default_factory=list)
    """Everything retrieved, best first."""
    answerable: float | None = None
    """Probability that the sources answer the question, 0..1; None where nothing was searched."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds by stage, and `total`."""
    written_by: str = "sources"
    """Whose words the answer is in: "sources", the articles' own, or the name of a language model."""
    notes: list[str] = field(default_factory=list)
    """What became of a language model's draft: sentences taken out, citations mended, why the articles' own words stand in."""
    usage: Usage | None = None
    """Calls and tokens that a language model took; None where none was asked."""
    prompts: dict[str, str] = field(default_factory=dict)
    """Fingerprints of the prompts that were used, by name."""

    def to_dict(self) -> dict[str, Any]:
        """The reply as plain values that JSON can hold; dates in ISO 8601."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    def to_json(self, *, indent: int | None = None) -> str:
        """The reply as JSON (RFC 8259), text not escaped to ASCII."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)

    def to_markdown(self) -> str:
        """The answer with its references below it, for a document or a message."""
        if not self.citations:
            return self.text
        references = "\n".join(_reference(citation) for citation in self.citations)
        return f"{self.text}\n\n**Sources**\n\n{references}"


def mark_cited(hits: Sequence[Hit], citations: Sequence[Citation]) -> list[Hit]:
    """The hits, those marked of which a citation quotes words."""
    return [replace(hit, cited=any(_quotes(citation, hit.passage) for citation in citations)) for hit in hits]


def _quotes(citation: Citation, passage: Passage) -> bool:
    return passage.document_id == citation.document_id and passage.start < citation.end and citation.start < passage.end


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def _reference(citation: Citation) -> str:
    about = [citation.title, citation.author, citation.published and citation.published.isoformat(), citation.source]
    about.append(citation.url if citation.url != citation.source else None)
    about.append(f"page {citation.page}" if citation.page else None)
    quote = " ".join(citation.quote.split())
    return f"[{citation.number}] “{quote}” — {', '.join(str(part) for part in about if part)}"
