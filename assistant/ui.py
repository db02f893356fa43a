"""The chat page: questions on the left, the cited article with its exact words marked on the right.

Everything shown is HTML made here from escaped text: no Markdown of an article, a file name or
an answer is ever rendered, for it could load an image from outside and so tell who reads what.
The page knows the Assistant and nothing behind it.
"""

import json
import logging
import re
import secrets
import socket
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping, Sequence
from html import escape, unescape
from importlib.resources import files
from itertools import pairwise
from typing import Any, NamedTuple

import gradio as gr

from assistant.citation import Citation
from assistant.documents import Document
from assistant.errors import AssistantError, SettingsError
from assistant.pipeline import Assistant
from assistant.reply import Reply, Status
from assistant.settings import Settings
from assistant.verification import Claim, Label

logger = logging.getLogger(__name__)

DATA = files("assistant") / "data"


class Mark(NamedTuple):
    """A span of an article that is shown marked."""

    number: int
    """Number of the citation; 0 for a passage that was only retrieved."""
    start: int
    """Offset of its first character in the document's text."""
    end: int
    """Offset behind its last character in the document's text."""


# ---- the page


def build_page(assistant: Assistant, settings: Settings) -> gr.Blocks:
    """The page over one assistant; conversations are kept per browser session and nowhere else."""

    def respond(message: str, history: list[Any], turns: list[tuple[str, str]]) -> Iterator[tuple[Any, Any]]:
        # Undo, retry and clear shorten what is shown, and with it what counts as said.
        before = turns[: len(history)]
        for view, said in answer_views(assistant, message, before):
            yield gr.HTML(view, padding=False, js_on_load=None), [*before, ("user", message), ("assistant", said)]

    def open_source(wanted: dict[str, Any]) -> str:
        try:
            document = assistant.index.document(str(wanted["document"]))
            marks = [Mark(*(int(part) for part in mark)) for mark in wanted["marks"]]
            return source_html(document, marks, int(wanted["number"]))
        except (KeyError, TypeError, ValueError):
            return notice_html("this article is no longer in the index. Ask again to search what is there now.")

    documents = assistant.documents
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        place = assistant.language_model.place if assistant.language_model else None
        gr.HTML(header_html(len(documents), place), padding=False, js_on_load=None)
        with gr.Row(elem_id="columns"):
            with gr.Column(scale=3, min_width=320, elem_id="conversation"):
                turns = gr.State([])
                textbox = gr.Textbox(label="Your question", lines=1, max_lines=6, submit_btn="Ask", stop_btn="Stop")
                gr.ChatInterface(
                    respond,
                    chatbot=PlainChatbot(
                        label="Conversation",
                        elem_id="chat",
                        render_markdown=False,
                        latex_delimiters=[],
                        allow_tags=False,
                        buttons=[],
                        feedback_options=None,
                        placeholder="Ask a question about the articles, or begin with one of these.",
                        height=None,
                        show_label=False,
                        autoscroll=False,
                    ),
                    textbox=textbox,
                    additional_inputs=[turns],
                    additional_outputs=[turns],
                    examples=[[question] for question in example_questions(documents)],
                    cache_examples=False,
                    analytics_enabled=False,
                    concurrency_limit=4,
                    show_progress="hidden",
                    api_visibility="private",
                    fill_height=False,
                )
                textbox.show_label = True  # ChatInterface hides it, and takes the placeholder away after a question
            with gr.Column(scale=2, min_width=320, elem_id="source-column"):
                gr.HTML(
                    contents_html(documents),
                    elem_id="source",
                    padding=False,
                    js_on_load=(DATA / "page.js").read_text(encoding="utf-8"),
                    server_functions=[open_source],
                )
    return page


class PlainChatbot(gr.Chatbot):  # type: ignore[misc]  # Gradio has no types here
    """A chatbot that shows questions as they were typed.

    Gradio's own puts them into the page as HTML with `render_markdown=False` too, and an image
    in a question that was pasted from an article would be loaded from outside.
    """

    is_template = True
    """To Gradio: the browser's part is the base class's."""

    def postprocess(self, value: Any) -> Any:
        return _with_texts(super().postprocess(value), lambda text: escape(text, quote=False))

    def preprocess(self, payload: Any) -> Any:
        return super().preprocess(_with_texts(payload, unescape))


def _with_texts(messages: Any, change: Callable[[str], str]) -> Any:
    changed = messages.model_copy(deep=True)
    for message in changed.root:
        for part in message.content:
            if part.type == "text":
                part.text = change(part.text)
    return changed


