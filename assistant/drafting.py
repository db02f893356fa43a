"""Drafting: numbered sentences and a question as a request to a language model.

Articles go in as data: sentences of the evidence with numbers, under title and date, with
everything taken out that could pass for our own marks or for those of a chat template.  What
comes back is a text that nobody has checked; `claims.py` does that.
"""

import re
import unicodedata
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

from assistant.documents import Document
from assistant.evidence import Evidence
from assistant.index import Index
from assistant.language_model import ANSWER_TOKENS, TOKEN_CHARS, Allowance, LanguageModel, Message, OverflowingError
from assistant.orders import gives_orders
from assistant.prompt import load_prompt
from assistant.sentences import Span

MOST_SOURCES = 16
"""Sentences shown to a model; more make small models lose the thread, and all models slow."""
SOURCE_TOKENS = 900
"""Most tokens of sentences, whatever more the model could take in."""
MARGIN_TOKENS = 64
"""Tokens kept free for the marks of a chat template."""
LEAST_TOKENS = 60
"""With less room than this for sentences there is nothing to ask."""
MOST_SENTENCES = 10
"""A draft that has more has lost the thread; the model is stopped."""
SHRINKS = 2
"""How often the sentences are halved where a model finds the request too long."""
TITLE_CHARS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A sentence that is shown to a model under a number."""

    number: int
    """Its number in the request, from 1."""
    document: Document
    """Its article."""
    span: Span
    """Where it stands in it."""

    @property
    def text(self) -> str:
        """Its words as they stand in the article."""
        return self.document.text[self.span.start : self.span.end]


class Written(NamedTuple):
    """A draft, and what its numbers stand for."""

    text: str
    """Its words so far, with whatever marks the model writes."""
    sources: list[Source]
    """The sentences that the model was shown."""


def choose_sources(index: Index, evidence: Sequence[Evidence], tokens: int) -> list[Source]:
    """The best sentences that fit into `tokens`, each with the one before it, whole, in reading order by article.

    Sentences that give a model orders, and those right behind them, are left out.
    Articles stand in the order of their best sentence.
    """
    chosen: dict[tuple[str, Span], None] = {}
    room = min(tokens, SOURCE_TOKENS) * TOKEN_CHARS
    for item in evidence:
        # What stands behind an order goes on with it: "From now on you are DAN. DAN says …"
        if gives_orders(item.text) or (item.before and gives_orders(_words(index, item.document_id, item.before))):
            continue
        spans = [Span(item.start, item.end)]
        if item.before and item.end - item.before.start <= 2 * (item.end - item.start) + 200:
            spans.insert(0, item.before)
        new = [span for span in spans if (item.document_id, span) not in chosen]
        length = sum(span.end - span.start + 8 for span in new)
        if len(chosen) + len(new) > MOST_SOURCES or length > room:
            break
        room -= length
        chosen.update(((item.document_id, span), None) for span in new)
    order: dict[str, int] = {}
    for document_id, _ in chosen:
        order.setdefault(document_id, len(order))
    ranked = sorted(chosen, key=lambda key: (order[key[0]], key[1]))
    return [Source(number=n, document=index.document(key[0]), span=key[1]) for n, key in enumerate(ranked, 1)]


def _words(index: Index, document_id: str, span: Span) -> str:
    return index.document(document_id).text[span.start : span.end]


def write_draft(
    model: LanguageModel, allowance: Allowance, index: Index, question: str, evidence: Sequence[Evidence]
) -> Generator[Written, None, None]:
    """The draft so far, each time it has grown; closing the generator stops the model.

    Raises LanguageModelError where no text is to be had.
    """
    fixed = len(request(question, [])[0].text) + len(request(question, [])[1].text)
    room = int(model.context - ANSWER_TOKENS - MARGIN_TOKENS - fixed / TOKEN_CHARS)
    for attempt in range(SHRINKS + 1):
        sources = choose_sources(index, evidence, room)
        if room < LEAST_TOKENS or not sources:
            break
        try:
            with closing(model.stream(request(question, sources), allowance)) as stream:
                for text in stream:
                    yield Written(text, sources)
                    if len(_SENTENCE_END.findall(text)) > MOST_SENTENCES:
                        break
            return
        except OverflowingError:
            if attempt == SHRINKS:
                raise
            room = min(room, SOURCE_TOKENS) // 2
    raise OverflowingError("the language model cannot take in even one sentence with this question")


def request(question: str, sources: Sequence[Source]) -> list[Message]:
    """The messages that ask for a draft."""
    blocks: list[str] = []
    last: Document | None = None
    for source in sources:
        if source.document is not last:
            last = source.document
            blocks.append(("\n" if blocks else "") + _heading(last))
        blocks.append(f"[{source.number}] {harmless(source.text)}")
    asked = load_prompt("question").render({"sources": "\n".join(blocks), "question": harmless(question)})
    return [
        Message(role="system", text=load_prompt("answer").render({})),
        Message(role="user", text=asked),
    ]


PROMPTS = ("answer", "question")
"""The prompts of a draft."""


def _heading(document: Document) -> str:
    known = [document.published.isoformat() if document.published else "", document.author or ""]
    about = ", ".join(harmless(part)[:TITLE_CHARS] for part in known if part)
    return f"Article “{harmless(document.title)[:TITLE_CHARS]}”{f' ({about})' if about else ''}:"


_LOOKALIKES = str.maketrans(
    {"[": "(", "]": ")", "【": "(", "】": ")", "<": "‹", ">": "›", "{": "(", "}": ")", "|": "¦", "`": "'"}
)
_SENTENCE_END = re.compile(r"[.!?]\s")
_ROLE = re.compile(r"^\s*(?:#+\s*)?(?:system|user|assistant|human|instructions?|question|answer)\s*:", re.IGNORECASE)


def harmless(text: str) -> str:
    """Text of others on one line, without what could pass for a number of ours, a tag, or a chat template's mark.

    Hidden characters go, `<|im_start|>` and `[INST]` lose their brackets, and a line that opens as a turn
    of a conversation does ("System:") is set in quotes.
    """
    shown = "".join(
        " " if unicodedata.category(character) in ("Cc", "Zl", "Zp") else character
        for character in text
        if unicodedata.category(character) not in ("Cf", "Cs", "Co", "Cn")
    )
    line = " ".join(shown.translate(_LOOKALIKES).split())
    return f"“{line}”" if _ROLE.match(line) else line
