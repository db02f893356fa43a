"""Measure what completing follow-ups does for search: as typed, by rule, by a language model, and by a person.

    python -m eval.follow_ups --conversations LONGFORM.jsonl.gz --rewrites REWRITING.jsonl.gz [--llm gguf:MODEL.gguf]

Rows are those of the suites `longform` and `rewriting` (docs/evaluation.md); a turn that stands in
both files is known by what follows the last hyphen of its id.  All passages of the first file are
searched together, and those of a turn are the relevant ones.  Only turns with something said
before them count.  The model's version is used as the assistant uses it: where the rules see that
a question refers back, and it names nothing that was not said; else the rule's stands.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant import Document, Settings
from assistant.conversation import Standalone, Turn, read_history, stand_alone
from assistant.documents import gather
from assistant.embedding import load_embedder
from assistant.errors import LanguageModelError
from assistant.index import build_index
from assistant.language_model import LanguageModel, load_language_model
from assistant.question import parse_question
from assistant.rewriting import drift, rewrite
from eval.corpora import DataError, Qrels, Task
from eval.interval import mean, proportion
from eval.retrieval import search, with_known_ids
from eval.scores.ranking import documents_of, ranked
from eval.suites.longform import longform
from eval.suites.rewriting import rewriting

MEASURES = ("Success@5", "nDCG@10")
"""In the words of ir_measures; Success@5 is hit@5."""
DEPTH = 50
"""Passages kept for a question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A turn of a conversation whose passages are known."""

    id: str
    question: str
    """As it was typed."""
    turns: list[Turn]
    """What was said before, answers too."""
    rewrite: str
    """The question as a person made it stand alone."""
    relevant: dict[str, int]
    """Passages that bear on it."""


def read_follow_ups(conversations: Path, rewrites: Path) -> tuple[list[FollowUp], list[Document]]:
    """The follow-ups that stand in both files, and all passages; raises DataError where there are none."""
    by_person = {_turn(case.id): case.rewrite for case in rewriting(rewrites).cases if case.rewrite}
    suite = longform(conversations)
    found = [
        FollowUp(
            id=case.id,
            question=case.question,
            turns=read_history(case.history, len(case.history)),
            rewrite=by_person[_turn(case.id)] or "",
            relevant={document.id: 1 for document in suite.corpora[case.corpus]},
        )
        for case in suite.cases
        if case.history and suite.corpora[case.corpus] and _turn(case.id) in by_person
    ]
    if not found:
        raise DataError(f"no follow-up of {conversations.name} stands in {rewrites.name}; ids end alike in both")
    passages = {document.id: document for documents in suite.corpora.values() for document in documents}
    return found, list(passages.values())


def _turn(id: str) -> str:
    return id.rsplit("-", 1)[-1]


def by_model(model: LanguageModel, item: FollowUp, by_rule: Standalone) -> tuple[Standalone, bool]:
    """The version that the assistant would search, and whether it is the model's."""
    if not by_rule.refers_back(item.question):
        return by_rule, False
    try:
        written = rewrite(model, model.allowance(), item.question, item.turns)
    except LanguageModelError as error:
        print(f"{item.id}: {error}", file=sys.stderr)
        return by_rule, False
    return (by_rule, False) if drift(written, item.question, item.turns) else (Standalone(text=written), True)


def report(rankings: Mapping[str, Mapping[str, Sequence[str]]], qrels: Qrels) -> list[str]:
    """Each way's figures with their intervals, and what it gains over the questions as typed."""
    scores = {name: ranked(own, qrels, MEASURES) for name, own in rankings.items()}
    rows = []
    for measure in MEASURES:
        typed = scores["as typed"][measure]
        for name, own in scores.items():
            gained = mean([own[measure][query] - typed[query] for query in typed])
            rows.append(f"  {measure:<10} {name:<10} {mean(list(own[measure].values()))}; less as typed {gained}")
    return rows


def main() -> None:
    """Search every follow-up in each way and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=Path, required=True, help="rows of the suite `longform`")
    parser.add_argument("--rewrites", type=Path, required=True, help="rows of the suite `rewriting`")
    parser.add_argument("--llm", help="as ASSISTANT_LLM")
    arguments = parser.parse_args()
    items, documents = read_follow_ups(arguments.conversations, arguments.rewrites)
    settings = Settings(hits=DEPTH, llm="none")
    model = load_language_model(Settings(llm=arguments.llm)) if arguments.llm else None
    embedder = load_embedder(settings.embedder, threads=settings.threads)
    documents = gather(documents)
    index = build_index(documents, embedder, settings)
    rankings: dict[str, dict[str, list[str]]] = {}
    completed = accepted = 0
    for item in items:
        by_rule = stand_alone(item.question, item.turns)
        ways = {"as typed": Standalone(text=item.question), "rule": by_rule}
        completed += by_rule.refers_back(item.question)
        if model:
            ways["model"], taken = by_model(model, item, by_rule)
            accepted += taken
        ways["person"] = Standalone(text=item.rewrite)
        for name, own in ways.items():
            asked = parse_question(item.question if name == "rule" else own.text, own.text, own.about)
            (hits,) = search(index, embedder, asked, [settings])
            rankings.setdefault(name, {})[item.id] = documents_of(hits)
    task = Task(
        name="follow-ups",
        queries={item.id: item.question for item in items},
        qrels={item.id: item.relevant for item in items},
    )
    print(f"{len(items)} follow-ups, {len(index.documents)} documents in {len(index)} passages")
    print(f"completed by rule: {proportion(completed, len(items))}")
    if model:
        print(f"of these in the words of {model.name}: {proportion(accepted, completed) if completed else 'none'}")
    print(*report(rankings, with_known_ids(task, index)), sep="\n")


if __name__ == "__main__":
    main()
