import random

import numpy as np
import pytest
from fake_embedder import WORDS, FakeEmbedder

from assistant.copies import group, mostly_alike, sign
from assistant.documents import Document
from assistant.index import build_index
from assistant.retrieval import retrieve
from assistant.settings import Settings

DICE = random.Random(3)


def prose(words: int) -> list[str]:
    return [f"{DICE.choice(WORDS)}{DICE.randint(0, 40)}" for _ in range(words)]


REPORT = prose(300)


def edited(words: list[str], share: float) -> str:
    """The report with so much of it cut at the end and written anew."""
    kept = words[: int(len(words) * (1 - share))]
    return " ".join([*kept, *prose(len(words) - len(kept))])


def test_copies_are_grouped_under_the_first_and_others_stand_alone() -> None:
    texts = [
        " ".join(prose(300)),
        " ".join(REPORT),
        "LONDON (Reuters) - " + " ".join(REPORT).upper() + " More on our page.",
        " ".join(prose(300)),
        edited(REPORT, 0.15),
    ]
    assert group(sign(texts)).tolist() == [0, 1, 1, 3, 1]


@pytest.mark.parametrize(("share", "alike"), [(0.1, True), (0.2, True), (0.6, False), (0.9, False)])
def test_how_much_must_be_the_same(share: float, alike: bool) -> None:
    found = [group(sign([" ".join(REPORT), edited(REPORT, share)])).tolist() for _ in range(10)]
    assert found == [[0, 0] if alike else [0, 1]] * 10


def test_texts_too_short_to_tell_are_no_copies() -> None:
    assert group(sign(["", "A short note.", "A short note.", ""])).tolist() == [0, 1, 2, 3]
    assert group(sign([])).tolist() == []


def test_a_signature_does_not_depend_on_what_is_signed_with_it() -> None:
    text = " ".join(REPORT)
    assert np.array_equal(sign([text])[0], sign([edited(REPORT, 0.5), text])[1])


def test_passages_are_alike_where_most_of_the_shorter_is_in_the_other() -> None:
    text = "The river rose by two metres in a day, and the old bridge of the town was closed."
    assert mostly_alike(text, "Officials said: " + text)
    assert not mostly_alike(text, "The bridge of the town is open again after a day.")
    assert not mostly_alike("", "")


def test_copies_of_a_report_do_not_crowd_out_another_source(monkeypatch: pytest.MonkeyPatch) -> None:
    report = "The army moved troops to the border at night. " + " ".join(REPORT[:110]) + "."
    copies = [Document(id=f"copy-{n}", title="Troops", text=f"Paper {n} writes. {report}") for n in range(8)]
    extra = copies[3].text + " Only here it is said that gold miners fled the border."
    copies[3] = Document(id="copy-3", title="Troops", text=extra)
    other = Document(id="other", title="Troops", text="Troops were seen at the border, a witness said at night.")
    settings = Settings(hits=5, passage_tokens=60, overlap_tokens=0)
    index = build_index([*copies, other], FakeEmbedder(), settings)
    assert {document.id for document in index.copies("copy-0")} == {f"copy-{n}" for n in range(1, 8)}
    assert index.copies("other") == []
    question = "army troops border night gold miners fled"
    hits = retrieve(index, question, FakeEmbedder().embed_query(question), settings)
    texts = [hit.passage.text for hit in hits]
    assert {hit.passage.document_id for hit in hits} >= {"other", "copy-3"}
    assert sum("moved troops to the border" in text for text in texts) == 1
    assert any("gold miners fled" in text for text in texts)
    monkeypatch.setattr(index, "are_copies", lambda *_: False)
    crowded = retrieve(index, question, FakeEmbedder().embed_query(question), settings)
    assert "other" not in {hit.passage.document_id for hit in crowded}
