"""Language models: one way to reach a model in this process, on this machine or at a service.

A model is any LLM of LlamaIndex.  This file gives its words as they come, within a time for
the whole question, tries again where that helps, and turns whatever goes wrong into one
sentence.  It knows nothing of articles and of what the words are for.
"""

import gc
import os
import random
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, requires
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from assistant.errors import LanguageModelError, ModelError
from assistant.settings import Settings

TRIES = 3
"""Most calls for one text."""
FIRST_PAUSE = 0.5
"""Seconds before the second try; twice as long before the third, and up to half more by chance."""
LONGEST_PAUSE = 10.0
"""A service that asks for more patience is not waited for."""
ANSWER_TOKENS = 300
"""Most tokens that a model may write at once."""
TOKEN_CHARS = 3.0
"""Characters of a token, rather too few, where the model's own count is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to a model."""

    role: Literal["system", "user", "assistant"]
    """Whose words they are."""
    text: str
    """The words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a reply took of a language model."""

    calls: int = 0
    """Requests, tries that failed included."""
    prompt_tokens: int = 0
    """Tokens read."""
    completion_tokens: int = 0
    """Tokens written."""
    counted: bool = True
    """False where the model told no numbers, and tokens were estimated from characters."""


class Allowance:
    """What one question may take of a model, and has taken: time, calls and tokens."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self.usage = Usage()

    @property
    def remaining(self) -> float:
        """Seconds left; none or less when the time is up."""
        return self._until - time.monotonic()

    def spend(self, prompt_tokens: int, completion_tokens: int, *, counted: bool) -> None:
        """Add one call."""
        self.usage = Usage(
            calls=self.usage.calls + 1,
            prompt_tokens=self.usage.prompt_tokens + prompt_tokens,
            completion_tokens=self.usage.completion_tokens + completion_tokens,
            counted=self.usage.counted and counted,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a call gave no words."""

    reason: str
    """Behind "the language model": "did not answer in time"."""
    again: bool = False
    """Whether another try may help."""
    overflow: bool = False
    """Whether the request was longer than the model can take in."""
    wait: float | None = None
    """Seconds that the service asks to wait."""


class OverflowingError(LanguageModelError):
    """The request was longer than the model can take in; less of it may do."""


class LanguageModel:
    """A model of LlamaIndex, with its name and limits; may be used from several threads."""

    def __init__(
        self,
        llm: Any,
        *,
        name: str,
        context: int = 4096,
        timeout: float = 120.0,
        place: str | None = None,
        options: Callable[[float], Mapping[str, Any]] = lambda remaining: {},
    ) -> None:
        self.name = name
        """The model's name, as replies give it."""
        self.context = context
        """Tokens that it takes in at once."""
        self.timeout = timeout
        """Seconds it may take over one question."""
        self.place = place
        """Host that questions and passages are sent to; None where they stay on this machine."""
        self._llm = llm
        self._options = options

    def __repr__(self) -> str:  # the LLM's own would show its key
        return f"LanguageModel({self.name!r})"

    def allowance(self) -> Allowance:
        """A new question's time."""
        return Allowance(self.timeout)

    def stream(self, messages: Sequence[Message], allowance: Allowance) -> Generator[str, None, None]:
        """The text so far, each time it has grown; shorter again where a try failed and a new one begins.

        Closing the generator stops the model.  Raises OverflowingError where the request is too long,
        LanguageModelError with a sentence for the reader where there are no words to be had.
        """
        for attempt in range(1, TRIES + 1):
            try:
                yield from self._once(messages, allowance)
                return
            except _Failed as failed:
                failure = failed.failure
            if failure.overflow:
                raise OverflowingError(f"the language model {failure.reason}")
            pause = self._pause(attempt, failure)
            if not failure.again or attempt == TRIES or pause >= min(allowance.remaining, LONGEST_PAUSE):
                tried = f" in {attempt} tries" if attempt > 1 else ""
                raise LanguageModelError(f"the language model {failure.reason}{tried}")
            time.sleep(pause)

    @staticmethod
    def _pause(attempt: int, failure: Failure) -> float:
        pause = FIRST_PAUSE * 2 ** (attempt - 1)
        return failure.wait if failure.wait is not None else pause * (1 + random.random() / 2)

    def _once(self, messages: Sequence[Message], allowance: Allowance) -> Iterator[str]:
        remaining = allowance.remaining
        if remaining <= 0:
            raise _Failed(_LATE)
        text = ""
        usage: Any = None
        chunks: Any = None
        done = False
        try:
            chunks = self._llm.stream_chat(_messages(messages), **self._options(remaining))
            for chunk in chunks:
                usage = _reported(chunk) or usage
                if allowance.remaining <= 0:
                    raise _Failed(_LATE)
                if not chunk.delta:
                    continue
                text += chunk.delta
                shown = without_thoughts(text)
                if shown:
                    yield shown
                if goes_round(text):
                    break
            else:
                done = True
        except _Failed:
            raise
        except Exception as error:  # whatever a provider's library raises becomes one sentence
            failure = explain(error)
            raise _Failed(
                replace(failure, reason="broke off") if text and failure == _UNREACHABLE else failure
            ) from None
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
            if not done:
                # The libraries of OpenAI and Anthropic close a connection when its stream is collected, and
                # streams refer to themselves: without this the model would go on for nobody.
                chunks = None
                gc.collect()
            said = sum(len(message.text) for message in messages)
            prompt, completion = usage or (round(said / TOKEN_CHARS), round(len(text) / TOKEN_CHARS))
            allowance.spend(prompt, completion, counted=usage is not None)
        if not without_thoughts(text).strip():
            raise _Failed(Failure(reason="wrote nothing", again=True))