def serve(assistant: Assistant, settings: Settings, *, open_browser: bool = False, block: bool = True) -> gr.Blocks:
    """Serve the page on this machine only; where `block` is False, its `local_url` and `close()` are the caller's.

    Raises SettingsError where the port is taken.
    """
    page = build_page(assistant, settings)
    port = settings.port or _free_port(settings.host)
    page.queue(default_concurrency_limit=4, api_open=False)
    try:
        page.launch(
            server_name=settings.host,
            server_port=port,
            inbrowser=open_browser,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            show_error=False,
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            footer_links=[],
            theme=gr.themes.Base(font=SERIF, font_mono=MONO, primary_hue="stone", neutral_hue="stone"),
            css=(DATA / "page.css").read_text(encoding="utf-8"),
            app_kwargs={"middleware": [(Guard, (), {})], "docs_url": None, "redoc_url": None},
        )
    except OSError as error:
        raise SettingsError(
            f"port {port} on {settings.host} is not free; set ASSISTANT_PORT to another, or to 0 for any that is free"
        ) from error
    if block:
        page.block_thread()
    return page


def answer_views(assistant: Assistant, question: str, turns: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What is shown while a question is answered, each view with what is remembered as said; errors are views too."""
    yield stage_html(STAGES["understanding"]), ""
    try:
        for event in assistant.stream(question, history=list(turns)):
            if event.kind == "reply" and event.reply is not None:
                yield reply_html(event.reply, question, _titles(assistant, event.reply)), event.reply.text
            elif event.kind == "stage":
                yield stage_html(STAGES.get(event.text, event.text)), ""
            elif event.kind == "draft":
                yield stage_html("Checking this draft against the articles", event.text), ""
    except AssistantError as error:
        yield notice_html(str(error)), ""
    except Exception as error:  # the page goes on; what happened is logged
        # Without the message and the values, for either may hold the words of an article.
        name = type(error).__name__
        where = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
        logger.error("no answer because of %s\n%s", name, where)
        yield notice_html(f"the assistant failed ({name}). You can ask again; where it failed is in the log."), ""


def _titles(assistant: Assistant, reply: Reply) -> dict[str, str]:
    ids = {hit.passage.document_id for hit in reply.hits}
    return {document_id: assistant.index.document(document_id).title for document_id in ids}


def example_questions(documents: Sequence[Document]) -> list[str]:
    """Questions to begin with: about the article in `seeds/` where it is the only one, else about the corpus."""
    if len(documents) == 1 and SEED in documents[0].id:
        return list(SEED_QUESTIONS)
    return ["What articles do you have?"] if documents else []


def _free_port(host: str) -> int:
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
        port: int = server.getsockname()[1]
        return port


# ---- views: values to HTML, everything escaped


def safe(text: object) -> str:
    """Text as HTML that shows exactly its characters; a parser would make a line feed of a carriage return."""
    return escape(str(text), quote=True).replace("\r", "&#13;")


def header_html(count: int, place: str | None = None) -> str:
    """Head of the page: what it is, how much it has read, and where questions are sent, if anywhere."""
    leaves = f"questions and the sentences found go to {safe(place)}" if place else "nothing leaves this machine"
    articles = "1 article" if count == 1 else f"{count:,} articles"
    return (
        f'<header class="masthead"><h1>{TITLE}</h1><p>Every answer quotes the articles it stands on. '
        f"<strong>{articles}</strong> indexed; {leaves}.</p></header>"
    )


def stage_html(stage: str, draft: str = "") -> str:
    """What is being done, with the draft that is being checked where there is one."""
    shown = f'<div class="draft" dir="auto">{safe(draft)}</div>' if draft else ""
    return f'<div class="reply"><p class="stage">{safe(stage)}…</p>{shown}</div>'


def notice_html(sentence: str) -> str:
    """A sentence to the reader that is no answer."""
    return f'<div class="reply">{_status_html("error", "Not done", sentence)}</div>'


def reply_html(reply: Reply, asked: str = "", titles: dict[str, str] | None = None) -> str:
    """One reply: status and reason, answer, what checking found, what is missing, sources, and all that was retrieved."""
    parts = [_status_html(reply.status, STATUS_LABELS[reply.status], reply.reason or "")]
    if asked and reply.status != "clarify" and _plain(asked) != _plain(reply.question):
        parts.append(f'<p class="searched">Searched for: <q dir="auto">{safe(reply.question)}</q></p>')
    parts.append(f'<div class="answer" dir="auto">{answer_html(reply)}</div>')
    parts.extend(f'<p class="note">{safe(_sentence(note))}</p>' for note in reply.notes)
    parts.append(_checks_html(reply.claims))
    parts.append(_missing_html(reply))
    if reply.citations:
        parts.append(f'<h3>Sources</h3><ul class="references">{_references_html(reply.citations)}</ul>')
    if reply.hits:
        parts.append(_hits_html(reply, titles or {}))
    return f'<div class="reply">{"".join(parts)}</div>'


def _status_html(kind: str, label: str, reason: str) -> str:
    because = f'<span class="aside">: </span>{safe(_sentence(reason))}' if reason else ""
    return f'<p class="status {kind}"><strong>{label}</strong>{because}</p>'


def _sentence(words: str) -> str:
    """Messages and reasons are written to stand behind a colon; here they stand alone."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?", "…")) else ".")


