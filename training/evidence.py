"""Fit `assistant/data/evidence.json`: how relevant a sentence is, and whether the question is answered.

    python -m training.evidence --answerable PATH/rc/squad_dev.jsonl.gz PATH/rc/afriqa_en.jsonl.gz \\
        PATH/rc/nq_oracle.jsonl.gz --unanswerable PATH/rc/squad_v2_unanswerable_dev.jsonl.gz

Two logistic regressions over the features of `assistant/evidence.py`.  Sentences: the one
that holds the answer against the others of its paragraph.  Answered: answerable questions
against unanswerable ones (SQuAD2's, and each answerable question asked of the nearest other
paragraph of its set that does not hold the answer), both sides weighted alike.  Questions
written by people who did not see the text (AfriQA, Natural Questions) stand beside SQuAD's,
which repeat its words.  Split by article: three quarters to fit, the rest to report.
"""

import argparse
import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from assistant import evidence as ev
from assistant.documents import Document
from assistant.embedding import Embedder, Vectors, load_embedder
from assistant.index import Index, build_index
from assistant.question import parse_question
from assistant.retrieval import retrieve
from assistant.settings import Settings

TARGET = Path(__file__).parent.parent / "assistant" / "data" / "evidence.json"
SEED = 20240917


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answerable", type=Path, nargs="+", required=True)
    parser.add_argument("--unanswerable", type=Path, nargs="+", required=True)
    parser.add_argument("--questions", type=int, default=1000, help="questions of each file")
    arguments = parser.parse_args()
    rng = random.Random(SEED)
    embedder, settings = load_embedder(), Settings()
    answerable, unanswerable, elsewhere = [], [], []
    for path in arguments.answerable:
        rows = _sample(path, arguments.questions, rng)
        answerable += rows
        elsewhere += _elsewhere(rows, embedder)
    for path in arguments.unanswerable:
        unanswerable += _sample(path, arguments.questions, rng)
    titles = sorted({_title(row) for row in answerable + unanswerable + elsewhere})
    rng.shuffle(titles)
    held_out = set(titles[: len(titles) // 4])
    contexts = sorted({row["context"] for row in answerable + unanswerable + elsewhere})
    indexes = _indexes(contexts, embedder, settings)
    questions = sorted({row["question"] for row in answerable + unanswerable})
    embedded = embedder.embed(questions, [[]] * len(questions))
    vectors = {text: item.vector for text, item in zip(questions, embedded, strict=True)}
    model: dict[str, Any] = {
        "sentence": [3.0, 2.0, 1.0, 1.0, 1.0, 0.5, 0.0, -3.0],
        "answer": [0.0] * len(ev.ANSWER_FEATURES),
    }
    ev._model = lambda: model  # type: ignore[assignment]
    xs, ys, held = [], [], []
    for row in answerable:
        question, hits, found = _ask(row, indexes, vectors, settings)
        for item in found:
            right = any(item.start <= answer["start"] < item.end for answer in row["answers"])
            xs.append(ev.sentence_features(item, question, hits[item.hit].score))
            ys.append(right)
            held.append(_title(row) in held_out)
    model["sentence"] = _fit("sentence", ev.SENTENCE_FEATURES, xs, ys, held)
    xs, ys, held = [], [], []
    first = total = 0
    for row, label in [(r, 1) for r in answerable] + [(r, 0) for r in unanswerable] + [(r, 0) for r in elsewhere]:
        question, hits, found = _ask(row, indexes, vectors, settings)
        if not found:
            continue
        if label and _title(row) in held_out:
            total += 1
            first += any(found[0].start <= answer["start"] < found[0].end for answer in row["answers"])
        xs.append(ev.answer_features(question, found, hits))
        ys.append(bool(label))
        held.append(_title(row) in held_out)
    print(f"held-out articles: answer in the first sentence {first}/{total} = {first / total:.3f}")
    model["answer"] = _fit("answer", ev.ANSWER_FEATURES, xs, ys, held)
    _thresholds(xs, ys, held, model["answer"])
    model["about"] = "made by training/evidence.py"
    TARGET.write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")


def _read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _title(row: dict[str, Any]) -> str:
    return str(row.get("title") or row["context"][:60])


def _sample(path: Path, most: int, rng: random.Random) -> list[dict[str, Any]]:
    rows = [row for row in _read(path) if row.get("start_exact", True) and 200 <= len(row["context"]) <= 6000]
    return rng.sample(rows, min(most, len(rows)))


def _elsewhere(rows: list[dict[str, Any]], embedder: Embedder) -> list[dict[str, Any]]:
    """Each question with the nearest other context that does not hold its answer."""
    contexts = sorted({row["context"] for row in rows})
    matrix = np.stack([item.vector for item in embedder.embed(contexts, [[]] * len(contexts))])
    questions = np.stack([item.vector for item in embedder.embed([row["question"] for row in rows], [[]] * len(rows))])
    moved = []
    for row, scores in zip(rows, questions @ matrix.T, strict=True):
        for place in np.argsort(-scores)[:10]:
            if contexts[place] != row["context"] and not _holds(row, contexts[place]):
                moved.append({**row, "context": contexts[place], "answers": [], "title": None})
                break
    return moved


def _holds(row: dict[str, Any], context: str) -> bool:
    return any(answer["text"].lower() in context.lower() for answer in row["answers"])


def _indexes(contexts: list[str], embedder: Embedder, settings: Settings) -> dict[str, Index]:
    return {text: build_index([Document(id="a", title=" ", text=text)], embedder, settings) for text in contexts}


def _ask(row: dict[str, Any], indexes: dict[str, Index], vectors: dict[str, Vectors], settings: Settings) -> Any:
    question = parse_question(row["question"])
    index = indexes[row["context"]]
    vector = vectors[row["question"]]
    hits = retrieve(index, question.text, vector, settings, words=question.stems)
    return question, hits, ev.find_evidence(index, question, vector, hits)


def _thresholds(xs: list[list[float]], ys: list[bool], held: list[bool], weights: list[float]) -> None:
    """Print what share of the answerable passes where a given share of the unanswerable is refused."""
    x, y, out = np.asarray(xs), np.asarray(ys), np.asarray(held)
    specific = x[:, ev.ANSWER_FEATURES.index("specific")] > 0
    scores = 1 / (1 + np.exp(-(x @ np.asarray(weights))))
    for name, part in (("all", out), ("specific", out & specific), ("open", out & ~specific)):
        for refused in (0.5, 0.6, 0.7, 0.8, 0.9):
            level = np.quantile(scores[part & ~y], refused)
            print(f"  {name:9} refusing {refused:.0%} at {level:.2f} answers {(scores[part & y] >= level).mean():.1%}")


def _fit(name: str, features: tuple[str, ...], xs: list[list[float]], ys: list[bool], held: list[bool]) -> list[float]:
    x, y, out = np.asarray(xs), np.asarray(ys), np.asarray(held)
    fitted = LogisticRegression(
        C=1.0, fit_intercept=False, max_iter=2000, class_weight="balanced" if name == "answer" else None
    ).fit(x[~out], y[~out])
    area = roc_auc_score(y[out], fitted.predict_proba(x[out])[:, 1])
    print(f"{name}: {len(y) - out.sum()} fitted, {out.sum()} held out, AUROC {area:.3f}")
    for feature, weight in zip(features, fitted.coef_[0], strict=True):
        print(f"  {feature:16} {weight:+.2f}")
    return [round(float(value), 4) for value in fitted.coef_[0]]


if __name__ == "__main__":
    main()
