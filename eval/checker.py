"""The judge judged: the checkers against people's labels, by set.

Pairs come as JSON lines, gzipped or not:

    {"id": "…", "source": "…", "claim": "…", "label": "supported", "split": "test"}

`source` is the evidence, `label` one of `supported`, `partially`, `not_supported` (`partially`
counts as not supported: a claim has to be supported whole), `split` the part it belongs to.
Each file is a set.  `dev`, `val…`, `evaluation` and `…_val` are validation parts: a set that has
one and a test part too is reported on the test part, and its validation part sets the best
threshold.  Without both, everything is reported and there is no best threshold.  Minimal pairs
(`eval/pairs/*.yaml`) are read too: each gives a claim that is supported and one that is not.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import assistant
from assistant import Verdict, check_claim
from assistant.verification import check_claim_lexical
from eval.corpora import DataError, field, read_rows
from eval.interval import RESAMPLES, SEED
from eval.scores.calibration import Bin, auroc, balanced_accuracy, best_threshold, bins, calibration_error

CHECKERS: dict[str, Callable[[str, Sequence[str]], Verdict]] = {
    "checker": check_claim,
    "lexical": check_claim_lexical,
}
"""What is judged: the one that the assistant filters with, and the second opinion."""
PARTS = (
    *("verification.py", "discrepancy.py", "quantities.py", "matching.py", "polarity.py", "terms.py", "checker.py"),
    *("data/verification.json", "data/checker/*", "data/tokenizer.json", "data/words.npy"),
)
"""Files of `assistant/` that verdicts come from, as patterns."""
LABELS = {"supported": True, "partially": False, "not_supported": False}
HOME = Path(assistant.__file__).parent
SHIPPED = Path(__file__).parent / "checker.json"
"""The last measurement, which reports quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A claim and its evidence with what people said of them."""

    dataset: str
    """The set it is counted under."""
    claim: str
    """The claim."""
    source: str
    """The evidence."""
    supported: bool
    """Whether people found the claim supported, all of it."""
    validation: bool
    """Whether it belongs to a validation part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How one checker fares on one set."""

    dataset: str
    """Name of the set."""
    checker: str
    """Name of the checker."""
    n: int
    """Pairs it was measured on."""
    supported: int
    """How many of them people found supported."""
    balanced_accuracy: float | None
    """Mean share of right verdicts over both labels, by the verdict that the checker gives."""
    low: float | None
    """Lower end of its 95 % bootstrap interval."""
    high: float | None
    """Upper end."""
    best_threshold: float | None
    """Score from which a claim counts as supported, best on the validation part."""
    at_best: float | None
    """Balanced accuracy with that threshold."""
    auroc: float | None
    """Probability that a supported claim scores above one that is not."""
    calibration_error: float
    """Expected calibration error of the score."""
    bins: list[Bin]
    """What the score said and what people said."""


def fingerprint() -> str:
    """SHA-256 over the files that verdicts come from, first 16 digits: whether a measurement is still of this checker."""
    together = hashlib.sha256()
    for pattern in PARTS:
        for path in sorted(HOME.glob(pattern)):
            if path.is_file():
                together.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return together.hexdigest()[:16]


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a file; raises DataError with the line for one of another form."""
    if path.suffix in (".yaml", ".yml"):
        return _read_minimal(path)
    pairs = []
    for number, row in enumerate(read_rows(path), 1):
        label = field(row, "label", path, number)
        if label not in LABELS:
            raise DataError(f"{path.name}, line {number}: label is {label!r}, expected {', '.join(LABELS)}")
        pairs.append(
            Pair(
                dataset=path.name.split(".")[0],
                claim=field(row, "claim", path, number),
                source=field(row, "source", path, number),
                supported=LABELS[label],
                validation=_is_validation(str(row.get("split") or "test")),
            )
        )
    if not pairs:
        raise DataError(f"{path.name} holds no pair")
    return pairs


def _read_minimal(path: Path) -> list[Pair]:
    """Both claims of each minimal pair."""
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        return [
            Pair(dataset=path.stem, claim=row[key], source=" ".join(row["evidence"]), supported=true, validation=False)
            for row in rows
            for key, true in (("claim", True), ("changed", False))
        ]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise DataError(
            f"{path.name} cannot be read ({error!r}); expected a list of pairs with evidence, claim and changed, as "
            "eval/pairs/README.md says"
        ) from None


