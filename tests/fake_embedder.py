"""An embedder for tests: the same text gives the same vector, texts that share words are near each other."""

import random
import zlib
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

from assistant.documents import Document
from assistant.embedding import Embedded, Vectors


class FakeEmbedder:
    """Sums a fixed random vector for each word, and keeps the texts it was given."""

    def __init__(self, *, name: str = "fake", fingerprint: str = "1", dimension: int = 24) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.dimension = dimension
        self.embedded: list[str] = []

    def count_tokens(self, texts: list[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def embed(self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> Iterator[Embedded]:
        for text, sentences in zip(texts, spans, strict=True):
            self.embedded.append(text)
            vectors = [self.embed_query(text[start:end]) for start, end in sentences]
            yield Embedded(vector=self.embed_query(text), sentences=np.stack(vectors))

    def embed_query(self, text: str) -> Vectors:
        total = np.sum([_word(word, self.dimension) for word in text.lower().split() or [""]], axis=0)
        return (total / np.linalg.norm(total)).astype(np.float32)


@cache
def _word(word: str, dimension: int) -> Vectors:
    return np.random.default_rng(zlib.crc32(word.encode())).normal(size=dimension).astype(np.float32)


WORDS = """pact army minister border talks Dakar Ouagadougou alliance troops region leaders visit security drought
harvest railway election port fishing budget school hospital river bridge market miners gold solar""".split()


def write_articles(count: int, *, seed: int = 0, prefix: str = "article") -> list[Document]:
    """Articles of a few paragraphs in made-up prose, the same for the same seed."""
    dice = random.Random(seed)

    def sentence() -> str:
        return " ".join(dice.choice(WORDS) for _ in range(dice.randint(4, 14))).capitalize() + "."

    return [
        Document(
            id=f"{prefix}-{number}",
            title=" ".join(dice.sample(WORDS, 3)),
            text="\n\n".join(" ".join(sentence() for _ in range(dice.randint(1, 5))) for _ in range(4)),
        )
        for number in range(count)
    ]
