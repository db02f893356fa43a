"""The reader: where a passage answers a question, and whether it answers it at all.

A small cross-encoder of our own (made by `training/reader.py`) sees the question and the
passage together and scores each token as the first or the last of the answer, against "not
here".  It runs by onnxruntime, without torch.  It knows one passage at a time: nothing of
documents, of other passages, of what is true, or of whether two passages agree; and a high
score says that the words read like an answer, which the checks of `verification.py` do not
take for proof.  It was trained on English.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.onnx_model import load_once, open_model, packaged
from assistant.regression import logistic

Floats = NDArray[np.float32]

NAME = "reader"
NEEDED = ("max_tokens", "question_tokens", "answer_tokens", "overlap_tokens", "calibration")
"""What reader.json must say."""
SPANS = 5
"""Most spans given of a passage."""
NOT_READ = -20.0
"""Logit of a passage or a question without words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSpan:
    """A stretch of the passage, `passage[start:end]`, that may be the answer."""

    start: int
    """Offset of its first character in the passage."""
    end: int
    """Offset behind its last character."""
    score: float
    """Its share, 0..1, among the spans given and "not here"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScores:
    """How well an answer may begin and end at each token of a passage, above "not here"."""

    starts: NDArray[np.int64]
    """Offset of each token's first character, shape (tokens,)."""
    ends: NDArray[np.int64]
    """Offset behind its last."""
    first: Floats
    """Logit of an answer that begins with it; minus infinity inside a word or a number."""
    last: Floats
    """Logit of an answer that ends with it; minus infinity inside a word or a number."""
    longest: int
    """Most tokens of an answer."""
    total: float
    """Logarithm of the sum over the candidates and "not here"."""


NO_TOKENS = TokenScores(
    starts=np.zeros(0, dtype=np.int64),
    ends=np.zeros(0, dtype=np.int64),
    first=np.zeros(0, dtype=np.float32),
    last=np.zeros(0, dtype=np.float32),
    longest=1,
    total=0.0,
)
"""Scores of a passage without words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the reader makes of one passage."""

    answerable: float
    """Probability that the passage answers the question, 0..1, calibrated on held-aside articles."""
    logit: float
    """The same before the logistic function: for adding to other evidence, and for ranking."""
    spans: tuple[AnswerSpan, ...]
    """At most `SPANS` spans that do not overlap, best first; none where the passage has no words."""
    tokens: TokenScores = field(repr=False, compare=False)
    """What `best_within` looks into."""

    def best_within(self, start: int, end: int) -> float:
        """Score, 0..1, of the best span inside these characters of the passage, a sentence say; 0 where none fits."""
        tokens = self.tokens
        inside = np.flatnonzero((tokens.starts >= start) & (tokens.ends <= end))
        if not len(inside):
            return 0.0
        here = slice(int(inside[0]), int(inside[-1]) + 1)
        best = float(_pairs(tokens.first[here], tokens.last[here], tokens.longest).max())
        return min(1.0, math.exp(best - tokens.total)) if best > -math.inf else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """Tokens of one passage that are read together with the question."""

    passage: int
    start: int
    """Place of its first token in the passage."""
    ids: list[int]
    """Token ids with the question and the special tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """The model's outputs for the passage's tokens of a window, span logits above those of [CLS]."""

    start: int
    first: Floats
    last: Floats
    head: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What the calibration weighs, for `training/reader.py`, which fits it."""

    head: float
    """Logit of the answerability head, of the window where it is highest."""
    margin: float
    """Logit of the best span above "not here"."""


