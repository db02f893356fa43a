"""Pictures of every state of the chat page: `make screenshots`, or `python docs/screenshots.py FOLDER`.

The page is the real one over `seeds/`, in Chromium, in the light, in the dark and on a phone.  A
few states that depend on a moment or a model (an answer on its way, a draft, a sentence that was
taken out, a failure) are held still by an assistant that waits, or fails, where it is told to.
"""

import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from assistant import Assistant, Claim, Event, Settings, Verdict
from assistant.ui import serve

ROOT = Path(__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-color-profile=srgb"]
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "device_scale_factor": 2},
}
PARTIAL = "Who signed the Burkina–Senegal pact?"


class Held(Assistant):
    """The real assistant, which stops where a picture is to be taken."""

    def __init__(self, real: Assistant) -> None:
        vars(self).update(vars(real))
        self.go_on = threading.Event()

    def stream(self, question: str, **given: Any) -> Iterator[Event]:
        """The real stream, with what the question's first word asks for."""
        if question.startswith("Fail"):
            raise RuntimeError("held still for a picture")
        for event in super().stream(question, **given):
            if event.reply and question.startswith("Doubt"):
                doubtful = Verdict(label="unsupported", score=0.1, reasons=["words: nothing says “signed”"])
                claim = Claim(text="Ousmane Sonko signed the pact.", verdict=doubtful, removed=True)
                event = replace(event, reply=replace(event.reply, claims=[*event.reply.claims, claim]))
            yield event
            if event.text == "composing" and question.startswith("Draft"):
                yield Event(kind="draft", text="Burkina Faso and Senegal announced the pact in Ouagadougou, and ")
            if event.text in ("reading", "composing") and question.startswith(("Wait", "Draft")):
                while question.startswith("Draft") == (event.text == "composing") and not self.go_on.wait(0.2):
                    yield Event(kind="stage", text=event.text)


def ask(page: Page, question: str) -> None:
    """Ask, and wait for the answer."""
    before = page.locator(".reply .status").count()
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    page.locator(".reply .status").nth(before).wait_for()
    page.wait_for_timeout(600)


def take(browser: Browser, url: str, folder: Path, look: str, held: Held) -> None:
    """All states in one look."""
    context = browser.new_context(**LOOKS[look])
    context.set_default_timeout(120_000)
    page = context.new_page()

    def shoot(state: str) -> None:
        page.wait_for_timeout(500)
        page.screenshot(path=folder / f"{state}-{look}.png")

    def anew() -> None:
        page.goto(f"{url}?__theme={LOOKS[look]['color_scheme']}")
        page.locator("#chat .example").first.wait_for()

    anew()
    shoot("start")
    for state, question in (
        ("answered", "Where was the pact announced?"),
        ("abstained", "Who won the chess championship in Reykjavik?"),
        ("clarify", "hello"),
        ("taken-out", "Doubt: who signed the Burkina–Senegal pact?"),
        ("error", "Fail"),
    ):
        anew()
        ask(page, question)
        shoot(state)
    for state, question in (("streaming", "Wait: where was the pact announced?"), ("draft", "Draft: where was it?")):
        anew()
        held.go_on.clear()
        page.get_by_label("Your question").fill(question)
        page.keyboard.press("Enter")
        page.locator(".reply .now", has_text="Reading" if state == "streaming" else "Writing").wait_for()
        shoot(state)
        held.go_on.set()
        page.locator(".reply .status").wait_for()
    anew()
    ask(page, PARTIAL)
    shoot("partial")
    page.locator(".answer button.cite").nth(1).hover()
    shoot("quote")
    page.locator(".answer button.cite").nth(1).click()
    page.locator("mark.here").wait_for()
    page.mouse.move(0, 0)
    page.wait_for_timeout(800)
    shoot("source")
    page.get_by_role("tab", name="Conversations").click()
    page.locator("#kept li").first.wait_for()
    shoot("conversations")
    page.get_by_role("tab", name="Articles").click()
    page.locator("#put input[type=file]").set_input_files(
        [
            {"name": "kelm.txt", "mimeType": "text/plain", "buffer": KELM.encode()},
            {"name": "scan.txt", "mimeType": "text/plain", "buffer": b"\x00\x01"},
        ]
    )
    page.locator(".results li").nth(1).wait_for()
    shoot("articles")
    page.get_by_role("tab", name="Evaluation").click()
    page.locator("#report .html-container *").first.wait_for()
    shoot("evaluation")
    context.close()


KELM = """Harbour of Kelm reopens after two years
Author: Ann Writer
Published: 2025-03-10

The harbour of Kelm reopened on Monday after two years of work. The mayor cut a ribbon.
"""


def main() -> None:
    """Take all pictures into the folder that was named, else into build/screenshots."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as kept, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        settings = Settings(port=0, index=Path(kept) / "index", corpus=ROOT / "seeds")
        held = Held(Assistant.open(settings))
        page = serve(held, settings, block=False)
        for look in LOOKS:
            take(browser, page.local_url, folder, look, held)
            held.remove(["uploads/kelm"])
        page.close(verbose=False)
        empty = serve(
            Assistant.from_documents([]), Settings(port=0, index=Path(kept) / "empty", corpus=Path(kept)), block=False
        )
        shown = browser.new_page(**LOOKS["light"])
        shown.goto(empty.local_url)
        shown.get_by_label("Your question").wait_for()
        shown.wait_for_timeout(1000)
        shown.screenshot(path=folder / "empty-light.png")
        empty.close(verbose=False)
        browser.close()


if __name__ == "__main__":
    main()
