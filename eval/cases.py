"""Cases: questions with what a right reply to them looks like, as versioned data.

`eval/cases/*.yaml` hold those of the seed article; each file's head states its schema.  A file
is added to by a new version, never edited.  A user's own stand in YAML of the same schema, or
in CSV: see `eval/templates/` and docs/evaluation.md.
"""

import csv
import io
import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.errors import AssistantError
from assistant.reply import Reply, Status

FOLDER = Path(__file__).parent / "cases"


class CasesError(AssistantError):
    """A file of cases that does not fit the schema."""

    exit_code = 2


class Case(BaseModel):
    """One question with what is accepted as a right reply."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    """Stable slug, unique over all files."""
    kind: str
    """Sort of question: fact, paraphrase, yesno, …"""
    question: str
    """The user's words, as typed."""
    history: list[tuple[str, str]] = []
    """Turns before it, oldest first."""
    status: list[Status] = Field(min_length=1)
    """Accepted statuses, the best first."""
    gold: list[list[str]] = []
    """Alternatives; all words of one must stand in the quotes. Empty: nothing need be quoted."""
    short: list[str] = []
    """Accepted short answers. Empty: none is expected."""
    references: list[str] = []
    """Reference answers of any length, to be compared by their words."""
    relevant: dict[str, int] = {}
    """Grades of the articles that answer it, by id; the others are not relevant."""
    rewrite: str | None = None
    """The standalone question that a person wrote for it."""
    corpus: str = ""
    """Which of the suite's corpora it is asked of; for the cases in `eval/cases/` a folder from the top of the project, else `seeds/`."""
    note: str | None = None
    """For the reader, never for a scorer."""

    @property
    def answerable(self) -> bool | None:
        """Whether the sources answer it; None where more than one status is right, or it is no question."""
        if set(self.status) == {"answered"}:
            return True
        return None if {"answered", "clarify"} & set(self.status) else False

    @property
    def turn(self) -> int:
        """Number of this question in its conversation, from 1."""
        return 1 + sum(role == "user" for role, _ in self.history)

    def gold_in(self, text: str) -> list[str]:
        """The words of the first gold alternative that all stand in a text; none where none does."""
        held = plain(text)
        return next((words for words in self.gold if all(plain(word) in held for word in words)), [])


def plain(text: str) -> str:
    """A text with white space and typographic marks made alike, to be compared."""
    for marks, plain_mark in (("‘’", "'"), ("“”", '"'), ("–—", "-")):
        for mark in marks:
            text = text.replace(mark, plain_mark)
    return " ".join(text.split())


def misplaced(reply: Reply, texts: Mapping[str, str]) -> Iterable[str]:
    """Citations whose quote is not the text between their offsets; there must be none."""
    for citation in reply.citations:
        if texts[citation.document_id][citation.start : citation.end] != citation.quote:
            yield f"[{citation.number}] {citation.document_id} {citation.start}:{citation.end}"


# ── reading ──────────────────────────────────────────────────────────────────────────────


def read_cases(*names: str) -> list[Case]:
    """Cases of files in `eval/cases` by name without suffix; raises CasesError with file, case and field."""
    missing = [name for name in names if not (FOLDER / f"{name}.yaml").is_file()]
    if missing:
        there = ", ".join(sorted(path.stem for path in FOLDER.glob("*.yaml")))
        raise CasesError(f"there are no cases {missing[0]!r} in eval/cases; there are {there}")
    return _unique([case for name in names for case in read_yaml(FOLDER / f"{name}.yaml")])


def read_file(path: Path) -> list[Case]:
    """Cases of a user's own file, .csv or .yaml; raises CasesError with the row or case, what was found and expected."""
    reader = {".csv": read_csv, ".yaml": read_yaml, ".yml": read_yaml}.get(path.suffix.lower())
    if reader is None:
        raise CasesError(f"{path} ends with {path.suffix!r}, expected .csv or .yaml; see eval/templates")
    cases = _unique(reader(path))
    if not cases:
        raise CasesError(f"{path.name} holds no question; see eval/templates for the form")
    return cases


