"""Measure answers of several sentences on CLAPnq with the gold passage given: their words, and what is refused.

    python -m eval.longform --clapnq CLAPNQ.jsonl.gz [--caution balanced] [--out REPLIES.jsonl]

Each question is asked of an assistant over its own passage.  An answer counts where the status
is `answered`; its text is its quotes, without markers and without sentences of ours.  Everything
else is a refusal, and one of an answerable question scores 0.  RougeL is rouge_score's F-measure,
the best over the references.  Beside the assistant stand systems that need no thought: the whole
passage, and the sentences nearest to the question, with and without a threshold on the cosine.
That threshold is set on these same questions to refuse a given share of the unanswerable ones:
an oracle that no user has.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from assistant import Assistant, Document, Reply, Settings
from assistant.embedding import Embedder, load_embedder
from assistant.settings import Caution
from eval.corpora import DataError, read_rows
from eval.interval import mean, proportion
from eval.scores.words import rouge_l_of

NEAREST = 3
"""Sentences that the nearest-sentences system takes."""
REFUSING = (0.8, 0.892)
"""Shares of the unanswerable that the oracle thresholds refuse; 89.2 % is CLAPnq-T5-large's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question of CLAPnq with its passage."""

    id: str
    """Id of the question."""
    question: str
    """The question as it was typed into a search engine."""
    documents: tuple[Document, ...]
    """Its gold passages."""
    sentences: tuple[str, ...]
    """Their sentences, as the set cuts them."""
    references: tuple[str, ...]
    """Reference answers; none where it cannot be answered."""

    @property
    def answerable(self) -> bool:
        return bool(self.references)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a system made of an item."""

    text: str | None
    """The answer; None for a refusal."""
    rouge: float
    """RougeL against the best reference: 0 for a refusal and where there is no reference."""
    sureness: float = 0.0
    """What a threshold is set on."""
    status: str = ""
    """Status of the assistant's reply."""


def read_items(path: Path) -> list[Item]:
    """The questions of a file; raises DataError where one lacks a field."""
    items = []
    for number, row in enumerate(read_rows(path), 1):
        try:
            passages = row["passages"]
            documents = [Document(id=p["id"], title=p["title"], text=p["text"]) for p in passages]
            answerable = row["answerable"] == "ANSWERABLE"
            items.append(
                Item(
                    id=row["id"],
                    question=row["question"],
                    documents=tuple(documents),
                    sentences=tuple(sentence for p in passages for sentence in p["sentences"]),
                    references=tuple(row["references_all"]) if answerable else (),
                )
            )
        except (KeyError, TypeError) as error:
            raise DataError(f"{path.name}, line {number}: {error!r}; expected CLAPnq's fields") from None
        if answerable and not items[-1].references:
            raise DataError(f"{path.name}, line {number}: answerable without a reference")
    return items


# ── systems ──────────────────────────────────────────────────────────────────────────────


def quoted(reply: Reply) -> str:
    """The answer in the articles' words: its quotes, in order."""
    return " ".join(" ".join(citation.quote.split()) for citation in reply.citations)


def assistant_answer(item: Item, reply: Reply) -> Answer:
    """What counts of a reply."""
    if reply.status != "answered":
        return Answer(text=None, rouge=0.0, status=reply.status)
    text = quoted(reply)
    return Answer(text=text, rouge=rouge_l_of(text, item.references), status=reply.status)


def whole_passage(item: Item) -> Answer:
    """All that was given."""
    text = " ".join(document.text for document in item.documents)
    return Answer(text=text, rouge=rouge_l_of(text, item.references))


def nearest_sentences(item: Item, embedder: Embedder) -> Answer:
    """The sentences of the highest cosine in reading order; as sure as the nearest is near."""
    embedded = embedder.embed(item.sentences, [[(0, len(sentence))] for sentence in item.sentences])
    question = embedder.embed_query(item.question)
    cosines = [float(own.vector @ question) for own in embedded]
    chosen = sorted(sorted(range(len(cosines)), key=lambda place: -cosines[place])[:NEAREST])
    text = " ".join(item.sentences[place] for place in chosen)
    return Answer(text=text, rouge=rouge_l_of(text, item.references), sureness=max(cosines))


