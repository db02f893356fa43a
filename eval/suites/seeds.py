"""The suite `seeds`: our own cases on the article in `seeds/`; it ships with the project."""

import re
from pathlib import Path

from assistant.documents import read_corpus
from eval import cases
from eval.suites.suite import Suite

ARTICLES = Path(__file__).parents[2] / "seeds"


def seeds(*names: str) -> list[Suite]:
    """A suite for each file named, or for every `eval/cases/seeds_*.yaml`, those kept aside first and the newest of them.

    Raises CasesError for an unknown name.
    """
    there = sorted((path.stem for path in cases.FOLDER.glob("seeds_*.yaml")), key=_order)
    documents = read_corpus(ARTICLES).documents
    return [
        Suite(name=name, about=_about(name), cases=cases.read_cases(name), corpora={"": documents})
        for name in names or there
    ]


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
