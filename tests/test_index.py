import gc
import hashlib
import json
import logging
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import chromadb
import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_articles

from assistant import chroma, generation, journal
from assistant.changes import Sources
from assistant.corpus import read_corpus
from assistant.damage import seal, unseal
from assistant.documents import Document
from assistant.embedding import Embedded
from assistant.errors import IndexDamagedError, IndexMismatchError, IndexMissingError, IndexStateError
from assistant.generation import FORMAT, has_index
from assistant.index import ExactDense, Index, Nearest, build_index
from assistant.settings import Settings
from assistant.store import open_index, read_earlier, read_manifest, read_whole
from assistant.update import remove_documents, update_index

ROOT = Path(__file__).parent.parent
SETTINGS = Settings(passage_tokens=40, overlap_tokens=10)
ARTICLES = write_articles(60)
QUESTIONS = ["army talks in Dakar", "gold miners", "a drought, then the harvest", "nothing of this"]


def update(folder: Path, documents: Sequence[Document], embedder: FakeEmbedder | None = None, **options: bool):
    return update_index(folder, documents, embedder or FakeEmbedder(), SETTINGS, **options)


def opened(folder: Path) -> Index:
    return open_index(folder, FakeEmbedder(), SETTINGS)


def newest(folder: Path) -> Path:
    return folder / "generations" / (folder / "current").read_text()


def generations(folder: Path) -> set[str]:
    return {path.name for path in (folder / "generations").iterdir()}


def search(index: Index, question: str = "army talks", k: int = 5) -> list[tuple[str, int]]:
    found = index.dense.search(FakeEmbedder().embed_query(question), k)
    passages = [index.passage(row) for row in found.rows]
    return [(passage.document_id, passage.start) for passage in passages]


def assert_same(exact: Nearest, other: Nearest) -> None:
    """The same scores, and the same rows but for those that tie with the last."""
    close = 2e-6
    assert np.allclose(exact.scores, other.scores, atol=close)
    assert len(set(other.rows.tolist())) == len(other.rows)
    if len(exact.rows):
        edge = exact.scores[-1] + close
        assert set(exact.rows[exact.scores > edge]) <= set(other.rows) and set(
            other.rows[other.scores > edge + close]
        ) <= set(exact.rows)


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """That a generation is on the disk in time is tested in test_kills.py; here it would only take time."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of 60 articles that no test changes."""
    folder = tmp_path_factory.mktemp("finished") / "index"
    update(folder, ARTICLES)
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of that index that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "index"))


@pytest.fixture(scope="module")
def exact() -> Index:
    return build_index(ARTICLES, FakeEmbedder(), SETTINGS)


# ---- exact and Chroma


FILTERS: dict[str, Callable[[Document], bool] | None] = {
    "no filter": None,
    "half": lambda document: int(document.id.split("-")[1]) % 2 == 0,
    "one": lambda document: document.id == "article-7",
    "none": lambda document: False,
    "all": lambda document: True,
}


