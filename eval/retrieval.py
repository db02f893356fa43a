"""Measure how well search finds the articles that answer a question: by meaning, by words, and both fused.

    python -m eval.retrieval --corpus C.jsonl.gz --queries Q.jsonl.gz --qrels R.tsv [--index DIR]
    python -m eval.retrieval --corpus STORIES.jsonl.gz --newsqa NEWSQA.jsonl.gz [--index DIR]

Questions are read and searched as the assistant does it; documents rank by their best passage.
Each figure is a mean over the questions with its bootstrap interval.  With `--index` the
passages are kept in a folder and searched with Chroma, and a run that was interrupted goes on;
without, they are searched exactly in memory and forgotten.  With `--read N` the reader reads the
first N fused passages of each question and orders them anew: by its score alone, and by the sum of
reciprocal ranks of both orders (Cormack et al. 2009, k = 60, nothing to tune).
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assistant.documents import gather
from assistant.embedding import Embedder, load_embedder
from assistant.index import Index, build_index
from assistant.question import Question, parse_question
from assistant.reader import Reader, load_reader
from assistant.retrieval import Hit, retrieve
from assistant.settings import Settings
from eval.corpora import Qrels, Task, read_documents, read_newsqa, read_task
from eval.indexing import indexed
from eval.interval import Estimate, mean
from eval.scores.ranking import documents_of, ranked

WEIGHTS = {"dense": 1.0, "BM25": 0.0, "fused": float(Settings.model_fields["dense_weight"].default)}
"""`dense_weight` of the systems compared; fused is what a user gets where nothing else is set."""
MEASURES = ("nDCG@10", "Success@5", "R@10", "RR")
"""In the words of ir_measures; Success@5 is hit@5, RR the reciprocal rank whose mean is MRR."""

READ = ("read", "fused + read")
"""Systems that order anew what fusion found: by the reader alone, and by both ranks."""
RANK_CONSTANT = 60
"""k of reciprocal rank fusion, as its authors set it."""

Scores = dict[str, dict[str, float]]
"""Value of a measure for a question: measure, then query id."""


def search(index: Index, embedder: Embedder, asked: Question, settings: Sequence[Settings]) -> list[list[Hit]]:
    """For each of the settings the passages found for a question."""
    vector = embedder.embed_query(asked.query)
    return [retrieve(index, asked.text, vector, own, words=asked.searched or None) for own in settings]


def read_again(reader: Reader, asked: Question, hits: Sequence[Hit], depth: int) -> list[list[Hit]]:
    """For each of READ the passages found, the first `depth` of them ordered anew."""
    readings = reader.read(asked.read, [hit.passage.text for hit in hits[:depth]])
    by_reader = sorted(range(len(readings)), key=lambda place: -readings[place].logit)
    rank = {place: number for number, place in enumerate(by_reader)}
    by_both = sorted(by_reader, key=lambda place: -1 / (RANK_CONSTANT + place) - 1 / (RANK_CONSTANT + rank[place]))
    return [[*(hits[place] for place in order), *hits[depth:]] for order in (by_reader, by_both)]


def scored(rankings: Mapping[str, Sequence[str]], qrels: Qrels) -> Scores:
    """Every measure for every judged question; one for which nothing was found scores 0."""
    return ranked(rankings, qrels, MEASURES)


def gain(scores: Mapping[str, Scores], measure: str) -> tuple[str, Estimate]:
    """The better of the single systems, and the mean of fused less it, paired question by question."""
    singles = [name for name in scores if name in WEIGHTS and name != "fused"]
    best = max(singles, key=lambda name: sum(scores[name][measure].values()))
    fused, single = scores["fused"][measure], scores[best][measure]
    return best, mean([fused[query] - single[query] for query in fused])


def table(scores: Mapping[str, Scores]) -> list[str]:
    """Each system's means with their intervals, then what fusing gains."""
    rows = [f"  {'':<10} {'':<12} {'mean [95 % interval]'}"]
    for measure in MEASURES:
        rows.extend(f"  {measure:<10} {name:<12} {mean(list(own[measure].values()))}" for name, own in scores.items())
        best, difference = gain(scores, measure)
        rows.append(f"  {'':<10} fused − {best}: {difference}")
        for name in READ:
            if name in scores:
                pairs = zip(scores[name][measure].values(), scores["fused"][measure].values(), strict=True)
                rows.append(f"  {'':<10} {name} − fused: {mean([own - other for own, other in pairs])}")
    return rows


