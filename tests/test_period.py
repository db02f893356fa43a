from datetime import date

import pytest

from assistant.period import read_period

MAY = ("2024-05-01", "2024-05-31")
Y23 = ("2023-01-01", "2023-12-31")

KEPT = {
    "What was published in May 2024 about the ferry?": (*MAY, "What was said about the ferry?"),
    "What do articles from 2023 say about the ferry?": (*Y23, "What do articles say about the ferry?"),
    "Which news articles published in May 2024 mention the ferry?": (*MAY, "Which news articles mention the ferry?"),
    "Which articles were published in May 2024?": (*MAY, "Which articles?"),
    "How many articles were published in 2023?": (*Y23, "How many articles?"),
    "What articles do you have from May 2024?": (*MAY, "What articles?"),
    "Which articles about the ferry were published in May 2024?": (*MAY, "Which articles about the ferry?"),
    "In articles from 2023, who owns the ferry?": (*Y23, "Who owns the ferry?"),
    "Who owns the ferry, according to articles published in 2023?": (*Y23, "Who owns the ferry?"),
    "What was published in May 2024?": (*MAY, "Which articles do you have?"),
    "What was reported in May 2024 about the ferry?": (*MAY, "What was said about the ferry?"),
    "Are there articles from May 2024 about the ferry?": (*MAY, "Are there articles about the ferry?"),
    "What does the article dated 3 May 2024 say about fees?": (
        *("2024-05-03", "2024-05-03"),
        "What does the article say about fees?",
    ),
    "articles published on May 3, 2024": ("2024-05-03", "2024-05-03", "Articles"),
    "What do articles published on 2024-05-03 say of fees?": ("2024-05-03",) * 2 + ("What do articles say of fees?",),
    "Which articles since May 2024 mention fees?": ("2024-05-01", None, "Which articles mention fees?"),
    "Which articles from May 2024 onwards mention fees?": ("2024-05-01", None, "Which articles mention fees?"),
    "Which articles published after 2023 mention fees?": ("2024-01-01", None, "Which articles mention fees?"),
    "Which articles published before May 2024 mention fees?": (None, "2024-04-30", "Which articles mention fees?"),
    "Which articles published until May 2024 mention fees?": (None, "2024-05-31", "Which articles mention fees?"),
    "What do stories from March to May 2024 say about fees?": ("2024-03-01", MAY[1], "What do stories say about fees?"),
    "Which articles published between March 2023 and May 2024 mention fees?": (
        *("2023-03-01", "2024-05-31"),
        "Which articles mention fees?",
    ),
    "Que disent les articles publiés en mai 2024 sur le ferry ?": (*MAY, "Que disent les articles sur le ferry?"),
    "What do you have since May 2024?": ("2024-05-01", None, "What do you have?"),
    "Quels articles de 2023 parlent du ferry ?": (*Y23, "Quels articles parlent du ferry?"),
}


@pytest.mark.parametrize("question", KEPT)
def test_a_date_behind_a_word_that_speaks_of_publication_is_a_period(question: str) -> None:
    since, until, rest = KEPT[question]
    found = read_period(question)
    assert found
    assert (found.since and found.since.isoformat(), found.until and found.until.isoformat()) == (since, until)
    assert found.question == rest
    assert found.words in question


@pytest.mark.parametrize(
    "question",
    [
        "Who won the election in 2023?",
        "What do the articles say about 2023?",
        "What do articles say about the budget of 2023?",
        "Which articles in 2023 mention fees?",
        "Which articles on May 2024 are there?",
        "When was the article published?",
        "Was the article published in May 2024?",
        "Were these articles from 2023 or 2024?",
        "What did the report published in May 2024 find?",
        "Which articles are about the book published in May 2024?",
        "Which articles about a study published in May 2024 are there?",
        "What losses were reported in May 2024?",
        "What was reported about the fires in 2023?",
        "Who published the figures in May 2024?",
        "Which articles of the 2023 treaty were changed?",
        "What is the story of 1984?",
        "Which articles of 1945 charters were changed?",
        "What do articles from 20234 say?",
        "What do articles from 31 February 2024 say about fees?",
        "Which articles published between May 2024 and March 2024 mention fees?",
        "What do articles from Mali say about 2023?",
        "Who may have published the articles?",
        "",
    ],
)
def test_any_other_date_is_none(question: str) -> None:
    assert read_period(question) is None


def test_a_period_says_its_days() -> None:
    def said(question: str) -> str:
        return str(read_period(question))

    assert said("articles from May 2024") == "since 2024-05-01 until 2024-05-31"
    assert said("articles dated 3 May 2024") == f"on {date(2024, 5, 3)}"
    assert said("articles published after 2023") == "since 2024-01-01"
    assert said("articles published before 2023") == "until 2022-12-31"
