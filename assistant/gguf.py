"""GGUF: a language model from a file, run in this process by llama.cpp, as a LlamaIndex LLM.

It knows nothing of articles and prompts: messages go in, words come out as they are made, and
closing the stream stops the model.  The library's server listens on a loopback port whether
one wants it or not; it gets a random key, so that no other program can use the model.
"""

import os
import queue
import secrets
import threading
import time
from collections.abc import Generator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

from assistant.errors import ModelError

MOST_THREADS = 8
"""More threads make tokens no faster: they wait for the memory."""
BATCH = 256
"""Tokens of the prompt that are read at a time; between two batches the model can be stopped."""
STOPS_WITHIN = 5.0
"""Seconds that a closed stream waits for the model to stop."""


class GgufError(Exception):
    """What llama.cpp answered in place of words, with its HTTP-like status."""

    def __init__(self, message: str, status_code: int | None = None) -> None:
        super().__init__(message)
        self.status_code = status_code


class GgufLLM(CustomLLM):  # type: ignore[misc]  # LlamaIndex's classes are reached without types
    """A GGUF file as an LLM for LlamaIndex; requests of several threads wait for each other."""

    path: str = Field(description="The model's file.")
    context_window: int = Field(default=4096, description="Tokens taken in at once.")
    max_tokens: int = Field(default=300, description="Most tokens of an answer.")
    temperature: float = Field(default=0.0, description="0 gives the same words for the same request.")
    timeout: float = Field(default=120.0, description="Seconds that an answer may take.")

    _server: Any = PrivateAttr()

    def __init__(self, path: str, threads: int = 0, **values: Any) -> None:
        super().__init__(path=path, **values)
        self._server = _serve(str(Path(path).resolve()), self.context_window, threads or default_threads())

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex asks of a model."""
        return LLMMetadata(
            context_window=self.context_window,
            num_output=self.max_tokens,
            is_chat_model=True,
            model_name=Path(self.path).name,
        )

    @property
    def address(self) -> str:
        """Address and port on this machine at which llama.cpp's server answers those who have its key."""
        return str(self._server.listening.listening_address)

    @property
    def key(self) -> str:
        """The key of that server, new with every start."""
        return str(self._server.key)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Generator[ChatResponse, None, None]:
        """The answer as it is made; closing the generator stops the model."""
        return self._words(messages, **kwargs)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The whole answer."""
        last = ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=""), delta="")
        for response in self._words(messages, **kwargs):
            last = response
        return last

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The whole answer to one message."""
        return CompletionResponse(text=self.chat([ChatMessage(content=prompt)], **kwargs).message.content or "")

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The answer to one message as it is made."""

        def words() -> CompletionResponseGen:
            for response in self._words([ChatMessage(content=prompt)], **kwargs):
                yield CompletionResponse(text=response.message.content or "", delta=response.delta, raw=response.raw)

        return words()

    def _words(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Generator[ChatResponse, None, None]:
        timeout = float(kwargs.pop("timeout", self.timeout))
        request = {
            "messages": [{"role": message.role.value, "content": message.content or ""} for message in messages],
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,  # a sign of life, and a chance to stop, while the prompt is read
            "chat_template_kwargs": {"enable_thinking": False},
            **kwargs,
        }
        text = ""
        for chunk in self._server.stream(request, timeout):
            if "error" in chunk:
                error = chunk["error"]
                raise GgufError(str(error.get("message", error)), error.get("code"))
            choices = chunk.get("choices") or [{}]
            words = choices[0].get("delta", {}).get("content") or ""
            text += words
            message = ChatMessage(role=MessageRole.ASSISTANT, content=text)
            yield ChatResponse(message=message, delta=words, raw=chunk)


class _Server:
    """llama.cpp's server, and its answers as a generator that can be closed."""

    def __init__(self, listening: Any, key: str) -> None:
        self.listening = listening
        self.key = key

    def stream(self, request: dict[str, Any], timeout: float) -> Generator[dict[str, Any], None, None]:
        """Chunks as they come; raises TimeoutError where the last has not come after `timeout` seconds."""
        until = time.monotonic() + timeout
        chunks: queue.Queue[Any] = queue.Queue()
        stopped = threading.Event()

        def receive(chunk: Any) -> bool:
            chunks.put(chunk)
            return stopped.is_set()  # True stops the model

        def work() -> None:
            try:
                self.listening.handle_chat_completions(request, receive)
                chunks.put(None)
            except Exception as error:  # handed over, and raised where the words are read
                chunks.put(error)

        worker = threading.Thread(target=work, name="language-model", daemon=True)
        worker.start()
        try:
            while (chunk := self._next(chunks, until)) is not None:
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
        finally:
            stopped.set()
            worker.join(STOPS_WITHIN)

    @staticmethod
    def _next(chunks: "queue.Queue[Any]", until: float) -> Any:
        try:
            return chunks.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise TimeoutError("the time is up") from None


def default_threads() -> int:
    """Half the processors: two threads of one core share what they compute with, and others want some too."""
    return max(1, min(MOST_THREADS, (os.cpu_count() or 1) // 2))


@lru_cache(maxsize=2)
def _serve(path: str, context: int, threads: int) -> _Server:
    """Load a file once; raises ModelError for one that is not a GGUF file or cannot be loaded."""
    import xllamacpp

    check_gguf(Path(path))
    key = secrets.token_urlsafe(32)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.n_ctx = context
    parameters.n_batch = parameters.n_ubatch = BATCH
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.warmup = False
    parameters.verbosity = -1
    parameters.hostnames = ["127.0.0.1"]
    parameters.api_keys = [key]
    parameters.ui = parameters.endpoint_slots = parameters.endpoint_props = parameters.endpoint_metrics = False
    parameters.offline = True
    try:
        return _Server(xllamacpp.Server(parameters), key)
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(
            f"the language model {path!r} cannot be loaded ({error}); "
            "expected a GGUF file that this llama.cpp knows: take another file, or a newer xllamacpp"
        ) from None


def check_gguf(file: Path) -> None:
    """Raise ModelError where a file is missing or does not begin as a GGUF file does."""
    try:
        with file.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise ModelError(
            f"the language model {str(file)!r} cannot be read ({error.strerror}); set ASSISTANT_LLM to gguf: and its path"
        ) from None
    if magic != b"GGUF":
        raise ModelError(f"the language model {str(file)!r} begins with {magic!r}; expected a GGUF file")
