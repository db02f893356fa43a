"""Words: the answer against reference answers, by the words they share.

Token F1 and exact match are SQuAD's (Rajpurkar et al. 2016: case, punctuation and articles do
not count), RougeL is the F-measure of Lin 2004 by the rouge-score package.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from assistant import Reply
from eval.cases import Case
from eval.scores.score import Documents, Score, answer_text, not_applicable, scored

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation + "“”‘’")


def normalise(text: str) -> str:
    """Lower case, no punctuation, no English articles, single spaces: SQuAD's form for comparing."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def token_f1(text: str, reference: str) -> float:
    """F-measure of the words that two texts share, each counted as often as it occurs, 0..1."""
    given, expected = normalise(text).split(), normalise(reference).split()
    if not given or not expected:
        return float(given == expected)
    shared = sum((Counter(given) & Counter(expected)).values())
    return 2 * shared / (len(given) + len(expected))


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenizers import DefaultTokenizer

    # Given, for the scorer says in the log that it takes its own, and that makes every library's log appear.
    return RougeScorer(["rougeL"], tokenizer=DefaultTokenizer(use_stemmer=False))


def rouge_l_of(text: str, references: Sequence[str]) -> float:
    """RougeL against the reference that fits best, without stemming, 0..1; 0 where there is none."""
    return max((float(_rouge().score(own, text)["rougeL"].fmeasure) for own in references), default=0.0)


def answer_f1(case: Case, reply: Reply, documents: Documents) -> Score:
    """Token F1 of the short answer, or of all words where there is none, with the best accepted answer."""
    given = _short_answer(case, reply)
    if isinstance(given, Score):
        return given
    best = max(case.short, key=lambda accepted: token_f1(given, accepted))
    return scored(token_f1(given, best), f"{given!r} against {best!r}")


def exact_match(case: Case, reply: Reply, documents: Documents) -> Score:
    """1 where the short answer is an accepted one, case, punctuation and articles aside."""
    given = _short_answer(case, reply)
    if isinstance(given, Score):
        return given
    matched = normalise(given) in {normalise(accepted) for accepted in case.short}
    return scored(matched, f"{given!r}, accepted: {' or '.join(map(repr, case.short))}")


def _short_answer(case: Case, reply: Reply) -> str | Score:
    """What is compared with the accepted short answers, or the score where there is nothing to compare."""
    if not case.short or case.answerable is False:
        return not_applicable("the case names no short answer")
    if reply.status != "answered":
        return scored(0, f"not answered: {reply.status}")
    return reply.short or answer_text(reply)


def rouge_l(case: Case, reply: Reply, documents: Documents) -> Score:
    """RougeL of the answer's words with the best reference; a refusal of what can be answered scores 0."""
    if not case.references:
        return not_applicable("the case has no reference answer")
    if reply.status != "answered":
        return scored(0, f"not answered: {reply.status}")
    return scored(rouge_l_of(answer_text(reply), case.references), f"best of {len(case.references)} references")


def rouge_l_answered(case: Case, reply: Reply, documents: Documents) -> Score:
    """RougeL over what was answered; beside `rouge_l` it tells what refusing costs."""
    if not case.references or reply.status != "answered":
        return not_applicable("no reference answer, or not answered")
    return rouge_l(case, reply, documents)
