"""Pictures of every state of the chat page: `make screenshots`, or `python docs/screenshots.py FOLDER LOOK…`.

The page is the real one over `seeds/`, in Chromium, in the light, in the dark and on a phone.  A
few states that depend on a moment or a model (an answer on its way, a draft, a sentence that was
taken out, a failure) are held still by an assistant that waits, or fails, when it is told to.
"""

import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout that this stands in, whatever is installed

from assistant import Assistant, Claim, Event, Reply, Settings, Verdict
from assistant.ui import serve

ROOT = Path(__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-color-profile=srgb"]
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True},
}
PATIENCE = 60_000
"""Milliseconds until a state that does not come is an error."""
PARTIAL = "Who signed the Burkina–Senegal pact?"
QUESTIONS = {
    "answered": "Where was the pact announced?",
    "abstained": "Who won the chess championship in Reykjavik?",
    "clarify": "hello",
}
HELD_AT = {"streaming": ("reading", "Reading"), "draft": ("composing", "Writing")}
"""Where an answer is held still for a picture: its stage, and the stage's name on the page."""


class Held(Assistant):
    """The real assistant, which stops or fails where a picture is to be taken."""

    def __init__(self, real: Assistant) -> None:
        vars(self).update(vars(real))
        self.act = ""
        """The state that the next answer is to be in; none for an answer as it is."""
        self.go_on = threading.Event()

    def stream(self, question: str, **given: Any) -> Iterator[Event]:
        """The real stream, with what the state to be shown asks for."""
        act, stage = self.act, HELD_AT.get(self.act, ("", ""))[0]
        if act == "error":
            raise RuntimeError("held still for a picture")
        for event in super().stream(question, **given):
            yield replace(event, reply=doubted(event.reply)) if event.reply and act == "doubt" else event
            if stage and event.text == stage:
                if act == "draft":
                    yield Event(kind="draft", text="Burkina Faso and Senegal announced the pact in Ouagadougou, and ")
                while not self.go_on.wait(0.2):
                    yield Event(kind="stage", text=stage)


def doubted(reply: Reply) -> Reply:
    """A reply as it is where checking found fault with a language model's words."""
    doubt = Verdict(label="unsupported", score=0.1, reasons=["the quoted words do not name who signed"])
    *claims, last = reply.claims
    claims += [replace(last, verdict=doubt), Claim(text="Ousmane Sonko signed the pact.", verdict=doubt, removed=True)]
    return replace(reply, claims=claims, written_by="a language model")


def ask(page: Page, question: str) -> None:
    """Ask, and wait for the answer."""
    before = page.locator(".reply .status").count()
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    page.locator(".reply .status").nth(before).wait_for()
    page.wait_for_function("!document.querySelector('#question textarea').disabled")


def fold(place: Locator) -> Locator:
    """A fold, opened."""
    place.click()
    place.scroll_into_view_if_needed()
    return place


def take(browser: Browser, url: str, folder: Path, look: str, held: Held) -> None:
    """All states in one look."""
    context = browser.new_context(**LOOKS[look])
    context.set_default_timeout(PATIENCE)
    page = context.new_page()

    def shoot(state: str) -> None:
        page.wait_for_timeout(700)  # what moves has come to rest
        page.screenshot(path=folder / f"{state}-{look}.png")

    def anew(act: str = "") -> None:
        held.act = act
        page.goto(f"{url}?__theme={LOOKS[look]['color_scheme']}")
        page.locator("#chat .example").first.wait_for()

    def tab(name: str) -> None:
        page.get_by_role("tab", name=name).click()

    anew()
    shoot("start")
    for state, question in QUESTIONS.items():
        anew()
        ask(page, question)
        shoot(state)
    for state in ("doubt", "error"):
        anew(state)
        ask(page, PARTIAL)
        for place in page.locator(".taken-out summary").all():
            fold(place)
        shoot(state)
    for state, (_, shown) in HELD_AT.items():
        anew(state)
        held.go_on.clear()
        page.get_by_label("Your question").fill(QUESTIONS["answered"])
        page.keyboard.press("Enter")
        page.locator(".reply .now", has_text=shown).wait_for()
        shoot(state)
        held.go_on.set()
        page.locator(".reply .status").wait_for()
    anew()
    ask(page, PARTIAL)
    shoot("partial")
    cite = page.locator(".answer button.cite").nth(1)
    if look != "phone":  # where nothing hovers
        cite.hover()
        shoot("quote")
    cite.click()
    page.locator("mark.here").wait_for()
    page.mouse.move(0, 0)
    shoot("source")
    fold(page.get_by_text("Everything retrieved"))
    shoot("retrieved")
    fold(page.get_by_text("Make this an eval case"))
    page.get_by_role("button", name="Add the case").scroll_into_view_if_needed()
    shoot("case")
    page.get_by_role("button", name="Articles used").click()
    page.get_by_label("Author").fill("Faith")
    page.get_by_role("button", name="Articles used: by Faith").scroll_into_view_if_needed()
    shoot("filters")
    ask(page, "and Mali?")
    shoot("filtered")
    tab("Conversations")
    page.locator("#kept li").first.wait_for()
    shoot("conversations")
    tab("Articles")
    page.locator("#put input[type=file]").set_input_files(
        [
            {"name": "kelm.txt", "mimeType": "text/plain", "buffer": KELM.encode()},
            {"name": "scan.txt", "mimeType": "text/plain", "buffer": b"\x00\x01"},
        ]
    )
    page.locator(".results li").nth(1).wait_for()
    shoot("articles")
    tab("Evaluation")
    page.locator("#report .html-container *").first.wait_for()
    shoot("evaluation")
    context.close()


def take_empty(browser: Browser, url: str, folder: Path, look: str) -> None:
    """The page while there is no article."""
    page = browser.new_page(**LOOKS[look])
    page.goto(f"{url}?__theme={LOOKS[look]['color_scheme']}")
    page.locator("#source .contents").wait_for()
    ask(page, QUESTIONS["answered"])
    page.wait_for_timeout(700)
    page.screenshot(path=folder / f"empty-{look}.png")
    page.close()


KELM = """Harbour of Kelm reopens after two years
Author: Ann Writer
Published: 2025-03-10

The harbour of Kelm reopened on Monday after two years of work. The mayor cut a ribbon.
"""


def main() -> None:
    """Take the pictures into the folder that was named, else into build/screenshots; in the looks named, else in all."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "screenshots")
    looks = sys.argv[2:] or list(LOOKS)
    folder.mkdir(parents=True, exist_ok=True)
    if CHROMIUM is None:
        sys.exit("no Chromium found on PATH (chromium, chromium-browser, google-chrome or chrome); install one")
    with tempfile.TemporaryDirectory() as kept, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        settings = Settings(port=0, index=Path(kept) / "index", corpus=ROOT / "seeds")
        held = Held(Assistant.open(settings))
        page = serve(held, settings, block=False)
        try:
            for look in looks:
                take(browser, page.local_url, folder, look, held)
                held.remove(["uploads/kelm"])
        finally:
            held.go_on.set()
            page.close(verbose=False)
        # One after the other, for Gradio has one place for what is uploaded in each process.
        none = Settings(port=0, index=Path(kept) / "empty", corpus=Path(kept))
        page = serve(Assistant.from_documents([]), none, block=False)
        try:
            for look in looks:
                take_empty(browser, page.local_url, folder, look)
        finally:
            page.close(verbose=False)
        browser.close()
    sys.stdout.write(f"{len(list(folder.glob('*.png')))} pictures in {folder}\n")


if __name__ == "__main__":
    main()
