"""The suite `reading`: reading comprehension (NewsQA, RealTimeQA, SQuAD 2), one question a line.

    {"id": "…", "question": "…", "context": "…", "answers": [{"text": "…"}], "answerable": true}

`answers` are strings or objects with `text`; none, or `answerable` false, for a question that
the context does not answer.  `title` is used where given.  Each question is asked of its own
context; with a file of articles, `story` names the one it belongs to, and it is asked of all.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from assistant import Document
from eval.cases import Case
from eval.corpora import DataError, field, read_documents, read_rows
from eval.suites.suite import Suite


def reading(path: Path, articles: Path | None = None) -> Suite:
    """Questions of a file of JSON lines, asked of their contexts or of all articles of a file; raises DataError."""
    corpora: dict[str, list[Document]] = {}
    ids: dict[tuple[str, str], str] = {}
    if articles:
        corpora["all"] = read_documents(articles)
        known = {document.id for document in corpora["all"]}
    cases = []
    for number, row in enumerate(read_rows(path), 1):
        answers = list(_answers(row, path, number))
        relevant = {}
        if articles:
            key, story = "all", field(row, "story", path, number)
            if story not in known:
                raise DataError(f"{path.name}, line {number}: {articles.name} has no article {story!r}")
            relevant = {story: 1}
        else:
            context, title = field(row, "context", path, number), str(row.get("title") or "").replace("_", " ")
            key = ids.setdefault((title, context), f"context-{len(ids) + 1}")
            corpora.setdefault(key, [Document(id=key, title=title, text=context)])
        cases.append(
            reading_case(
                answers,
                id=field(row, "id", path, number),
                kind="fact" if answers else "unanswerable",
                question=field(row, "question", path, number),
                relevant=relevant,
                corpus=key,
            )
        )
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    where = f"asked of all articles of {articles.name}" if articles else "each asked of its own passage"
    return Suite(name=f"reading:{name}", about=f"reading comprehension, {where}", cases=cases, corpora=corpora)


def reading_case(
    answers: list[str], *, id: str, kind: str, question: str, relevant: dict[str, int], corpus: str
) -> Case:
    """A question with its accepted answers, each of which may be quoted and is the short answer; none where it has none."""
    return Case(
        id=id,
        kind=kind,
        question=question,
        status=["answered"] if answers else ["abstained", "partial"],
        gold=[[answer] for answer in answers],
        short=answers,
        relevant=relevant,
        corpus=corpus,
    )


def _answers(row: Mapping[str, Any], path: Path, number: int) -> Iterable[str]:
    answers = row.get("answers")
    if not isinstance(answers, list):
        raise DataError(f"{path.name}, line {number}: answers is {answers!r}, expected a list")
    if row.get("answerable") is False:
        return []
    texts = [answer.get("text") if isinstance(answer, dict) else answer for answer in answers]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise DataError(f"{path.name}, line {number}: answers has {texts!r}, expected texts")
    return dict.fromkeys(str(text) for text in texts)
