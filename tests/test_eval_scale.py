import json
import random
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_articles

from assistant.documents import Document
from assistant.settings import Settings
from eval import scale
from eval.scale import Articles, Rewording, Run, add, ask, disk, make, missing, near, read_measured, real_vectors

SETTINGS = Settings(passage_tokens=40, overlap_tokens=10)
RUN = Run(embedder=FakeEmbedder(), settings=SETTINGS)
LONG = " ".join(
    random.Random(1).choices("the army held talks about grain and gold with miners of Dakar".split(), k=3000)
)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    rows = [{"id": article.id, "title": article.title, "text": article.text} for article in write_articles(12)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def articles(corpus: Path, tmp_path: Path) -> Articles:
    return Articles.read([corpus], tmp_path, RUN.embedder, SETTINGS)


def test_articles_are_cut_once_and_are_the_same_when_read_again(
    articles: Articles, corpus: Path, tmp_path: Path
) -> None:
    class Refusing(FakeEmbedder):
        def count_tokens(self, texts: list[str]) -> list[int]:
            raise AssertionError("cut again")

    again = Articles.read([corpus], tmp_path, Refusing(), SETTINGS)
    assert again.documents == articles.documents
    for field in fields(articles.columns):
        np.testing.assert_array_equal(getattr(again.columns, field.name), getattr(articles.columns, field.name))


def test_an_article_comes_again_with_every_fifth_word_another_of_its_length() -> None:
    document = Document(id="a", title="T", text=LONG)
    again = Rewording([document]).reword(document, 1)
    words, others = LONG.split(" "), again.text.split(" ")
    assert again.id == "a#1"
    assert [len(word) for word in words] == [len(word) for word in others]
    changed = np.mean([word != other for word, other in zip(words, others, strict=True)])
    assert 0.08 < changed <= 1 / 5  # some are drawn that stood there
    new = set(others) - set(words)
    assert 0 < len(new) < 30


def test_a_turn_gives_the_same_words_each_time_and_another_turn_others() -> None:
    document = Document(id="a", title="T", text=LONG)
    rewording = Rewording([document])
    assert rewording.reword(document, 0) is document
    assert rewording.reword(document, 3) == rewording.reword(document, 3)
    assert rewording.reword(document, 3).text != rewording.reword(document, 4).text


def test_so_many_passages_are_reached_with_the_fewest_articles(articles: Articles) -> None:
    counts = np.bincount(articles.columns.document)
    for wanted in (1, 5, int(counts.sum()), int(counts.sum()) + 1, 3 * int(counts.sum()) + 2):
        chosen = articles.up_to(passages=wanted)
        reached = sum(int(counts[row]) for row, _ in chosen)
        assert reached >= wanted > reached - counts[chosen[-1][0]]
        assert len(set(chosen)) == len(chosen)
    assert articles.up_to(articles=14)[-2:] == [(0, 1), (1, 1)]


def test_drawn_vectors_are_unit_vectors_about_as_near_as_neighbours_are() -> None:
    vectors = near(np.zeros((500, 384), dtype=np.float32), np.random.default_rng(1))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = (near(vectors, np.random.default_rng(2)) * vectors).sum(axis=1)
    assert abs(float(cosines.mean()) - 1 / (1 + scale.NOISE**2) ** 0.5) < 0.01


def test_what_has_a_row_is_not_measured_again_and_a_row_that_was_cut_off_is_none(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    assert read_measured(path) == []
    path.write_text('{"step": "make", "size": "articles 9"}\n{"step": "ask", "si', encoding="utf-8")
    wanted = [("make", "articles 9"), ("ask", "articles 9"), ("make", "articles 10")]
    assert missing(read_measured(path), wanted) == wanted[1:]


def test_an_index_is_made_asked_and_grows(articles: Articles, tmp_path: Path) -> None:
    real = real_vectors(articles, tmp_path, RUN.embedder, SETTINGS)
    folder = tmp_path / "index"
    rows = []
    for number, size in enumerate((30, 60)):
        chosen = articles.up_to(passages=size)
        made = make(folder, articles, chosen, real, RUN)
        asked = ask(folder, [f"Where did miners find gold in {number}?" for number in range(7)], RUN)
        added = add(folder, articles, 1000, RUN)
        assert made["written"]["cpu_s"] > 0
        assert asked["asked"] == 2
        assert asked["ms"]["ask"]["p50"] > 0 and asked["ms"]["ask"]["p50"] >= asked["ms"]["words"]["p50"] >= 0
        assert added["articles_added"] == scale.ADDED
        assert sum(disk(folder).values()) > 50_000
        for step, found in (("make", made), ("ask", asked), ("add", added)):
            rows.append({"step": step, "size": number, "passages": size, "bytes": disk(folder), **found})
    pytest.importorskip("matplotlib")
    scale.draw(rows, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob("*.drawn"))
