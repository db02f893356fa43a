"""Filters: which documents a question may be answered from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any

from assistant.documents import Document
from assistant.errors import FilterError


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Limits on the documents searched; all that are given must hold."""

    since: date | None = None
    """First publication date; undated documents do not pass."""
    until: date | None = None
    """Last publication date; undated documents do not pass."""
    author: str | None = None
    """Part of the author's name, upper and lower case alike."""
    source: str | None = None
    """Part of the source, upper and lower case alike."""
    documents: frozenset[str] | None = None
    """Ids of the documents that may be used."""

    @property
    def dated(self) -> bool:
        """Whether only documents with a date pass."""
        return self.since is not None or self.until is not None

    def within(self, since: date | None, until: date | None) -> "Filters":
        """These and the limits of a period too."""
        first = [day for day in (self.since, since) if day]
        last = [day for day in (self.until, until) if day]
        return replace(self, since=max(first, default=None), until=min(last, default=None))

    def accept(self, document: Document) -> bool:
        """Whether the document passes."""
        if self.documents is not None and not self.documents.intersection((document.id, *document.aliases)):
            return False
        if self.dated and document.published is None:
            return False
        if self.since and document.published and document.published < self.since:
            return False
        if self.until and document.published and document.published > self.until:
            return False
        return _within(self.author, document.author) and _within(self.source, document.source)


def _within(part: str | None, whole: str | None) -> bool:
    return part is None or (whole is not None and part.casefold() in whole.casefold())


def read_filters(given: "Filters | Mapping[str, Any] | None") -> Filters:
    """Filters from what a caller gave; raises FilterError for unknown keys and values of the wrong form."""
    if given is None:
        return Filters()
    if isinstance(given, Filters):
        return given
    if not isinstance(given, Mapping):
        raise FilterError(f"filters are {type(given).__name__}; expected a dict such as {{'since': '2024-01-01'}}")
    known = [*(field.name for field in fields(Filters)), "on"]
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        raise FilterError(f"no filter is called {', '.join(unknown)}; there are {', '.join(known)}")
    values: dict[str, Any] = {}
    for key, value in given.items():
        if value is None:
            continue
        if key in ("since", "until", "on"):
            values[key] = _date(key, value)
        elif key == "documents":
            values[key] = _ids(value)
        elif isinstance(value, str):
            values[key] = value
        else:
            raise FilterError(f"filter {key!r} is {value!r}; expected text")
    day = values.pop("on", None)
    if day and ("since" in values or "until" in values):
        raise FilterError(f"'on' {day} is given with 'since' or 'until'; give one day, or a first and a last one")
    filters = Filters(**values, **({"since": day, "until": day} if day else {}))
    if filters.since and filters.until and filters.since > filters.until:
        raise FilterError(f"'since' {filters.since} lies after 'until' {filters.until}; swap them")
    return filters


def _date(key: str, value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise FilterError(f"filter {key!r} is {value!r}; expected a date such as '2024-12-31'") from None


def _ids(value: Any) -> frozenset[str]:
    ids = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
    if not all(isinstance(item, str) for item in ids):
        raise FilterError(f"filter 'documents' is {value!r}; expected a list of document ids")
    return frozenset(ids)
