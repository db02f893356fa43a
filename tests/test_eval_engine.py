"""LlamaIndex's citation engine as a baseline: its marks are read, its chunks found again, its refusals known."""

import pytest
from eval_replies import ARTICLE, SENTENCES, case
from fake_embedder import FakeEmbedder

from assistant import Assistant, Settings
from assistant.index import build_index
from eval.citation_engine import citation_engine, read_answer
from eval.scores.citations import citation_recall
from eval.systems import SystemsError, choose

COST, OPENED, ASKED = SENTENCES
CHUNKS = [f"Source 1:\n{COST}\n", f"Source 2:\n{OPENED} {ASKED}\n", "Source 3:\nNot in any article.\n"]


def read(text: str):
    return read_answer(case(), text, CHUNKS, [ARTICLE])


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("It cost 3 million euros [1]. It opened in March [2].", [("It cost 3 million euros.", [1]), ("It opened in March.", [2])]),
        ("It cost 3 million euros. [1] It opened in March. [2][1]", [("It cost 3 million euros.", [1]), ("It opened in March.", [2, 1])]),
        ("It cost 3 million euros [Source 1, 2].", [("It cost 3 million euros.", [1, 2])]),
        ("It is red [3]. It is blue [9].", [("It is red.", []), ("It is blue.", [])]),
        ("It cost 3 million euros.", [("It cost 3 million euros.", [])]),
    ],
)  # fmt: skip
def test_marks_become_citations_of_the_sentence_they_stand_in(text: str, claims):
    reply = read(text)
    assert [(own.text, own.citations) for own in reply.claims] == claims
    assert reply.status == "answered"
    for own in reply.citations:
        assert ARTICLE.text[own.start : own.end] == own.quote


@pytest.mark.parametrize(
    "text",
    [
        "None of the sources are helpful.",
        "The provided sources do not mention who designed the bridge.",
        "There is no information about the architect [1].",
        "The architect isn't specified in the sources.",
        "",
    ],
)
def test_an_answer_that_says_it_has_none_is_a_refusal(text: str):
    assert read(text).status == "abstained"


def test_a_negation_is_no_refusal():
    assert read("The minister did not open the bridge in May [2].").status == "answered"


def test_a_false_answer_with_a_mark_is_not_supported():
    reply = read("It cost 9 million euros [1].")
    assert citation_recall(case(), reply, {ARTICLE.id: ARTICLE}).value == 0


def test_the_engine_answers_over_our_index_with_the_model_it_is_given():
    from llama_index.core.llms import MockLLM

    embedder = FakeEmbedder()
    assistant = Assistant(build_index([ARTICLE], embedder, Settings()), embedder, Settings())
    for history in ([], [("user", "Tell me about the bridge"), ("assistant", "Yes.")]):
        reply = citation_engine(MockLLM(max_tokens=400))(assistant, case(history=history))
        assert reply.status in ("answered", "abstained")
        assert reply.text


@pytest.mark.parametrize("llm", [None, "nothing", "no_such_module:make", "json:no_such_name"])
def test_the_engine_without_a_model_is_refused(llm):
    with pytest.raises(SystemsError, match=r"--llm"):
        choose(["citation-engine"], llm)
