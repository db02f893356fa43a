import json
import sys
from pathlib import Path

import pytest
from fake_embedder import FakeEmbedder

from assistant import Document, Settings
from assistant.reader import load_reader
from eval import reader as measuring
from eval.cases import Case
from eval.reader import Outcome, main, measure, report, separation

CONTEXT = Document(
    id="a",
    title="",
    text="The treaty was signed in Lusaka in May. Farmers had waited for it for years. The minister praised the farmers.",
)


def test_a_question_is_scored_by_the_words_marked_and_by_the_sentence_chosen():
    outcome = measure("Where was the treaty signed?", CONTEXT, ["Lusaka"], load_reader(), FakeEmbedder(), Settings())
    assert outcome.f1 == outcome.exact == outcome.sentence == 1.0
    wrong = measure("Where was the treaty signed?", CONTEXT, ["Kitwe"], load_reader(), FakeEmbedder(), Settings())
    assert wrong.f1 == wrong.exact == wrong.sentence == wrong.nearest == 0.0


def test_of_a_context_of_one_sentence_none_is_chosen():
    one = Document(id="a", title="", text="The treaty was signed in Lusaka.")
    outcome = measure("Where was the treaty signed?", one, ["in Lusaka"], load_reader(), FakeEmbedder(), Settings())
    assert outcome.sentence is None and outcome.nearest is None and outcome.f1 > 0


def test_the_report_leaves_out_what_does_not_apply():
    outcomes = [
        Outcome(logit=0, f1=0.5, exact=0, sentence=None, nearest=None),
        Outcome(logit=0, f1=1, exact=1, sentence=1, nearest=0),
    ]
    rows = report(outcomes)
    assert "0.750" in rows[0] and "n = 2" in rows[0]
    assert "1.000" in rows[2] and "n = 1" in rows[2]
    assert report(outcomes[:1])[2].endswith("none")


def test_the_command_reads_a_file_and_tells_how_long_the_models_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    row = {"id": "1", "question": "Where was the treaty signed?", "context": CONTEXT.text, "answers": ["Lusaka"]}
    none = {**row, "id": "2", "answers": [], "answerable": False}
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in (row, none, {**row, "id": "3"})), encoding="utf-8")
    monkeypatch.setattr(measuring, "ROUNDS", 2)
    monkeypatch.setattr(sys, "argv", ["reader", "--questions", str(path), "--limit", "1", "--speed"])
    main()
    printed = capsys.readouterr().out
    assert "both models loaded in" in printed and "reading 8 passages" in printed and "checking a claim" in printed
    assert "reading:questions: 1 answerable questions" in printed
    assert "AUROC all against all: 0.500, n = 1 + 1" in printed
    monkeypatch.setattr(sys, "argv", ["reader"])
    with pytest.raises(SystemExit):
        main()


def test_answerable_questions_are_set_against_those_that_are_not_by_kind():
    def case(kind: str, *, answered: bool) -> Case:
        return Case(id=kind, kind=kind, question="?", status=["answered"] if answered else ["abstained"])

    cases = [case("told", answered=True), case("reworded", answered=True), case("withheld", answered=False)]
    rows = separation(cases, [2.0, -1.0, 0.0])
    assert rows == [
        "  AUROC all against all: 0.500, n = 2 + 1",
        "  AUROC told against all: 1.000, n = 1 + 1",
        "  AUROC reworded against all: 0.000, n = 1 + 1",
    ]
