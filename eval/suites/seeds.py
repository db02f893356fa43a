"""The suites of our own cases, which ship with the project: `seeds` on the article in `seeds/`, and others on articles of ours."""

import re
from pathlib import Path

from assistant.corpus import read_corpus
from eval import cases
from eval.suites.suite import Suite

ROOT = Path(__file__).parents[2]


def seeds(*names: str) -> list[Suite]:
    """A suite for each file named, or for every `eval/cases/seeds_*.yaml`, those kept aside first and the newest of them.

    Raises CasesError for an unknown name.
    """
    there = sorted((path.stem for path in cases.FOLDER.glob("seeds_*.yaml")), key=_order)
    return [_suite(name) for name in names or there]


def written(*names: str) -> list[Suite]:
    """A suite for each file named, or for every file of cases that ships."""
    there = sorted((path.stem for path in cases.FOLDER.glob("*.yaml")), key=_order)
    return [_suite(name) for name in names or there]


def _suite(name: str) -> Suite:
    found = cases.read_cases(name)
    folders = {case.corpus: articles(case.corpus) for case in found}
    corpora = {key: read_corpus(folder).documents for key, folder in folders.items()}
    return Suite(name=name, about=_about(name), cases=found, corpora=corpora)


def articles(corpus: str) -> Path:
    """The folder that a case of ours names as its corpus."""
    return ROOT / (corpus or "seeds")


def _order(name: str) -> tuple[bool, list[int]]:
    # what was tuned on proves least
    return "heldout" not in name, [-int(number) for number in re.findall(r"\d+", name)]


def _about(name: str) -> str:
    """What a file's head says of how it was written and used."""
    told = []
    for line in (cases.FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines():
        said = line.removeprefix("#").strip()
        if not line.startswith("#") or not said or said.startswith(("Version", "Schema")):
            break
        told.append(said)
    return " ".join(told).rstrip(".") or "questions written for the article in seeds/"
