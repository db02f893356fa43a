"""What a sentence offers as an answer of the kind that is asked for, by table."""

import pytest

from assistant.kinds import candidates, define, has_answer_of, office_holder
from assistant.polarity import clauses, denied_about, denies
from assistant.question import parse_question

FORCE = "In 2024, Burkina Faso, Mali, and Niger, operating under the Alliance of Sahel States (AES), announced a 5,000-strong force."
VISIT = "The announcement came during Senegalese Prime Minister Ousmane Sonko’s official visit to Burkina Faso’s capital, Ouagadougou."

LEADERS = (
    "They met Captain Ibrahim Traore, President of Faso and Head of State, and Mr. Bassirou Diomaye Faye, "
    "President of the Republic of Senegal."
)


@pytest.mark.parametrize(
    ("kind", "sentence", "expected"),
    [
        ("when", FORCE, ["2024"]),
        ("count", FORCE, ["5,000"]),
        ("where", VISIT, ["Burkina Faso", "Ouagadougou"]),
        ("money", "It cost $44bn, or 38 billion pounds.", ["$44bn", "38 billion pounds"]),
        ("duration", "Talks lasted three years and 12 days.", ["three years", "12 days"]),
        ("measure", "The wall is 12 km long and 3 metres high.", ["12 km", "3 metres"]),
        ("when", "He left on Friday, 3 May 2024 at 5 pm.", ["Friday, 3 May 2024", "5 pm"]),
        ("why", FORCE, []),
    ],
)
def test_candidates_are_all_words_of_the_kind(kind: str, sentence: str, expected: list[str]):
    found = candidates(kind, sentence)  # type: ignore[arg-type]
    assert [candidate.text for candidate in found] == expected
    assert all(sentence[candidate.start : candidate.end].strip() == candidate.text for candidate in found)


@pytest.mark.parametrize(
    ("question", "sentence", "offers"),
    [
        ("How large is the force?", FORCE, True),
        ("When was the force announced?", FORCE, True),
        ("Which Burkinabe officials did Sonko meet?", VISIT, True),  # Burkina Faso is a name
        ("Who is Burkina Faso's prime minister?", VISIT, False),  # that office is Senegal's here
        ("Who is Senegal's prime minister?", VISIT, True),
        ("How long is the border?", "Both were once part of French West Africa.", False),
        ("Who met Ousmane Sonko?", "They praised Ousmane Sonko.", False),
        ("On what date was the force announced?", FORCE, False),  # a year is no date
        ("On what date was the force announced?", "It was announced on 3 May 2024.", True),
        ("Which day did he leave?", "He left on Friday.", True),
        ("Which day did he leave?", "He left in May.", False),
        ("What year was it built?", "It was built in March.", False),
        ("What year was it built?", "It was built in 1998.", True),
        ("Which month did he leave?", "He left on 3 May 2024.", True),
        ("What time did the bank open?", "The bank opened on Monday.", False),
        ("What time did the bank open?", "The bank opened at 8 a.m. on Monday.", True),
        ("When will the force begin its work?", FORCE, False),  # what was announced in 2024 lies behind
        ("When is the force supposed to be ready?", "The force is to be ready by June 2026.", True),
        ("When will the force begin its work?", "It will begin its work in 2026.", True),
        ("How old is Awa Diop?", "Awa Diop, 27, runs two shops.", True),
        ("How old is Awa Diop?", "The 27-year-old Awa Diop runs two shops.", True),
        ("How old is Awa Diop?", "Awa Diop runs two shops and won 27 prizes.", False),
        ("What percentage of voters turned out?", "The Civic Union won 48 of 110 seats.", False),
        ("What percentage of voters turned out?", "Turnout was 63.4 percent.", True),
        ("What percentage of voters turned out?", "Nine in ten of them came.", True),
    ],
)
def test_a_sentence_offers_an_answer_or_it_does_not(question: str, sentence: str, offers: bool):
    assert has_answer_of(parse_question(question), sentence) is offers


@pytest.mark.parametrize(
    ("question", "sentence", "words"),
    [
        ("What does AES stand for?", FORCE, "Alliance of Sahel States"),
        ("Who is Ousmane Sonko?", VISIT, "Senegalese Prime Minister"),
        ("What is ECOWAS?", "ECOWAS, a bloc of West African states, met on Sunday.", "a bloc of West African states"),
        ("What is the AES?", "The AES emphasizes sovereignty.", None),
    ],
)
def test_who_or_what_something_is_is_read_from_title_apposition_or_brackets(
    question: str, sentence: str, words: str | None
):
    found = define(parse_question(question), sentence)
    assert (found.text if found else None) == words


@pytest.mark.parametrize(
    ("question", "sentence", "name"),
    [
        ("Who is the president of Burkina Faso?", LEADERS, "Captain Ibrahim Traore"),
        ("Who is the president of Senegal?", LEADERS, "Bassirou Diomaye Faye"),
        ("who is senegal's prime minister", VISIT, "Ousmane Sonko"),
        ("Who is the prime minister of Burkina Faso?", VISIT, None),
        ("Who is the king of Senegal?", LEADERS, None),
    ],
)
def test_an_office_is_given_to_its_holder(question: str, sentence: str, name: str | None):
    found = office_holder(parse_question(question), sentence)
    assert (found.text if found else None) == name


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("Senegal is not a member", True),
        ("They rejected the offer", True),
        ("They did not reject the offer", False),
        ("It is not only large but fast", False),
        ("Le Sénégal n'est pas membre", True),
        ("Senegal is a member", False),
    ],
)
def test_two_denials_make_none(text: str, denied: bool):
    assert denies(text) is denied


def test_clauses_are_cut_at_commas_and_conjunctions():
    assert clauses("Senegal, while not a member, agreed.") == ["Senegal", "while not a member", "agreed."]


@pytest.mark.parametrize(
    ("sentence", "wanted", "named", "denied"),
    [
        ("Senegal, while not a member of the AES, has shown willingness.", ["member"], ["seneg"], True),
        ("Senegal, while not a member of the AES, has shown willingness.", ["willing"], ["seneg"], False),
        ("Prices rise for a PlayStation, but not for a Switch.", ["price", "rise"], ["switch"], True),
        ("Prices rise for a PlayStation, but not for a Switch.", ["price", "rise"], ["playstat"], False),
        ("“It works. It is not ideal. It is a lot of notes,” said Mr. Diop.", ["note"], ["diop"], False),
        ("“It works. These are not notes. It is ideal,” said Mr. Diop.", ["note"], ["diop"], True),
    ],
)
def test_a_denial_counts_where_it_touches_what_is_asked(
    sentence: str, wanted: list[str], named: list[str], denied: bool
):
    assert denied_about(sentence, wanted, named) is denied
