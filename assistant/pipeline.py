"""The pipeline: the one file that knows every stage, from documents to Reply.

`Assistant` is what the page, the command line and the evals call; so is `answer`.
"""

import copy
import logging
import re
import threading
import time
import unicodedata
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from assistant import catalog, drafting, rewriting
from assistant.answering import Check, Draft, Line, compose, compose_catalog
from assistant.changes import Sources
from assistant.checker import Checker, load_checker
from assistant.citation import Citation, cite
from assistant.claims import check_draft, read_draft, settle
from assistant.conversation import Standalone, Turn, is_small_talk, read_history, stand_alone
from assistant.corpus import Unread, read_corpus
from assistant.documents import Document, gather, join_copies
from assistant.drafting import Written, write_draft
from assistant.embedding import Embedder, load_embedder
from assistant.errors import IndexStateError, LanguageModelError, QuestionError
from assistant.evidence import Evidence, find_evidence, judge
from assistant.filters import Filters, read_filters
from assistant.generation import has_index
from assistant.index import Index, build_index
from assistant.language_model import LanguageModel, load_language_model
from assistant.parts import Progress
from assistant.period import Period, read_period
from assistant.prompt import load_prompt
from assistant.question import Question, parse_question
from assistant.reader import Reader, load_reader
from assistant.reply import Reply, mark_cited
from assistant.retrieval import Hit, retrieve
from assistant.settings import Settings
from assistant.store import newest_generation, open_index, read_earlier
from assistant.terms import stems
from assistant.update import remove_documents, update_index
from assistant.verification import Claim, Verdict, check_claim

logger = logging.getLogger(__name__)