class _Failed(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


_LATE = Failure(reason="did not answer in time")
_UNREACHABLE = Failure(reason="cannot be reached", again=True)


def _messages(messages: Sequence[Message]) -> list[Any]:
    from llama_index.core.base.llms.types import ChatMessage, MessageRole

    return [ChatMessage(role=MessageRole(message.role), content=message.text) for message in messages]


def _reported(chunk: Any) -> tuple[int, int] | None:
    """Prompt and completion tokens, where a chunk tells them in OpenAI's or Anthropic's words."""
    raw = getattr(chunk, "raw", None)
    usage = _part(raw, "usage")
    prompt = _part(usage, "prompt_tokens") or _part(usage, "input_tokens")
    completion = _part(usage, "completion_tokens") or _part(usage, "output_tokens")
    return (int(prompt), int(completion)) if prompt and completion else None


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


# ── what models do wrong ─────────────────────────────────────────────────────────────────

_DIGITS = re.compile(r"\d+")
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|$)", re.DOTALL | re.IGNORECASE)
LONGEST_ROUND = 200
"""Characters of the longest stretch whose repetition is looked for."""


def without_thoughts(text: str) -> str:
    """The text without what a reasoning model thinks aloud; a thought that goes on hides all behind it."""
    return _THOUGHT.sub("", text).lstrip() if "<think" in text else text


