"""Verification: whether a sentence is supported by the words it cites.

Exact checks (verbatim words, numbers, names, negation) over coverage by the best sentences of
the evidence.  A trained checker will join them behind `check_claim`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from assistant.evidence import synonymy
from assistant.polarity import clauses, denies
from assistant.sentences import split_sentences
from assistant.terms import WORD, stem, stems, weight

Label = Literal["supported", "contradicted", "unsupported", "unchecked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a claim is supported by its evidence, and why."""

    label: Label
    """`unchecked` is given only where nothing was checked."""
    score: float
    """Estimate of the probability of support, 0..1; 1 for verbatim words."""
    reasons: list[str] = field(default_factory=list)
    """What decided it, for a person to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One sentence of an answer."""

    text: str
    """Its words, without markers."""
    citations: list[int] = field(default_factory=list)
    """Numbers of the citations it stands on."""
    verdict: Verdict = field(default_factory=lambda: Verdict(label="unchecked", score=0.0))
    """Whether they support it."""


SUPPORTED_FROM = 0.75
"""Share of a claim's words, by weight, that its evidence must hold."""
_QUOTED = re.compile(r"[“\"«]([^”\"»]{8,})[”\"»]")


def check_claim(claim: str, evidence: Sequence[str]) -> Verdict:
    """Check one sentence against the passages it cites.

    Supported needs its words, all its numbers and names and all quoted words in the evidence, and
    no clause of the evidence that says the opposite.  `evidence` may be empty: nothing supports it then.
    """
    if isinstance(evidence, str):
        evidence = [evidence]
    said = _plain(claim)
    if not stems(said):
        return Verdict(label="unsupported", score=0.0, reasons=["the claim states nothing that could be checked"])
    if _stands_in(said, evidence):
        return Verdict(label="supported", score=1.0, reasons=["verbatim: the words stand in the evidence"])
    sentences = [text[start:end] for text in evidence for start, end in split_sentences(text)]
    if not sentences:
        return Verdict(label="unsupported", score=0.0, reasons=["there is no evidence"])
    words = list(dict.fromkeys(stems(claim)))
    best = max(sentences, key=lambda sentence: _coverage(words, stems(sentence)))
    near = _near(words, sentences)
    held = list(dict.fromkeys(item for sentence in near for item in stems(sentence)))
    coverage = _coverage(words, held)
    for quoted in _QUOTED.findall(claim):
        if not any(_plain(quoted) in _plain(text) for text in evidence):
            return Verdict(
                label="unsupported", score=0.05, reasons=[f"quote: “{quoted}” does not stand in the evidence"]
            )
    numbers = [word for word in words if word[0].isdigit() and word not in held]
    if numbers:
        other = [word for word in stems(best) if word[0].isdigit() and word not in words]
        rest = [word for word in words if not word[0].isdigit()]
        if other and _coverage(rest, stems(best)) >= SUPPORTED_FROM:
            return Verdict(
                label="contradicted",
                score=0.02,
                reasons=[f"number: {', '.join(numbers)} claimed, the evidence has {', '.join(other)}"],
            )
        return Verdict(
            label="unsupported", score=0.05, reasons=[f"number: {', '.join(numbers)} does not stand in the evidence"]
        )
    names = [word for word in _names(claim) if stem(word) not in held]
    if names:
        return Verdict(
            label="unsupported", score=0.1, reasons=[f"name: {', '.join(names)} does not stand in the evidence"]
        )
    if coverage < SUPPORTED_FROM:
        missing = [word for word in words if word not in held]
        return Verdict(
            label="unsupported",
            score=round(coverage / 2, 3),
            reasons=[f"words: nothing says “{', '.join(missing[:5])}”"],
        )
    opposed = _opposed(claim, words, best)
    if opposed:
        return Verdict(label="contradicted", score=0.05, reasons=[f"negation: the evidence says “{opposed}”"])
    return Verdict(
        label="supported",
        score=round(min(0.99, coverage), 3),
        reasons=[f"words: {coverage:.0%} of the claim stand in the evidence"],
    )


def _stands_in(said: str, evidence: Sequence[str]) -> bool:
    """Whether the claim stands word for word, and not inside a sentence that denies it ("Nobody says that …")."""
    for text in map(_plain, evidence):
        place = text.find(said)
        if place < 0:
            continue
        around = next((text[a:b] for a, b in split_sentences(text) if a <= place and place + len(said) <= b), said)
        if denies(around) == denies(said):
            return True
    return False


def _near(words: Sequence[str], sentences: Sequence[str]) -> list[str]:
    """The best sentence and its neighbours: claims may not be pieced together from far apart."""
    place = max(range(len(sentences)), key=lambda i: _coverage(words, stems(sentences[i])))
    return list(sentences[max(0, place - 1) : place + 2])


def _opposed(claim: str, words: Sequence[str], sentence: str) -> str | None:
    """The clause of the evidence that holds most of the claim's words, where one is negated and the other is not."""
    ranked = sorted(clauses(sentence), key=lambda clause: -_coverage(words, stems(clause)))
    if ranked and denies(ranked[0]) != denies(claim) and set(stems(ranked[0])).intersection(words):
        return ranked[0]
    return None


def _coverage(words: Sequence[str], held: Sequence[str]) -> float:
    there = frozenset(held)
    total = sum(weight(word) for word in words)
    met = sum(
        weight(word) * (1.0 if word in there else max((synonymy(word, other) for other in there), default=0.0))
        for word in words
    )
    return met / total if total else 0.0


def _names(text: str) -> list[str]:
    found = []
    for place, match in enumerate(WORD.finditer(text)):
        word = match.group()
        if word[0].isupper() and stem(word) and not denies(word) and (place > 0 or weight(stem(word) or "") > 0.6):
            found.append(word)
    return found


def _plain(text: str) -> str:
    text = text.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"')
    return " ".join(text.split()).strip(" .").casefold()