def answer_html(reply: Reply) -> str:
    """The answer's text; of its Markdown only paragraphs, quotes, lists and bold are kept."""
    blocks = []
    for block in re.split(r"\n\s*\n", reply.text.strip()):
        lines = block.splitlines()
        if all(line.startswith(">") for line in lines):
            inner = " ".join(line[1:].strip() for line in lines)
            blocks.append(f"<blockquote>{_inline(inner, reply)}</blockquote>")
        elif all(line.startswith(("- ", "* ")) for line in lines):
            items = "".join(f"<li>{_inline(line[2:], reply)}</li>" for line in lines)
            blocks.append(f"<ul>{items}</ul>")
        else:
            blocks.append(f"<p>{_inline(block, reply)}</p>")
    return "".join(blocks)


def _inline(text: str, reply: Reply) -> str:
    shown = []
    said = ""
    for piece in INLINE.split(text):
        if MARKERS.fullmatch(piece):
            shown.append(_marked_words(said, piece, reply.citations) + _doubt_html(said, reply.claims))
            said = ""
        elif len(piece) > 4 and piece.startswith("**") and piece.endswith("**"):
            shown.append(f"{safe(said)}<strong>{_inline(piece[2:-2], reply)}</strong>")
            said = ""
        else:
            said += piece[1] if len(piece) == 2 and piece[0] == "\\" else piece
    return "".join(shown) + safe(said)


def _marked_words(said: str, markers: str, citations: Sequence[Citation]) -> str:
    """Words and the markers behind them, the first kept on the line of the last word."""
    numbered = {str(citation.number): citation for citation in citations}
    first, *others = (
        _cite_button(numbered[number], citations, numbered[number].quote) if number in numbered else f"[{number}]"
        for number in re.findall(r"\d+", markers)
    )
    end = len(said.rstrip())
    cut = max(said.rfind(" ", 0, end) + 1, end - LONGEST_HELD)
    return f'{safe(said[:cut])}<span class="held">{safe(said[cut:])}{first}</span>{"".join(others)}'


def _doubt_html(said: str, claims: Iterable[Claim]) -> str:
    """A word on the claim that ends what was just said, where its citations were not found to support it."""
    ends = (c for c in claims if c.verdict.label != "supported" and _plain(said).endswith(_plain(c.text)))
    claim = next(ends, None)
    if not claim:
        return ""
    label = claim.verdict.label
    return f' <span class="doubt {label}" title="{safe(_reasons(claim))}">{VERDICT_LABELS[label]}</span>'


def _checks_html(claims: Sequence[Claim]) -> str:
    """What checking found: a line where every sentence is supported, else each one that is not, with the reason."""
    if not claims:
        return ""
    doubtful = [claim for claim in claims if claim.verdict.label != "supported" or claim.removed]
    if not doubtful:
        return '<div class="checks"><p>Checked: every cited sentence is supported by its quotes.</p></div>'
    items = "".join(
        f'<li dir="auto"><strong>{TAKEN_OUT if claim.removed else VERDICT_LABELS[claim.verdict.label]}:</strong> <q>{safe(claim.text)}</q> '
        f"{safe(_reasons(claim))}</li>"
        for claim in doubtful
    )
    supported = len(claims) - len(doubtful)
    shown = len(claims) - sum(claim.removed for claim in claims)
    held = f"{supported} of {shown} sentences supported by their quotes"
    return f'<div class="checks"><p>Checked: {held}.</p><ul>{items}</ul></div>'


