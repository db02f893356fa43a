"""The chat page: questions on the left, the cited article with its exact words marked on the right.

One generator answers, and small methods around the Assistant fill what stands beside it.  What
they show is made in `views.py`, what is kept in `notebook.py`, what is let through in `guard.py`.
The page knows the Assistant and nothing behind it.
"""

import logging
import os
import re
import socket
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import unescape
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import gradio as gr

from assistant.documents import Document
from assistant.errors import AssistantError, BusyError, FilterError, NotebookError, SettingsError
from assistant.filters import read_filters
from assistant.guard import Guard, reader
from assistant.line import Line
from assistant.notebook import Exchange, Notebook, add_case, to_json, to_markdown
from assistant.pipeline import Assistant
from assistant.reply import Reply
from assistant.settings import LOOPBACK, Settings
from assistant.shelf import Shelf, most_bytes, suffixes
from assistant.tools import write_json
from assistant.views import (
    TITLE,
    Mark,
    Shown,
    articles_html,
    contents_html,
    conversations_html,
    count,
    header_html,
    limits_text,
    notice_html,
    reply_html,
    report_html,
    results_html,
    said_html,
    source_html,
    stage_html,
    waiting_html,
)

logger = logging.getLogger(__name__)

DATA = files("assistant") / "data"


class Opened(TypedDict):
    """The conversation of one browser tab."""

    id: str | None
    """Where it is kept; None while nothing of it is."""
    turns: list[tuple[str, str]]
    """What was said, as (role, text)."""


class View(NamedTuple):
    """What is shown of an answer, and what is kept of it."""

    html: str
    said: str = ""
    """What counts as said in the conversation."""
    reply: Reply | None = None


class Chat(NamedTuple):
    """The components of the conversation."""

    chatbot: gr.Chatbot
    textbox: gr.Textbox
    shown: gr.State
    """Gradio's copy of what is shown, from which it goes on."""
    opened: gr.State
    typed: gr.State
    """Whether the next question is searched as it is typed."""
    limits: list[gr.Textbox]
    """Those of LIMITS."""
    fold: gr.Accordion
    fresh: gr.Button


class Articles(NamedTuple):
    """The components of the list of articles."""

    files: gr.File
    results: gr.HTML
    search: gr.Textbox
    reread: gr.Button
    table: gr.HTML


# ---- the page


def build_page(assistant: Assistant, settings: Settings) -> gr.Blocks:
    """The page over one assistant; conversations are kept beside the index, each for its browser alone."""
    desk = Desk(assistant, settings)

    # Gradio marks what it may call from the browser, and cannot mark a method.
    def open_source(wanted: dict[str, Any]) -> str:
        return desk.source(wanted)

    def list_sources(wanted: dict[str, Any]) -> str:
        return contents_html(desk.assistant.documents)

    def judge(wanted: dict[str, Any], request: gr.Request) -> str:
        return desk.judge(wanted, request)

    def make_case(wanted: dict[str, Any], request: gr.Request) -> str:
        return desk.make_case(wanted, request)

    def export(wanted: dict[str, Any], request: gr.Request) -> dict[str, str]:
        return desk.export(wanted, request)

    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600)) as page:
        header = gr.HTML(desk.header(), padding=False, js_on_load=None)
        with gr.Row(elem_id="columns"):
            with gr.Column(scale=3, min_width=320, elem_id="desk"), gr.Tabs(elem_id="tabs") as tabs:
                kept = gr.HTML(
                    conversations_html([], None), padding=False, js_on_load=None, elem_id="kept", render=False
                )
                with gr.Tab("Ask", id="ask", elem_id="conversation"):
                    chat = _chat(desk, kept)
                with gr.Tab("Conversations", id="conversations", elem_id="conversations"):
                    kept.render()
                with gr.Tab("Articles", id="articles", elem_id="articles"):
                    articles = _articles(desk)
                with gr.Tab("Evaluation", id="evaluation", elem_id="evaluation") as evaluation:
                    report = gr.HTML(padding=False, js_on_load=None, elem_id="report")
            with gr.Column(scale=2, min_width=320, elem_id="source-column"):
                panel = gr.HTML(
                    contents_html(assistant.documents),
                    elem_id="source",
                    padding=False,
                    js_on_load=(DATA / "page.js").read_text(encoding="utf-8"),
                    server_functions=[open_source, list_sources, judge, make_case, export],
                )
        _connect_conversations(desk, page, chat, kept, panel, tabs)
        _connect_articles(desk, page, header, articles, panel)
        evaluation.select(desk.report, None, report, **QUIET)
        gr.api(desk.ask, api_name="ask", concurrency_limit=ANSWERS_AT_ONCE)
        gr.api(desk.articles, api_name="articles")
    return page


