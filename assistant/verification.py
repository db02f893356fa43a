"""Verification: whether a sentence is supported by the words it cites.

The checker reads claim and evidence together, exact checks compare them word by word
(`discrepancy.py`), and a logistic regression joins the two to one calibrated probability
(made by `training/verification.py`).  A claim with a number, a date, a name or a quotation that the
evidence does not hold, or that the evidence plainly denies, is never supported, whatever the
checker makes of it; a number that may be worked out of two others counts against it and decides nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Literal

from assistant.checker import Checker, Entailment, load_checker
from assistant.discrepancy import COVERED_FROM, Discrepancy, anchoring, coverage, discrepancies, near, plain
from assistant.polarity import denies
from assistant.regression import probability
from assistant.sentences import split_sentences
from assistant.terms import stems

Label = Literal["supported", "contradicted", "unsupported", "unchecked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a claim is supported by its evidence, and why."""

    label: Label
    """`unchecked` is given only where nothing was checked."""
    score: float
    """Probability of support, 0..1, calibrated on held-aside pairs; 1 for verbatim words."""
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
    mended: bool = False
    """Whether a language model cited other words for it than those that support it."""
    removed: bool = False
    """Whether it was drafted and taken out, so that it is no part of the answer's text."""


def check_claim(claim: str, evidence: Sequence[str], *, checker: Checker | None = None) -> Verdict:
    """Check one sentence against the passages it cites.

    Supported needs the checker and the exact checks to agree; words that stand in the evidence
    need no more.  `evidence` may be empty: nothing supports it then.  `checker` is the package's
    own where none is given; raises ModelError where that cannot be loaded.
    """
    if isinstance(evidence, str):
        evidence = [evidence]
    settled = _settled(claim, evidence)
    if settled is not None:
        return settled
    sentences = sentences_of(evidence)
    entailment = (checker or load_checker()).check(claim, sentences)
    found = discrepancies(claim, evidence, sentences)
    score = probability(_weights(), features(claim, sentences, entailment, found))
    sure = entailment.supported >= SURE_FROM
    decisive = [item for item in found if not item.soft and not (item.kind == "scattered" and sure)]
    if decisive or score < 0.5:
        return _refused(claim, sentences, entailment, found, min(score, 0.49))
    reasons = [f"entailment: the evidence says so ({entailment.supported:.0%})"]
    reasons += [f"{item.kind}: {item.text}" for item in found]
    return Verdict(label="supported", score=round(score, 3), reasons=reasons)


def _refused(
    claim: str, sentences: Sequence[str], entailment: Entailment, found: Sequence[Discrepancy], score: float
) -> Verdict:
    words = list(dict.fromkeys(stems(claim)))
    nearest = max(coverage(words, stems(sentence)) for sentence in sentences)
    opposed = any(item.opposed for item in found) or (entailment.contradicted > 0.5 and nearest >= 0.4)
    reasons = [f"{item.kind}: {item.text}" for item in found]
    if opposed and not any(item.opposed for item in found):
        reasons.append(f"entailment: the evidence says otherwise ({1 - entailment.supported:.0%})")
    elif all(item.kind == "sum" for item in found):
        held = {word for sentence in sentences for word in stems(sentence)}
        lacking = [word for word in words if word not in held]
        silent = f"; nothing says “{', '.join(lacking[:5])}”" if lacking else ""
        reasons.append(f"entailment: the evidence does not say so ({1 - entailment.supported:.0%}){silent}")
    return Verdict(label="contradicted" if opposed else "unsupported", score=round(score, 3), reasons=reasons)


SURE_FROM = 0.7
"""The checker's share from which words may stand far apart: a claim may well sum up a long text."""
FEATURES = (
    "entailment",
    "coverage",
    "pairs",
    "anchoring",
    "number",
    "counted",
    "sum",
    "date",
    "name",
    "negation",
    "quote",
    "length",
    "bias",
)
"""What the regression weighs."""


