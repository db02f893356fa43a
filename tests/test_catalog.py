"""Questions about the articles themselves, told from questions about what they say."""

from datetime import date

import pytest

from assistant.catalog import mentioning, read_query, summary_of, written_by
from assistant.documents import Document, describe

TEXT = "Ama Mensah\nThe bridge over the Volta was opened on Monday. Crowds came from Accra. It cost a fortune.\n"


@pytest.mark.parametrize(
    ("text", "topic", "what"),
    [
        ("who wrote it?", "author", None),
        ("who is the author", "author", None),
        ("Who reported the story?", "author", None),
        ("Who wrote the article about the pact?", "author", "the pact"),
        ("Qui a écrit cet article ?", "author", None),
        ("When was it published?", "published", None),
        ("How old is the article?", "published", None),
        ("When was the story on floods published?", "published", "floods"),
        ("Quand l'article a-t-il été publié ?", "published", None),
        ("Which newspaper or website did this article appear in?", "source", None),
        ("what's the source?", "source", None),
        ("What is the headline?", "title", None),
        ("how many articles can you search", "count", None),
        ("What articles do you have?", "list", None),
        ("what do you have?", "list", None),
        ("Quels articles avez-vous ?", "list", None),
        ("What is the article about?", "summary", None),
        ("can you summarise it?", "summary", None),
        ("What is the title?", "title", None),
        ("list your sources", "list", None),
        ("Is ECOWAS mentioned?", "mention", "ECOWAS"),
        ("Which articles mention Sonko?", "mention", "Sonko"),
        ("do you have anything about Kenya", "mention", "Kenya"),
        ("is Macron mentioned in the article", "mention", "Macron"),
        ("show me what ama mensah has written", "by", "ama mensah"),
        ("articles by Ama Mensah", "by", "Ama Mensah"),
        ("Which articles did Ama Mensah write?", "by", "Ama Mensah"),
    ],
)
def test_a_question_about_the_articles_is_recognised(text: str, topic: str, what: str | None):
    query = read_query(text)
    assert query is not None
    assert (query.topic, query.what) == (topic, what)


@pytest.mark.parametrize(
    ("text", "topic", "order", "most"),
    [
        ("What is the latest article?", "list", "newest", 1),
        ("list the two oldest stories", "list", "oldest", 2),
        ("Show me the latest 3 articles", "list", "newest", 3),
        ("What are the most recent articles?", "list", "newest", None),
        ("What's the latest news?", "list", "newest", None),
        ("Who wrote the newest article?", "author", "newest", 1),
        ("What does the latest article say?", "summary", "newest", 1),
        ("What articles do you have?", "list", None, None),
    ],
)
def test_the_newest_are_asked_for(text: str, topic: str, order: str | None, most: int | None):
    query = read_query(text)
    assert query is not None
    assert (query.topic, query.order, query.most) == (topic, order, most)


@pytest.mark.parametrize(
    "text",
    [
        "Who wrote the constitution?",
        "What is the latest on the pact?",
        "Tell me the latest news about the pact",
        "What happened in the last election?",
        "When was the pact announced?",
        "When was it announced?",
        "Where did it come from?",
        "When did they come?",
        "What does the article say about Mali?",
        "What did the report say?",
        "Who published the report on inflation?",
        "Did the author visit Mali?",
        "Why was the article written?",
        "How many soldiers are there?",
        "Show me on a map where Ouagadougou is",
    ],
)
def test_a_question_about_what_the_articles_say_is_left_to_search(text: str):
    assert read_query(text) is None


def bridge() -> Document:
    return describe(Document(id="bridge", title="New bridge", text=TEXT, published=date(2024, 5, 1)))


def test_articles_are_found_by_the_words_of_an_authors_name():
    assert [entry.document.id for entry in written_by([bridge()], "mensah")] == ["bridge"]
    assert written_by([bridge()], "Kofi Mensah") == []
    assert written_by([bridge()], "") == []


def test_a_mention_is_cited_where_it_stands():
    document = bridge()
    (entry,) = mentioning([document], "Accra")
    assert entry.span is not None
    assert document.text[slice(*entry.span)] == "Crowds came from Accra."


def test_a_summary_is_the_first_two_sentences():
    document = bridge()
    spans = [entry.span for entry in summary_of(document)]
    assert [document.text[slice(*span)] for span in spans if span] == [
        "The bridge over the Volta was opened on Monday.",
        "Crowds came from Accra.",
    ]
