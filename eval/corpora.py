"""Corpora: articles, questions and relevance judgements of public sets, read from files given by path.

JSON lines, gzipped or not: articles have `id` (or `_id`), `title`, `text` and perhaps
`meta.published`, questions `id` (or `_id`) and `text`.  Judgements (`qrels`) are tab-separated query id, document id and grade
under one line of names.  This file knows nothing of indexes.
"""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant import Document
from assistant.errors import AssistantError

Qrels = dict[str, dict[str, int]]
"""Grade of a document for a question: query id, then document id."""


class DataError(AssistantError):
    """A file of measuring data that does not have the fields expected."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Questions whose relevant documents are known."""

    name: str
    """What the report calls it."""
    queries: dict[str, str]
    """Question by query id; only those that have a relevant document."""
    qrels: Qrels
    """The relevant documents of each."""


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines; raises DataError with the line for what is not one."""
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    with opened as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise DataError(f"{path.name}, line {number}: no JSON ({error}), expected one object a line") from None
            if not isinstance(row, dict):
                raise DataError(f"{path.name}, line {number}: found a {type(row).__name__}, expected an object")
            yield row


def read_documents(path: Path) -> list[Document]:
    """The articles of a corpus, as they are; `assistant.documents.gather` describes and joins them."""
    documents = []
    for number, row in enumerate(read_rows(path), 1):
        id, text = field(row, "id", path, number), field(row, "text", path, number)
        meta = row.get("meta") or {}
        published, source = meta.get("published"), meta.get("url") or meta.get("publisher")
        title = row.get("title") or ""
        documents.append(Document(id=id, text=text, title=title, published=published, source=source))
    return documents


def read_task(queries: Path, qrels: Path) -> Task:
    """Questions and judgements of a BEIR-like set; questions without a relevant document are left out."""
    judged: Qrels = {}
    with qrels.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t")
        next(rows, None)
        for number, row in enumerate(rows, 2):
            if len(row) != 3 or not row[2].lstrip("-").isdigit():
                raise DataError(f"{qrels.name}, line {number}: found {row!r}, expected query id, document id, grade")
            if int(row[2]) > 0:
                judged.setdefault(row[0], {})[row[1]] = int(row[2])
    asked = {
        field(row, "id", queries, number): field(row, "text", queries, number)
        for number, row in enumerate(read_rows(queries), 1)
    }
    unknown = judged.keys() - asked.keys()
    if unknown:
        raise DataError(f"{qrels.name} judges {len(unknown)} questions that {queries.name} lacks: {min(unknown)!r}, …")
    return Task(name=queries.parent.name, queries={id: asked[id] for id in asked if id in judged}, qrels=judged)


def read_newsqa(path: Path) -> Task:
    """NewsQA's questions as open retrieval: the one relevant document of each is its own story."""
    queries, qrels = {}, {}
    for number, row in enumerate(read_rows(path), 1):
        id = field(row, "id", path, number)
        queries[id] = field(row, "question", path, number)
        qrels[id] = {field(row, "story", path, number): 1}
    return Task(name=path.name.removesuffix(".gz").removesuffix(".jsonl"), queries=queries, qrels=qrels)


def field(row: dict[str, Any], name: str, path: Path, number: int) -> str:
    """A field that must hold text; `id` may be called `_id`, as in BEIR; raises DataError with the line."""
    value = row.get(name, row.get("_id") if name == "id" else None)
    if not isinstance(value, str):
        raise DataError(f"{path.name}, line {number}: {name} is {value!r}, expected text")
    return value