def with_known_ids(task: Task, index: Index) -> Qrels:
    """The judgements under the ids that the index gives; an article of the same text answers for another."""
    known = {name for document in index.documents for name in (document.id, *document.aliases)}
    qrels: Qrels = {}
    for query, judged in task.qrels.items():
        own = qrels.setdefault(query, {})
        for document, grade in judged.items():
            id = index.document(document).id if document in known else document
            own[id] = max(grade, own.get(id, 0))
    return qrels


def records(
    task: Task, rankings: Mapping[str, Mapping[str, Sequence[str]]], scores: Mapping[str, Scores]
) -> Iterator[dict[str, Any]]:
    """What each system found for each question and how it scores, to compare versions question by question."""
    for query, text in task.queries.items():
        for name, own in rankings.items():
            values = {measure: round(scores[name][measure][query], 4) for measure in MEASURES}
            yield {"query": query, "text": text, "system": name, **values, "found": list(own[query][:10])}


def main() -> None:
    """Index the corpus, search every question and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="articles")
    parser.add_argument("--queries", type=Path, help="questions; needs --qrels")
    parser.add_argument("--qrels", type=Path, help="which articles are relevant to them")
    parser.add_argument("--newsqa", type=Path, help="NewsQA's rows, instead of --queries and --qrels")
    parser.add_argument("--depth", type=int, default=100, help="passages kept for a question (at most 100)")
    parser.add_argument("--read", type=int, default=0, metavar="N", help="fused passages that the reader orders anew")
    parser.add_argument("--index", type=Path, help="folder that keeps the index")
    parser.add_argument("--chunk", type=int, default=500, help="articles added to the kept index at a time")
    parser.add_argument("--out", type=Path, help="file of JSON lines for the scores of each question")
    arguments = parser.parse_args()
    if bool(arguments.newsqa) == bool(arguments.queries) or bool(arguments.queries) != bool(arguments.qrels):
        parser.error("give either --newsqa, or --queries with --qrels")
    task = read_newsqa(arguments.newsqa) if arguments.newsqa else read_task(arguments.queries, arguments.qrels)
    settings = Settings(hits=arguments.depth)
    embedder = load_embedder(settings.embedder, threads=settings.threads)
    documents = gather(read_documents(arguments.corpus))
    if arguments.index:
        index = indexed(arguments.index, documents, embedder, settings, chunk=arguments.chunk)
    else:
        index = build_index(documents, embedder, settings)
    qrels = with_known_ids(task, index)
    variants = [settings.model_copy(update={"dense_weight": weight}) for weight in WEIGHTS.values()]
    rankings: dict[str, dict[str, list[str]]] = {}
    reader = load_reader(threads=settings.threads) if arguments.read else None
    for number, (query, text) in enumerate(task.queries.items(), 1):
        if number % 200 == 0:
            print(f"{number:,} of {len(task.queries):,} questions", file=sys.stderr, flush=True)
        asked = parse_question(text)
        found = dict(zip(WEIGHTS, search(index, embedder, asked, variants), strict=True))
        if reader:
            found |= zip(READ, read_again(reader, asked, found["fused"], arguments.read), strict=True)
        for name, hits in found.items():
            rankings.setdefault(name, {})[query] = documents_of(hits)
    scores = {name: scored(own, qrels) for name, own in rankings.items()}
    print(f"{task.name}: {len(task.queries):,} questions, {len(documents):,} articles, {len(index):,} passages")
    print(
        f"  {embedder.name}, at most {settings.passage_tokens} tokens a passage, {settings.overlap_tokens} repeated; "
        f"{settings.candidates} candidates by each side, {settings.hits} passages kept; "
        f"{'Chroma' if arguments.index else 'exact search'}"
    )
    print(*table(scores), sep="\n")
    if arguments.out:
        with arguments.out.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in records(task, rankings, scores))


if __name__ == "__main__":
    main()
