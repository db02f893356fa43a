"""Evidence: the sentences of the hits that bear on the question, and whether they answer it.

The reader says of each passage where the answer could stand and whether it is there at all.
Beside it, each sentence is described by a handful of features (cosine, covered words, expected
kind of answer, …).  Two logistic regressions over both, fitted by `training/evidence.py` on
public reading-comprehension data that the reader has not seen, give the relevance of a
sentence and the probability that the question is answered.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from assistant.checker import Checker
from assistant.embedding import Vectors
from assistant.index import Index
from assistant.kinds import candidates, has_answer_of, new_candidates
from assistant.matching import MET, match, meets
from assistant.orders import gives_orders
from assistant.question import SPECIFIC, Asked, Question
from assistant.reader import Reading
from assistant.regression import probability
from assistant.retrieval import Hit
from assistant.sentences import Span
from assistant.terms import stems


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A sentence of a hit, with what it has to do with the question."""

    document_id: str
    """Its document."""
    start: int
    """Offset in the document's text."""
    end: int
    """Offset behind it in the document's text."""
    text: str
    """Its words."""
    score: float
    """Probability that it is the sentence that answers the question, 0..1."""
    read: float
    """The reader's probability that the answer stands in it, 0..1."""
    answer: Span | None = None
    """Where the reader sees the answer in it, if anywhere."""
    cosine: float
    """Cosine similarity of question and sentence, -1..1."""
    cover: float
    """Share of the question's words, by weight, that it holds or paraphrases, 0..1."""
    cover_around: float
    """The same for the sentence with its neighbours and title."""
    matched: dict[str, float]
    """How well each of the question's stems is met by the sentence alone, 0..1."""
    matched_around: dict[str, float]
    """The same with its neighbours and title."""
    telling: float = 0.0
    """Share of the question's words that it meets where words that every sentence has hardly count, 0..1."""
    telling_around: float = 0.0
    """The same with its neighbours and title."""
    typed: bool
    """Whether it holds something of the kind asked for that the question does not name."""
    hit: int
    """Place of its hit in the list, from 0."""
    before: Span | None = None
    """The sentence before it in the passage, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether the evidence answers the question."""

    answerable: float
    """Probability that what is asked is given, 0..1."""
    topical: float
    """How surely the question's subject is in the sources, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of the two regressions, in the order of their features."""

    sentence: tuple[float, ...]
    """Of SENTENCE_FEATURES."""
    answer: tuple[float, ...]
    """Of ANSWER_FEATURES."""


SENTENCE_FEATURES = (
    "read",
    "read_logit",
    "passage_logit",
    "cosine",
    "cover",
    "telling",
    "telling_around",
    "typed",
    "hit_score",
    "first",
    "bias",
)
ANSWER_FEATURES = (
    "passage_logit",
    "checked",
    "read",
    "read_logit",
    "cosine",
    "dense",
    "cover",
    "cover_around",
    "names",
    "least",
    "action",
    "others",
    "least_other",
    "typed",
    "specific",
    "specific_typed",
    "specific_telling",
    "telling",
    "margin",
    "why",
    "how",
    "definition",
    "bias",
)


def find_evidence(
    index: Index,
    question: Question,
    vector: Vectors,
    hits: Sequence[Hit],
    readings: Sequence[Reading],
    weights: Weights | None = None,
) -> list[Evidence]:
    """All sentences of the hits, those most likely to answer the question first; each span once.

    `readings` are the reader's, one a hit; `weights` the package's own where none are given.  A sentence in
    two overlapping passages counts where it reads best.
    """
    found: dict[tuple[str, int, int], Evidence] = {}
    for place, (hit, reading) in enumerate(zip(hits, readings, strict=True)):
        for evidence in _sentences(index, question, vector, hit, place, reading):
            key = (evidence.document_id, evidence.start, evidence.end)
            known = found.get(key, evidence)
            better = evidence if evidence.read > known.read else known
            # A passage may begin with a sentence whose predecessor only the other one holds.
            found[key] = replace(better, before=known.before or evidence.before)
    return _named_first(index, question, rank(list(found.values()), question, hits, readings, weights))


def _named_first(index: Index, question: Question, ranked: list[Evidence]) -> list[Evidence]:
    """Those of the articles that hold most of the names asked about, then the rest.

    Another article's chief executive is none of the one asked about, however well the sentence reads.
    """
    ids = dict.fromkeys(item.document_id for item in ranked)
    if not question.names or len(ids) < 2:
        return ranked
    named = {
        document_id: sum(word.weight for word in question.names if meets(word, index.words(document_id)))
        for document_id in ids
    }
    most = max(named.values())
    return sorted(ranked, key=lambda item: named[item.document_id] < most)


