"""Measure the reader by itself: the words it marks, the sentence it chooses, and how long it takes.

    python -m eval.reader --questions NEWSQA.jsonl.gz [--limit N]
    python -m eval.reader --news
    python -m eval.reader --speed

Questions are those of the suite `reading`, or of `news` (docs/evaluation.md); each is read with its
own context, in windows where that is long.  Token F1 and exact match
are SQuAD's, the best over the accepted answers.  The chosen sentence is the one that the
assistant would take for its evidence, over passages cut as the assistant cuts them; beside it stands the sentence
nearest to the question by cosine.  A sentence holds the gold answer where an accepted answer
stands in it.  Where there are questions that the context does not answer, the AUROC says how well
the reader's logit alone tells them from the others, by kind.  `--speed` times loading and reading in this process, and checking a claim.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant import Document, Settings, check_claim
from assistant.checker import load_checker
from assistant.embedding import Embedder, load_embedder
from assistant.evidence import find_evidence
from assistant.index import build_index
from assistant.question import parse_question
from assistant.reader import Reader, load_reader
from assistant.retrieval import retrieve
from eval.cases import Case
from eval.interval import mean
from eval.scores.words import normalise, token_f1
from eval.suites.news import news
from eval.suites.reading import reading

SEED = 7
"""Of the draw where not all questions are asked."""
ROUNDS = 60
"""How often each thing is timed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was made of one question."""

    logit: float
    """The reader's logit of the context: above 0 where it sees an answer rather than none."""
    f1: float
    """Token F1 of the words marked, 0..1."""
    exact: float
    """Whether they are an accepted answer."""
    sentence: float | None
    """Whether the chosen sentence holds an accepted answer; None where there is one sentence, or none to choose."""
    nearest: float | None
    """The same for the sentence of the highest cosine."""


def measure(
    question: str, context: Document, accepted: Sequence[str], reader: Reader, embedder: Embedder, settings: Settings
) -> Outcome:
    """Read one question with its context."""
    (own,) = reader.read(question, [context.text])
    marked = context.text[own.spans[0].start : own.spans[0].end] if own.spans else ""
    asked = parse_question(question)
    index = build_index([context], embedder, settings)
    vector = embedder.embed_query(asked.query)
    hits = retrieve(index, asked.text, vector, settings, words=asked.searched or None)
    readings = reader.read(asked.read, [hit.passage.text for hit in hits])
    evidence = find_evidence(index, asked, vector, hits, readings)
    several = len(evidence) > 1
    return Outcome(
        logit=own.logit,
        f1=max(token_f1(marked, answer) for answer in accepted),
        exact=float(normalise(marked) in map(normalise, accepted)),
        sentence=_holds(evidence[0].text, accepted) if several else None,
        nearest=_holds(max(evidence, key=lambda item: item.cosine).text, accepted) if several else None,
    )


def _holds(sentence: str, accepted: Sequence[str]) -> float:
    words = f" {normalise(sentence)} "
    return float(any(f" {normalise(answer)} " in words for answer in accepted))


def separation(cases: Sequence[Case], logits: Sequence[float]) -> list[str]:
    """AUROC of the logits, answerable against not, by the kind of the one and of the other."""
    from sklearn.metrics import roc_auc_score

    def sides(*, answerable: bool) -> dict[str, list[float]]:
        kinds: dict[str, list[float]] = {"all": []}
        for case, logit in zip(cases, logits, strict=True):
            if (case.answerable is not False) == answerable:
                kinds["all"].append(logit)
                kinds.setdefault(case.kind, []).append(logit)
        return kinds if len(kinds) > 2 else {"all": kinds["all"]}  # the only kind is all of them

    rows = []
    for kind, own in sides(answerable=True).items():
        for other, against in sides(answerable=False).items():
            area = roc_auc_score([1] * len(own) + [0] * len(against), own + against)
            rows.append(f"  AUROC {kind} against {other}: {area:.3f}, n = {len(own)} + {len(against)}")
    return rows


