"""Ask a folder of articles: answers made of their own words, each cited to the character."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assistant.citation import Citation
    from assistant.documents import Document
    from assistant.errors import AssistantError
    from assistant.filters import Filters
    from assistant.passages import Passage
    from assistant.pipeline import Assistant, Event, answer
    from assistant.reply import Reply
    from assistant.retrieval import Hit
    from assistant.settings import Settings
    from assistant.verification import Claim, Verdict, check_claim

__all__ = [
    "Assistant",
    "AssistantError",
    "Citation",
    "Claim",
    "Document",
    "Event",
    "Filters",
    "Hit",
    "Passage",
    "Reply",
    "Settings",
    "Verdict",
    "answer",
    "check_claim",
]

_HOMES = {
    "Assistant": "pipeline",
    "AssistantError": "errors",
    "Citation": "citation",
    "Claim": "verification",
    "Document": "documents",
    "Event": "pipeline",
    "Filters": "filters",
    "Hit": "retrieval",
    "Passage": "passages",
    "Reply": "reply",
    "Settings": "settings",
    "Verdict": "verification",
    "answer": "pipeline",
    "check_claim": "verification",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import assistant` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'assistant' has no attribute {name!r}")
    value = getattr(import_module(f"assistant.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