History = Sequence[tuple[str, str] | Mapping[str, Any] | Turn]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened on the way to a reply."""

    kind: Literal["stage", "draft", "reply"]
    """A stage begins, words of a draft arrive, or the reply is there: always the last event."""
    text: str = ""
    """Name of the stage, or the whole draft so far: unchecked words, which may yet change or be taken out."""
    reply: Reply | None = None
    """The reply, for the kind `reply`."""


class Assistant:
    """Answers questions over one index; may be used from several threads."""

    def __init__(
        self,
        index: Index,
        embedder: Embedder,
        settings: Settings,
        reader: Reader | None = None,
        checker: Checker | None = None,
        language_model: LanguageModel | None = None,
    ) -> None:
        self.index = index
        self.settings = settings
        self.language_model = language_model or load_language_model(settings)
        self._embedder = embedder
        self._reader = reader or load_reader(threads=settings.threads)
        self._checker = checker or load_checker(threads=settings.threads)
        self._opening = threading.Lock()
        self._refused = ""

    @classmethod
    def open(cls, settings: Settings | None = None, progress: Progress | None = None) -> "Assistant":
        """Open the configured index; where there is none, build it from the corpus folder.

        Raises CorpusError for a corpus that does not exist or holds no article, and IndexStateError
        for an index that cannot be used.
        """
        settings = settings or Settings()
        corpus = None if has_index(settings.index) else read_corpus(settings.corpus, pdf_seconds=settings.pdf_seconds)
        embedder = load_embedder(settings.embedder, threads=settings.threads)
        if corpus:
            sources = Sources.of(corpus)
            update_index(settings.index, corpus.documents, embedder, settings, sources=sources, progress=progress)
        return cls(open_index(settings.index, embedder, settings), embedder, settings)

    @classmethod
    def from_documents(
        cls, documents: Sequence[Document], settings: Settings | None = None, progress: Progress | None = None
    ) -> "Assistant":
        """Index documents in memory, nothing left on disk; raises DuplicateIdError where two share an id."""
        settings = settings or Settings()
        embedder = load_embedder(settings.embedder, threads=settings.threads)
        index = build_index(gather(documents), embedder, settings, progress)
        return cls(index, embedder, settings)

    @classmethod
    def from_folder(
        cls, folder: str | Path, settings: Settings | None = None, progress: Progress | None = None
    ) -> "Assistant":
        """Index the articles of a folder in memory; raises CorpusError where it does not exist or holds none."""
        settings = settings or Settings()
        documents = read_corpus(folder, pdf_seconds=settings.pdf_seconds).documents
        embedder = load_embedder(settings.embedder, threads=settings.threads)
        return cls(build_index(documents, embedder, settings, progress), embedder, settings)

    @property
    def documents(self) -> list[Document]:
        """The articles that are searched."""
        return self.index.documents

    def add(self, documents: Sequence[Document], progress: Progress | None = None) -> list[str]:
        """Index articles, and say which were new or changed; in the index's folder where it has one.

        In memory all is indexed anew.  Questions asked meanwhile are answered from the index as it was.
        Raises DuplicateIdError where two share an id, and IndexStateError as `update_index` does.
        """
        return self._add(gather(documents), Sources(), progress)

    def add_corpus(self, path: str | Path, progress: Progress | None = None) -> tuple[list[str], list[Unread]]:
        """Read a folder, file or glob, and index what is new or changed: ids of that, and what could not be read.

        Files that are as they were when they were indexed are not read again.  Raises CorpusError where the
        path does not exist or holds no article, and IndexStateError as `update_index` does.
        """
        folder = self.index.folder
        earlier = read_earlier(folder) if folder else None
        corpus = read_corpus(path, earlier=earlier, pdf_seconds=self.settings.pdf_seconds)
        return self._add(corpus.documents, Sources.of(corpus), progress), corpus.unread

    def _add(self, documents: Sequence[Document], sources: Sources, progress: Progress | None) -> list[str]:
        if folder := self.index.folder:
            done = update_index(folder, documents, self._embedder, self.settings, sources=sources, progress=progress)
            self._open(folder)
            return [*done.added, *done.changed]
        there = {document.id: document for document in self.documents}
        together = join_copies((there | {document.id: document for document in documents}).values())
        if together != self.documents:
            self.index = build_index(together, self._embedder, self.settings, progress)
        return [document.id for document in together if there.get(document.id) != document]

    def remove(self, ids: Iterable[str]) -> list[str]:
        """Take articles out of the index, and say which were there; their files are left alone.

        Raises IndexStateError as `remove_documents` does.
        """
        wanted = set(ids)
        if folder := self.index.folder:
            gone = remove_documents(folder, wanted, self._embedder, self.settings)
            self._open(folder)
            return gone
        gone = [document.id for document in self.documents if document.id in wanted]
        if gone:
            kept = [document for document in self.documents if document.id not in wanted]
            self.index = build_index(kept, self._embedder, self.settings)
        return gone

    def _open(self, folder: Path) -> None:
        with self._opening:
            self.index = open_index(folder, self._embedder, self.settings)

    def ask(
        self, question: str, *, history: History | None = None, filters: Filters | Mapping[str, Any] | None = None
    ) -> Reply:
        """Answer a question, in the conversation of `history`, from the articles that pass `filters`.

        Raises QuestionError for a question or history that is not text or too long, FilterError for a
        filter that cannot be applied.
        """
        for event in self.stream(question, history=history, filters=filters):
            if event.reply:
                return event.reply
        raise AssertionError("a stream ends with a reply")

    def stream(
        self, question: str, *, history: History | None = None, filters: Filters | Mapping[str, Any] | None = None
    ) -> Iterator[Event]:
        """The same as `ask`, telling each stage as it begins; the reply arrives as the last event."""
        typed = _read_question(question, self.settings)
        turns = read_history(history, self.settings.history_turns)
        return self._over_newest()._stream(typed, turns, read_filters(filters))

    def _over_newest(self) -> "Assistant":
        """The assistant over the newest generation of its index, and over that alone while it answers."""
        if folder := self.index.folder:
            with self._opening:
                newest = newest_generation(folder)
                if newest not in ("", self.index.generation, self._refused):
                    try:
                        self.index = open_index(folder, self._embedder, self.settings)
                    except IndexStateError as error:
                        self._refused = newest
                        logger.warning("the index read so far goes on serving: %s", error)
        return copy.copy(self)

    def _stream(self, typed: str, turns: list[Turn], filters: Filters) -> Iterator[Event]:
        clock = _Clock()
        talk = _Talk(self.language_model) if self.language_model else None
        yield Event(kind="stage", text="understanding")
        if period := read_period(typed):
            typed, filters = period.question, filters.within(period.since, period.until)
        hits: list[Hit] = []
        answerable: float | None = None
        standalone = Standalone(text=typed)
        if is_small_talk(typed):
            draft = _small_talk(typed, len(self.documents))
        else:
            standalone = stand_alone(typed, turns, self._is_person)
            query = self._catalog_query(typed) or self._catalog_query(standalone.text)
            clock.mark("understanding")
            if talk and not query and turns and standalone.refers_back(typed):
                yield Event(kind="stage", text="rewriting")
                standalone = talk.rewrite(typed, turns, standalone)
                clock.mark("rewriting")
            if query:
                draft = self._from_catalog(query, filters, turns)
            elif standalone.unclear:
                draft = _unclear(standalone.unclear)
            else:
                asked = parse_question(typed, standalone.text, standalone.about)
                if not asked.searched:
                    draft = _no_topic()
                else:
                    yield Event(kind="stage", text="searching")
                    vector = self._embedder.embed_query(asked.query)
                    clock.mark("embedding")
                    hits = retrieve(
                        self.index, asked.text, vector, self.settings, filters=filters, words=asked.searched
                    )
                    clock.mark("searching")
                    yield Event(kind="stage", text="reading")
                    readings = self._reader.read(asked.read, [hit.passage.text for hit in hits])
                    evidence = find_evidence(self.index, asked, vector, hits, readings)
                    judgement = judge(self.index, asked, evidence, hits, readings, self._checker)
                    answerable = judgement.answerable
                    clock.mark("reading")
                    yield Event(kind="stage", text="composing")
                    draft = compose(self.index, asked, evidence, judgement, self.settings.caution, self._check)
                    clock.mark("composing")
                    if talk and draft.lines:
                        draft = yield from self._write(talk, asked, evidence, draft, clock)
        yield Event(kind="stage", text="checking")
        reply = _with_period(_reply(draft, standalone.searched, hits, self._check), period)
        reply = _with_undated(reply, self.documents, filters)
        clock.mark("checking")
        if talk:
            reply = talk.sign(reply)
        yield Event(kind="reply", reply=replace(reply, answerable=answerable, timings=clock.timings()))

    def _check(self, claim: str, evidence: Sequence[str]) -> Verdict:
        return check_claim(claim, evidence, checker=self._checker)

    def _write(
        self, talk: "_Talk", asked: Question, evidence: Sequence[Evidence], own: Draft, clock: "_Clock"
    ) -> Generator[Event, None, Draft]:
        """The answer in the language model's words as far as the articles support them, else `own`."""
        if talk.failed:
            return own
        yield Event(kind="stage", text="drafting")
        written = Written(text="", sources=[])
        talk.prompts.update(drafting.PROMPTS)
        try:
            with closing(write_draft(talk.model, talk.allowance, self.index, asked.text, evidence)) as drafts:
                for written in drafts:
                    yield Event(kind="draft", text=written.text)
        except LanguageModelError as error:
            talk.fail(error)
            return own
        finally:
            clock.mark("drafting")
        yield Event(kind="stage", text="checking")
        drafted = read_draft(written.text)
        checked = check_draft(
            drafted,
            written.sources,
            asked,
            self._check,
            sure=own.status == "answered",
            caution=self.settings.caution,
        )
        settled = settle(asked, own, checked, talk.model.name, self._reader)
        clock.mark("checking")
        return settled

    def _catalog_query(self, text: str) -> catalog.Query | None:
        query = catalog.read_query(text)
        if query and query.topic == "by" and not catalog.written_by(self.documents, query.what or ""):
            return None  # "What did the minister write?" asks of what the articles say
        if query and query.topic == "authors":
            found = self._mentioning(query)
            told = any(catalog.tells_of_writing(document) for document in found)
            if not found or (told and not any(document.author for document in found)):
                return None  # "Who wrote about the siege?" may ask of a book that the articles tell of
        return query

    def _mentioning(self, query: catalog.Query) -> list[Document]:
        return self.index.documents_with(stems(query.what or ""))

    def _from_catalog(self, query: catalog.Query, filters: Filters, turns: Sequence[Turn]) -> Draft:
        documents = [document for document in self.documents if filters.accept(document)]
        if query.topic in ("mention", "authors"):
            mentions = [found for found in self._mentioning(query) if filters.accept(found)]
            if query.topic == "authors":
                return compose_catalog(replace(query, topic="author"), documents, mentions, [])
            return compose_catalog(query, documents, [], mentions)
        if query.order:
            among = [found for found in self._mentioning(query) if filters.accept(found)] if query.what else documents
            if not among:
                return compose_catalog(replace(query, topic="mention", order=None), documents, [], [])
            return compose_catalog(query, among, catalog.by_date(among, query.order)[: query.most], [])
        return compose_catalog(query, documents, self._subject(documents, turns, query.what), [])

    def _subject(self, documents: list[Document], turns: Sequence[Turn], about: str | None) -> list[Document]:
        """The article that is meant: the only one, the one on what is named, or the one found for the last question."""
        if len(documents) <= 1:
            return documents
        said = (turn.text for turn in reversed(turns) if turn.role == "user" and not is_small_talk(turn.text))
        last = about or next(said, None)
        if last is None:
            return []
        asked = parse_question(last)
        hits = retrieve(
            self.index, asked.text, self._embedder.embed_query(asked.query), self.settings, words=asked.stems
        )
        allowed = {document.id for document in documents}
        return [self.index.document(hit.passage.document_id) for hit in hits[:1] if hit.passage.document_id in allowed]

    def _is_person(self, name: str) -> bool:
        """Whether the articles give somebody of this name a person's title ("President Faye")."""
        pattern = re.compile(rf"{_TITLES}\s+(?:[A-ZÀ-Þ][\w’'.-]*\s+){{0,2}}{re.escape(name)}\b")
        return any(pattern.search(document.text) for document in self.documents[:200])


