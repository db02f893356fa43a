import random
from pathlib import Path

import bm25s
import numpy as np
import pytest

from assistant import postings
from assistant.documents import Document
from assistant.parts import Part
from assistant.passages import Passage
from assistant.postings import make_postings, open_postings
from assistant.terms import stems

WORDS = "army border talks minister pact summit the of region villages grain 1,500 drought election ballot".split()


def part(id: str, first_row: int | None = None) -> Part:
    """A document of the same words each time."""
    chance = random.Random(id)
    texts = [" ".join(chance.choices(WORDS, k=chance.randrange(30))) for _ in range(chance.randrange(4))]
    text = "\n".join(texts)
    starts = np.cumsum([0, *(len(own) + 1 for own in texts)]).tolist()
    passages = [
        Passage(document_id=id, start=start, end=start + len(own), text=own, sentences=())
        for start, own in zip(starts, texts, strict=False)
    ]
    document = Document(id=id, text=text, title=f"report {id}")
    return Part(document, passages, None, np.zeros((0, 1), dtype=np.float16), first_row=first_row)


def taken_over(parts: list[Part]) -> dict[str, Part]:
    """The parts as an update takes them over, by id."""
    found, row = {}, 0
    for own in parts:
        found[own.document.id] = part(own.document.id, row)
        row += len(own.passages)
    return found


def written(folder: Path, parts: list[Part], old: postings.Postings | None = None) -> dict[str, bytes]:
    made = make_postings(parts, old)
    assert made
    made.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_scores_are_those_of_bm25s() -> None:
    parts = [part(str(number)) for number in range(80)]
    theirs = bm25s.BM25(k1=1.2, b=0.75)
    tokens = [stems(f"{own.document.title}\n{passage.text}") for own in parts for passage in own.passages]
    theirs.index(tokens, create_empty_token=False, show_progress=False)
    ours = make_postings(parts)
    assert ours and len(ours) == len(tokens)
    for query in (["armi"], ["armi", "pact", "armi"], ["1500", "nowher"], ["report", "7"]):
        np.testing.assert_array_equal(ours.scores(query), theirs.get_scores(query))


@pytest.mark.parametrize("seed", range(5))
def test_an_update_writes_the_bytes_that_are_written_of_all_at_once(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    before = [part(str(number)) for number in range(40)]
    written(tmp_path / "old", before)
    stored = taken_over(before)
    ids = [*chance.sample(sorted(stored), 30), *(f"new {number}" for number in range(10))]
    chance.shuffle(ids)  # articles that changed are put in the place of what they were
    now = [stored.get(id) or part(id) for id in ids]
    updated = written(tmp_path / "updated", now, open_postings(tmp_path / "old"))
    assert updated == written(tmp_path / "anew", [part(id) for id in ids])


def test_what_is_taken_over_is_not_stemmed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [part(str(number)) for number in range(40)]
    written(tmp_path / "old", before)
    new = next(own for own in (part(f"new {number}") for number in range(9)) if len(own.passages) == 3)
    seen: list[str] = []
    monkeypatch.setattr(postings, "stems", lambda text: seen.append(text) or stems(text))
    make_postings([*taken_over(before).values(), new], open_postings(tmp_path / "old"))
    assert seen == [f"{new.document.title}\n{passage.text}" for passage in new.passages]


def test_all_is_stemmed_where_an_older_version_kept_no_counts(tmp_path: Path) -> None:
    before = [part(str(number)) for number in range(40)]
    expected = written(tmp_path / "old", before)
    for name in ("times.npy", "lengths.npy"):
        (tmp_path / "old" / name).unlink()
    old = open_postings(tmp_path / "old")
    assert len(old.scores(["armi"])) == len(old)
    assert written(tmp_path / "new", list(taken_over(before).values()), old) == expected


def test_counts_of_other_passages_are_damage(tmp_path: Path) -> None:
    written(tmp_path, [part(str(number)) for number in range(40)])
    np.save(tmp_path / "lengths.npy", np.zeros(3, dtype=np.int32))
    with pytest.raises(ValueError, match="counts of 3 passages"):
        open_postings(tmp_path)


def test_a_word_that_stands_nowhere_any_more_is_forgotten(tmp_path: Path) -> None:
    before = [part(str(number)) for number in range(40)]
    written(tmp_path / "old", before)
    stored = taken_over(before)
    gone = next(own for own in before if own.passages)
    del stored[gone.document.id]
    made = make_postings(list(stored.values()), open_postings(tmp_path / "old"))
    assert made and not made.scores([gone.document.id]).any()
    assert gone.document.id not in made._lexical.vocab_dict


def test_where_all_words_are_gone_there_are_no_postings(tmp_path: Path) -> None:
    written(tmp_path / "old", [part(str(number)) for number in range(40)])
    assert make_postings([], open_postings(tmp_path / "old")) is None