def read_yaml(path: Path) -> list[Case]:
    """Cases of a YAML file: a list of mappings with the fields of `Case`."""
    try:
        entries = yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise CasesError(
            f"{path.name}{line}: no YAML: {problem}; text that holds , : ? # or brackets stands in quotation marks"
        ) from None
    if not isinstance(entries, list):
        raise CasesError(
            f"{path.name} holds a {type(entries).__name__}, expected a list of cases (lines with “- id: …”)"
        )
    return [_case(f"{path.name}, case {number}", entry) for number, entry in enumerate(entries, 1)]


COLUMNS = ("id", "kind", "question", "history", "status", "gold", "short", "references", "relevant", "note")
"""Columns of a CSV file; only `question` must be there."""
ALTERNATIVES = "|"
"""Parts alternatives in a cell."""
TOGETHER = "&&"
"""Parts words that must all be quoted, within an alternative."""


def read_csv(path: Path) -> list[Case]:
    """Cases of a CSV file with a head line of columns, parted by commas, semicolons or tabs."""
    text = _text(path)
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    cases: list[Case] = []
    columns: list[str] = []
    for number in itertools.count(1):
        line = reader.line_num + 1
        # the row as a spreadsheet counts it; a cell may hold several lines of the file
        where = f"{path.name}, row {number}" + (f" (line {line})" if line != number else "")
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise CasesError(
                f"{where}: {error}; a quotation mark is opened in it or before it and not closed"
            ) from None
        cells = [cell.strip() for cell in row or []]
        if number == 1:
            columns = _columns(where, cells)
        elif any(cells):
            cases.append(_case_of_row(where, len(cases) + 1, columns, cells))
        if row is None:
            break
    return cases


def _columns(where: str, columns: list[str]) -> list[str]:
    unknown = [name for name in columns if name not in COLUMNS]
    if "question" not in columns or unknown:
        found = f"the column {unknown[0]!r}" if unknown else f"columns {', '.join(columns) or 'none'}"
        raise CasesError(
            f"{where}: found {found}; expected “question” and any of {', '.join(COLUMNS)}: see eval/templates/cases.csv"
        )
    return columns


def _case_of_row(where: str, number: int, columns: list[str], row: list[str]) -> Case:
    if len(row) > len(columns):
        raise CasesError(
            f"{where}: found {len(row)} cells, expected {len(columns)}; put a cell that holds the separator "
            "in quotation marks"
        )
    cells = dict(itertools.zip_longest(columns, row, fillvalue=""))
    if not cells["question"]:
        raise CasesError(f"{where}: the question is empty")
    entry: dict[str, Any] = {
        "id": cells.get("id") or f"q{number}",
        "kind": cells.get("kind") or "question",
        "question": cells["question"],
        "status": _split(cells.get("status", "")) or ["answered"],
        "gold": [_split(part, TOGETHER) for part in _split(cells.get("gold", ""))],
        "short": _split(cells.get("short", "")),
        "references": _split(cells.get("references", "")),
        "relevant": dict.fromkeys(_split(cells.get("relevant", "")), 1),
        "history": _history(where, cells.get("history", "")),
        "note": cells.get("note") or None,
    }
    return _case(where, entry)


def _history(where: str, cell: str) -> list[tuple[str, str]]:
    turns = []
    for line in filter(None, map(str.strip, cell.splitlines())):
        role, colon, said = line.partition(":")
        if not colon or role.strip() not in ("user", "assistant"):
            raise CasesError(
                f"{where}: history has the line {line[:60]!r}, expected “user: …” or “assistant: …”, one turn a line"
            )
        turns.append((role.strip(), said.strip()))
    return turns


def _split(cell: str, separator: str = ALTERNATIVES) -> list[str]:
    return [part.strip() for part in cell.split(separator) if part.strip()]


def _case(where: str, entry: Any) -> Case:
    try:
        return Case.model_validate(entry)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"])
        found = repr(problem["input"])
        raise CasesError(f"{where}: {field}: {problem['msg']}, found {found[:200]}") from None


def _unique(cases: list[Case]) -> list[Case]:
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise CasesError(f"the id {case.id!r} is given twice; ids are unique over all files")
        seen.add(case.id)
    return cases


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CasesError(f"{path} could not be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CasesError(f"{path.name} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