class Reader:
    """A reader over the model in a folder; may be used from several threads.

    The folder holds reader.onnx and reader.json, as `open_model` says.
    Raises ModelError where one is missing or is not the expected one.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        model = open_model(folder, NAME, NEEDED, threads=threads)
        settings = model.settings
        self._session: Any = model.session
        self._tokenizer: Any = model.tokenizer
        self._cls: int = self._tokenizer.token_to_id("[CLS]")
        self._sep: int = self._tokenizer.token_to_id("[SEP]")
        self._max_tokens = int(settings["max_tokens"])
        self._question_tokens = int(settings["question_tokens"])
        self._answer_tokens = int(settings["answer_tokens"])
        self._overlap = int(settings["overlap_tokens"])
        calibration = settings["calibration"]
        self._weights = (float(calibration["head"]), float(calibration["margin"]), float(calibration["bias"]))
        self.fingerprint = model.fingerprint
        """SHA-256 of the model, as reader.json names it."""

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """One reading for each passage, in their order.

        A passage longer than the model's window is read in overlapping windows and none of it is
        left out; of a question, the first 64 tokens are read.  Without words in the question or in
        the passage nothing is answered: probability 0, no spans.
        """
        asked, encoded = self._encode(question, passages)
        windows = self._windows(asked, encoded) if asked else []
        scored: list[list[_Scored]] = [[] for _ in passages]
        for window, outputs in self._run(windows, len(asked)):
            scored[window.passage].append(outputs)
        return [
            self._reading(passage, item, found) for passage, item, found in zip(passages, encoded, scored, strict=True)
        ]

    def signals(self, question: str, passages: Sequence[str]) -> list[Signals]:
        """What the calibration weighs, one for each passage; for fitting it."""
        asked, encoded = self._encode(question, passages)
        heads = [NOT_READ] * len(passages)
        scored: list[list[_Scored]] = [[] for _ in passages]
        for window, outputs in self._run(self._windows(asked, encoded) if asked else [], len(asked)):
            scored[window.passage].append(outputs)
            heads[window.passage] = max(heads[window.passage], outputs.head)
        found = []
        for passage, item, parts, head in zip(passages, encoded, scored, heads, strict=True):
            tokens = self._tokens(passage, item, parts) if parts else None
            best = _pairs(tokens.first, tokens.last, tokens.longest).max() if tokens else NOT_READ
            found.append(Signals(head=head, margin=float(best)))
        return found

    def _encode(self, question: str, passages: Sequence[str]) -> tuple[list[int], list[Any]]:
        asked = self._tokenizer.encode(question, add_special_tokens=False).ids[: self._question_tokens]
        return asked, self._tokenizer.encode_batch(list(passages), add_special_tokens=False)

    def _windows(self, asked: list[int], encoded: Sequence[Any]) -> list[_Window]:
        room = self._max_tokens - len(asked) - 3
        windows = []
        for passage, item in enumerate(encoded):
            for start in _window_starts(len(item.ids), room, self._overlap):
                ids = [self._cls, *asked, self._sep, *item.ids[start : start + room], self._sep]
                windows.append(_Window(passage=passage, start=start, ids=ids))
        return windows

    def _run(self, windows: Sequence[_Window], asked: int) -> Iterator[tuple[_Window, _Scored]]:
        """Read the windows; the passage's tokens begin behind [CLS], question, [SEP].

        One at a time: eight-bit activations are scaled over a whole batch, so that in a batch a
        passage's scores would depend on its neighbours (by up to 0.4 in the logit, measured), and on
        a CPU batches of 16 took longer (581 ms for ten paragraphs, against 341).
        """
        head = asked + 2
        for window in windows:
            ids = np.asarray([window.ids], dtype=np.int64)
            types = np.zeros_like(ids)
            types[0, head:] = 1
            first, last, answerable = self._session.run(
                ["start_logits", "end_logits", "answerable"],
                {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types},
            )
            tokens = slice(head, len(window.ids) - 1)
            yield (
                window,
                _Scored(
                    start=window.start,
                    first=first[0, tokens] - first[0, 0],
                    last=last[0, tokens] - last[0, 0],
                    head=float(answerable[0]),
                ),
            )

    def _reading(self, passage: str, encoded: Any, scored: Sequence[_Scored]) -> Reading:
        if not scored:
            return Reading(answerable=0.0, logit=NOT_READ, spans=(), tokens=NO_TOKENS)
        tokens = self._tokens(passage, encoded, scored)
        best = _best_pairs(tokens)
        total = float(np.logaddexp.reduce([0.0, *(pair[2] for pair in best)]))
        weight, margin, bias = self._weights
        logit = weight * max(part.head for part in scored) + margin * best[0][2] + bias
        return Reading(
            answerable=logistic(logit),
            logit=logit,
            spans=tuple(
                AnswerSpan(start=int(tokens.starts[a]), end=int(tokens.ends[b]), score=math.exp(score - total))
                for a, b, score in best
            ),
            tokens=replace(tokens, total=total),
        )

    def _tokens(self, passage: str, encoded: Any, scored: Sequence[_Scored]) -> TokenScores:
        """Put the windows together: each token as the window saw it that holds the most text around it."""
        count = len(encoded.ids)
        first, last = np.full(count, -np.inf, dtype=np.float32), np.full(count, -np.inf, dtype=np.float32)
        around = np.full(count, -1)
        for part in scored:
            size = len(part.first)
            places = np.arange(size)
            before = places if part.start else np.full(size, count)
            after = size - 1 - places if part.start + size < count else np.full(size, count)
            room = np.minimum(before, after)
            here = slice(part.start, part.start + size)
            better = room > around[here]
            first[here] = np.where(better, part.first, first[here])
            last[here] = np.where(better, part.last, last[here])
            around[here] = np.where(better, room, around[here])
        starts, ends = (np.asarray(side, dtype=np.int64) for side in zip(*encoded.offsets, strict=True))
        may_start, may_end = _word_edges(passage, encoded, starts, ends)
        return TokenScores(
            starts=starts,
            ends=ends,
            first=np.where(may_start, first, -np.inf).astype(np.float32),
            last=np.where(may_end, last, -np.inf).astype(np.float32),
            longest=self._answer_tokens,
            total=0.0,
        )


# Windows


def _window_starts(tokens: int, room: int, overlap: int) -> list[int]:
    """Where windows of `room` tokens begin, evenly, each sharing at least `overlap` with the next; none for none."""
    if tokens <= room:
        return [0] if tokens else []
    overlap = min(overlap, room // 2)
    count = math.ceil((tokens - overlap) / (room - overlap))
    return [round(place * (tokens - room) / (count - 1)) for place in range(count)]


# Spans

NUMBER = re.compile(r"\d+(?:[.,:]\d+)+")
"""A number that the tokenizer takes apart: half of "5,000" is no answer."""


def _word_edges(
    passage: str, encoded: Any, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tokens that an answer may begin with, and end with: not inside a word or a number."""
    inner = np.asarray([token.startswith("##") for token in encoded.tokens])
    may_start, may_end = ~inner, np.append(~inner[1:], True)
    for number in NUMBER.finditer(passage):
        inside = (starts >= number.start()) & (ends <= number.end())
        may_start &= ~(inside & (starts > number.start()))
        may_end &= ~(inside & (ends < number.end()))
    return may_start, may_end


