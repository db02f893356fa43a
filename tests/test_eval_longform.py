import json
import sys
from pathlib import Path

import pytest
from fake_embedder import FakeEmbedder
from sklearn.metrics import roc_auc_score

from assistant.citation import Citation
from assistant.documents import Document
from assistant.reply import Reply
from eval import longform
from eval.corpora import DataError
from eval.longform import Answer, Item, assistant_answer, behind, figures, nearest_sentences, oracle_threshold
from eval.scores.words import rouge_l_of

SENTENCES = ("The pact was signed in Dakar.", "It rained.", "The army of Senegal kept the border.")
DOCUMENT = Document(id="p", title="Pact", text=" ".join(SENTENCES))


def make_item(*references: str, id: str = "1") -> Item:
    return Item(
        id=id, question="where was it signed", documents=(DOCUMENT,), sentences=SENTENCES, references=references
    )


def make_reply(status, *quotes: str) -> Reply:
    citations = [
        Citation(
            number=number, document_id="p", title="Pact", author=None, published=None, source=None,
            quote=quote, start=DOCUMENT.text.index(quote), end=DOCUMENT.text.index(quote) + len(quote),
        )
        for number, quote in enumerate(quotes, 1)
    ]  # fmt: skip
    return Reply(status=status, text="**Dakar** [1]\n\n" + " ".join(quotes), question="", citations=citations)


def test_rouge_l_is_the_f_measure_of_the_longest_common_subsequence_with_the_best_reference():
    # of 4 words 3 are common in order: precision 3/4, recall 3/5
    assert rouge_l_of("the pact in Dakar", ["the pact was in Rabat", "nothing"]) == pytest.approx(2 / 3)
    assert rouge_l_of("the pact", []) == 0.0
    assert rouge_l_of("The Pact!", ["the pact"]) == 1.0


def test_the_answer_is_the_quotes_without_markers_and_sentences_of_ours():
    answer = assistant_answer(make_item(SENTENCES[0]), make_reply("answered", SENTENCES[0]))
    assert (answer.text, answer.rouge, answer.status) == (SENTENCES[0], 1.0, "answered")


@pytest.mark.parametrize("status", ["partial", "abstained", "clarify"])
def test_every_status_but_answered_is_a_refusal_that_scores_0(status):
    answer = assistant_answer(make_item(SENTENCES[0]), make_reply(status, SENTENCES[0]))
    assert (answer.text, answer.rouge) == (None, 0.0)


def test_refusals_are_counted_apart_for_the_answerable_and_the_others():
    items = [make_item("a", id=str(n)) for n in range(4)] + [make_item(id=str(n)) for n in range(4, 6)]
    given = Answer(text="a", rouge=0.5, status="answered")
    refused = Answer(text=None, rouge=0.0, status="partial")
    rows = "\n".join(figures(items, [given, given, given, refused, refused, given]))
    assert "refusal = 0  0.375 " in rows
    assert "answered      0.500 " in rows
    assert "answerable refused               0.250 " in rows
    assert "unanswerable refused             0.500 " in rows
    assert longform.statuses(items, [given, given, given, refused, refused, given]) == (
        "  answerable: answered 3, partial 1; unanswerable: partial 1, answered 1"
    )


def test_a_perfect_system_scores_1_and_refuses_just_the_unanswerable():
    items = [make_item(SENTENCES[0]), make_item()]
    answers = [
        assistant_answer(items[0], make_reply("answered", SENTENCES[0])),
        assistant_answer(items[1], make_reply("abstained")),
    ]
    values = [row.rsplit("  ", 1)[1].split(" ")[0] for row in figures(items, answers)]
    assert values == ["1.000", "1.000", "0.000", "1.000"]


