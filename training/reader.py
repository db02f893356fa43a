"""Train, export and measure `assistant/data/reader`: where a passage answers a question, and whether it does.

    python -m training.reader --data PATH/rc --work DIR                  # all of it: prepare, train, export, evaluate
    python -m training.reader --data PATH/rc --work DIR train            # one stage; it resumes from its checkpoint
    python -m training.reader --data PATH/rc --work DIR --measure PATH/longform/clapnq_dev_a.jsonl.gz evaluate

A cross-encoder over the bundled embedder's six layers (22.7 million parameters): logits for
the first and the last token of the answer, [CLS] standing for "not here" as in BERT on
SQuAD 2 (Devlin et al. 2019, section 4.3), and a logit for "answered at all".  Where people
gave several answers the likelihood of all of them counts together (Clark and Gardner 2018).
The learning rate falls to zero with the steps, or with the time where `--minutes` ends
first, so that a slow machine sees fewer examples and still ends well.  DIR gets
examples.jsonl.gz, checkpoint.pt, train.log, metrics.jsonl, reader.onnx, reader.json,
tokenizer.json and words.npy; copy the first two into `assistant/data/reader/` and the others into `assistant/data/`,
where the checker's are the same (with another base they differ: keep them beside reader.onnx then).
"""

import argparse
import json
import random
import string
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import nn
from transformers import AutoModel

from assistant.embedding import _bundled_folder
from assistant.reader import NAME, Reader, Reading, load_reader
from assistant.sentences import split_sentences
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
from training.reader_data import Example, Mark, make_examples, read_examples, write_examples
from training.texts import Part

CONFIG = Path(__file__).with_suffix(".json")
IGNORED = -1e4
MOST_SPANS = 4
STAGES = ("prepare", "train", "export", "evaluate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", help=f"of {', '.join(STAGES)}; all where none is named")
    parser.add_argument("--data", type=Path, required=True, help="folder of the training sets")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made")
    parser.add_argument("--minutes", type=float, default=75.0, help="longest time for training")
    parser.add_argument("--start", type=Path, help="checkpoint or exported model's folder to go on from")
    parser.add_argument("--mix", type=Path, help="weights that those trained are averaged with at export")
    parser.add_argument("--draw", type=int, default=1, help="another number makes other negatives; the parts stay")
    parser.add_argument("--measure", type=Path, help="CLAPnq rows, measured and never trained on")
    parser.add_argument("--most", type=int, default=1500, help="held-out examples measured of each kind")
    parser.add_argument("--threads", type=int, help="as the configuration says where none are named")
    arguments = parser.parse_args()
    config = json.loads(CONFIG.read_text(encoding="utf-8"))
    arguments.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads or config["train"]["threads"])
    torch.manual_seed(config["seed"])
    for stage in stages_to_run(arguments.stages, STAGES, arguments.work / "examples.jsonl.gz"):
        if stage == "prepare":
            marks = marker(config["pairs"]["sure"])
            examples = make_examples(arguments.data, config, embed, marks, arguments.draw)
            write_examples(examples, arguments.work / "examples.jsonl.gz")
        elif stage == "train":
            train(arguments.work, config, arguments.minutes * 60, arguments.start)
        elif stage == "export":
            export(arguments.work, config, arguments.mix)
        elif stage == "evaluate":
            evaluate(arguments.work, config, arguments.measure, arguments.most)
        else:
            parser.error(f"no stage {stage!r}; there are {', '.join(STAGES)}")


