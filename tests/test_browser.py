"""The chat page in a real browser: citations by mouse and keyboard, hostile text, no request to outside."""

import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from assistant.citation import cite
from assistant.documents import Document
from assistant.passages import Passage
from assistant.reply import Reply
from assistant.retrieval import Hit
from assistant.settings import Settings

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SEEDS = Path(__file__).parents[1] / "seeds"
PATIENCE = 120_000
"""Milliseconds until something that is waited for is given up: long, for it is met only by a failure."""

PAYLOADS = [
    "<script>window.hacked = 1; alert(1)</script>",
    '<img src=x onerror="window.hacked = 2; alert(2)">',
    "![x](http://evil.example/markdown.png)",
    "[click](javascript:window.hacked=3)",
    '<a href="javascript:window.hacked=4">read on</a>',
    '<svg onload="window.hacked = 5"><circle/></svg>',
    '<iframe src="http://evil.example/frame"></iframe>',
    "<link rel=stylesheet href=http://evil.example/style.css>",
    "<style>@import url(http://evil.example/import.css); * { display: none }</style>",
    '"><button autofocus onfocus="window.hacked = 6">',
    "' onmouseover='window.hacked = 7' x='",
    "${window.hacked = 8}",
    "{{constructor.constructor('window.hacked = 9')()}}",
    '<details open ontoggle="window.hacked = 10"><summary>x</summary></details>',
    '</div></article><script src="http://evil.example/script.js"></script>',
    '<video><source onerror="window.hacked = 11" src=http://evil.example/v></video>',
    '<meta http-equiv=refresh content="0;url=http://evil.example/">',
    "$$\\href{javascript:window.hacked=12}{x}$$ $$\\includegraphics{http://evil.example/tex.png}$$",
    "&lt;img src=x onerror=window.hacked=13&gt;",
    "<form action=http://evil.example/><input name=q autofocus onfocus=window.hacked=14>",
    "<base href=http://evil.example/>",
    "`<img src=http://evil.example/code.png>`",
    "data:text/html,<script>window.hacked=15</script>",
]


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium found (chromium, chromium-browser, google-chrome or chrome on PATH)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make setup brings it")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def serve(assistant):
    from assistant.ui import serve

    return serve(assistant, Settings(port=0), block=False)


@pytest.fixture(scope="module")
def seeds_page(browser):
    from assistant import Assistant

    page = serve(Assistant.from_folder(SEEDS))
    yield page
    page.close(verbose=False)


@pytest.fixture
def visit(browser):
    """Open the page at an address, and keep what it asked for, its dialogs and its errors."""
    contexts = []

    def open_page(address, **options):
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.seen = SimpleNamespace(requests=[], dialogs=[], errors=[])
        # A page that asks another server hears nothing from it, and the test hears of it.
        page.route(lambda url: not url.startswith(address), lambda route: route.abort())
        page.on("request", lambda request: page.seen.requests.append(request.url))
        page.on("dialog", lambda dialog: (page.seen.dialogs.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: page.seen.errors.append(str(error)))
        page.goto(address)
        page.get_by_label("Your question").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()


def ask(page, question):
    statuses = page.locator(".reply .status")
    before = statuses.count()
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    statuses.nth(before).wait_for()
    page.wait_for_function("!document.querySelector('#conversation textarea').disabled")


def settle(page):
    """Wait until the browser has drawn what it has and has nothing left to do: what would load has asked by then."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => requestIdleCallback(done))))"
    )


def until(page, met):
    """Wait for something on the server's side."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not met():
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)


def focused(page, selector):
    page.wait_for_function("selector => document.activeElement.matches(selector)", arg=selector)
    return True


def press_until(page, key, selector):
    for _ in range(60):
        page.keyboard.press(key)
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"nothing that matches {selector} took the focus in 60 presses of {key}")


def outside(page, address):
    return [url for url in page.seen.requests if not url.startswith((address, "data:", "blob:"))]


def text_of(locator):
    return locator.evaluate("element => element.textContent")


def in_view(page, selector):
    page.wait_for_function(
        """selector => {
            const element = document.querySelector(selector);
            if (!element) return false;
            const panel = element.closest("#source").getBoundingClientRect(), box = element.getBoundingClientRect();
            return box.top >= Math.max(0, panel.top) && box.bottom <= Math.min(innerHeight, panel.bottom);
        }""",
        arg=selector,
    )
    return True


