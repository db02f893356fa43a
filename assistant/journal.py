"""Journal: vectors of a run that has not finished, so that one that was interrupted goes on where it stopped.

Encoding takes nearly all the time of indexing, and its result depends on the text and the model
alone.  Each page of the journal is a file of its own that appears whole or not at all.
"""

import hashlib
import json
import os
import time
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from assistant.embedding import Embedded

PAGE_PASSAGES = 256
"""Passages after which a page is written; some 15 seconds of work on two cores."""
PAGE_SECONDS = 30.0
"""Seconds after which one is written in any case."""


class Journal:
    """Vectors by the text that they are of; what was made with something else is forgotten."""

    def __init__(self, folder: Path, made_with: dict[str, Any]) -> None:
        told = json.dumps(made_with, sort_keys=True).encode("utf-8")
        self._folder = folder / hashlib.sha256(told).hexdigest()[:16]
        self._page: list[tuple[str, Embedded]] = []
        self._written = time.monotonic()
        self._broken = False

    def read(self) -> dict[str, Embedded]:
        """What earlier runs made, by key; a page that is damaged is none."""
        found: dict[str, Embedded] = {}
        for path in sorted(self._folder.glob("*.npz")):
            with suppress(OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile):
                found.update(_read_page(path))
        return found

    def add(self, name: str, embedded: Embedded) -> None:
        """Keep the vectors of one passage; without room on the disk nothing is kept, and the run goes on."""
        self._page.append((name, embedded))
        if len(self._page) >= PAGE_PASSAGES or time.monotonic() - self._written > PAGE_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what was added since the last page."""
        page, self._page = self._page, []
        self._written = time.monotonic()
        if not page or self._broken:
            return
        new = self._folder / f"{os.getpid()}.new"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with new.open("wb") as file:
                np.savez(
                    file,
                    keys=np.asarray([name.encode("ascii") for name, _ in page]),
                    vectors=np.stack([embedded.vector for _, embedded in page]),
                    sentences=np.concatenate([embedded.sentences for _, embedded in page]).astype(np.float16),
                    counts=np.asarray([len(embedded.sentences) for _, embedded in page]),
                )
            new.replace(self._folder / f"{len(list(self._folder.glob('*.npz'))):06d}.npz")
        except OSError:  # what matters is told when the index itself is written
            self._broken = True
            with suppress(OSError):
                new.unlink()


def _read_page(path: Path) -> dict[str, Embedded]:
    with path.open("rb") as file, np.load(file) as page:
        names, vectors, ends = page["keys"].tolist(), page["vectors"], np.cumsum(page["counts"])
        together = page["sentences"]
        sentences = np.split(together, ends[:-1])
        if len(together) != ends[-1]:
            raise ValueError("vectors of sentences are missing")
        rows = zip(names, vectors, sentences, strict=True)
        return {name.decode("ascii"): Embedded(vector=vector, sentences=own) for name, vector, own in rows}


def key(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """What vectors depend on beside the model: the text and where its sentences are."""
    return hashlib.sha256(json.dumps([text, [list(span) for span in spans]]).encode("ascii")).hexdigest()