def _chat(desk: "Desk", kept: gr.HTML) -> Chat:
    examples = example_questions(desk.assistant.documents)
    opened = gr.State(Opened(id=None, turns=[]))
    typed = gr.State(False)
    with gr.Row(elem_id="above"):
        with gr.Accordion(ALL_USED, open=False, elem_id="limits") as fold, gr.Row():
            limits = [
                gr.Textbox(label=label, placeholder=hint, max_lines=1, max_length=200, min_width=120)
                for label, hint in zip(
                    ("Published since", "Published until", "Published on", "Author", "Source"),
                    ("2025-01-31", "2025-12-31", "2025-06-30", "part of it", "part of it"),
                    strict=True,
                )
            ]
        fresh = gr.Button("New conversation", size="sm", elem_id="fresh", scale=0, min_width=150)
    textbox = gr.Textbox(
        label="Your question", lines=1, max_lines=6, submit_btn="Ask", stop_btn="Stop", elem_id="question"
    )
    interface = gr.ChatInterface(
        desk.answer,
        chatbot=PlainChatbot(
            label="Conversation",
            elem_id="chat",
            render_markdown=False,
            latex_delimiters=[],
            allow_tags=False,
            buttons=[],
            feedback_options=None,
            editable="user",
            placeholder=f"Ask a question about the articles{', or begin with one of these' if examples else ''}.",
            height=None,
            show_label=False,
            autoscroll=False,
        ),
        textbox=textbox,
        additional_inputs=[opened, typed, *limits],
        additional_outputs=[opened, typed, kept],
        examples=[[question] for question in examples],
        cache_examples=False,
        analytics_enabled=False,
        concurrency_limit=None,  # who waits in Gradio's queue sees nothing, and where it is full the page stays locked
        show_progress="hidden",
        api_visibility="private",
        fill_height=False,
    )
    textbox.show_label = True  # ChatInterface hides it, and takes the placeholder away after a question
    for limit in limits:
        limit.change(desk.limits_label, limits, fold, queue=False, **QUIET)
    return Chat(interface.chatbot, textbox, interface.chatbot_state, opened, typed, limits, fold, fresh)


def _articles(desk: "Desk") -> Articles:
    endings = suffixes()
    put = gr.File(
        label=f"{', '.join(endings)}; {most_bytes() // 1_000_000} MB at most each",
        file_count="multiple",
        file_types=endings,
        height=72,
        elem_id="put",
    )
    results = gr.HTML(padding=False, js_on_load=None, elem_id="results")
    with gr.Row(elem_id="over-table"):
        search = gr.Textbox(
            label="Search the list", placeholder="title, author, date or source", max_lines=1, max_length=200
        )
        reread = gr.Button("Read the folder again", size="sm", scale=0, min_width=180)
    table = gr.HTML(padding=False, js_on_load=None, elem_id="table")
    return Articles(put, results, search, reread, table)


def _connect_conversations(
    desk: "Desk", page: gr.Blocks, chat: Chat, kept: gr.HTML, panel: gr.HTML, tabs: gr.Tabs
) -> None:
    shown = [chat.chatbot, chat.opened, kept, *chat.limits]
    begun = page.load(desk.begin, None, shown, **QUIET)
    reopened = panel.open_conversation(desk.reopen, None, [*shown, tabs], **QUIET)
    renewed = chat.fresh.click(desk.begin_anew, None, shown, **QUIET)
    deleted = panel.delete_conversation(desk.delete, chat.opened, shown, **QUIET)
    for changed in (begun, reopened, renewed, deleted):
        changed.then(lambda messages: messages, chat.chatbot, chat.shown, queue=False, **QUIET)
    panel.rename_conversation(desk.rename, chat.opened, kept, **QUIET)
    chat.chatbot.undo(desk.undone, chat.opened, kept, **QUIET)
    typed = panel.ask_as_typed(desk.as_typed, None, [chat.textbox, chat.typed], **QUIET)
    # Not by ChatInterface's `editable`, for what is asked so cannot be stopped.
    edited = chat.chatbot.edit(desk.edited, chat.chatbot, [chat.chatbot, chat.shown, chat.textbox], **QUIET)
    for put in (typed, edited):
        put.then(None, js="() => document.querySelector('#question .submit-button').click()", api_visibility="private")


