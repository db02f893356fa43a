"""The suites there are, and how each is made from what the command line gives."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eval.suites.corpus import corpus
from eval.suites.longform import longform
from eval.suites.news import TOGETHER, news
from eval.suites.reading import reading
from eval.suites.rewriting import rewriting
from eval.suites.search import search
from eval.suites.seeds import seeds, written
from eval.suites.suite import Suite, SuiteError


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A sort of suite."""

    name: str
    """What `--suite` calls it."""
    given: str
    """What stands behind `=`."""
    about: str
    """What it measures, for `python -m eval list`."""
    make: Callable[[str, Path | None], list[Suite]]
    """Makes it from the value and the path of `--articles`."""


def _path(value: str, name: str) -> Path:
    path = Path(value)
    if not value or not path.exists():
        raise SuiteError(f"--suite {name}={value}: there is no such file or folder; give --suite {name}=PATH")
    return path


def _news(value: str) -> list[Suite]:
    if value not in ("", TOGETHER):
        raise SuiteError(f"--suite news={value}: expected news, or news={TOGETHER} to search all articles at once")
    return [news(together=bool(value))]


def _corpus(value: str, articles: Path | None) -> list[Suite]:
    if articles is None:
        raise SuiteError(
            "--suite corpus=QUESTIONS needs --articles FOLDER: the articles that the questions are asked of"
        )
    return [corpus(_path(value, "corpus"), articles)]


KINDS = (
    Kind(
        name="seeds",
        given="[FILE,…]",
        about="our own cases on the article in seeds/, all or those of the files named; ships with the project",
        make=lambda value, articles: seeds(*filter(None, value.split(","))),
    ),
    Kind(
        name="written",
        given="[FILE,…]",
        about="all of our own cases, or those of the files named: on the seed article, on articles that withhold a detail, in French",
        make=lambda value, articles: written(*filter(None, value.split(","))),
    ),
    Kind(
        name="news",
        given=f"[{TOGETHER}]",
        about="questions on news written for training and kept aside, each asked of its own article or of all",
        make=lambda value, articles: _news(value),
    ),
    Kind(
        name="corpus",
        given="QUESTIONS.csv|.yaml --articles FOLDER",
        about="your questions against your articles; start from eval/templates/cases.csv or cases.yaml",
        make=_corpus,
    ),
    Kind(
        name="reading",
        given="FILE.jsonl[.gz] [--articles FILE.jsonl[.gz]]",
        about="reading comprehension: NewsQA, RealTimeQA, SQuAD 2",
        make=lambda value, articles: [reading(_path(value, "reading"), articles)],
    ),
    Kind(
        name="longform",
        given="FILE.jsonl[.gz]",
        about="answers of several sentences, with turns: CLAPnq, MTRAG",
        make=lambda value, articles: [longform(_path(value, "longform"))],
    ),
    Kind(
        name="retrieval",
        given="FOLDER [--articles FILE.jsonl[.gz]]",
        about="search alone: any set in BEIR's form",
        make=lambda value, articles: [search(_path(value, "retrieval"), articles)],
    ),
    Kind(
        name="rewriting",
        given="FILE.jsonl[.gz]",
        about="follow-ups against the questions that people wrote for them: TREC CAsT, MTRAG",
        make=lambda value, articles: [rewriting(_path(value, "rewriting"))],
    ),
)


def make_suites(wanted: str, articles: Path | None = None) -> list[Suite]:
    """The suites that `NAME` or `NAME=VALUE` stands for, mostly one; raises SuiteError for what cannot be made."""
    name, _, value = wanted.partition("=")
    for kind in KINDS:
        if kind.name == name:
            suites = kind.make(value, articles)
            if not all(suite.cases for suite in suites):
                raise SuiteError(f"--suite {wanted}: there is no question in it")
            return suites
    raise SuiteError(f"there is no suite {name!r}; there are {', '.join(kind.name for kind in KINDS)}")
