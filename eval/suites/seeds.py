"""The suite `seeds`: our own cases on the article in `seeds/`; it ships with the project."""

from pathlib import Path

from assistant.documents import read_corpus
from eval import cases
from eval.suites.suite import Suite

ARTICLES = Path(__file__).parents[2] / "seeds"


def seeds(*names: str) -> Suite:
    """The cases of the files named, or of every file `eval/cases/seeds_*.yaml`; raises CasesError for an unknown name."""
    names = names or tuple(sorted(path.stem for path in cases.FOLDER.glob("seeds_*.yaml")))
    return Suite(
        name="seeds",
        about=f"questions written for the article in seeds/: {', '.join(names)}",
        cases=cases.read_cases(*names),
        corpora={"": read_corpus(ARTICLES).documents},
    )