@pytest.mark.parametrize("most_ids", [3, 1000])
@pytest.mark.parametrize("accept", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("k", [1, 10, 100, 10_000])
def test_chroma_gives_the_answers_of_exact_search(
    finished: Path,
    exact: Index,
    monkeypatch: pytest.MonkeyPatch,
    k: int,
    accept: Callable[[Document], bool] | None,
    most_ids: int,
) -> None:
    monkeypatch.setattr(chroma, "_MOST_IDS", most_ids)
    stored = opened(finished)
    assert len(stored) == len(exact) > 200
    for question in QUESTIONS:
        vector = FakeEmbedder().embed_query(question)
        allowed = exact.mask(accept) if accept else None
        expected = exact.dense.search(vector, k, allowed)
        assert len(expected.rows) == min(k, len(exact) if allowed is None else allowed.sum())
        assert_same(expected, stored.dense.search(vector, k, allowed))


def test_chroma_gives_the_answers_of_exact_search_after_many_changes(folder: Path) -> None:
    articles = list(ARTICLES)
    for seed in range(1, 5):
        articles[seed * 5 : seed * 9] = [
            replace(old, text=new.text)
            for old, new in zip(articles[seed * 5 : seed * 9], write_articles(60, seed=seed), strict=False)
        ]
        update(folder, articles)
    exact, stored = build_index(articles, FakeEmbedder(), SETTINGS), opened(folder)
    assert [exact.passage(row) for row in range(len(exact))] == [stored.passage(row) for row in range(len(stored))]
    for question in QUESTIONS:
        vector = FakeEmbedder().embed_query(question)
        assert_same(exact.dense.search(vector, 50), stored.dense.search(vector, 50))
        words = question.split()
        assert np.allclose(exact.lexical_scores(words), stored.lexical_scores(words))


def test_passages_of_equal_text_come_in_the_order_of_the_articles() -> None:
    twins = [Document(id=name, title="Twins", text="The same words again.") for name in "abcde"]
    index = build_index(twins, FakeEmbedder(), SETTINGS)
    found = index.dense.search(FakeEmbedder().embed_query("the same"), 3)
    assert found.rows.tolist() == [0, 1, 2]


def test_more_passages_than_chroma_takes_at_once_are_indexed_and_searched(tmp_path: Path) -> None:
    dice = random.Random(1)
    articles = [Document(id=str(n), text=f"{' '.join(dice.choices(QUESTIONS, k=2))} {n}.") for n in range(5600)]
    embedder = FakeEmbedder(dimension=8)
    assert update_index(tmp_path, articles, embedder, SETTINGS).passages == 5600
    index = open_index(tmp_path, embedder, SETTINGS)
    exact = ExactDense(np.stack([embedder.embed_query(text) for text in embedder.embedded]))
    vector = embedder.embed_query("army 77")
    for allowed in (None, index.mask(lambda document: int(document.id) > 3000)):
        assert_same(exact.search(vector, 100, allowed), index.dense.search(vector, 100, allowed))


def test_passages_are_exchanged_in_several_batches(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chroma, "_CHROMA_BATCH", 7)
    articles = [replace(article, title="Gold") for article in ARTICLES]
    update(folder, articles)
    exact, index = build_index(articles, FakeEmbedder(), SETTINGS), opened(folder)
    vector = FakeEmbedder().embed_query("gold")
    assert_same(exact.dense.search(vector, 50), index.dense.search(vector, 50))


@pytest.mark.parametrize("count", [1, 39, 40, 50, 83])
def test_a_graph_that_is_written_now_and_then_is_whole_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(chroma, "_WRITTEN_AFTER", 20)
    monkeypatch.setattr(chroma, "_CHROMA_BATCH", 5)
    articles = [Document(id=str(number), text=f"Gold in {number} villages.") for number in range(count)]
    for turn in ("made", "updated"):
        update(tmp_path, articles)
        exact, index = build_index(articles, FakeEmbedder(), SETTINGS), opened(tmp_path)
        vector = FakeEmbedder().embed_query("gold")
        assert_same(exact.dense.search(vector, 50), index.dense.search(vector, 50))
        with closing(sqlite3.connect(newest(tmp_path) / "chroma" / chroma.DATABASE)) as database:
            # Vectors wait there until the graph is written; the last row stays.
            waiting = database.execute("SELECT count(*) FROM embeddings_queue").fetchone()[0]
            assert waiting <= 1, turn
        articles = [replace(articles[0], text="Silver."), *articles[1:], Document(id="new", text="One more.")]


def test_no_room_is_left_where_vectors_waited_for_the_graph(tmp_path: Path) -> None:
    articles = [Document(id=str(number), text=f"Gold in {number} villages.") for number in range(50)]
    update(tmp_path, articles, FakeEmbedder(dimension=768))
    own = newest(tmp_path) / "chroma"
    with closing(sqlite3.connect(own / chroma.DATABASE)) as database:
        assert database.execute("PRAGMA freelist_count").fetchone() == (0,)
    assert not (own / "compact").exists()


def test_the_words_of_the_articles_are_not_stored_in_chroma_too(finished: Path) -> None:
    with closing(sqlite3.connect(newest(finished) / "chroma" / chroma.DATABASE)) as database:
        keys = {key for (key,) in database.execute("SELECT DISTINCT key FROM embedding_metadata")}
    assert "title" in keys
    assert "chroma:document" not in keys


def test_several_threads_get_the_answers_of_one(finished: Path) -> None:
    index = opened(finished)
    expected = {question: search(index, question) for question in QUESTIONS}
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda question: (question, search(index, question)), QUESTIONS * 25))
    assert all(expected[question] == answer for question, answer in found)


# ---- spans


def test_every_passage_and_sentence_of_an_opened_index_slices_back(tmp_path: Path) -> None:
    odd = Document(
        id="é", text="Ça va? Oui… «Non!»\u2028日本語の文。 二つ目。\r\n\r\n😀 Good. " + "long " * 90 + "\x00end."
    )
    articles = [*read_corpus(ROOT / "seeds").documents, odd, *ARTICLES[:5]]
    update(tmp_path / "index", articles)
    index = opened(tmp_path / "index")
    texts = {article.id: article.text for article in articles}
    assert [document.text for document in index.documents] == list(texts.values())
    for row in range(len(index)):
        passage = index.passage(row)
        text = texts[passage.document_id]
        assert text[passage.start : passage.end] == passage.text
        assert (passage.sentences[0].start, passage.sentences[-1].end) == (passage.start, passage.end)
        vectors = index.sentence_vectors(row)
        assert vectors.shape == (len(passage.sentences), 24)
        for (start, end), vector in zip(passage.sentences, vectors, strict=True):
            assert np.allclose(vector, FakeEmbedder().embed_query(text[start:end]), atol=2e-3)
    assert index.sentence_count == sum(len(index.passage(row).sentences) for row in range(len(index)))


def test_a_long_title_does_not_lift_a_passage_over_its_budget() -> None:
    embedder = FakeEmbedder()
    build_index([replace(ARTICLES[0], title="border " * 30)], embedder, SETTINGS)
    assert max(embedder.count_tokens(embedder.embedded)) <= SETTINGS.passage_tokens