def _connect_articles(desk: "Desk", page: gr.Blocks, header: gr.HTML, articles: Articles, panel: gr.HTML) -> None:
    listed = [articles.table, header]
    page.load(desk.listed, articles.search, listed, **QUIET)
    articles.search.change(desk.listed, articles.search, listed, queue=False, **QUIET)
    articles.files.upload(
        desk.upload, [articles.files, articles.search], [articles.results, articles.files, *listed], **QUIET
    )
    articles.reread.click(desk.reread, articles.search, [articles.results, *listed], **QUIET)
    panel.remove_article(desk.remove, articles.search, [articles.results, *listed], **QUIET)


class Desk:
    """What the page's events call: values of components in, values of components out."""

    def __init__(self, assistant: Assistant, settings: Settings) -> None:
        self.assistant = assistant
        self.notebook = Notebook(settings.index / "notebook.sqlite")
        self.shelf = Shelf(assistant, settings.corpus)
        self.line = Line(ANSWERS_AT_ONCE, WAITING_AT_MOST)
        self.cases = settings.index / "cases.yaml"

    def header(self) -> str:
        """The head of the page: how much is indexed, and where questions are sent, if anywhere."""
        model = self.assistant.language_model
        return header_html(len(self.assistant.documents), model.place if model else None)

    # ---- answers

    def answer(
        self,
        message: str,
        history: list[Any],
        opened: Opened,
        typed: bool,
        since: str,
        until: str,
        on: str,
        author: str,
        source: str,
        request: gr.Request,
    ) -> Iterator[tuple[Any, Any, Any, Any]]:
        """Answer a question, stage by stage; where the answer is there, the exchange is kept."""
        # Undo, retry, edit and clear shorten what is shown, and with it what counts as said.
        before = opened["turns"][: len(history)]
        filters = _given(since, until, on, author, source)
        context = [] if typed else before
        for view in self._views(message, context, filters):
            html, name, list_html = view.html, opened["id"], gr.skip()
            if view.reply:
                name = self._record(reader(request.cookies), name, len(before) // 2, message, view.reply, filters)
                exchange = Exchange(question=message, reply=view.reply, asked=datetime.now(UTC), filters=filters)
                html = self._view(exchange, name, len(before) // 2)
                list_html = self._list(request, name)
            turns = [*before, ("user", message), ("assistant", view.said)]
            yield _message(html), Opened(id=name, turns=turns), False, list_html

    def _views(self, question: str, turns: Sequence[tuple[str, str]], filters: Mapping[str, str]) -> Iterator[View]:
        """What is shown until a question has its turn, and while it is answered."""
        try:
            with self.line.join() as waiting:
                for before in waiting:
                    yield View(waiting_html(before, self.line.places))
                yield from answer_views(self.assistant, question, turns, filters)
        except BusyError as error:
            yield View(notice_html(str(error)))

    def _record(
        self, owner: str | None, name: str | None, place: int, question: str, reply: Reply, filters: Mapping[str, str]
    ) -> str | None:
        """Keep an exchange; None where it cannot be, for an answer is worth showing all the same."""
        if owner is None:
            return None
        try:
            try:
                return self.notebook.record(owner, name, place, question, reply, filters)
            except NotebookError:  # deleted in another tab
                return self.notebook.record(owner, None, place, question, reply, filters)
        except NotebookError as error:
            logger.warning("not kept: %s", error)
            return None

    def _view(self, exchange: Exchange, name: str | None, place: int) -> str:
        used = self._limits(exchange.filters)
        shown = Shown(
            exchange.question,
            _titles(self.assistant, exchange.reply),
            used,
            name or "",
            place,
            exchange.rating,
            exchange.comment,
        )
        return reply_html(exchange.reply, shown)

    def _limits(self, filters: Mapping[str, str]) -> str:
        try:
            accept = read_filters(filters).accept
        except FilterError:
            return ""
        documents = self.assistant.documents
        return limits_text(filters, sum(map(accept, documents)), len(documents))

    def limits_label(self, since: str, until: str, on: str, author: str, source: str) -> Any:
        """The fold of the filters, which says what they let through."""
        filters = _given(since, until, on, author, source)
        try:
            read_filters(filters)
        except FilterError as error:
            return gr.Accordion(label=f"Not applied: {error}")
        return gr.Accordion(label=f"Articles used: {self._limits(filters)}" if filters else ALL_USED)

    def as_typed(self, event: gr.EventData) -> tuple[str, bool]:
        """A question to be searched as it was typed, without what was said before it."""
        return str(event.question), True

    def edited(self, messages: list[Any], event: gr.EditData) -> tuple[list[Any], list[Any], str]:
        """What was said before a question that was edited, and the question to be asked in its place."""
        place = event.index[0] if isinstance(event.index, list | tuple) else event.index
        return messages[:place], messages[:place], str(event.value)

    # ---- conversations

    def begin(self, request: gr.Request) -> tuple[Any, ...]:
        """What a tab shows first: the conversation that its address names, else nothing said yet."""
        name = request.query_params.get("conversation")
        if name:
            return self._conversation(request, name)
        # Nothing is emptied here: a filter may have been typed already, or a question asked, before this arrives.
        return gr.skip(), gr.skip(), self._list(request, None), *(gr.skip() for _ in LIMITS)

    def begin_anew(self, request: gr.Request) -> tuple[Any, ...]:
        """A new conversation; the one before stays in the list."""
        return [], Opened(id=None, turns=[]), self._list(request, None), *("" for _ in LIMITS)

    def reopen(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A kept conversation, to go on with."""
        return *self._conversation(request, str(event.conversation)), gr.Tabs(selected="ask")

    def _conversation(self, request: gr.Request, name: str) -> tuple[Any, ...]:
        try:
            exchanges = self.notebook.exchanges(reader(request.cookies) or "", name)
        except NotebookError as error:
            logger.info("not opened: %s", error)
            return self.begin_anew(request)
        messages: list[Any] = []
        turns: list[tuple[str, str]] = []
        for place, exchange in enumerate(exchanges):
            messages += [
                {"role": "user", "content": exchange.question},
                {"role": "assistant", "content": _message(self._view(exchange, name, place))},
            ]
            turns += [("user", exchange.question), ("assistant", exchange.reply.text)]
        filters = exchanges[-1].filters if exchanges else {}
        limits = [filters.get(key, "") for key in LIMITS]
        return messages, Opened(id=name, turns=turns), self._list(request, name), *limits

    def rename(self, opened: Opened, event: gr.EventData, request: gr.Request) -> str:
        """Give a conversation a name; the list."""
        try:
            self.notebook.rename(reader(request.cookies) or "", str(event.conversation), str(event.title))
        except NotebookError as error:
            return said_html(str(error), failed=True) + self._list(request, opened["id"])
        return self._list(request, opened["id"])

    def delete(self, opened: Opened, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Delete a conversation; where it is the open one, a new one begins."""
        said = said_html("Deleted")
        try:
            self.notebook.delete(reader(request.cookies) or "", str(event.conversation))
        except NotebookError as error:
            said = said_html(str(error), failed=True)
        if opened["id"] == event.conversation:
            messages, fresh, entries, *limits = self.begin_anew(request)
            return messages, fresh, said + entries, *limits
        return gr.skip(), opened, said + self._list(request, opened["id"]), *(gr.skip() for _ in LIMITS)

    def undone(self, opened: Opened, event: gr.UndoData, request: gr.Request) -> str:
        """Take back what was asked last, in the notebook too; the list."""
        place = event.index[0] if isinstance(event.index, list | tuple) else event.index
        if opened["id"]:
            try:
                self.notebook.shorten(reader(request.cookies) or "", opened["id"], place // 2)
            except NotebookError as error:
                logger.warning("not taken back: %s", error)
        return self._list(request, opened["id"])

    def _list(self, request: gr.Request, current: str | None) -> str:
        owner = reader(request.cookies)
        try:
            return conversations_html(self.notebook.conversations(owner) if owner else [], current)
        except NotebookError as error:
            return said_html(str(error), failed=True)

    def judge(self, wanted: Mapping[str, Any], request: gr.Request) -> str:
        """Keep what the reader thinks of an answer; a sentence on it."""
        rating, comment = wanted.get("rating"), wanted.get("comment")
        if rating not in (None, "helpful", "not helpful"):
            return "Not kept: this is no rating."
        try:
            owner, name, place = self._wanted(wanted, request)
            self.notebook.judge(owner, name, place, rating, None if comment is None else str(comment))
        except NotebookError as error:
            return f"Not kept: {error}"
        return "Kept on this machine. Thank you."

    def make_case(self, wanted: Mapping[str, Any], request: gr.Request) -> str:
        """Add an answer's question to the eval cases; a sentence on it."""
        status = wanted.get("status")
        if status not in ("answered", "partial", "abstained", "clarify"):
            return "Not added: a case needs the status of a right answer."
        try:
            owner, name, place = self._wanted(wanted, request)
            exchanges = self.notebook.exchanges(owner, name)
            if place >= len(exchanges):
                raise NotebookError("this answer is no longer kept; ask again")
            words = str(wanted.get("words", "")).splitlines()
            case = add_case(self.cases, exchanges[:place], exchanges[place], status, words, self.assistant.documents)
        except NotebookError as error:
            return f"Not added: {error}"
        return f"Added to {self.cases.name} in the index folder as {case}."

    def _wanted(self, wanted: Mapping[str, Any], request: gr.Request) -> tuple[str, str, int]:
        place = str(wanted.get("place", ""))
        if not re.fullmatch(r"\d{1,6}", place, re.ASCII):
            raise NotebookError("which answer is meant was not said; load the page anew")
        return reader(request.cookies) or "", str(wanted.get("conversation", "")), int(place)

    def export(self, wanted: Mapping[str, Any], request: gr.Request) -> dict[str, str]:
        """A conversation as a file: its name and text, or the reason why there is none."""
        owner, name = reader(request.cookies) or "", str(wanted.get("conversation", ""))
        try:
            title, exchanges = self.notebook.title(owner, name), self.notebook.exchanges(owner, name)
        except NotebookError as error:
            return {"error": str(error)}
        form = "json" if wanted.get("form") == "json" else "md"
        stem = re.sub(r"[^\w-]+", "-", title).strip("-")[:60] or "conversation"
        return {"name": f"{stem}.{form}", "text": (to_json if form == "json" else to_markdown)(title, exchanges)}

    # ---- articles

    def source(self, wanted: Mapping[str, Any]) -> str:
        """An article with its cited words marked."""
        try:
            document = self.assistant.index.document(str(wanted["document"]))
            marks = [Mark(*(int(part) for part in mark)) for mark in wanted["marks"]]
            return source_html(document, marks, int(wanted["number"]))
        except (KeyError, TypeError, ValueError):
            return notice_html("this article is no longer in the index. Ask again to search what is there now.")

    def listed(self, search: str) -> tuple[str, str]:
        """The table of articles that the words are found in, and the head of the page."""
        total = len(self.assistant.documents)
        return articles_html(self.shelf.rows(search or ""), total), self.header()

    def upload(self, put: Sequence[str] | None, search: str) -> Iterator[tuple[Any, ...]]:
        """Index the files that were dropped, telling how far it is and what became of each."""
        paths = [Path(path) for path in put or []]
        yield results_html([], len(paths)), gr.skip(), gr.skip(), gr.skip()
        results: Sequence[Any] = []
        for results in self.shelf.upload(paths):
            yield results_html(results, len(paths)), gr.skip(), *self.listed(search)
        yield results_html(results, len(paths)), None, *self.listed(search)

    def reread(self, search: str) -> tuple[str, str, str]:
        """Read the corpus folder again, and say what is new."""
        try:
            fresh, unread = self.shelf.reread()
        except AssistantError as error:
            return said_html(str(error), failed=True), *self.listed(search)
        said = said_html(f"{count(len(fresh), 'article') if fresh else 'nothing'} new or changed in the folder")
        return said + (results_html(unread, len(unread)) if unread else ""), *self.listed(search)

    def remove(self, search: str, event: gr.EventData) -> tuple[str, str, str]:
        """Take an article out of the index."""
        try:
            said = said_html(f"Removed “{self.shelf.remove(str(event.document))}”")
        except AssistantError as error:
            said = said_html(str(error), failed=True)
        return said, *self.listed(search)

    def report(self) -> str:
        """The last eval report there is."""
        try:
            made = max(REPORTS.glob("*/report.html"), key=lambda path: path.stat().st_mtime, default=None)
            return report_html(made.parent.name, made.read_text(encoding="utf-8")) if made else report_html("", "")
        except (OSError, UnicodeDecodeError) as error:
            return said_html(f"the last report cannot be read ({type(error).__name__})", failed=True)

    # ---- programs

    def ask(
        self,
        question: str,
        history: list[list[str]] | None = None,
        since: str | None = None,
        until: str | None = None,
        author: str | None = None,
        source: str | None = None,
        on: str | None = None,
    ) -> dict[str, Any]:
        """Answer a question from the indexed news articles, every sentence cited to the exact words.

        The reply has `status` (answered, partial, abstained or clarify), `text` with [n] markers,
        `citations` (number, quote, title, author, date, source and character offsets), `missing` (what
        was asked and is not in the articles), `claims` with verdicts, and `hits` (all that was retrieved).

        Args:
            question: the question, in English or French
            history: turns before it, oldest first, each [role, text] with the role user or assistant
            since: first day of publication to use, such as 2025-01-31
            until: last day of publication to use
            author: part of the author's name
            source: part of the article's source
            on: the one day of publication to use, without since and until

        Returns:
            the whole reply as plain values; dates in ISO 8601
        """
        filters = _given(since or "", until or "", on or "", author or "", source or "")
        try:
            turns = [(str(role), str(text)) for role, text in history or []]
            with self.line.join() as waiting:
                for _ in waiting:
                    pass
                return self.assistant.ask(question, history=turns, filters=filters).to_dict()
        except AssistantError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except (TypeError, ValueError):
            raise gr.Error("the history is not a list of [role, text] pairs", print_exception=False) from None

    def articles(self, search: str = "") -> list[dict[str, Any]]:
        """List the indexed articles in whose title, author, date or source all the words of `search` stand.

        Args:
            search: words to look for; all articles are listed for none

        Returns:
            id, title, author, day of publication and source of each
        """
        return [
            {"id": r.id, "title": r.title, "author": r.author, "published": r.published, "source": r.source}
            for r in self.shelf.rows(search)
        ]


class PlainChatbot(gr.Chatbot):  # type: ignore[misc]  # Gradio has no types here
    """A chatbot that shows questions as they were typed.

    Gradio's own puts them into the page as HTML with `render_markdown=False` too, and an image
    in a question that was pasted from an article would be loaded from outside.
    """

    is_template = True
    """To Gradio: the browser's part is the base class's."""

    def postprocess(self, value: Any) -> Any:
        return _with_texts(super().postprocess(value), _escaped)

    def preprocess(self, payload: Any) -> Any:
        return super().preprocess(_with_texts(payload, _unescaped))


def _with_texts(messages: Any, change: Callable[[str], str]) -> Any:
    changed = messages.model_copy(deep=True)
    for message in changed.root:
        for part in message.content:
            if part.type == "text":
                part.text = change(part.text)
    return changed


def _escaped(text: str) -> str:
    """Text that a parser reads as it is; no more is escaped than that needs, for it stands so where it is edited."""
    return _AMPERSAND.sub(
        lambda found: found[0] if unescape(found[0]) == found[0] else f"&amp;{found[0][1:]}", text
    ).replace("<", "&lt;")


def _unescaped(text: str) -> str:
    return re.sub("&(?:lt|amp);", lambda found: unescape(found[0]), text)


_AMPERSAND = re.compile(r"&[#\w]+;?")


def _message(html: str) -> gr.HTML:
    return gr.HTML(html, padding=False, js_on_load=None)


def _given(since: str, until: str, on: str, author: str, source: str) -> dict[str, str]:
    """The filters that were filled in."""
    given = zip(LIMITS, (since, until, on, author, source), strict=True)
    return {name: value.strip() for name, value in given if value and value.strip()}


def answer_views(
    assistant: Assistant, question: str, turns: Sequence[tuple[str, str]], filters: Mapping[str, str]
) -> Iterator[View]:
    """What is shown while a question is answered; errors are views too."""
    if not assistant.documents:
        yield View(
            notice_html("there are no articles to answer from; open Articles and drop files there, then ask again")
        )
        return
    stage, draft = "understanding", ""
    yield View(stage_html(stage))
    try:
        for event in assistant.stream(question, history=list(turns), filters=filters):
            if event.kind == "reply" and event.reply is not None:
                yield View("", event.reply.text, event.reply)
                return
            stage = event.text if event.kind == "stage" else stage
            draft = event.text if event.kind == "draft" else draft
            yield View(stage_html(stage, draft))
    except AssistantError as error:
        yield View(notice_html(str(error)))
    except Exception as error:  # the page goes on; what happened is logged
        # Without the message and the values, for either may hold the words of an article.
        name = type(error).__name__
        where = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
        logger.error("no answer because of %s\n%s", name, where)
        yield View(notice_html(f"the assistant failed ({name}). You can ask again; where it failed is in the log."))


def _titles(assistant: Assistant, reply: Reply) -> dict[str, str]:
    titles = {}
    for document_id in {hit.passage.document_id for hit in reply.hits}:
        try:
            titles[document_id] = assistant.index.document(document_id).title
        except KeyError:  # removed since
            titles[document_id] = document_id
    return titles


def example_questions(documents: Sequence[Document]) -> list[str]:
    """Questions to begin with: about the article in `seeds/` where it is the only one, else about the corpus."""
    if len(documents) == 1 and SEED in documents[0].id:
        return list(SEED_QUESTIONS)
    return ["What articles do you have?"] if documents else []


# ---- serving


def serve(assistant: Assistant, settings: Settings, *, open_browser: bool = False, block: bool = True) -> gr.Blocks:
    """Serve the page, on this machine only unless settings name a user; where `block` is False, its `local_url`
    and `close()` are the caller's.

    Raises SettingsError where the port is taken.
    """
    # Where Gradio puts what is uploaded: inside the index folder, and not where every user of the machine can look.
    os.environ["GRADIO_TEMP_DIR"] = str((settings.index / "incoming").absolute())
    page = build_page(assistant, settings)
    port = settings.port or _free_port(settings.host)
    page.queue(default_concurrency_limit=4, max_size=EVENTS_AT_MOST, api_open=False)
    guard = {"anywhere": settings.host not in LOOPBACK, "most_bytes": REQUEST_BYTES}
    try:
        page.launch(
            server_name=settings.host,
            server_port=port,
            auth=(settings.user, settings.password.get_secret_value()) if settings.user else None,
            inbrowser=open_browser,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            show_error=False,
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            # Gradio's MCP endpoint asks for no password: behind one there is none.
            mcp_server=find_spec("mcp") is not None and not settings.user,
            pwa=False,
            max_file_size=REQUEST_BYTES,  # one file that is too large is told of, and not a reason to refuse the others
            max_threads=ANSWERS_AT_ONCE + WAITING_AT_MOST + 40,  # Gradio's own number for all that is not an answer
            allowed_paths=[],
            footer_links=[],
            theme=gr.themes.Base(font=SERIF, font_mono=MONO, primary_hue="stone", neutral_hue="stone"),
            css=(DATA / "page.css").read_text(encoding="utf-8"),
            app_kwargs={"middleware": [(Guard, (), guard)], "docs_url": None, "redoc_url": None},
        )
    except OSError as error:
        raise SettingsError(
            f"port {port} on {settings.host} is not free; set ASSISTANT_PORT to another, or to 0 for any that is free"
        ) from error
    if page.mcp_server_obj:
        write_json(page.mcp_server_obj, {"ask": Reply, "articles": list[dict[str, Any]]})
    if block:
        page.block_thread()
    return page


def _free_port(host: str) -> int:
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
        port: int = server.getsockname()[1]
        return port


# ---- words and tables

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
ANSWERS_AT_ONCE = 8
"""Questions that are answered at the same time; the others wait in the order of asking."""
WAITING_AT_MOST = 50
"""Questions that wait; more are told to ask again."""
EVENTS_AT_MOST = 200
"""Other events of the page, and questions of programs, that wait; more are refused."""
REQUEST_BYTES = 200_000_000
"""Bytes that one request may bring."""
REPORTS = Path("runs")
"""Where `python -m eval` leaves its reports, each in a folder of its own."""

LIMITS = ("since", "until", "on", "author", "source")
"""Filters in the order of their boxes."""
ALL_USED = "Articles used: all"

SEED = "000_c9ada446ede6ec9f"
SEED_QUESTIONS = (
    "Where was the pact announced?",
    "Who signed the Burkina–Senegal pact?",
    "Is Senegal a member of the AES?",
    "How large is the joint AES force?",
)

SERIF = ["Charter", "Georgia", "Cambria", "Noto Serif", "DejaVu Serif", "serif"]
MONO = ["ui-monospace", "Consolas", "DejaVu Sans Mono", "monospace"]
"""Fonts that are on the reader's machine; Gradio's own would be loaded from elsewhere."""
