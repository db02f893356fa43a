"""The suite `corpus`: a user's own questions against their own articles."""

from collections.abc import Mapping
from pathlib import Path

from assistant import Document
from assistant.corpus import read_corpus
from eval.cases import Case, CasesError, plain, read_file
from eval.suites.suite import Suite


def corpus(questions: Path, articles: Path) -> Suite:
    """Questions of a CSV or YAML file, asked of the articles of a folder.

    Raises CasesError where the file has another form, or names words or articles that are not there;
    CorpusError where there are no articles.
    """
    documents = read_corpus(articles).documents
    by_id = {id: document for document in documents for id in (document.id, *document.aliases)}
    texts = [plain(document.text) for document in documents]
    cases = read_file(questions)
    for case in cases:
        _check(questions.name, case, by_id, texts)
    return Suite(name="corpus", about=f"your questions in {questions.name}", cases=cases, corpora={"": documents})


def _check(name: str, case: Case, by_id: Mapping[str, Document], texts: list[str]) -> None:
    """A slip in a gold word would be counted against every system."""
    for alternative in case.gold:
        for words in alternative:
            if not any(plain(words) in text for text in texts):
                raise CasesError(
                    f"{name}, case {case.id!r}: gold {words!r} stands in no article; copy the words exactly as they stand"
                )
    for id in case.relevant:
        if id not in by_id:
            known = ", ".join(sorted(by_id)[:5])
            raise CasesError(f"{name}, case {case.id!r}: there is no article {id!r}; there are {known}, …")