ODD_IDS = [
    *("é", "e\u0301", "a", "a:1", "a:10", "A", "../x", "a\nb", "a\r\nb", "'; DROP TABLE x; --", '"', "日本", "😀"),
    *(" a", "a ", "%", "_", "*", "$in", "null", "0", "1.0", "\\", "\x7f", "\u202e", "a" * 500, "\x00", "a\x00"),
]


def test_ids_of_any_characters_are_kept_apart(tmp_path: Path) -> None:
    update(tmp_path, [Document(id=name, title="T", text=f"This is number {n}.") for n, name in enumerate(ODD_IDS)])
    update(tmp_path, [Document(id=name, title="T", text=f"This is new {n}.") for n, name in enumerate(ODD_IDS[::2])])
    index = opened(tmp_path)
    for name in ODD_IDS:
        allowed = index.mask(lambda document, name=name: document.id == name)
        found = index.dense.search(FakeEmbedder().embed_query("number"), 10, allowed)
        assert [index.passage(row).document_id for row in found.rows] == [name]
        assert index.document(name).id == name


def test_an_id_leads_to_its_own_article_though_it_is_an_alias_of_another() -> None:
    first, second = Document(id="b", text="New text."), Document(id="a", text="Old text.", aliases=("b", "c"))
    index = build_index([first, second], FakeEmbedder(), SETTINGS)
    assert [index.document(name).id for name in "abc"] == ["a", "b", "a"]
    with pytest.raises(KeyError):
        index.document("d")


# ---- building and updating


