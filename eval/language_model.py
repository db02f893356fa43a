"""Measure a language model on CLAPnq with the gold passage given: with checking, without, and without a model.

    python -m eval.language_model --clapnq CLAPNQ.jsonl.gz --llm gguf:MODEL.gguf --questions 40 [--out REPLIES.jsonl]
    python -m eval.language_model --clapnq CLAPNQ.jsonl.gz --drafts REPLIES.jsonl [--out AGAIN.jsonl]

Each question is asked once of an assistant over its own passage, so that all three answers stand
on the same search, and the two of the model on the same draft: the reply; the whole draft, which
is what a reader would get without checking; and the answer in the articles' own words.  Every
n-th question is taken, answerable and unanswerable in turn as far as there are both.  A reply
refuses where its status is not `answered`; a draft where it says so in one of a few phrases.
Reached content is the share of a reference's stems that an answer holds, the best over references.
With --out every claim is written with its verdict and what it cites, to be read by hand.  With
--drafts no model is asked: the drafts of such a file are checked anew, by another checker say.
"""

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from assistant import Assistant, Reply, Settings
from assistant.claims import read_draft
from assistant.embedding import Embedder, load_embedder
from assistant.language_model import LanguageModel, load_language_model
from assistant.terms import stems
from eval.interval import mean, proportion
from eval.longform import Item, read_items
from eval.scores.score import answer_text

