"""Measure how an index grows: time to open it and to ask, memory and disk, time to add ten articles.

    python -m eval.scale --corpus C.jsonl.gz … --questions Q.jsonl.gz --work DIR \
        [--articles 1000 3000] [--passages 1000000] [--add 11597] [--picture P.png]

Rows are added to `DIR/rows.jsonl`, one for each size and step, and what has a row is not measured
again; each step runs in a process of its own, so that its memory is its own.  `--picture` draws
all rows that are there.

Where more passages are wanted than the corpus has, its articles come again with other words: every
fifth one becomes a word of the same length, drawn as often as the corpus uses it, and one in a
hundred of these a new word, so that postings and vocabulary grow as they do over other articles.
Vectors are real ones of some hundred passages with noise of half their length, which leaves
neighbours about as near as real passages have them; nothing is encoded but these and the questions.
Wall times depend on what else the machine does, so processor time stands beside them, and the load.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from assistant import Document, Settings
from assistant.changes import Sources
from assistant.copies import SIGNATURE, Signatures, sign
from assistant.documents import gather
from assistant.embedding import Embedder, Vectors, load_embedder
from assistant.generation import current_generation, write_generation
from assistant.index import Columns, columns_of
from assistant.parts import Part
from assistant.passages import Passage, embedding_text, split_passages
from eval.corpora import read_documents
from eval.speed import WARM_UP, Drawn, peak_mb, read_questions

REAL = 512
"""Passages that are encoded, for all other vectors to lie near."""
NOISE = 0.5
"""Length of what is added to a unit vector."""
EVERY = 5
"""One word in so many is another in an article that comes again."""
NEW = 100
"""One in so many of these is a word that stands nowhere else."""
ADDED = 10
"""Articles that are added to an index."""

# ── articles


@dataclass(frozen=True, slots=True, kw_only=True)
class Articles:
    """The articles of a corpus, cut into passages once."""

    documents: list[Document]
    columns: Columns
    signatures: Signatures

    @classmethod
    def read(cls, corpora: Sequence[Path], work: Path, embedder: Embedder, settings: Settings) -> "Articles":
        """Read them, and cut and sign them unless that was done before."""
        documents = gather(document for path in corpora for document in read_documents(path))
        kept = work / f"passages-{len(documents)}.npz"
        if not kept.is_file():
            parts = []
            for number, document in enumerate(documents):
                passages = split_passages(
                    document,
                    count_tokens=embedder.count_tokens,
                    max_tokens=settings.passage_tokens,
                    overlap_tokens=settings.overlap_tokens,
                )
                parts.append(Part(document, passages, None, np.zeros((0, 1), dtype=np.float16)))
                if number % 1000 == 0:
                    _tell(f"{number:,} of {len(documents):,} articles cut into passages")
            columns = columns_of(parts)
            arrays = {name: getattr(columns, name) for name in Columns.__slots__}
            new = kept.with_suffix(".new.npz")
            np.savez(new, signatures=sign([document.text for document in documents]), **arrays)
            new.replace(kept)
        with np.load(kept) as arrays:
            columns = Columns(**{name: arrays[name] for name in Columns.__slots__})
            return cls(documents=documents, columns=columns, signatures=arrays["signatures"])

    def passages(self, row: int, document: Document) -> list[Passage]:
        """The passages of an article, or of one with other words of the same length."""
        first, last = np.searchsorted(self.columns.document, [row, row + 1]).tolist()
        return self.columns.passages(first, last, document)

    def up_to(self, *, articles: int = 0, passages: int = 0) -> list[tuple[int, int]]:
        """Row and turn of so many articles, or of those that have so many passages; the first turn is the corpus."""
        counts = np.bincount(self.columns.document, minlength=len(self.documents))
        articles = (
            articles or int(np.searchsorted(np.cumsum(np.tile(counts, 1 + passages // counts.sum())), passages)) + 1
        )
        return [(number % len(self.documents), number // len(self.documents)) for number in range(articles)]


class Rewording:
    """Articles with other words in the places of some."""

    def __init__(self, documents: Sequence[Document]) -> None:
        words = [
            word for document in documents[:: max(1, len(documents) // 500)] for word in _WORD.findall(document.text)
        ]
        self._by_length: dict[int, list[str]] = {}
        for word in words:
            self._by_length.setdefault(len(word), []).append(word)

    def reword(self, document: Document, turn: int) -> Document:
        """The article as it comes in a turn: the same words each time; as it is in the first, which is 0."""
        if not turn:
            return document
        chance = random.Random(f"{document.id} {turn}")
        pieces, place = [], 0
        for number, match in enumerate(_WORD.finditer(document.text), chance.randrange(EVERY)):
            own = self._by_length.get(len(match.group()))
            if number % EVERY or not own:
                continue
            word = chance.choice(own)
            if chance.randrange(NEW) == 0:
                word = "".join(chance.sample(word, len(word)))
            pieces += [document.text[place : match.start()], word]
            place = match.end()
        return replace(document, id=f"{document.id}#{turn}", text="".join([*pieces, document.text[place:]]))


_WORD = re.compile(r"[A-Za-z]{2,}")

# ── vectors


def real_vectors(articles: Articles, work: Path, embedder: Embedder, settings: Settings) -> Vectors:
    """Vectors of passages spread over the corpus, shape (REAL, dimension); encoded once."""
    kept = work / "real.npy"
    if not kept.is_file():
        count = len(articles.columns.start)
        texts = []
        for row in np.unique(np.linspace(0, count - 1, REAL).astype(int)).tolist():
            document = articles.documents[articles.columns.document[row]]
            text = document.text[articles.columns.start[row] : articles.columns.end[row]]
            texts.append(embedding_text(document.title, text, max_tokens=settings.passage_tokens))
        np.save(kept, np.stack([item.vector for item in embedder.embed(texts, [[(0, len(text))] for text in texts])]))
    return np.asarray(np.load(kept))


def near(vectors: Vectors, chance: np.random.Generator) -> Vectors:
    """Unit vectors near to unit vectors, one for each."""
    noise = chance.standard_normal(vectors.shape, dtype=np.float32)
    moved = vectors + noise * np.float32(NOISE / vectors.shape[1] ** 0.5)
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), dtype=np.float32)


# ── steps


def make(
    folder: Path, articles: Articles, chosen: Sequence[tuple[int, int]], real: Vectors, made_by: "Run"
) -> dict[str, Any]:
    """Write an index of articles, and say what that took; encoding and cutting into passages are not in it."""
    shutil.rmtree(folder, ignore_errors=True)
    chance = np.random.default_rng(20241107)
    rewording = Rewording(articles.documents)
    counts = np.bincount(articles.columns.document, minlength=len(articles.documents))
    sentences = np.add.reduceat(np.diff(articles.columns.first_sentence), np.cumsum(counts) - counts)
    rows, _ = np.asarray(chosen).T
    # In a file, for together the vectors may be larger than the memory.
    place = folder.with_suffix(".drawn")
    drawn = np.memmap(place, dtype=np.float16, mode="w+", shape=(int(sentences[rows].sum()), real.shape[1]))
    parts, first = [], 0
    for row, turn in chosen:
        document = rewording.reword(articles.documents[row], turn)
        passages = articles.passages(row, document)
        vectors = near(real[chance.integers(len(real), size=len(passages))], chance)
        own = slice(first, first + int(sentences[row]))
        drawn[own] = near(np.repeat(vectors, [len(passage.sentences) for passage in passages], axis=0), chance)
        first = own.stop
        signature = chance.integers(2**32, size=(1, SIGNATURE), dtype=np.uint32) if turn else articles.signatures[[row]]
        parts.append(Part(document, passages, vectors, drawn[own], signature=signature))
    _tell(f"{len(parts):,} articles, {sum(len(part.passages) for part in parts):,} passages drawn")
    with _clocked() as took:
        write_generation(folder, parts, made_by.embedder, made_by.settings, None, Sources())
    place.unlink()
    return {"written": took, "peak_mb": peak_mb()}


def ask(folder: Path, questions: Sequence[str], run: "Run") -> dict[str, Any]:
    """Open an index and ask: seconds to open, memory, and times by stage of retrieval and of the whole."""
    import bm25s  # noqa: F401  (imported before the clock runs, as in a process that has opened an index before)
    import chromadb  # noqa: TID251, F401

    from assistant import Assistant
    from assistant.question import parse_question
    from assistant.retrieval import retrieve
    from assistant.store import open_index

    Assistant.from_documents([Document(id="a", text="The pact was announced in Ouagadougou.")]).ask("Where?")
    before = _resident()
    with _clocked() as opening:
        index = open_index(folder, run.embedder, run.settings)
    opened = _resident()
    times: dict[str, list[tuple[float, float]]] = {}
    first = {}
    for number, question in enumerate(questions):
        asked = parse_question(question)
        vector = run.embedder.embed_query(asked.query)
        count = max(run.settings.candidates, run.settings.hits)
        stages: dict[str, Callable[[], object]] = {
            "dense": lambda: index.dense.search(vector, count),  # noqa: B023  (called before the next turn)
            "words": lambda: index.lexical_scores(asked.stems),  # noqa: B023
            "retrieval": lambda: retrieve(index, asked.text, vector, run.settings, words=asked.stems),  # noqa: B023
        }
        for name, stage in stages.items():
            with _clocked() as took:
                stage()
            if number >= WARM_UP:
                times.setdefault(name, []).append((took["s"], took["cpu_s"]))
            elif number == 0:
                first[name] = took
    assistant = Assistant(index, run.embedder, run.settings)
    for number, question in enumerate(questions):
        with _clocked() as took:
            assistant.ask(question)
        if number >= WARM_UP:
            times.setdefault("ask", []).append((took["s"], took["cpu_s"]))
    return {
        "open": opening,
        "first": first,
        "ms": {name: _percentiles(own) for name, own in times.items()},
        "asked": len(questions) - WARM_UP,
        "resident_mb": {"before": before, "open": opened, "asked": _resident()},
        "peak_mb": peak_mb(),
    }


def add(folder: Path, articles: Articles, turn: int, run: "Run") -> dict[str, Any]:
    """Add some articles to an index, their vectors drawn: what an update takes beside encoding them."""
    from assistant.update import update_index

    rewording = Rewording(articles.documents)
    news = [rewording.reword(document, turn) for document in articles.documents[:ADDED]]
    with _clocked() as took:
        done = update_index(folder, news, Drawn(run.embedder), run.settings)
    return {"added": took, "articles_added": len(done.added), "passages_added": done.embedded, "peak_mb": peak_mb()}


def disk(folder: Path) -> dict[str, int]:
    """Bytes of an index by what they hold."""
    own = folder / "generations" / current_generation(folder)
    sizes: dict[str, int] = {}
    for path in own.rglob("*"):
        if path.is_file():
            part = path.relative_to(own).parts[0]
            name = {"bm25": "postings", "documents.jsonl": "articles", "sentences.npy": "sentence vectors"}.get(
                part, "rest"
            )
            if part == "chroma":
                name = "Chroma's rows" if path.suffix == ".sqlite3" else "Chroma's graph"
            sizes[name] = sizes.get(name, 0) + path.stat().st_size
    return sizes


@contextmanager
def _clocked() -> Iterator[dict[str, float]]:
    """Seconds of wall and of processor time, of all threads, once the block is left."""
    took: dict[str, float] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    yield took
    took |= {"s": round(time.perf_counter() - wall, 4), "cpu_s": round(time.process_time() - cpu, 4)}


def _percentiles(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Median and 95th percentile, in milliseconds, of wall and of processor time."""
    (p50, cpu_p50), (p95, cpu_p95) = np.quantile(np.asarray(pairs), [0.5, 0.95], axis=0) * 1000
    values = {"p50": p50, "p95": p95, "cpu_p50": cpu_p50, "cpu_p95": cpu_p95}
    return {name: round(float(value), 2) for name, value in values.items()}


