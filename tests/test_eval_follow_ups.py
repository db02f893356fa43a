import json
import sys
from pathlib import Path

import pytest
from fake_language_model import FakeLLM

from assistant.conversation import Standalone, Turn
from eval import follow_ups
from eval.corpora import DataError
from eval.follow_ups import FollowUp, by_model, main, read_follow_ups

TURNS = [{"role": "user", "text": "Who opened the Volta bridge?"}, {"role": "assistant", "text": "President Addo."}]
PASSAGES = [
    {"id": "p1", "title": "Bridge", "text": "The Volta bridge cost 40 million dollars, the ministry said."},
    {"id": "p2", "title": "Harvest", "text": "Farmers feared for the harvest of maize. It was said to cost them much."},
]


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    asked = {"question": "How much did it cost?", "answerable": "ANSWERABLE", "reference": "40 million dollars."}
    rows = [
        {**asked, "id": "long-c<::>2", "turns": TURNS, "passages": PASSAGES[:1]},
        {**asked, "id": "long-c<::>9", "turns": TURNS, "passages": PASSAGES[1:]},  # nobody rewrote it
        {**asked, "id": "long-c<::>1", "turns": [], "passages": PASSAGES[:1]},  # nothing was said before it
    ]
    known = [
        {"id": f"other-c<::>{n}", "question": "How much did it cost?", "rewrite": "How much did the Volta bridge cost?"}
        for n in (1, 2, 3)
    ]
    return write(tmp_path / "long.jsonl", rows), write(tmp_path / "rewrites.jsonl", known)


def test_turns_that_stand_in_both_files_are_taken_with_all_passages(files: tuple[Path, Path]):
    (item,), documents = read_follow_ups(*files)
    assert (item.id, item.rewrite) == ("long-c<::>2", "How much did the Volta bridge cost?")
    assert [turn.text for turn in item.turns] == [turn["text"] for turn in TURNS]
    assert dict(item.relevant) == {"p1": 1} and {document.id for document in documents} == {"p1", "p2"}


def test_files_without_a_common_turn_are_refused(files: tuple[Path, Path], tmp_path: Path):
    other = write(tmp_path / "none.jsonl", [{"id": "x-9", "question": "And?", "rewrite": "And what?"}])
    with pytest.raises(DataError, match="no follow-up of long"):
        read_follow_ups(files[0], other)


@pytest.mark.parametrize(
    ("written", "searched", "taken"),
    [
        ("How much did the Volta bridge cost?", "How much did the Volta bridge cost?", True),
        ("How much did the bridge in Nairobi cost in 1999?", "by rule", False),
    ],
)
def test_the_models_version_is_used_where_it_names_nothing_new(written: str, searched: str, taken: bool):
    turns = [Turn(role="user", text="Who opened the Volta bridge?")]
    item = FollowUp(id="1", question="How much did it cost?", turns=turns, rewrite="", relevant={})
    version, own = by_model(FakeLLM(written).model(), item, Standalone(text="by rule"))
    assert (version.text, own) == (searched, taken)


def test_a_question_that_does_not_refer_back_is_not_given_to_the_model():
    item = FollowUp(id="1", question="Who opened the bridge?", turns=[], rewrite="", relevant={})
    llm = FakeLLM("What else?")
    assert by_model(llm.model(), item, Standalone(text=item.question)) == (Standalone(text=item.question), False)
    assert llm.says == ["What else?"]


def test_the_command_prints_what_each_way_finds(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    model = FakeLLM("How much did the Volta bridge cost?").model()
    monkeypatch.setattr(follow_ups, "load_language_model", lambda settings: model)
    arguments = ["--conversations", str(files[0]), "--rewrites", str(files[1]), "--llm", "gguf:fake"]
    monkeypatch.setattr(sys, "argv", ["follow_ups", *arguments])
    main()
    printed = capsys.readouterr().out
    assert "1 follow-ups, 2 documents" in printed
    assert "in the words of fake: 1.000" in printed
    for way in ("as typed", "rule", "model", "person"):
        assert f"Success@5  {way:<10} 1.000" in printed