def _reasons(claim: Claim) -> str:
    return _sentence("; ".join(claim.verdict.reasons) or "no reason is given")


def _missing_html(reply: Reply) -> str:
    """What was asked and is not in the articles, but where the answer is to say just that."""
    said = _plain(re.sub(r"\\(.)", r"\1", reply.text))
    if not reply.missing or (reply.status == "abstained" and all(_plain(item) in said for item in reply.missing)):
        return ""
    items = "".join(f'<li dir="auto">{safe(item)}</li>' for item in reply.missing)
    return f'<div class="missing"><h3>Not in the articles</h3><ul>{items}</ul></div>'


def _cite_button(citation: Citation, citations: Sequence[Citation], hint: str = "") -> str:
    same = [Mark(c.number, c.start, c.end) for c in citations if c.document_id == citation.document_id]
    label = f"Citation {citation.number}: {citation.title}. Open the article at these words"
    return _open_button(f"[{citation.number}]", label, citation.document_id, citation.number, same, "cite", hint)


def _open_button(
    text: str, label: str, document_id: str, number: int, marks: Iterable[Mark], kind: str, hint: str = ""
) -> str:
    spans = json.dumps([list(mark) for mark in marks])
    title = f' title="{safe(hint)}"' if hint else ""
    return (
        f'<button type="button" class="{kind}" data-document="{safe(document_id)}" data-number="{number}" '
        f'data-marks="{safe(spans)}" aria-controls="source" aria-label="{safe(label)}"{title}>{safe(text)}</button>'
    )


def _references_html(citations: Sequence[Citation]) -> str:
    """The quotes under the article that they stand in."""
    articles: dict[str, list[Citation]] = {}
    for citation in citations:
        articles.setdefault(citation.document_id, []).append(citation)
    return "".join(_article_html(cited, citations) for cited in articles.values())


def _article_html(cited: Sequence[Citation], citations: Sequence[Citation]) -> str:
    about = _about_html(cited[0].author, cited[0].published, cited[0].source)
    quotes = "".join(
        f'<li class="quote">{_cite_button(citation, citations)}<q dir="auto">{safe(citation.quote)}</q></li>'
        for citation in cited
    )
    return f'<li><p class="about"><cite dir="auto">{safe(cited[0].title)}</cite>{about}</p><ul>{quotes}</ul></li>'


def _about_html(author: str | None, published: object, source: str | None) -> str:
    known = [author, published or "date not given", source]
    return "".join(f"<span><bdi>{safe(part)}</bdi></span>" for part in known if part)


def _hits_html(reply: Reply, titles: dict[str, str]) -> str:
    items = []
    for hit in reply.hits:
        passage = hit.passage
        title = titles.get(passage.document_id) or passage.document_id
        mark = Mark(0, passage.start, passage.end)
        button = _open_button(
            title, f"Open {title} at passage {hit.rank}", passage.document_id, 0, [mark], "open-passage"
        )
        cited = "cited" if hit.cited else "not cited"
        items.append(
            f'<li>{button} <span class="score">{cited}, score {hit.score:.2f}</span>'
            f'<p dir="auto">{safe(passage.text)}</p></li>'
        )
    count = f"{len(items)} passage" + ("s" if len(items) != 1 else "")
    return f"<details><summary>Everything retrieved ({count})</summary><ol>{''.join(items)}</ol></details>"


def source_html(document: Document, marks: Sequence[Mark], number: int) -> str:
    """A whole article with the span of citation `number` marked, and the reply's other spans marked lighter."""
    about = _about_html(document.author, document.published, document.source)
    what = f"Marked: the words of citation [{number}]" if number else "Marked: the passage that was retrieved"
    what += ", other cited words lighter" if len(marks) > 1 else ""
    return (
        f'<article><p class="from"><span>{what if marks else "The whole article"}</span>'
        '<button type="button" class="back">Back to the answer</button>'
        '<button type="button" class="all">All articles</button></p>'
        f'<h2 tabindex="-1" dir="auto">{safe(document.title)}</h2><p class="about">{about}</p>'
        f'<div class="text" dir="auto">{_marked(document.text, marks, number)}</div></article>'
    )