def _pairs(first: Floats, last: Floats, longest: int) -> Floats:
    """Logits of all spans: row for the first token, column for how many more follow; minus infinity behind the end."""
    padded = np.append(last, np.full(longest - 1, -np.inf, dtype=np.float32))
    return first[:, None] + np.lib.stride_tricks.sliding_window_view(padded, longest)


def _best_pairs(tokens: TokenScores) -> list[tuple[int, int, float]]:
    """First token, last token and logit of the best spans, each best among those that overlap none before it."""
    scores = _pairs(tokens.first, tokens.last, tokens.longest)
    begins = np.arange(len(scores))[:, None]
    finishes = begins + np.arange(tokens.longest)[None, :]
    best: list[tuple[int, int, float]] = []
    while len(best) < SPANS:
        row, column = np.unravel_index(int(scores.argmax()), scores.shape)
        score = float(scores[row, column])
        if score == -math.inf:
            break
        start, end = int(row), int(row + column)
        best.append((start, end, score))
        scores[(begins <= end) & (finishes >= start)] = -np.inf
    return best


# Loading


def load_reader(folder: Path | None = None, threads: int = 0) -> Reader:
    """Load a reader once per process, the package's own unless a folder is named; raises ModelError as `Reader` does.

    `threads` bounds the cores it uses; 0 stands for two.
    """
    return load_once(Reader, folder or packaged(NAME), threads)
