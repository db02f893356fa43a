"""The suite `retrieval`: a set in BEIR's form, for search alone.

A folder with `corpus.jsonl`, `queries.jsonl` (each gzipped or not; `_id` or `id`, `text`, and
`title` of an article) and `qrels.tsv` or `qrels/test.tsv` (query id, document id, grade).
"""

from pathlib import Path

from eval.cases import Case
from eval.corpora import read_documents, read_task
from eval.suites.suite import Suite, SuiteError


def search(folder: Path, articles: Path | None = None) -> Suite:
    """The judged questions of a folder; `articles` stands for its corpus file; raises DataError, SuiteError."""
    task = read_task(_file(folder, "queries.jsonl", "queries.jsonl.gz"), _file(folder, "qrels.tsv", "qrels/test.tsv"))
    documents = read_documents(articles or _file(folder, "corpus.jsonl", "corpus.jsonl.gz"))
    cases = [
        Case(id=id, kind="search", question=text, status=["answered"], relevant=task.qrels[id], corpus="all")
        for id, text in task.queries.items()
    ]
    return Suite(
        name=f"retrieval:{folder.name}",
        about="search alone, against judgements of relevance",
        cases=cases,
        corpora={"all": documents},
        leading="ndcg_at_10",
        search_only=True,
    )


def _file(folder: Path, *names: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise SuiteError(f"{folder} holds no {' or '.join(names)}; expected a set in BEIR's form: see docs/evaluation.md")
