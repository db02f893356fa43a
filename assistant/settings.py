"""Settings: one place for everything that can be configured.

Read from arguments, the environment (`ASSISTANT_…`) and a `.env` file, in this order.
`.env.example` documents each with its default; a test holds the two together.
"""

import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from assistant.errors import SettingsError

Caution = Literal["cautious", "balanced", "eager"]
"""How sure the assistant must be before it calls a question answered."""

PDF_SECONDS = 120.0
"""Seconds that reading one PDF may take where nothing else is said: 2,000 pages on a slow machine."""


class Settings(BaseSettings):
    """Everything that can be configured; raises SettingsError for a value that cannot be used."""

    model_config = SettingsConfigDict(
        env_prefix="ASSISTANT_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    corpus: Path = Path("seeds")
    """Folder (or file) of articles that is indexed where no index exists yet."""
    pdf_seconds: float = Field(default=PDF_SECONDS, gt=0, le=3600)
    """Seconds that reading one PDF may take; one that takes longer is left out, and named."""
    index: Path = Path(".assistant/index")
    """Folder of the index."""
    chroma_url: str = ""
    """Address of a Chroma server that holds the vectors; empty keeps them in the index folder."""
    embedder: str = "all-MiniLM-L6-v2"
    """`all-MiniLM-L6-v2` (bundled), or the name or folder of any sentence-transformers model."""
    passage_tokens: int = Field(default=180, ge=40, le=2000)
    """Most tokens in a passage, its title included."""
    overlap_tokens: int = Field(default=40, ge=0, le=500)
    """Most tokens of whole sentences that a passage repeats from the one before it."""
    hits: int = Field(default=8, ge=1, le=100)
    """Passages kept for a question."""
    candidates: int = Field(default=100, ge=1, le=2000)
    """Passages that each of dense and lexical search propose before fusion."""
    dense_weight: float = Field(default=0.75, ge=0, le=1)
    """Weight of dense against lexical scores in fusion."""
    caution: Caution = "balanced"
    """How sure the assistant must be before it calls a question answered."""
    question_chars: int = Field(default=4000, ge=1)
    """Longest question that is read, in characters."""
    history_turns: int = Field(default=20, ge=0)
    """Turns of a conversation that are looked at; older ones are left out whole."""
    llm: str = "none"
    """Language model that words the answers: `none`, `openai:MODEL`, `anthropic:MODEL`, `openai-like:URL#MODEL` or `gguf:FILE`."""
    llm_key: SecretStr = SecretStr("")
    """Key of the language model's service; without it OPENAI_API_KEY or ANTHROPIC_API_KEY for that service alone."""
    llm_timeout: float = Field(default=120.0, gt=0, le=3600)
    """Seconds a language model may take over one question, retries included."""
    llm_context: int = Field(default=4096, ge=1024, le=1_000_000)
    """Tokens that the language model takes in at once, question, sources and answer together."""
    threads: int = Field(default=0, ge=0)
    """Threads for the models; 0 leaves it to them."""
    host: str = "127.0.0.1"
    """Address of the chat page; any but a loopback address needs a user and a password."""
    port: int = Field(default=7860, ge=0, le=65535)
    """Port of the chat page; 0 takes a free one."""
    user: str = ""
    """Name that the chat page asks for, with the password; empty asks for neither."""
    password: SecretStr = SecretStr("")
    """Password of the chat page, at least 12 characters."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None

    @field_validator("llm")
    @classmethod
    def _known_form(cls, llm: str) -> str:
        kind, _, rest = llm.partition(":")
        if llm == "none" or (kind in ("openai", "anthropic", "gguf") and rest.strip()):
            return llm
        if kind == "openai-like":
            address = urlsplit(rest)
            if "@" in address.netloc or address.query:
                raise ValueError("a key does not belong in the address: give it as ASSISTANT_LLM_KEY")
            if address.scheme in ("http", "https") and address.netloc and address.fragment:
                return llm
        raise ValueError(LLM_FORMS)

    @field_validator("chroma_url")
    @classmethod
    def _server_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/")):
            raise ValueError("expected an address such as http://localhost:8000")
        if parts.username or parts.password:
            raise ValueError("an address is shown in messages: put no password into it")
        return url.rstrip("/")

    @field_validator("password")
    @classmethod
    def _long_enough(cls, password: SecretStr) -> SecretStr:
        if 0 < len(password.get_secret_value()) < 12:
            raise ValueError("a password has at least 12 characters")
        return password

    @model_validator(mode="after")
    def _closed_by_default(self) -> "Settings":
        if bool(self.user) != bool(self.password.get_secret_value()):
            raise ValueError("ASSISTANT_USER and ASSISTANT_PASSWORD go together: set both, or neither")
        if self.host not in LOOPBACK and not self.user:
            raise ValueError(
                f"ASSISTANT_HOST is {self.host!r}, where other machines reach the chat page: set ASSISTANT_USER and "
                "ASSISTANT_PASSWORD too, or use 127.0.0.1"
            )
        return self


LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Addresses that only this machine reaches."""


LLM_FORMS = (
    "expected none, openai:MODEL, anthropic:MODEL, openai-like:http://127.0.0.1:11434/v1#MODEL "
    "(Ollama, vLLM, LM Studio, llama.cpp) or gguf:/path/to/model.gguf"
)


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if not name:  # what holds of several settings together names them itself
            lines.append(f"{message}. See .env.example.")
            continue
        found = _SECRET.sub("…", repr(problem["input"])) if name == "llm" else repr(problem["input"])
        told = "cannot be used" if name in ("llm_key", "password") else f"is {found}"
        lines.append(f"ASSISTANT_{name.upper()} {told}: {message}. See .env.example.")
    return "\n".join(lines)


_SECRET = re.compile(r"(?<=//)[^/@]*@|\?[^#'\"]*|\b[\w-]*(?:sk|key|token)-[\w-]+")
"""Where people put keys in an address, so that a message about it does not repeat them."""
