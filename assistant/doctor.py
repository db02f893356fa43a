"""The doctor: checks of the installation, each with what was found and what to do.

It uses the same functions as the commands do, so a check that passes is a command that works.
"""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from assistant.errors import AssistantError, LanguageModelError
from assistant.settings import Settings

DISTRIBUTION = "cited-articles-assistant"
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one check found."""

    name: str
    """What was looked at."""
    state: Literal["ok", "note", "problem"]
    """`note`: worth knowing, and nothing to mend."""
    found: str
    """What was found."""
    remedy: str | None = None
    """What to do about it."""


def examine() -> Iterator[Check]:
    """All checks in turn, each as soon as it is done."""
    yield check_python()
    yield from check_packages()
    try:
        settings = Settings()
    except AssistantError as error:
        yield Check(name="settings", state="problem", found=str(error), remedy="mend it in the environment or in .env")
        return
    yield Check(name="settings", state="ok", found="read")
    checks: dict[str, Callable[[Settings], Check]] = {
        "embedder": check_embedder,
        "reader": check_reader,
        "checker": check_checker,
        "language model": check_language_model,
        "index": check_index,
        "corpus": check_corpus,
        "page": check_port,
    }
    for name, check in checks.items():
        try:
            yield check(settings)
        except AssistantError as error:  # says itself what to do
            yield Check(name=name, state="problem", found=str(error))
        except (ImportError, OSError) as error:
            found = f"{type(error).__name__}: {error}"
            yield Check(name=name, state="problem", found=found, remedy="install again: make setup")


def check_python() -> Check:
    """Whether Python is recent enough."""
    recent = sys.version_info[:2] >= OLDEST_PYTHON
    return Check(
        name="python",
        state="ok" if recent else "problem",
        found=f"{sys.version.split()[0]} at {sys.executable}",
        remedy=None if recent else "use Python 3.11 or newer: make clean, then make setup PYTHON=/path/to/python3",
    )


def check_packages() -> list[Check]:
    """Whether each required package is there in a version that the package's own metadata allows."""
    try:
        needed = [Requirement(line) for line in requires(DISTRIBUTION) or []]
    except PackageNotFoundError:
        return [
            Check(name="packages", state="problem", found=f"{DISTRIBUTION} is not installed", remedy="run: make setup")
        ]
    here = [requirement for requirement in needed if requirement.marker is None or requirement.marker.evaluate()]
    return [_check_package(requirement) for requirement in here]


def _check_package(requirement: Requirement) -> Check:
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        found = ""
    if found and requirement.specifier.contains(found, prereleases=True):
        return Check(name=requirement.name, state="ok", found=found)
    return Check(
        name=requirement.name,
        state="problem",
        found=f"{found or 'not installed'}; {requirement.specifier} is needed",
        remedy=f"run: pip install '{requirement.name}{requirement.specifier}'",
    )


def check_embedder(settings: Settings) -> Check:
    """Whether the embedder's weights are there, are the expected ones, and embed."""
    from assistant.embedding import BUNDLED, BUNDLED_SHA256, load_embedder

    started = time.perf_counter()
    embedder = load_embedder(settings.embedder, threads=settings.threads)
    size = len(embedder.embed_query("Where was the pact announced?"))
    seconds = time.perf_counter() - started
    weights = f"weights {embedder.fingerprint[:12]}"
    if embedder.name == BUNDLED and embedder.fingerprint == BUNDLED_SHA256:
        weights += " as expected"
    return Check(name="embedder", state="ok", found=f"{embedder.name}, {weights}, {size} dimensions, {seconds:.1f} s")


def check_reader(settings: Settings) -> Check:
    """Whether the reader's files are there, are the expected ones, and read."""
    from assistant.reader import load_reader

    started = time.perf_counter()
    reader = load_reader(threads=settings.threads)
    passage = "The ministers announced the pact in Ouagadougou on Tuesday."
    (reading,) = reader.read("Where was the pact announced?", [passage])
    seconds = time.perf_counter() - started
    read = passage[reading.spans[0].start : reading.spans[0].end] if reading.spans else ""
    wrong = None if "Ouagadougou" in read else f"it answers {read!r} where 'Ouagadougou' stands"
    return _of_model("reader", reader.fingerprint, seconds, wrong)


def check_checker(settings: Settings) -> Check:
    """Whether the checker's files are there, are the expected ones, and tell a true sentence from a false one."""
    from assistant.checker import load_checker

    started = time.perf_counter()
    checker = load_checker(threads=settings.threads)
    evidence = ["The ministers announced the pact in Ouagadougou on Tuesday."]
    true = checker.check("The pact was announced in Ouagadougou.", evidence).supported
    false = checker.check("The pact was not announced by the ministers.", evidence).supported
    seconds = time.perf_counter() - started
    wrong = None if true > 0.5 > false else f"it gives a true sentence {true:.2f} and a false one {false:.2f}"
    return _of_model("checker", checker.fingerprint, seconds, wrong)