def _is_validation(split: str) -> bool:
    return split in ("dev", "evaluation") or split.startswith("val") or split.endswith("_val")


def sample(pairs: Sequence[Pair], limit: int | None) -> list[Pair]:
    """At most so many pairs of each set and part, drawn with a fixed seed, in their order."""
    groups: dict[tuple[str, bool], list[int]] = {}
    for place, pair in enumerate(pairs):
        groups.setdefault((pair.dataset, pair.validation), []).append(place)
    kept: list[int] = []
    for own in groups.values():
        draw = np.random.default_rng(SEED).permutation(len(own))[: limit if limit is not None else len(own)]
        kept.extend(own[place] for place in draw)
    return [pairs[place] for place in sorted(kept)]


def judge(pairs: Sequence[Pair], step: Callable[[], None] = lambda: None) -> list[Judgement]:
    """Each checker on each set; `step` is told after each pair."""
    verdicts: list[dict[str, Verdict]] = []
    for pair in pairs:
        verdicts.append({name: check(pair.claim, [pair.source]) for name, check in CHECKERS.items()})
        step()
    sets = list(dict.fromkeys(pair.dataset for pair in pairs))
    return [
        _judgement(dataset, name, pairs, [verdict[name] for verdict in verdicts])
        for dataset in sets
        for name in CHECKERS
    ]


def _judgement(dataset: str, checker: str, pairs: Sequence[Pair], verdicts: Sequence[Verdict]) -> Judgement:
    own = [(pair, verdict) for pair, verdict in zip(pairs, verdicts, strict=True) if pair.dataset == dataset]
    apart = [pair.validation for pair, _ in own]
    parted = any(apart) and not all(apart)
    test = [(pair, verdict) for pair, verdict in own if not (parted and pair.validation)]
    validation = [(pair, verdict) for pair, verdict in own if parted and pair.validation]
    labels = [pair.supported for pair, _ in test]
    scores = [verdict.score for _, verdict in test]
    told = [verdict.label == "supported" for _, verdict in test]
    threshold = best_threshold([pair.supported for pair, _ in validation], [own.score for _, own in validation])
    low, high = _interval(labels, told)
    said = bins(labels, scores)
    return Judgement(
        dataset=dataset,
        checker=checker,
        n=len(test),
        supported=sum(labels),
        balanced_accuracy=balanced_accuracy(labels, told),
        low=low,
        high=high,
        best_threshold=threshold,
        at_best=None if threshold is None else balanced_accuracy(labels, [score >= threshold for score in scores]),
        auroc=auroc(labels, scores),
        calibration_error=calibration_error(said),
        bins=said,
    )


def _interval(labels: Sequence[bool], told: Sequence[bool]) -> tuple[float | None, float | None]:
    """Percentile bootstrap of balanced accuracy, each label drawn by itself so that neither is ever lacking."""
    right = np.asarray(labels) == np.asarray(told)
    yes = np.asarray(labels, dtype=bool)
    if yes.all() or not yes.any():
        return None, None
    random = np.random.default_rng(SEED)
    means = [
        side[random.integers(0, len(side), size=(RESAMPLES, len(side)))].mean(axis=1)
        for side in (right[yes], right[~yes])
    ]
    low, high = np.quantile((means[0] + means[1]) / 2, [0.025, 0.975])
    return float(low), float(high)


def write_judgements(path: Path, judgements: Iterable[Judgement], about: dict[str, Any]) -> None:
    """Write a measurement down, with when and on what it was made."""
    rows = [_rounded(asdict(own)) for own in judgements]
    path.write_text(json.dumps({**about, "judgements": rows}, indent=1) + "\n", encoding="utf-8", newline="\n")


def read_judgements(path: Path) -> tuple[dict[str, Any], list[Judgement]]:
    """A measurement as it was written down; raises DataError for one of another form."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        rows = about.pop("judgements")
        return about, [Judgement(**{**row, "bins": [Bin(**own) for own in row["bins"]]}) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} cannot be read ({error!r}); make it anew with: python -m eval checker DATA --out {path}"
        ) from None


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
