"""Fit `assistant/data/verification.json`: the checker's word and the exact checks as one probability of support.

    python -m training.verification --work DIR --fit --pairs eval/pairs/pairs_dev_v1.yaml

A logistic regression over the features of `assistant/verification.py`, on the validation pairs
of `training/checker.py` (articles that the checker was not trained on).  Pairs that people wrote
count as much as those that were made from them, and supported as much as the rest.  `--pairs`
tells how minimal pairs fare, by kind; on public sets `python -m eval checker` measures.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from assistant.checker import Checker
from assistant.discrepancy import discrepancies
from assistant.verification import FEATURES, check_claim, features
from training.checker_data import read_pairs

TARGET = Path(__file__).parent.parent / "assistant" / "data" / "verification.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of training.checker")
    parser.add_argument("--pairs", type=Path, nargs="*", default=[], help="files of minimal pairs")
    parser.add_argument("--fit", action="store_true", help="fit anew, and write the file")
    arguments = parser.parse_args()
    checker = Checker(arguments.work)
    if arguments.fit:
        fit(checker, arguments.work)
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
