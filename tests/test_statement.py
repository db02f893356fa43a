"""The statement whose truth a yes/no question asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.statement import statement_of


@pytest.mark.parametrize(
    ("question", "statement"),
    [
        ("Is Senegal a member of the AES?", "Senegal is a member of the AES."),
        ("Is the 5,000-strong force already up and running?", "The 5,000-strong force is already up and running."),
        ("Do Burkina Faso and Senegal share a border?", "Burkina Faso and Senegal do share a border."),
        ("does the alliance include an air force", "The alliance does include an air force."),
        ("Did the two governments sign a treaty?", "The two governments did sign a treaty."),
        ("Has it been approved?", "It has been approved."),
        ("Is there a joint force?", "There is a joint force."),
        ("Isn't Mali part of the bloc?", "Mali is part of the bloc."),
        ("Was the pact announced in Dakar?", "The pact was announced in Dakar."),
        ("Is this pact new?", "This pact is new."),
        ("Was the mayor of Lyon arrested?", "The mayor of Lyon was arrested."),
    ],
)
def test_a_question_becomes_the_sentence_it_asks_about(question: str, statement: str) -> None:
    assert statement_of(question) == statement


@pytest.mark.parametrize("question", ["Who is it?", "Where is Dakar?", "Is it?", "", "Tell me about Senegal."])
def test_what_is_no_yes_or_no_question_has_none(question: str) -> None:
    assert statement_of(question) is None


@given(st.text(max_size=60))
def test_any_text_may_be_asked(text: str) -> None:
    for question in (text, f"Is {text}?", f"Did {text}?"):
        found = statement_of(question)
        assert found is None or found.endswith(".")
