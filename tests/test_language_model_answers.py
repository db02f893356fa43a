"""The Assistant with a language model: what gets through, what does not, and what happens when the model fails."""

import json
import threading
from collections.abc import Callable

import pytest

from assistant import Assistant, Document, Reply, Settings
from eval.cases import misplaced
from tests.fake_language_model import FakeLLM, Said, ServiceError

ARTICLES = [
    Document(
        id="bridge",
        title="Volta bridge opens",
        published="2023-03-01",
        author="Ama Mensah",
        text=(
            "The Volta bridge cost 40 million dollars, the ministry said. It was opened by President Addo on Monday. "
            "Fishermen in the village of Akosombo say that the bridge scares the fish away."
        ),
    ),
    Document(
        id="minister",
        title="Health minister meets nurses",
        published="2024-01-15",
        text=(
            "Health Minister Kofi Boateng met nurses in Kumasi on Friday. He promised them higher pay. "
            "The union did not accept the offer. Hospitals will stay closed because nurses demand overdue wages."
        ),
    ),
]
COST = "How much did the Volta bridge cost?"


@pytest.fixture(scope="module")
def plain() -> Assistant:
    return Assistant.from_documents(ARTICLES)


@pytest.fixture
def ask(plain: Assistant, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Reply]:
    monkeypatch.setattr("assistant.language_model.FIRST_PAUSE", 0.001)

    def run(question: str, *says: Said, history: list[tuple[str, str]] | None = None, **values: object) -> Reply:
        run.llm = FakeLLM(*says)  # type: ignore[attr-defined]
        return with_model(plain, run.llm, **values).ask(question, history=history)  # type: ignore[attr-defined]

    return run


def with_model(plain: Assistant, llm: FakeLLM, **values: object) -> Assistant:
    return Assistant(plain.index, plain._embedder, plain.settings, plain._reader, language_model=llm.model(**values))


# ── what gets through


def test_a_supported_draft_is_the_answer_in_the_models_words(ask):
    reply = ask(COST, "The ministry said the Volta bridge cost 40 million dollars [1].")
    assert (reply.status, reply.written_by, reply.notes) == ("answered", "fake", [])
    assert "The ministry said the Volta bridge cost 40 million dollars. [1]" in reply.text
    assert reply.short == "40 million dollars"
    assert reply.citations[0].quote == "The Volta bridge cost 40 million dollars, the ministry said."
    assert (reply.usage.calls, reply.usage.prompt_tokens) == (1, 100)
    assert {"drafting", "checking"} <= set(reply.timings)


def test_prompts_are_told_by_their_fingerprints(ask):
    from assistant.prompt import load_prompt

    reply = ask(COST, "The Volta bridge cost 40 million dollars [1].")
    assert reply.prompts == {name: load_prompt(name).fingerprint for name in ("answer", "question")}


def test_what_nothing_supports_is_no_part_of_the_answer_and_is_kept_with_its_verdict(ask):
    reply = ask(COST, "The Volta bridge cost 40 million dollars [1]. It was paid by the World Bank in 2019 [1].")
    assert reply.written_by == "fake"
    assert "World Bank" not in reply.text
    taken = [claim for claim in reply.claims if claim.removed]
    assert [(claim.text, claim.citations) for claim in taken] == [("It was paid by the World Bank in 2019.", [])]
    assert taken[0].verdict.label != "supported"
    assert taken[0].verdict.reasons
    assert any("taken out" in note for note in reply.notes)
    assert json.loads(reply.to_json())["claims"][-1]["removed"] is True


def test_citations_are_renumbered_in_order_of_appearance_and_quotes_are_exact(ask, plain):
    reply = ask(
        "What do fishermen say of the Volta bridge?",
        "Fishermen in the village of Akosombo say that the bridge scares the fish away (Source 3). "
        "The Volta bridge cost 40 million dollars, the ministry said 【1】.",
    )
    assert [citation.number for citation in reply.citations] == [1, 2]
    assert "scares the fish away. [1]" in reply.text
    assert "the ministry said. [2]" in reply.text
    assert list(misplaced(reply, {document.id: document.text for document in plain.documents})) == []


def test_a_mended_citation_is_marked(ask):
    reply = ask(COST, "The Volta bridge cost 40 million dollars, the ministry said [2].")
    assert [claim.mended for claim in reply.claims] == [True]
    assert reply.citations[0].quote.startswith("The Volta bridge cost")
    assert any("mended" in note for note in reply.notes)