def rank(
    evidence: Sequence[Evidence],
    question: Question,
    hits: Sequence[Hit],
    readings: Sequence[Reading],
    weights: Weights | None = None,
) -> list[Evidence]:
    """The sentences scored by their features, best first."""
    weights = weights or load_weights()
    local = _local_weights(question, evidence)
    total = sum(local.values()) or 1.0
    scored = []
    for item in evidence:
        telling = sum(local[word] * met for word, met in item.matched.items()) / total
        around = sum(local[word] * met for word, met in item.matched_around.items()) / total
        told = replace(item, telling=telling, telling_around=around)
        found = sentence_features(told, question, hits[item.hit].score, readings[item.hit])
        scored.append(replace(told, score=probability(weights.sentence, found)))
    return sorted(scored, key=lambda item: -item.score)


def _sentences(
    index: Index, question: Question, vector: Vectors, hit: Hit, place: int, reading: Reading
) -> Iterator[Evidence]:
    document = index.document(hit.passage.document_id)
    title = frozenset(stems(document.title))
    spans = hit.passage.sentences
    texts = [document.text[start:end] for start, end in spans]
    held = [frozenset(stems(text)) for text in texts]
    cosines = index.sentence_vectors(hit.row) @ vector
    first = hit.passage.start
    for i, (start, end) in enumerate(spans):
        if not held[i] or texts[i].endswith("?") or gives_orders(texts[i]):  # a question answers none, an order neither
            continue
        around = held[i].union(title, *held[max(0, i - 1) : i + 2])
        matched = {word.stem: match(word, held[i]) for word in question.words}
        matched_around = {word.stem: max(matched[word.stem], match(word, around)) for word in question.words}
        answer = _answer_in(reading, Span(start - first, end - first), first)
        read = reading.best_within(start - first, end - first)
        yield Evidence(
            document_id=document.id,
            start=start,
            end=end,
            text=texts[i],
            score=0.0,
            read=read,
            answer=answer,
            cosine=float(cosines[i]),
            cover=_cover(question.words, matched),
            cover_around=_cover(question.words, matched_around),
            matched=matched,
            matched_around=matched_around,
            typed=_typed(question, document.text, Span(start, end), answer, read),
            hit=place,
            before=spans[i - 1] if i else None,
        )


def _answer_in(reading: Reading, sentence: Span, first: int) -> Span | None:
    """The reader's best span that lies in a sentence of the passage, as offsets in the document."""
    inside = [span for span in reading.spans if sentence.start <= span.start and span.end <= sentence.end]
    best = max(inside, key=lambda span: span.score, default=None)
    return Span(first + best.start, first + best.end) if best else None


def _typed(question: Question, text: str, sentence: Span, answer: Span | None, read: float) -> bool:
    """Whether a sentence holds something of the kind asked for; where the reader sees an answer, whether that is it.

    Who and where may be told without a name ("the coach of the team"): there the reader is believed when it is sure.
    """
    words = text[sentence.start : sentence.end]
    if question.kind not in SPECIFIC:
        return has_answer_of(question, words)
    offered = new_candidates(question, words)
    if answer is None:
        return bool(offered)
    start, end = answer.start - sentence.start, answer.end - sentence.start
    if any(item.start < end and start < item.end for item in offered):
        return True
    named = any(item.start < end and start < item.end for item in candidates(question.kind, words))
    return question.kind in ("who", "where") and read >= SURE_FROM and not named


SURE_FROM = 0.7
"""The reader's probability from which an answer need not be a name."""


def _local_weights(question: Question, evidence: Sequence[Evidence]) -> dict[str, float]:
    """Weight of each word by how few of the sentences found meet it: what all have tells them not apart."""
    count = len(evidence)
    weights = {}
    for word in question.words:
        met = sum(item.matched[word.stem] >= MET for item in evidence)
        weights[word.stem] = (0.2 + word.weight) * math.log((count + 1) / (met + 0.5)) / math.log(2 * count + 2)
    return weights


def sentence_features(evidence: Evidence, question: Question, hit_score: float, reading: Reading) -> list[float]:
    """The values of SENTENCE_FEATURES."""
    typed = float(evidence.typed) if question.kind in SPECIFIC else 0.5
    return [
        evidence.read,
        _logit(evidence.read),
        _scaled(reading.logit),
        evidence.cosine,
        evidence.cover,
        evidence.telling,
        evidence.telling_around,
        typed,
        hit_score,
        float(evidence.before is None),
        1.0,
    ]


