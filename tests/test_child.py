"""Files that are read in a process of its own, among them PDFs that are made to take for ever."""

import os
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from fake_embedder import FakeEmbedder
from test_formats import FIRST, SECOND, pdf

from assistant import child as module
from assistant.changes import Sources
from assistant.child import Child
from assistant.corpus import read_corpus
from assistant.extract import Extract, Flaw, UnreadableError
from assistant.pdf import read_pdf
from assistant.settings import Settings
from assistant.store import read_earlier
from assistant.update import update_index

ROOT = Path(__file__).parent.parent


def pdf_of(stream: bytes, *forms: bytes) -> bytes:
    """A PDF of one page with a packed content stream, and form objects that streams may draw."""
    names = " ".join(f"/X{number} {5 + number} 0 R" for number in range(len(forms)))
    resources = f"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> /XObject << {names} >> >>"
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources {resources} >>".encode(),
    ]
    form = f"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources {resources}"
    for kind, content in [("", stream), *((form, content) for content in forms)]:
        packed = zlib.compress(content)
        bodies.append(
            f"<< {kind} /Filter /FlateDecode /Length {len(packed)} >>\nstream\n".encode() + packed + b"\nendstream"
        )
    out = b"%PDF-1.4\n" + b"".join(b"%d 0 obj\n%b\nendobj\n" % pair for pair in enumerate(bodies, 1))
    return out + b"trailer\n<< /Root 1 0 R >>\nstartxref\n0\n%%EOF\n"


SLOW = {
    "a long content stream": lambda: pdf_of(b"BT /F1 9 Tf " + 4_000_000 * b"(a) Tj " + b"ET"),
    # pypdf draws at most 5,000 forms, which limits their number and not what each of them takes.
    "forms that draw one another": lambda: pdf_of(
        b"/X0 Do",
        *(b"/X%d Do /X%d Do" % (n + 1, n + 1) for n in range(12)),
        b"BT /F1 9 Tf " + 20_000 * b"(a) Tj " + b"ET",
    ),
}


@pytest.mark.parametrize("how", SLOW)
def test_a_pdf_that_takes_for_ever_is_named_and_the_rest_is_read(tmp_path: Path, how: str) -> None:
    slow = SLOW[how]()
    assert len(slow) < 200_000
    (tmp_path / "a.pdf").write_bytes(pdf(FIRST, SECOND))
    (tmp_path / "b.pdf").write_bytes(slow)
    (tmp_path / "c.pdf").write_bytes(pdf(SECOND + " " + SECOND))
    (tmp_path / "d.txt").write_text("The harbour is open.")
    corpus = read_corpus(tmp_path, pdf_seconds=2)  # pypdf itself gives up after some four
    assert [document.id for document in corpus.documents] == ["a", "c", "d"]
    (note,) = corpus.unread
    assert note.path.endswith("b.pdf") and not note.foreign
    assert note.reason.startswith("reading it took longer than 2 s") and "ASSISTANT_PDF_SECONDS" in note.reason


def test_a_pdf_that_took_too_long_is_not_tried_again_until_it_or_the_limit_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def read(child: Child, data: bytes) -> Iterator[Extract | Flaw]:
        tried.append(len(data))
        raise UnreadableError(child.late)

    monkeypatch.setattr(Child, "read", read)
    corpus, index = tmp_path / "corpus", tmp_path / "index"
    corpus.mkdir()
    (corpus / "a.txt").write_text("The harbour is open.")
    (corpus / "b.pdf").write_bytes(pdf(FIRST))
    for seconds, times in ((4, 1), (4, 1), (4, 1), (5, 2), (5, 2)):
        found = read_corpus(corpus, earlier=read_earlier(index), pdf_seconds=seconds)
        sources = Sources.of(found)
        update_index(index, found.documents, FakeEmbedder(), Settings(), sources=sources)
        assert [note.reason for note in found.unread] == [Child(read_pdf, seconds, "ASSISTANT_PDF_SECONDS").late]
        assert len(tried) == times
    (corpus / "b.pdf").write_bytes(pdf(SECOND))
    read_corpus(corpus, earlier=read_earlier(index), pdf_seconds=5)
    assert len(tried) == 3


