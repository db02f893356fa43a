"""Fit `assistant/data/evidence.json`: how relevant a sentence is, and whether the question is answered.

    python -m training.evidence --examples DIR/examples.jsonl.gz

Two logistic regressions over the features of `assistant/evidence.py`, on those examples of
`training/reader.py` that the reader was not trained on (its validation and test articles).
Sentences: the one that holds the answer against the others of its passage.  Answered:
answerable questions against unanswerable ones of every sort, both sides weighted alike, and the
news articles written for training as much as all the rest, for news is what is asked of.
Split by passage: three quarters to fit, the rest to report; of the written articles the test part.
"""

import argparse
import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from assistant.checker import load_checker
from assistant.documents import Document
from assistant.embedding import load_embedder
from assistant.evidence import (
    ANSWER_FEATURES,
    SENTENCE_FEATURES,
    Evidence,
    Weights,
    answer_features,
    check_answer,
    find_evidence,
    rank,
    sentence_features,
)
from assistant.index import Index, build_index
from assistant.question import Question, parse_question
from assistant.reader import Reading, load_reader
from assistant.retrieval import Hit, retrieve
from assistant.settings import Settings
from training.reader_data import Example, read_examples
from training.texts import drawn

TARGET = Path(__file__).parent.parent / "assistant" / "data" / "evidence.json"
LEFT_OUT = ("qamr", "qasrl", "policyqa")
"""Sets of single sentences, or of another kind of text than news."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--reader", type=Path, help="folder of a reader other than the shipped one")
    parser.add_argument("--most", type=int, default=350, help="examples of each sort and set")
    parser.add_argument("--checker", type=Path, help="folder of a checker other than the shipped one")
    parser.add_argument("--dry", action="store_true", help="print, and leave the file as it is")
    arguments = parser.parse_args()
    examples = chosen(read_examples(arguments.examples), arguments.most)
    checker = load_checker(arguments.checker)
    rows = ask(examples, arguments.reader)
    held = np.asarray([is_held_out(row.example) for row in rows])
    xs, ys, places = [], [], []
    for place, row in enumerate(rows):
        for item in row.found if row.example.spans else ():
            xs.append(sentence_features(item, row.question, row.hits[item.hit].score, row.readings[item.hit]))
            ys.append(answers(item, row.example))
            places.append(place)
    news = np.asarray([row.example.source == "written" for row in rows])
    sentence = fit("sentence", SENTENCE_FEATURES, np.asarray(xs), np.asarray(ys), held[places], news[places])
    weights = Weights(sentence=sentence, answer=())
    ranked = [rank(row.found, row.question, row.hits, row.readings, weights) for row in rows]
    tried = [
        answers(found[0], row.example)
        for row, found, out in zip(rows, ranked, held, strict=True)
        if row.example.spans and out
    ]
    print(f"held-out passages: answer in the first sentence {sum(tried)}/{len(tried)}")
    checked = [
        check_answer(row.index, row.question, found[0], checker) for row, found in zip(rows, ranked, strict=True)
    ]
    x = np.asarray(
        [
            answer_features(row.question, found, row.hits, row.readings, logit)
            for row, found, logit in zip(rows, ranked, checked, strict=True)
        ]
    )
    y = np.asarray([bool(row.example.spans) for row in rows])
    sorts = np.asarray([row.example.kind for row in rows])
    print("without the checker:")
    blind = x.copy()
    blind[:, ANSWER_FEATURES.index("checked")] = 0
    fit("answer", ANSWER_FEATURES, blind, y, held, news, quiet=True)
    answer = fit("answer", ANSWER_FEATURES, x, y, held, news)
    for name, inside in (("written", news), ("all others", ~news)):
        print(f"{name}:")
        report(x, y, held & inside, sorts, np.asarray(answer))
    if not arguments.dry:
        model = {"sentence": sentence, "answer": answer, "about": "made by training/evidence.py"}
        TARGET.write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An example as the assistant sees it."""

    example: Example
    index: Index
    question: Question
    hits: list[Hit]
    readings: list[Reading]
    found: list[Evidence]


def answers(item: Evidence, example: Example) -> bool:
    return any(item.start <= start < item.end for start, _ in example.spans)


