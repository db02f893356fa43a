"""The notebook: conversations and what readers thought of the answers, kept in one SQLite file.

A conversation belongs to the browser it was held in, known by a secret that only that browser
has; nobody else can list, read or change it.  The file holds a hash of that secret, and lies
beside the index with access for its user alone.  This file knows nothing of pages.
"""

import hashlib
import json
import os
import re
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from assistant.documents import Document
from assistant.errors import NotebookError
from assistant.reply import Reply, Status

Rating = Literal["helpful", "not helpful"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A conversation as it stands in the list."""

    id: str
    """Random name."""
    title: str
    """Its first question, or the name it was given."""
    changed: datetime
    """When something was last asked in it."""
    questions: int
    """Questions asked in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A question with its reply."""

    question: str
    """The question as typed."""
    reply: Reply
    """What was answered."""
    asked: datetime
    """When."""
    filters: dict[str, str] = field(default_factory=dict)
    """The filters that held, as they were typed."""
    rating: Rating | None = None
    """What the reader thought of the reply."""
    comment: str = ""
    """What the reader wrote about it."""


class Notebook:
    """Conversations in one file; may be used from several threads and processes.

    Every method raises NotebookError where the file cannot be read or written, and where the
    conversation is not there or is another browser's.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def record(
        self, owner: str, conversation: str | None, place: int, question: str, reply: Reply, filters: Mapping[str, str]
    ) -> str:
        """Write an exchange at its place (from 0), in a new conversation for None; what stood there and behind goes."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._writing() as db:
            if conversation is None:
                conversation = secrets.token_urlsafe(12)
                title = " ".join(question.split())[:TITLE_CHARS] or "No question"
                db.execute("INSERT INTO conversations VALUES (?, ?, ?, ?)", (conversation, _hashed(owner), title, now))
            else:
                _own(db, owner, conversation)
                db.execute("UPDATE conversations SET changed = ? WHERE id = ?", (now, conversation))
            db.execute("DELETE FROM exchanges WHERE conversation = ? AND place >= ?", (conversation, place))
            db.execute(
                "INSERT INTO exchanges VALUES (?, ?, ?, ?, ?, ?, NULL, '')",
                (conversation, place, question, reply.to_json(), now, json.dumps(dict(filters))),
            )
        return conversation

    def shorten(self, owner: str, conversation: str, length: int) -> None:
        """Keep the first exchanges alone."""
        with self._writing() as db:
            _own(db, owner, conversation)
            db.execute("DELETE FROM exchanges WHERE conversation = ? AND place >= ?", (conversation, length))

    def conversations(self, owner: str) -> list[Entry]:
        """The owner's conversations, the last used first."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT id, title, changed, (SELECT count(*) FROM exchanges WHERE conversation = id) "
                "FROM conversations WHERE owner = ? ORDER BY changed DESC, rowid DESC",
                (_hashed(owner),),
            ).fetchall()
        return [
            Entry(id=name, title=title, changed=datetime.fromisoformat(changed), questions=count)
            for name, title, changed, count in rows
        ]

    def title(self, owner: str, conversation: str) -> str:
        """The title of a conversation."""
        with self._reading() as db:
            return _own(db, owner, conversation)

    def exchanges(self, owner: str, conversation: str) -> list[Exchange]:
        """What was said in a conversation, in order."""
        with self._reading() as db:
            _own(db, owner, conversation)
            rows = db.execute(
                "SELECT question, reply, asked, filters, rating, comment FROM exchanges "
                "WHERE conversation = ? ORDER BY place",
                (conversation,),
            ).fetchall()
        return [
            Exchange(
                question=question,
                reply=_read_reply(reply),
                asked=datetime.fromisoformat(asked),
                filters=json.loads(filters),
                rating=rating,
                comment=comment,
            )
            for question, reply, asked, filters, rating, comment in rows
        ]

    def rename(self, owner: str, conversation: str, title: str) -> None:
        """Give a conversation another title; a blank one changes nothing."""
        with self._writing() as db:
            _own(db, owner, conversation)
            if cleaned := " ".join(title.split())[:TITLE_CHARS]:
                db.execute("UPDATE conversations SET title = ? WHERE id = ?", (cleaned, conversation))

    def delete(self, owner: str, conversation: str) -> None:
        """Take a conversation out of the file, with all that was said of it."""
        with self._writing() as db:
            _own(db, owner, conversation)
            db.execute("DELETE FROM exchanges WHERE conversation = ?", (conversation,))
            db.execute("DELETE FROM conversations WHERE id = ?", (conversation,))

    def judge(self, owner: str, conversation: str, place: int, rating: Rating | None, comment: str | None) -> None:
        """Write down what the reader thought of a reply; None leaves what was there."""
        with self._writing() as db:
            _own(db, owner, conversation)
            changed = db.execute(
                "UPDATE exchanges SET rating = coalesce(?, rating), comment = coalesce(?, comment) "
                "WHERE conversation = ? AND place = ?",
                (rating, comment and comment[:COMMENT_CHARS], conversation, place),
            )
            if not changed.rowcount:
                raise NotebookError("this answer is no longer kept; ask again, then say what you think of it")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self.file.exists():
                self.file.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self.file, os.O_CREAT | os.O_RDWR, 0o600))
            with closing(sqlite3.connect(self.file, timeout=10)) as db:
                # What is deleted is overwritten, for a reader who deletes a conversation means it.
                db.executescript(f"PRAGMA secure_delete = ON; {_TABLES}")
                yield db
        except (OSError, sqlite3.Error) as error:
            raise NotebookError(
                f"the conversations in {self.file.name!r} cannot be read or written "
                f"({type(error).__name__}: {error}); see that the index folder is writable and the disk not full"
            ) from error

    _reading = _connected

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.commit()


