"""The shelf: files join and leave the articles that are searched, in memory and on disk."""

import threading

import pytest
from fake_embedder import FakeEmbedder

from assistant.damage import seal, unseal
from assistant.documents import Document
from assistant.errors import CorpusError
from assistant.index import build_index
from assistant.pipeline import Assistant
from assistant.settings import Settings
from assistant.shelf import Shelf
from assistant.store import open_index
from assistant.update import update_index

KELM = "Harbour reopens\n\nAuthor: Ann Writer\n\nThe harbour of Kelm reopened on Monday."
ORM = "Bridge closed\n\nThe bridge of Orm was closed by the flood on Friday."


@pytest.fixture(params=["in memory", "on disk"])
def assistant(request, tmp_path):
    settings = Settings(index=tmp_path / "index", corpus=tmp_path / "corpus")
    embedder = FakeEmbedder()
    first = [Document(id="first", text="The first article is about the ferry.", title="Ferry")]
    if request.param == "in memory":
        index = build_index(first, embedder, settings)
    else:
        update_index(settings.index, first, embedder, settings)
        index = open_index(settings.index, embedder, settings)
    return Assistant(index, embedder, settings, reader=object(), checker=object())


@pytest.fixture
def shelf(assistant, tmp_path):
    return Shelf(assistant, tmp_path / "corpus")


def put(tmp_path, **texts):
    folder = tmp_path / "incoming"
    folder.mkdir(exist_ok=True)
    paths = []
    for name, text in texts.items():
        paths.append(folder / f"{name}.txt")
        paths[-1].write_bytes(text if isinstance(text, bytes) else text.encode())
    return paths


def upload(shelf, paths):
    return list(shelf.upload(paths))[-1]


def test_files_are_indexed_and_not_kept_and_each_is_told_of(assistant, shelf, tmp_path):
    paths = put(tmp_path, kelm=KELM, orm=ORM, same=ORM, blank="  ", binary=b"\0\1")
    results = {result.name: (result.outcome, result.note) for result in upload(shelf, paths)}
    assert results["kelm.txt"] == ("added", "Harbour reopens")
    assert results["orm.txt"] == ("added", "Bridge closed")
    assert results["same.txt"] == ("already there", "the same text as “Bridge closed”")
    assert results["blank.txt"][0] == results["binary.txt"][0] == "not read"
    assert "NUL" in results["binary.txt"][1] and str(tmp_path) not in results["binary.txt"][1]
    assert not any(path.exists() for path in paths)
    assert {document.id for document in assistant.documents} == {"first", "uploads/kelm", "uploads/orm"}
    assert [row.id for row in shelf.rows("ann HARBOUR")] == ["uploads/kelm"]
    assert all(row.indexed for row in shelf.rows())


def test_a_file_of_the_same_name_replaces_what_was_handed_in_and_never_an_article_of_the_folder(
    assistant, shelf, tmp_path
):
    upload(shelf, put(tmp_path, kelm=KELM, first="Another first text."))
    (result,) = upload(shelf, put(tmp_path, kelm=ORM))
    assert result.outcome == "replaced"
    assert assistant.index.document("uploads/kelm").text == ORM
    assert "ferry" in assistant.index.document("first").text


def test_what_is_removed_is_not_found_and_the_rest_is(assistant, shelf, tmp_path):
    upload(shelf, put(tmp_path, kelm=KELM, orm=ORM))
    assert shelf.remove("uploads/kelm") == "Harbour reopens"
    index = assistant.index
    assert {document.id for document in index.documents} == {"first", "uploads/orm"}
    found = index.dense.search(FakeEmbedder().embed_query("harbour of Kelm"), 10)
    assert {index.passage(int(row)).document_id for row in found.rows} == {"first", "uploads/orm"}
    assert index.documents_with(["kelm"]) == []
    with pytest.raises(CorpusError, match="no longer in the index"):
        shelf.remove("uploads/kelm")


def test_everything_can_be_removed_and_something_added_again(assistant, shelf, tmp_path):
    shelf.remove("first")
    assert assistant.documents == [] and shelf.rows() == []
    (result,) = upload(shelf, put(tmp_path, kelm=KELM))
    assert (result.outcome, result.note) == ("added", "Harbour reopens")
    assert [row.title for row in shelf.rows()] == ["Harbour reopens"]


def test_the_folder_is_read_again_for_what_is_new(assistant, shelf, tmp_path):
    with pytest.raises(CorpusError, match="does not exist"):
        shelf.reread()
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "orm.txt").write_text(ORM, encoding="utf-8")
    (tmp_path / "corpus" / "bad.txt").write_bytes(b"\0")
    fresh, unread = shelf.reread()
    assert fresh == ["orm"]
    assert [(result.name, result.outcome) for result in unread] == [("bad.txt", "not read")]
    assert shelf.reread()[0] == []


def test_more_files_than_are_taken_at_once_are_told_of(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr("assistant.shelf.MOST_FILES", 1)
    results = upload(shelf, put(tmp_path, kelm=KELM, orm=ORM))
    assert [(result.name, result.outcome) for result in results] == [("kelm.txt", "added"), ("orm.txt", "not read")]
    assert list((tmp_path / "incoming").iterdir()) == []


def test_two_who_hand_in_at_once_both_get_theirs(assistant, shelf, tmp_path):
    threads = [
        threading.Thread(target=upload, args=(shelf, put(tmp_path, **{f"n{n}": f"Text {n} of the sea."})))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(assistant.documents) == 5


def test_a_question_is_answered_from_the_index_as_it_was_when_asked(assistant):
    before = assistant.index
    stream = assistant.stream("What articles do you have?")
    next(stream)
    assistant.remove(["first"])
    assert assistant.index is not before
    reply = list(stream)[-1].reply
    assert "Ferry" in reply.text


def test_on_disk_an_unchanged_article_keeps_the_time_of_its_indexing(tmp_path):
    settings = Settings(index=tmp_path / "index")
    embedder = FakeEmbedder()
    update_index(settings.index, [Document(id="a", text="One text.")], embedder, settings)
    manifest = next((settings.index / "generations").glob("*/manifest.json"))
    old, _ = unseal(manifest.read_bytes())
    old["documents"][0]["indexed"] = "2020-01-01T00:00:00+00:00"
    manifest.write_bytes(seal(old))
    update_index(settings.index, [Document(id="b", text="Another text.")], embedder, settings)
    index = open_index(settings.index, embedder, settings)
    assert index.indexed("a").year == 2020
    assert index.indexed("b").year > 2020
