"""The suite `longform`: grounded answers of several sentences, with turns (CLAPnq, MTRAG), one question a line.

    {"id": "…", "question": "…", "turns": [{"role": "user", "text": "…"}, …], "answerable": "ANSWERABLE",
     "passages": [{"id": "…", "title": "…", "text": "…"}], "references_all": ["…"]}

`answerable` is ANSWERABLE, PARTIAL, UNANSWERABLE or CONVERSATIONAL.  References stand in
`references_all` or `reference`.  Each question is asked of its own passages.
"""

from pathlib import Path
from typing import Any

from assistant import Document
from assistant.reply import Status
from eval.cases import Case
from eval.corpora import DataError, read_rows
from eval.suites.suite import Suite

STATUSES: dict[str, list[Status]] = {
    "ANSWERABLE": ["answered"],
    "PARTIAL": ["partial", "answered"],
    "UNANSWERABLE": ["abstained", "partial"],
    "CONVERSATIONAL": ["clarify", "abstained", "partial", "answered"],
}
"""What is accepted for each degree; of CONVERSATIONAL anything is, for it is no question to the sources."""


def longform(path: Path) -> Suite:
    """Questions of a file of JSON lines, each over its own passages; raises DataError with the line."""
    cases, corpora = [], {}
    for number, row in enumerate(read_rows(path), 1):
        try:
            case, documents = read_row(row, f"passages-{number}")
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path.name}, line {number}: {error!r}; expected id, question, passages (id, title, text), answerable, "
                "and turns (role, text) and references_all or reference where there are any"
            ) from None
        if case.answerable and not case.references:
            raise DataError(f"{path.name}, line {number}: answerable without a reference")
        cases.append(case)
        corpora[case.corpus] = documents
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    return Suite(
        name=f"longform:{name}", about="answers of several sentences, gold passages given", cases=cases, corpora=corpora
    )


def read_row(row: dict[str, Any], corpus: str) -> tuple[Case, list[Document]]:
    """One question and its passages; raises KeyError or TypeError for a row of another form."""
    degree = str(row["answerable"])
    references = row["references_all"] if "references_all" in row else [row.get("reference") or ""]
    history = [(str(turn["role"]), str(turn["text"])) for turn in row.get("turns", [])]
    case = Case(
        id=row["id"],
        kind=degree.lower(),
        question=row["question"],
        history=history,
        status=STATUSES[degree],
        references=[reference for reference in references if reference] if degree in ("ANSWERABLE", "PARTIAL") else [],
        corpus=corpus,
    )
    passages = {passage["id"]: passage for passage in row["passages"]}
    documents = [Document(id=id, title=own.get("title") or "", text=own["text"]) for id, own in passages.items()]
    return case, documents
