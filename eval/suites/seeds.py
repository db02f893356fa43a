"""The suites of our own cases, which ship with the project: `seeds` on the article in `seeds/`, and others on articles of ours."""

import re
from pathlib import Path

from assistant.corpus import read_corpus
from eval import cases
from eval.suites.suite import Suite

ROOT = Path(__file__).parents[2]

TUNED_ON = {
    "seeds_dev_v1": "seen by the developers and tuned on: proves nothing",
    "seeds_heldout_v1": "kept aside for the first version, then read while the reader was built in: take it as tuned on",
}
"""What became of files since their heads were written, which are frozen."""


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
    return name in TUNED_ON, [-int(number) for number in re.findall(r"\d+", name)]


def _about(name: str) -> str:
    """What a file's head says of how it was written and used, or what became of it."""
    if name in TUNED_ON:
        return TUNED_ON[name]
    told = []
    for line in (cases.FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines():
        said = line.removeprefix("#").strip()
        if not line.startswith("#") or not said or said.startswith(("Version", "Schema")):
            break
        told.append(said)
    return " ".join(told).rstrip(".") or "questions written for the article in seeds/"
