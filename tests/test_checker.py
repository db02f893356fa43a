"""The checker's runtime: which sentences it reads, its files, and what it makes of plain cases."""

import json
import shutil
import threading
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.checker import Checker, chosen, load_checker
from assistant.errors import ModelError
from assistant.onnx_model import TOKENIZER, WORDS, place_of

FOLDER = Path(str(files("assistant") / "data" / "checker"))

sentences = st.lists(st.text(alphabet="ab cd.", max_size=20), max_size=8)


@given(st.text(max_size=30), sentences, st.integers(min_value=1, max_value=60), st.data())
def test_the_sentences_read_fit_and_keep_their_order(
    claim: str, texts: list[str], room: int, data: st.DataObject
) -> None:
    sizes = [data.draw(st.integers(min_value=0, max_value=30)) for _ in texts]
    places = chosen(claim, texts, sizes, room)
    assert places == sorted(set(places))
    assert len(places) <= 1 or sum(sizes[place] for place in places) <= room
    assert bool(places) == bool(texts)


def test_where_not_all_fits_the_sentences_that_bear_on_the_claim_are_read() -> None:
    texts = [
        "Rain fell in the north.",
        "The mayor, Awa Diop, spoke.",
        "She opened the bridge in Kolda.",
        "Shops closed.",
    ]
    assert chosen("Awa Diop opened the bridge in Kolda.", texts, [10, 10, 10, 10], 20) == [1, 2]


def test_all_is_read_where_all_fits() -> None:
    assert chosen("Anything.", ["One.", "Two.", "Three."], [3, 3, 3], 9) == [0, 1, 2]


@pytest.mark.parametrize(
    ("claim", "evidence", "supported"),
    [
        ("The bridge opened in May.", ["The bridge in Kolda was opened in May by the mayor."], True),
        pytest.param(
            "The mayor opened the bridge.",
            ["The bridge in Kolda was opened in May by the mayor."],
            True,
            marks=pytest.mark.xfail(strict=True, reason="read at .45 since the checker learnt from minimal pairs"),
        ),
        ("The mayor opened the bridge in Kolda.", ["The bridge in Kolda was opened in May by the mayor."], True),
        ("The bridge was not opened.", ["The bridge in Kolda was opened in May by the mayor."], False),
        ("The mayor closed the school.", ["The bridge in Kolda was opened in May by the mayor."], False),
        ("Rain fell in the north.", ["The bridge in Kolda was opened in May by the mayor."], False),
    ],
)
def test_plain_cases_are_told_apart(claim: str, evidence: list[str], supported: bool) -> None:
    assert (load_checker().check(claim, evidence).supported > 0.5) == supported


def test_a_contradiction_is_told_from_silence() -> None:
    evidence = ["The bridge in Kolda was opened in May by the mayor."]
    against = load_checker().check("The bridge was not opened by the mayor.", evidence)
    silent = load_checker().check("Rain is expected in the north on Friday.", evidence)
    assert against.contradicted > 0.9 > silent.contradicted


@pytest.mark.parametrize(("claim", "evidence"), [("", ["Words."]), ("Words.", []), ("Words.", ["", ""])])
def test_nothing_supports_nothing(claim: str, evidence: list[str]) -> None:
    assert load_checker().check(claim, evidence).supported == 0


def test_long_evidence_is_read_where_it_bears_on_the_claim() -> None:
    filler = [f"The harvest of region {number} was stored in barns near the river that year." for number in range(60)]
    evidence = [*filler[:40], "The bridge in Kolda was opened in May by the mayor.", *filler[40:]]
    checker = load_checker()
    assert checker.check("The mayor opened the bridge in Kolda in May.", evidence).supported > 0.5
    assert checker.check("The mayor opened the bridge in Kolda in May.", filler).supported < 0.5


def test_several_threads_get_the_same_answers() -> None:
    checker, evidence = load_checker(), ["The bridge in Kolda was opened in May by the mayor."]
    expected = checker.check("The bridge opened in May.", evidence)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(checker.check("The bridge opened in May.", evidence)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 6


def test_a_changed_model_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for name in ("checker.onnx", TOKENIZER, WORDS, "checker.json"):
        shutil.copy(place_of(FOLDER, name), tmp_path / name)
    with (tmp_path / "checker.onnx").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(ModelError, match=r"SHA-256.*reinstall"):
        Checker(tmp_path)


def test_words_that_are_not_the_models_own_are_refused(tmp_path: Path) -> None:
    for name in ("checker.onnx", TOKENIZER, "checker.json"):
        shutil.copy(place_of(FOLDER, name), tmp_path / name)
    np.save(tmp_path / WORDS, np.zeros((30522, 384), dtype=np.uint8))
    with pytest.raises(ModelError, match=r"words\.npy has SHA-256"):
        Checker(tmp_path)


def test_settings_that_lack_something_are_named(tmp_path: Path) -> None:
    for name in ("checker.onnx", TOKENIZER, WORDS):
        shutil.copy(place_of(FOLDER, name), tmp_path / name)
    settings = json.loads((FOLDER / "checker.json").read_text(encoding="utf-8"))
    del settings["claim_tokens"]
    (tmp_path / "checker.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ModelError, match="lacks claim_tokens"):
        Checker(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no checker could be loaded"):
        Checker(tmp_path)


def test_it_is_loaded_once() -> None:
    assert load_checker() is load_checker()
