"""What training makes of data, and starts from; the training itself takes hours and is not run here."""

import json
import random
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest

from assistant.checker import load_checker

pytest.importorskip("onnx", reason="of the extra [training]")

import torch

from training.checker import CheckerModel, encode, loss_of
from training.checker_data import Pair, _amount, equivalents, reworded
from training.checker_data import written as written_claims
from training.cross_encoder import (
    batches,
    fit,
    freeze,
    layers_of,
    load,
    load_tokenizer,
    stages_to_run,
    start_from,
    tensors,
)
from training.lines import read_lines
from training.reader_data import written as written_examples
from training.texts import ARTICLES, BACKGROUND, CLAIMS

ROOT = Path(__file__).parents[1]

WORDS = "encoder.embeddings.word_embeddings"


@dataclass(frozen=True, kw_only=True)
class Window:
    """Tokens in segments."""

    ids: list[int]
    types: list[int]


PAIRS = (
    ("The mayor signed the pact in May.", ("The pact was signed in May by the mayor.",)),
    ("The mayor signed the pact in June.", ("The pact was signed in May by the mayor.", "It rained.")),
    ("Dogs bark.", ("The pact was signed in May by the mayor.",)),
)


def test_training_can_start_from_the_model_that_ships() -> None:
    weights = start_from(_folder("checker"))
    model = CheckerModel(layers_of(weights)).eval()
    load(model, weights)
    tokenizer, checker = load_tokenizer(), load_checker()
    for claim, evidence in PAIRS:
        said = tokenizer.encode(claim, add_special_tokens=False).ids
        held = [token for text in evidence for token in tokenizer.encode(text, add_special_tokens=False).ids]
        ids = torch.tensor([[101, *said, 102, *held, 102]])
        types = torch.tensor([[0] * (len(said) + 2) + [1] * (len(held) + 1)])
        with torch.inference_mode():
            logits = model(ids, torch.ones_like(ids), types)[0]
        # Weights are the same; activations are whole numbers in the one and floats in the other.
        assert float(logits[0] - logits[1:].logsumexp(-1)) == pytest.approx(
            checker.check(claim, list(evidence)).logit, abs=0.5
        )


def test_the_checker_can_start_from_the_reader() -> None:
    weights = start_from(_folder("reader"))
    model = CheckerModel(layers_of(weights))
    load(model, weights, new=("label.",))
    assert torch.equal(model.dense.weight, weights["dense.weight"])
    with pytest.raises(ValueError, match=r"lack label\.weight"):
        load(model, weights)


def test_training_starts_from_the_bundled_embedder_where_nothing_is_named() -> None:
    weights = start_from(None)
    model = CheckerModel(layers_of(weights))
    load(model, weights, new=("dense.", "label."))
    assert layers_of(weights) == 6
    assert torch.equal(model.encoder.embeddings.word_embeddings.weight, weights[f"{WORDS}.weight"])


def test_what_no_model_can_start_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="hold no encoder, but bert"):
        layers_of({"bert.encoder.layer.0.output.dense.bias": torch.zeros(1)})
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text(json.dumps({"vocab_size": 30522, "hidden_size": 768}), encoding="utf-8")
    with pytest.raises(ValueError, match="hidden_size 768; expected 384"):
        start_from(tmp_path)


def test_what_is_prepared_is_not_prepared_again_unless_it_is_named(tmp_path: Path) -> None:
    stages, prepared = ("prepare", "train", "export"), tmp_path / "pairs.jsonl.gz"
    assert stages_to_run([], stages, prepared) == ["prepare", "train", "export"]
    prepared.write_bytes(b"")
    assert stages_to_run([], stages, prepared) == ["train", "export"]
    assert stages_to_run(["prepare"], stages, prepared) == ["prepare"]


