"""The checker: whether sentences support a claim, contradict it, or do neither.

A small cross-encoder of our own (made by `training/checker.py`) sees the claim and the
sentences together.  It runs by onnxruntime, without torch.  Alone it misses what a model of its
size misses, a digit or a "not" in a long sentence: `verification.py` joins it with exact checks.
It was trained on English.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assistant.onnx_model import load_once, open_model, packaged
from assistant.regression import logistic
from assistant.terms import stems, weight

NAME = "checker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entailment:
    """What the checker makes of a claim and its evidence."""

    supported: float
    """The model's share for support among its three labels, 0..1; `verification.py` makes a calibrated one of it."""
    contradicted: float
    """Share of contradiction in what is not supported, 0..1."""
    logit: float
    """The same before the logistic function."""


NOTHING = Entailment(supported=0.0, contradicted=0.0, logit=-20.0)
"""What is made of a claim or of evidence without words."""


class Checker:
    """A checker over the model in a folder; may be used from several threads.

    Raises ModelError where a file is missing or is not the expected one.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        model = open_model(folder, NAME, ("max_tokens", "claim_tokens"), threads=threads)
        self._session: Any = model.session
        self._tokenizer: Any = model.tokenizer
        self._max_tokens = int(model.settings["max_tokens"])
        self._claim_tokens = int(model.settings["claim_tokens"])
        self._cls: int = model.tokenizer.token_to_id("[CLS]")
        self._sep: int = model.tokenizer.token_to_id("[SEP]")
        self.fingerprint = model.fingerprint
        """SHA-256 of the model, as checker.json names it."""

    def check(self, claim: str, sentences: Sequence[str]) -> Entailment:
        """How far the sentences, in their order, support the claim.

        Where they do not fit the model's window, those that bear on the claim are read, in their
        order; of a claim, the first 80 tokens are read, of a sentence what fits.
        """
        said = self._tokenizer.encode(claim, add_special_tokens=False).ids[: self._claim_tokens]
        encoded = [item.ids for item in self._tokenizer.encode_batch(list(sentences), add_special_tokens=False)]
        room = self._max_tokens - len(said) - 3
        held = [
            ids for place in chosen(claim, sentences, [len(ids) for ids in encoded], room) for ids in encoded[place]
        ]
        if not said or not held:
            return NOTHING
        ids = np.asarray([[self._cls, *said, self._sep, *held[:room], self._sep]], dtype=np.int64)
        types = np.zeros_like(ids)
        types[0, len(said) + 2 :] = 1
        (logits,) = self._session.run(
            ["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types}
        )
        supported, contradicted, unsupported = (float(value) for value in logits[0])
        logit = supported - float(np.logaddexp(contradicted, unsupported))
        return Entailment(
            supported=logistic(logit),
            contradicted=logistic(contradicted - unsupported),
            logit=logit,
        )


def chosen(claim: str, sentences: Sequence[str], sizes: Sequence[int], room: int) -> list[int]:
    """Places of the sentences to read, in their order: all where their tokens (`sizes`) fit into `room`.

    Otherwise those that hold most of the claim's words that none chosen before holds, by weight,
    each with the sentence before it where that fits: it says who "he" is.
    """
    if sum(sizes) <= room:
        return list(range(len(sentences)))
    wanted = {word: weight(word) for word in stems(claim)}
    held = [frozenset(stems(sentence)) & set(wanted) for sentence in sentences]
    total = {place: sum(wanted[word] for word in held[place]) for place in range(len(sentences))}
    taken: set[int] = set()
    left = dict(wanted)
    full = room
    while True:
        open_places = [place for place in total if place not in taken and sizes[place] <= full]
        if not open_places:
            break
        gain = {place: sum(left.get(word, 0.0) for word in held[place]) + 0.1 * total[place] for place in open_places}
        best = max(open_places, key=lambda place: (gain[place], -place))
        if gain[best] <= 0 and taken:
            break
        taken.add(best)
        full -= sizes[best]
        for word in held[best]:
            left[word] = 0.0
        if not any(left.values()):
            left = dict(wanted)
    for place in sorted(taken):
        before = place - 1
        if before >= 0 and before not in taken and sizes[before] <= full:
            taken.add(before)
            full -= sizes[before]
    return sorted(taken) or [max(total, key=lambda place: total[place])] if sentences else []


def load_checker(folder: Path | None = None, threads: int = 0) -> Checker:
    """Load a checker once per process, the package's own unless a folder is named; raises ModelError as `Checker` does.

    `threads` bounds the cores it uses; 0 stands for two.
    """
    return load_once(Checker, folder or packaged(NAME), threads)
