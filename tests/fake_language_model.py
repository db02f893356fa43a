"""A language model for tests: a queue of what to say, and a history of what it was asked.

It stands where an LLM of LlamaIndex does.  What it says is text (given word by word), a list of
pieces, or an error; errors may stand among the pieces.
"""

import re
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from assistant.language_model import LanguageModel

Said = str | Exception | Sequence[str | Exception]


class FakeLLM:
    def __init__(self, *says: Said, usage: tuple[int, int] | None = (100, 20)) -> None:
        self.says = list(says)
        self.asked: list[list[tuple[str, str]]] = []
        self.options: list[dict[str, Any]] = []
        self.given: list[str] = []
        """All pieces that were taken, over all calls."""
        self.closed = 0
        self._usage = usage

    def stream_chat(self, messages: Sequence[Any], **options: Any) -> Iterator[Any]:
        self.asked.append([(message.role.value, message.content) for message in messages])
        self.options.append(options)
        if not self.says:
            raise AssertionError("the fake model was asked more often than the test expects")
        said = self.says.pop(0)
        return self._pieces(re.findall(r"\S+\s*", said) if isinstance(said, str) else said)

    def _pieces(self, said: Exception | Sequence[str | Exception]) -> Iterator[Any]:
        try:
            for piece in [said] if isinstance(said, Exception) else said:
                if isinstance(piece, Exception):
                    raise piece
                self.given.append(piece)
                yield SimpleNamespace(delta=piece, raw={})
            if self._usage:
                usage = {"prompt_tokens": self._usage[0], "completion_tokens": self._usage[1]}
                yield SimpleNamespace(delta="", raw={"usage": usage})
        finally:
            self.closed += 1

    def model(self, **values: Any) -> LanguageModel:
        return LanguageModel(self, name="fake", **values)


class ServiceError(Exception):
    """An error as OpenAI's and Anthropic's libraries raise them."""

    def __init__(self, status: int, text: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(text or f"Error code: {status}")
        self.status_code = status
        self.response = SimpleNamespace(headers=headers or {})
