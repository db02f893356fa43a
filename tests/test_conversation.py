"""Follow-ups made to stand alone, by table: what was asked before, the follow-up, what is searched."""

import pytest

from assistant.conversation import is_small_talk, read_history, stand_alone
from assistant.errors import QuestionError

PEOPLE = {"Ousmane Sonko", "Sonko", "Faye", "Traore", "Ibrahim Traore", "William Ruto", "Ruto", "Raila Odinga"}


def searched(question: str, *turns: tuple[str, str]) -> str:
    history = read_history(turns, 20)
    return stand_alone(question, history, PEOPLE.__contains__).searched


@pytest.mark.parametrize(
    ("before", "follow_up", "expected"),
    [
        # pronouns
        ("Who is Ousmane Sonko?", "Where did he travel?", "Where did Ousmane Sonko travel?"),
        ("Who is Ousmane Sonko?", "What is his job?", "What is Ousmane Sonko's job?"),
        ("Where was the pact announced?", "Who signed it?", "Who signed the pact?"),
        ("How large is the joint AES force?", "When will it be operational?", "When will the joint AES force be operational?"),
        ("How large is the joint AES force?", "And who commands it?", "Who commands the joint AES force?"),
        ("Do Burkina Faso and Senegal share a border?", "What do they have in common?", "What do Burkina Faso and Senegal have in common?"),
        ("Do Burkina Faso and Senegal share a border?", "What language do both countries use?", "What language do Burkina Faso and Senegal use?"),
        ("Did Ruto meet Raila Odinga?", "Where did the two meet?", "Where did Ruto and Raila Odinga meet?"),
        ("What is the capital of Burkina Faso?", "Who is its president?", "Who is Burkina Faso's president?"),
        # and …?
        ("Who is the president of Burkina Faso?", "And Senegal?", "Who is the president of Senegal?"),
        ("Who is the president of Senegal?", "And of Kenya?", "Who is the president of Kenya?"),
        ("Is Senegal a member of the AES?", "And Mali?", "Is Mali a member of the AES?"),
        ("Who won the election in Nigeria?", "What about Ghana?", "Who won the election in Ghana?"),
        # bare questions
        ("Where was the pact announced?", "And when?", "When was the pact announced?"),
        ("Who won the election in Nigeria?", "By how many votes?", "By how many votes? (about: Who won the election in Nigeria)"),
        ("What did the World Bank lend Kenya?", "How much was it?", "How much was it? (about: What did the World Bank lend Kenya)"),
        ("Tell me about the floods in Pakistan", "How many people died?", "How many people died? (about: Tell me about the floods in Pakistan)"),
        ("What happened in Goma?", "tell me more", "What happened in Goma?"),
        ("How many troops are in the joint AES force?", "Are you sure? I read 10,000 somewhere.", "How many troops are in the joint AES force?"),
        ("Où le pacte a-t-il été annoncé ?", "Et qui l'a signé ?", "Et qui l'a signé ? (about: Où le pacte a-t-il été annoncé)"),
        # what stands alone stays as it is, and a change of subject carries nothing over
        ("Who won the election in Nigeria?", "Is there a cholera outbreak in Zambia?", "Is there a cholera outbreak in Zambia?"),
        ("Who won the election in Nigeria?", "What is photosynthesis?", "What is photosynthesis?"),
        ("Who is Ousmane Sonko?", "OK, another thing: do Senegal and Mali border each other?", "do Senegal and Mali border each other?"),
    ],
)  # fmt: skip
def test_a_follow_up_is_completed_from_the_question_before(before: str, follow_up: str, expected: str):
    assert searched(follow_up, ("user", before)) == expected


def test_the_answer_before_says_what_it_is():
    turns = [
        ("user", "What came out of the meeting in Ouagadougou?"),
        ("assistant", "A pact emphasizing security [1]."),
    ]
    assert searched("Who signed it?", *turns).startswith("Who signed the pact?")


def test_the_former_is_the_first_of_two_that_were_named():
    turns = [
        ("user", "Which leaders are named?"),
        ("assistant", "Captain Ibrahim Traore and Mr. Bassirou Diomaye Faye [1]."),
    ]
    assert searched("Which country does the former lead?", *turns) == "Which country does Ibrahim Traore lead?"
    assert searched("Which country does the latter lead?", *turns) == "Which country does Bassirou Diomaye Faye lead?"


def test_a_pronoun_that_nothing_explains_is_named():
    assert stand_alone("Where did he go?", []).unclear == "he"
    assert stand_alone("Where did Sonko go when he left?", []).unclear is None
    assert stand_alone("did the old mayor keep his word", []).unclear is None
    assert stand_alone("Who lost his life in the accident?", []).unclear is None
    assert stand_alone("What was his job before?", []).unclear == "his"


@pytest.mark.parametrize("text", ["hello", "Hi there!", "thanks a lot", "ok thanks", "bonjour", "???", "", "👍"])
def test_a_greeting_or_no_word_at_all_is_small_talk(text: str):
    assert is_small_talk(text)


@pytest.mark.parametrize("text", ["Hello, who signed the pact?", "Thanks to whom was it signed?", "pact"])
def test_a_question_with_a_greeting_is_none(text: str):
    assert not is_small_talk(text)


def test_history_takes_pairs_and_chat_messages_and_leaves_out_what_nobody_said():
    given = [("user", "a"), {"role": "assistant", "content": "b"}, {"role": "system", "content": "c"}, ["user", "  "]]
    assert [(turn.role, turn.text) for turn in read_history(given, 20)] == [("user", "a"), ("assistant", "b")]


def test_only_the_last_turns_are_looked_at():
    given = [("user", str(number)) for number in range(30)]
    assert [turn.text for turn in read_history(given, 2)] == ["28", "29"]
    assert read_history(given, 0) == []


@pytest.mark.parametrize("item", ["text", ("user",), {"role": "user"}, ("robot", "hi"), ("user", 3), None])
def test_a_turn_of_another_form_is_refused(item: object):
    with pytest.raises(QuestionError, match="expected"):
        read_history([item], 20)


@pytest.mark.parametrize(
    "text", ["who is sonko and how is he related to faye", "who was the minister how did she help him"]
)
def test_a_pronoun_that_the_question_itself_explains_is_clear(text: str):
    assert stand_alone(text, []).unclear is None


BRIDGE = [
    ("user", "How much did the harbour bridge cost?"),
    ("assistant", "The bridge cost 312 million kroner, 47 million more than the council had approved. [1]"),
]


def test_the_verb_that_ends_a_question_is_no_part_of_what_it_is_about():
    assert stand_alone("Who paid for it?", read_history(BRIDGE, 6)).text == "Who paid for the harbour bridge?"


def test_what_it_stood_for_before_it_stands_for_again():
    turns = [
        *BRIDGE,
        ("user", "Who paid for it?"),
        ("assistant", "The council voted against an inquiry into the cost. [1]"),
    ]
    assert stand_alone("And how long is it?", read_history(turns, 6)).text == "How long is the harbour bridge?"
