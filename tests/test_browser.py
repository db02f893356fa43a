"""The chat page in a real browser: citations by mouse and keyboard, hostile text, no request to outside."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from assistant.citation import cite
from assistant.documents import Document
from assistant.passages import Passage
from assistant.reply import Reply
from assistant.retrieval import Hit
from assistant.settings import Settings

pytestmark = [
    pytest.mark.browser,
    # Sockets of the browser's driver and of the server end with the process, some after pytest looks.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    # Gradio's queue asks pandas for what pandas no longer needs.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio.queueing"),
]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SEEDS = Path(__file__).parents[1] / "seeds"

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
    statuses.nth(before).wait_for(timeout=20_000)


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
        timeout=5_000,
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
    quoted = text_of(page.locator(".references li").first.locator("q"))
    assert text_of(page.locator("mark.here")) == quoted
    assert "Ouagadougou" in quoted
    assert quoted in (SEEDS / "000_c9ada446ede6ec9f.txt").read_text(encoding="utf-8")
    assert in_view(page, "mark.here")
    assert "Faith Nyasuguta" in page.locator("#source .about").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "cite"
    assert not page.seen.errors


def test_a_citation_is_reached_with_the_tab_key(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Where was the pact announced?")
    page.wait_for_function("!document.querySelector('#conversation textarea').disabled")
    page.get_by_label("Your question").focus()
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('.answer button.cite')"):
            break
    else:
        pytest.fail("no citation took the focus in 40 presses of Shift+Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_the_page_asks_no_other_server_and_keeps_nothing_in_the_browser(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Where was the pact announced?")
    page.locator("button.cite").first.click()
    page.locator("mark.here").wait_for()
    page.wait_for_timeout(1_000)
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
    page.locator(".reply .status").wait_for(timeout=20_000)
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


class Hostile:
    """An assistant whose every text is an attack: article, title, author, source, id, answer and reasons."""

    def __init__(self):
        attack = "\n\n".join(PAYLOADS)
        self.documents = [
            Document(id=f"{p}{n}", text=f"{p}\n\n{attack}", title=p, author=p, source=p) for n, p in enumerate(PAYLOADS)
        ]
        by_id = {document.id: document for document in self.documents}
        self.index = SimpleNamespace(document=by_id.__getitem__)

    def stream(self, question, *, history=None, filters=None):
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


def test_hostile_text_stays_text(browser, visit):
    served = serve(Hostile())
    try:
        page = visit(served.local_url)
        ask(page, "\n\n".join(PAYLOADS))
        asked = page.locator("#chat .message.user").first.inner_text()
        assert all(payload in asked for payload in PAYLOADS)
        page.locator(".reply summary").click()
        for number, payload in enumerate(PAYLOADS, 1):
            page.locator(f".answer button.cite[data-number='{number}']").click()
            page.wait_for_function(
                "payload => document.querySelector('mark.here')?.textContent === payload", arg=payload, timeout=5_000
            )
        # Asked again: what was typed has been to the browser and back.
        page.get_by_label("Retry").or_(page.get_by_title("Retry")).first.click()
        page.locator(".reply .stage").wait_for(state="detached")
        page.locator("#source").hover()
        page.wait_for_timeout(500)
        assert page.evaluate("window.hacked") is None
        assert page.seen.dialogs == []
        assert page.seen.errors == []
        assert outside(page, served.local_url) == []
        within = ":is(#chat, #source) :is(script, img, iframe, a, style, link, form, base, meta, [onerror], [onload], [onfocus])"
        assert page.locator(within).evaluate_all("found => found.map((element) => element.outerHTML)") == []
    finally:
        served.close(verbose=False)


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