def test_training_steps_in_float32_leaves_what_is_frozen_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    settings = {
        **json.loads((ROOT / "training" / "checker.json").read_text(encoding="utf-8"))["train"],
        "warmup": 0.5,
        "checkpoint_seconds": 1000,
    }
    windows = [[Window(ids=[101, word, 102], types=[0, 0, 0])] for word in (2000, 2001, 2002, 2003)]

    def train(order: list[list[Window]]) -> dict[str, torch.Tensor]:
        torch.manual_seed(1)
        model = CheckerModel(1)
        freeze(model.encoder, 0)
        before = {name: value.detach().clone() for name, value in model.named_parameters()}
        fit(model, order, lambda batch: model(*tensors(batch)).square().mean(), dict, tmp_path, settings, 60)
        return before

    before = train(windows[:2])
    half = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert half["step"] == 2
    assert {value.dtype for value in half["model"].values()} == {torch.float32}
    same = {name for name, value in half["model"].items() if torch.equal(value, before[name])}
    assert same == {f"{WORDS}.weight", "encoder.embeddings.position_embeddings.weight"}
    train(windows)
    whole = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert whole["step"] == 4
    log = (tmp_path / "train.log").read_text(encoding="utf-8")
    assert "from step 2, " in log


def test_a_changed_claim_is_the_twin_of_the_true_one_it_is_made_of(tmp_path: Path) -> None:
    row = {
        "evidence": ["Oba sold the mill to Tunde in May."],
        "true": ["Tunde bought the mill from Oba.", "The sale was in spring."],
        "false": [
            {"claim": "Oba bought the mill from Tunde.", "change": "role"},
            {"claim": "A bank in Lagos owns it.", "change": "name"},
        ],
    }
    path = tmp_path / "claims.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    twins = {pair.claim: pair.twin for pair in written_claims(path, {"validation_percent": 0})}
    assert twins["Oba bought the mill from Tunde."] == twins["Tunde bought the mill from Oba."]
    assert twins["A bank in Lagos owns it."] == ""


def test_twins_come_in_one_batch_and_are_told_apart_by_their_difference() -> None:
    evidence = ("Oba sold the mill to Tunde in May, and the price was not told.",)
    pairs = [
        Pair(claim=claim, evidence=evidence, label=label, kind="people", source="written", part="train", twin=twin)
        for number in range(40)
        for claim, label, twin in (
            (f"Tunde bought mill {number} from Oba.", "supported", f"{number}"),
            (f"Oba bought mill {number} from Tunde, who had it from his father.", "not_supported", f"{number}"),
            (f"Nobody knows of mill {number}.", "not_supported", ""),
        )
    ]
    config = json.loads((ROOT / "training" / "checker.json").read_text(encoding="utf-8"))
    windows = encode(pairs, config)
    made = batches(windows, {"batch_tokens": 400, "batch_most": 12}, random.Random(1), lambda item: item.pair)
    assert sorted(item.ids for batch in made for item in batch) == sorted(item.ids for item in windows)
    assert len(made) > 5
    assert all(len(batch) <= 12 for batch in made)
    home = {item.pair: number for number, batch in enumerate(made) for item in batch if item.pair}
    assert all(home[item.pair] == number for number, batch in enumerate(made) for item in batch if item.pair)

    class Given(torch.nn.Module):
        def __init__(self, *rows: tuple[float, float, float]) -> None:
            super().__init__()
            self.rows = torch.tensor(rows)

        def forward(self, *_: torch.Tensor) -> torch.Tensor:
            return self.rows

    right, wrong = Given((3.0, 0.0, 0.0), (0.0, 3.0, 3.0)), Given((0.0, 3.0, 3.0), (3.0, 0.0, 0.0))
    gaps = [float(loss_of(m, windows[:2], 0.0, 1.0) - loss_of(m, windows[:2], 0.0, 0.0)) for m in (right, wrong)]
    assert 0 < gaps[0] < 0.01
    assert gaps[1] > 1


def test_a_claim_is_reworded_with_equivalents_only() -> None:
    text = "Officials said about 40 people were arrested on 5 May 2021 after 3 men fled."
    made = {reworded(text, random.Random(seed)) for seed in range(60)}
    assert any("were detained" in claim for claim in made)
    assert any("May 5 2021" in claim for claim in made)
    assert any("three men" in claim for claim in made)
    assert any("around 40" in claim for claim in made)
    assert all("40 people" in claim and "2021" in claim for claim in made)
    assert not any("five May" in claim for claim in made)


