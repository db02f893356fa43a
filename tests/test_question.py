"""What a question asks: its kind, its words and its language, by table."""

import pytest

from assistant.question import parse_question, strip_lead


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Who signed the pact?", "who"),
        ("Which countries are members?", "who"),
        ("whos the head of state of burkina", "who"),
        ("When was the pact announced?", "when"),
        ("On what date was it signed?", "when"),
        ("Where was the pact announced?", "where"),
        ("In which city was it announced?", "where"),
        ("What is the capital of Mali?", "where"),
        ("How many soldiers are there?", "count"),
        ("How large is the force?", "count"),
        ("How high is inflation in Nigeria?", "count"),
        ("How much did the bridge cost?", "money"),
        ("How long will the talks last?", "duration"),
        ("How long is the border between Mali and Niger?", "measure"),
        ("How deep is the lake?", "measure"),
        ("Why did he resign?", "why"),
        ("How come Senegal is not a member?", "why"),
        ("How did the talks go?", "how"),
        ("What did Sonko say when he arrived?", "what"),
        ("Who is Ousmane Sonko?", "definition"),
        ("What does AES stand for?", "definition"),
        ("What is the AES?", "definition"),
        ("What does the pact cover?", "list"),
        ("Give me a summary of the talks", "list"),
        ("Is Senegal a member?", "yesno"),
        ("Tell me, is Senegal a member?", "yesno"),
        ("They aren't neighbours, so what ties them?", "what"),
        ("Qui a signé le pacte ?", "who"),
        ("Où le pacte a-t-il été annoncé ?", "where"),
        ("Combien de soldats compte la force ?", "count"),
        ("Quand la force sera-t-elle prête ?", "when"),
        ("Pourquoi le Mali a-t-il quitté la CEDEAO ?", "why"),
        ("Est-ce que le Sénégal est membre ?", "yesno"),
        ("Where does the money for the schools come from?", "what"),
        ("where do the royals get their income", "what"),
        ("Where is cobalt used?", "what"),
        ("Where is the boat used by smugglers kept?", "where"),
        ("price of the phone when it first came out", "what"),
        ("When the war ended?", "when"),
    ],
)
def test_the_kind_of_answer_is_read_from_the_question_word(text: str, kind: str):
    assert parse_question(text).kind == kind


def test_names_and_numbers_are_told_from_other_words():
    words = {
        word.text: word.name for word in parse_question("Did Senegal send 5,000 soldiers to Mali in the spring?").words
    }
    assert words == {"Senegal": True, "send": False, "5,000": True, "soldiers": False, "Mali": True, "spring": False}


def test_titles_and_possessives_are_no_part_of_a_name():
    assert [word.text for word in parse_question("Who met Mr Boateng's brother?").names] == ["Boateng"]


def test_a_question_in_capitals_names_nobody():
    assert parse_question("WHO SIGNED THE PACT IN MALI").names == []


def test_a_french_question_is_searched_in_english():
    question = parse_question("Combien de soldats compte la force conjointe ?")
    assert question.french
    assert question.query.startswith("how many")
    assert {"soldier", "forc"} <= set(question.stems)


def test_what_a_follow_up_is_about_is_searched_and_not_asked_for():
    question = parse_question("By how many votes?", about="Who won the election in Nigeria")
    assert question.stems == ["vote"]
    assert set(question.searched) == {"vote", "won", "elect", "nigeria"}
    assert "Nigeria" in question.query


def test_latest_is_noticed():
    assert parse_question("What is the latest on the strike?").latest
    assert not parse_question("What caused the strike?").latest


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("And who signed it?", "who signed it?"),
        ("According to the statement, what is at risk?", "what is at risk?"),
        ("Please tell me who signed it", "who signed it"),
        ("Andes nations met where?", "Andes nations met where?"),
    ],
)
def test_a_lead_in_is_taken_off(text: str, rest: str):
    assert strip_lead(text) == rest


@pytest.mark.parametrize("text", ["the pact", "Tell me about Sonko", "Burkina Faso", "le pacte"])
def test_a_subject_that_is_only_named_asks_nothing_of_it(text: str):
    assert parse_question(text).fragment


@pytest.mark.parametrize(
    "text", ["Who signed the pact?", "Is it signed?", "whos the president", "Le Mali a-t-il signé ?"]
)
def test_a_question_is_no_fragment(text: str):
    assert not parse_question(text).fragment


def test_what_is_missing_is_a_topic_and_a_miss_is_not():
    assert parse_question("How many people are missing?").searched == ["miss"]
    assert parse_question("Who is Miss Boone?").searched == ["boon"]