def _of_model(name: str, fingerprint: str, seconds: float, wrong: str | None) -> Check:
    """What is told of a model of ours that was loaded and asked, with what is wrong with its answer."""
    found = f"model {fingerprint[:12]} as expected, {seconds:.1f} s"
    if wrong is None:
        return Check(name=name, state="ok", found=found)
    return Check(name=name, state="problem", found=f"{found}, but {wrong}", remedy="install again: make setup")


def check_language_model(settings: Settings) -> Check:
    """Which language model is configured, whether it answers, and how fast; asks it for one short sentence."""
    from assistant.language_model import Message, load_language_model

    name = "language model"
    started = time.perf_counter()
    model = load_language_model(settings)
    loading = time.perf_counter() - started
    if model is None:
        found = "none is configured; answers are in the articles' own words"
        return Check(name=name, state="ok", found=found)
    allowance = model.allowance()
    started, first = time.perf_counter(), 0.0
    try:
        for _ in model.stream(
            [Message(role="user", text="Say in one short sentence what day it could be.")], allowance
        ):
            first = first or time.perf_counter() - started
    except LanguageModelError as error:
        remedy = f"see docs/language-models.md; ASSISTANT_LLM is {settings.llm!r}, ASSISTANT_LLM_TIMEOUT {settings.llm_timeout:g}"
        return Check(name=name, state="problem", found=f"{model.name}: {error}", remedy=remedy)
    writing = time.perf_counter() - started - first
    tokens = allowance.usage.completion_tokens
    speed = f", {tokens / writing:.0f} tokens/s" if writing > 0 and tokens > 1 else ""
    where = f"at {model.place}, where questions and sentences found are sent" if model.place else "on this machine"
    found = f"{model.name} {where}: loaded in {loading:.1f} s, first words after {first:.1f} s{speed}"
    return Check(name=name, state="ok", found=found)


def check_index(settings: Settings) -> Check:
    """Whether the index can be opened, or one be made where none is."""
    from assistant.embedding import load_embedder
    from assistant.generation import has_index
    from assistant.store import open_generation, read_whole

    if not _can_write(settings.index):
        return Check(
            name="index",
            state="problem",
            found=f"{settings.index} cannot be written",
            remedy="make the folder writable, or set ASSISTANT_INDEX to one that is",
        )
    if not has_index(settings.index):
        remedy = "it is made from the corpus at the first question, or with: assistant index PATH"
        return Check(name="index", state="note", found=f"none in {settings.index} yet", remedy=remedy)
    generation = read_whole(settings.index)
    whole = "every file as it was written" if generation.manifest.get("digests") else "without digests"
    embedder = load_embedder(settings.embedder, threads=settings.threads)
    index = open_generation(generation, settings.index, embedder, settings)
    found = f"{settings.index} holds {len(index.documents)} articles in {len(index)} passages, {whole}"
    return Check(name="index", state="ok", found=found)


def check_corpus(settings: Settings) -> Check:
    """Whether the corpus folder has articles that can be read."""
    from assistant.corpus import read_corpus
    from assistant.generation import has_index

    if not settings.corpus.exists() and has_index(settings.index):
        return Check(name="corpus", state="note", found=f"{settings.corpus} is not there; the index is used as it is")
    corpus = read_corpus(settings.corpus, pdf_seconds=settings.pdf_seconds)
    found = f"{settings.corpus} has {len(corpus.documents)} articles that can be read"
    if not corpus.unread:
        return Check(name="corpus", state="ok", found=found)
    return Check(
        name="corpus",
        state="note",
        found=f"{found}, and {len(corpus.unread)} files that cannot",
        remedy=f"for the reason of each run: assistant index '{settings.corpus}'",
    )


def check_port(settings: Settings) -> Check:
    """Whether the port of the chat page is free."""
    if port_is_free(settings.host, settings.port):
        return Check(name="page", state="ok", found=f"port {settings.port} of {settings.host} is free")
    return Check(
        name="page",
        state="problem",
        found=f"port {settings.port} of {settings.host} is taken, maybe by the page itself",
        remedy="stop what holds it, set ASSISTANT_PORT, or run: assistant chat --port 0",
    )


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now; port 0 always can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are still closing is free. Not on Windows,
        # where the option takes a port that another program is listening on.
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _can_write(folder: Path) -> bool:
    """Whether a folder, or the nearest one above it that exists, can be written."""
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK)