def test_the_nearest_sentences_stand_in_reading_order():
    item = Item(id="1", question="army border", documents=(DOCUMENT,), sentences=(*SENTENCES, "Gold."), references=())
    answer = nearest_sentences(item, FakeEmbedder())
    kept = [sentence for sentence in item.sentences if sentence in (answer.text or "")]
    assert answer.text == " ".join(kept)
    assert len(kept) == 3
    assert SENTENCES[2] in kept


@pytest.mark.parametrize(("share", "refused"), [(0.0, 0), (0.2, 1), (0.5, 3), (0.8, 4), (1.0, 5)])
def test_an_oracle_threshold_refuses_at_least_the_share_of_the_unanswerable_that_is_asked_for(share, refused):
    items = [make_item(id=str(n)) for n in range(5)] + [make_item("a", id="9")]
    answers = [Answer(text="x", rouge=0.0, sureness=n / 10) for n in (3, 1, 5, 2, 4, 9)]
    kept = behind(oracle_threshold(items, answers, share), answers)
    assert sum(answer.text is None for answer in kept[:5]) == refused
    assert (kept[5].text is None) == (share == 1.0)


def test_the_assistant_is_compared_with_the_nearest_sentences_that_refuse_as_many():
    items = [make_item("a", id="1"), make_item("a", id="2"), make_item(id="3"), make_item(id="4")]
    mine = [Answer(text="a", rouge=r) for r in (0.5, 0.7)] + [Answer(text=None, rouge=0.0), Answer(text="a", rouge=0.0)]
    near = [Answer(text="a", rouge=0.4, sureness=s) for s in (0.1, 0.9)]
    near += [Answer(text="a", rouge=0.0, sureness=s) for s in (0.2, 0.5)]
    # a threshold of 0.5 refuses one of two, and the first answerable one with it
    row = longform.against_nearest(items, mine, near)
    assert f"{((0.5 - 0.0) + (0.7 - 0.4)) / 2:.3f} [" in row


def test_the_auroc_is_sklearns():
    items = [make_item("a", id="1"), make_item(id="2"), make_item("a", id="3"), make_item(id="4")]
    answers = [Answer(text="x", rouge=0.0, sureness=s) for s in (0.9, 0.1, 0.3, 0.5)]
    assert longform._auroc(items, answers) == roc_auc_score([1, 0, 1, 0], [0.9, 0.1, 0.3, 0.5]) == 0.75


ROW = {
    "id": "1",
    "question": "where was the pact signed",
    "passages": [{"id": "p", "title": "Pact", "text": DOCUMENT.text, "sentences": list(SENTENCES)}],
    "answerable": "ANSWERABLE",
    "references_all": [SENTENCES[0]],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"passages": None}, "line 1: .*expected CLAPnq's fields"),
        ({"passages": [{"id": "p", "title": "", "text": ""}]}, "line 1: KeyError"),
        ({"references_all": []}, "answerable without a reference"),
    ],
)
def test_a_row_without_what_is_needed_is_named(tmp_path: Path, change: dict, message: str):
    path = tmp_path / "clapnq.jsonl"
    path.write_text(json.dumps({**ROW, **change}) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        longform.read_items(path)


@pytest.mark.slow
def test_replies_are_added_to_a_file_and_the_figures_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    rows = [ROW, {**ROW, "id": "2", "question": "who won the cup final", "answerable": "UNANSWERABLE"}]
    (tmp_path / "clapnq.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    out = tmp_path / "replies.jsonl"
    monkeypatch.setattr(sys, "argv", ["longform", "--clapnq", str(tmp_path / "clapnq.jsonl"), "--out", str(out)])
    longform.main()
    longform.main()
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 2 * 2 * 3
    assert {(line["id"], line["answerable"]) for line in lines} == {("1", True), ("2", False)}
    assert all("hits" not in line["reply"] for line in lines)
    printed = capsys.readouterr().out
    assert "2 questions, 1 answerable" in printed
    for system in ("assistant, cautious", "assistant, balanced", "assistant, eager", "whole passage", "oracle"):
        assert system in printed