def goes_round(text: str) -> bool:
    """Whether a text ends in the same words three times over, or in the same few letters ten times.

    A list that only counts on goes round too.  Such a model will not stop by itself.
    """
    tail = _DIGITS.sub("0", text[-4 * LONGEST_ROUND :])
    for length in range(1, min(LONGEST_ROUND, len(tail) // 3) + 1):
        times = 3 if length >= 8 else 10
        end = tail[-length:]
        if end.strip() and tail.endswith(end * times):
            return True
    return False


_REFUSALS = {
    401: "was not used: the key is missing or wrong (401)",
    402: "was not used: the service wants to be paid (402)",
    403: "was not used: the key may not use it (403)",
    404: "is not there: the service does not know the model or the address (404)",
    429: "is busy, or its quota is used up (429)",
}
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
_TOO_LONG = re.compile(r"context|too long|too large|maximum.{0,20}(?:length|tokens)|exceed", re.IGNORECASE)


def explain(error: BaseException) -> Failure:
    """What went wrong, in our words alone: a provider's own may repeat keys or articles."""
    status = getattr(error, "status_code", None)
    names = " ".join(kind.__name__ for kind in type(error).__mro__)
    causes = f"{names} {type(error.__cause__).__name__}"
    if isinstance(status, int):
        if status in (400, 413, 422) and _TOO_LONG.search(str(error)):
            return Failure(reason="cannot take in so long a request", overflow=True)
        reason = _REFUSALS.get(status) or (
            f"failed at its service ({status})" if status >= 500 else f"did not accept the request ({status})"
        )
        return Failure(reason=reason, again=status in _AGAIN, wait=_retry_after(error))
    if "Timeout" in names:
        return _LATE
    if "Connect" in causes and "Read" not in causes and "Protocol" not in causes:
        return _UNREACHABLE
    if any(part in causes for part in ("Protocol", "ReadError", "Incomplete", "Connection", "APIError")):
        return Failure(reason="broke off", again=True)
    if any(part in names for part in ("JSON", "Unicode", "Validation", "Decode")):
        return Failure(reason="sent what could not be read", again=True)
    return Failure(reason=f"failed ({type(error).__name__})")


def _retry_after(error: BaseException) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    value = headers.get("retry-after")
    return float(value) if value and re.fullmatch(r"\d+(?:\.\d+)?", value) else None


# ── from settings ────────────────────────────────────────────────────────────────────────


def load_language_model(settings: Settings) -> LanguageModel | None:
    """The configured model; None where none is.

    Raises ModelError for a file that is none, a key that is missing, or a library that is not installed.
    """
    kind, _, what = settings.llm.partition(":")
    if kind == "none":
        return None
    return _LOADERS[kind](what, settings)


def _load_gguf(file: str, settings: Settings) -> LanguageModel:
    path = Path(file).expanduser()
    return LanguageModel(
        _open_gguf(str(path), settings.threads, settings.llm_context),
        name=path.stem,
        context=settings.llm_context,
        timeout=settings.llm_timeout,
        options=lambda remaining: {"timeout": remaining},
    )


@lru_cache(maxsize=2)
def _open_gguf(path: str, threads: int, context: int) -> Any:
    with _extra("local", "gguf:"):
        import xllamacpp  # noqa: F401  (asked for first, so that what is missing is named)
    from assistant.gguf import GgufLLM

    return GgufLLM(path, threads=threads, context_window=context, max_tokens=ANSWER_TOKENS)


def _load_openai(model: str, settings: Settings) -> LanguageModel:
    key = _key(settings, "OPENAI_API_KEY", "openai:")
    # The address is given, for without it the library takes one from the environment, and with it the key.
    llm = _openai_like(
        model,
        OPENAI,
        key,
        settings,
        max_tokens=None,
        temperature=1.0 if _REASONING.match(model) else 0.0,
        additional_kwargs={"stream_options": {"include_usage": True}, "max_completion_tokens": 4 * ANSWER_TOKENS},
    )
    return _remote(llm, model, OPENAI, settings)


def _load_openai_like(what: str, settings: Settings) -> LanguageModel:
    address, _, model = what.partition("#")
    # Only the key that was given for it: OPENAI_API_KEY is for OpenAI, and goes to nobody else.
    key = settings.llm_key.get_secret_value() or "none"
    llm = _openai_like(
        model,
        address,
        key,
        settings,
        max_tokens=ANSWER_TOKENS,
        temperature=0.0,
        additional_kwargs={"stream_options": {"include_usage": True}},
    )
    return _remote(llm, model, address, settings)


def _openai_like(model: str, address: str, key: str, settings: Settings, **values: Any) -> Any:
    with _extra("openai", "openai: and openai-like:"):
        from llama_index.llms.openai_like import OpenAILike
    return OpenAILike(
        model=model,
        api_base=address,
        api_key=key,
        api_version="",
        is_chat_model=True,
        context_window=settings.llm_context,
        timeout=settings.llm_timeout,
        max_retries=0,  # tries are counted here, in one place
        **values,
    )


def _load_anthropic(model: str, settings: Settings) -> LanguageModel:
    key = _key(settings, "ANTHROPIC_API_KEY", "anthropic:")
    with _extra("anthropic", "anthropic:"):
        from llama_index.llms.anthropic import Anthropic
    llm = Anthropic(
        model=model,
        api_key=key,
        base_url=ANTHROPIC,
        temperature=0.0,
        max_tokens=ANSWER_TOKENS,
        timeout=settings.llm_timeout,
        max_retries=0,
    )
    return _remote(llm, model, ANTHROPIC, settings)


def _remote(llm: Any, model: str, address: str, settings: Settings) -> LanguageModel:
    host = urlsplit(address).hostname or address
    return LanguageModel(
        llm,
        name=model,
        context=settings.llm_context,
        timeout=settings.llm_timeout,
        place=None if _is_loopback(host) else host,
        options=lambda remaining: {"timeout": remaining},
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _key(settings: Settings, variable: str, kind: str) -> str:
    key = settings.llm_key.get_secret_value() or os.environ.get(variable, "")
    if not key:
        raise ModelError(f"ASSISTANT_LLM is {kind}… and there is no key; set ASSISTANT_LLM_KEY or {variable}")
    return key


OPENAI = "https://api.openai.com/v1"
ANTHROPIC = "https://api.anthropic.com"
_REASONING = re.compile(r"o\d|gpt-[5-9]")
"""Models that take no temperature but 1."""
_LOADERS: Mapping[str, Callable[[str, Settings], LanguageModel]] = {
    "gguf": _load_gguf,
    "openai": _load_openai,
    "openai-like": _load_openai_like,
    "anthropic": _load_anthropic,
}

DISTRIBUTION = "cited-articles-assistant"


class _extra:
    """Turns a missing library into the line that installs it."""

    def __init__(self, extra: str, kind: str) -> None:
        self._extra, self._kind = extra, kind

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, ImportError):
            raise ModelError(
                f"ASSISTANT_LLM with {self._kind} needs {error.name or 'a library'}, which is not installed; "
                f"run: {install_line(self._extra)}"
            ) from None


def install_line(extra: str) -> str:
    """The command that installs what an extra of this package needs, from the package's own metadata."""
    try:
        needed = [line.partition(";") for line in requires(DISTRIBUTION) or []]
    except PackageNotFoundError:
        needed = []
    own = [name.strip() for name, _, marker in needed if re.search(rf"""extra\s*==\s*['"]{extra}['"]""", marker)]
    return "pip install " + (" ".join(f"'{name}'" for name in own) if own else f"'.[{extra}]'")