def test_an_index_in_memory_leaves_nothing_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("HOME", "TMPDIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    index = build_index(ARTICLES[:5], FakeEmbedder(), SETTINGS)
    assert search(index) and index.lexical_scores(["armi"]).any()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("texts", [[], ["…"], [" \n"]], ids=["no article", "no word", "blank"])
def test_a_corpus_without_words_is_an_index_that_finds_nothing_by_words(tmp_path: Path, texts: list[str]) -> None:
    articles = [Document(id=str(number), text=text) for number, text in enumerate(texts)]
    update(tmp_path, articles)
    for index in (build_index(articles, FakeEmbedder(), SETTINGS), opened(tmp_path)):
        assert [document.id for document in index.documents] == [article.id for article in articles]
        found = index.dense.search(FakeEmbedder().embed_query("army"), 5)
        assert len(found.rows) == len(index) == len(index.lexical_scores(["armi"]))
        assert not index.lexical_scores(["armi"]).any()
        assert len(index.mask(lambda document: True)) == len(index)


def test_words_that_no_article_has_find_nothing(exact: Index) -> None:
    assert not exact.lexical_scores(["xyzzy", ""]).any()
    assert not exact.lexical_scores([]).any()


def test_an_empty_index_grows_by_an_update(tmp_path: Path) -> None:
    update(tmp_path, [])
    assert update(tmp_path, ARTICLES[:2]).added == ["article-0", "article-1"]
    assert search(opened(tmp_path))


def test_what_is_unchanged_is_not_embedded_again(folder: Path) -> None:
    before = (folder / "current").read_text()
    embedder = FakeEmbedder()
    done = update(folder, ARTICLES[:20], embedder)
    assert (done.added, done.changed, len(done.unchanged)) == ([], [], 20)
    assert done.passages == len(opened(folder))
    assert embedder.embedded == []
    assert (folder / "current").read_text() == before


def test_what_is_changed_is_replaced_and_what_is_new_is_added(folder: Path) -> None:
    changed = replace(ARTICLES[3], text="A comet was seen over the lake.")
    retitled = replace(ARTICLES[4], title="Comets")
    new = Document(id="new", text="Nobody saw the meteor.")
    embedder = FakeEmbedder()
    done = update(folder, [changed, ARTICLES[0], retitled, new], embedder)
    assert (done.added, done.changed, done.unchanged) == (["new"], ["article-3", "article-4"], ["article-0"])
    index = opened(folder)
    assert done.passages == len(index) == read_manifest(folder)["passages"]
    assert [document.id for document in index.documents] == [*(article.id for article in ARTICLES), "new"]
    assert index.document("article-3") == changed
    assert index.document("article-4").title == "Comets"
    own = [index.passage(row).text for row in np.flatnonzero(index.mask(lambda document: document.id == "article-3"))]
    assert own == [changed.text]
    assert len(embedder.embedded) == 2 + sum(index.mask(lambda document: document.id == "article-4"))
    assert search(index, "a comet was seen over the lake", 1) == [("article-3", 0)]


def test_a_rebuilt_index_holds_just_what_was_given(folder: Path) -> None:
    embedder = FakeEmbedder()
    done = update(folder, ARTICLES[:2], embedder, rebuild=True)
    assert done.added == ["article-0", "article-1"]
    assert len(embedder.embedded) == done.passages
    assert [document.id for document in opened(folder).documents] == ["article-0", "article-1"]


def test_what_is_removed_is_gone_and_the_rest_is_as_it_was(folder: Path) -> None:
    path = newest(folder) / "manifest.json"
    manifest, _ = unseal(path.read_bytes())
    manifest["documents"][0]["indexed"] = "2020-01-01T00:00:00+00:00"
    path.write_bytes(seal(manifest))
    gone = remove_documents(folder, ["article-4", "article-3", "nobody"], FakeEmbedder(), SETTINGS)
    assert gone == ["article-3", "article-4"]
    kept = [article for article in ARTICLES if article.id not in gone]
    index, alone = opened(folder), build_index(kept, FakeEmbedder(), SETTINGS)
    assert index.documents == alone.documents
    for question in QUESTIONS:
        vector = FakeEmbedder().embed_query(question)
        assert_same(alone.dense.search(vector, 10), index.dense.search(vector, 10))
    assert [index.indexed(id).year > 2020 for id in ("article-0", "article-1")] == [False, True]  # type: ignore[union-attr]
    before = (folder / "current").read_text()
    assert remove_documents(folder, ["article-3"], FakeEmbedder(), SETTINGS) == []
    assert (folder / "current").read_text() == before


def test_an_index_of_which_all_was_removed_is_empty_and_grows_again(folder: Path) -> None:
    assert len(remove_documents(folder, [article.id for article in ARTICLES], FakeEmbedder(), SETTINGS)) == 60
    assert opened(folder).documents == [] and search(opened(folder)) == []
    assert update(folder, ARTICLES[:2]).added == ["article-0", "article-1"]
    assert {name for name, _ in search(opened(folder))} == {"article-0", "article-1"}


def test_what_was_removed_goes_with_its_copies_and_comes_back_when_its_file_is_read_again(tmp_path: Path) -> None:
    corpus, index = tmp_path / "corpus", tmp_path / "index"
    corpus.mkdir()
    for name, text in {"a": "Gold in Dakar.", "b": "The harvest was good.", "c": "Gold in Dakar."}.items():
        (corpus / f"{name}.txt").write_text(text, encoding="utf-8")
    embedder = FakeEmbedder()

    def read() -> list[str]:
        found = read_corpus(corpus, earlier=read_earlier(index))
        sources = Sources.of(found)
        return update_index(index, found.documents, embedder, SETTINGS, sources=sources).added

    assert read() == ["a", "b"]
    assert opened(index).document("c").id == "a"
    assert remove_documents(index, ["a"], embedder, SETTINGS) == ["a"]
    with pytest.raises(KeyError):
        opened(index).document("c")
    embedded = len(embedder.embedded)
    assert read() == ["a"]
    assert opened(index).document("c").id == "a"
    assert len(embedder.embedded) == embedded + 1
    assert read() == []


def test_progress_ends_with_all_passages(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    done = update_index(tmp_path, ARTICLES, FakeEmbedder(), SETTINGS, progress=lambda *count: seen.append(count))
    assert seen == [(number, done.passages) for number in range(1, done.passages + 1)]


def test_no_index_is_missing_and_says_how_to_make_one(tmp_path: Path) -> None:
    assert not has_index(tmp_path)
    for read in (opened, read_manifest):
        with pytest.raises(IndexMissingError, match="assistant index PATH"):
            read(tmp_path)


# ---- made with something else


OTHERS = {
    "model": (FakeEmbedder(name="other"), SETTINGS, "embedder 'fake', now 'other'"),
    "weights": (FakeEmbedder(fingerprint="2"), SETTINGS, "fingerprint '1', now '2'"),
    "dimension": (FakeEmbedder(dimension=8), SETTINGS, "dimension 24, now 8"),
    "passages": (FakeEmbedder(), Settings(passage_tokens=50, overlap_tokens=10), "passage_tokens 40, now 50"),
    "overlap": (FakeEmbedder(), Settings(passage_tokens=40, overlap_tokens=0), "overlap_tokens 10, now 0"),
    "splitter": (FakeEmbedder(), SETTINGS, "splitter"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_an_index_made_with_something_else_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    embedder, settings, difference = OTHERS[other]
    if other == "splitter":
        monkeypatch.setattr(generation, "SPLITTER_VERSION", "another")
    with pytest.raises(IndexMismatchError, match=difference) as refused:
        open_index(folder, embedder, settings)
    assert "assistant index --rebuild PATH" in str(refused.value)
    with pytest.raises(IndexMismatchError, match=difference):
        update_index(folder, ARTICLES, embedder, settings)
    update_index(folder, ARTICLES, embedder, settings, rebuild=True)
    assert len(open_index(folder, embedder, settings).documents) == 60


def test_an_index_of_another_layout_is_refused(folder: Path) -> None:
    change_manifest(folder, "format", 99)
    with pytest.raises(IndexMismatchError, match=r"layout 99, this version reads \d.*assistant index --rebuild PATH"):
        opened(folder)


# ---- damage


def change_manifest(folder: Path, key: str, value: object) -> None:
    path = newest(folder) / "manifest.json"
    manifest, _ = unseal(path.read_bytes())
    path.write_bytes(seal(manifest | {key: value}))


def assert_damaged(folder: Path) -> None:
    with pytest.raises(
        IndexDamagedError, match=r"is damaged \(.+\); .*: assistant index PATH; .*: assistant index --rebuild PATH"
    ):
        opened(folder)


FILES = [
    *(
        "manifest.json",
        "documents.jsonl",
        "columns.npz",
        "sentences.npy",
        "in-use",
        "sources.json",
        "signatures.npy",
        "copies.npy",
    ),
    *(f"bm25/{name}" for name in ("params.index.json", "vocab.index.json", "data.csc.index.npy")),
    *(f"bm25/{name}" for name in ("indices.csc.index.npy", "indptr.csc.index.npy", "times.npy", "lengths.npy")),
    *("chroma/chroma.sqlite3", "chroma/*/data_level0.bin", "chroma/*/header.bin", "chroma/*/length.bin"),
    *("chroma/*/link_lists.bin", "chroma/*/index_metadata.pickle"),
]


def test_these_are_the_files_of_a_generation(finished: Path) -> None:
    own = newest(finished)
    files = {path for path in own.rglob("*") if path.is_file()}
    assert files == {path for pattern in FILES for path in own.glob(pattern)}


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_damage(folder: Path, name: str) -> None:
    (file,) = newest(folder).glob(name)
    file.unlink()
    assert_damaged(folder)


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("in-use", "chroma/*/link_lists.bin")])
def test_a_file_cut_short_is_damage(folder: Path, name: str) -> None:
    (file,) = newest(folder).glob(name)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert_damaged(folder)


@pytest.mark.parametrize("name", FILES[:4] + FILES[5:14])
def test_a_file_overwritten_with_noise_is_damage(folder: Path, name: str) -> None:
    (file,) = newest(folder).glob(name)
    file.write_bytes(random.Random(0).randbytes(file.stat().st_size))
    assert_damaged(folder)


def flip(file: Path, place: int, bit: int = 0) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 1 << bit
    file.write_bytes(data)


FLIPPED = [name for name in FILES if name not in ("in-use", "chroma/chroma.sqlite3", "chroma/*/link_lists.bin")]


@pytest.mark.parametrize("name", FLIPPED)
def test_one_bit_that_is_another_is_damage_anywhere_in_a_file(folder: Path, name: str) -> None:
    (file,) = newest(folder).glob(name)
    dice = random.Random(name)
    size = file.stat().st_size
    for place in (0, *(dice.randrange(size) for _ in range(4)), size - 1):
        bit = dice.randrange(8)
        flip(file, place, bit)
        assert_damaged(folder)
        flip(file, place, bit)
    assert search(opened(folder))


def test_one_bit_in_chromas_database_is_damage_where_it_is_answered_from(folder: Path) -> None:
    (file,) = newest(folder).glob("chroma/chroma.sqlite3")
    vector, accept = FakeEmbedder().embed_query("army"), FILTERS["one"]

    def answers() -> list[list[int]]:
        index = opened(folder)
        assert accept
        own = index.mask(accept)
        return [index.dense.search(vector, 10, allowed).rows.tolist() for allowed in (None, own)]

    expected, data = answers(), file.read_bytes()
    places = [found.start() + 8 for found in re.finditer(rb"article-7", data)]
    recognised = 0
    for place in places:
        flip(file, place)
        try:
            assert answers() == expected  # it stands where nothing is read, such as a page that is free
        except IndexDamagedError:
            recognised += 1
        file.write_bytes(data)
    assert recognised >= 2 * sum(document_id == "article-7" for document_id, _ in passages(opened(folder)))


def passages(index: Index) -> list[tuple[str, int]]:
    return [(passage.document_id, passage.start) for passage in map(index.passage, range(len(index)))]


def test_every_bit_of_a_seal_and_of_what_it_seals_counts() -> None:
    sealed = seal({"format": FORMAT, "words": ["a", "é"]})
    assert unseal(sealed) == ({"format": FORMAT, "words": ["a", "é"]}, True)
    for bit in range(8 * len(sealed)):
        data = bytearray(sealed)
        data[bit // 8] ^= 1 << bit % 8
        with suppress(ValueError, KeyError, AttributeError):
            assert not unseal(bytes(data))[1]


def test_a_file_too_large_to_be_looked_at_whenever_it_is_opened_is_looked_at_by_status_and_updates(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "CHECKED_AT_OPENING", 1000)
    flip(newest(folder) / "sentences.npy", -1)
    assert search(opened(folder))
    with pytest.raises(IndexDamagedError, match=r"sentences\.npy is not as it was written"):
        read_whole(folder)
    with pytest.raises(IndexDamagedError, match="sentences"):
        remove_documents(folder, ["article-1"], FakeEmbedder(), SETTINGS)
    done = update(folder, ARTICLES[:1])
    assert done.mended and "sentences.npy is not as it was written" in done.mended
    assert read_whole(folder).manifest["passages"] == done.passages


def test_articles_outlive_a_manifest_that_is_damaged_elsewhere(folder: Path) -> None:
    update(folder, [Document(id="new", text="Only the newest generation has this.")])
    manifest = newest(folder) / "manifest.json"
    flip(manifest, manifest.read_bytes().index(b'"made"'))
    with pytest.raises(IndexDamagedError, match=r"manifest\.json is not as it was written"):
        opened(folder)
    assert update(folder, ARTICLES[:1]).mended
    assert opened(folder).document("new")


def test_an_index_of_the_layout_before_digests_is_read_and_gets_them_by_an_update(folder: Path) -> None:
    path = newest(folder) / "manifest.json"
    manifest, _ = unseal(path.read_bytes())
    del manifest["digests"]
    path.write_text(json.dumps(manifest | {"format": 3}))
    sources = newest(folder) / "sources.json"
    sources.write_text(json.dumps(unseal(sources.read_bytes())[0]))
    assert search(opened(folder))
    embedder = FakeEmbedder()
    assert update(folder, [Document(id="new", text="One more.")], embedder).mended is None
    assert embedder.embedded == ["One more."]
    assert read_whole(folder).manifest["digests"]


@pytest.mark.parametrize("part", ["bm25", "chroma", "columns.npz", ""])
def test_damage_is_mended_by_the_next_update_from_the_articles_that_are_stored(folder: Path, part: str) -> None:
    new = Document(id="new", text="One more.")
    if part == "":  # then only the generation before is left
        update(folder, [new])
    (shutil.rmtree if (newest(folder) / part).is_dir() else Path.unlink)(newest(folder) / part)
    assert_damaged(folder)
    embedder = FakeEmbedder()
    done = update(folder, [new], embedder)
    assert done.mended and "is damaged" in done.mended
    assert done.embedded == done.passages == len(embedder.embedded)
    assert [document.id for document in opened(folder).documents] == [*(article.id for article in ARTICLES), "new"]
    assert update(folder, [new]).mended is None


def test_an_index_whose_articles_are_lost_is_not_made_anew_unasked(folder: Path) -> None:
    (newest(folder) / "documents.jsonl").unlink()
    with pytest.raises(IndexDamagedError):
        update(folder, ARTICLES)
    update(folder, ARTICLES[:9], rebuild=True)
    assert len(opened(folder).documents) == 9


@pytest.mark.parametrize("key", ["passages", "sentences"])
@pytest.mark.parametrize("change", [1, -1])
def test_a_wrong_count_is_damage(folder: Path, key: str, change: int) -> None:
    change_manifest(folder, key, read_manifest(folder)[key] + change)
    assert_damaged(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("documents", []), ("documents", None), ("made_with", {}), ("made_with", "x"), ("files", 3)),
        *(("passages", "many"), ("made", "today"), ("made", None), ("lexical", False), ("lexical", "yes")),
    ],
)
def test_a_manifest_of_another_form_is_damage(folder: Path, key: str, value: object) -> None:
    change_manifest(folder, key, value)
    assert_damaged(folder)


@pytest.mark.parametrize("pointer", [b"", b"nonsense", b"000009-00000000", b"../../etc", b"\xff\xfe", b"\x00", b"."])
def test_a_pointer_to_no_generation_is_damage(folder: Path, pointer: bytes) -> None:
    (folder / "current").write_bytes(pointer)
    assert_damaged(folder)
    update(folder, ARTICLES[:9], rebuild=True)
    assert len(opened(folder).documents) == 9


def test_an_article_that_was_edited_in_the_index_is_damage(folder: Path) -> None:
    file = newest(folder) / "documents.jsonl"
    text = file.read_text()
    file.write_text(text.replace("border", "harbor", 1))
    assert file.read_text() != text
    assert_damaged(folder)


@pytest.mark.parametrize("name", ["document", "start", "end", "first_sentence", "sentence_start", "sentence_end"])
@pytest.mark.parametrize("change", ["shifted", "negative", "huge", "shorter", "backwards"])
def test_spans_that_do_not_fit_together_are_damage(folder: Path, name: str, change: str) -> None:
    file = newest(folder) / "columns.npz"
    with np.load(file) as arrays:
        columns = dict(arrays)
    changes = {
        "shifted": columns[name] + 1,
        "negative": -1 - columns[name],
        "huge": columns[name] + 2**30,
        "shorter": columns[name][:-1],
        "backwards": columns[name][::-1],
    }
    np.savez(file, **(columns | {name: changes[change]}))
    change_manifest(folder, "digests", {})
    with pytest.raises(IndexDamagedError):
        opened(folder)


def test_a_passage_that_chroma_lost_is_damage(folder: Path) -> None:
    settings = chromadb.Settings(anonymized_telemetry=False)
    with chromadb.PersistentClient(str(newest(folder) / "chroma"), settings=settings) as client:
        client.get_collection("passages", embedding_function=None).delete(ids=["article-7:0"])
    assert_damaged(folder)
    change_manifest(folder, "files", {})
    change_manifest(folder, "digests", {})
    with pytest.raises(IndexDamagedError, match="Chroma holds"):
        opened(folder)
    mended = update(folder, [Document(id="new", text="One more.")]).mended
    assert mended and "Chroma would hold" in mended
    assert len(opened(folder).documents) == 61


def test_a_search_that_chroma_cannot_do_is_damage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = opened(folder)

    def fail(**_: object) -> None:
        raise chromadb.errors.InternalError("disk I/O error")

    monkeypatch.setattr(index.dense._collection, "query", fail)
    with pytest.raises(IndexDamagedError, match="disk I/O error"):
        search(index)


# ---- writing


FAILURES = {
    "spans": (np, "savez", RuntimeError("stop")),
    "vectors": (np, "save", OSError(28, "No space left on device")),
    "Chroma": (chroma, "_change_rows", KeyboardInterrupt()),
    "Chroma's disk": (chroma, "_change_rows", chromadb.errors.InternalError("database or disk is full")),
    "manifest": (generation, "content_hash", RuntimeError("stop")),
    "pointer": (Path, "replace", OSError(5, "Input/output error")),
}


@pytest.mark.parametrize("where", FAILURES)
def test_a_failure_while_writing_leaves_the_old_index_serving(
    folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    owner, name, error = FAILURES[where]
    reader, before, existing = opened(folder), (folder / "current").read_text(), generations(folder)
    found = search(reader)
    new = [Document(id="new", text="One more.")]

    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fail)
        mendable = isinstance(error, OSError | chromadb.errors.ChromaError)
        with pytest.raises(IndexStateError if mendable else type(error)) as failed:
            update(folder, new, rebuild=where == "manifest")
    assert not mendable or ("cannot be written" in str(failed.value) and "ASSISTANT_INDEX" in str(failed.value))
    assert ((folder / "current").read_text(), generations(folder)) == (before, existing)
    assert search(reader) == search(opened(folder)) == found
    assert update(folder, new).added == ["new"]
    assert opened(folder).document("new")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IndexStateError, match="file/index cannot be written"):
        update(tmp_path / "file" / "index", ARTICLES)


