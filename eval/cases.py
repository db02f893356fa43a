"""Cases: questions with what a right reply to them looks like, as versioned data.

`eval/cases/*.yaml` hold them; each file's head states its schema.  A file is added to by a
new version, never edited.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.errors import AssistantError
from assistant.reply import Reply, Status

FOLDER = Path(__file__).parent / "cases"


class CasesError(AssistantError):
    """A file of cases that does not fit the schema."""


class Case(BaseModel):
    """One question with what is accepted as a right reply."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    """Stable slug, unique over all files."""
    kind: str
    """Sort of question: fact, paraphrase, yesno, …"""
    corpus: str = "seeds"
    """Folder of the articles that are asked, relative to the repository's root."""
    question: str
    """The user's words, as typed."""
    history: list[tuple[str, str]] = []
    """Turns before it, oldest first."""
    status: list[Status]
    """Accepted statuses, the best first."""
    gold: list[list[str]] = []
    """Alternatives; all words of one must stand in the quotes. Empty: nothing need be quoted."""
    short: list[str] = []
    """Accepted short answers. Empty: none is expected."""
    note: str | None = None
    """For the reader, never for a scorer."""


class Outcome(BaseModel):
    """How a reply fares against a case."""

    model_config = ConfigDict(frozen=True)

    status: bool
    """The status is an accepted one."""
    gold: bool | None
    """A gold alternative stands in the quotes; None where none is asked for."""
    short: bool | None
    """The short answer is an accepted one; None where none is expected."""

    @property
    def right(self) -> bool:
        """Right by status and by quote; the short answer is reported apart."""
        return self.status and self.gold is not False


def read_cases(*names: str) -> list[Case]:
    """Cases of files in `eval/cases` by name without suffix; raises CasesError with file, case and field."""
    cases: dict[str, Case] = {}
    for name in names:
        for number, entry in enumerate(yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")), 1):
            case = _read_case(name, number, entry)
            if case.id in cases:
                raise CasesError(f"{name}.yaml, case {number}: id {case.id!r} is taken; ids are unique over all files")
            cases[case.id] = case
    return list(cases.values())


def _read_case(name: str, number: int, entry: Any) -> Case:
    try:
        return Case.model_validate(entry)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise CasesError(f"{name}.yaml, case {number}: {where}: {problem['msg']}, found {problem['input']!r}") from None


def score(case: Case, reply: Reply) -> Outcome:
    """Compare a reply with a case."""
    quoted = "\n".join(citation.quote for citation in reply.citations)
    gold = None
    if case.gold and reply.status in ("answered", "partial"):
        gold = any(all(words in quoted for words in alternative) for alternative in case.gold)
    short = None
    if case.short and reply.status == "answered":
        short = _bare(reply.short or "") in {_bare(accepted) for accepted in case.short}
    return Outcome(status=reply.status in case.status, gold=gold, short=short)


def _bare(text: str) -> str:
    return text.casefold().replace("’", "'").strip(" .,;:!?'\"“”").removeprefix("the ")


def misplaced(reply: Reply, texts: dict[str, str]) -> Iterable[str]:
    """Citations whose quote is not the text between their offsets; there must be none."""
    for citation in reply.citations:
        if texts[citation.document_id][citation.start : citation.end] != citation.quote:
            yield f"[{citation.number}] {citation.document_id} {citation.start}:{citation.end}"
