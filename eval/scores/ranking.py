"""Ranking: whether search put the right articles on top; the formulas are ir_measures' own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assistant import Hit, Reply
from eval.cases import Case
from eval.scores.score import Documents, Score, not_applicable, scored

Qrels = Mapping[str, Mapping[str, int]]
"""Grade of a document for a question: query id, then document id."""


def ranked(rankings: Mapping[str, Sequence[str]], qrels: Qrels, measures: Sequence[str]) -> dict[str, dict[str, float]]:
    """Value by measure and query id; a judged question for which nothing was found scores 0.

    Measures are named in ir_measures' words: nDCG@10, Success@5 (hit@5), R@10, RR (its mean is MRR).
    """
    import ir_measures

    parsed = [ir_measures.parse_measure(name) for name in measures]
    judged = [ir_measures.Qrel(query, document, grade) for query, of in qrels.items() for document, grade in of.items()]
    values: dict[str, dict[str, float]] = {name: dict.fromkeys(qrels, 0.0) for name in measures}
    for metric in ir_measures.iter_calc(parsed, judged, _run(rankings)):
        values[str(metric.measure)][metric.query_id] = float(metric.value)
    return values


def _run(rankings: Mapping[str, Sequence[str]]) -> Iterator[Any]:
    import ir_measures

    for query, ranking in rankings.items():
        for place, document in enumerate(ranking):
            # one point less for each place: scores that are equal would be put into an order of their own
            yield ir_measures.ScoredDoc(query, document, float(-place))


def documents_of(hits: Sequence[Hit]) -> list[str]:
    """Ids of the documents of passages, each at its best passage, best first."""
    return list(dict.fromkeys(hit.passage.document_id for hit in hits))


def hit_at_5(case: Case, reply: Reply, documents: Documents) -> Score:
    """1 where a relevant article is among the first five."""
    return _measure("Success@5", case, reply, documents)


def recall_at_10(case: Case, reply: Reply, documents: Documents) -> Score:
    """Share of the relevant articles that are among the first ten."""
    return _measure("R@10", case, reply, documents)


def reciprocal_rank(case: Case, reply: Reply, documents: Documents) -> Score:
    """One over the place of the first relevant article; its mean is MRR."""
    return _measure("RR", case, reply, documents)


def ndcg_at_10(case: Case, reply: Reply, documents: Documents) -> Score:
    """Normalised discounted cumulative gain of the first ten articles (Järvelin and Kekäläinen 2002)."""
    return _measure("nDCG@10", case, reply, documents)


def gold_retrieved(case: Case, reply: Reply, documents: Documents) -> Score:
    """1 where the first five passages together hold a gold alternative."""
    if not case.gold:
        return not_applicable("the case names no words to be quoted")
    if reply.answerable is None and not reply.hits:
        return not_applicable("nothing was searched")
    found = case.gold_in("\n".join(hit.passage.text for hit in reply.hits[:5]))
    return scored(bool(found), "in the first five passages" if found else "not in the first five passages")


def _measure(name: str, case: Case, reply: Reply, documents: Documents) -> Score:
    if not case.relevant:
        return not_applicable("the case names no relevant article")
    if len(documents) < 2:
        return not_applicable("there is only one article")
    relevant = {_own_id(id, documents): grade for id, grade in case.relevant.items()}
    found = documents_of(reply.hits)
    value = ranked({"q": found}, {"q": relevant}, [name])[name]["q"]
    places = [str(found.index(id) + 1) for id in relevant if id in found]
    at = f"at place {', '.join(places)}" if places else "not found"
    return scored(value, f"{len(relevant)} relevant, {at} of {len(found)} articles found")


def _own_id(id: str, documents: Documents) -> str:
    """The id under which the index holds an article: one of identical text may answer for it."""
    return documents[id].id if id in documents else id
