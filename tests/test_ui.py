"""The views of the chat page: values in, escaped HTML out; no browser and no model."""

import logging
import os
import subprocess
import sys
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assistant import views
from assistant.citation import cite
from assistant.documents import Document
from assistant.errors import QuestionError
from assistant.passages import Passage
from assistant.reply import Reply
from assistant.retrieval import Hit
from assistant.verification import Claim, Verdict

pytest.importorskip("gradio")
ui = pytest.importorskip("assistant.ui")

EVIL = "<img src=x onerror=alert(1)> [1] ![x](http://evil.example/x.png) <script>alert(2)</script> \" ' & **bold**"
TEXT = "First words.\r\nThe pact was announced in Ouagadougou. It has 5,000 soldiers. Last words."
DOCUMENT = Document(id="a", text=TEXT, title="A pact", author="Faith", published=date(2025, 5, 12), source="Daily")


class Page(HTMLParser):
    """What a browser would make of a view: its tags, and the text of its marks."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.marked: dict[str, str] = {}
        self.current: list[str] = []
        self._inside: list[str] = []
        self._tag: dict[str, str | None] = {}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._tag = dict(attrs)
        if tag == "mark":
            self._inside.append(dict(attrs)["class"])

    def handle_endtag(self, tag):
        self._tag = {}
        if tag == "mark":
            self._inside.pop()

    def handle_data(self, data):
        self.text += data
        if "aria-current" in self._tag:
            self.current.append(data)
        for kind in self._inside:
            self.marked[kind] = self.marked.get(kind, "") + data

    def buttons(self, kind):
        return [attributes for tag, attributes in self.tags if tag == "button" and attributes["class"] == kind]


def quote(number: int, words: str, document: Document = DOCUMENT) -> Any:
    start = document.text.index(words)
    return cite(number, document, start, start + len(words))


def reply(**changes: Any) -> Reply:
    values: dict[str, Any] = {
        "status": "answered",
        "text": "**Ouagadougou.** The pact was announced in Ouagadougou. [1]",
        "question": "Where was the pact announced?",
        "citations": [quote(1, "The pact was announced in Ouagadougou."), quote(2, "It has 5,000 soldiers.")],
    }
    return Reply(**(values | changes))


def shown(given: Reply, **around: Any) -> str:
    return views.reply_html(given, views.Shown(**around))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("answered", "Answered"),
        ("partial", "Partly answered"),
        ("abstained", "Not in the sources"),
        ("clarify", "Please clarify"),
    ],
)
def test_the_status_is_said_in_words(status, words):
    page = Page(shown(reply(status=status, reason="Because of this.")))
    assert page.text.startswith(f"{words}: Because of this.")


def test_each_marker_with_a_citation_is_a_button_named_for_it():
    buttons = Page(views.answer_html(reply(text="One [1]. Two [2]. Three [3]."))).buttons("cite")
    assert [button["data-number"] for button in buttons] == ["1", "2"]
    assert all("A pact" in (button["aria-label"] or "") for button in buttons)


def test_escaped_markdown_is_shown_without_its_backslashes_and_makes_no_citation():
    page = Page(views.answer_html(reply(text=r"As footnote \[1\] says, 2 \* 3. [1]")))
    assert page.text == "As footnote [1] says, 2 * 3. [1]"
    assert len(page.buttons("cite")) == 1


def test_quotes_and_lists_of_the_answer_keep_their_form():
    tags = [tag for tag, _ in Page(views.answer_html(reply(text="Lead.\n\n> quoted [1]\n\n- one\n- two"))).tags]
    assert tags == ["p", "blockquote", "span", "button", "ul", "li", "li"]


def test_what_is_missing_is_listed():
    assert "who signed it" in Page(shown(reply(status="partial", missing=["who signed it"]))).text


def test_the_searched_question_is_shown_only_where_it_differs():
    assert "Searched for" not in shown(reply(), asked="where was  the pact announced?")
    assert "Searched for" in shown(reply(), asked="And where?")
    assert "Searched for" not in shown(reply(status="clarify", question=""), asked="\u200b")


def test_where_nothing_is_said_of_it_the_missing_is_not_repeated():
    text = "The articles do not say who signed it."
    assert "Not in the articles" not in shown(reply(status="abstained", text=text, missing=["who signed it"]))


def claim(text: str, label: Any, *reasons: str, citations: list[int] | None = None, removed: bool = False) -> Claim:
    verdict = Verdict(label=label, score=0.5, reasons=list(reasons))
    return Claim(text=text, citations=citations or [], verdict=verdict, removed=removed)


def test_of_the_articles_own_words_it_is_said_that_checking_them_proves_no_answer():
    own = claim("The pact was announced in Ouagadougou.", "supported", "verbatim: the words stand in the evidence")
    other = claim("It was announced there.", "supported", "entailment: the evidence says so (90%)")
    assert "stand in the articles word for word. Whether they answer your question" in shown(reply(claims=[own]))
    assert "every cited sentence is supported by its quotes." in shown(reply(claims=[own, other]))


def test_support_of_every_sentence_is_said_in_one_line():
    page = Page(shown(reply(claims=[claim("The pact was announced in Ouagadougou.", "supported")])))
    assert "Checked: every cited sentence is supported by its quotes." in page.text
    assert "Not supported" not in page.text


@pytest.mark.parametrize(
    ("label", "words"),
    [("unsupported", "Not supported"), ("contradicted", "Contradicted"), ("unchecked", "Not checked")],
)
def test_a_claim_without_support_is_named_behind_its_citations_and_below_with_the_reason(label, words):
    claims = [
        claim("It has * soldiers.", "supported", citations=[2]),
        claim("It was announced in Dakar.", label, "name: Dakar does not stand there", citations=[1, 2]),
    ]
    text = Page(
        shown(reply(text=r"It has \* soldiers. [2] It was announced in Dakar. [1][2] End.", claims=claims))
    ).text
    assert f"It has * soldiers. [2]✓ supported It was announced in Dakar. [1][2] {words} End." in text
    assert "Checked: 1 of 2 sentences supported by their quotes." in text
    assert f"{words}: It was announced in Dakar. Name: Dakar does not stand there." in text


def test_quotes_of_one_article_stand_under_it_once():
    text = Page(shown(reply())).text
    assert text.count("Faith") == 1


def test_a_citation_carries_its_quote_and_what_it_is_from_for_the_card():
    button = Page(views.answer_html(reply(text="It is. [2]"))).buttons("cite")[0]
    assert button["data-quote"] == "It has 5,000 soldiers."
    assert button["data-about"] == "A pact · Faith · 2025-05-12 · Daily"


def test_references_carry_quote_title_author_date_and_source():
    text = Page(shown(reply())).text
    for words in ("It has 5,000 soldiers.", "A pact", "Faith", "2025-05-12", "Daily"):
        assert words in text


def test_a_citation_of_a_pdf_names_its_page_and_one_of_a_web_page_its_address():
    paged = Document(id="p", text=TEXT, title="A report", pages=(0, 14), url="https://news.example/a?b=1&c=2")
    cited = reply(citations=[quote(1, "The pact was announced in Ouagadougou.", paged)])
    assert "“The pact was announced in Ouagadougou.” — A report, date not given" in views.plain_text(cited)
    assert views.plain_text(cited).endswith("https://news.example/a?b=1&c=2, page 2")
    page = Page(shown(cited))
    assert "https://news.example/a?b=1&c=2" in page.text
    assert "The pact was announced in Ouagadougou. page 2" in page.text
    assert (page.buttons("cite")[0]["data-about"] or "").endswith("https://news.example/a?b=1&c=2 · page 2")


def test_the_retrieved_passages_are_in_a_fold_and_open_their_article():
    passage = Passage(document_id="a", start=0, end=12, text=TEXT[:12], sentences=())
    hit = Hit(passage=passage, score=0.5, dense=0.5, lexical=1.0, rank=1)
    page = Page(shown(reply(hits=[hit]), titles={"a": "A pact"}))
    assert "Everything retrieved (1 passage, 0 cited)" in page.text
    assert "not cited, score 0.50 (meaning 0.50, words 1.0)" in page.text
    assert page.buttons("open-passage")[0]["data-marks"] == "[[0, 0, 12]]"


def test_the_marked_words_are_exactly_the_cited_span_and_the_text_is_whole():
    marks = [views.Mark(c.number, c.start, c.end) for c in reply().citations]
    page = Page(views.source_html(DOCUMENT, marks, 1))
    assert page.marked == {"here": "The pact was announced in Ouagadougou.", "other": "It has 5,000 soldiers."}
    assert TEXT in page.text


@pytest.mark.parametrize(
    "marks", [[(1, 5, 30), (2, 10, 20)], [(2, 0, 10), (1, 5, 30), (3, 25, 40)], [(1, 5, 30), (2, 5, 30)]]
)
def test_overlapping_citations_leave_the_opened_one_whole(marks):
    html = views.source_html(DOCUMENT, [views.Mark(*mark) for mark in marks], 1)
    assert html.count('class="here"') == 1
    assert Page(html).marked["here"] == TEXT[5:30]


def test_a_citations_number_stands_once_where_its_words_begin():
    marks = [views.Mark(1, 5, 30), views.Mark(2, 3, 40), views.Mark(0, 50, 60)]
    numbers = [
        dict(attributes).get("data-number")
        for tag, attributes in Page(views.source_html(DOCUMENT, marks, 1)).tags
        if tag == "mark"
    ]
    assert numbers == ["2", "1", None, None]  # before the opened one, that one, the rest of the second, a passage


def test_spans_beyond_the_text_do_not_fail():
    page = Page(
        views.source_html(DOCUMENT, [views.Mark(1, -5, 5), views.Mark(2, 9_000, 9_999), views.Mark(3, 8, 2)], 1)
    )
    assert page.marked["here"] == TEXT[:5]
    assert TEXT in page.text


def test_nothing_untrusted_becomes_a_tag():
    document = Document(id=EVIL, text=EVIL, title=EVIL, author=EVIL, source=EVIL)
    passage = Passage(document_id=EVIL, start=0, end=len(EVIL), text=EVIL, sentences=())
    hits = [Hit(passage=passage, score=0.5, dense=0.5, lexical=1.0, rank=1)]
    evil = reply(
        status="partial", text=EVIL, question=EVIL, reason=EVIL, missing=[EVIL], hits=hits,
        citations=[cite(1, document, 0, len(EVIL))],
    )  # fmt: skip
    for html in (
        shown(evil, asked="typed", titles={EVIL: EVIL}, limits=EVIL, conversation=EVIL, comment=EVIL),
        views.source_html(document, [views.Mark(1, 0, 9)], 1),
        views.contents_html([document]),
        views.notice_html(EVIL),
        views.stage_html(EVIL, EVIL),
    ):
        tags = Page(html).tags
        assert not {"img", "script", "a", "iframe", "svg", "link"} & {tag for tag, _ in tags}
        assert not [name for _, attributes in tags for name in attributes if name.startswith("on") or name == "src"]


class Streaming:
    """An assistant that streams what it was given, or raises it."""

    def __init__(self, *events: Any) -> None:
        self.events = events
        self.documents = [DOCUMENT]
        self.index = SimpleNamespace(document=lambda document_id: {"a": DOCUMENT}[document_id])
        self.asked: list[Any] = []

    def stream(self, question, *, history=None, filters=None):
        self.asked.append((question, history, filters))
        for event in self.events:
            if isinstance(event, Exception):
                raise event
            yield event


def event(kind: str, text: str = "", reply: Reply | None = None) -> Any:
    return SimpleNamespace(kind=kind, text=text, reply=reply)


def test_stages_and_drafts_are_shown_before_the_reply():
    drafts = ["It ", "It was", "It was so"]
    events = [event("stage", "searching"), *(event("draft", draft) for draft in drafts)]
    assistant = Streaming(*events, event("reply", reply=reply()))
    seen = list(ui.answer_views(assistant, "Where?", [("user", "Hello")], {"author": "Faith"}))
    assert Page(seen[1].html).current == ["Searching"]
    assert [Page(view.html).text.partition("Draft, not checked yet")[2] for view in seen[2:5]] == drafts
    assert seen[-1].reply == reply()
    assert assistant.asked == [("Where?", [("user", "Hello")], {"author": "Faith"})]


@pytest.mark.parametrize(
    ("stage", "step", "words"),
    [
        ("rewriting", "Question", "The language model completes the question from the conversation"),
        ("drafting", "Writing", "Waiting for the language model"),
    ],
)
def test_what_only_a_language_model_does_is_said_below_the_step_it_belongs_to(stage, step, words):
    page = Page(views.stage_html(stage))
    assert page.current == [step]
    assert words in page.text
    assert words not in Page(views.stage_html(stage, "A draft")).text


@pytest.mark.parametrize(
    ("before", "places", "words"),
    [
        (0, 8, "Waiting: 8 questions are being answered, yours is next"),
        (1, 8, "Waiting: 8 questions are being answered, 1 more comes before yours"),
        (2, 1, "Waiting: 1 question is being answered, 2 more come before yours"),
    ],
)
def test_who_waits_is_told_how_many_come_before(before, places, words):
    page = Page(views.waiting_html(before, places))
    assert page.current == []
    assert page.text.endswith(words)


def test_an_error_that_a_user_can_mend_is_a_sentence():
    seen = list(ui.answer_views(Streaming(QuestionError("the question is too long; shorten it")), "", [], {}))
    assert Page(seen[-1].html).text == "Not done: The question is too long; shorten it."


def test_an_unexpected_error_is_logged_without_the_words_of_an_article(caplog):
    with caplog.at_level(logging.ERROR):
        seen = list(ui.answer_views(Streaming(event("stage", "Searching"), ValueError(TEXT)), "Where?", [], {}))
    assert "ValueError" in seen[-1].html
    assert "ValueError" in caplog.text
    assert "test_ui.py" in caplog.text
    assert "Ouagadougou" not in seen[-1].html + caplog.text


def test_the_seed_questions_are_offered_for_the_seeds_only():
    seed = Document(id="000_c9ada446ede6ec9f.txt", text="x")
    assert "Where was the pact announced?" in ui.example_questions([seed])
    assert ui.example_questions([seed, DOCUMENT]) == ["What articles do you have?"]
    assert ui.example_questions([]) == []


def test_the_page_says_how_many_articles_there_are():
    assert "1,200 articles" in views.header_html(1200)
    assert "1 article<" in views.header_html(1)


def test_many_articles_are_listed_in_part():
    page = Page(views.contents_html([Document(id=str(n), text="x", title=f"T{n}") for n in range(60)]))
    assert len(page.buttons("open-passage")) == views.LISTED
    assert "and 10 more" in page.text


def test_a_claim_that_was_taken_out_of_the_answer_is_struck_in_a_fold_with_the_reason():
    claims = [
        claim("The pact was announced in Ouagadougou.", "supported", citations=[1]),
        claim("Sonko signed it.", "unsupported", "words: nothing says “signed”", removed=True),
    ]
    html = shown(reply(claims=claims))
    assert "<s>Sonko signed it.</s>" in html
    assert "Taken out of the answer (1 sentence)" in Page(html).text
    assert "Not supported. Words: nothing says “signed”." in Page(html).text
    assert "Checked: every cited sentence is supported by its quotes." in Page(html).text


def test_where_the_answer_is_in_none_the_nearest_articles_are_named_once_each():
    hits = [
        Hit(passage=Passage(document_id=d, start=n, end=n + 5, text=TEXT[n : n + 5], sentences=()), score=0.5, dense=0.5,
            lexical=1.0, rank=n + 1)
        for n, d in enumerate("aabcd")
    ]  # fmt: skip
    html = shown(reply(status="abstained", citations=[], hits=hits), titles={d: f"Title {d}" for d in "abcd"})
    nearest = html.partition('class="nearest"')[2].partition("</div>")[0]
    assert [f"Title {d}" in nearest for d in "abcd"] == [True, True, True, False]
    assert nearest.count("data-document") == 3


def test_a_copied_answer_keeps_its_numbers_and_lists_its_references():
    text = views.plain_text(reply())
    assert text.startswith("Ouagadougou. The pact was announced in Ouagadougou. [1]\n\nSources\n[1] “The pact")
    assert "[2] “It has 5,000 soldiers.” — A pact, Faith, 2025-05-12, Daily" in text


def test_an_answer_without_references_is_not_copied_with_any():
    assert "Copy with references" in shown(reply())
    assert "Copy with references" not in shown(reply(status="abstained", citations=[]))


def test_where_there_is_no_article_a_question_is_met_with_what_to_do():
    (view,) = ui.answer_views(SimpleNamespace(documents=()), "Where was the pact announced?", [], {})
    assert "There are no articles to answer from; open Articles and drop files there" in Page(view.html).text
    assert view.reply is None


def test_filters_that_held_are_said_with_the_answer():
    limits = views.limits_text({"since": "2025-01-01", "author": "Faith"}, 1, 3)
    assert "Articles used: since 2025-01-01, by Faith (1 of 3)" in Page(shown(reply(), limits=limits)).text
    assert views.limits_text({}, 3, 3) == ""


def test_what_cannot_be_kept_offers_no_feedback():
    assert "Helpful" not in shown(reply())
    assert "Helpful" in shown(reply(), conversation="abc")


@pytest.mark.parametrize(
    "text", ["AT&T & <b>", "&lt;b&gt;", "&copy=1", "a &amp;lt; b", "&#60;script&#62;", "R&D; x", "&ampere", "<<&&>>"]
)
def test_a_question_is_shown_and_read_back_as_it_was_typed(text):
    assert Page(ui._escaped(text)).text == text
    assert "<" not in ui._escaped(text)
    assert ui._unescaped(ui._escaped(text)) == text


def test_no_more_of_a_question_is_escaped_than_must_be_for_it_is_edited_so():
    assert ui._escaped("AT&T & R&D?") == "AT&T & R&D?"


def test_the_pictures_are_of_the_page_of_their_own_checkout(tmp_path):
    pytest.importorskip("playwright")
    root = Path(__file__).parents[1]
    (tmp_path / "assistant").mkdir()
    (tmp_path / "assistant" / "__init__.py").write_text("raise SystemExit('this is another one')", encoding="utf-8")
    program = (
        f"import runpy; runpy.run_path({str(root / 'docs' / 'screenshots.py')!r}, run_name='pictures');"
        "import assistant; print(assistant.__file__)"
    )
    elsewhere = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).parents[1] == root
