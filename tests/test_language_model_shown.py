"""What a reader is shown of a language model's work: notes, what was taken out, where questions go."""

import pytest

from assistant.citation import Citation
from assistant.cli import _print_reply
from assistant.doctor import check_language_model
from assistant.reply import Reply
from assistant.settings import Settings
from assistant.verification import Claim, Verdict
from assistant.views import Shown, header_html, reply_html, stage_html

QUOTE = "The bridge cost 40 million dollars."
CITATION = Citation(
    number=1, document_id="a", title="T", author=None, published=None, source=None, quote=QUOTE, start=0, end=len(QUOTE)
)
REPLY = Reply(
    status="answered",
    text=f"{QUOTE} [1]",
    question="What did it cost?",
    claims=[
        Claim(text=QUOTE, citations=[1], verdict=Verdict(label="supported", score=1.0, reasons=["verbatim"])),
        Claim(
            text="It was paid by <b>Globex</b>.",
            verdict=Verdict(label="unsupported", score=0.1, reasons=["name: Globex does not stand in the evidence"]),
            removed=True,
        ),
    ],
    citations=[CITATION],
    written_by="m",
    notes=["one sentence of the draft of m taken out: the articles do not support it"],
)


def test_the_page_shows_what_was_taken_out_apart_from_the_answer():
    page = reply_html(REPLY, Shown())
    answer, rest = page.split('<div class="checks">')
    assert "Globex" not in answer
    assert "Written by m from the quotes below." in answer
    assert "One sentence of the draft of m taken out" in answer
    assert "stand in the articles word for word" in rest
    taken_out = rest.partition('<details class="taken-out">')[2]
    assert "<s>It was paid by &lt;b&gt;Globex&lt;/b&gt;.</s> <strong>Not supported.</strong>" in taken_out


def test_the_page_does_not_say_that_nothing_leaves_where_it_does():
    assert "nothing leaves this machine" in header_html(3)
    away = header_html(3, "api.example.org")
    assert "nothing leaves" not in away
    assert "api.example.org" in away


def test_a_draft_is_shown_as_text():
    assert "&lt;img" in stage_html("Checking", "<img src=x> [1]")


def test_the_command_line_prints_the_notes(capsys: pytest.CaptureFixture[str]):
    _print_reply(REPLY)
    printed = capsys.readouterr().out
    assert "note: one sentence of the draft of m taken out" in printed
    assert "Globex" not in printed


def test_a_reply_holds_what_was_taken_out_in_json():
    plain = REPLY.to_dict()
    assert [claim["removed"] for claim in plain["claims"]] == [False, True]
    assert (plain["written_by"], plain["usage"]) == ("m", None)


def test_the_doctor_tells_what_is_configured_and_whether_it_answers():
    assert check_language_model(Settings()).state == "ok"
    check = check_language_model(Settings(llm="openai-like:http://127.0.0.1:9/v1#m", llm_key="sk-secret-1"))
    assert check.state == "problem"
    assert "cannot be reached" in check.found
    assert "sk-secret-1" not in f"{check.found} {check.remedy}"
