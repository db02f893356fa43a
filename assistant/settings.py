"""Settings: one place for everything that can be configured.

Read from arguments, the environment (`ASSISTANT_…`) and a `.env` file, in this order.
`.env.example` documents each with its default; a test holds the two together.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from assistant.errors import SettingsError

Caution = Literal["cautious", "balanced", "eager"]
"""How sure the assistant must be before it calls a question answered."""


class Settings(BaseSettings):
    """Everything that can be configured; raises SettingsError for a value that cannot be used."""

    model_config = SettingsConfigDict(
        env_prefix="ASSISTANT_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    corpus: Path = Path("seeds")
    """Folder (or file) of articles that is indexed where no index exists yet."""
    index: Path = Path(".assistant/index")
    """Folder of the index."""
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
    threads: int = Field(default=0, ge=0)
    """Threads for the models; 0 leaves it to them."""
    host: str = "127.0.0.1"
    """Address of the chat page; only loopback addresses are accepted."""
    port: int = Field(default=7860, ge=0, le=65535)
    """Port of the chat page; 0 takes a free one."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None

    @field_validator("host")
    @classmethod
    def _loopback_only(cls, host: str) -> str:
        if host not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("the chat page has no password, so it serves this machine only: use 127.0.0.1")
        return host


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        lines.append(f"ASSISTANT_{name.upper()} is {problem['input']!r}: {problem['msg']}. See .env.example.")
    return "\n".join(lines)