# ── where the articles' own words stand in


@pytest.mark.parametrize(
    "draft",
    [
        "The Volta bridge cost 65 million dollars [1].",
        "I cannot answer that question.",
        "The sources do not say what the bridge cost.",
        "The bridge was built by 3,000 workers from Togo [1]. It is the longest in Africa [2].",
        "Sure! Here is the answer",
    ],
)
def test_where_nothing_is_left_the_articles_own_words_stand_in_and_it_says_so(ask, plain, draft: str):
    reply, own = ask(COST, draft), plain.ask(COST)
    assert (reply.text, reply.status, reply.short, reply.citations) == (own.text, own.status, own.short, own.citations)
    assert reply.written_by == "sources"
    assert any("articles' own words" in note for note in reply.notes)
    assert [claim for claim in reply.claims if not claim.removed] == own.claims


def test_a_true_sentence_that_does_not_give_what_was_asked_is_no_answer(ask, plain):
    reply = ask(COST, "It was opened by President Addo on Monday [2].")
    assert reply.text == plain.ask(COST).text
    assert any("does not give what was asked" in note for note in reply.notes)


def test_a_supported_sentence_with_another_answer_than_the_reader_finds_is_no_answer(monkeypatch):
    song = Document(
        id="song", title="Rain", text="“Rain” is a song written by Ama Owusu and recorded by Kofi Boateng in May."
    )
    plain = Assistant.from_documents([song])
    own = plain.ask("Who recorded the song Rain?")
    assert own.short == "Kofi Boateng"
    reply = with_model(plain, FakeLLM("“Rain” is a song written by Ama Owusu [1].")).ask("Who recorded the song Rain?")
    assert (reply.written_by, reply.short) == ("sources", "Kofi Boateng")
    assert any("does not give what was asked" in note for note in reply.notes)
    agreeing = with_model(plain, FakeLLM("“Rain” was recorded by Kofi Boateng in May [1]."))
    assert agreeing.ask("Who recorded the song Rain?").written_by == "fake"


def test_status_and_what_is_missing_do_not_follow_a_drafts_boast(ask, plain):
    question = "Who designed the Volta bridge?"
    own = plain.ask(question)
    assert own.status == "partial"
    reply = ask(
        question, "President Addo designed the Volta bridge [2]. It was opened by President Addo on Monday [2]."
    )
    assert (reply.status, reply.missing, reply.reason) == (own.status, own.missing, own.reason)
    assert "designed the Volta bridge [" not in reply.text.replace("\\", "")
    assert "President Addo designed" not in reply.text
    assert "opened by President Addo" in reply.text


def test_yes_and_no_follow_the_articles_not_the_draft(ask):
    reply = ask("Did the union accept the offer?", "Yes, the union accepted the offer [3].")
    assert reply.short == "No"
    assert "accepted the offer" not in reply.text


def test_what_is_not_in_the_articles_is_not_asked_of_a_model(ask):
    reply = ask("Who won the 2022 World Cup?")  # a call would find the queue empty
    assert (reply.status, reply.usage) == ("abstained", None)
    assert ask("How many articles do you have?").short == "2"
    assert ask("hello").status == "clarify"


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ([ServiceError(401)], "401"),
        ([ServiceError(429)] * 3, "429"),
        ([ServiceError(503)] * 3, "503"),
        ([TimeoutError()], "in time"),
        ([["", ""]] * 3, "wrote nothing"),
        ([["The Volta ", ConnectionError("cut")]] * 3, "broke off"),
    ],
)
def test_a_model_that_fails_is_told_of_and_the_articles_answer(ask, plain, says: list[Said], told: str):
    reply = ask(COST, *says)
    assert reply.text == plain.ask(COST).text
    assert reply.written_by == "sources"
    assert told in reply.notes[0]
    assert reply.usage.calls == len(says)


def test_a_request_that_is_too_long_is_asked_with_fewer_sentences(ask):
    too_long = ServiceError(400, "maximum context length exceeded")
    reply = ask(COST, too_long, "The Volta bridge cost 40 million dollars [1].", context=1024)
    assert reply.written_by == "fake"
    first, second = (asked[1][1] for asked in ask.llm.asked)
    assert len(second) <= len(first)
    assert ask(COST, too_long, too_long, too_long).written_by == "sources"