def report(outcomes: Sequence[Outcome]) -> list[str]:
    """The figures with their intervals."""
    rows = [
        f"  token F1                                       {mean([own.f1 for own in outcomes])}",
        f"  exact match                                    {mean([own.exact for own in outcomes])}",
    ]
    for name, values in (
        ("gold answer in the chosen sentence", [own.sentence for own in outcomes if own.sentence is not None]),
        ("gold answer in the sentence nearest by cosine", [own.nearest for own in outcomes if own.nearest is not None]),
    ):
        rows.append(f"  {name:<47}{mean(values) if values else 'none'}")
    return rows


# ── speed

CLAIM = "The two leaders signed an agreement on cattle theft at the border town on Tuesday."
EVIDENCE = (
    "The governors of both provinces met in the border town on Tuesday morning, hours after the market had opened.",
    "After four hours they put their names to an agreement that is to end the theft of cattle along the river.",
    "Herders who had lost animals in the spring stood outside and waited for the text to be read out to them.",
)
"""Three sentences of an ordinary length."""
PASSAGES = 8
"""Passages that the assistant reads for a question."""


def speeds() -> list[str]:
    """Seconds of loading both models, and milliseconds of reading and of checking."""
    began = time.perf_counter()
    reader, checker = load_reader(), load_checker()
    loaded = time.perf_counter() - began
    # Of as many tokens as a passage has at most: the assistant cuts them at about 180.
    passages = [" ".join([*EVIDENCE, *EVIDENCE, f"This was said {number} times."]) for number in range(PASSAGES)]
    rows = [f"  both models loaded in {loaded:.2f} s"]
    tasks: dict[str, Callable[[], object]] = {
        f"reading {PASSAGES} passages of {len(passages[0].split())} words": lambda: reader.read(
            "Who signed the agreement on cattle?", passages
        ),
        f"checking a claim against {len(EVIDENCE)} sentences": lambda: check_claim(CLAIM, EVIDENCE, checker=checker),
    }
    for name, task in tasks.items():
        task()
        taken = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            task()
            taken.append(1000 * (time.perf_counter() - began))
        p50, p95 = np.quantile(taken, [0.5, 0.95])
        rows.append(f"  {name}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, n = {ROUNDS}")
    return rows


def main() -> None:
    """Read the questions and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--questions", type=Path, help="rows of the suite `reading`")
    source.add_argument("--news", action="store_true", help="the suite `news`")
    parser.add_argument("--limit", type=int, help="at most so many of either sort, drawn with a fixed seed")
    parser.add_argument("--speed", action="store_true", help="time the models")
    arguments = parser.parse_args()
    if not arguments.questions and not arguments.news and not arguments.speed:
        parser.error("give --questions, --news or --speed")
    if arguments.speed:
        print("speed", *speeds(), sep="\n")
    if arguments.questions or arguments.news:
        suite = news() if arguments.news else reading(arguments.questions)
        settings = Settings()
        reader, embedder = (
            load_reader(threads=settings.threads),
            load_embedder(settings.embedder, threads=settings.threads),
        )
        answered = _drawn(
            [case for case in suite.cases if case.answerable is not False and case.short], arguments.limit
        )
        others = _drawn([case for case in suite.cases if case.answerable is False], arguments.limit)
        outcomes = [
            measure(case.question, suite.corpora[case.corpus][0], case.short, reader, embedder, settings)
            for case in answered
        ]
        print(f"{suite.name}: {len(outcomes):,} answerable questions", *report(outcomes), sep="\n")
        if answered and others:
            logits = [own.logit for own in outcomes]
            logits += [reader.read(case.question, [suite.corpora[case.corpus][0].text])[0].logit for case in others]
            print(*separation([*answered, *others], logits), sep="\n")


def _drawn(cases: Sequence[Case], limit: int | None) -> Sequence[Case]:
    return random.Random(SEED).sample(cases, limit) if limit and limit < len(cases) else cases


if __name__ == "__main__":
    main()