_TABLES = """
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL, changed TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_owner ON conversations (owner, changed);
CREATE TABLE IF NOT EXISTS exchanges (
    conversation TEXT NOT NULL REFERENCES conversations (id), place INTEGER NOT NULL, question TEXT NOT NULL,
    reply TEXT NOT NULL, asked TEXT NOT NULL, filters TEXT NOT NULL, rating TEXT, comment TEXT NOT NULL,
    PRIMARY KEY (conversation, place)
) WITHOUT ROWID;
"""

TITLE_CHARS = 120
COMMENT_CHARS = 4_000


def _hashed(owner: str) -> str:
    return hashlib.sha256(owner.encode("utf-8")).hexdigest()


def _own(db: sqlite3.Connection, owner: str, conversation: str) -> str:
    """Title of the owner's conversation; another's is as absent as one that never was."""
    found = db.execute(
        "SELECT title FROM conversations WHERE id = ? AND owner = ?", (conversation, _hashed(owner))
    ).fetchone()
    if not found:
        raise NotebookError("this conversation is not kept here; it may have been deleted. Begin a new one")
    return str(found[0])


def _read_reply(written: str) -> Reply:
    try:
        return _REPLY.validate_json(written)
    except ValidationError as error:
        raise NotebookError(
            "a kept answer was written by another version and cannot be shown; ask its question again"
        ) from error


_REPLY = TypeAdapter(Reply)


# ---- what leaves the notebook


def to_markdown(title: str, exchanges: Sequence[Exchange]) -> str:
    """A conversation for a document: each question, its answer with [n] markers, and the quotes they stand for."""
    parts = [f"# {_MARKDOWN.sub(_BACKSLASHED, title)}"]
    for exchange in exchanges:
        reply = exchange.reply
        parts.append(f"## {_MARKDOWN.sub(_BACKSLASHED, ' '.join(exchange.question.split()))}")
        because = f": {_MARKDOWN.sub(_BACKSLASHED, reply.reason)}" if reply.reason else ""
        parts.append(f"*{reply.status}{because}* ({exchange.asked:%Y-%m-%d %H:%M} UTC)")
        if exchange.filters:
            limits = ", ".join(f"{name} {value}" for name, value in exchange.filters.items())
            parts.append(f"*Articles used: {_MARKDOWN.sub(_BACKSLASHED, limits)}*")
        parts.append(reply.to_markdown())
        if reply.missing:
            missing = "\n".join(f"- {_MARKDOWN.sub(_BACKSLASHED, item)}" for item in reply.missing)
            parts.append(f"Not in the articles:\n\n{missing}")
    return "\n\n".join(parts) + "\n"


_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#])")
_BACKSLASHED = r"\\\1"


def to_json(title: str, exchanges: Sequence[Exchange]) -> str:
    """A conversation for a program: every reply whole, with citations, offsets and what was retrieved."""
    said = [
        {
            "question": exchange.question,
            "asked": exchange.asked.isoformat(),
            "filters": exchange.filters,
            "rating": exchange.rating,
            "comment": exchange.comment,
            "reply": exchange.reply.to_dict(),
        }
        for exchange in exchanges
    ]
    return json.dumps({"title": title, "exchanges": said}, ensure_ascii=False, indent=2)


def add_case(
    file: Path,
    before: Sequence[Exchange],
    exchange: Exchange,
    status: Status,
    words: Sequence[str],
    documents: Sequence[Document],
) -> str:
    """Add a question to a file of eval cases (the format of `eval/cases/`), and give the case's id.

    `words` are what a right reply must quote.  Raises NotebookError where they stand in no article
    or the file is not one of cases.
    """
    wanted = [text for text in (text.strip() for text in words) if text] if status in ("answered", "partial") else []
    for text in wanted:
        if not any(text in document.text for document in documents):
            raise NotebookError(f"no article has the words {text[:60]!r}; copy them from an article exactly")
    try:
        there = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else []
        taken = {str(case["id"]) for case in there or []}
        slug = re.sub(r"[^a-z0-9]+", "-", exchange.question.lower()).strip("-")[:40] or "case"
        name = next(name for n in range(1, len(taken) + 2) if (name := f"page-{slug}-{n}") not in taken)
        case: dict[str, Any] = {"id": name, "kind": "followup" if before else _KINDS[status]}
        if before:
            turns = [turn for said in before for turn in (["user", said.question], ["assistant", said.reply.text])]
            case["history"] = turns
        case |= {"question": exchange.question, "status": [status]}
        if wanted:
            case["gold"] = [wanted]
        if exchange.reply.short and status == exchange.reply.status == "answered":
            case["short"] = [exchange.reply.short]
        case["note"] = f"Made on the chat page {exchange.asked:%Y-%m-%d}; its reply was {exchange.reply.status}."
        head = "" if file.exists() else _CASES_HEAD
        written = yaml.safe_dump([case], allow_unicode=True, sort_keys=False, width=110)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as cases:
            cases.write(f"{head}\n{written}")
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError) as error:
        raise NotebookError(
            f"the cases in {file.name!r} cannot be added to ({type(error).__name__}); mend or move the file"
        ) from error
    return name


_KINDS: dict[Status, str] = {
    "answered": "fact",
    "partial": "unanswerable",
    "abstained": "unanswerable",
    "clarify": "clarify",
}
_CASES_HEAD = "# Cases made on the chat page; the schema is that of eval/cases/.\n"