def test_about_is_an_approximation_before_a_number_only() -> None:
    for seed in range(40):
        assert "about him" in reworded("They told a story about him.", random.Random(seed))


def test_every_equivalent_has_another() -> None:
    others, pattern = equivalents()
    assert len(others) > 500
    for one, found in others.items():
        assert found
        assert one not in found
        assert pattern.search(f"x {one.removesuffix('#')}{'7' if one.endswith('#') else ''} x"), one


def test_an_amount_in_words_becomes_another_of_its_sort() -> None:
    pair = Pair(
        claim="She came fifth after six weeks.",
        evidence=("She came fifth after six weeks.",),
        label="supported",
        kind="people",
        source="made",
        part="train",
    )
    made = [_amount(pair, random.Random(seed)) for seed in range(40)]
    claims = {found[0] for found in made if found}
    assert len(claims) > 5
    assert pair.claim not in claims
    for claim in claims:
        assert sum(a != b for a, b in zip(claim.split(), pair.claim.split(), strict=True)) == 1


def _folder(name: str) -> Path:
    return Path(str(files("assistant") / "data" / name))


def test_the_articles_written_for_training_hold_their_answers() -> None:
    config = {"copies": 1, "seed": 1, "removed": 100, "retrieved": 100, "unrelated": 100}
    examples = written_examples(ARTICLES, "written", config)
    parts = {example.context: example.part for example in examples if example.kind != "removed"}
    assert len(parts) >= 300
    assert {"train", "validation", "test"} == set(parts.values())
    for example in examples:
        if example.kind != "removed":  # whose article lacks its answer
            assert parts[example.context] == example.part
        assert bool(example.spans) == (example.kind == "answer")
        for start, end in example.spans:
            assert example.context[start:end].strip() == example.context[start:end] != ""
    written = [example for example in examples if example.kind not in ("removed", "retrieved", "unrelated")]
    assert 0.45 < sum(example.kind == "answer" for example in written) / len(written) < 0.55


def test_a_question_that_names_nobody_is_asked_of_a_text_about_something_else() -> None:
    config = {"copies": 1, "seed": 1, "removed": 0, "retrieved": 0, "unrelated": 100}
    for path, source in ((ARTICLES, "written"), (BACKGROUND, "background")):
        examples = written_examples(path, source, config)
        own = {(example.question, example.context) for example in examples if example.kind == "answer"}
        unrelated = [example for example in examples if example.kind == "unrelated"]
        assert len([example for example in unrelated if example.part == "train"]) == 100
        assert not {(example.question, example.context) for example in unrelated} & own
        assert not any(example.spans for example in unrelated)


def test_the_claims_written_for_training_say_it_in_their_own_words() -> None:
    pairs = list(written_claims(CLAIMS, {"validation_percent": 6}))
    assert len(pairs) > 4000
    assert {pair.label for pair in pairs} == {"supported", "not_supported"}
    copied = [pair for pair in pairs if pair.claim.lower() in " ".join(pair.evidence).lower()]
    assert len(copied) < 0.01 * len(pairs)
    assert not [pair for pair in copied if pair.label != "supported"]


def test_what_is_written_for_training_is_not_what_is_measured() -> None:
    """No sentence of the eval's minimal pairs and articles is among it."""
    measured = set()
    for path in (*(ROOT / "eval" / "pairs").glob("*.yaml"), *(ROOT / "eval" / "cases").rglob("*")):
        if path.is_file():
            measured |= {line.strip(" -'\"").lower() for line in path.read_text(encoding="utf-8").splitlines()}
    told = {
        sentence.lower() for pair in written_claims(CLAIMS, {"validation_percent": 6}) for sentence in pair.evidence
    }
    for path in (ARTICLES, BACKGROUND):
        told |= {line.lower() for example in read_lines(path) for line in example["text"].split("\n")}
    assert not {sentence for sentence in told if len(sentence) > 30} & measured
