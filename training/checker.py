"""Train, export and measure `assistant/data/checker`: whether sentences support a claim.

    python -m training.checker --data PATH --examples READER/examples.jsonl.gz --start READER/checkpoint.pt --work DIR
    python -m training.checker --data PATH --work DIR train          # one stage; it resumes from its checkpoint

A cross-encoder over the layers of the bundled embedder, starting from the reader's, with three
logits: supported, contradicted, unsupported.  Where people only said "not supported" the
likelihoods of the last two count together.  DIR gets pairs.jsonl.gz, checkpoint.pt, train.log,
metrics.jsonl, checker.onnx, checker.json, tokenizer.json and words.npy; copy the first two of these
into `assistant/data/checker/` and the others into `assistant/data/`, where the reader's are the same
(with another base they differ: keep them beside checker.onnx then).
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from torch import nn

from assistant.checker import NAME, Checker, chosen
from assistant.reader import load_reader
from training.checker_data import Pair, make_pairs, read_pairs, sentences_of, write_pairs
from training.cross_encoder import (
    batches,
    checksums,
    export_onnx,
    fit,
    freeze,
    layers_of,
    load,
    load_tokenizer,
    mixed,
    new_encoder,
    stages_to_run,
    tensors,
    weights_to_train,
)
from training.lines import read_lines
from training.reader_data import read_examples

CONFIG = Path(__file__).with_suffix(".json")
STAGES = ("prepare", "train", "export", "evaluate")
LABELS = ("supported", "contradicted", "unsupported")
NOT_SUPPORTED = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", help=f"of {', '.join(STAGES)}; all where none is named")
    parser.add_argument("--data", type=Path, required=True, help="folder of the groundedness sets")
    parser.add_argument("--examples", type=Path, help="the reader's examples")
    parser.add_argument(
        "--start",
        type=Path,
        help="what training starts from: a checkpoint or an exported model's folder, of the reader or a checker",
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made")
    parser.add_argument("--mix", type=Path, help="weights that those trained are averaged with at export")
    parser.add_argument("--minutes", type=float, default=75.0, help="longest time for training")
    parser.add_argument("--threads", type=int, help="as the configuration says where none are named")
    arguments = parser.parse_args()
    config = json.loads(CONFIG.read_text(encoding="utf-8"))
    arguments.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads or config["train"]["threads"])
    torch.manual_seed(config["seed"])
    for stage in stages_to_run(arguments.stages, STAGES, arguments.work / "pairs.jsonl.gz"):
        if stage == "prepare":
            if arguments.examples is None:
                parser.error("prepare needs --examples, which training/reader.py makes")
            examples = read_examples(arguments.examples)
            write_pairs(make_pairs(arguments.data, examples, config, tempting), arguments.work / "pairs.jsonl.gz")
        elif stage == "train":
            train(arguments.work, config, arguments.minutes * 60, arguments.start)
        elif stage == "export":
            export(arguments.work, config, arguments.mix)
        elif stage == "evaluate":
            evaluate(arguments.work, config, arguments.data)
        else:
            parser.error(f"no stage {stage!r}; there are {', '.join(STAGES)}")


def tempting(question: str, text: str) -> str | None:
    """What the shipped reader would answer: the wrong answer that is hardest to tell."""
    spans = load_reader().read(question, [text])[0].spans
    return text[spans[0].start : spans[0].end] if spans else None


class CheckerModel(nn.Module):
    """Encoder and three logits from [CLS]."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.encoder = new_encoder(layers)
        width = self.encoder.config.hidden_size
        self.dense = nn.Linear(width, width)
        self.label = nn.Linear(width, len(LABELS))

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        hidden = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        return self.label(torch.nn.functional.gelu(self.dense(hidden[:, 0]))).float()


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A claim with the sentences that are read for it, as token ids."""

    ids: list[int]
    types: list[int]
    label: int
    weight: float
    kind: str
    pair: tuple[object, ...] | None
    """What the claims of a minimal pair have in common."""


def encode(pairs: Sequence[Pair], config: dict[str, Any]) -> list[Encoded]:
    tokenizer = load_tokenizer()
    cls, sep = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    labels = {**{label: place for place, label in enumerate(LABELS)}, "not_supported": NOT_SUPPORTED}
    made = []
    copies: Counter[Pair] = Counter()
    for pair in pairs:
        copies[pair] += 1
        said = tokenizer.encode(pair.claim, add_special_tokens=False).ids[: config["claim_tokens"]]
        parts = [item.ids for item in tokenizer.encode_batch(list(pair.evidence), add_special_tokens=False)]
        room = config["max_tokens"] - len(said) - 3
        places = chosen(pair.claim, pair.evidence, [len(part) for part in parts], room)
        held = [token for place in places for token in parts[place]][:room]
        ids = [cls, *said, sep, *held, sep]
        types = [0] * (len(said) + 2) + [1] * (len(held) + 1)
        kind = f"{pair.source} {pair.kind}"
        made.append(
            Encoded(
                ids=ids,
                types=types,
                label=labels[pair.label],
                weight=pair.weight,
                kind=kind,
                pair=(pair.evidence, pair.twin, copies[pair]) if pair.twin else None,
            )
        )
    return made


def train(work: Path, config: dict[str, Any], seconds: float, start: Path | None = None) -> None:
    settings = config["train"]
    pairs = read_pairs(work / "pairs.jsonl.gz")
    learnt = encode([p for p in pairs if p.part == "train"], config)
    order = batches(learnt, settings, random.Random(config["seed"]), lambda item: item.pair)
    checked = encode([p for p in pairs if p.part == "validation"], config)
    checks = batches(checked, settings, random.Random(config["seed"]))
    weights = weights_to_train(work, start)
    model = CheckerModel(layers_of(weights)).train()
    load(model, weights, new=("dense.", "label."))
    freeze(model.encoder, settings["frozen_layers"])
    fit(
        model,
        order,
        lambda batch: loss_of(model, batch, settings["smoothing"], settings["apart"]),
        lambda: check(model, checks),
        work,
        settings,
        seconds,
    )


def loss_of(model: nn.Module, batch: Sequence[Encoded], smoothing: float, apart: float) -> torch.Tensor:
    """Minus log likelihood of the label, or of either of the two that "not supported" may mean.

    To it comes, `apart` times, how little a true claim stands above its changed twin: the logistic loss of the
    difference of their margins (RankNet, Burges et al. 2005), in which all that the two share cancels out.
    """
    logits = model(*tensors(batch))
    logs = logits.log_softmax(-1)
    either = logs[:, 1:].logsumexp(-1, keepdim=True)
    label = torch.tensor([item.label for item in batch])
    weight = torch.tensor([item.weight for item in batch])
    likelihood = torch.cat([logs, either], dim=1).gather(1, label[:, None]).squeeze(1)
    # Labels that people disagree about are not to be learned by heart.
    supported = logs[:, 0]
    spread = torch.where(label == 0, either.squeeze(1), supported)
    loss = -(((1 - smoothing) * likelihood + smoothing * spread) * weight).sum() / weight.sum()
    twins = _twins(batch)
    if twins and apart:
        margins = supported - either.squeeze(1)
        true, changed = (torch.tensor(side) for side in zip(*twins, strict=True))
        ranked = torch.nn.functional.softplus(margins[changed] - margins[true])
        loss = loss + apart * ranked.sum() / len(batch)
    return loss


def _twins(batch: Sequence[Encoded]) -> list[tuple[int, int]]:
    """Places in the batch of a true claim and of one that differs from it in a few words."""
    true = {item.pair: place for place, item in enumerate(batch) if item.pair is not None and item.label == 0}
    return [(true[item.pair], place) for place, item in enumerate(batch) if item.label != 0 and item.pair in true]


def _margins(model: nn.Module, checks: Sequence[Sequence[Encoded]]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    margins, labels, kinds = [], [], []
    for batch in checks:
        with torch.inference_mode():
            logits = model(*tensors(batch)).float()
        margins += (logits[:, 0] - logits[:, 1:].logsumexp(-1)).tolist()
        labels += [item.label == 0 for item in batch]
        kinds += [item.kind for item in batch]
    return np.asarray(margins), np.asarray(labels), kinds


def check(model: nn.Module, checks: Sequence[Sequence[Encoded]]) -> dict[str, float]:
    """Area under the ROC curve on validation pairs, of all, of those that people wrote, and of the rest."""
    margins, labels, kinds = _margins(model, checks)
    people = np.asarray([kind.endswith(" people") for kind in kinds])
    found = {}
    for name, inside in (("all", people | True), ("people", people), ("made", ~people)):
        found[f"auroc_{name}"] = round(float(roc_auc_score(labels[inside], margins[inside])), 4)
        found[f"balanced_{name}"] = round(float(balanced_accuracy_score(labels[inside], margins[inside] > 0)), 4)
    order = [item for batch in checks for item in batch]
    if twins := _twins(order):
        found["twins_ranked"] = round(float(np.mean([margins[true] > margins[changed] for true, changed in twins])), 4)
    return found


# Export and measuring


def export(work: Path, config: dict[str, Any], mix: Path | None = None) -> None:
    """Write the model in float32 to `work/float32` and in eight bits to `work`; with `mix`, its mean with that, by `mix_share`."""
    weights = mixed(work / "checkpoint.pt", mix, config["mix_share"])
    model = CheckerModel(layers_of(weights))
    load(model, weights)
    export_onnx(model, NAME, ["logits"], work, config["export"])
    for folder in (work / "float32", work):
        write_settings(folder, config, {})


def write_settings(folder: Path, config: dict[str, Any], found: dict[str, Any]) -> None:
    settings = {
        "about": f"made by training/checker.py; the encoder is {config['base']}",
        "trained_on": config["trained_on"],
        "files": checksums(folder, NAME),
        "max_tokens": config["max_tokens"],
        "claim_tokens": config["claim_tokens"],
        "metrics": found,
    }
    (folder / f"{NAME}.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


Scored = tuple[np.ndarray, np.ndarray]
"""Logits of support and labels."""


def evaluate(work: Path, config: dict[str, Any], data: Path) -> None:
    """Measure the model alone: on the validation part by kind, and on sets that were not trained on."""
    checker = Checker(work)
    held = [pair for pair in read_pairs(work / "pairs.jsonl.gz") if pair.part == "validation"]
    validation = scores(checker, [(p.claim, p.evidence, p.label == "supported") for p in held])
    report: dict[str, Any] = {"validation": by_kind(held, validation)}
    for name, rows in measured(data, config).items():
        found = scores(checker, [(r["claim"], sentences_of(r["source"]), r["label"] == "supported") for r in rows])
        report[name] = figures(found)
    write_settings(work, config, report)
    print(json.dumps(report, indent=1))


def measured(data: Path, config: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The rows that are for measuring, by set."""

    def read(name: str) -> list[dict[str, Any]]:
        return read_lines(data / f"{name}.jsonl.gz")

    domains = set(config["summedits_domains"])
    return {
        "wice": [row for row in read("wice_claims_full") if row["split"] == "test"],
        "begin": [row for row in read("begin") if row["split"] == "test"],
        "summedits": [row for row in read("summedits") if row["dataset"] not in domains],
        "expertqa": [row for row in read("expertqa_claims") if row["split"].endswith("_test")],
        "healthver": read("healthver"),
        "climate_fever": random.Random(0).sample(read("climate_fever"), 2000),
    }


def scores(checker: Checker, pairs: Sequence[tuple[str, Sequence[str], bool]]) -> Scored:
    logits = [checker.check(claim, evidence).logit for claim, evidence, _ in pairs]
    return np.asarray(logits), np.asarray([label for _, _, label in pairs])


def figures(scored: Scored) -> dict[str, Any]:
    logits, labels = scored
    return {
        "n": len(labels),
        "supported": int(labels.sum()),
        "balanced": round(float(balanced_accuracy_score(labels, logits > 0)), 4),
        "auroc": round(float(roc_auc_score(labels, logits)), 4),
    }


def by_kind(pairs: Sequence[Pair], scored: Scored) -> dict[str, Any]:
    found: dict[str, list[bool]] = defaultdict(list)
    for pair, logit, label in zip(pairs, *scored, strict=True):
        found[f"{pair.source if pair.kind == 'people' else pair.kind}, {pair.label}"].append((logit > 0) == label)
    return {key: {"right": round(float(np.mean(hits)), 3), "n": len(hits)} for key, hits in sorted(found.items())}


if __name__ == "__main__":
    main()
