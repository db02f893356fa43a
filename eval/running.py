"""Running: every case of the suites put to every system, scored, and written down as it comes."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from assistant import Assistant, Settings
from eval.cases import Case
from eval.results import Record, RunError, Writer, plain_reply
from eval.scores.score import Documents, Score, not_applicable
from eval.scoring import BY_NAME, score
from eval.suites.suite import Suite
from eval.systems import System, open_assistant
from eval.versions import versions

Step = Callable[[str, int], None]
"""Told the name of the suite and how many records it has, after each record, made now or before."""


def header(suites: Sequence[Suite], systems: Sequence[System], settings: Settings) -> dict[str, Any]:
    """What a run is made of; the same for the same run."""
    return {
        "suites": [
            {
                "name": suite.name,
                "about": suite.about,
                "leading": suite.leading,
                "cases": len(suite.cases),
                "corpora": len(suite.corpora),
                "documents": sum(map(len, suite.corpora.values())),
                "fingerprint": suite.fingerprint(),
            }
            for suite in suites
        ],
        "systems": [{"name": system.name, "about": system.about} for system in systems],
        "records": sum(len(suite.cases) * len(_fitting(suite, systems)) for suite in suites),
        "versions": versions(settings),
    }


def run(
    suites: Sequence[Suite],
    systems: Sequence[System],
    settings: Settings,
    folder: Path,
    step: Step = lambda name, of: None,
) -> None:
    """Put all cases to all systems that fit; raises RunError for suites of one name or another run in the folder."""
    names = [suite.name for suite in suites]
    if len(set(names)) < len(names):
        raise RunError(f"two suites are called {max(names, key=names.count)!r}; run them apart")
    writer = Writer(folder, header(suites, systems, settings))
    for suite in suites:
        fitting = _fitting(suite, systems)
        if not fitting:
            raise RunError(f"no system named fits the suite {suite.name!r}; see: python -m eval list")
        for case, opened in _with_assistant(suite, settings):
            for system in fitting:
                if (suite.name, case.id, system.name) not in writer.done:
                    assistant, documents = opened()
                    writer.add(_record(suite, system, case, assistant, documents))
                step(suite.name, len(suite.cases) * len(fitting))


Opened = Callable[[], tuple[Assistant, Documents]]


def _with_assistant(suite: Suite, settings: Settings) -> Iterator[tuple[Case, Opened]]:
    """The cases, each with the assistant over its corpus, which is opened when it is first needed."""
    opened: dict[str, tuple[Assistant, Documents]] = {}

    def opening(key: str) -> Opened:
        def open_it() -> tuple[Assistant, Documents]:
            if key not in opened:
                opened.clear()  # cases of one corpus stand together: the last one is enough
                assistant = open_assistant(suite.corpora[key], settings)
                by_id = {id: own for own in assistant.documents for id in (own.id, *own.aliases)}
                opened[key] = assistant, by_id
            return opened[key]

        return open_it

    for case in suite.cases:
        yield case, opening(case.corpus)


def _record(suite: Suite, system: System, case: Case, assistant: Assistant, documents: Documents) -> Record:
    began = time.perf_counter()
    reply = system.ask(assistant, case)
    total = time.perf_counter() - began
    return Record(
        suite=suite.name,
        system=system.name,
        case=case,
        reply=plain_reply(reply, documents, passages=system.keeps_passages),
        scores=_of_search(score(case, reply, documents)) if system.search_only else score(case, reply, documents),
        seconds={**reply.timings, "total": total},
    )


def _of_search(scores: dict[str, Score]) -> dict[str, Score]:
    """Of a system that answers nothing only what is said of retrieval counts."""
    kept = {name for name in scores if BY_NAME[name].family == "retrieval"}
    return {name: own if name in kept else not_applicable("only search is measured") for name, own in scores.items()}


def _fitting(suite: Suite, systems: Sequence[System]) -> list[System]:
    return [system for system in systems if system.search_only == suite.search_only]