def answer_features(
    question: Question,
    evidence: Sequence[Evidence],
    hits: Sequence[Hit],
    readings: Sequence[Reading],
    checked: float | None,
) -> list[float]:
    """The values of ANSWER_FEATURES, for the best evidence; `checked` is the checker's logit for its answer."""
    best = evidence[0]
    names = [best.matched_around[word.stem] for word in question.words if word.name]
    others = [word for word in question.words if not word.name]
    matched = [best.matched[word.stem] for word in others]
    specific = float(question.kind in SPECIFIC)
    return [
        _scaled(readings[best.hit].logit),
        -0.2 if checked is None else _scaled(checked),
        best.read,
        _logit(best.read),
        best.cosine,
        max(hit.dense for hit in hits),
        best.cover,
        best.cover_around,
        min(names, default=1.0),
        min(best.matched_around.values(), default=0.0),
        best.matched_around.get(question.action or "", 0.5),
        _cover(others, best.matched),
        min(matched, default=0.5),
        float(best.typed),
        specific,
        specific * float(best.typed),
        specific * best.telling_around,
        best.telling_around,
        best.score - (evidence[1].score if len(evidence) > 1 else 0.0),
        *(float(question.kind == kind) for kind in ("why", "how", "definition")),
        1.0,
    ]


def _logit(probability: float) -> float:
    """Log-odds, cut at ±6 and scaled to -1..1."""
    inside = min(max(probability, 0.0025), 0.9975)
    return math.log(inside / (1 - inside)) / 6


def _scaled(logit: float) -> float:
    return min(max(logit, -10.0), 10.0) / 10


def judge(
    index: Index,
    question: Question,
    evidence: Sequence[Evidence],
    hits: Sequence[Hit],
    readings: Sequence[Reading],
    checker: Checker,
    weights: Weights | None = None,
) -> Judgement:
    """How surely the evidence answers the question, and its subject is in the sources."""
    if not evidence or not hits:
        return Judgement(answerable=0.0, topical=0.0)
    best = evidence[0]
    checked = check_answer(index, question, best, checker)
    answerable = probability(
        (weights or load_weights()).answer, answer_features(question, evidence, hits, readings, checked)
    )
    around = {word.stem: max(item.matched_around[word.stem] for item in evidence) for word in question.words}
    met = _cover(question.words, around)
    dense = max(hit.dense for hit in hits)
    return Judgement(answerable=answerable, topical=_topical(question, around, met, dense, best))


def check_answer(index: Index, question: Question, best: Evidence, checker: Checker) -> float | None:
    """The checker's logit for the question with the reader's answer behind it, as it was trained on both.

    A second look by another model, at the sentence and the one before it; None where the reader sees no answer.
    """
    if best.answer is None:
        return None
    text = index.document(best.document_id).text
    answer = " ".join(text[best.answer.start : best.answer.end].split())
    asked = question.read.strip().rstrip("?").strip()
    claim = f"{asked[:1].upper()}{asked[1:]}? {answer[:1].upper()}{answer[1:].rstrip('.')}."
    before = [text[best.before.start : best.before.end]] if best.before else []
    return checker.check(claim, [*before, best.text]).logit


def _topical(question: Question, around: dict[str, float], met: float, dense: float, best: Evidence) -> float:
    """Whether the sources are about the question's subject: its names, or else its rarest words, are met."""
    names = [word for word in question.words if word.name]
    anchor = names or sorted(question.words, key=lambda word: -word.weight)[:2]
    anchored = _cover(anchor, around)
    closeness = min(1.0, max(0.0, (max(dense, best.cosine) - 0.15) / 0.45))
    return 0.35 * anchored + 0.25 * met + 0.4 * closeness


def _cover(words: Sequence[Asked], matched: dict[str, float]) -> float:
    total = sum(word.weight for word in words)
    return sum(word.weight * matched[word.stem] for word in words) / total if total else 0.0


@cache
def load_weights() -> Weights:
    """The package's own, as `training/evidence.py` fitted them."""
    data: dict[str, Any] = json.loads((files("assistant") / "data" / "evidence.json").read_text(encoding="utf-8"))
    return Weights(sentence=tuple(data["sentence"]), answer=tuple(data["answer"]))
