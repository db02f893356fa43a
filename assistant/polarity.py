"""Polarity: what a sentence denies, clause by clause."""

import re
from collections.abc import Collection

from assistant.terms import stems

_DENIAL = re.compile(
    r"\b(?:not|no|never|neither|nor|none|nobody|nothing|without|cannot|hardly|barely|yet to|"
    r"reject(?:s|ed|ing)?|refus(?:e|es|ed|ing)|den(?:y|ies|ied|ying)|oppos(?:e|es|ed|ing)|declin(?:e|es|ed|ing) to|rul(?:e|es|ed|ing) out|"
    r"fail(?:s|ed|ing)? to|stop(?:s|ped|ping)?|prevent(?:s|ed|ing)?|ban(?:ned|ning)|lack(?:s|ed|ing)?|abandon(?:s|ed|ing)?|"
    r"ne|pas|jamais|aucune?|sans)\b|n['’]t\b",
    re.IGNORECASE,
)
_NOT_DENIAL = re.compile(
    r"\b(?:not only|no doubt|no longer than|nothing but|not just|whether or not|not to mention)\b", re.IGNORECASE
)
_CLAUSE = re.compile(
    r"[,;:()—–]|\s-\s|\b(?:but|although|though|while|whereas|however|because|which|who|since)\b|"
    r"\band(?=\s+(?:has|have|had|is|are|was|were|do|does|did|will|would|can|could|may|might|must|should|not|never)\b)|"
    # Sentences of one quotation; "Mr." and "U.S." end none.
    r"(?-i:(?<=[a-z\d][a-z\d][.!?])[\"”’']?\s+(?=[\"“‘']?[A-Z]))",
    re.IGNORECASE,
)


def denies(text: str) -> bool:
    """Whether a clause is negated: an odd number of denials ("not", "refused", "without")."""
    return len(_DENIAL.findall(_NOT_DENIAL.sub(" ", text))) % 2 == 1


def clauses(sentence: str) -> list[str]:
    """A sentence cut at its commas, dashes and conjunctions; empty pieces left out."""
    pieces, first = [], 0
    for match in _CLAUSE.finditer(sentence):
        pieces.append(sentence[first : match.start()])
        first = match.start() if match.group().isalpha() else match.end()
    pieces.append(sentence[first:])
    return [piece.strip() for piece in pieces if piece.strip()]


def denies_somewhere(sentence: str) -> bool:
    """Whether a clause of a sentence is negated."""
    return any(map(denies, clauses(sentence)))


def denied_about(sentence: str, wanted: Collection[str], named: Collection[str] = ()) -> bool:
    """Whether a sentence denies what the wanted stems say of those named.

    It does where the clause that holds most of the wanted stems is negated, or one that holds a
    name which that clause lacks ("prices rise for one console, but not for the Switch").
    """
    pieces = clauses(sentence)
    best, most = "", 0
    for clause in pieces:
        shared = len(set(stems(clause)).intersection(wanted))
        if shared > most or (shared == most and shared and denies(clause)):
            best, most = clause, shared
    if not most:
        return False
    apart = set(named).difference(stems(best))
    return denies(best) or any(denies(clause) and apart.intersection(stems(clause)) for clause in pieces)
