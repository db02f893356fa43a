"""Discrepancies: what a claim says that its evidence, read word by word, does not.

The exact checks that a small neural model misses: quoted words, numbers, dates, names, negation and
who did what to whom.  They say nothing of what the words mean together; `checker.py` does.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from assistant.matching import known, same_name, synonymy
from assistant.polarity import clauses, denies
from assistant.quantities import missing, quantities, worked_out
from assistant.roles import exchanged
from assistant.terms import WORD, stem, stems, terms, weight

Kind = Literal["quote", "number", "sum", "date", "name", "negation", "role", "scattered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One thing that a claim says and its evidence does not."""

    kind: Kind
    """What sort of thing."""
    text: str
    """What was found and what was looked for, for a person to read."""
    opposed: bool = False
    """Whether the evidence says something else in its place, and is not only silent."""
    soft: bool = False
    """Whether it may be none: a number in words, which may be counted from what is listed; a sum; a denial of something else."""


COVERED_FROM = 0.75
"""Share of a claim's words, by weight, from which the evidence is about the same thing."""
_QUOTED = re.compile(r"[“«]([^”»\"]+)[”»\"]|\"([^\"]+)\"")
QUOTED_CHARS = 8
"""Shorter quoted words are a title or a manner of speaking."""
_MONTHS = "january february march april may june july august september october november december".split()
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_DATE_WORD = re.compile(
    rf"\b(?:{'|'.join(month.capitalize() for month in _MONTHS if month != 'may')}|May(?= \d)|(?<=\d )May|(?<=in )May|"
    rf"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|{'|'.join(day.capitalize() for day in _DAYS)}|"
    r"Mon|Tues?|Wed|Thurs?|Fri|Sat|Sun)\b"
)


def discrepancies(claim: str, evidence: Sequence[str], sentences: Sequence[str]) -> list[Discrepancy]:
    """All of a claim against its evidence, given as texts and as their sentences (neither empty)."""
    found = [
        Discrepancy(kind="quote", text=f"“{quoted}” does not stand in the evidence")
        for quoted in quotations(claim)
        if not any(_letters(quoted) in _letters(text) for text in evidence)
    ]
    words = list(dict.fromkeys(stems(claim)))
    place = _nearest(words, sentences)
    best = sentences[place]
    found += _numbers(claim, sentences, words, best)
    found += _dates(claim, sentences)
    found += _names(claim, sentences)
    opposed = _denied(claim, words, best)
    if opposed:
        sure = coverage(words, stems(opposed)) >= COVERED_FROM
        found.append(Discrepancy(kind="negation", text=f"the evidence says “{opposed}”", opposed=True, soft=not sure))
    turned = exchanged(claim, sentences)
    if turned:
        text = f"in the evidence it is the other way round: who “{turned[1].word}” whom is exchanged"
        found.append(Discrepancy(kind="role", text=text, opposed=True))
    if len(evidence) == 1 and _scattered(words, sentences, place):
        found.append(
            Discrepancy(kind="scattered", text="its words stand far apart in the evidence, and nowhere together")
        )
    return found


def quotations(text: str) -> list[str]:
    """What stands in quotation marks, each pair from its opening to its closing one; short ones are left out."""
    found = (match[1] or match[2] for match in _QUOTED.finditer(text))
    return [quoted for quoted in found if len(quoted) >= QUOTED_CHARS]


def _letters(text: str) -> str:
    """Letters and digits alone: how a quotation is spaced and where its commas stand is not what is said."""
    return re.sub(r"[\W_]+", "", text).casefold()


def near(words: Sequence[str], sentences: Sequence[str]) -> list[str]:
    """The sentence that holds most of a claim's words, and its neighbours."""
    return _with_neighbours(sentences, _nearest(words, sentences))


def _nearest(words: Sequence[str], sentences: Sequence[str]) -> int:
    """Place of the sentence that holds most of a claim's words, the first of equals."""
    return max(range(len(sentences)), key=lambda place: coverage(words, stems(sentences[place])))


def _with_neighbours(sentences: Sequence[str], place: int) -> list[str]:
    return list(sentences[max(0, place - 1) : place + 2])


def _scattered(words: Sequence[str], sentences: Sequence[str], nearest: int) -> bool:
    """Whether a claim is pieced together from sentences that have nothing to do with each other."""
    if len(sentences) < 4:
        return False
    everywhere = coverage(words, _stems_of(sentences))
    together = coverage(words, _stems_of(_with_neighbours(sentences, nearest)))
    return everywhere >= COVERED_FROM and together < 0.6 * everywhere


def _stems_of(sentences: Sequence[str]) -> list[str]:
    return [stemmed for sentence in sentences for stemmed in stems(sentence)]


