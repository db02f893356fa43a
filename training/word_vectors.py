"""Make `assistant/data/word_vectors.npz`: static vectors of common words for soft term matching.

    python -m training.word_vectors PATH/rc/squad_dev.jsonl.gz [MORE.jsonl.gz …]

Each word that stands in at least three of the `context`s is embedded alone by the bundled
embedder; the vectors are centred, reduced to 128 dimensions by principal components and kept
as int8 (as in model2vec, Tulkens and van Dongen 2024, without its token weighting).
"""

import argparse
import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np

from assistant.embedding import load_embedder
from assistant.terms import WORD, fold, stem

TARGET = Path(__file__).parent.parent / "assistant" / "data" / "word_vectors.npz"
DIMENSIONS = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    contexts: set[str] = set()
    for name in parser.parse_args().files:
        with gzip.open(name, "rt", encoding="utf-8") as lines:
            contexts.update(json.loads(line)["context"] for line in lines)
    forms: dict[str, Counter[str]] = {}
    for context in contexts:
        for word in {fold(match.group()) for match in WORD.finditer(context)}:
            stemmed = stem(word)
            if stemmed and word.isalpha():
                forms.setdefault(stemmed, Counter())[word] += 1
    # one vector a stem: the mean over its forms, weighted by how often they occur
    kept = {stemmed: counts for stemmed, counts in sorted(forms.items()) if counts.total() >= 3}
    words = sorted({word for counts in kept.values() for word in counts})
    embedder = load_embedder()
    vectors = {word: item.vector for word, item in zip(words, embedder.embed(words, [[]] * len(words)), strict=True)}
    matrix = np.stack(
        [sum(vectors[word] * n for word, n in counts.items()) / counts.total() for counts in kept.values()]
    )
    matrix -= matrix.mean(axis=0)
    _, _, components = np.linalg.svd(matrix, full_matrices=False)
    reduced = matrix @ components[:DIMENSIONS].T
    reduced /= np.linalg.norm(reduced, axis=1, keepdims=True)
    np.savez_compressed(TARGET, stems=np.asarray(list(kept)), vectors=np.round(reduced * 127).astype(np.int8))
    print(f"{len(kept)} stems, {TARGET.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