_TITLES = r"\b(?:President|Minister|Captain|General|Colonel|Mr\.?|Mrs\.?|Ms\.?|Dr\.?|Senator|Governor|King|Queen|Prince|Sir|Judge|Mayor|Chancellor|Pope|Professor|Coach)"


def answer(
    question: str, *, history: History | None = None, filters: Filters | Mapping[str, Any] | None = None
) -> Reply:
    """Answer a question from the configured index, opened once per process; see `Assistant.ask`."""
    with _opening:
        assistant = _configured(Settings())
    return assistant.ask(question, history=history, filters=filters)


_opening = threading.Lock()


@lru_cache(maxsize=1)
def _configured(settings: Settings) -> Assistant:
    return Assistant.open(settings)


def _read_question(question: str, settings: Settings) -> str:
    if not isinstance(question, str):
        raise QuestionError(f"the question is {type(question).__name__}; expected text")
    # control and format characters carry no question, but can hide words or move a terminal's cursor
    cleaned = "".join(
        " " if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co") else character for character in question
    )
    text = " ".join(cleaned.split())
    if len(text) > settings.question_chars:
        raise QuestionError(
            f"the question has {len(text):,} characters, at most {settings.question_chars:,} are read; shorten it "
            "(articles belong into the corpus), or raise ASSISTANT_QUESTION_CHARS"
        )
    return text


