"""Passages: runs of whole sentences that are searched and shown, each within a budget of tokens.

How tokens are counted is passed in; this file knows no tokenizer and no index.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from assistant.documents import Document, content_spans
from assistant.sentences import Span, cut_span, split_sentences

MAX_TOKENS = 180
"""Most tokens in a passage with its title, where nothing else is said."""
OVERLAP_TOKENS = 40
"""Most tokens that a passage repeats from the one before it, where nothing else is said."""
PARAGRAPH_SHARE = 0.6
"""A passage ends at a paragraph's end where at least this share of its budget is used."""
TITLE_SHARE = 3
"""The title may take one part in so many of the budget."""

CountTokens = Callable[[list[str]], list[int]]
"""Counts the tokens of each text of a batch, special tokens not included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A run of whole sentences of a document."""

    document_id: str
    """Id of the document it is from."""
    start: int
    """Offset of its first character in the document's text."""
    end: int
    """Offset behind its last character in the document's text."""
    text: str
    """The words themselves, `document.text[start:end]`."""
    sentences: tuple[Span, ...]
    """Its sentences as offsets in the document's text."""


def split_passages(
    document: Document, *, count_tokens: CountTokens, max_tokens: int = MAX_TOKENS, overlap_tokens: int = OVERLAP_TOKENS
) -> list[Passage]:
    """Cut a document's content into passages in reading order, none across a gap of what is not content.

    `embedding_text(title, text, max_tokens=max_tokens)` of a passage has at most `max_tokens` tokens;
    a sentence that is too long for that is cut, and each piece is then a sentence of the passage.
    """
    if max_tokens < 1 or overlap_tokens < 0:
        raise ValueError(f"max_tokens is {max_tokens} and overlap_tokens {overlap_tokens}, expected at least 1 and 0")
    regions = [_sentences_of(document.text, region) for region in content_spans(document)]
    texts = [document.text[span.start : span.end] for region in regions for span in region]
    title_tokens, *tokens = count_tokens([cut_title(document.title, max_tokens=max_tokens), *texts])
    budget = max(1, max_tokens - title_tokens)
    passages: list[Passage] = []
    first = 0
    for region in regions:
        counted = list(zip(region, tokens[first : first + len(region)], strict=True))
        first += len(region)
        fitting = _fit(document.text, counted, budget, count_tokens)
        passages.extend(_pack(document, fitting, budget, overlap_tokens))
    return passages


def embedding_text(title: str, text: str, *, max_tokens: int = MAX_TOKENS) -> str:
    """What is embedded for a passage: its document's title, cut to a third of `max_tokens`, above its text."""
    short = cut_title(title, max_tokens=max_tokens)
    return f"{short}\n{text}" if short else text


def cut_title(title: str, *, max_tokens: int = MAX_TOKENS) -> str:
    """The first words of a title that take at most a third of the budget, estimated without a tokenizer."""
    left = max_tokens // TITLE_SHARE
    kept = []
    for word in title.split():
        left -= sum(_estimate(piece) for piece in _PIECE.findall(word))
        if left < 0:
            break
        kept.append(word)
    return " ".join(kept)


def _estimate(piece: str) -> int:
    # Word pieces of rare Latin names are two to three letters long; other scripts come down to single characters.
    return (len(piece) + 1) // 2 if piece.isascii() and piece.isalnum() else len(piece.encode("utf-16-le")) // 2


def _sentences_of(text: str, region: Span) -> list[Span]:
    found = split_sentences(text[region.start : region.end])
    return [Span(region.start + span.start, region.start + span.end) for span in found]


def _fit(text: str, counted: list[tuple[Span, int]], budget: int, count_tokens: CountTokens) -> list[tuple[Span, int]]:
    """Cut the sentences that have more tokens than the budget; only for these are tokens counted again."""
    fitting = []
    for span, tokens in counted:
        length = span.end - span.start
        if tokens <= budget or length <= 1:
            fitting.append((span, tokens))
            continue
        pieces = cut_span(text, span, max(1, min(length - 1, length * budget // tokens)))
        recount = count_tokens([text[piece.start : piece.end] for piece in pieces])
        fitting.extend(_fit(text, list(zip(pieces, recount, strict=True)), budget, count_tokens))
    return fitting


def _pack(document: Document, counted: list[tuple[Span, int]], budget: int, overlap_tokens: int) -> list[Passage]:
    passages = []
    start = end = 0
    while end < len(counted):
        stop = _last_that_fits(document.text, counted, start, end, budget)
        spans = tuple(span for span, _ in counted[start:stop])
        first, last = spans[0].start, spans[-1].end
        words = document.text[first:last]
        passages.append(Passage(document_id=document.id, start=first, end=last, text=words, sentences=spans))
        end = stop
        start = _first_repeated(counted, start, end, budget, overlap_tokens)
    return passages


def _last_that_fits(text: str, counted: list[tuple[Span, int]], start: int, end: int, budget: int) -> int:
    """Where a passage from `start` stops: at the last sentence that fits, or at a paragraph's end near it."""
    used = sum(tokens for _, tokens in counted[start:end])
    stop = end
    paragraph = end
    while stop < len(counted) and (stop == start or used + counted[stop][1] <= budget):
        used += counted[stop][1]
        stop += 1
        if used >= PARAGRAPH_SHARE * budget and _ends_paragraph(text, counted, stop):
            paragraph = stop
    return paragraph if end < paragraph and stop < len(counted) else stop


def _ends_paragraph(text: str, counted: list[tuple[Span, int]], stop: int) -> bool:
    if stop == len(counted):
        return True
    between = text[counted[stop - 1][0].end : counted[stop][0].start]
    return any(character in _LINE_ENDS for character in between)


def _first_repeated(counted: list[tuple[Span, int]], start: int, end: int, budget: int, overlap_tokens: int) -> int:
    """The first sentence that the next passage repeats; `end` where it repeats none."""
    if end == len(counted):
        return end
    room = min(overlap_tokens, budget - counted[end][1])
    first = end
    while first - 1 > start and counted[first - 1][1] <= room:
        first -= 1
        room -= counted[first][1]
    return first


_PIECE = re.compile(r"[^\W_]+|[\W_]")
_LINE_ENDS = frozenset("\n\r\u2028\u2029\x85")
