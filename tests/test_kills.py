"""Real processes: writers killed at random moments, beside each other, beside readers, and on a full disk.

In a test run a few kills are made; for figures, `KILLS=60 python -m pytest -s tests/test_kills.py`.
"""

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from fake_embedder import FakeEmbedder, write_articles

from assistant.documents import Document
from assistant.embedding import Embedded
from assistant.errors import IndexStateError
from assistant.index import Index
from assistant.settings import Settings
from assistant.store import open_index, read_whole
from assistant.update import update_index

KILLS = int(os.environ.get("KILLS", "4"))
SETTINGS = Settings(passage_tokens=40, overlap_tokens=0)
ARTICLES = write_articles(12)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that start quickly")


class Slow(FakeEmbedder):
    """Takes a little time for each passage, so that a kill can come while texts are encoded."""

    def embed(self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> Iterator[Embedded]:
        for item in super().embed(texts, spans):
            time.sleep(0.002)
            yield item


def version(number: int) -> list[Document]:
    """The articles as they are in one version: every one of them says which it is."""
    return [
        Document(id=article.id, title=f"Version {number}", text=f"Version{number} of it. {article.text}")
        for article in ARTICLES
    ]


def version_of(index: Index) -> int:
    """The version that an index holds; fails where it holds parts of two, or where search and articles differ."""
    titles = {document.title for document in index.documents}
    assert len(titles) == 1 and len(index.documents) == len(ARTICLES), titles
    number = int(titles.pop().split()[1])
    word = f"version{number}"
    assert int((index.lexical_scores([word]) > 0).sum()) >= len(ARTICLES)
    found = index.dense.search(FakeEmbedder().embed_query(word), len(index))
    assert sorted(found.rows.tolist()) == list(range(len(index)))
    for row in found.rows.tolist():
        passage = index.passage(row)
        assert index.document(passage.document_id).text[passage.start : passage.end] == passage.text
    return number


def opened(folder: Path) -> Index:
    return open_index(folder, FakeEmbedder(), SETTINGS)


# ---- what the processes do


def write(folder: Path, number: int, begun: Any = None, told: Any = None) -> None:
    if begun is not None:
        begun.set()
    try:
        update_index(folder, version(number), Slow(), SETTINGS)
    except IndexStateError as error:
        if told is None:
            raise
        told.put(str(error))
        return
    if told is not None:
        told.put("written")


def read_on(folder: Path, stop: Any, told: Any) -> None:
    """Open the index again and again, hold each for a while, and tell the versions seen or what went wrong."""
    seen: list[int] = []
    try:
        while not stop.is_set():
            index = opened(folder)
            seen.append(version_of(index))
            time.sleep(0.1)
            assert version_of(index) == seen[-1]
        told.put(seen)
    except BaseException as error:
        told.put(f"{type(error).__name__}: {error}")
        raise


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes that have everything imported when they begin."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["chromadb", "bm25s", "filelock", "assistant.update", "fake_embedder", "test_kills"])
    return context


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    update_index(tmp_path / "index", version(0), FakeEmbedder(), SETTINGS)
    return tmp_path / "index"


def start(processes: ForkServerContext, target: Any, *arguments: Any) -> BaseProcess:
    process = processes.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def stage(folder: Path, before: str) -> str:
    """What a writer was doing when it was killed, by what it left."""
    if (folder / "current").read_text() != before:
        return "after the pointer was swapped"
    half = [path for path in (folder / "generations").iterdir() if path.name > before and path.name != before]
    if not half:
        return "while texts were encoded"
    if not (half[0] / "manifest.json").exists():
        return "while a generation was written"
    return "between the manifest and the pointer"


# ---- kills


def test_an_index_whose_writer_is_killed_at_any_moment_stays_whole(folder: Path, processes: ForkServerContext) -> None:
    dice = random.Random(KILLS)
    began = time.monotonic()
    start(processes, write, folder, 1).join(120)
    seconds = []
    for number in (2, 3):
        begun = processes.Event()
        process = start(processes, write, folder, number, begun)
        assert begun.wait(120)
        began = time.monotonic()
        process.join(120)
        seconds.append(time.monotonic() - began)
    assert version_of(opened(folder)) == 3
    stop, told = processes.Event(), processes.Queue()
    readers = [start(processes, read_on, folder, stop, told) for _ in range(2)]
    stages: Counter[str] = Counter()
    number = 3
    for _ in range(KILLS):
        reader, before = opened(folder), (folder / "current").read_text()
        begun = processes.Event()
        process = start(processes, write, folder, number + 1, begun)
        assert begun.wait(120)
        time.sleep(dice.uniform(0, 1.1 * max(seconds)))
        finished = not process.is_alive()
        process.kill()
        process.join(60)
        stages["finished before the kill" if finished else stage(folder, before)] += 1
        assert version_of(opened(folder)) in (number, number + 1)
        assert version_of(reader) == number
        start(processes, write, folder, number + 1).join(120)
        number += 1
        assert version_of(opened(folder)) == number
        assert not (folder / "work").exists()
        print(dict(stages), flush=True)
    stop.set()
    seen = [told.get(timeout=120) for _ in readers]
    for reader_process in readers:
        reader_process.join(60)
    assert all(isinstance(versions, list) and versions == sorted(versions) for versions in seen), seen
    del reader
    update_index(folder, version(number + 1), FakeEmbedder(), SETTINGS)
    update_index(folder, version(number + 2), FakeEmbedder(), SETTINGS)
    left = [path.name for path in (folder / "generations").iterdir()]
    assert len(left) <= 4, left  # no heap of halves
    print(
        f"\n{KILLS} kills: {dict(stages)}; a run takes {max(seconds):.1f} s;"
        f" two readers opened the index {len(seen[0]) + len(seen[1])} times"
    )


def test_of_two_writers_the_second_is_told(folder: Path, processes: ForkServerContext) -> None:
    told = processes.Queue()
    writers = [start(processes, write, folder, number, None, told) for number in (1, 2, 3)]
    answers = sorted(told.get(timeout=120) for _ in writers)
    for writer in writers:
        writer.join(60)
    assert "written" in answers
    assert all(answer == "written" or "another process is writing the index" in answer for answer in answers)
    assert version_of(opened(folder)) in (1, 2, 3)


def test_a_lock_that_a_killed_writer_held_stops_nobody(folder: Path, processes: ForkServerContext) -> None:
    begun = processes.Event()
    process = start(processes, write, folder, 1, begun)
    assert begun.wait(120)
    time.sleep(0.05)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join(60)
    update_index(folder, version(2), FakeEmbedder(), SETTINGS)
    assert version_of(opened(folder)) == 2


# ---- a full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    if not shutil.which("mount"):
        pytest.skip("there is no mount")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"a disk in memory cannot be made here: {made.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=False)


def test_on_a_full_disk_the_old_index_goes_on_and_the_next_run_finishes(small_disk: Path) -> None:
    folder = small_disk / "index"
    update_index(folder, version(0), FakeEmbedder(), SETTINGS)
    update_index(folder, version(1), FakeEmbedder(), SETTINGS)
    need = sum(path.stat().st_size for path in (folder / "generations").rglob("*") if path.is_file()) // 2
    refused = 0
    for number, share in enumerate([0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 6.0], 2):
        before = version_of(opened(folder))
        ballast = small_disk / "ballast"
        free = shutil.disk_usage(small_disk).free - int(share * need)
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, free))
        try:
            update_index(folder, version(number), FakeEmbedder(), SETTINGS)
        except IndexStateError as error:
            refused += 1
            assert "cannot be written" in str(error) and "room on the disk" in str(error)
            assert version_of(opened(folder)) == before
        ballast.unlink()
        update_index(folder, version(number), FakeEmbedder(), SETTINGS)
        assert version_of(opened(folder)) == number
    assert 4 <= refused <= 7
    print(f"\n{refused} of 8 runs found the disk full; a generation takes {need / 1e6:.1f} MB")


def test_an_index_on_a_disk_that_cannot_be_written_is_looked_at_and_read(small_disk: Path) -> None:
    folder = small_disk / "index"
    update_index(folder, version(0), FakeEmbedder(), SETTINGS)
    assert subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=False).returncode == 0
    assert version_of(opened(folder)) == 0
    assert read_whole(folder).manifest["passages"]
    with pytest.raises(IndexStateError, match="cannot be written"):
        update_index(folder, version(1), FakeEmbedder(), SETTINGS)


# ---- what the disk has seen before the pointer names it


def test_a_generation_is_on_the_disk_before_the_pointer_names_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Path] = []
    fsync, replace = os.fsync, Path.replace

    def record(descriptor: int) -> None:
        flushed.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    def check(path: Path, target: Path) -> Path:
        if Path(target).name == "current":
            own = folder / "generations" / path.read_text(encoding="ascii")
            there = {own, *own.rglob("*"), path}
            assert there <= set(flushed), there - set(flushed)
        return replace(path, target)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("the system does not list open files")
    monkeypatch.setattr(os, "fsync", record)
    monkeypatch.setattr(Path, "replace", check)
    update_index(folder, version(1), FakeEmbedder(), SETTINGS)
    assert folder in flushed