def _numbers(claim: str, sentences: Sequence[str], words: Sequence[str], best: str) -> list[Discrepancy]:
    lacking = missing(claim, sentences)
    if not lacking:
        return []
    claimed = quantities(claim)
    others = [other.text for other in quantities(best) if other not in claimed]
    rest = [word for word in words if not word[0].isdigit()]
    instead = bool(others) and coverage(rest, stems(best)) >= COVERED_FROM
    end = f"claimed, the evidence has {', '.join(others)}" if instead else "does not stand in the evidence"
    found = []
    for item in lacking:
        how = next((how for text in map(" ".join, pairwise([*sentences, ""])) if (how := worked_out(item, text))), None)
        kind: Kind = "sum" if how else "number"
        told = f"{item.text} {end}" + (f"; it may be worked out ({how})" if how else "")
        found.append(Discrepancy(kind=kind, text=told, opposed=instead, soft=bool(how) or item.spelled))
    return found


def _date_words(text: str) -> dict[str, str]:
    return {match.group().lower()[:3]: match.group() for match in _DATE_WORD.finditer(text)}


def _dates(claim: str, sentences: Sequence[str]) -> list[Discrepancy]:
    """Months and days of the week; their numbers are numbers."""
    given = {key for sentence in sentences for key in _date_words(sentence)}
    lacking = [word for key, word in _date_words(claim).items() if key not in given]
    kinds = [[name[:3] for name in names] for names in (_MONTHS, _DAYS)]
    return [
        Discrepancy(
            kind="date",
            text=f"{word} does not stand in the evidence",
            opposed=any(word.lower()[:3] in names and given.intersection(names) for names in kinds),
        )
        for word in lacking
    ]


def _names(claim: str, sentences: Sequence[str]) -> list[Discrepancy]:
    held = {item for sentence in sentences for item in stems(sentence)}
    initials = _initials(sentences)
    lacking = []
    for place, match in enumerate(WORD.finditer(claim)):
        word, stemmed = match.group(), stem(match.group())
        if not stemmed or not word[0].isupper() or denies(word) or word.lower()[:3] in _date_words(word):
            continue
        if place == 0 and known(stemmed):  # a common word that only begins the sentence
            continue
        if stemmed in held or word.replace(".", "") in initials or quantities(word):
            continue
        if any(same_name(stemmed, other) for other in held):
            continue
        lacking.append(word)
    return [Discrepancy(kind="name", text=f"{word} does not stand in the evidence") for word in dict.fromkeys(lacking)]


def _initials(sentences: Sequence[str]) -> set[str]:
    """What the names of a text shorten to: "AES" for "Alliance des États du Sahel"."""
    found: set[str] = set()
    for sentence in sentences:
        words = [word for word in re.findall(r"[^\W\d_][\w’'-]*", sentence)]
        capital = [word for word in words if word[0].isupper()]
        for size in range(2, 6):
            found.update("".join(word[0] for word in capital[i : i + size]) for i in range(len(capital) - size + 1))
    return found


def _denied(claim: str, words: Sequence[str], sentence: str) -> str | None:
    """The clause of the evidence that holds most of the claim's words, where one is negated and the other is not."""
    ranked = sorted(clauses(sentence), key=lambda clause: -coverage(words, stems(clause)))
    if ranked and denies(ranked[0]) != denies(claim) and set(stems(ranked[0])).intersection(words):
        return ranked[0]
    return None


def anchoring(claim: str, sentences: Sequence[str]) -> float:
    """How far each number and name of a claim stands among the same words as in the evidence, 0..1; the least of all.

    A number or name that is there, and there belongs to something else, is what a check for presence misses.
    1 where the claim has none, or none that the evidence holds.
    """
    held = [terms(sentence) for sentence in sentences]
    stemmed = [[term.stem for term in sentence] for sentence in held]
    said = terms(claim)
    least = 1.0
    for place, term in enumerate(said):
        if not (claim[term.start].isupper() and place) and not term.stem[0].isdigit():
            continue
        around = [other.stem for other in said[max(0, place - 2) : place + 3] if other is not term]
        places = [
            (s, i) for s, sentence in enumerate(stemmed) for i, other in enumerate(sentence) if other == term.stem
        ]
        if not around or not places:
            continue
        best = max(coverage(around, stemmed[s][max(0, i - 4) : i + 5]) for s, i in places)
        least = min(least, best)
    return least


def coverage(words: Sequence[str], held: Sequence[str]) -> float:
    """Share of stems, by weight, that a text holds or names by another word, 0..1."""
    there = frozenset(held)
    total = sum(weight(word) for word in words)
    met = sum(
        weight(word) * (1.0 if word in there else max((synonymy(word, other) for other in there), default=0.0))
        for word in words
    )
    return met / total if total else 0.0


def plain(text: str) -> str:
    """A text for comparing word for word: one kind of quotation mark and space, no case."""
    text = text.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"')
    return " ".join(text.split()).strip(" .").casefold()