@pytest.mark.parametrize("size", [(1280, 800), (640, 400), (390, 844)], ids=["wide", "wide at 200 %", "phone"])
@pytest.mark.parametrize("way", ["mouse", "Enter", "Space"])
def test_a_citation_opens_its_article_at_the_exact_words(seeds_page, visit, way, size):
    page = visit(seeds_page.local_url, viewport={"width": size[0], "height": size[1]})
    ask(page, "Where was the pact announced?")
    citation = page.locator(".answer button.cite[data-number='1']").first
    if way == "mouse":
        citation.click()
    else:
        citation.focus()
        page.keyboard.press(way)
    page.locator("mark.here").wait_for()
    quoted = text_of(page.locator(".references .quote q").first)
    assert text_of(page.locator("mark.here")) == quoted
    assert "Ouagadougou" in quoted
    assert quoted in (SEEDS / "000_c9ada446ede6ec9f.txt").read_text(encoding="utf-8")
    assert in_view(page, "mark.here")
    assert "Faith Nyasuguta" in page.locator("#source .about").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Escape")
    assert focused(page, ".answer button.cite[aria-current]")
    assert not page.seen.errors


def test_the_keyboard_alone_asks_opens_and_returns(seeds_page, visit):
    page = visit(seeds_page.local_url)
    page.locator("#chat .example").first.wait_for()
    press_until(page, "Tab", "#chat .example:last-child")
    page.keyboard.press("Enter")
    page.locator(".reply .status").wait_for()
    assert focused(page, "#conversation textarea")
    press_until(page, "Shift+Tab", ".answer button.cite")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert focused(page, "#source h2")
    assert in_view(page, "mark.here")
    page.keyboard.press("Escape")
    assert focused(page, ".answer button.cite")


