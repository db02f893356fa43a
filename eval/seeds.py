"""Answer the cases written for the article in `seeds/` and print how many replies are right.

    python -m eval.seeds [--misses] [dev] [seen] [heldout]

`dev` was written first and tuned on.  `seen` was kept aside for the first version, then read
while the reader was built in.  `heldout` was written by somebody who saw no answering code,
and is run for reports only.  Beside the assistant stand two systems that need no thought: one never answers, the other
always quotes the whole article.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from assistant import Assistant, Citation, Reply
from eval.cases import Case, Outcome, misplaced, read_cases, score
from eval.interval import proportion

SEEDS = Path(__file__).parent.parent / "seeds"
SETS = {"dev": "seeds_dev_v1", "seen": "seeds_heldout_v1", "heldout": "seeds_heldout_v2"}

System = Callable[[Case], Reply]


def systems(assistant: Assistant) -> dict[str, System]:
    """The assistant and the two degenerate systems, by name."""
    article = assistant.documents[0]
    whole = Citation(
        number=1,
        document_id=article.id,
        title=article.title,
        author=article.author,
        published=article.published,
        source=article.source,
        quote=article.text,
        start=0,
        end=len(article.text),
    )
    return {
        "assistant": lambda case: assistant.ask(case.question, history=case.history),
        "always abstain": lambda case: Reply(status="abstained", text="", question=case.question),
        "quote everything": lambda case: Reply(
            status="answered", text=article.text, question=case.question, citations=[whole]
        ),
    }


def table(outcomes: Sequence[tuple[Case, Outcome]]) -> list[str]:
    """Right by kind, then in all with a 95 % interval."""
    kinds = list(dict.fromkeys(case.kind for case, _ in outcomes))
    rows = []
    for kind in kinds:
        own = [outcome.right for case, outcome in outcomes if case.kind == kind]
        rows.append(f"  {kind:<14} {sum(own):>3} of {len(own)}")
    right = [outcome.right for _, outcome in outcomes]
    share = proportion(sum(right), len(right))
    rows.append(f"  {'all':<14} {sum(right):>3} of {len(right)}, {share}")
    short = [outcome.short for _, outcome in outcomes if outcome.short is not None]
    rows.append(f"  {'short answers':<14} {sum(short):>3} of {len(short)}")
    return rows


def main() -> None:
    """Run the sets that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all where none is named")
    parser.add_argument("--misses", action="store_true", help="print each reply that is not right")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.sets if name not in SETS]
    if unknown:
        parser.error(f"there is no set {unknown[0]!r}; there are {', '.join(SETS)}")
    assistant = Assistant.from_folder(SEEDS)
    texts = {document.id: document.text for document in assistant.documents}
    for name_of_set in arguments.sets or SETS:
        cases = read_cases(SETS[name_of_set])
        for name, system in systems(assistant).items():
            replies = [(case, system(case)) for case in cases]
            outcomes = [(case, score(case, reply)) for case, reply in replies]
            print(f"{name_of_set}, {name}", *table(outcomes), sep="\n")
            if name != "assistant":
                continue
            wrong = [place for _, reply in replies for place in misplaced(reply, texts)]
            citations = sum(len(reply.citations) for _, reply in replies)
            print(f"  quotes that are not the text at their place: {len(wrong)} of {citations}")
            for (case, reply), (_, outcome) in zip(replies, outcomes, strict=True):
                if arguments.misses and not (outcome.right and outcome.short is not False):
                    _print_miss(case, reply, outcome)


def _print_miss(case: Case, reply: Reply, outcome: Outcome) -> None:
    failed = [name for name in ("status", "gold", "short") if getattr(outcome, name) is False]
    print(f"\n  {case.id} [{', '.join(failed)}] {case.question!r}")
    print(f"    searched {reply.question!r}; {reply.status}, expected {case.status}; short {reply.short!r}")
    print(f"    {reply.reason or ''}\n    {reply.text!r}")


if __name__ == "__main__":
    main()