REFUSING = re.compile(
    r"\b(?:no|not|n't|cannot|unable)\b.{0,60}\b(?:say|mention|provide|state|specif|contain|answer|information|find|given|know)|\bunanswerable\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One question with what three ways of answering made of it."""

    item: Item
    """The question."""
    own: Reply
    """The reply in the articles' own words."""
    reply: Reply
    """The reply with the language model."""
    draft: str
    """What the model wrote; empty where it was not asked or failed."""

    @property
    def texts(self) -> dict[str, str | None]:
        """The answer of each way; None for a refusal."""
        draft = " ".join(claim.text for claim in read_draft(self.draft))
        asked = draft and not REFUSING.search(draft)
        return {
            "own words": answer_text(self.own) if self.own.status == "answered" else None,
            "checked": answer_text(self.reply) if self.reply.status == "answered" else None,
            "unchecked": draft if asked else None,
        }


def choose(items: Sequence[Item], count: int) -> list[Item]:
    """Every n-th item of either sort, the two in turn."""
    sides = [[item for item in items if item.answerable is side] for side in (True, False)]
    half = [count - count // 2, count // 2]
    taken = [
        side[:: max(1, len(side) // wanted)][:wanted] if wanted else []
        for side, wanted in zip(sides, half, strict=True)
    ]
    return [item for item in chain.from_iterable(zip_longest(*taken)) if item]


def reached(text: str, references: Sequence[str]) -> float:
    """Share, 0..1, of a reference's distinct stems that a text holds, the best over references."""
    held = set(stems(text))
    wanted = [set(stems(reference)) for reference in references]
    return max((len(own & held) / len(own) for own in wanted if own), default=0.0)


class Recorded:
    """An LLM that writes a draft that was written before."""

    def __init__(self, draft: str) -> None:
        self._draft = draft

    def stream_chat(self, messages: Sequence[Any], **options: Any) -> Iterator[Any]:
        """The draft in one piece."""
        yield SimpleNamespace(delta=self._draft, raw=None)


def run(item: Item, model: LanguageModel, embedder: Embedder, settings: Settings) -> Outcome:
    """Ask one question with the model and without."""
    plain = Assistant.from_documents(item.documents, settings)
    assistant = Assistant(plain.index, embedder, settings, language_model=model)
    own = plain.ask(item.question)
    draft, reply = "", own
    for event in assistant.stream(item.question):
        draft = event.text if event.kind == "draft" else draft
        reply = event.reply or reply
    return Outcome(item=item, own=own, reply=reply, draft=draft)


def report(outcomes: Sequence[Outcome]) -> str:
    """The figures."""
    lines = [f"{len(outcomes)} questions, {sum(o.item.answerable for o in outcomes)} answerable; gold passage given"]
    for way in ("own words", "checked", "unchecked"):
        lines.append(way)
        for side, name in ((True, "answerable"), (False, "unanswerable")):
            texts = [o.texts[way] for o in outcomes if o.item.answerable is side]
            if texts:
                lines.append(f"  {name} refused: {proportion(sum(text is None for text in texts), len(texts))}")
        given = [(o.texts[way] or "", o.item.references) for o in outcomes if o.item.answerable]
        if given:
            lines.append(f"  content reached, refusal = 0: {mean([reached(text, wanted) for text, wanted in given])}")
        lengths = [float(len(text.split())) for o in outcomes if (text := o.texts[way])]
        if lengths:
            lines.append(f"  words: {mean(lengths)}")
    drafted = [o for o in outcomes if o.draft]
    claims = [claim for o in drafted for claim in o.reply.claims if claim.removed or o.reply.written_by != "sources"]
    kept = [claim for claim in claims if not claim.removed]
    lines.append(
        f"drafts: {len(drafted)}, of which {sum(o.reply.written_by != 'sources' for o in drafted)} became the answer; sentences: "
        f"{len(kept)} kept ({sum(claim.mended for claim in kept)} with a mended citation), {len(claims) - len(kept)} taken out"
    )
    drafting = sum(o.reply.timings.get("drafting", 0) for o in drafted)
    checking = sum(o.reply.timings.get("checking", 0) for o in drafted)
    total = sum(o.reply.timings["total"] for o in drafted)
    if drafted:
        tokens = sum(o.reply.usage.prompt_tokens + o.reply.usage.completion_tokens for o in drafted if o.reply.usage)
        lines.append(f"seconds a draft: {total / len(drafted):.1f}, of which drafting {drafting / len(drafted):.1f}")
        lines.append(f"checking: {checking / total:.2%} of the time; tokens a draft: {tokens / len(drafted):.0f}")
    return "\n".join(lines)


def record(outcome: Outcome, llm: str) -> dict[str, Any]:
    """One question as a line to be read by hand."""
    reply = {key: value for key, value in outcome.reply.to_dict().items() if key != "hits"}
    return {
        "id": outcome.item.id,
        "llm": llm,
        "asked": outcome.item.question,
        "answerable": outcome.item.answerable,
        "references": outcome.item.references,
        "passage": [document.text for document in outcome.item.documents],
        "own": outcome.own.text,
        "own_status": outcome.own.status,
        "draft": outcome.draft,
        "reply": reply,
    }


def main() -> None:
    """Ask, print the figures and write the replies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clapnq", type=Path, required=True, help="questions with their gold passages")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--llm", help="as ASSISTANT_LLM")
    source.add_argument("--drafts", type=Path, help="replies of an earlier run, whose drafts are checked anew")
    parser.add_argument("--questions", type=int, default=40, help="how many")
    parser.add_argument("--out", type=Path, help="file of JSON lines that the replies are added to")
    arguments = parser.parse_args()
    settings = Settings(llm="none")
    embedder = load_embedder(settings.embedder, threads=settings.threads)
    items = read_items(arguments.clapnq)
    models: dict[str, LanguageModel] = {}
    if arguments.drafts:
        rows = [json.loads(line) for line in arguments.drafts.read_text(encoding="utf-8").splitlines()]
        models = {row["id"]: LanguageModel(Recorded(row["draft"]), name=row["llm"]) for row in rows if row["draft"]}
        asked = [item for item in items if item.id in models]
    else:
        asked = choose(items, arguments.questions)
        model = load_language_model(Settings(llm=arguments.llm))
        if model is None:
            parser.error("--llm names no model")
        models = {item.id: model for item in asked}
    outcomes = []
    for item in asked:
        outcome = run(item, models[item.id], embedder, settings)
        outcomes.append(outcome)
        if arguments.out:
            with arguments.out.open("a", encoding="utf-8", newline="\n") as out:
                out.write(json.dumps(record(outcome, models[item.id].name), ensure_ascii=False, default=str) + "\n")
    print(report(outcomes))


if __name__ == "__main__":
    main()