def _resident() -> dict[str, int]:
    """Megabytes (2**20 bytes) of this process in memory: its own, and of files that it has mapped."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    sizes = {
        name: int(value.split()[0]) // 1024
        for name, value in (line.split(":", 1) for line in lines)
        if name[:3] == "Rss"
    }
    return {"own": sizes["RssAnon"], "files": sizes["RssFile"] + sizes["RssShmem"]}


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# ── rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What all steps need."""

    embedder: Embedder
    settings: Settings


def read_measured(path: Path) -> list[dict[str, Any]]:
    """Rows that were written; one that was cut off, as the last may be, is none."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def missing(rows: Sequence[dict[str, Any]], wanted: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The steps and sizes that have no row yet, in the order in which they are wanted."""
    done = {(row["step"], row["size"]) for row in rows}
    return [own for own in wanted if own not in done]


def _step(arguments: argparse.Namespace, step: str, size: str) -> None:
    """Measure one step of one size, and write its row."""
    settings = Settings()
    run = Run(embedder=load_embedder(settings.embedder, threads=settings.threads), settings=settings)
    kind, number = size.split()
    folder = arguments.work / f"{kind}-{number}"
    load = os.getloadavg()
    if step == "ask":
        found = ask(folder, read_questions(arguments.questions, arguments.asked + WARM_UP), run)
    else:
        articles = Articles.read(arguments.corpus, arguments.work, run.embedder, settings)
        if step == "add":
            turn = 1000 + len(list((folder / "generations").iterdir()))
            found = add(folder, articles, turn, run)
        else:
            real = real_vectors(articles, arguments.work, run.embedder, settings)
            found = make(folder, articles, articles.up_to(**{kind: int(number)}), real, run)
    manifest = json.loads((folder / "generations" / current_generation(folder) / "manifest.json").read_bytes())
    row = {
        "step": step,
        "size": size,
        "articles": len(manifest["documents"]),
        "passages": manifest["passages"],
        "sentences": manifest["sentences"],
        **found,
        "bytes": disk(folder),
        "load": [[round(own, 1) for own in loads] for loads in (load, os.getloadavg())],
    }
    with (arguments.work / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    _tell(json.dumps(row))


# ── the picture


def draw(rows: Sequence[dict[str, Any]], picture: Path) -> None:
    """Draw how time, memory and disk grow with the passages, beside lines that rise in proportion to them."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullLocator

    made, asked, added = (
        sorted((row for row in rows if row["step"] == step), key=lambda row: row["passages"])
        for step in ("make", "ask", "add")
    )
    figure, ((asking, memory), (times, room)) = plt.subplots(2, 2, figsize=(11, 8.5), layout="constrained")
    panels = {
        asking: ("A question: p50, p95 dotted", "milliseconds of processor time"),
        memory: ("Memory of the process", "MB resident"),
        times: ("Opening, writing, adding; encoding left out", "seconds of processor time"),
        room: ("Disk", "MB in one generation"),
    }

    def line(
        axes: Any, own: Sequence[dict[str, Any]], value: Callable[[dict[str, Any]], float], label: str, style: str
    ) -> None:
        points = [row["passages"] for row in own], [value(row) for row in own]
        axes.plot(*points, style, marker="o", markersize=4, label=label or None)

    stages = {
        "ask": "ask, the whole",
        "retrieval": "of it retrieval",
        "dense": "of that Chroma",
        "words": "of that BM25",
    }
    for number, (stage, label) in enumerate(stages.items()):
        line(asking, asked, lambda row, stage=stage: row["ms"][stage]["cpu_p50"], label, f"C{number}-")  # type: ignore[misc]
        line(asking, asked, lambda row, stage=stage: row["ms"][stage]["cpu_p95"], "", f"C{number}:")  # type: ignore[misc]
    line(memory, asked, lambda row: row["resident_mb"]["asked"]["own"], "its own, after asking", "C0-")
    line(memory, asked, lambda row: row["resident_mb"]["open"]["own"], "its own, index just open", "C0--")
    line(memory, asked, lambda row: row["resident_mb"]["before"]["own"], "its own, models alone", "C0:")
    line(memory, asked, lambda row: row["resident_mb"]["asked"]["files"], "files it has mapped, after asking", "C1-")
    line(times, made, lambda row: row["written"]["cpu_s"], "writing the index", "C2-")
    line(times, added, lambda row: row["added"]["cpu_s"], f"adding {ADDED} articles to it", "C3-")
    line(times, asked, lambda row: row["open"]["cpu_s"], "opening it", "C0-")
    stored = added or asked  # an index that was updated is what people have
    for number, name in enumerate(sorted(stored[-1]["bytes"], key=lambda name: -stored[-1]["bytes"][name])):
        line(room, stored, lambda row, name=name: row["bytes"].get(name, 0) / 1e6, name, f"C{number}-")  # type: ignore[misc]
    ends = [asked[0]["passages"], asked[-1]["passages"]]
    for axes, (title, unit) in panels.items():
        values = [float(value) for drawn in axes.get_lines() for value in drawn.get_ydata()]
        top = max(float(drawn.get_ydata()[-1]) for drawn in axes.get_lines())
        for height in (top, top / 30):
            axes.plot(ends, [height * ends[0] / ends[1], height], color="grey", linewidth=0.8, linestyle=(0, (1, 3)))
        axes.set(title=title, xlabel="passages", ylabel=unit, xscale="log", yscale="log")
        sizes = [row["passages"] for row in asked]
        axes.set_xticks(sizes, labels=[f"{size:,}" for size in sizes])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_ylim(bottom=max(min(values) / 1.5, top / 30_000), top=max(values) * 3)
        axes.grid(alpha=0.3, which="both")
        axes.legend(fontsize=8)
    figure.savefig(picture, dpi=110, metadata={"Software": None})


def main() -> None:
    """Measure what has no row yet, each step in a process of its own, and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, nargs="+", default=[], help="articles")
    parser.add_argument("--questions", type=Path, help="JSON lines with text or question")
    parser.add_argument("--work", type=Path, required=True, help="folder for indexes and rows")
    parser.add_argument("--articles", type=int, nargs="*", default=[], help="sizes by articles of the corpus")
    parser.add_argument("--passages", type=int, nargs="*", default=[], help="sizes by passages, beyond the corpus too")
    parser.add_argument(
        "--add", type=int, nargs="*", default=[], help="those of these sizes to which articles are added"
    )
    parser.add_argument("--asked", type=int, default=100, help="questions asked")
    parser.add_argument("--picture", type=Path, help="where to draw all rows")
    parser.add_argument("--step", nargs=2, metavar=("STEP", "SIZE"), help="measure this alone, in this process")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.step:
        _step(arguments, *arguments.step)
        return
    sizes = [f"articles {number}" for number in arguments.articles] + [
        f"passages {number}" for number in arguments.passages
    ]
    wanted = [
        (step, size)
        for size in sizes
        for step in ("make", "ask", "add")
        if step != "add" or int(size.split()[1]) in arguments.add
    ]
    for step, size in missing(read_measured(arguments.work / "rows.jsonl"), wanted):
        subprocess.run([sys.executable, "-m", "eval.scale", *sys.argv[1:], "--step", step, size], check=True)
    if arguments.picture:
        draw(read_measured(arguments.work / "rows.jsonl"), arguments.picture)


if __name__ == "__main__":
    main()