class Stopping(FakeEmbedder):
    """Is interrupted after so many passages."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def embed(self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> Iterator[Embedded]:
        for item in super().embed(texts, spans):
            if len(self.embedded) > self.after:
                raise KeyboardInterrupt
            yield item


def test_a_run_that_was_interrupted_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "PAGE_PASSAGES", 10)
    for after in (25, 30):
        with pytest.raises(KeyboardInterrupt):
            update(tmp_path, ARTICLES, Stopping(after))
    (page, *_) = sorted((tmp_path / "work").glob("*/*.npz"))
    page.write_bytes(page.read_bytes()[:-20])
    embedder = FakeEmbedder()
    seen: list[tuple[int, int]] = []
    done = update_index(tmp_path, ARTICLES, embedder, SETTINGS, progress=lambda *count: seen.append(count))
    # 20 of the first run and 30 of the second were kept, ten of them in the page that is damaged.
    assert len(embedder.embedded) == done.passages - 40
    assert (seen[0], seen[-1]) == ((41, done.passages), (done.passages, done.passages))
    assert not (tmp_path / "work").exists()
    resumed, whole = opened(tmp_path), build_index(ARTICLES, FakeEmbedder(), SETTINGS)
    for question in QUESTIONS:
        vector = FakeEmbedder().embed_query(question)
        assert_same(whole.dense.search(vector, 20), resumed.dense.search(vector, 20))
    for row in range(len(whole)):
        assert np.allclose(whole.sentence_vectors(row), resumed.sentence_vectors(row), atol=2e-3)


def test_vectors_of_another_model_are_not_taken_from_an_interrupted_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PAGE_PASSAGES", 10)
    with pytest.raises(KeyboardInterrupt):
        update(tmp_path, ARTICLES, Stopping(30))
    assert list((tmp_path / "work").glob("*/*.npz"))
    other = FakeEmbedder(fingerprint="2")
    done = update(tmp_path, ARTICLES, other)
    assert len(other.embedded) == done.passages


class Meddler(FakeEmbedder):
    """Does something while an update is under way."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self.act = act

    def embed(self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> Iterator[Embedded]:
        self.act()
        return super().embed(texts, spans)


def test_a_second_writer_is_refused(folder: Path) -> None:
    def write() -> None:
        with pytest.raises(IndexStateError, match="another process is writing the index"):
            update(folder, ARTICLES)
        refused.append(True)

    refused: list[bool] = []
    update(folder, [Document(id="new", text="One more.")], Meddler(write))
    assert refused
    assert update(folder, ARTICLES).unchanged


def test_a_reader_works_on_while_a_new_generation_is_written(folder: Path) -> None:
    reader = opened(folder)
    found = search(reader)
    seen: list[object] = []
    meddler = Meddler(lambda: seen.extend([search(reader), search(opened(folder))]))
    update(folder, [replace(ARTICLES[n], text="Army talks.") for n in range(9)], meddler)
    assert seen == [found, found]
    assert search(reader) == found
    assert search(opened(folder)) != found


def test_a_generation_stays_while_it_is_read_and_goes_afterwards(folder: Path) -> None:
    gc.collect()  # indexes that other tests let go
    reader = opened(folder)
    found = search(reader)
    first = newest(folder).name
    for number in range(4):
        update(folder, [Document(id="new", text=f"Version {number}.")])
    assert len(generations(folder)) == 3 and first in generations(folder)
    # Chroma opens its database anew for each thread: without the files this would fail.
    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(search, reader) for _ in range(64)]
    assert all(answer.result() == found for answer in answers)
    del reader
    gc.collect()
    update(folder, [Document(id="new", text="Last version.")])
    assert len(generations(folder)) == 2 and first not in generations(folder)