def test_the_quote_is_shown_where_its_citation_is_pointed_at(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Where was the pact announced?")
    quoted = text_of(page.locator(".references .quote q").first)
    assert page.locator(".answer button.cite").first.get_attribute("title") == quoted


def test_an_article_opened_from_the_list_leads_back_to_it(seeds_page, visit):
    page = visit(seeds_page.local_url)
    page.locator("#source .contents .open-passage").first.click()
    page.locator("#source .text").wait_for()
    assert page.locator("#source .back").is_hidden()
    page.locator("#source .all").click()
    page.locator("#source .contents .open-passage").first.wait_for()
    assert focused(page, "#source h2")


@pytest.mark.parametrize(
    ("question", "said"),
    [("Why " + "é" * 50_000 + "?", "characters, at most"), ("", "no question"), ("\u0007\u202e\u200b", "no question")],
    ids=["100 kB", "empty", "control characters"],
)
def test_what_is_no_question_is_met_with_a_sentence(seeds_page, visit, question, said):
    page = visit(seeds_page.local_url)
    ask(page, question)
    reply = page.locator(".reply").first
    assert said in reply.inner_text()
    assert reply.evaluate("reply => reply.getBoundingClientRect().bottom <= innerHeight")
    ask(page, "How large is the joint AES force?")
    assert "5,000" in page.locator(".reply").nth(1).inner_text()


def test_the_page_asks_no_other_server_and_keeps_nothing_in_the_browser(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Where was the pact announced?")
    page.locator("button.cite").first.click()
    page.locator("mark.here").wait_for()
    settle(page)
    assert page.seen.requests
    assert outside(page, seeds_page.local_url) == []
    kept = page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
    assert "pact" not in kept


def test_two_visitors_do_not_share_a_conversation(seeds_page, visit):
    first, second = visit(seeds_page.local_url), visit(seeds_page.local_url)
    ask(first, "Where was the pact announced?")
    assert second.locator(".reply").count() == 0
    first.reload()
    first.get_by_label("Your question").wait_for()
    assert first.locator(".reply").count() == 0


def test_an_example_question_is_answered_when_chosen(seeds_page, visit):
    page = visit(seeds_page.local_url)
    page.get_by_text("How large is the joint AES force?").click()
    page.locator(".reply .status").wait_for()
    assert "5,000" in page.locator(".reply").inner_text()


def test_a_stranger_name_for_this_machine_is_not_answered(seeds_page):
    from http.client import HTTPConnection
    from urllib.parse import urlsplit

    connection = HTTPConnection(urlsplit(seeds_page.local_url).netloc, timeout=10)
    connection.request("GET", "/", headers={"Host": "evil.example"})
    response = connection.getresponse()
    assert response.status == 421
    response.read()
    connection.close()


class Recording:
    """An assistant that keeps what it was asked in which conversation; it waits with its answer while told to."""

    documents = (Document(id="a", text="Some words."),)

    def __init__(self):
        self.index = SimpleNamespace(document=lambda document_id: self.documents[0])
        self.asked = []
        self.go_on = threading.Event()
        self.go_on.set()

    def stream(self, question, *, history=None, filters=None):
        self.asked.append((question, [text for _, text in history]))
        yield SimpleNamespace(kind="stage", text="searching", reply=None)
        while not self.go_on.wait(0.1):  # step by step, for Gradio stops between two steps
            yield SimpleNamespace(kind="stage", text="searching", reply=None)
        reply = Reply(status="answered", text=f"Answer to {question}", question=question)
        yield SimpleNamespace(kind="reply", text="", reply=reply)


@pytest.fixture
def recorded(browser, visit):
    assistant = Recording()
    served = serve(assistant)
    yield assistant, visit(served.local_url), served
    assistant.go_on.set()
    served.close(verbose=False)


def test_retry_undo_and_clear_leave_what_is_shown_as_what_was_said(recorded):
    assistant, page, _ = recorded
    ask(page, "One?")
    ask(page, "Two?")
    page.get_by_label("Retry", exact=True).click()
    until(page, lambda: len(assistant.asked) == 3)
    page.locator(".reply", has_text="Answer to Two?").wait_for()
    page.get_by_label("Undo", exact=True).and_(page.locator("button:enabled")).click()
    page.locator(".reply", has_text="Answer to Two?").wait_for(state="detached")
    assert focused(page, "#conversation textarea")
    assert page.get_by_label("Your question").input_value() == "Two?"
    ask(page, "Three?")
    page.get_by_label("Clear", exact=True).click()
    page.locator(".reply").first.wait_for(state="detached")
    ask(page, "Four?")
    said = ["One?", "Answer to One?"]
    assert assistant.asked == [("One?", []), ("Two?", said), ("Two?", said), ("Three?", said), ("Four?", [])]


def test_a_stopped_answer_says_so_and_the_next_question_is_answered(recorded):
    assistant, page, _ = recorded
    assistant.go_on.clear()
    page.get_by_label("Your question").fill("One?")
    page.keyboard.press("Enter")
    page.locator(".reply .stage").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.wait_for_function(
        "getComputedStyle(document.querySelector('.reply .stage'), '::after').content.includes('stopped')"
    )
    assistant.go_on.set()
    ask(page, "Two?")
    assert assistant.asked[1][0] == "Two?"
    assert "Answer to Two?" in page.locator(".reply").nth(1).inner_text()


def test_an_article_that_cannot_be_fetched_is_a_sentence(recorded):
    _, page, served = recorded
    served.close(verbose=False)
    page.locator("#source .open-passage").click()
    page.locator("#source", has_text="The article could not be opened").wait_for()


class Hostile:
    """An assistant whose every text is an attack: article, title, author, source, id, answer and reasons."""

    def __init__(self):
        attack = "\n\n".join(PAYLOADS)
        self.documents = [
            Document(id=f"{p}{n}", text=f"{p}\n\n{attack}", title=p, author=p, source=p) for n, p in enumerate(PAYLOADS)
        ]
        by_id = {document.id: document for document in self.documents}
        self.index = SimpleNamespace(document=by_id.__getitem__)
        self.asked = []

    def stream(self, question, *, history=None, filters=None):
        self.asked.append(question)
        yield SimpleNamespace(kind="stage", text=PAYLOADS[1], reply=None)
        yield SimpleNamespace(kind="draft", text="\n".join(PAYLOADS), reply=None)
        cited = [cite(n, d, 0, len(PAYLOADS[n - 1])) for n, d in enumerate(self.documents, 1)]
        hits = [
            Hit(
                passage=Passage(document_id=d.id, start=0, end=len(d.text), text=d.text, sentences=()),
                score=0.5, dense=0.5, lexical=1.0, rank=rank,
            )
            for rank, d in enumerate(self.documents, 1)
        ]  # fmt: skip
        text = "\n\n".join(f"{payload} [{number}]" for number, payload in enumerate(PAYLOADS, 1))
        reply = Reply(
            status="partial", text=text, question=PAYLOADS[0], reason=PAYLOADS[1], short=PAYLOADS[2],
            missing=PAYLOADS, citations=cited, hits=hits,
        )  # fmt: skip
        yield SimpleNamespace(kind="reply", text="", reply=reply)


INTRUDERS = """() => {
    // What Gradio draws on its own buttons is no text of ours; in a message or a source nothing is let off.
    const icon = (element) =>
        element.closest("button.icon-button svg") && !element.closest(".message-row, .placeholder-content, #source");
    const tags = new Set("SPAN DIV P STRONG Q UL OL LI H2 H3 BUTTON DETAILS SUMMARY CITE BDI ARTICLE MARK BLOCKQUOTE".split(" "));
    const loads = ["src", "srcset", "href", "action", "formaction", "data", "poster", "background"];
    const harmful = (element) =>
        (element.closest(".message-content, .reply, #source article") && !tags.has(element.tagName)) ||
        element.matches("script, img, iframe, a, style, link, form, base, meta, object, embed, video, source, svg, input") ||
        element.getAttributeNames().some((name) => name.startsWith("on") || loads.includes(name));
    return [...document.querySelectorAll(":is(#chat, #source) *")]
        .filter((element) => harmful(element) && !icon(element)).map((element) => element.outerHTML);
}"""
"""Elements in conversation and source that text must not have brought in."""


def test_hostile_text_stays_text(browser, visit):
    hostile = Hostile()
    served = serve(hostile)
    try:
        page = visit(served.local_url)
        ask(page, "\n\n".join(PAYLOADS))
        asked = page.locator("#chat .message.user").first.inner_text()
        assert all(payload in asked for payload in PAYLOADS)
        page.locator(".reply summary").click()
        for number, payload in enumerate(PAYLOADS, 1):
            page.locator(f".answer button.cite[data-number='{number}']").click()
            page.wait_for_function(
                "payload => document.querySelector('mark.here')?.textContent === payload", arg=payload
            )
        # Asked again: what was typed has been to the browser and back.
        page.get_by_label("Retry", exact=True).click()
        until(page, lambda: len(hostile.asked) == 2)
        page.locator(".reply .status").wait_for()
        page.locator("#source").hover()
        settle(page)
        assert hostile.asked[0] == hostile.asked[1]
        assert page.evaluate("window.hacked") is None
        assert page.seen.dialogs == []
        assert page.seen.errors == []
        assert outside(page, served.local_url) == []
        assert page.evaluate(INTRUDERS) == []
    finally:
        served.close(verbose=False)


def test_an_icon_is_an_intruder_in_a_reply_or_a_source(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Where was the pact announced?")
    icon = '<div class="icon-button-wrapper"><button class="icon-button"><svg><style></style></svg></button></div>'
    page.evaluate("icon => document.querySelector('.reply').insertAdjacentHTML('afterend', icon)", icon)
    page.evaluate("icon => document.querySelector('#source').insertAdjacentHTML('beforeend', icon)", icon)
    assert len(page.evaluate(INTRUDERS)) == 4


def test_markup_that_slipped_through_would_neither_run_nor_load(seeds_page, visit):
    page = visit(seeds_page.local_url)
    refused = page.evaluate(
        """async () => {
            const refused = [];
            document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
            const hole = document.createElement("div");
            hole.innerHTML = "<img src='/missing' onerror='window.hacked = 1'><img src='http://evil.example/x.png'>";
            document.body.append(hole);
            await new Promise((done) => setTimeout(done, 1000));
            return refused.sort();
        }"""
    )
    assert refused == ["img-src", "script-src-attr"]
    assert page.evaluate("window.hacked") is None