def features(claim: str, sentences: Sequence[str], entailment: Entailment, found: Sequence[Discrepancy]) -> list[float]:
    """The values of FEATURES."""
    said = stems(claim)
    words = list(dict.fromkeys(said))
    held = [stems(sentence) for sentence in sentences]
    together = {pair for sentence in held for pair in pairwise(sentence)}
    pairs = list(pairwise(said))
    kinds = [item.kind for item in found if item.kind != "number" or not item.soft]
    return [
        max(-12.0, min(12.0, entailment.logit)) / 4,
        coverage(words, [word for sentence in held for word in sentence]),
        sum(pair in together for pair in pairs) / len(pairs) if pairs else 0.5,
        anchoring(claim, sentences),
        float("number" in kinds),
        float(any(item.kind == "number" and item.soft for item in found)),
        float("sum" in kinds),
        float("date" in kinds),
        min(kinds.count("name"), 3) / 3,
        float("negation" in kinds),
        float("quote" in kinds),
        min(len(words), 30) / 30,
        1.0,
    ]


def sentences_of(evidence: Sequence[str]) -> list[str]:
    """The sentences of all texts, in their order."""
    return [text[start:end] for text in evidence for start, end in split_sentences(text)]


def _settled(claim: str, evidence: Sequence[str]) -> Verdict | None:
    """The verdict where nothing need be weighed: no words, verbatim words, no evidence."""
    said = plain(claim)
    if not stems(said):
        return Verdict(label="unsupported", score=0.0, reasons=["the claim states nothing that could be checked"])
    if said.endswith("?"):
        return Verdict(label="unsupported", score=0.0, reasons=["the claim asks, and states nothing"])
    around = _stands_in(said, evidence)
    if around is not None and denies(around) == denies(said):
        return Verdict(label="supported", score=1.0, reasons=["verbatim: the words stand in the evidence"])
    if around is not None:
        return Verdict(label="contradicted", score=0.02, reasons=[f"negation: the evidence says “{around}”"])
    if not any(stems(text) for text in evidence):
        return Verdict(label="unsupported", score=0.0, reasons=["there is no evidence"])
    return None


def _stands_in(said: str, evidence: Sequence[str]) -> str | None:
    """The sentence in which the claim stands word for word, one that does not deny it ("Nobody says …") before others."""
    found = None
    for text in map(plain, evidence):
        place = text.find(said)
        if place < 0:
            continue
        around = next((text[a:b] for a, b in split_sentences(text) if a <= place and place + len(said) <= b), said)
        if denies(around) == denies(said):
            return around
        found = around
    return found


@cache
def _weights() -> list[float]:
    path = files("assistant") / "data" / "verification.json"
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return [float(data["weights"][name]) for name in FEATURES]


# The second opinion


def check_claim_lexical(claim: str, evidence: Sequence[str]) -> Verdict:
    """The same question answered without the checker, by words alone: a second opinion and a yardstick.

    Supported needs its words, all its numbers and names and all quoted words in the best sentence and
    its neighbours, and no clause of the evidence that says the opposite.
    """
    if isinstance(evidence, str):
        evidence = [evidence]
    settled = _settled(claim, evidence)
    if settled is not None:
        return settled
    sentences = sentences_of(evidence)
    words = list(dict.fromkeys(stems(claim)))
    around = near(words, sentences)
    held = list(dict.fromkeys(item for sentence in around for item in stems(sentence)))
    found = discrepancies(claim, evidence, around)
    covered = coverage(words, held)
    if covered < COVERED_FROM and all(item.kind == "negation" for item in found):
        lacking = [word for word in words if word not in held]
        reason = f"words: nothing says “{', '.join(lacking[:5])}”"
        return Verdict(label="unsupported", score=round(covered / 2, 3), reasons=[reason])
    if found:
        label: Label = "contradicted" if found[0].opposed else "unsupported"
        return Verdict(label=label, score=0.05, reasons=[f"{item.kind}: {item.text}" for item in found])
    reasons = [f"words: {covered:.0%} of the claim stand in the evidence"]
    return Verdict(label="supported", score=round(min(0.99, covered), 3), reasons=reasons)
