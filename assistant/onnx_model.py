"""Opening a model of ours: its files are those that its settings name, and it runs by onnxruntime on bounded threads.

A folder holds NAME.onnx and NAME.json, which names the SHA-256 of it and of tokenizer.json and words.npy.  These two,
which models have in common, lie beside it or in the folder above: the table of the words' vectors, which training leaves
as it is, is half of a model.
"""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from assistant.errors import ModelError

TOKENIZER = "tokenizer.json"
WORDS = "words.npy"
"""The table of the words' vectors, in eight bits; a graph that names it does not hold it."""
WORDS_IN_GRAPH = "words"

THREADS = 2
"""Threads of a model that is not told how many to use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxModel:
    """A model with its tokenizer and settings; its session may be used from several threads."""

    session: Any
    """An onnxruntime.InferenceSession."""
    tokenizer: Any
    """A tokenizers.Tokenizer, without truncation and padding."""
    settings: dict[str, Any]
    """What NAME.json says."""
    fingerprint: str
    """SHA-256 of NAME.onnx."""


def open_model(folder: Path, name: str, needed: Iterable[str], *, threads: int = 0) -> OnnxModel:
    """Open the model called `name` in a folder, with at least the settings `needed`.

    Raises ModelError where a file is missing, is not the expected one, or cannot be loaded.
    """
    settings = _settings(folder, name, frozenset(needed))
    import onnxruntime  # type: ignore[import-untyped]

    options = session_options(threads or THREADS)
    try:
        if WORDS in settings["files"]:
            words = np.load(place_of(folder, WORDS), allow_pickle=False)
            value = onnxruntime.OrtValue.ortvalue_from_numpy(words)
            options.add_external_initializers([WORDS_IN_GRAPH], [value])
        session = onnxruntime.InferenceSession(
            str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"]
        )
        tokenizer = open_tokenizer(place_of(folder, TOKENIZER))
    except Exception as error:  # both raise types of their own, which say what could not be read
        raise ModelError(
            f"the {name} in {folder} could not be loaded ({type(error).__name__}: {error}); expected the files "
            f"that training/{name}.py makes: reinstall the package or make them again"
        ) from error
    return OnnxModel(
        session=session, tokenizer=tokenizer, settings=settings, fingerprint=settings["files"][f"{name}.onnx"]
    )


def session_options(threads: int) -> Any:
    """Options of an onnxruntime session on so many threads, which leave the cores alone while they wait."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take the cores from everything else that answers a question.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def open_tokenizer(path: Path) -> Any:
    """The tokenizer of a tokenizer.json, with its own truncation and padding switched off; raises what it raises."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def packaged(name: str) -> Path:
    """The folder of a model that comes with the package."""
    return Path(str(files("assistant") / "data" / name))


Model = TypeVar("Model")
_loading = threading.Lock()


def load_once(make: Callable[..., Model], folder: Path, threads: int) -> Model:
    """What `make` makes of a folder, made once per process for each number of threads; raises what it raises."""
    with _loading:
        made: Model = _made(make, folder, threads)
        return made


@lru_cache(maxsize=8)
def _made(make: Callable[..., Any], folder: Path, threads: int) -> Any:
    return make(folder, threads=threads)


def _settings(folder: Path, name: str, needed: frozenset[str]) -> dict[str, Any]:
    """What NAME.json says, once the other files are those it names."""
    path = folder / f"{name}.json"
    try:
        settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        expected = dict(settings["files"])
        missing = needed - set(settings)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"no {name} could be loaded from {folder} ({type(error).__name__}: {error}); expected {name}.json, "
            f"{name}.onnx and tokenizer.json as training/{name}.py makes them: reinstall the package"
        ) from error
    if missing:
        raise ModelError(f"{path} lacks {', '.join(sorted(missing))}; make it again with training/{name}.py")
    for file in dict.fromkeys((f"{name}.onnx", TOKENIZER, *expected)):
        place = place_of(folder, file)
        found = file_hash([place], f"the {name}'s files there: reinstall the package")
        if found != expected.get(file):
            raise ModelError(
                f"{place} has SHA-256 {found[:12]}…, expected {str(expected.get(file))[:12]}… as {name}.json "
                f"names it; reinstall the package, or make both again with training/{name}.py"
            )
    return settings


def place_of(folder: Path, file: str) -> Path:
    """Where a file of a model lies: in its folder, or in the one above, where models share it."""
    shared = file in (TOKENIZER, WORDS) and not (folder / file).exists()
    return (folder.parent if shared else folder) / file


def file_hash(paths: Iterable[Path], expected: str) -> str:
    """SHA-256 of the contents of files, one after the other; raises ModelError with what is expected where one cannot be read."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
        except OSError as error:
            raise ModelError(f"{path} could not be read ({error.strerror}); expected {expected}") from error
    return digest.hexdigest()
