"""Dates: the day that a line or a field names.

A date that can be read in two ways ("03/04/2024") is none: a wrong day is worse than no day.
"""

import re
from datetime import date, datetime
from email.utils import parsedate_to_datetime

from assistant.sentences import Span


def find_date(words: str) -> tuple[date, Span] | None:
    """The first date in a line that has day, month and year, and where it stands; None where there is none."""
    for pattern in _DATES:
        for match in pattern.finditer(words):
            month = MONTHS.get(match["month"].casefold().rstrip("."), 0) or int(
                match["month"] if match["month"].isdigit() else 0
            )
            try:
                return date(int(match["year"]), month, int(match["day"])), Span(match.start(), match.end())
            except ValueError:
                continue
    return None


def read_date(value: str) -> date | None:
    """The day that a field of data names: ISO 8601, RFC 2822, a date in words, or figures read one way only."""
    value = value.strip()
    if not value or len(value) > MAX_DATE_CHARS:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return read(value).date()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    figures = _FIGURES.match(value)
    if figures:
        return _from_figures(*(int(part) for part in figures.groups()))
    found = find_date(value)
    return found[0] if found else None


def _from_figures(first: int, second: int, third: int) -> date | None:
    """Year first, or day and month in whichever order only one is possible."""
    orders = [(first, second, third)] if first > 31 else [(third, second, first), (third, first, second)]
    days = set()
    for year, month, day in orders:
        if 1900 <= year <= 2100:
            try:
                days.add(date(year, month, day))
            except ValueError:
                continue
    return days.pop() if len(days) == 1 else None


MAX_DATE_CHARS = 100
"""Longest value that is read as a date."""

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan janvier janv",
            "february feb février fevrier févr fév",
            "march mar mars",
            "april apr avril avr",
            "may mai",
            "june jun juin",
            "july jul juillet juil",
            "august aug août aout",
            "september sept sep septembre",
            "october oct octobre",
            "november nov novembre",
            "december dec décembre decembre déc",
        ),
        1,
    )
    for name in names.split()
}
"""Number of a month by its English or French name."""
_MONTH = "|".join(sorted((re.escape(name) for name in MONTHS), key=len, reverse=True))
_DATES = (
    re.compile(r"(?<![\d-])(?P<year>(?:19|20)\d\d)-(?P<month>\d\d)-(?P<day>\d\d)(?!\d)"),
    re.compile(
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|er)?\s+(?:of\s+)?(?P<month>{_MONTH})\b\.?,?\s+(?P<year>(?:19|20)\d\d)\b",
        re.I,
    ),
    re.compile(rf"\b(?P<month>{_MONTH})\b\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>(?:19|20)\d\d)\b", re.I),
)
_FIGURES = re.compile(r"(\d{1,4})[/.](\d{1,2})[/.](\d{1,4})(?![\d/.])")