def _small_talk(text: str, articles: int) -> Draft:
    held = "one article" if articles == 1 else f"{articles:,} articles"
    opening = (
        "You are welcome."
        if re.search(r"thank|thx|merci|cheers", text, re.IGNORECASE)
        else "Hello."
        if text
        else "There is no question yet."
    )
    return Draft(
        status="clarify",
        lead=f"{opening} I answer questions from {held}, with the exact words they stand on. What would you like to know?",
        reason="no question was asked",
    )


def _unclear(word: str) -> Draft:
    return Draft(
        status="clarify",
        lead=f"Whom or what do you mean by “{word}”? Nothing was said before that it could stand for.",
        reason=f"“{word}” refers to nothing said so far",
    )


def _no_topic() -> Draft:
    return Draft(
        status="clarify",
        lead="What do you want to know about? Name a person, a place, an event or a thing.",
        reason="the question names no subject",
    )


def _reply(draft: Draft, question: str, hits: list[Hit], check: Check) -> Reply:
    numbers: dict[tuple[str, int, int], int] = {}
    citations: list[Citation] = []
    claims = []
    for line in draft.lines:
        own: list[int] = []
        for quote in line.quotes:
            key = (quote.document.id, *quote.span)
            if key not in numbers:
                numbers[key] = len(numbers) + 1
                citations.append(cite(numbers[key], quote.document, *quote.span))
            own.append(numbers[key])
        claims.append(Claim(text=line.text, citations=own, verdict=_verdict(line, check), mended=line.mended))
    removed = [Claim(text=line.text, verdict=_verdict(line, check), removed=True) for line in draft.removed]
    return Reply(
        status=draft.status,
        text=_markdown(draft, claims),
        question=question,
        reason=draft.reason,
        short=draft.short,
        missing=draft.missing,
        claims=[*claims, *removed],
        citations=citations,
        hits=mark_cited(hits, citations),
        written_by=draft.written_by,
        notes=draft.notes,
    )