def _marked(text: str, marks: Sequence[Mark], number: int) -> str:
    inside = [Mark(mark.number, max(0, mark.start), min(len(text), mark.end)) for mark in marks]
    here = next((mark for mark in inside if mark.number == number), Mark(number, 0, 0))
    edges = {0, len(text), here.start, here.end}
    edges |= {edge for mark in inside for edge in mark[1:] if not here.start < edge < here.end}
    ordered = sorted(edges)
    shown = []
    for start, end in pairwise(ordered):
        words = safe(text[start:end])
        other = next((mark for mark in inside if mark.start <= start and end <= mark.end), None)
        if here.start <= start and end <= here.end:
            shown.append(f'<mark class="here">{words}</mark>')
        elif other:
            shown.append(f'<mark class="other" title="Citation [{other.number}]">{words}</mark>')
        else:
            shown.append(words)
    return "".join(shown)


def contents_html(documents: Sequence[Document]) -> str:
    """The source panel before anything is opened: how it works, and the articles there are."""
    items = "".join(
        f"<li>{_open_button(d.title or d.id, f'Open {d.title or d.id}', d.id, 0, [], 'open-passage')}</li>"
        for d in documents[:LISTED]
    )
    more = f"<p>and {len(documents) - LISTED:,} more</p>" if len(documents) > LISTED else ""
    return (
        '<article class="contents"><h2 tabindex="-1">Source</h2><p>Choose a number such as [1] in an answer to read '
        f"its article here, with the exact words marked.</p><h3>Articles</h3><ul>{items}</ul>{more}</article>"
    )


def _plain(question: str) -> str:
    return " ".join(question.split()).casefold()


# ---- what stands between the page and other machines


class Guard:
    """ASGI layer: only this machine's names are answered, and pages may load from this server alone."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if re.sub(r":\d+$", "", host) in ("127.0.0.1", "localhost", "[::1]"):
            await self.app(scope, receive, _guarded(send))
        else:  # a page elsewhere whose name was made to point at this machine (DNS rebinding)
            await send({"type": "http.response.start", "status": 421, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"This page serves its own machine only.\n"})


def _guarded(send: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
    """Send with a content policy; scripts of the page itself are known by a nonce, so that handlers in text are not."""
    nonce = secrets.token_urlsafe(16)
    held: list[Any] = []

    async def guarded(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = [(name, value) for name, value in message["headers"] if name.lower() != b"content-length"]
            policy = CONTENT_POLICY.replace("NONCE", nonce)
            extra = {"content-security-policy": policy, "referrer-policy": "no-referrer", **PLAIN_HEADERS}
            is_page = any(name.lower() == b"content-type" and b"text/html" in value for name, value in headers)
            kept = headers if is_page else message["headers"]
            start = {**message, "headers": [*kept, *((k.encode(), v.encode()) for k, v in extra.items())]}
            if is_page:
                held.append(start)
            else:
                await send(start)
        elif held:
            held.append(message.get("body", b""))
            if not message.get("more_body"):
                body = b"".join(held[1:]).replace(b"<script", f'<script nonce="{nonce}"'.encode())
                await send(held[0])
                await send({"type": "http.response.body", "body": body})
        else:
            await send(message)

    return guarded


# ---- words and tables

TITLE = "Ask the articles"
LISTED = 50
"""Articles named in the source panel before one is opened."""
LONGEST_HELD = 16
"""Characters of a word that are kept on one line with its citation; more could be wider than a phone."""

STATUS_LABELS: dict[Status, str] = {
    "answered": "Answered",
    "partial": "Partly answered",
    "abstained": "Not in the sources",
    "clarify": "Please clarify",
}

VERDICT_LABELS: dict[Label, str] = {
    "supported": "Supported",
    "contradicted": "Contradicted",
    "unsupported": "Not supported",
    "unchecked": "Not checked",
}

TAKEN_OUT = "Taken out of the answer"

STAGES = {
    "understanding": "Reading the question",
    "rewriting": "Completing the question from the conversation",
    "searching": "Searching the articles",
    "reading": "Reading what was found",
    "composing": "Composing the answer",
    "drafting": "Waiting for the language model",
    "checking": "Checking it against the articles",
}

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

INLINE = re.compile(r"(\\[\\`*_{}\[\]()#+\-.!<>|~]|\*\*(?:\\.|[^*\\])+\*\*|(?:\[\d{1,4}\])+)")
MARKERS = re.compile(r"(?:\[\d{1,4}\])+")

CONTENT_POLICY = (
    # Gradio compiles its templates at run time, hence 'unsafe-eval'.
    "default-src 'self'; script-src 'self' 'nonce-NONCE' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; frame-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
PLAIN_HEADERS = {"x-content-type-options": "nosniff"}
