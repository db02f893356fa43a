"""Scoring: the table of all scores, and a reply held against a case by each of them."""

from collections.abc import Callable
from dataclasses import dataclass

from assistant import Reply
from eval.cases import Case
from eval.scores import citations, conversation, groundedness, quotes, ranking, status, words
from eval.scores.score import Documents, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One score: what it is called, what it says, and how it is taken."""

    name: str
    """Name in results, in `compare` and in `gate`."""
    title: str
    """Name for a person."""
    family: str
    """Which part of the report it belongs to."""
    meaning: str
    """What it says, in a sentence."""
    take: Callable[[Case, Reply, Documents], Score]
    """Takes it of a reply."""


MEASURES = (
    Measure(
        name="right",
        title="Right",
        family="answer",
        meaning="the status is an accepted one, and the gold words stand in a quote of at most 400 characters",
        take=quotes.right,
    ),
    Measure(
        name="status_right",
        title="Status right",
        family="answer",
        meaning="the reply says rightly how far the sources answer",
        take=status.status_right,
    ),
    Measure(
        name="gold_quoted",
        title="Gold words quoted",
        family="answer",
        meaning="the gold words stand in a quote of at most 400 characters",
        take=quotes.gold_quoted,
    ),
    Measure(
        name="answer_f1",
        title="Token F1",
        family="answer",
        meaning="words shared by the short answer and an accepted one; not answered counts 0",
        take=words.answer_f1,
    ),
    Measure(
        name="exact_match",
        title="Exact match",
        family="answer",
        meaning="the short answer is an accepted one; not answered counts 0",
        take=words.exact_match,
    ),
    Measure(
        name="rouge_l",
        title="RougeL",
        family="answer",
        meaning="longest common run of words with a reference answer; not answered counts 0",
        take=words.rouge_l,
    ),
    Measure(
        name="rouge_l_answered",
        title="RougeL, answered",
        family="answer",
        meaning="the same over what was answered",
        take=words.rouge_l_answered,
    ),
    Measure(
        name="answered",
        title="Answerable answered",
        family="abstention",
        meaning="questions that the sources answer and that were answered",
        take=status.answered,
    ),
    Measure(
        name="refused",
        title="Unanswerable refused",
        family="abstention",
        meaning="questions that the sources do not answer and that were not answered",
        take=status.refused,
    ),
    Measure(
        name="premise_caught",
        title="False premise caught",
        family="abstention",
        meaning="questions that assume what is not so, and the reply’s status says so",
        take=status.premise_caught,
    ),
    Measure(
        name="quote_exact",
        title="Quote exact",
        family="citations",
        meaning="quotes that stand word for word in the article they name; needs no checker",
        take=quotes.quote_exact,
    ),
    Measure(
        name="span_exact",
        title="Span exact",
        family="citations",
        meaning="citations whose offsets give just their quote; needs no checker",
        take=quotes.span_exact,
    ),
    Measure(
        name="citation_recall",
        title="Citation recall",
        family="citations",
        meaning="claims that all they cite supports, by the checker",
        take=citations.citation_recall,
    ),
    Measure(
        name="citation_precision",
        title="Citation precision",
        family="citations",
        meaning="citations that their claim needs, by the checker",
        take=citations.citation_precision,
    ),
    Measure(
        name="grounded",
        title="Grounded in what it cites",
        family="groundedness",
        meaning="claims that the words they cite support, by the checker",
        take=groundedness.grounded,
    ),
    Measure(
        name="grounded_by_words",
        title="The same, second opinion",
        family="groundedness",
        meaning="claims that the words they cite support, by the lexical checker",
        take=groundedness.grounded_by_words,
    ),
    Measure(
        name="grounded_retrieved",
        title="Grounded in anything retrieved",
        family="groundedness",
        meaning="claims that anything retrieved supports, by the checker",
        take=groundedness.grounded_retrieved,
    ),
    Measure(
        name="gold_retrieved",
        title="Gold words retrieved",
        family="retrieval",
        meaning="the first five passages hold the gold words",
        take=ranking.gold_retrieved,
    ),
    Measure(
        name="hit_at_5",
        title="hit@5",
        family="retrieval",
        meaning="a relevant article is among the first five",
        take=ranking.hit_at_5,
    ),
    Measure(
        name="recall_at_10",
        title="recall@10",
        family="retrieval",
        meaning="share of the relevant articles among the first ten",
        take=ranking.recall_at_10,
    ),
    Measure(
        name="mrr",
        title="MRR",
        family="retrieval",
        meaning="one over the place of the first relevant article",
        take=ranking.reciprocal_rank,
    ),
    Measure(
        name="ndcg_at_10",
        title="nDCG@10",
        family="retrieval",
        meaning="relevant articles among the first ten, the higher the better",
        take=ranking.ndcg_at_10,
    ),
    Measure(
        name="rewrite_f1",
        title="Question as searched",
        family="conversation",
        meaning="words shared by the searched question and a person's rewriting",
        take=conversation.rewrite_f1,
    ),
    Measure(
        name="typed_f1",
        title="Question as typed",
        family="conversation",
        meaning="the same for the question as typed: what doing nothing scores",
        take=conversation.typed_f1,
    ),
)
"""All scores, in the order of the report."""

BY_NAME = {measure.name: measure for measure in MEASURES}


def score(case: Case, reply: Reply, documents: Documents) -> dict[str, Score]:
    """Every score of a reply, by name."""
    return {measure.name: measure.take(case, reply, documents) for measure in MEASURES}
