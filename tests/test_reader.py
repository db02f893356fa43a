"""The reader: exact offsets, long passages, what it refuses to load; on a tiny model whose logits are known."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import ModelError
from assistant.reader import NOT_READ, SPANS, Reader, Reading, _window_starts, load_reader
from assistant.sentences import split_sentences

BUNDLED = Path(str(files("assistant") / "data" / "reader"))
needs_bundled = pytest.mark.skipif(not (BUNDLED / "reader.onnx").exists(), reason="the trained reader is not here")

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = ["gold", "silver", "word", "who", "##en", "5", ",", "000", ".", "é", "naïve", "\N{GRINNING FACE}"]
LOGIT = {"gold": 4.0, "silver": 2.0, "5": 1.0, "000": 3.0, "##en": 5.0, "naïve": 3.0}
"""Logits of an answer that begins or ends with the word; the others have -3, [CLS] 0."""


def tiny_model() -> bytes:
    """Each token's logits come from a table by its id; the passage is answered as far as its best token says."""
    pytest.importorskip("onnx", reason="the tiny model is written with onnx, of the extra [training]")
    from onnx import TensorProto, helper, numpy_helper

    table = np.full(len(SPECIAL) + len(WORDS), -3.0, dtype=np.float32)
    table[SPECIAL.index("[CLS]")] = 0.0
    for word, logit in LOGIT.items():
        table[len(SPECIAL) + WORDS.index(word)] = logit
    places = ["batch", "tokens"]
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["start_logits"]),
            helper.make_node("Identity", ["start_logits"], ["end_logits"]),
            helper.make_node("Cast", ["token_type_ids"], ["types"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["start_logits", "types"], ["passage"]),
            helper.make_node("ReduceMax", ["passage", "axis"], ["answerable"], keepdims=0),
        ],
        "tiny",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, places)
            for name in ("input_ids", "attention_mask", "token_type_ids")
        ],
        [
            helper.make_tensor_value_info("start_logits", TensorProto.FLOAT, places),
            helper.make_tensor_value_info("end_logits", TensorProto.FLOAT, places),
            helper.make_tensor_value_info("answerable", TensorProto.FLOAT, ["batch"]),
        ],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.asarray([1]), "axis")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    made = tmp_path_factory.mktemp("reader")
    vocabulary = {word: place for place, word in enumerate(SPECIAL + WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(made / "tokenizer.json"))
    (made / "reader.onnx").write_bytes(tiny_model())
    names = ("reader.onnx", "tokenizer.json")
    settings = {
        "files": {name: hashlib.sha256((made / name).read_bytes()).hexdigest() for name in names},
        "max_tokens": 32,
        "question_tokens": 8,
        "answer_tokens": 6,
        "overlap_tokens": 8,
        "calibration": {"head": 1.0, "margin": 0.0, "bias": 0.0},
    }
    (made / "reader.json").write_text(json.dumps(settings), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def reader(folder: Path) -> Reader:
    return Reader(folder)


def read(reader: Reader, passage: str) -> Reading:
    return reader.read("who", [passage])[0]


def texts(reading: Reading, passage: str) -> list[str]:
    return [passage[span.start : span.end] for span in reading.spans]


def test_the_best_span_is_the_very_words_of_the_passage(reader):
    for before in ("", "word ", "  word\n", "É\N{GRINNING FACE} naïf, ", "e\u0301 word "):
        passage = f"{before}Gold word"
        assert texts(read(reader, passage), passage)[0] == "Gold"


def test_spans_do_not_overlap_and_come_best_first(reader):
    passage = "word gold word word word word word silver word word word word word gold word"
    reading = read(reader, passage)
    assert texts(reading, passage)[:3] == ["gold", "gold", "silver"]
    assert len(reading.spans) <= SPANS
    scores = [span.score for span in reading.spans]
    assert scores == sorted(scores, reverse=True)
    assert 0 < sum(scores) < 1
    places = sorted((span.start, span.end) for span in reading.spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(places))


def test_the_answerability_is_the_calibrated_logit(reader):
    reading = read(reader, "word gold word")
    assert reading.logit == pytest.approx(4.0)
    assert reading.answerable == pytest.approx(1 / (1 + np.exp(-4.0)))


def test_an_answer_neither_begins_nor_ends_inside_a_word(reader):
    passage = "word worden word"
    assert all(text in ("word", "worden") or " " in text for text in texts(read(reader, passage), passage))
    assert texts(read(reader, "word golden word"), "word golden word")[0] == "golden"


def test_a_number_is_not_cut_at_its_comma(reader):
    passage = "word 5,000 word"
    assert texts(read(reader, passage), passage)[0] == "5,000"


@pytest.mark.parametrize("place", [0, 1, 20, 26, 27, 28, 50, 120, 198, 199])
def test_an_answer_anywhere_in_a_long_passage_is_found(reader, place):
    words = ["word"] * 200
    words[place] = "gold"
    passage = " ".join(words)
    reading = read(reader, passage)
    assert texts(reading, passage)[0] == "gold"
    assert reading.spans[0].start == 5 * place
    assert reading.logit == pytest.approx(4.0)
    assert len(reading.tokens.first) == 200


@given(tokens=st.integers(0, 3000), room=st.integers(20, 253), overlap=st.integers(0, 100))
def test_windows_leave_no_token_out_and_share_the_overlap(tokens, room, overlap):
    starts = _window_starts(tokens, room, overlap)
    covered = {place for start in starts for place in range(start, min(start + room, tokens))}
    assert covered == set(range(tokens))
    assert all(0 <= start <= max(0, tokens - room) for start in starts)
    shared = [first + room - second for first, second in pairwise(starts)]
    assert all(length >= min(overlap, room // 2) - 1 for length in shared)


def test_the_score_within_a_sentence_is_that_of_its_best_span(reader):
    passage = "word word word. word gold word. word silver."
    reading = read(reader, passage)
    first, second, third = (reading.best_within(a, b) for a, b in ((0, 15), (16, 31), (32, len(passage))))
    assert second == pytest.approx(reading.spans[0].score)
    assert second > third > first > 0
    assert reading.best_within(0, len(passage)) == pytest.approx(reading.spans[0].score)
    assert reading.best_within(3, 4) == 0.0
    assert reading.best_within(len(passage), len(passage) + 9) == 0.0


def test_passages_are_read_alike_alone_and_together_and_come_in_their_order(reader):
    passages = ["gold", "word " * 90 + "silver", "", "word naïve word", *["word gold"] * 40]
    together = reader.read("who", passages)
    assert len(together) == len(passages)
    for passage, reading in zip(passages, together, strict=True):
        assert reading == read(reader, passage)


def test_nothing_to_read_is_not_answered(reader):
    assert reader.read("who", []) == []
    for question, passage in (("who", ""), ("who", " \n "), ("", "gold"), ("  ", "gold")):
        reading = reader.read(question, [passage])[0]
        assert (reading.answerable, reading.logit, reading.spans) == (0.0, NOT_READ, ())
        assert reading.best_within(0, 10) == 0.0


def test_a_question_longer_than_the_window_is_cut(reader):
    passage = "word gold"
    assert texts(reader.read("who " * 500, [passage])[0], passage)[0] == "gold"


def test_threads_read_the_same(reader):
    passages = [f"{'word ' * n}gold {'word ' * (50 - n)}" for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda passage: read(reader, passage), passages)) == [read(reader, p) for p in passages]


def copy(folder: Path, target: Path) -> Path:
    for name in ("reader.onnx", "tokenizer.json", "reader.json"):
        (target / name).write_bytes((folder / name).read_bytes())
    return target


@pytest.mark.parametrize("name", ["reader.onnx", "tokenizer.json"])
def test_a_changed_file_is_refused_with_both_checksums(folder, tmp_path, name):
    changed = copy(folder, tmp_path) / name
    changed.write_bytes(changed.read_bytes() + b" ")
    with pytest.raises(ModelError, match=rf"{name} has SHA-256 \w{{12}}…, expected \w{{12}}…"):
        Reader(tmp_path)


@pytest.mark.parametrize("name", ["reader.onnx", "tokenizer.json", "reader.json"])
def test_a_missing_file_is_named(folder, tmp_path, name):
    (copy(folder, tmp_path) / name).unlink()
    with pytest.raises(ModelError, match=name):
        Reader(tmp_path)


def test_settings_without_a_calibration_are_refused(folder, tmp_path):
    path = copy(folder, tmp_path) / "reader.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    del settings["calibration"]
    path.write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ModelError, match="lacks calibration"):
        Reader(tmp_path)


def test_what_is_no_model_is_refused(folder, tmp_path):
    path = copy(folder, tmp_path)
    (path / "reader.onnx").write_bytes(b"no model")
    settings = json.loads((path / "reader.json").read_text(encoding="utf-8"))
    settings["files"]["reader.onnx"] = hashlib.sha256(b"no model").hexdigest()
    (path / "reader.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ModelError, match="could not be loaded"):
        Reader(path)


def test_a_reader_is_loaded_once(folder):
    assert load_reader(folder) is load_reader(folder)
    assert load_reader(folder).fingerprint == hashlib.sha256((folder / "reader.onnx").read_bytes()).hexdigest()


SEED = next((Path(__file__).parent.parent / "seeds").glob("*.txt"))


@needs_bundled
def test_the_trained_reader_finds_what_an_article_says():
    text = SEED.read_text(encoding="utf-8")
    reading = load_reader().read("How strong is the joint military force of the AES?", [text])[0]
    assert "5,000" in text[reading.spans[0].start : reading.spans[0].end]
    best = max(split_sentences(text), key=lambda span: reading.best_within(span.start, span.end))
    assert "5,000-strong" in text[best.start : best.end]


@needs_bundled
def test_the_trained_reader_is_surer_of_who_visited_than_of_who_signed():
    text = SEED.read_text(encoding="utf-8")
    visited = load_reader().read("Who visited Burkina Faso?", [text])[0]
    signed = load_reader().read("Who signed the Burkina-Senegal pact?", [text])[0]
    assert visited.logit > signed.logit


@needs_bundled
def test_the_trained_reader_scores_a_passage_alike_in_any_company():
    passages = [line for line in SEED.read_text(encoding="utf-8").splitlines() if len(line) > 80]
    question = "What did the joint statement highlight?"
    alone = [load_reader().read(question, [passage])[0] for passage in passages]
    assert load_reader().read(question, passages) == alone
