"""The suite `news`: the news articles of `training/written/` that nothing was trained, fitted or chosen on.

Their questions are `told` and `reworded` (quite other words than the article's) where the article answers
them; where it does not, `withheld` (the event is told, the detail is not), `predicate` (another deed of the
same people) and `other` (the same of another thing or year).
"""

from assistant import Document
from eval.corpora import read_rows
from eval.suites.reading import reading_case
from eval.suites.suite import Suite
from training.texts import ARTICLES, part_of

TOGETHER = "together"
"""Value with which all articles are one corpus."""


def news(*, together: bool = False) -> Suite:
    """Each question asked of its own article, or of all articles, those learnt from included."""
    corpora: dict[str, list[Document]] = {}
    cases = []
    for number, row in enumerate(read_rows(ARTICLES), 1):
        id = f"article-{number}"
        held = part_of(row["title"]) == "test"
        if not held and not together:
            continue
        corpus = TOGETHER if together else id
        corpora.setdefault(corpus, []).append(Document(id=id, title=row["title"], text=row["text"]))
        for place, asked in enumerate(row["questions"] if held else [], 1):
            cases.append(
                reading_case(
                    [asked["a"]] if asked["a"] else [],
                    id=f"{id}-{place}",
                    kind=asked["kind"],
                    question=asked["q"],
                    relevant={id: 1} if asked["a"] else {},
                    corpus=corpus,
                )
            )
    where = f"asked of all {len(corpora[TOGETHER])} articles" if together else "each asked of its own"
    return Suite(
        name="news:together" if together else "news",
        about=f"news articles written for training and kept aside, by the hand of those that were learnt from; {where}",
        cases=cases,
        corpora=corpora,
    )