def test_what_comes_out_of_the_child_is_what_the_reader_gives() -> None:
    data = pdf(FIRST, SECOND, info="/Title (Port talks) /Author (J. Doe) /CreationDate (D:20240303)")
    with Child(read_pdf, 60, "SECONDS") as child:
        assert list(child.read(data)) == list(read_pdf(data))
        with pytest.raises(UnreadableError) as there:
            list(child.read(b"nothing"))
        with pytest.raises(UnreadableError) as here:
            list(read_pdf(b"nothing"))
        assert str(there.value) == str(here.value)


def odd(data: bytes) -> Iterator[Extract | Flaw]:
    """Everything a reader may give, and everything that may happen to it."""
    if data == b"crash":
        os._exit(3)
    if data == b"eat":
        bytearray(2 * module.MOST_BYTES)
    if data == b"wait":
        time.sleep(600)
    print("a library says something, and asks", input() if data == b"ask" else "nothing")
    yield Flaw(part="page 1", reason="dämaged \ud800")
    yield Extract(text=f"{os.getpid()} \ud800 é", pages=(0, 3), published=date(2024, 3, 1), key="k", of_file=True)
    if data == b"stop":
        raise UnreadableError("stopped \udcff")


def process_of(child: Child, data: bytes = b"") -> int:
    _, extract = child.read(data)
    assert isinstance(extract, Extract)
    assert (extract.pages, extract.published, extract.key, extract.of_file) == ((0, 3), date(2024, 3, 1), "k", True)
    assert extract.text.endswith(" \ud800 é")
    return int(extract.text.split()[0])


def test_one_process_serves_for_file_after_file_until_one_ends_it() -> None:
    with Child(odd, 60, "SECONDS") as child:
        first = process_of(child)
        assert first != os.getpid()
        assert process_of(child, b"x" * 1_000_000) == first
        reading = child.read(b"stop")
        assert isinstance(next(reading), Flaw) and isinstance(next(reading), Extract)
        with pytest.raises(UnreadableError, match="stopped \udcff"):
            next(reading)
        assert process_of(child) == first
        with pytest.raises(UnreadableError, match=r"ended the process that did so \(status 3\)"):
            list(child.read(b"crash"))
        second = process_of(child)
        assert second != first
        if sys.platform == "linux":
            with pytest.raises(UnreadableError, match="more memory than there is"):
                list(child.read(b"eat"))
            second = process_of(child)
    assert not alive(second)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_that_cannot_begin_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with Child(odd, 60, "SECONDS") as child, pytest.raises(UnreadableError, match="did not begin"):
        list(child.read(b""))
    monkeypatch.setattr(sys, "executable", "/no/python")
    with Child(odd, 60, "SECONDS") as child, pytest.raises(UnreadableError, match="cannot be started"):
        list(child.read(b""))


ORPHAN = """
import os, sys
sys.path[:0] = [sys.argv[1], sys.argv[2]]
import test_child
from assistant import child as module
module.GRACE_SECONDS = 1
child = module.Child(test_child.odd, 1, "SECONDS")
print(test_child.process_of(child), flush=True)
process = child._process
process.stdin.write((4).to_bytes(8, "big") + b"wait")
process.stdin.flush()
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(os.name == "nt", reason="kills itself as POSIX has it")
def test_a_child_whose_parent_was_killed_ends_by_itself() -> None:
    command = [sys.executable, "-c", ORPHAN, str(ROOT), str(ROOT / "tests")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == -9, done.stderr
    orphan = int(done.stdout)
    until = time.monotonic() + 60
    while alive(orphan) and time.monotonic() < until:
        time.sleep(0.2)
    assert not alive(orphan)
