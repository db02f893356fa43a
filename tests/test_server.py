"""The index with its vectors in a Chroma server of our own, beside the same index in a folder."""

import gc
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_articles
from typer.testing import CliRunner

from assistant import chroma, cli
from assistant.documents import Document
from assistant.errors import IndexDamagedError, IndexMismatchError, IndexStateError, SettingsError
from assistant.index import build_index
from assistant.settings import Settings
from assistant.store import open_index
from assistant.update import update_index

ARTICLES = write_articles(8)

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server that runs while these tests do."""
    program = Path(sys.executable).with_name("chroma")
    if not program.exists():
        pytest.skip("there is no chroma program beside this Python")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    command = [str(program), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert server.poll() is None
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        server.terminate()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()
        while chroma._unused_clients:
            chroma._close(chroma._unused_clients.popleft())
        gc.collect()  # Chroma's client leaves connections open where it fails


@pytest.fixture
def settings(url: str) -> Settings:
    return Settings(passage_tokens=40, overlap_tokens=10, chroma_url=url)


@contextmanager
def client(settings: Settings) -> Iterator[Any]:
    host, port = settings.chroma_url.removeprefix("http://").split(":")
    opened = chromadb.HttpClient(host, int(port))
    yield opened
    opened.close()
    opened._server._session.close()


def test_a_server_gives_the_answers_of_exact_search_after_many_changes(tmp_path: Path, settings: Settings) -> None:
    articles = list(ARTICLES)
    update_index(tmp_path, articles, FakeEmbedder(), settings)
    assert not any(path.name == "chroma" for path in tmp_path.rglob("*"))
    embedder = FakeEmbedder()
    for number in range(3):
        articles[number] = replace(articles[number], text=f"Army talks, part {number}. " + articles[number].text)
        done = update_index(tmp_path, articles, embedder, settings)
        assert done.changed == [articles[number].id]
        gc.collect()  # exceptions that Chroma's client caught keep the generation before alive
    assert len(embedder.embedded) < done.passages
    index, exact = open_index(tmp_path, FakeEmbedder(), settings), build_index(articles, FakeEmbedder(), settings)
    assert len(index) == len(exact)
    for question in ("army talks in Dakar", "gold miners"):
        vector = FakeEmbedder().embed_query(question)
        for allowed in (None, exact.mask(lambda document: document.id in ("article-1", "article-7"))):
            expected = exact.dense.search(vector, 10, allowed)
            found = index.dense.search(vector, 10, allowed)
            assert np.allclose(expected.scores, found.scores, atol=2e-6)
            assert set(expected.rows[:-1]) <= set(found.rows)
    # A generation goes with its collection.
    own = {f"passages-{path.name}" for path in (tmp_path / "generations").iterdir()}
    with client(settings) as server:
        assert {collection.name for collection in server.list_collections()} == own
    assert len(own) < 4


def test_vectors_that_a_server_lost_are_damage_and_made_anew(tmp_path: Path, settings: Settings) -> None:
    update_index(tmp_path, ARTICLES, FakeEmbedder(), settings)
    name = f"passages-{(tmp_path / 'current').read_text(encoding='ascii')}"
    with client(settings) as server:
        server.delete_collection(name)
    with pytest.raises(IndexDamagedError):
        open_index(tmp_path, FakeEmbedder(), settings)
    assert update_index(tmp_path, ARTICLES, FakeEmbedder(), settings).mended
    assert len(open_index(tmp_path, FakeEmbedder(), settings).documents) == len(ARTICLES)


def test_status_says_that_what_a_server_holds_was_not_looked_at(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    update_index(tmp_path, ARTICLES, FakeEmbedder(), settings)
    monkeypatch.setenv("ASSISTANT_INDEX", str(tmp_path))
    said = CliRunner().invoke(cli.app, ["status"]).stdout
    assert "files     as they were written; vectors are on a Chroma server and were not looked at" in said


def test_a_folder_and_a_server_are_not_mixed_up(tmp_path: Path, settings: Settings) -> None:
    local = settings.model_copy(update={"chroma_url": ""})
    update_index(tmp_path, ARTICLES, FakeEmbedder(), local)
    for act in (open_index, lambda folder, model, chosen: update_index(folder, ARTICLES, model, chosen)):
        with pytest.raises(IndexMismatchError, match="vectors in the folder"):
            act(tmp_path, FakeEmbedder(), settings)
    update_index(tmp_path, ARTICLES, FakeEmbedder(), settings, rebuild=True)
    with pytest.raises(IndexMismatchError, match="vectors in a Chroma server"):
        open_index(tmp_path, FakeEmbedder(), local)


def test_a_server_that_is_not_there_is_named_and_the_old_index_stays(tmp_path: Path, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    update_index(tmp_path, ARTICLES, FakeEmbedder(), settings)
    gone = settings.model_copy(update={"chroma_url": f"http://127.0.0.1:{port}"})
    for act in (
        open_index,
        lambda folder, model, chosen: update_index(folder, [Document(id="n", text="N.")], model, chosen),
    ):
        with pytest.raises(IndexStateError, match="ASSISTANT_CHROMA_URL"):
            act(tmp_path, FakeEmbedder(), gone)
    assert len(open_index(tmp_path, FakeEmbedder(), settings).documents) == len(ARTICLES)


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://a", "http://", "http://a/b", "http://me:secret@a"])
def test_an_address_that_is_none_is_refused_without_repeating_a_password(address: str) -> None:
    with pytest.raises(SettingsError):
        Settings(chroma_url=address)
