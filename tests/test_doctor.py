from pathlib import Path

import pytest

from assistant import checker, reader
from assistant.checker import Entailment
from assistant.doctor import check_checker, check_index, check_reader, examine
from assistant.documents import Document
from assistant.embedding import load_embedder
from assistant.generation import Generation
from assistant.onnx_model import TOKENIZER, WORDS, place_of
from assistant.reader import AnswerSpan, Reader, Reading
from assistant.settings import Settings
from assistant.update import update_index


def test_the_reader_is_loaded_and_reads() -> None:
    check = check_reader(Settings())
    assert (check.name, check.state, check.remedy) == ("reader", "ok", None)
    assert check.found.startswith(f"model {reader.load_reader().fingerprint[:12]} as expected, ")


def test_a_reader_that_is_not_the_expected_one_is_a_problem_and_the_rest_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(reader.__file__).parent / "data" / "reader"
    for name in ("reader.json", TOKENIZER, WORDS):
        (tmp_path / name).symlink_to(place_of(own, name))
    (tmp_path / "reader.onnx").write_bytes(b"cut short")
    monkeypatch.setattr(reader, "load_reader", lambda threads: Reader(tmp_path, threads=threads))
    found = {check.name: check for check in examine()}
    assert found["reader"].state == "problem"
    assert "reader.onnx has SHA-256" in found["reader"].found
    assert {"index", "corpus", "page"} <= set(found)


@pytest.mark.parametrize("spans", [(), (AnswerSpan(start=0, end=3, score=0.9),)])
def test_a_reader_that_reads_wrongly_is_a_problem(
    spans: tuple[AnswerSpan, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        fingerprint = "0" * 64

        def read(self, question: str, passages: list[str]) -> list[Reading]:
            return [Reading(answerable=0.5, logit=0.0, spans=spans, tokens=reader.NO_TOKENS) for _ in passages]

    monkeypatch.setattr(reader, "load_reader", lambda threads: Broken())
    check = check_reader(Settings())
    assert check.state == "problem"
    assert check.remedy
    assert f"answers {'The' if spans else ''!r} where" in check.found


def test_the_checker_is_loaded_and_tells_true_from_false() -> None:
    check = check_checker(Settings())
    assert (check.name, check.state, check.remedy) == ("checker", "ok", None)


def test_a_checker_that_supports_everything_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        fingerprint = "0" * 64

        def check(self, claim: str, sentences: list[str]) -> Entailment:
            return Entailment(supported=1.0, contradicted=0.0, logit=12.0)

    monkeypatch.setattr(checker, "load_checker", lambda threads: Broken())
    check = check_checker(Settings())
    assert check.state == "problem"
    assert check.remedy and "a false one 1.00" in check.found


def test_the_index_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(index=tmp_path / "index")
    update_index(settings.index, [Document(id="a", text="The pact was announced.")], load_embedder(), settings)
    reads: list[bool] = []
    read = Generation._read
    monkeypatch.setattr(Generation, "_read", lambda folder, own, whole: reads.append(whole) or read(folder, own, whole))
    assert check_index(settings).found.endswith("holds 1 articles in 1 passages, every file as it was written")
    assert reads == [True]
