"""Versions: what a run was made with, so that two runs can be told apart and one can be made again."""

import hashlib
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from assistant import Settings
from assistant.embedding import load_embedder
from assistant.reader import load_reader
from eval.checker import fingerprint

ROOT = Path(__file__).parent.parent
PACKAGES = (
    "numpy", "torch", "transformers", "sentence-transformers", "onnxruntime", "tokenizers", "bm25s", "chromadb",
    "sentencex", "PyStemmer", "llama-index-core", "ir-measures", "rouge-score", "scikit-learn",
)  # fmt: skip
"""Packages on which figures may depend."""
_OF_THE_PLACE = {"corpus", "index", "host", "port"}
"""Settings that say where things are, which is nobody's business."""
_PRIVATE = ("key", "secret", "password", "url", "address")


def versions(settings: Settings) -> dict[str, Any]:
    """Code, packages, models, prompts and settings; no path, no secret and no time."""
    embedder = load_embedder(settings.embedder, threads=settings.threads)
    reader = load_reader(threads=settings.threads)
    return {
        "code": {**_commit(), "assistant": _files("assistant", "*.py"), "eval": _files("eval", "*.py")},
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "models": {
            "embedder": Path(embedder.name).name,
            "embedder_fingerprint": embedder.fingerprint[:16],
            "reader": reader.fingerprint[:16],
            "data": _files("assistant/data", "*"),
        },
        "checker": fingerprint(),
        "prompts": {path.name: _sha256(path.read_bytes()) for path in sorted((ROOT / "prompts").glob("*.md"))},
        "settings": _settings(settings),
    }


def _commit() -> dict[str, Any]:
    """The commit of a checkout, and whether files were changed since; None where there is no git."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=10
        )
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no", "--", "assistant", "eval", "prompts"],
            cwd=ROOT, capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "changed": False}
    return {"commit": found.stdout.strip()[:12], "changed": bool(changed.stdout.strip())}


def _files(folder: str, pattern: str) -> str:
    """One fingerprint over files, their names included."""
    together = hashlib.sha256()
    for path in sorted((ROOT / folder).rglob(pattern)):
        if path.is_file() and "__pycache__" not in path.parts:
            together.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + _sha256(path.read_bytes()).encode())
    return together.hexdigest()[:16]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _settings(settings: Settings) -> dict[str, Any]:
    kept = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        private = isinstance(value, SecretStr | Path) or any(word in name for word in _PRIVATE)
        if name not in _OF_THE_PLACE and not private:
            kept[name] = Path(value).name if name == "embedder" else value
    return kept