def _with_period(reply: Reply, period: Period | None) -> Reply:
    """The reply, which says so where words of the question were read as a filter."""
    if period is None or reply.status == "clarify":
        return reply
    return _noted(reply, f"only articles published {period} were searched, for the question says “{period.words}”")


def _noted(reply: Reply, note: str) -> Reply:
    return replace(reply, reason=f"{reply.reason}; {note}" if reply.reason else note)


def _with_undated(reply: Reply, documents: Sequence[Document], filters: Filters) -> Reply:
    """The reply, which says how many articles a filter by date left out because they have none."""
    if not filters.dated or reply.status == "clarify":
        return reply
    others = replace(filters, since=None, until=None)
    undated = sum(document.published is None and others.accept(document) for document in documents)
    if not undated:
        return reply
    note = "1 article has no date and was left out"
    if undated > 1:
        note = f"{undated:,} articles have no date and were left out"
    return _noted(reply, note)


def _verdict(line: Line, check: Check) -> Verdict:
    if line.verdict:
        return line.verdict
    if line.from_data or not line.quotes:
        return Verdict(label="unchecked", score=0.0, reasons=["from the articles' data, not from their words"])
    return check(line.text, [quote.document.text[quote.span.start : quote.span.end] for quote in line.quotes])


_MARKDOWN = re.compile(r"([\\`*_\[\]<>|])")


def _escape(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def _markdown(draft: Draft, claims: Sequence[Claim]) -> str:
    """The draft as Markdown; what comes from articles is escaped, so that it cannot become a link or a tag."""
    parts = [_escape(draft.lead)] if draft.lead else []
    body = []
    for claim in claims:
        markers = "".join(f"[{number}]" for number in claim.citations)
        body.append(f"{_escape(claim.text)} {markers}".rstrip())
    if draft.short and draft.status == "answered" and body:
        said = [claim for claim in claims if re.search(rf"(?<!\w){re.escape(draft.short)}(?!\w)", claim.text)]
        markers = "".join(f"[{number}]" for number in [*claims, *said][-1].citations)
        parts.insert(0, f"**{_escape(draft.short)}** {markers}".rstrip())
    if body:
        parts.append(" ".join(body))
    return "\n\n".join(parts)


class _Talk:
    """What passes between one question and the language model: time, tokens, prompts, and what went wrong."""

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self.allowance = model.allowance()
        self.prompts: set[str] = set()
        self.failed = False
        self._notes: list[str] = []

    def rewrite(self, typed: str, turns: Sequence[Turn], by_rule: Standalone) -> Standalone:
        """The follow-up as the model completes it, or as the rule does where the model strays or fails."""
        self.prompts.update(rewriting.PROMPTS)
        try:
            rewritten = rewriting.rewrite(self.model, self.allowance, typed, turns)
        except LanguageModelError as error:
            self.fail(error)
            return by_rule
        wrong = rewriting.drift(rewritten, typed, turns)
        if wrong:
            self._notes.append(f"the question was completed by rule: the language model's version {wrong}")
            return by_rule
        return Standalone(text=rewritten)

    def fail(self, error: LanguageModelError) -> None:
        """Ask no more for this question, and tell why."""
        self.failed = True
        self._notes.append(f"{error}; the answer is in the articles' own words")

    def sign(self, reply: Reply) -> Reply:
        """The reply with what the model took and what became of its words."""
        if not self.prompts:
            return reply
        return replace(
            reply,
            notes=[*self._notes, *reply.notes],
            usage=self.allowance.usage,
            prompts={name: load_prompt(name).fingerprint for name in sorted(self.prompts)},
        )


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self._first = self._last = time.perf_counter()
        self._stages: dict[str, float] = {}

    def mark(self, stage: str) -> None:
        now = time.perf_counter()
        self._stages[stage] = self._stages.get(stage, 0.0) + now - self._last
        self._last = now

    def timings(self) -> dict[str, float]:
        return {**self._stages, "total": time.perf_counter() - self._first}