def oracle_threshold(items: Sequence[Item], answers: Sequence[Answer], share: float) -> float:
    """The lowest threshold below which at least a share of the unanswerable items fall: set on what it is tried on."""
    sureness = sorted(answer.sureness for item, answer in zip(items, answers, strict=True) if not item.answerable)
    refused = min(len(sureness), -int(-share * len(sureness) // 1))  # rounded up
    return sureness[refused] if refused < len(sureness) else float("inf")


def behind(threshold: float, answers: Sequence[Answer]) -> list[Answer]:
    """The answers with those less sure than a threshold refused."""
    refusal = Answer(text=None, rouge=0.0)
    return [answer if answer.sureness >= threshold else refusal for answer in answers]


# ── report ───────────────────────────────────────────────────────────────────────────────


def figures(items: Sequence[Item], answers: Sequence[Answer]) -> list[str]:
    """What is reported of a system."""
    pairs = list(zip(items, answers, strict=True))
    answerable = [answer for item, answer in pairs if item.answerable]
    others = [answer for item, answer in pairs if not item.answerable]
    given = [answer.rouge for answer in answerable if answer.text is not None]
    rows = []
    if answerable:
        refused = proportion(sum(answer.text is None for answer in answerable), len(answerable))
        rows.append(f"  RougeL, answerable, refusal = 0  {mean([answer.rouge for answer in answerable])}")
        rows.append(f"  RougeL of those it answered      {mean(given) if given else 'none'}")
        rows.append(f"  answerable refused               {refused}")
    if others:
        refused = proportion(sum(answer.text is None for answer in others), len(others))
        rows.append(f"  unanswerable refused             {refused}")
    return rows


def statuses(items: Sequence[Item], answers: Sequence[Answer]) -> str:
    """How many replies have which status, of the answerable and of the others."""
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for item, answer in zip(items, answers, strict=True):
        counts[item.answerable][answer.status] += 1
    told = [", ".join(f"{status} {count}" for status, count in counts[side].most_common()) for side in (True, False)]
    return f"  answerable: {told[0]}; unanswerable: {told[1]}"


def against_nearest(items: Sequence[Item], answers: Sequence[Answer], nearest: Sequence[Answer]) -> str:
    """RougeL less that of the nearest sentences refusing as many of the unanswerable, paired by question."""
    others = [answer for item, answer in zip(items, answers, strict=True) if not item.answerable]
    share = sum(answer.text is None for answer in others) / len(others)
    rival = behind(oracle_threshold(items, nearest, share), nearest)
    differences = [
        mine.rouge - theirs.rouge for item, mine, theirs in zip(items, answers, rival, strict=True) if item.answerable
    ]
    return f"  RougeL less that of the {NEAREST} nearest sentences at the same refusal (oracle): {mean(differences)}"


def record(item: Item, caution: Caution, reply: Reply, answer: Answer, run: Mapping[str, Any]) -> dict[str, Any]:
    """A reply as a line to be read by hand, without the passages searched."""
    kept = {key: value for key, value in reply.to_dict().items() if key != "hits"}
    return {
        **run,
        "id": item.id,
        "caution": caution,
        "answerable": item.answerable,
        "asked": item.question,
        "references": item.references,
        "answer": answer.text,
        "rouge": round(answer.rouge, 4),
        "reply": kept,
    }


def asked(items: Sequence[Item], cautions: Sequence[Caution], settings: Settings) -> Iterator[dict[Caution, Reply]]:
    """The replies to each item by caution; its passage is indexed once."""
    embedder = load_embedder(settings.embedder, threads=settings.threads)
    for item in items:
        index = Assistant.from_documents(item.documents, settings).index
        assistants = {
            caution: Assistant(index, embedder, settings.model_copy(update={"caution": caution}))
            for caution in cautions
        }
        yield {caution: assistant.ask(item.question) for caution, assistant in assistants.items()}


def main() -> None:
    """Ask everything, print the figures and write the replies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clapnq", type=Path, required=True, help="questions with their gold passages")
    parser.add_argument("--caution", choices=get_args(Caution), help="only this one; by default all")
    parser.add_argument("--out", type=Path, help="file of JSON lines that the replies are added to")
    arguments = parser.parse_args()
    items = read_items(arguments.clapnq)
    cautions: Sequence[Caution] = [arguments.caution] if arguments.caution else get_args(Caution)
    settings = Settings()
    embedder = load_embedder(settings.embedder, threads=settings.threads)
    run = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "embedder": embedder.name}
    answers: dict[Caution, list[Answer]] = {caution: [] for caution in cautions}
    began = time.perf_counter()
    for item, replies in zip(items, asked(items, cautions, settings), strict=True):
        for caution, reply in replies.items():
            answer = assistant_answer(item, reply)
            answers[caution].append(answer)
            if arguments.out:
                line = json.dumps(record(item, caution, reply, answer, run), ensure_ascii=False)
                with arguments.out.open("a", encoding="utf-8", newline="\n") as out:
                    out.write(line + "\n")
    seconds = (time.perf_counter() - began) / len(items)
    answerable = sum(item.answerable for item in items)
    print(f"{len(items)} questions, {answerable} answerable; gold passage given; RougeL best over the references")
    nearest = [nearest_sentences(item, embedder) for item in items]
    for caution, own in answers.items():
        print(f"assistant, {caution}", *figures(items, own), sep="\n")
        print(statuses(items, own), against_nearest(items, own, nearest), sep="\n")
    print(f"  {seconds:.3f} s a question: its passage indexed, then asked with {len(cautions)} degrees of caution")
    print("whole passage", *figures(items, [whole_passage(item) for item in items]), sep="\n")
    print(f"{NEAREST} nearest sentences, never refusing", *figures(items, nearest), sep="\n")
    for share in REFUSING:
        threshold = oracle_threshold(items, nearest, share)
        print(f"{NEAREST} nearest sentences from a cosine of {threshold:.3f} (oracle threshold for {share:.1%})")
        print(*figures(items, behind(threshold, nearest)), sep="\n")
    print(f"cosine of the nearest sentence, answerable against unanswerable: AUROC {_auroc(items, nearest):.3f}")


def _auroc(items: Sequence[Item], answers: Sequence[Answer]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score([item.answerable for item in items], [answer.sureness for answer in answers]))


if __name__ == "__main__":
    main()