def chosen(examples: list[Example], most: int) -> list[Example]:
    """Held-out examples of text that reads like articles, so many of each sort and set, in a fixed order."""
    kept = defaultdict(list)
    for example in examples:
        if example.part != "train" and example.source not in LEFT_OUT and len(example.context) >= 200:
            kept[example.kind, example.source].append(example)
    picked = [example for group in kept.values() for example in sorted(group, key=_digest)[:most]]
    print(Counter((example.kind, example.source) for example in picked))
    return picked


def _digest(example: Example) -> str:
    return hashlib.sha256(f"{example.question}\n{example.context}".encode()).hexdigest()


def is_held_out(example: Example) -> bool:
    if example.source == "written":
        return example.part == "test"
    return drawn(example.context, 4) == 0


def ask(examples: list[Example], folder: Path | None) -> list[Row]:
    embedder, reader, settings = load_embedder(), load_reader(folder), Settings()
    contexts = sorted({example.context for example in examples})
    indexes = {text: build_index([Document(id="a", title=" ", text=text)], embedder, settings) for text in contexts}
    parsed = {text: parse_question(text) for text in sorted({example.question for example in examples})}
    queries = [question.query for question in parsed.values()]
    embedded = embedder.embed(queries, [[]] * len(queries))
    vectors = {text: item.vector for text, item in zip(parsed, embedded, strict=True)}
    rows = []
    for example in examples:
        question, vector, index = parsed[example.question], vectors[example.question], indexes[example.context]
        hits = retrieve(index, question.text, vector, settings, words=question.searched)
        readings = reader.read(question.read, [hit.passage.text for hit in hits])
        unranked = Weights(sentence=(0.0,) * len(SENTENCE_FEATURES), answer=())
        found = find_evidence(index, question, vector, hits, readings, unranked) if hits else []
        if found:
            rows.append(Row(example=example, index=index, question=question, hits=hits, readings=readings, found=found))
    return rows


def report(x: Any, y: Any, out: Any, sorts: Any, weights: Any) -> None:
    """Print how the sorts of unanswerable questions fare, and what passes where a given share is refused."""
    scores = 1 / (1 + np.exp(-(x @ weights)))
    answered = out & y
    for sort in sorted(set(sorts[out & ~y])):
        own = out & (sorts == sort)
        both = answered | own
        print(f"  {sort:14} {own.sum():5} AUROC {roc_auc_score(y[both], scores[both]):.3f}")
    for refused in (0.5, 0.6, 0.7, 0.8, 0.9):
        level = np.quantile(scores[out & ~y], refused)
        print(f"  refusing {refused:.0%} at {level:.2f} answers {(scores[answered] >= level).mean():.1%}")
    for low in np.arange(0, 1, 0.1):
        inside = out & (scores >= low) & (scores < low + 0.1)
        if inside.any():
            print(f"  {low:.1f} to {low + 0.1:.1f}: {inside.sum():5}, answerable {y[inside].mean():.2f}")


def fit(
    name: str, features: tuple[str, ...], x: Any, y: Any, out: Any, news: Any, *, quiet: bool = False
) -> tuple[float, ...]:
    weights = np.ones(len(y))
    for inside in (news & ~out, ~news & ~out):
        for label in (y, ~y) if name == "answer" else (y | True,):
            weights[inside & label] = 1 / max(1, (inside & label).sum())
    weights *= (~out).sum() / weights[~out].sum()
    fitted = LogisticRegression(C=1.0, fit_intercept=False, max_iter=2000)
    fitted.fit(x[~out], y[~out], sample_weight=weights[~out])
    for where, inside in (("all", out), ("written", out & news)):
        area = roc_auc_score(y[inside], fitted.predict_proba(x[inside])[:, 1]) if inside.any() else float("nan")
        print(f"{name}: {len(y) - out.sum()} fitted, {inside.sum()} held out ({where}), AUROC {area:.3f}")
    for feature, weight in zip(features, fitted.coef_[0], strict=True):
        if not quiet:
            print(f"  {feature:16} {weight:+.2f}")
    return tuple(round(float(value), 4) for value in fitted.coef_[0])


if __name__ == "__main__":
    main()