def test_sentences_are_shown_whole_whatever_the_window(ask, plain):
    ask(COST, "x", context=1024)
    shown = ask.llm.asked[0][1][1]
    texts = " ".join(document.text for document in plain.documents)
    numbered = [line.split("] ", 1)[1] for line in shown.splitlines() if line.startswith("[")]
    assert numbered
    assert all(line in texts for line in numbered)


# ── streaming


def test_a_draft_is_streamed_and_the_checked_answer_comes_last(plain):
    llm = FakeLLM("The Volta bridge cost 40 million dollars [1]. It glows at night [1].")
    events = list(with_model(plain, llm).stream(COST))
    drafts = [event.text for event in events if event.kind == "draft"]
    assert drafts[-1].endswith("It glows at night [1].")
    assert len(drafts) > 5
    assert events[-1].kind == "reply"
    assert "glows" not in events[-1].reply.text
    stages = [event.text for event in events if event.kind == "stage"]
    assert stages.index("drafting") < stages.index("checking")


def test_leaving_a_stream_stops_the_model(plain):
    llm = FakeLLM("The Volta bridge cost 40 million dollars, and much more besides.")
    stream = with_model(plain, llm).stream(COST)
    next(event for event in stream if event.kind == "draft")
    stream.close()
    assert (len(llm.given), llm.closed) == (1, 1)


def test_several_questions_at_once_do_not_mix(plain):
    llm = FakeLLM(*["The Volta bridge cost 40 million dollars [1]."] * 8)
    assistant = with_model(plain, llm)
    replies: list[Reply] = []
    threads = [threading.Thread(target=lambda: replies.append(assistant.ask(COST))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reply.usage.calls for reply in replies] == [1] * 8
    assert {reply.text for reply in replies} == {replies[0].text}


def test_without_a_model_nothing_changes(plain):
    reply = plain.ask(COST)
    assert (reply.written_by, reply.usage, reply.notes, reply.prompts) == ("sources", None, [], {})
    assert plain.language_model is None
    assert Settings().llm == "none"


# ── conversation

TALK = [("user", "Who is Kofi Boateng?"), ("assistant", "Kofi Boateng is the health minister [1].")]


def test_a_follow_up_is_rewritten_by_the_model_and_shown(ask):
    reply = ask(
        "Where did he meet them?", "Where did Kofi Boateng meet them?", "He met nurses in Kumasi [1].", history=TALK
    )
    assert reply.question == "Where did Kofi Boateng meet them?"
    assert reply.usage.calls == 2
    assert set(reply.prompts) == {"answer", "question", "follow_up", "conversation"}
    assert "rewriting" in reply.timings


@pytest.mark.parametrize(
    "strays",
    [
        "Where did Kofi Boateng meet Ama Mensah?",
        "Where did Kofi Boateng meet them in 2023?",
        "Kofi Boateng met nurses in Kumasi.",
        "Ignore the question.",
        "x" * 400,
        "Who is Kofi Boateng?",
    ],
)
def test_a_rewriting_that_strays_gives_way_to_the_rule(ask, plain, strays: str):
    question = "Where did he meet them?"
    reply = ask(question, strays, "He met nurses in Kumasi [1].", history=TALK)
    assert reply.question == plain.ask(question, history=TALK).question
    assert any("by rule" in note for note in reply.notes)


def test_a_question_that_stands_alone_is_not_rewritten(ask):
    reply = ask(COST, "The Volta bridge cost 40 million dollars [1].", history=TALK)
    assert (reply.question, reply.usage.calls) == (COST, 1)


def test_a_model_that_fails_in_rewriting_is_not_asked_again(ask):
    reply = ask("Where did he meet them?", ServiceError(401), history=TALK)
    assert "Kofi Boateng" in reply.question
    assert (reply.usage.calls, reply.written_by) == (1, "sources")


def test_a_long_history_is_cut_by_whole_turns(ask):
    long = [(role, f"turn {number} " + "word " * 60 + "end") for number in range(9) for role in ("user", "assistant")]
    ask("Where did he meet them?", "Where did Kofi Boateng meet them?", "No.", history=[*long, *TALK], context=1024)
    shown = ask.llm.asked[0][1][1]
    assert "Kofi Boateng is the health minister" in shown
    assert "turn 0 " not in shown
    turns = [line for line in shown.splitlines() if line.startswith(("User: turn", "Assistant: turn"))]
    assert all(line.endswith("end") for line in turns)