class ReaderModel(nn.Module):
    """Encoder, span head and answerability head; logits of other tokens than [CLS] and the passage's are shut out."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.encoder = new_encoder(layers)
        width = self.encoder.config.hidden_size
        self.span = nn.Linear(width, 2)
        self.dense = nn.Linear(width, width)
        self.answerable = nn.Linear(width, 1)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        hidden = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        shut = (1.0 - (token_type_ids * attention_mask).float()) * IGNORED
        shut = torch.cat([torch.zeros_like(shut[:, :1]), shut[:, 1:]], dim=1)
        start, end = self.span(hidden).float().unbind(-1)
        answerable = self.answerable(torch.nn.functional.gelu(self.dense(hidden[:, 0]))).float().squeeze(-1)
        return start + shut, end + shut, answerable


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors of the bundled embedder, of the first 160 tokens, for finding look-alike passages."""
    model = AutoModel.from_pretrained(str(_bundled_folder()), add_pooling_layer=False).eval()
    tokenizer = load_tokenizer()
    tokenizer.enable_truncation(160)
    tokenizer.enable_padding()
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    vectors = np.zeros((len(texts), model.config.hidden_size), dtype=np.float32)
    for first in range(0, len(order), 64):
        places = order[first : first + 64]
        encoded = tokenizer.encode_batch([texts[place] for place in places])
        ids = torch.tensor([item.ids for item in encoded])
        mask = torch.tensor([item.attention_mask for item in encoded])
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        pooled = (hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
        vectors[places] = torch.nn.functional.normalize(pooled, dim=-1).numpy()
    return vectors


def marker(sure: float) -> Mark:
    """The shipped reader's best span, where it is at least so sure that the sentence answers."""
    reader = load_reader()

    def mark(question: str, sentence: str) -> tuple[int, int] | None:
        reading = reader.read(question, [sentence])[0]
        if reading.answerable < sure or not reading.spans:
            return None
        return reading.spans[0].start, reading.spans[0].end

    return mark


# Training


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One window of a passage with its question, as token ids; spans are token places in it."""

    ids: list[int]
    types: list[int]
    spans: list[tuple[int, int]]
    weight: float


def encode(examples: Sequence[Example], config: dict[str, Any], rng: random.Random) -> list[Encoded]:
    tokenizer = load_tokenizer()
    cls, sep = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    made = []
    for first in range(0, len(examples), 1000):
        group = examples[first : first + 1000]
        questions = tokenizer.encode_batch([e.question for e in group], add_special_tokens=False)
        contexts = tokenizer.encode_batch([e.context for e in group], add_special_tokens=False)
        for example, question, context in zip(group, questions, contexts, strict=True):
            asked = question.ids[: config["question_tokens"]]
            room = config["max_tokens"] - len(asked) - 3
            spans = _token_spans(example, context.offsets)
            if example.spans and not spans:
                continue
            for start in _windows(len(context.ids), room, spans, rng):
                inside = [(a - start, b - start) for a, b in spans if a >= start and b < start + room]
                ids = [cls, *asked, sep, *context.ids[start : start + room], sep]
                types = [0] * (len(asked) + 2) + [1] * (len(ids) - len(asked) - 2)
                placed = [(a + len(asked) + 2, b + len(asked) + 2) for a, b in inside[:MOST_SPANS]]
                made.append(Encoded(ids=ids, types=types, spans=placed, weight=example.weight))
    return made


def _token_spans(example: Example, offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    starts = np.asarray([start for start, _ in offsets])
    ends = np.asarray([end for _, end in offsets])
    found = []
    for start, end in example.spans:
        inside = np.flatnonzero((ends > start) & (starts < end))
        if len(inside):
            found.append((int(inside[0]), int(inside[-1])))
    return sorted(set(found))


def _windows(tokens: int, room: int, spans: Sequence[tuple[int, int]], rng: random.Random) -> Iterator[int]:
    """Starts of the windows to train on: one that holds an answer, at times one that does not."""
    if tokens <= room:
        yield 0
        return
    last = tokens - room
    if not spans:
        yield rng.randint(0, last)
        return
    start, end = rng.choice(list(spans))
    yield rng.randint(min(max(0, end - room + 1), last, start), min(start, last))
    empty = [place for place in range(0, last + 1, 16) if all(b < place or a >= place + room for a, b in spans)]
    if empty and rng.random() < 0.3:
        yield rng.choice(empty)


def loss_of(model: nn.Module, batch: Sequence[Encoded], answerable_loss: float) -> torch.Tensor:
    """Minus log likelihood of the spans (all of an example's together) or of [CLS], plus the answerability's."""
    start, end, answerable = model(*tensors(batch))
    start, end = start.log_softmax(-1), end.log_softmax(-1)
    places = torch.zeros(len(batch), MOST_SPANS, 2, dtype=torch.long)
    missing = torch.zeros(len(batch), MOST_SPANS)
    for row, item in enumerate(batch):
        spans = item.spans or [(0, 0)]
        places[row, : len(spans)] = torch.tensor(spans)
        missing[row, len(spans) :] = IGNORED
    likelihood = start.gather(1, places[..., 0]) + end.gather(1, places[..., 1]) + missing
    label = torch.tensor([float(bool(item.spans)) for item in batch])
    weight = torch.tensor([item.weight for item in batch])
    told = nn.functional.binary_cross_entropy_with_logits(answerable, label, reduction="none")
    return ((answerable_loss * told - likelihood.logsumexp(-1)) * weight).sum() / weight.sum()


def train(work: Path, config: dict[str, Any], seconds: float, start: Path | None = None) -> None:
    settings = config["train"]
    rng = random.Random(config["seed"])
    examples = read_examples(work / "examples.jsonl.gz")
    encoded = encode([e for e in examples if e.part == "train"], config, rng)
    order = batches(encoded, settings, rng)
    checked = encode(_some(examples, "validation", 250), config, random.Random(config["seed"]))
    checks = batches(checked, settings, random.Random(config["seed"]))
    weights = weights_to_train(work, start)
    model = ReaderModel(layers_of(weights)).train()
    load(model, weights, new=("span.", "dense.", "answerable."))
    freeze(model.encoder, settings["frozen_layers"])
    fit(
        model,
        order,
        lambda batch: loss_of(model, batch, settings["answerable_loss"]),
        lambda: _check(model, checks),
        work,
        settings,
        seconds,
    )


def _some(examples: Sequence[Example], part: Part, most: int) -> list[Example]:
    """Answerable and unanswerable SQuAD questions of a part, for a look during training."""
    found = [e for e in examples if e.part == part and e.source == "squad_dev"]
    kinds = [[e for e in found if e.kind == kind][:most] for kind in ("answer", "unanswerable")]
    return [e for kind in kinds for e in kind]


def _check(model: nn.Module, checks: Sequence[Sequence[Encoded]]) -> dict[str, float]:
    right = total = 0
    scores, margins, labels = [], [], []
    for batch in checks:
        with torch.inference_mode():
            start, end, answerable = model(*tensors(batch))
        for row, item in enumerate(batch):
            best = (int(start[row, 1:].argmax()) + 1, int(end[row, 1:].argmax()) + 1)
            margins.append(float(start[row, 1:].max() + end[row, 1:].max() - start[row, 0] - end[row, 0]))
            scores.append(float(answerable[row]))
            labels.append(bool(item.spans))
            total += bool(item.spans)
            right += best in item.spans
    return {
        "exact": right / max(1, total),
        "auroc_head": float(roc_auc_score(labels, scores)),
        "auroc_margin": float(roc_auc_score(labels, margins)),
    }


# Export


def export(work: Path, config: dict[str, Any], mix: Path | None = None) -> None:
    """Write the model in float32 to `work/float32` and in eight bits to `work`, both with an even calibration.

    With `mix`, the mean of its weights and those trained, by `mix_share`.
    """
    weights = mixed(work / "checkpoint.pt", mix, config["mix_share"])
    model = ReaderModel(layers_of(weights))
    load(model, weights)
    export_onnx(model, NAME, ["start_logits", "end_logits", "answerable"], work, config["export"])
    for folder in (work / "float32", work):
        _write_settings(folder, config, {"head": 0.5, "margin": 0.5, "bias": 0.0}, {})


def _write_settings(
    folder: Path, config: dict[str, Any], calibration: dict[str, float], metrics: dict[str, Any]
) -> None:
    settings = {
        "about": f"made by training/reader.py; the encoder is {config['base']}",
        "trained_on": config["trained_on"],
        "files": checksums(folder, NAME),
        "max_tokens": config["max_tokens"],
        "question_tokens": config["question_tokens"],
        **config["runtime"],
        "calibration": calibration,
        "metrics": metrics,
    }
    (folder / "reader.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


# Measuring


def evaluate(work: Path, config: dict[str, Any], measure: Path | None, most: int) -> None:
    """Fit the calibration on the validation part, then measure both models on the test part."""
    examples = read_examples(work / "examples.jsonl.gz")
    calibration, fitted = calibrate(work, config, [e for e in examples if e.part == "validation"])
    measured = _measured([e for e in examples if e.part == "test"], most, random.Random(config["seed"]))
    rows = read_lines(measure) if measure else []
    report: dict[str, Any] = {"validation": fitted}
    # Float32 is slower and there to compare with: a part of the same examples will do.
    for name, folder, share in (("int8", work, 1), ("float32", work / "float32", 6)):
        _write_settings(folder, config, calibration, {})
        reader = Reader(folder)
        part = {key: found[: most // share] for key, found in measured.items()}
        report[name] = {**_report(reader, part), **(_report_clapnq(reader, rows) if rows else {})}
        _write_settings(folder, config, calibration, report[name])
        (work / "evaluation.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


def calibrate(
    work: Path, config: dict[str, Any], examples: Sequence[Example]
) -> tuple[dict[str, float], dict[str, Any]]:
    """Weights of the two signals for a probability, where half of the questions are answered."""
    reader = Reader(work)
    chosen = list(dict.fromkeys(e for e in examples if e.source != "policyqa"))
    random.Random(config["seed"]).shuffle(chosen)
    taken: Counter[str] = Counter()
    x, y = [], []
    for example in chosen:
        taken[example.kind] += 1
        if taken[example.kind] > config["calibration"][example.kind]:
            continue
        signals = reader.signals(example.question, [example.context])[0]
        x.append((signals.head, signals.margin))
        y.append(example.kind == "answer")
    signals, answered = np.asarray(x), np.asarray(y)
    model = LogisticRegression(C=100.0, class_weight="balanced").fit(signals, answered)
    head, margin = (float(weight) for weight in model.coef_[0])
    told: dict[str, Any] = {"n": len(y), "answered": int(answered.sum())}
    for name, score in {
        "head": signals[:, 0],
        "margin": signals[:, 1],
        "sum": signals.sum(axis=1),
        "fitted": model.decision_function(signals),
    }.items():
        told[f"auroc_{name}"] = _auroc(score[answered], score[~answered])
    return {"head": round(head, 4), "margin": round(margin, 4), "bias": round(float(model.intercept_[0]), 4)}, told


def _measured(examples: Sequence[Example], most: int, rng: random.Random) -> dict[tuple[str, str], list[Example]]:
    found: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for example in dict.fromkeys(examples):
        found[example.kind, example.source].append(example)
    return {key: rng.sample(rows, min(most, len(rows))) for key, rows in sorted(found.items())}


def _report(reader: Reader, measured: dict[tuple[str, str], list[Example]]) -> dict[str, Any]:
    logits: dict[tuple[str, str], list[float]] = {}
    report: dict[str, Any] = {}
    probabilities: list[tuple[float, bool]] = []
    for (kind, source), examples in measured.items():
        readings = [reader.read(example.question, [example.context])[0] for example in examples]
        logits[kind, source] = [reading.logit for reading in readings]
        if source == "squad_dev" and kind in ("answer", "unanswerable"):
            probabilities += [(reading.answerable, kind == "answer") for reading in readings]
        if kind == "answer":
            pairs = list(zip(examples, readings, strict=True))
            report[f"f1 {source}"] = _mean([_overlap(e, r) for e, r in pairs])
            report[f"exact {source}"] = _mean([_exact(e, r) for e, r in pairs])
            report[f"sentence {source}"] = _mean([s for e, r in pairs if (s := _sentence_found(e, r)) is not None])
    for kind, source in measured:
        if kind != "answer":
            report[f"auroc {kind} {source}"] = _auroc(logits["answer", source], logits[kind, source])
    report["brier squad_dev"] = _mean([(p - answered) ** 2 for p, answered in probabilities])
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        inside = [answered for p, answered in probabilities if low <= p < low + 0.2 + (low == 0.8)]
        report[f"answered where told {low:.1f}..{low + 0.2:.1f}"] = _mean(inside)
    return report


def _report_clapnq(reader: Reader, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    logits: dict[bool, list[float]] = {True: [], False: []}
    for row in rows:
        readings = reader.read(row["question"], [passage["text"] for passage in row["passages"]])
        logits[row["answerable"] == "ANSWERABLE"].append(max(reading.logit for reading in readings))
    return {"auroc clapnq": _auroc(logits[True], logits[False])}


def _normalised(text: str) -> list[str]:
    """SQuAD's: lower case, without punctuation and articles."""
    kept = "".join(character for character in text.lower() if character not in string.punctuation)
    return [word for word in kept.split() if word not in ("a", "an", "the")]


def _given(example: Example, reading: Reading) -> list[str]:
    best = reading.spans[0]
    return _normalised(example.context[best.start : best.end])


def _exact(example: Example, reading: Reading) -> float:
    given = _given(example, reading)
    return float(any(given == _normalised(example.context[start:end]) for start, end in example.spans))


def _overlap(example: Example, reading: Reading) -> float:
    given = _given(example, reading)
    best = 0.0
    for start, end in example.spans:
        gold = _normalised(example.context[start:end])
        shared = sum((Counter(given) & Counter(gold)).values())
        if shared:
            best = max(best, 2 * shared / (len(given) + len(gold)))
    return best


def _sentence_found(example: Example, reading: Reading) -> float | None:
    """Whether the sentence with the highest `best_within` holds an answer; None where there is only one."""
    sentences = split_sentences(example.context)
    if len(sentences) < 2:
        return None
    best = max(sentences, key=lambda span: reading.best_within(span.start, span.end))
    return float(any(best.start <= start < best.end for start, _ in example.spans))


def _mean(values: Sequence[float]) -> dict[str, Any]:
    """Mean with a 95 % interval (normal)."""
    found = np.asarray(values, dtype=float)
    half = 1.96 * float(found.std()) / max(1, len(found)) ** 0.5 if len(found) else 0.0
    mean = float(found.mean()) if len(found) else 0.0
    return {"value": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4), "n": len(found)}


def _auroc(answered: Sequence[float], other: Sequence[float]) -> dict[str, Any]:
    """Area under the ROC curve with a 95 % interval (bootstrap, 500 draws of each side)."""
    rng = np.random.default_rng(0)
    high, low = np.asarray(answered), np.asarray(other)

    def area(first: NDArray[Any], second: NDArray[Any]) -> float:
        return float(roc_auc_score([1] * len(first) + [0] * len(second), [*first, *second]))

    draws = [area(rng.choice(high, len(high)), rng.choice(low, len(low))) for _ in range(500)]
    lower, upper = np.quantile(draws, [0.025, 0.975])
    value = area(high, low)
    return {"value": round(value, 4), "low": round(float(lower), 4), "high": round(float(upper), 4)} | {
        "n": [len(high), len(low)]
    }


if __name__ == "__main__":
    main()
