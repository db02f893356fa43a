"""Fit `assistant/data/verification.json`: the checker's word and the exact checks as one probability of support.

    python -m training.verification --work DIR --data PATH --pairs eval/pairs/pairs_dev_v1.yaml

A logistic regression over the features of `assistant/verification.py`, on the validation pairs
of `training/checker.py` (articles that the checker was not trained on).  Pairs that people wrote
count as much as those that were made from them, and supported as much as the rest.  Then the
lexical check, the checker alone and both together are measured on sets that neither saw.
"""

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from assistant.checker import Checker
from assistant.discrepancy import discrepancies
from assistant.verification import FEATURES, check_claim, check_claim_lexical, features, sentences_of
from training.checker import measured
from training.checker_data import read_pairs
from training.checker_data import sentences_of as lines_of

TARGET = Path(__file__).parent.parent / "assistant" / "data" / "verification.json"
CONFIG = Path(__file__).parent / "checker.json"
MAIN = ("wice", "begin", "summedits")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of training.checker")
    parser.add_argument("--data", type=Path, required=True, help="folder of the groundedness sets")
    parser.add_argument("--pairs", type=Path, nargs="*", default=[], help="files of minimal pairs")
    parser.add_argument("--most", type=int, default=10**6, help="rows of a set, for a quick look")
    parser.add_argument("--fit", action="store_true", help="fit anew before measuring")
    arguments = parser.parse_args()
    checker = Checker(arguments.work)
    if arguments.fit:
        fit(checker, arguments.work)
    config = json.loads(CONFIG.read_text(encoding="utf-8"))
    found: dict[str, dict[str, Any]] = {}
    for name, rows in measured(arguments.data, config).items():
        rows = random.Random(0).sample(rows, min(arguments.most, len(rows)))
        found[name] = report(checker, rows)
        print(name, json.dumps(found[name]), flush=True)
    for key in ("lexical", "joined"):
        means = {m: round(float(np.mean([found[name][key][m] for name in MAIN])), 4) for m in ("balanced", "auroc")}
        print("mean of", ", ".join(MAIN), key, means)
    for path in arguments.pairs:
        print(path.name, json.dumps(minimal(checker, path), indent=1))


def fit(checker: Checker, work: Path) -> None:
    rows, labels, people = [], [], []
    for pair in read_pairs(work / "pairs.jsonl.gz"):
        if pair.part == "train" or "as asked" in pair.kind:
            continue
        found = discrepancies(pair.claim, pair.evidence, pair.evidence)
        rows.append(features(pair.claim, pair.evidence, checker.check(pair.claim, pair.evidence), found))
        labels.append(pair.label == "supported")
        people.append(pair.kind == "people")
    x, y, written = np.asarray(rows), np.asarray(labels), np.asarray(people)
    weights = np.ones(len(y))
    for side in (written, ~written):
        for label in (y, ~y):
            weights[side & label] = 0.25 * len(y) / (side & label).sum()
    model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=2000).fit(x, y, sample_weight=weights)
    told = {name: round(float(weight), 4) for name, weight in zip(FEATURES, model.coef_[0], strict=True)}
    print(f"fitted on {len(y)} pairs, {written.sum()} that people wrote")
    for name, inside in (("people", written), ("made", ~written)):
        scores = model.predict_proba(x[inside])[:, 1]
        print(
            f"  {name}: balanced {balanced_accuracy_score(y[inside], scores > 0.5):.3f}, "
            f"AUROC {roc_auc_score(y[inside], scores):.3f}; checker alone {roc_auc_score(y[inside], x[inside, 0]):.3f}"
        )
    about = "made by training/verification.py: log-odds of support for each feature"
    TARGET.write_text(json.dumps({"about": about, "weights": told}, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=1))


def report(checker: Checker, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    labels = np.asarray([row["label"] == "supported" for row in rows])
    joined, lexical, alone = [], [], []
    for row in rows:
        evidence = lines_of(row["source"])
        joined.append(check_claim(row["claim"], evidence, checker=checker).score)
        lexical.append(check_claim_lexical(row["claim"], evidence).score)
        alone.append(checker.check(row["claim"], sentences_of(evidence)).supported)
    return {
        "n": len(rows),
        "supported": int(labels.sum()),
        "lexical": figures(labels, np.asarray(lexical)),
        "checker alone": figures(labels, np.asarray(alone)),
        "joined": figures(labels, np.asarray(joined)),
    }


def figures(labels: Any, scores: Any) -> dict[str, float]:
    """Balanced accuracy at .5 with a 95 % interval (bootstrap), AUROC, expected calibration error in ten bins."""
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(300):
        chosen = rng.integers(0, len(labels), len(labels))
        draws.append(balanced_accuracy_score(labels[chosen], scores[chosen] >= 0.5))
    bins = np.clip((scores * 10).astype(int), 0, 9)
    error = sum(abs(scores[bins == b].mean() - labels[bins == b].mean()) * (bins == b).mean() for b in set(bins))
    low, high = np.quantile(draws, [0.025, 0.975])
    return {
        "balanced": round(float(balanced_accuracy_score(labels, scores >= 0.5)), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "auroc": round(float(roc_auc_score(labels, scores)), 4),
        "ece": round(float(error), 4),
    }


def minimal(checker: Checker, path: Path) -> dict[str, Any]:
    """Of minimal pairs: how many changed claims are caught and how many true ones refused, by kind."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    rows = rows["pairs"] if isinstance(rows, dict) else rows
    caught: dict[str, list[bool]] = defaultdict(list)
    refused: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        for kind in (row["kind"], "all"):
            caught[kind].append(check_claim(row["changed"], row["evidence"], checker=checker).label != "supported")
            refused[kind].append(check_claim(row["claim"], row["evidence"], checker=checker).label != "supported")
    return {
        kind: {
            "n": len(hits),
            "caught": round(float(np.mean(hits)), 3),
            "refused": round(float(np.mean(refused[kind])), 3),
        }
        for kind, hits in sorted(caught.items())
    }


if __name__ == "__main__":
    main()