READER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_index
index = test_index.opened(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(16) as pool:
    answers = list(pool.map(lambda _: test_index.search(index), range(64)))
assert all(answer == answers[0] for answer in answers)
print(answers[0], len(index.lexical_scores(["armi"]).nonzero()[0]), len(index.sentence_vectors(0)), flush=True)
"""


def test_a_reader_in_another_process_outlives_its_generation(folder: Path) -> None:
    index = opened(folder)
    expected = f"{search(index)} {len(index.lexical_scores(['armi']).nonzero()[0])} {len(index.sentence_vectors(0))}"
    first = newest(folder).name
    del index
    gc.collect()
    command = [sys.executable, "-c", READER, str(folder), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as reader:
        assert reader.stdin and reader.stdout
        assert reader.stdout.readline() == "open\n"
        for number in range(3):
            update(folder, [replace(article, text=f"Version {number}.") for article in ARTICLES])
        assert first in generations(folder)
        reader.stdin.write("\n")
        reader.stdin.flush()
        assert reader.stdout.readline().strip() == expected
    assert reader.returncode == 0
    update(folder, ARTICLES)
    assert first not in generations(folder)


def test_what_a_killed_writer_left_is_passed_over_and_cleared_away(folder: Path) -> None:
    half = folder / "generations" / "000002-0000abcd"
    shutil.copytree(newest(folder), half)
    (half / "manifest.json").unlink()
    (folder / "generations" / ".DS_Store").touch()
    assert len(opened(folder).documents) == 60
    update(folder, [Document(id="new", text="One more.")])
    assert not half.exists()
    assert (folder / "generations" / ".DS_Store").exists()
    assert len(opened(folder).documents) == 61


def test_a_generation_that_goes_before_it_is_held_is_passed_over_for_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = generation.Hold

    def too_late(path: Path) -> object:
        monkeypatch.setattr(generation, "Hold", hold)
        for number in range(3):
            update(folder, [Document(id="new", text=f"Version {number}.")])
        assert not path.exists()
        return hold(path)

    gc.collect()  # indexes that other tests let go
    monkeypatch.setattr(generation, "Hold", too_late)
    assert opened(folder).document("new").text == "Version 2."


def test_an_index_folder_that_was_deleted_is_made_anew_in_the_same_process(folder: Path) -> None:
    reader = opened(folder)
    shutil.rmtree(folder)
    update(folder, ARTICLES[:9])
    assert len(opened(folder).documents) == 9
    assert len(reader.documents) == 60


def test_reading_changes_no_file_but_chromas_database(folder: Path) -> None:
    def digests() -> dict[str, str]:
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in newest(folder).rglob("*")
            if path.is_file() and path.name != "chroma.sqlite3"
        }

    before = digests()
    assert search(opened(folder))
    assert digests() == before


def test_indexes_that_are_gone_leave_no_file_open(folder: Path) -> None:
    def open_files() -> int:
        return sum(str(folder) in str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink())

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("the system does not list open files")
    opened(folder)
    few = open_files()
    for _ in range(5):
        search(opened(folder))
    gc.collect()
    opened(folder)
    assert open_files() <= few + 4


def test_an_index_may_be_opened_by_several_threads_at_once(folder: Path) -> None:
    barrier = threading.Barrier(8)

    def read(_: int) -> list[tuple[str, int]]:
        barrier.wait()
        return search(opened(folder))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(read, range(8)))
    assert all(answer == answers[0] for answer in answers)


def test_the_library_of_postings_logs_nothing_below_warnings(folder: Path) -> None:
    logger = logging.getLogger("bm25s")
    for opening in (lambda: build_index(write_articles(1), FakeEmbedder(), Settings()), lambda: opened(folder)):
        logger.setLevel(logging.DEBUG)  # as it does itself when it is imported
        opening()
        assert logger.level == logging.WARNING


def test_a_database_that_chroma_holds_locked_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from chromadb.errors import InternalError

    tries: list[str] = []

    def change(*messages: str) -> None:
        tries.append("")
        if len(tries) <= len(messages):
            raise InternalError(messages[len(tries) - 1])

    locked = "error returned from database: (code: 5) database is locked"
    chroma._unlocked(lambda: change(locked, locked))
    assert len(tries) == 3
    tries.clear()
    with pytest.raises(InternalError, match="disk is full"):
        chroma._unlocked(lambda: change(locked, "database or disk is full"))
    assert len(tries) == 2
    tries.clear()
    monkeypatch.setattr(chroma, "LOCKED_SECONDS", 0.0)
    with pytest.raises(InternalError, match="locked"):
        chroma._unlocked(lambda: change(*[locked] * 50))
