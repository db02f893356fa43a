"""The suite `rewriting`: follow-ups with the standalone question a person wrote (TREC CAsT, MTRAG), one a line.

    {"id": "…", "question": "…", "history": [{"role": "user", "text": "…"}, …], "rewrite": "…"}

There are no articles: only the question that would be searched is looked at.
"""

from pathlib import Path

from eval.cases import Case
from eval.corpora import DataError, field, read_rows
from eval.suites.suite import Suite


def rewriting(path: Path) -> Suite:
    """Follow-ups of a file of JSON lines, first turns included; raises DataError with the line."""
    cases = []
    for number, row in enumerate(read_rows(path), 1):
        try:
            history = [(str(turn["role"]), str(turn["text"])) for turn in row.get("history", [])]
        except (KeyError, TypeError) as error:
            raise DataError(f"{path.name}, line {number}: history lacks {error!r}, expected role and text") from None
        cases.append(
            Case(
                id=field(row, "id", path, number),
                kind="followup" if history else "first",
                question=field(row, "question", path, number),
                history=history,
                status=["abstained", "partial", "clarify", "answered"],
                rewrite=field(row, "rewrite", path, number),
            )
        )
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    about = "follow-ups against the questions that people wrote for them"
    return Suite(name=f"rewriting:{name}", about=about, cases=cases, corpora={"": []}, leading="rewrite_f1")
